//! Who failed too often is not asked again for a while.
//!
//! Failures are counted for an account and the address they come from: whoever guesses brakes nobody but themselves, and
//! a right password from elsewhere always passes. Unknown names are counted like known ones. A wrong password counts
//! once, however often a forgotten script sends it.
//!
//! The counts live where all workers of a proxy see them, in [`bucket`]s of bytes; time comes in as an argument, and may
//! be set back.

pub mod bucket;
pub mod hash_budget;
pub mod mac;

use std::time::Duration;

pub use bucket::Bucket;
pub use hash_budget::{HashBudget, HashShare};
pub use mac::{CredentialMac, MacKey, PairTag, QuestionMac};

/// How guessing is braked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How many distinct wrong passwords within the window set the brake.
    pub failures: usize,
    /// How long a failure counts.
    pub window: Duration,
    /// How long the first brake lasts; each failure after it doubles it.
    pub brake: Duration,
    /// How long a brake lasts at most.
    pub brake_max: Duration,
    /// How many pairs of account and address are remembered.
    pub entries: usize,
    /// How much of a worker's time hashes may take.
    pub hash_share: HashShare,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_mins(10),
            brake: Duration::from_secs(30),
            brake_max: Duration::from_mins(15),
            entries: 65_536,
            hash_share: HashShare::HALF,
        }
    }
}

impl Settings {
    /// How many buckets hold the entries.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.entries.div_ceil(bucket::RECORDS).max(1)
    }
}
