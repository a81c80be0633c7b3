//! What outlives a configuration: the one place with statics. Root contexts of successive configurations live in one VM,
//! each worker in its own.

use std::cell::RefCell;
use std::time::Duration;

use registry_auth_core::memo::{CredentialMemo, Seed};
use registry_auth_core::throttle::CredentialMac;
use registry_auth_core::time::Timestamp;

use crate::host::{self, HostError};
use crate::metrics::{Name, Size};

thread_local! {
    /// Ids of metrics by name: one that is defined at each configuration leaks.
    static METRICS: RefCell<Vec<(Name, u32)>> = const { RefCell::new(Vec::new()) };

    /// Credentials that were right: to hash all of them anew because a user was added would hold up everybody.
    static CREDENTIALS: RefCell<Option<CredentialMemo>> = const { RefCell::new(None) };

    /// How many of them are told.
    static SIZE: Size = const { Size::of_credentials() };
}

/// The id of the metric `name`, which `define` makes when it is asked for the first time.
pub(crate) fn metric(name: Name, define: impl FnOnce() -> Result<u32, HostError>) -> Option<u32> {
    // By where the texts are, for all are constants, and each request counts some: two dozen names at most.
    let same = |known: &Name| known.iter().zip(&name).all(|(known, part)| std::ptr::eq(*known, *part));
    METRICS.with_borrow_mut(|metrics| match metrics.iter().find(|(known, _)| same(known)) {
        Some((_, id)) => Some(*id),
        None => define().ok().inspect(|id| metrics.push((name, *id))),
    })
}

/// Tells how many credentials are remembered.
pub(crate) fn tell_size() {
    let size = CREDENTIALS.with_borrow(|memo| memo.as_ref().map_or(0, CredentialMemo::len));
    SIZE.with(|told| told.tell(size));
}

/// Whether `attempt` was right, at most `ttl` ago.
pub(crate) fn is_remembered(attempt: &CredentialMac, now: Timestamp, ttl: Duration) -> bool {
    CREDENTIALS.with_borrow_mut(|memo| memo.as_mut().is_some_and(|memo| memo.holds(attempt, now, ttl)))
}

/// Takes note that `attempt` was right.
pub(crate) fn remember(attempt: CredentialMac, now: Timestamp) {
    CREDENTIALS.with_borrow_mut(|memo| {
        if memo.is_none() {
            // Without a seed nothing is remembered.
            *memo = host::random().ok().map(|seed| CredentialMemo::new(Seed::new(seed)));
        }
        if let Some(memo) = memo {
            memo.note(attempt, now);
        }
    });
}
