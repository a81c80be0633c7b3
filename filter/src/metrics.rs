//! The names of all stats.
//!
//! Names end in the values of their tags, which the shipped `stats_tags` cut out:
//! `registry_auth.token_requests.result.issued` is `token_requests{result="issued"}`.

use std::cell::Cell;

use crate::host::{self, Metric};
use crate::vm;

/// The parts of a name, which are put together only when the metric is defined: every request counts some.
pub(crate) type Name = [&'static str; 4];

/// Requests for a token by what became of them: `issued`, or the word of the refusal.
pub(crate) fn token_request(result: &'static str) {
    count(["registry_auth.token_requests.result.", result, "", ""]);
}

/// Authentications by the way that was tried, and whether it let the account in.
pub(crate) fn authentication(method: &'static str, result: &'static str) {
    count(["registry_auth.authentications.method.", method, ".result.", result]);
}

/// Signatures by who made them: `host` or `module`.
pub(crate) fn signature(by: &'static str) {
    count(["registry_auth.signatures.by.", by, "", ""]);
}

/// What was found in memory: a `credential`, a `wrong_password`, a `token`, or a `decision`.
pub(crate) fn remembered(what: &'static str) {
    count(["registry_auth.remembered.what.", what, "", ""]);
}

/// A password hash was computed.
pub(crate) fn hashed() {
    count(["registry_auth.hashes", "", "", ""]);
}

/// A brake was set on an account at an address.
pub(crate) fn braked() {
    count(["registry_auth.brakes", "", "", ""]);
}

/// A token request was decided, and took so many microseconds.
pub(crate) fn took(microseconds: u64) {
    if let Some(id) = id(Metric::Histogram, ["registry_auth.token_request_us", "", "", ""]) {
        host::record_metric(id, microseconds);
    }
}

/// The configuration in force: when it was taken, in milliseconds since the epoch, and the first four bytes of the
/// SHA-256 of what it was read from, as a number. In managed mode when the program loaded it, and of its entity tag.
pub(crate) fn configuration(generation: u64, hash: u32) {
    for (name, value) in [
        ("registry_auth.configuration.generation", generation),
        ("registry_auth.configuration.hash", hash.into()),
    ] {
        if let Some(id) = id(Metric::Gauge, [name, "", "", ""]) {
            host::record_metric(id, value);
        }
    }
}

/// When the configuration in force was last heard of, in seconds since the epoch.
pub(crate) fn confirmed(seconds: u64) {
    if let Some(id) = id(Metric::Gauge, ["registry_auth.configuration.confirmed", "", "", ""]) {
        host::record_metric(id, seconds);
    }
}

/// A configuration that came: `taken`, `older` or `refused`.
pub(crate) fn configuration_came(result: &'static str) {
    count(["registry_auth.configurations.result.", result, "", ""]);
}

/// A call to the program beside the proxy, and what came of it.
pub(crate) fn called(call: &'static str, result: &'static str) {
    count(["registry_auth.callouts.of.", call, ".result.", result]);
}

/// How much is remembered by one worker and counted in a gauge for all of them. Workers overwrite each other, so that
/// each adds what its part has changed by.
#[derive(Debug)]
pub(crate) struct Size {
    name: &'static str,
    told: Cell<usize>,
}

impl Size {
    /// The `credentials` that are remembered.
    pub(crate) const fn of_credentials() -> Self {
        Self::new("registry_auth.memo.of.credentials")
    }

    /// The `tokens` that are remembered.
    pub(crate) const fn of_tokens() -> Self {
        Self::new("registry_auth.memo.of.tokens")
    }

    /// The `decisions` that are remembered.
    pub(crate) const fn of_decisions() -> Self {
        Self::new("registry_auth.memo.of.decisions")
    }

    /// The calls that are not answered yet.
    pub(crate) const fn of_calls() -> Self {
        Self::new("registry_auth.callouts.in_flight")
    }

    /// The requests that wait for a configuration, or to ask again.
    pub(crate) const fn of_waiting() -> Self {
        Self::new("registry_auth.waiting")
    }

    const fn new(name: &'static str) -> Self {
        Self {
            name,
            told: Cell::new(0),
        }
    }

    /// There are so many now.
    pub(crate) fn tell(&self, now: usize) {
        let told = self.told.replace(now);
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let difference = signed(now).saturating_sub(signed(told));
        if difference != 0
            && let Some(id) = id(Metric::Gauge, [self.name, "", "", ""])
        {
            host::add_to_metric(id, difference);
        }
    }
}

impl Drop for Size {
    fn drop(&mut self) {
        self.tell(0);
    }
}

/// Adds one. All names are made of words of ours, so that their number is bounded.
fn count(name: Name) {
    if let Some(id) = id(Metric::Counter, name) {
        host::add_to_metric(id, 1);
    }
}

fn id(kind: Metric, name: Name) -> Option<u32> {
    vm::metric(name, || host::define_metric(kind, &name.concat()))
}
