//! The token in an answer, and what it says. Whether its signature is good is asked of [`crate::verify`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::http::Response;

/// The token in an answer.
#[track_caller]
pub fn token(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{answer:?} {}", answer.text());
    let token = answer.json()["token"].as_str().map(str::to_owned);
    token.unwrap_or_else(|| panic!("no token: {}", answer.text()))
}

/// A part of a token: the header is 0, the claims are 1.
#[track_caller]
pub fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_default();
    let json = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("no token ({error}): {token}"))
}
