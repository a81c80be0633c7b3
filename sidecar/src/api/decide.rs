//! `POST /v1/decide`: who is this, and what may they do?

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use registry_auth_core::decide::Undecided;
use registry_auth_core::wire::{DecideAnswer, DecideQuestion};

use super::{answered, deadline, failed, question};
use crate::clock;
use crate::state::{Failed, State};

pub(super) async fn answer(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let question: DecideQuestion = match question(&body) {
        Ok(question) => question,
        Err(status) => return status.into_response(),
    };
    let deadline = deadline(question.deadline_ms);
    let Some(generation) = state.generation() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let takes_denials = question.takes_denials;
    let (request, known) = match question.into_request() {
        Ok(request) => request,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    // The filter has the brake: it counts for all workers of an Envoy, and knows the client.
    let mut attempts = state.throttle.attempts(None, generation.policy.cache, clock::now());
    let decided = state
        .decide(&generation, &request, known, &mut attempts, deadline)
        .await;
    match decided {
        Ok(decision) => answered(&DecideAnswer::of(&decision)),
        Err(Failed::Undecided(Undecided::Denied(denial))) => answered(&DecideAnswer::denied(denial, takes_denials)),
        Err(Failed::Undecided(Undecided::Unproven(_))) => answered(&DecideAnswer::Denied),
        Err(error) => failed(&error),
    }
}
