//! The names of all stats, and their ids.
//!
//! Names end in the values of their tags, which the shipped `stats_tags` cut out:
//! `registry_auth.token_requests.result.issued` is `token_requests{result="issued"}`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::host;

thread_local! {
    /// Ids by name. They belong to the VM, in which root contexts of successive configurations live: a metric that is
    /// defined at each configuration leaks.
    static COUNTERS: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

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

/// Adds one. All names are made of words of ours, so that their number is bounded.
fn count(name: &str) {
    COUNTERS.with_borrow_mut(|counters| {
        let id = match counters.get(name) {
            Some(id) => Some(*id),
            None => host::define_counter(name).ok().inspect(|id| {
                counters.insert(name.to_owned(), *id);
            }),
        };
        if let Some(id) = id {
            host::increment(id);
        }
    });
}
