//! How long a token lives: so long does a right last that was taken away.

use registry_auth_core::config::Document;
use registry_auth_core::policy::token_lifetime;
use registry_auth_core::problem::{Place, Problems};

/// Longer than that is hardly meant: registries ask for a new token at each pull anyway.
const LONG_SECONDS: u64 = 3_600;

/// So many seconds a token of this configuration lives; `None` if it says nothing that could be told.
pub(super) fn lifetime(document: &Document) -> Option<u64> {
    let token = document.token.as_ref()?;
    token_lifetime(token.expiration).map(|lifetime| lifetime.as_secs())
}

pub(super) fn warn(document: &Document, problems: &mut Problems) {
    if let Some(seconds) = lifetime(document).filter(|seconds| *seconds > LONG_SECONDS) {
        problems.warn(
            &Place::root().key("token").key("expiration"),
            format_args!(
                "lets a token live for {}, and so long does a right last that you took away; 15 minutes (`900`) are enough, \
                 since clients fetch a new one by themselves",
                in_words(seconds)
            ),
        );
    }
}

/// The two largest units of a span of time.
pub(super) fn in_words(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, name) in UNITS {
        let count = rest.checked_div(size).unwrap_or_default();
        rest = rest.checked_rem(size).unwrap_or_default();
        if count > 0 {
            words.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    words.truncate(2);
    words.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_reads_as_one_says_it() {
        for (seconds, words) in [
            (60, "1 minute"),
            (90, "1 minute and 30 seconds"),
            (900, "15 minutes"),
            (3_600, "1 hour"),
            (36_000, "10 hours"),
            (90_061, "1 day and 1 hour"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }
}
