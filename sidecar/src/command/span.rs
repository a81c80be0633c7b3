//! A span of time as people say it.

use std::time::Duration;

/// `14 min 3 s`: the largest unit, and the next one if it is not zero.
pub(super) fn span(of: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = of.as_secs();
    let mut parts = Vec::new();
    for (seconds, name) in UNITS {
        let count = rest.checked_div(seconds).unwrap_or_default();
        rest = rest.checked_rem(seconds).unwrap_or_default();
        if count > 0 {
            parts.push(format!("{count} {name}"));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        "0 s".to_owned()
    } else {
        parts.join(" ")
    }
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
}
