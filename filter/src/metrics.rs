//! The names of all stats.
//!
//! Names end in the values of their tags, which the shipped `stats_tags` cut out:
//! `registry_auth.token_requests.result.issued` is `token_requests{result="issued"}`.

use std::time::Duration;

use crate::{host, vm};

/// Requests for a token by what became of them: `issued`, or the word of the refusal.
pub(crate) fn token_request(result: &str) {
    count(&format!("registry_auth.token_requests.result.{result}"));
}

/// Authentications by the way that was tried, and whether it let the account in.
pub(crate) fn authentication(method: &str, result: &str) {
    count(&format!(
        "registry_auth.authentications.method.{method}.result.{result}"
    ));
}

/// Signatures by who made them: `host` or `module`.
pub(crate) fn signature(by: &str) {
    count(&format!("registry_auth.signatures.by.{by}"));
}

/// What was found in memory: a `credential`, a `wrong_password`, or a `token`.
pub(crate) fn remembered(what: &str) {
    count(&format!("registry_auth.remembered.what.{what}"));
}

/// A password hash, which took so long.
pub(crate) fn hashed(_spent: Duration) {
    count("registry_auth.hashes");
}

/// Adds one. All names are made of words of ours, so that their number is bounded.
fn count(name: &str) {
    if let Some(id) = vm::metric(name, host::define_counter) {
        host::increment(id);
    }
}
