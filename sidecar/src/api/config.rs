//! `GET /v1/config`: the filter's part of the configuration, held back until it is another one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use registry_auth_core::config::duration;
use serde::Deserialize;

use crate::generation::Generation;
use crate::health::Phase;
use crate::state::State;

/// The longest that an answer is held back.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How long the caller would wait for another configuration, as `25s`.
#[derive(Deserialize)]
pub(super) struct Wait {
    wait: Option<String>,
}

pub(super) async fn answer(
    Shared(state): Shared<Arc<State>>,
    Query(Wait { wait }): Query<Wait>,
    headers: HeaderMap,
) -> Response {
    let wait = match wait.as_deref().map(duration::parse).transpose() {
        Ok(wait) => wait.unwrap_or_default().min(LONGEST_WAIT),
        Err(error) => return (StatusCode::BAD_REQUEST, format!("`wait` {error}\n")).into_response(),
    };
    let known = headers.get(IF_NONE_MATCH).and_then(|etag| etag.to_str().ok());
    let known = known.map(|etag| etag.trim_matches('"')).unwrap_or_default();
    let _waiting = state.metrics.hanging_get();
    match tokio::time::timeout(wait, another(&state, known)).await {
        Ok(Some(generation)) => sent(&generation),
        Ok(None) => StatusCode::NOT_MODIFIED.into_response(),
        Err(_) => match state.generation() {
            Some(generation) if generation.etag != known => sent(&generation),
            Some(_) => StatusCode::NOT_MODIFIED.into_response(),
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    }
}

/// A configuration that is not the `known` one; none if the program ends before there is one.
async fn another(state: &State, known: &str) -> Option<Arc<Generation>> {
    let (mut generations, mut condition) = (state.generations(), state.readiness.watch());
    let differs = |generation: &Option<Arc<Generation>>| generation.as_ref().is_some_and(|new| new.etag != known);
    tokio::select! {
        biased;
        found = generations.wait_for(differs) => found.ok().and_then(|found| found.clone()),
        _ = condition.wait_for(|condition| condition.phase == Phase::Stopping) => None,
    }
}

fn sent(generation: &Generation) -> Response {
    let mut response = Response::new(Body::from(generation.wire.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", generation.etag)) {
        headers.insert(ETAG, etag);
    }
    response
}
