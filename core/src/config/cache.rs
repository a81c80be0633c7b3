//! `cache`: what is remembered, as written.

use std::time::Duration;

use super::Section;
use crate::problem::Problems;

/// The longest time a verified password may count, a day: a changed hash counts at once, a revoked back-end does not.
const LONGEST: Duration = Duration::from_hours(24);

/// The longest time a decision may count, an hour: who was let go of in a directory must not be let in for longer.
const LONGEST_DECISION: Duration = Duration::from_hours(1);

/// The `cache` section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// How long a password that was found to fit need not be hashed again; zero for never.
    pub credentials_ttl: Duration,
    /// How long what the program beside the proxy decided counts for the very same question; zero for never.
    pub decisions_ttl: Duration,
    /// Whether an issued token may be handed out again.
    pub tokens: bool,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            credentials_ttl: Duration::from_mins(1),
            decisions_ttl: Duration::from_secs(30),
            tokens: true,
        }
    }
}

impl Cache {
    pub(super) fn read(mut section: Section, problems: &mut Problems) -> Self {
        let default = Self::default();
        let cache = Self {
            credentials_ttl: section
                .duration("credentials_ttl", Duration::ZERO..=LONGEST, problems)
                .unwrap_or(default.credentials_ttl),
            decisions_ttl: section
                .duration("decisions_ttl", Duration::ZERO..=LONGEST_DECISION, problems)
                .unwrap_or(default.decisions_ttl),
            tokens: section.flag("tokens", problems).unwrap_or(default.tokens),
        };
        section.finish(problems);
        cache
    }
}
