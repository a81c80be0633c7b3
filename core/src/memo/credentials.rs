//! Passwords that were found to fit.

use std::time::Duration;

use super::{Seed, Table};
use crate::throttle::CredentialMac;
use crate::time::Timestamp;

/// How many are remembered: 1 MB on each worker.
const CAPACITY: usize = 16_384;

/// Attempts that were right, each for a while. Not a word of what they may do: that is decided anew each time, and labels
/// are those of the configuration in force.
///
/// The MAC holds the hash, so that all of this may be handed on to a new configuration: where the hash is another one,
/// nothing is found.
#[derive(Debug)]
pub struct CredentialMemo(Table<CredentialMac, Timestamp>);

impl CredentialMemo {
    /// An empty one.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self(Table::new(CAPACITY, seed))
    }

    /// Whether `attempt` was right, at most `ttl` before `now`.
    pub fn holds(&mut self, attempt: &CredentialMac, now: Timestamp, ttl: Duration) -> bool {
        // One from the future was noted before the clock was set back, nobody knows how long ago.
        self.0.get(attempt).is_some_and(|at| *at <= now && now < at.plus(ttl))
    }

    /// Takes note that `attempt` was right at `now`.
    pub fn note(&mut self, attempt: CredentialMac, now: Timestamp) {
        self.0.insert(attempt, now);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
