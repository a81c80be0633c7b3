//! Which configuration follows on which: numbers grow, and an older one is taken only when it stays.
//!
//! A generation's number is milliseconds since the epoch at its load, so that of two programs the one that lags behind has
//! the lower one: to follow both would be to change for ever. A deliberate step back, or a clock that was set back,
//! arrives all the same, a minute later.

use std::time::Duration;

use crate::wait::Wait;

/// How long an older configuration is refused, from when it is first seen.
pub const OLDER_IS_REFUSED: Duration = Duration::from_mins(1);

/// What came before.
#[derive(Debug, Default)]
pub struct Succession {
    in_force: Option<Mark>,
    /// What has a lower number, since when it is known.
    older: Option<(String, Wait)>,
    /// What cannot be taken.
    unusable: Option<String>,
}

/// What a configuration is known by.
#[derive(Debug)]
struct Mark {
    generation: u64,
    etag: String,
}

/// What becomes of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, and to be taken.
    New,
    /// It is the one in force, whatever its number, which counts from now on.
    Same,
    /// It is older. `first` if that is news.
    Older {
        /// Whether it was not seen before.
        first: bool,
    },
    /// It is older, and has been for long enough.
    OlderAfterAll,
    /// It could not be taken before.
    Unusable,
}

impl Succession {
    /// What becomes of the configuration `etag` that came at `now`.
    pub fn judge(&mut self, generation: u64, etag: &str, now: Duration) -> Verdict {
        if self.unusable.as_deref() == Some(etag) {
            return Verdict::Unusable;
        }
        let Some(in_force) = &mut self.in_force else {
            return Verdict::New;
        };
        if in_force.etag == etag {
            in_force.generation = generation;
            (self.older, self.unusable) = (None, None);
            return Verdict::Same;
        }
        if generation >= in_force.generation {
            return Verdict::New;
        }
        match &self.older {
            Some((known, wait)) if known == etag => {
                if wait.is_over(now) {
                    Verdict::OlderAfterAll
                } else {
                    Verdict::Older { first: false }
                }
            }
            _ => {
                self.older = Some((etag.to_owned(), Wait::new(now, OLDER_IS_REFUSED)));
                Verdict::Older { first: true }
            }
        }
    }

    /// The configuration `etag` is in force.
    pub fn took(&mut self, generation: u64, etag: &str) {
        self.in_force = Some(Mark {
            generation,
            etag: etag.to_owned(),
        });
        (self.older, self.unusable) = (None, None);
    }

    /// The configuration `etag` cannot be taken. The one in force stays.
    pub fn cannot_take(&mut self, etag: &str) {
        self.unusable = Some(etag.to_owned());
    }

    /// What is known already, so that only something else needs to be sent.
    #[must_use]
    pub fn known(&self) -> Option<&str> {
        let in_force = self.in_force.as_ref().map(|mark| mark.etag.as_str());
        self.unusable.as_deref().or(in_force)
    }

    /// Nothing else is there than what is known. Whether that is the one in force.
    pub fn unchanged(&mut self) -> bool {
        let is_in_force = self.unusable.is_none() && self.in_force.is_some();
        if is_in_force {
            self.older = None;
        }
        is_in_force
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_hours(500_000).saturating_add(Duration::from_secs(seconds))
    }

    fn in_force(generation: u64, etag: &str) -> Succession {
        let mut succession = Succession::default();
        assert_eq!(succession.judge(generation, etag, at(0)), Verdict::New);
        succession.took(generation, etag);
        succession
    }

    #[test]
    fn the_same_content_under_another_number_is_no_change_and_the_number_counts() {
        let mut succession = in_force(100, "a");
        assert_eq!(succession.judge(200, "a", at(1)), Verdict::Same);
        assert_eq!(succession.judge(150, "b", at(2)), Verdict::Older { first: true });
        assert_eq!(succession.judge(50, "a", at(3)), Verdict::Same);
        assert_eq!(succession.judge(60, "b", at(4)), Verdict::New);
    }

    #[test]
    fn an_older_one_is_taken_a_minute_after_it_was_first_seen() {
        let mut succession = in_force(100, "a");
        assert_eq!(succession.judge(50, "b", at(10)), Verdict::Older { first: true });
        assert_eq!(succession.judge(50, "b", at(69)), Verdict::Older { first: false });
        assert_eq!(succession.judge(50, "b", at(70)), Verdict::OlderAfterAll);
        succession.took(50, "b");
        assert_eq!(succession.judge(100, "a", at(71)), Verdict::New);
    }

    #[test]
    fn one_that_lags_behind_never_takes_over_while_the_other_is_heard_of() {
        let mut succession = in_force(100, "a");
        for second in 0..300 {
            let verdict = succession.judge(50, "b", at(second));
            assert_eq!(verdict, Verdict::Older { first: true });
            assert!(succession.unchanged());
        }
    }

    #[test]
    fn what_cannot_be_taken_is_asked_for_no_more_until_something_else_comes() {
        let mut succession = in_force(100, "a");
        succession.cannot_take("b");
        assert_eq!(succession.known(), Some("b"));
        assert!(!succession.unchanged(), "that says nothing of the one in force");
        assert_eq!(succession.judge(200, "b", at(1)), Verdict::Unusable);
        assert_eq!(succession.judge(300, "c", at(2)), Verdict::New);
        succession.took(300, "c");
        assert_eq!(succession.known(), Some("c"));
    }

    #[test]
    fn the_good_one_comes_back_after_one_that_cannot_be_taken() {
        let mut succession = in_force(100, "a");
        succession.cannot_take("b");
        assert_eq!(succession.judge(300, "a", at(1)), Verdict::Same);
        assert_eq!(succession.known(), Some("a"));
    }
}
