//! What outlives a configuration: the one place with statics. Root contexts of successive configurations live in one VM,
//! each worker in its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::memo::{CredentialMemo, Seed};
use registry_auth_core::throttle::CredentialMac;
use registry_auth_core::time::Timestamp;

use crate::exchange::Exchange;
use crate::host::{self, HostError};
use crate::metrics::{Name, Size};
use crate::root::Root;

thread_local! {
    /// The configurations in this VM, and the streams of all of them, by the host's ids.
    static ROOTS: RefCell<ById<Root>> = const { RefCell::new(ById::with_hasher(BuildHasherDefault::new())) };
    static EXCHANGES: RefCell<ById<Exchange>> = const { RefCell::new(ById::with_hasher(BuildHasherDefault::new())) };

    /// Ids of metrics by name: one that is defined at each configuration leaks.
    static METRICS: RefCell<Vec<(Name, u32)>> = const { RefCell::new(Vec::new()) };

    /// Credentials that were right: to hash all of them anew because a user was added would hold up everybody.
    static CREDENTIALS: RefCell<Option<CredentialMemo>> = const { RefCell::new(None) };

    /// How many of them are told.
    static SIZE: Size = const { Size::of_credentials() };
}

/// Whoever is called holds what it is called on itself, so that the table is free meanwhile.
type ById<T> = HashMap<u32, Rc<T>, BuildHasherDefault<Spread>>;

/// Spreads ids, which the host gives in turn: nobody can choose such as collide.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32((*byte).into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        // By the golden ratio: a table looks at the highest bits and at the lowest.
        let product = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= product ^ (product >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The root `id`.
pub(crate) fn root(id: u32) -> Option<Rc<Root>> {
    ROOTS.with_borrow(|roots| roots.get(&id).cloned())
}

/// The exchange on the stream `id`.
pub(crate) fn exchange(id: u32) -> Option<Rc<Exchange>> {
    EXCHANGES.with_borrow(|exchanges| exchanges.get(&id).cloned())
}

/// Begins the root `id`.
pub(crate) fn add_root(id: u32, root: Rc<Root>) {
    let replaced = ROOTS.with_borrow_mut(|roots| roots.insert(id, root));
    drop(replaced);
}

/// Begins the exchange on the stream `id`.
pub(crate) fn add_exchange(id: u32, exchange: Rc<Exchange>) {
    let replaced = EXCHANGES.with_borrow_mut(|exchanges| exchanges.insert(id, exchange));
    drop(replaced);
}

/// Ends the stream or root `id`. What that takes down with it finds the tables free.
pub(crate) fn remove(id: u32) {
    let exchange = EXCHANGES.with_borrow_mut(|exchanges| exchanges.remove(&id));
    if exchange.is_none() {
        let root = ROOTS.with_borrow_mut(|roots| roots.remove(&id));
        drop(root);
    }
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
