//! A span of time as people say it.

use std::time::Duration;

/// `14 min 3 s`: the largest unit, and the next one if it is not zero.
pub(super) fn span(of: Duration) -> String {
    let parts = largest(of).into_iter();
    let parts: Vec<_> = parts.map(|(count, unit)| format!("{count} {}", unit.short)).collect();
    parts.join(" ")
}

/// The same in words: `14 minutes and 3 seconds`.
pub(super) fn in_words(of: Duration) -> String {
    let plural = |count| if count == 1 { "" } else { "s" };
    let parts = largest(of).into_iter();
    let parts: Vec<_> = parts
        .map(|(count, unit)| format!("{count} {}{}", unit.name, plural(count)))
        .collect();
    parts.join(" and ")
}

struct Unit {
    seconds: u64,
    short: &'static str,
    name: &'static str,
}

const fn unit(seconds: u64, short: &'static str, name: &'static str) -> Unit {
    Unit { seconds, short, name }
}

const SECOND: Unit = unit(1, "s", "second");
const UNITS: [Unit; 4] = [
    unit(86_400, "d", "day"),
    unit(3_600, "h", "hour"),
    unit(60, "min", "minute"),
    SECOND,
];

fn largest(of: Duration) -> Vec<(u64, &'static Unit)> {
    let mut rest = of.as_secs();
    let mut parts = Vec::new();
    for unit in &UNITS {
        let count = rest.checked_div(unit.seconds).unwrap_or_default();
        rest = rest.checked_rem(unit.seconds).unwrap_or_default();
        if count > 0 {
            parts.push((count, unit));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        parts.push((0, &SECOND));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_say_enough() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (843, "14 min 3 s"),
            (3_605, "1 h"),
            (90_061, "1 d 1 h"),
            (10 * 365 * 86_400, "3650 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

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
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
