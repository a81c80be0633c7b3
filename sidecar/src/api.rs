//! The filter's three calls. Who may call is settled by the listener, and by the secret where there is one.

mod config;
mod decide;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use registry_auth_core::wire::{self, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::listen::SharedSecret;
use crate::state::{Failed, State};

/// The longest that an answer is worked for, whatever the question says.
const LONGEST: Duration = Duration::from_secs(30);

/// The filter's calls, which must bring `secret` if there is one.
pub fn router(state: Arc<State>, secret: Option<SharedSecret>) -> Router {
    Router::new()
        .route(wire::CONFIG_PATH, get(config::answer))
        .route(wire::DECIDE_PATH, post(decide::answer))
        .route(wire::VERIFY_PATH, post(verify::answer))
        .layer(DefaultBodyLimit::max(wire::MAX_MESSAGE_BYTES))
        .layer(from_fn_with_state(Arc::new(secret), admit))
        .layer(from_fn_with_state(Arc::clone(&state), count))
        .with_state(state)
}

/// Counts the call, and how long it took.
async fn count(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let kind = match request.uri().path() {
        wire::CONFIG_PATH => "config",
        wire::DECIDE_PATH => "decide",
        wire::VERIFY_PATH => "verify",
        _ => "unknown",
    };
    let begun = Instant::now();
    let response = next.run(request).await;
    let result = match response.status() {
        StatusCode::OK => "answered",
        StatusCode::NOT_MODIFIED => "unchanged",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "refused",
    };
    state.metrics.call(kind, result, begun.elapsed());
    response
}

/// Lets nobody pass without the secret.
async fn admit(Shared(secret): Shared<Arc<Option<SharedSecret>>>, request: Request, next: Next) -> Response {
    if secret
        .as_ref()
        .as_ref()
        .is_none_or(|secret| secret.admits(request.headers()))
    {
        return next.run(request).await;
    }
    tracing::warn!("a call without the secret of `filter.secret_file` was refused");
    StatusCode::UNAUTHORIZED.into_response()
}

/// The question in `body`, or the status to answer instead.
fn question<T: DeserializeOwned>(body: &Bytes) -> Result<T, StatusCode> {
    serde_json::from_slice(body).map_err(|error| {
        // Its text could quote a part of the question, which holds passwords.
        tracing::warn!(
            line = error.line(),
            column = error.column(),
            "a question that cannot be read"
        );
        StatusCode::BAD_REQUEST
    })
}

/// When nobody waits any longer.
fn deadline(milliseconds: u64) -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(milliseconds).min(LONGEST))
        .unwrap_or(now)
}

fn answered(answer: &impl Serialize) -> Response {
    Json(answer).into_response()
}

/// Nobody could be asked: which back-end it was is told, what it said is for the log.
fn failed(failed: &Failed) -> Response {
    let backend = match failed {
        Failed::Backend(error) => error.backend,
        Failed::Pool(_) | Failed::Undecided(_) => registry_auth_core::decide::USERS,
    };
    tracing::warn!(backend, reason = %failed, "a question could not be answered");
    let failure = Failure {
        backend: backend.to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(failure)).into_response()
}
