//! The back-ends, one file each: its options, how it is asked, and what its answers mean.
//!
//! What several have in common stands here: how long and how many at once, and what a label's value may act as.

#[cfg(feature = "bench")]
pub mod bench;
pub mod casbin;
mod gate;
pub mod hook;
pub mod htpasswd;
mod json;
pub mod ldap;
pub mod mongo;
pub mod program;
pub mod sql;
mod stored;
mod tls;

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use registry_auth_core::account::LabelsArePatterns;
use registry_auth_core::config::{Section, choice};
use registry_auth_core::problem::Problems;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::backend::Fault;
use gate::{Gate, TurnedAway};

/// How long one question may take if `timeout` does not say. Clients wait longer than that, but not gladly.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest and the longest `timeout`.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);

/// How many questions at once if `parallel` does not say.
const PARALLEL: usize = 16;

/// The most questions at once that `parallel` can allow.
const MOST_PARALLEL: usize = 1_024;

/// The longest answer, in bytes: a token would carry its labels' worth many times over.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// `timeout` and `parallel`.
#[derive(Debug)]
struct Limits {
    timeout: Duration,
    gate: Gate,
}

impl Limits {
    fn read(section: &mut Section, problems: &mut Problems) -> Self {
        let timeout = timeout(section, problems);
        let parallel = section.count("parallel", 1..=MOST_PARALLEL, problems);
        Self {
            timeout,
            gate: Gate::new(parallel.unwrap_or(PARALLEL)),
        }
    }

    /// Asks, as soon as there is room for it and for as long as it may take.
    async fn in_turn<T>(&self, asking: impl Future<Output = T>, deadline: Instant) -> Result<T, Untimely> {
        let turn = self.gate.turn(deadline).await;
        let _turn = turn.map_err(Untimely::NoRoom)?;
        let until = self.until(deadline);
        timeout_at(until, asking).await.map_err(|_| {
            if until < deadline {
                Untimely::Silent(self.timeout)
            } else {
                Untimely::Unwaited
            }
        })
    }

    /// When a question that begins now is given up.
    fn until(&self, deadline: Instant) -> Instant {
        within(self.timeout, deadline)
    }
}

/// Why there is no answer, whatever it would have been.
#[derive(Clone, Copy, Debug, Error)]
enum Untimely {
    #[error("was not asked: {0}")]
    NoRoom(TurnedAway),
    #[error("did not answer within {} ms; see `timeout`", .0.as_millis())]
    Silent(Duration),
    #[error("did not answer while somebody waited for it")]
    Unwaited,
}

impl Untimely {
    /// Whose fault it is.
    fn fault(self) -> Fault {
        match self {
            Self::NoRoom(_) => Fault::NotAsked,
            Self::Silent(_) => Fault::Silent,
            Self::Unwaited => Fault::Unwaited,
        }
    }
}

/// `timeout`: how long one question may take.
fn timeout(section: &mut Section, problems: &mut Problems) -> Duration {
    section.duration("timeout", TIMEOUTS, problems).unwrap_or(TIMEOUT)
}

/// When a question that begins now, and may take so long, is given up.
fn within(timeout: Duration, deadline: Instant) -> Instant {
    let limit = Instant::now().checked_add(timeout);
    limit.map_or(deadline, |limit| limit.min(deadline))
}

/// `labels_are_patterns`: whether labels are data is `unless_said` by who writes them. What a program or a hook says of an
/// account is; what an operator writes into a database is not.
fn labels_are_patterns(
    section: &mut Section,
    unless_said: LabelsArePatterns,
    problems: &mut Problems,
) -> LabelsArePatterns {
    const WORDS: [(&str, LabelsArePatterns); 3] = [
        ("none", LabelsArePatterns::None),
        ("glob", LabelsArePatterns::Glob),
        ("regex", LabelsArePatterns::Regex),
    ];
    choice(section, "labels_are_patterns", problems, &WORDS).unwrap_or(unless_said)
}

/// The text of a key that must be there and hold something.
fn required_text(section: &mut Section, key: &'static str, mend: &str, problems: &mut Problems) -> Option<String> {
    let place = section.place_of(key);
    let text = section.text(key, problems).filter(|text| !text.is_empty());
    if text.is_none() && !problems.is_refusal_at(&place) {
        problems.error(&place, format_args!("is missing; {mend}"));
    }
    text
}

/// Whether `host`, a name or an address, also one in brackets, is this machine without a network between.
fn is_loopback(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = inside.unwrap_or(host);
    let address: Result<IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}
