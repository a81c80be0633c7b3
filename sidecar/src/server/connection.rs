//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use super::activity::{Activity, Order, Verdict};
use super::body::{Arriving, Leaving};
use super::socket::Socket;
use super::{Limits, Peer, PeerNames, Setup};
use crate::listen::tls::dns_names;

/// So long a connection that was told to end may take to say so to its client.
const GRACE: Duration = Duration::from_secs(1);
/// The longest head; Envoy takes about as much by default.
const MOST_HEAD_BYTES: usize = 64 * 1024;
/// As much of a stream's body as is taken before anybody reads it: all of it, at the token endpoint.
const STREAM_WINDOW: u32 = 128 * 1024;
/// As much of all streams together.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Why a connection ended; a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By its client, or after its last answer.
    Done,
    /// Something that is not HTTP, or a client that vanished.
    Broken,
    /// No TLS, or a client that is not one of those pinned.
    Handshake,
    /// No byte, or no whole request in time.
    Slow,
    /// A request or its answer took too long.
    Stuck,
    /// Not used for long.
    Idle,
    /// To make room, or at the end of a stop.
    Told,
}

impl Ended {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Broken => "broken",
            Self::Handshake => "handshake",
            Self::Slow => "slow",
            Self::Stuck => "stuck",
            Self::Idle => "idle",
            Self::Told => "told",
        }
    }
}

/// How HTTP is spoken within `limits`.
pub(super) fn protocol(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        // `Activity` has this limit, and those that hyper lacks.
        .header_read_timeout(None)
        .max_buf_size(MOST_HEAD_BYTES);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(MOST_HEAD_BYTES).unwrap_or(u32::MAX));
    protocol
}

/// Serves `socket` until it ends.
pub(super) async fn serve(socket: Socket, peer: Peer, activity: Arc<Activity>, setup: Arc<Setup>) -> Ended {
    let Some(tls) = &setup.tls else {
        return converse(socket, peer, None, activity, &setup).await;
    };
    let deadline = Instant::now().checked_add(setup.limits.first_byte);
    let handshake = TlsAcceptor::from(Arc::clone(&tls.config)).accept(socket);
    let handshake = timeout_at(deadline.unwrap_or_else(Instant::now), handshake);
    let stream = tokio::select! {
        biased;
        // Told to finish, it has not begun yet: what it was made for is still answered.
        _ = activity.ordered(Some(Order::Finish)) => return Ended::Told,
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(listener = setup.name, %error, "no TLS");
                return Ended::Handshake;
            }
            Err(_) => return Ended::Slow,
        },
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let names = certificate.map(|certificate| PeerNames(dns_names(certificate).into()));
    converse(stream, peer, names, activity, &setup).await
}

/// Speaks HTTP over `stream`.
async fn converse<S>(stream: S, peer: Peer, names: Option<PeerNames>, activity: Arc<Activity>, setup: &Setup) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = setup.limits;
    let service = {
        let (activity, router) = (Arc::clone(&activity), setup.router.clone());
        service_fn(move |request| answer(request, router.clone(), peer, names.clone(), &activity, &limits))
    };
    let watched = TokioIo::new(Watched {
        stream,
        activity: Arc::clone(&activity),
    });
    let mut connection = pin!(setup.protocol.serve_connection(watched, service));
    // A limit is looked at this often: a deadline that comes closer needs no timer of its own.
    let tick = limits.tick();
    let mut watch = pin!(sleep(tick));
    let mut order = None;
    // Why it was told to end.
    let mut ending: Option<Ended> = None;
    // A connection that was made a moment ago has its first request under way.
    let mut finish = pin!(sleep(GRACE));
    let mut is_to_finish = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                return match (ending, ended) {
                    (Some(why), _) => why,
                    (None, Ok(())) => Ended::Done,
                    (None, Err(error)) => {
                        tracing::debug!(listener = setup.name, %error, "connection broken");
                        Ended::Broken
                    }
                };
            }
            now = activity.ordered(order) => match now {
                Order::Finish => {
                    order = Some(now);
                    is_to_finish = true;
                    let now = Instant::now();
                    let grace = if activity.is_new() { GRACE } else { Duration::ZERO };
                    finish.as_mut().reset(now.checked_add(grace).unwrap_or(now));
                }
                Order::End => return Ended::Told,
            },
            () = finish.as_mut(), if is_to_finish => {
                is_to_finish = false;
                connection.as_mut().graceful_shutdown();
            }
            () = watch.as_mut() => {
                let now = Instant::now();
                let next = now.checked_add(tick).unwrap_or(now);
                let why = match activity.judge(&limits, now) {
                    Verdict::Until(deadline) => {
                        ending = None;
                        watch.as_mut().reset(deadline.min(next));
                        continue;
                    }
                    Verdict::Slow => Ended::Slow,
                    Verdict::Stuck => Ended::Stuck,
                    Verdict::Idle => Ended::Idle,
                };
                match ending {
                    // With HTTP/2 the client is told first, so that it sends nothing that would be lost.
                    None => {
                        ending = Some(why);
                        connection.as_mut().graceful_shutdown();
                        watch.as_mut().reset(now.checked_add(GRACE).unwrap_or(now));
                    }
                    Some(why) => return why,
                }
            }
        }
    }
}

/// Hands one request to the routes.
fn answer(
    mut request: Request<Incoming>,
    mut router: Router,
    peer: Peer,
    names: Option<PeerNames>,
    activity: &Arc<Activity>,
    limits: &Limits,
) -> impl Future<Output = Result<Response<Leaving>, Infallible>> + Send + use<> {
    let now = Instant::now();
    let is_multiplexed = request.version() == Version::HTTP_2;
    let has_arrived = request.body().is_end_stream();
    let in_flight = activity.begin(is_multiplexed, has_arrived, now);
    request.extensions_mut().insert(peer);
    if let Some(names) = names {
        request.extensions_mut().insert(names);
    }
    let deadline = now.checked_add(limits.body).unwrap_or(now);
    let most = limits.body_bytes;
    let request = request.map(|body| {
        if has_arrived {
            Body::empty()
        } else {
            Body::new(Arriving::new(body, most, deadline, in_flight.clone()))
        }
    });
    let answered = router.call(request);
    async move {
        let response = answered.await?;
        Ok(response.map(|body| Leaving::new(body, in_flight)))
    }
}

/// A stream that tells when bytes come.
struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.activity.bytes_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
