//! The body of a request: bounded in size and in time, whoever reads it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Request;

/// Why there is no body.
#[derive(Debug, Error)]
pub enum BodyFault {
    /// It is longer than the endpoint takes.
    #[error("the body is too large")]
    TooLarge,
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The connection failed, or what came is no body.
    #[error("the body cannot be read")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads a body of at most `most` bytes that this server received.
///
/// # Errors
/// See [`BodyFault`]. One that announces more than `most` is not read at all.
pub async fn read_body(mut body: Body, most: usize) -> Result<Bytes, BodyFault> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > most) {
        return Err(BodyFault::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(fault)?.into_data() else {
            continue;
        };
        let so_far = all.as_ref().map_or(first.len(), BytesMut::len);
        if so_far.saturating_add(data.len()) > most {
            return Err(BodyFault::TooLarge);
        }
        // Most bodies are one piece, which is handed on as it is.
        if so_far == 0 {
            first = data;
        } else {
            all.get_or_insert_with(|| BytesMut::from(first.as_ref()))
                .extend_from_slice(&data);
        }
    }
    Ok(all.map_or(first, BytesMut::freeze))
}

fn fault(error: axum::Error) -> BodyFault {
    match error.into_inner().downcast::<BodyFault>() {
        Ok(fault) => *fault,
        Err(other) => BodyFault::Broken(other),
    }
}

/// A body on its way in: it ends with an error at its deadline and at its bound.
pub(super) struct Arriving {
    body: Incoming,
    left: usize,
    deadline: Instant,
    /// Set when somebody has to wait: most bodies are there with their head.
    sleep: Option<Pin<Box<Sleep>>>,
    request: Request,
}

impl Arriving {
    pub(super) fn new(body: Incoming, most: usize, deadline: Instant, request: Request) -> Self {
        Self {
            body,
            left: most,
            deadline,
            sleep: None,
            request,
        }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let deadline = this.deadline;
                let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                ready!(sleep.as_mut().poll(cx));
                return Poll::Ready(Some(Err(BodyFault::TooSlow)));
            }
        };
        Poll::Ready(match frame {
            None => {
                this.request.has_arrived();
                None
            }
            Some(Err(error)) => Some(Err(BodyFault::Broken(error.into()))),
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                match this.left.checked_sub(length) {
                    Some(left) => {
                        this.left = left;
                        if this.body.is_end_stream() {
                            this.request.has_arrived();
                        }
                        Some(Ok(frame))
                    }
                    None => Some(Err(BodyFault::TooLarge)),
                }
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Who drops it wants no more of it, and works with what came.
impl Drop for Arriving {
    fn drop(&mut self) {
        self.request.has_arrived();
    }
}

/// A body on its way out: the request is over when it falls.
pub(super) struct Leaving {
    body: Body,
    _request: Request,
}

impl Leaving {
    pub(super) fn new(body: Body, request: Request) -> Self {
        Self {
            body,
            _request: request,
        }
    }
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
