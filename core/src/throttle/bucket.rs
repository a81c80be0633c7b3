//! Some of the pairs that failed, as bytes that workers share.

use std::time::Duration;

use super::Settings;
use super::mac::{CredentialMac, PairTag};
use crate::time::Timestamp;

/// The most pairs of one bucket; beyond them the one whose last failure is oldest is forgotten.
pub const RECORDS: usize = 16;

/// A few pairs and their failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    records: Vec<Record>,
}

/// One pair.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    pair: PairTag,
    /// How often it was braked so far, and when last.
    brakes: u8,
    braked_at: Timestamp,
    /// Distinct wrong passwords, the oldest first; never empty.
    failures: Vec<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failure {
    password: [u8; 16],
    at: Timestamp,
}

/// What is known of a pair and of a password that it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing stands against another try.
    Free,
    /// This very password was wrong a while ago.
    KnownWrong,
    /// No try for so many seconds, at least one.
    Braked(u64),
}

/// What a failure came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The same password was counted before.
    Not,
    /// It is one more.
    Once,
    /// It is one too many.
    AndBraked,
}

impl Bucket {
    /// Reads what [`Self::write`] wrote; of anything else what can be read, or nothing.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut rest = bytes;
        let records = std::iter::from_fn(|| Record::read(&mut rest)).take(RECORDS);
        Self {
            records: records.collect(),
        }
    }

    /// The bytes: `pair`, `brakes`, a count, `braked_at`, and the failures.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in &self.records {
            record.write(&mut bytes);
        }
        bytes
    }

    /// What is known of `pair`, and of the password of `attempt`, at `now`.
    #[must_use]
    pub fn standing(&self, pair: PairTag, attempt: CredentialMac, now: Timestamp, settings: &Settings) -> Standing {
        let Some(record) = self.records.iter().find(|record| record.pair == pair) else {
            return Standing::Free;
        };
        if let Some(seconds) = record.braked_for(now, settings) {
            return Standing::Braked(seconds);
        }
        let mut counting = record.failures.iter().filter(|failure| failure.counts(now, settings));
        if counting.any(|failure| failure.password == attempt.short()) {
            Standing::KnownWrong
        } else {
            Standing::Free
        }
    }

    /// Whether anything is known of `pair`.
    #[must_use]
    pub fn knows(&self, pair: PairTag) -> bool {
        self.records.iter().any(|record| record.pair == pair)
    }

    /// Takes note that the password of `attempt` was wrong. Without a change there is nothing to write.
    pub fn fail(&mut self, pair: PairTag, attempt: CredentialMac, now: Timestamp, settings: &Settings) -> Counted {
        let failure = Failure {
            password: attempt.short(),
            at: now,
        };
        let known = self.records.iter().position(|record| record.pair == pair);
        let mut record = known.map(|at| self.records.remove(at)).unwrap_or(Record {
            pair,
            brakes: 0,
            braked_at: Timestamp::from_seconds(0),
            failures: Vec::new(),
        });
        let counted = record.fail(failure, settings);
        if self.records.len() >= RECORDS {
            // The longest untouched: a pair moves to the end whenever it fails.
            self.records.remove(0);
        }
        self.records.push(record);
        counted
    }

    /// Forgets `pair`, which had the right password. Whether there was anything to forget.
    pub fn forgive(&mut self, pair: PairTag) -> bool {
        let before = self.records.len();
        self.records.retain(|record| record.pair != pair);
        self.records.len() != before
    }
}

impl Record {
    /// For how many seconds no try is admitted. A clock that was set back to before the brake releases it: nobody is
    /// braked for as long as the clock was wrong.
    fn braked_for(&self, now: Timestamp, settings: &Settings) -> Option<u64> {
        if self.brakes == 0 || now < self.braked_at {
            return None;
        }
        let until = self.braked_at.plus(self.brake(settings));
        Some(until.seconds().saturating_sub(now.seconds())).filter(|left| *left > 0)
    }

    /// How long the brake is that was set last.
    fn brake(&self, settings: &Settings) -> Duration {
        let doubled = u32::from(self.brakes).saturating_sub(1).min(16);
        settings.brake.saturating_mul(1 << doubled).min(settings.brake_max)
    }

    fn fail(&mut self, failure: Failure, settings: &Settings) -> Counted {
        let now = failure.at;
        if self.is_over(now, settings) {
            self.brakes = 0;
        }
        self.failures.retain(|known| known.counts(now, settings));
        if self.failures.iter().any(|known| known.password == failure.password) {
            return Counted::Not;
        }
        self.failures.push(failure);
        let surplus = self.failures.len().saturating_sub(settings.failures);
        self.failures.drain(..surplus);
        // What was tried before the brake was set, on another worker, does not double it.
        let is_free = self.braked_for(now, settings).is_none();
        if is_free && (self.brakes > 0 || self.failures.len() >= settings.failures) {
            self.brakes = self.brakes.saturating_add(1);
            self.braked_at = now;
            return Counted::AndBraked;
        }
        Counted::Once
    }

    /// Whether the last brake is so long ago that it does not count any more.
    fn is_over(&self, now: Timestamp, settings: &Settings) -> bool {
        self.braked_at.plus(self.brake(settings)).plus(settings.window) < now
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        let pair = PairTag::from_bytes(take(rest)?);
        let [brakes, count] = take(rest)?;
        let braked_at = take_time(rest)?;
        let mut failures = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            failures.push(Failure {
                password: take(rest)?,
                at: take_time(rest)?,
            });
        }
        Some(Self {
            pair,
            brakes,
            braked_at,
            failures,
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.pair.as_bytes());
        bytes.extend([self.brakes, u8::try_from(self.failures.len()).unwrap_or(u8::MAX)]);
        bytes.extend(self.braked_at.seconds().to_le_bytes());
        for failure in &self.failures {
            bytes.extend(failure.password);
            bytes.extend(failure.at.seconds().to_le_bytes());
        }
    }
}

impl Failure {
    /// Whether it is within the window. One from the future is: the clock was set back.
    fn counts(&self, now: Timestamp, settings: &Settings) -> bool {
        now.seconds().saturating_sub(self.at.seconds()) < settings.window.as_secs()
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

fn take_time(rest: &mut &[u8]) -> Option<Timestamp> {
    take(rest).map(|bytes| Timestamp::from_seconds(u64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests;
