//! The token endpoint on a listener of its own: the same paths, requests and answers as in the filter.

#[cfg(feature = "bench")]
mod bench;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request};
use registry_auth_core::audit::Record;
use registry_auth_core::client_address::AddressError;
use registry_auth_core::config::Audit;
use registry_auth_core::reply::{Refusal, Reply};
use registry_auth_core::request::route::Route;
use registry_auth_core::request::{Head, MAX_BODY_BYTES, Method, TokenRequest};
use registry_auth_core::secret::Secret;
use tokio::time::Instant;

use crate::client_address::client_address;
use crate::generation::Generation;
use crate::listen::TrustedProxies;
use crate::server::{BodyFault, Peer, read_body};
use crate::state::{Failed, State};
use crate::throttle::Noted;
use crate::{audit, clock};

/// How long a decision may take, whatever has to be asked.
const LONGEST: Duration = Duration::from_secs(10);

/// How long a request waits for the first configuration.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// What the endpoint is made of.
#[derive(Debug)]
struct Endpoint {
    state: Arc<State>,
    trusted: TrustedProxies,
}

/// The token endpoint, which believes the headers of `trusted` proxies.
pub fn router(state: Arc<State>, trusted: TrustedProxies) -> Router {
    let endpoint = Arc::new(Endpoint { state, trusted });
    let router = Router::new().fallback(answer);
    #[cfg(feature = "bench")]
    let router = router.route("/bench/fixed", axum::routing::get(bench::fixed));
    router.with_state(endpoint)
}

async fn answer(Shared(endpoint): Shared<Arc<Endpoint>>, request: Request) -> Response {
    let state = &endpoint.state;
    let Some(generation) = state.first_generation(LONGEST_WAIT).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let begun = Instant::now();
    let (word, reply) = match endpoint.reply(&generation, request).await {
        Ok(reply) => ("issued", reply),
        Err(refusal) => (refusal.word(), generation.policy.replies.refusal(&refusal)),
    };
    state.metrics.token_request(word, begun.elapsed());
    response(reply)
}

impl Endpoint {
    async fn reply(&self, generation: &Generation, request: Request) -> Result<Reply, Refusal> {
        let (parts, body) = request.into_parts();
        let authority = parts.headers.get(HOST).map_or(b"".as_slice(), HeaderValue::as_bytes);
        match generation.endpoint.route(authority, parts.uri.path().as_bytes()) {
            Route::Home => return Ok(generation.policy.replies.home()),
            Route::Registry => return Err(Refusal::NoRegistry),
            Route::Unknown | Route::Pass => return Err(Refusal::UnknownPath),
            Route::Token => {}
        }
        let method = Method::parse(parts.method.as_str().as_bytes()).ok_or(Refusal::Method)?;
        let head = self.head(generation, &parts, method);
        head.check()?;
        let body = match method {
            Method::Get => Secret::new(Vec::new()),
            Method::Post => read(body).await?,
        };
        let request_id = parts
            .headers
            .get("x-request-id")
            .map(HeaderValue::as_bytes)
            .unwrap_or_default();
        let request = head.with_body(body.expose())?;
        self.serve(generation, &request, &String::from_utf8_lossy(request_id))
            .await
    }

    fn head(&self, generation: &Generation, parts: &request::Parts, method: Method) -> Head {
        let peer = parts.extensions.get::<Peer>();
        let address = peer.ok_or(AddressError::NoAddress);
        Head {
            method,
            query: parts.uri.query().unwrap_or_default().as_bytes().to_vec(),
            authorization: joined(&parts.headers, &AUTHORIZATION).map(Secret::new),
            content_type: joined(&parts.headers, &CONTENT_TYPE),
            address: address.and_then(|peer| self.address(generation, *peer, &parts.headers)),
        }
    }

    fn address(&self, generation: &Generation, peer: Peer, headers: &HeaderMap) -> Result<IpAddr, AddressError> {
        client_address(peer, headers, generation.policy.real_ip.as_ref(), &self.trusted)
    }

    async fn serve(&self, generation: &Generation, request: &TokenRequest, request_id: &str) -> Result<Reply, Refusal> {
        let (state, policy) = (&self.state, &generation.policy);
        let begun = Instant::now();
        let now = clock::now();
        let mut attempts = state.throttle.attempts(policy.throttle, policy.cache, now);
        let decided = state
            .decide(
                generation,
                request,
                None,
                &mut attempts,
                begun.checked_add(LONGEST).unwrap_or(begun),
            )
            .await;
        self.note(attempts.noted);
        let decision = match decided {
            Ok(decision) => decision,
            Err(failed) => {
                let reason = match &failed {
                    Failed::Undecided(undecided) => undecided.reason().map(str::to_owned),
                    Failed::Backend(_) | Failed::Pool(_) => None,
                };
                let refusal = refusal(failed);
                let refused = Record::refused(request, refusal.word()).because(reason.as_deref());
                record(generation, refused, request_id, begun);
                return Err(refusal);
            }
        };
        let (token, is_new) = generation.token(&decision, now)?;
        if !is_new {
            state.metrics.remembered("token");
        }
        record(
            generation,
            Record::issued(request, &decision, &token),
            request_id,
            begun,
        );
        Ok(policy.replies.token(&token, &decision, request.method, now))
    }
}

impl Endpoint {
    fn note(&self, noted: Noted) {
        if let Some(what) = noted.remembered {
            self.state.metrics.remembered(what);
        }
        if noted.braked {
            self.state.metrics.brake();
        }
    }
}

/// What could not be asked is told to the log here, and to the client as no more than 503.
fn refusal(failed: Failed) -> Refusal {
    match failed {
        Failed::Undecided(undecided) => undecided.into(),
        Failed::Backend(error) => {
            tracing::error!(
                backend = error.backend,
                reason = error.what,
                "a back-end could not be asked"
            );
            Refusal::Unavailable
        }
        Failed::Pool(error) => {
            tracing::warn!(reason = %error, "a password hash was not computed");
            Refusal::Unavailable
        }
    }
}

/// Writes the record of a decision.
fn record(generation: &Generation, record: Record<'_>, request_id: &str, begun: Instant) {
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    if generation.policy.audit != Audit::Off {
        let record = record.by(generation.number, &generation.etag);
        audit::write(generation.policy.audit, record.line(request_id, took));
    }
}

async fn read(body: Body) -> Result<Secret<Vec<u8>>, Refusal> {
    match read_body(body, MAX_BODY_BYTES).await {
        Ok(body) => Ok(Secret::new(body.into())),
        Err(BodyFault::TooLarge) => Err(Refusal::BodyTooLarge),
        // Of a broken one nobody reads the answer.
        Err(BodyFault::TooSlow | BodyFault::Broken(_)) => Err(Refusal::TooSlow),
    }
}

/// All lines of a header, joined by commas as RFC 9110 section 5.2 reads them. An empty line beside others says nothing,
/// and Envoy leaves it out as well.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return None;
    }
    lines.retain(|line| !line.is_empty());
    Some(lines.join(b",".as_slice()))
}

/// A [`Reply`] as a response; a header that is none is left out, and there is no such.
pub(crate) fn response(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        let value = match value {
            Cow::Borrowed(value) => HeaderValue::from_maybe_shared(Bytes::from_static(value.as_bytes())),
            Cow::Owned(value) => HeaderValue::from_maybe_shared(Bytes::from(value)),
        };
        if let Ok(value) = value {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
