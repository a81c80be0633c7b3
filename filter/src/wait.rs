//! Times that are waited for, by a clock that may be set back.

use std::time::Duration;

/// A span of time that has begun. Of a clock that was set back before its beginning nobody knows how much of it is over:
/// then all of it is, since to wait for an hour is worse than to do something too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    since: Duration,
    lasts: Duration,
}

impl Wait {
    /// It begins at `since`, counted from the epoch.
    #[must_use]
    pub fn new(since: Duration, lasts: Duration) -> Self {
        Self { since, lasts }
    }

    /// Whether it is over at `now`.
    #[must_use]
    pub fn is_over(&self, now: Duration) -> bool {
        now.checked_sub(self.since).is_none_or(|waited| waited >= self.lasts)
    }

    /// How long it has gone on.
    #[must_use]
    pub fn waited(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_over_after_its_time_and_when_the_clock_was_set_back() {
        let seconds = Duration::from_secs;
        let wait = Wait::new(seconds(100), seconds(3));
        assert!(!wait.is_over(seconds(100)) && !wait.is_over(seconds(102)));
        assert!(wait.is_over(seconds(103)));
        assert!(wait.is_over(seconds(99)));
    }
}
