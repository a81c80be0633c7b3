//! `/bench/fixed?bytes=N`: a fixed answer of so many bytes, beside which `make bench` measures. In no release build.

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;

/// No token's answer is longer.
const MOST: usize = 64 * 1024;
static BYTES: [u8; MOST] = [b'x'; MOST];

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Fixed {
    bytes: usize,
}

/// Answers so many bytes, and does nothing else.
pub(super) async fn fixed(Query(fixed): Query<Fixed>) -> Response {
    match BYTES.get(..fixed.bytes) {
        Some(bytes) => ([(CONTENT_TYPE, "application/json")], Bytes::from_static(bytes)).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}
