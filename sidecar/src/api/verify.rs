//! `POST /v1/verify`: does this password fit this hash, which a proxy has no time to compute?

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use registry_auth_core::wire::{VerifyAnswer, VerifyQuestion};

use super::{answered, deadline, failed, question};
use crate::state::State;

pub(super) async fn answer(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let question: VerifyQuestion = match question(&body) {
        Ok(question) => question,
        Err(status) => return status.into_response(),
    };
    let (deadline, address) = (deadline(question.deadline_ms), question.address);
    let (work, password) = match question.into_work() {
        Ok(work) => work,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    match state.fits(work, password, address, deadline).await {
        Ok(fits) => answered(&VerifyAnswer { fits }),
        Err(error) => failed(&error),
    }
}
