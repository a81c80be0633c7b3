//! How much of a worker's time hashes may take, whoever asks.

use std::net::IpAddr;
use std::time::Duration;

use crate::client_address::AddressGroup;
use crate::memo::{Seed, Table};

/// A share of time, above 0 and at most 1; in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashShare(u32);

/// The time that one worker may spend on hashes: it grows with the clock, and each hash takes of it.
///
/// A hash begins as long as anything is left, so that the dearest one can be computed at all; what it takes too much is
/// missing afterwards.
#[derive(Debug)]
pub struct HashBudget {
    share: HashShare,
    whole: Balance,
    addresses: Table<AddressGroup, Balance>,
}

/// Nanoseconds of hashing that are left; below zero after a dear one.
#[derive(Clone, Copy, Debug)]
struct Balance {
    left: i64,
    at: Duration,
}

/// So much of unused time is saved up: what a burst of sign-ins after a restart may take at once.
const SAVED_UP: Duration = Duration::from_secs(2);

/// What one hash takes at most, with room: where more went by, the clock was set forward or the machine stood still, and
/// nobody is to wait for that.
const DEAREST: Duration = Duration::from_secs(4);

/// How many addresses are told apart. Of one that is forgotten the balance is full again; the worker's own holds.
const ADDRESSES: usize = 4096;

impl HashShare {
    /// Half of the time.
    pub const HALF: Self = Self(500);
    /// All of it.
    pub const WHOLE: Self = Self(1000);

    /// The share, if it is one.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        let thousandths = (share * 1000.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 1 and 1000"
        )]
        (1.0..=1000.0)
            .contains(&thousandths)
            .then_some(Self(thousandths as u32))
    }

    /// The share as a number above 0 and at most 1.
    #[must_use]
    pub fn as_number(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    fn halved(self) -> Self {
        Self((self.0 / 2).max(1))
    }

    /// The share's part of `time`, in nanoseconds.
    fn of(self, time: Duration) -> i64 {
        let nanoseconds = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        nanoseconds
            .checked_div(1000)
            .unwrap_or_default()
            .saturating_mul(i64::from(self.0))
    }
}

impl HashBudget {
    /// A whole budget.
    #[must_use]
    pub fn new(share: HashShare, seed: Seed) -> Self {
        Self {
            share,
            whole: Balance::full(share, Duration::ZERO),
            addresses: Table::new(ADDRESSES, seed),
        }
    }

    /// Whether a hash may be computed for `address` at `now`, which counts from any fixed time; if not, after how many
    /// seconds it may.
    ///
    /// # Errors
    /// Those seconds, at least one.
    pub fn admit(&mut self, address: IpAddr, now: Duration) -> Result<(), u64> {
        self.whole.grow(self.share, now);
        self.whole.admit(self.share)?;
        let share = self.share.halved();
        match self.addresses.get(&AddressGroup::of(address)) {
            Some(balance) => {
                balance.grow(share, now);
                balance.admit(share)
            }
            None => Ok(()),
        }
    }

    /// Takes note that a hash for `address`, begun at `now`, took `spent`, of which four seconds count at most.
    pub fn charge(&mut self, address: IpAddr, now: Duration, spent: Duration) {
        let spent = spent.min(DEAREST);
        self.whole.grow(self.share, now);
        self.whole.charge(spent);
        let group = AddressGroup::of(address);
        if let Some(balance) = self.addresses.get(&group) {
            balance.charge(spent);
            return;
        }
        let mut balance = Balance::full(self.share.halved(), now);
        balance.charge(spent);
        self.addresses.insert(group, balance);
    }
}

impl Balance {
    fn full(share: HashShare, at: Duration) -> Self {
        Self {
            left: share.of(SAVED_UP),
            at,
        }
    }

    /// A clock that was set back gives nothing, and counts from there.
    fn grow(&mut self, share: HashShare, now: Duration) {
        let grown = share.of(now.saturating_sub(self.at));
        self.left = self.left.saturating_add(grown).min(share.of(SAVED_UP));
        self.at = now;
    }

    fn admit(&self, share: HashShare) -> Result<(), u64> {
        if self.left > 0 {
            return Ok(());
        }
        let a_second = share.of(Duration::from_secs(1));
        let missing = self.left.unsigned_abs().checked_div(a_second.unsigned_abs());
        Err(missing.unwrap_or_default().saturating_add(1))
    }

    fn charge(&mut self, spent: Duration) {
        let spent = i64::try_from(spent.as_nanos()).unwrap_or(i64::MAX);
        self.left = self.left.saturating_sub(spent);
    }
}

#[cfg(test)]
mod tests;
