//! When a back-end is left alone: once it has failed often enough in a row, until it has answered again.
//!
//! While its circuit is closed it is asked everything. Open, it is asked one question now and then, the probe, and nobody
//! else waits for it. Any answer closes the circuit, whatever it says.
//!
//! What fails because of who is asked about must not shut everybody else out: a [`Failure::Silent`] about one and the same
//! account opens no circuit, however often it comes.

use std::time::Duration;

use registry_auth_core::account::Account;
use tokio::time::Instant;

/// So many failures in a row open it.
const FAILURES: u32 = 5;

/// After so long the first probe is let through, after twice as long each next one.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// The longest between two probes: a back-end that is there again is felt to be after this, and the time it takes to answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The circuit of one back-end. Time is an argument.
#[derive(Debug)]
pub struct Circuit {
    state: State,
    /// When it answered last.
    answered: Option<Instant>,
    /// How many probes there have been, which is the number of the last one.
    probes: u64,
}

#[derive(Debug)]
enum State {
    /// All questions pass.
    Closed {
        /// Those in a row that failed.
        failures: u32,
        about: About,
    },
    /// One question passes from `next` on.
    Open {
        next: Instant,
        /// How long it took until then.
        pause: Duration,
    },
}

/// Whom the failures in a row were about.
#[derive(Debug, Default)]
enum About {
    #[default]
    Nobody,
    One(Account),
    /// Several accounts, or the back-end itself.
    Everybody,
}

/// How a question failed.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'a> {
    /// Whatever is asked would.
    Unreached,
    /// There was no answer, which may be due to what was asked about this account.
    Silent(&'a Account),
}

/// A question that may be asked.
#[derive(Debug)]
pub struct Pass {
    begun: Instant,
    probe: Option<u64>,
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            state: State::closed(),
            answered: None,
            probes: 0,
        }
    }
}

impl Circuit {
    /// Lets a question through.
    ///
    /// # Errors
    /// How long nobody is asked yet.
    pub fn admit(&mut self, now: Instant) -> Result<Pass, Duration> {
        let probe = match &mut self.state {
            State::Closed { .. } => None,
            State::Open { next, .. } if now < *next => return Err(next.saturating_duration_since(now)),
            State::Open { next, pause } => {
                // Not "when this one is settled": one that hangs would keep everybody out for as long.
                *pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                *next = now.checked_add(*pause).unwrap_or(now);
                self.probes = self.probes.wrapping_add(1);
                Some(self.probes)
            }
        };
        Ok(Pass { begun: now, probe })
    }

    /// A question was answered. Whether that closed the circuit.
    pub fn answered(&mut self, now: Instant) -> bool {
        let was_open = self.is_open();
        self.answered = Some(now);
        self.state = State::closed();
        was_open
    }

    /// The question of `pass` failed. Whether that opened the circuit.
    pub fn failed(&mut self, pass: &Pass, failure: Failure<'_>, now: Instant) -> bool {
        // One that was asked before the last answer says nothing of what came after it: those that hung while the back-end
        // was restarted are given up together, long after it has come back.
        if self.answered.is_some_and(|answered| pass.begun < answered) {
            return false;
        }
        let State::Closed { failures, about } = &mut self.state else {
            return false;
        };
        *failures = failures.saturating_add(1);
        about.add(failure);
        let opens = *failures >= FAILURES && matches!(about, About::Everybody);
        if opens {
            self.state = State::Open {
                next: now.checked_add(SHORTEST_PAUSE).unwrap_or(now),
                pause: SHORTEST_PAUSE,
            };
        }
        opens
    }

    /// Nobody waits for the question of `pass` any more, or it was not asked after all: if it was the probe, another one may
    /// be at once.
    pub fn left(&mut self, pass: &Pass, now: Instant) {
        if let State::Open { next, .. } = &mut self.state
            && pass.probe == Some(self.probes)
        {
            *next = now.min(*next);
        }
    }

    /// If it is open, the time for a probe has come.
    #[cfg(test)]
    pub fn be_due(&mut self, now: Instant) {
        if let State::Open { next, .. } = &mut self.state {
            *next = now;
        }
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }
}

impl State {
    const fn closed() -> Self {
        Self::Closed {
            failures: 0,
            about: About::Nobody,
        }
    }
}

impl About {
    fn add(&mut self, failure: Failure<'_>) {
        *self = match (std::mem::take(self), failure) {
            (Self::Nobody, Failure::Silent(account)) => Self::One(account.clone()),
            (Self::One(one), Failure::Silent(account)) if one == *account => Self::One(one),
            _ => Self::Everybody,
        };
    }
}

#[cfg(test)]
mod tests;
