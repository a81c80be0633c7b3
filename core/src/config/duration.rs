//! Spans of time as Go writes them: `10m`, `1h30m`, `500ms`.

use std::time::Duration;

use thiserror::Error;

/// Why a text is no span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// A number alone, which docker_auth takes as nanoseconds.
    #[error("needs a unit, as in `60s` or `10m`")]
    NoUnit,
    /// Anything else.
    #[error("must be a span of time as `60s`, `10m` or `1h30m`")]
    Malformed,
    /// Longer than can be counted.
    #[error("is too long a time")]
    TooLong,
}

/// The units of Go's `time.ParseDuration`, in nanoseconds. A unit stands before those that begin like it.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a span of time; one with a sign is none.
///
/// # Errors
/// See [`DurationError`].
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanoseconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed);
        }
        let unit = UNITS.iter().find(|(name, _)| after.starts_with(name));
        let Some((name, unit)) = unit else {
            return Err(if after.is_empty() {
                DurationError::NoUnit
            } else {
                DurationError::Malformed
            });
        };
        rest = after.get(name.len()..).unwrap_or_default();
        let part = nanoseconds_of(whole, fraction, *unit).ok_or(DurationError::TooLong)?;
        nanoseconds = nanoseconds.checked_add(part).ok_or(DurationError::TooLong)?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// What is below a nanosecond is cut off.
fn nanoseconds_of(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    // Of an hour, the digit after these is a millionth of a nanosecond.
    const DIGITS: usize = 18;
    let number = |digits: &str| {
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse().ok()
        }
    };
    let whole: u64 = number(whole)?;
    let fraction = fraction.get(..DIGITS).unwrap_or(fraction);
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = u128::from(number(fraction)?)
        .checked_mul(u128::from(unit))?
        .checked_div(scale)?;
    whole.checked_mul(unit)?.checked_add(u64::try_from(part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_is_read_as_go_reads_it() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("60s", 60_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            (".5s", 500),
            ("1.s", 1_000),
            ("1h1m1s1ms", 3_661_001),
            ("1000us", 1),
            ("1000µs", 1),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn a_fraction_is_cut_off_at_the_nanosecond_and_no_sooner() {
        for (text, nanoseconds) in [
            ("0.000000000009h", 32),
            ("0.00000000019m", 11),
            ("0.9ns", 0),
            ("0.9999us", 999),
            ("0.0000000000000000009999999999999999999999h", 0),
            ("0.999999999999999999999999999999s", 999_999_999),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_of_time_says_why() {
        for (text, error) in [
            ("60", DurationError::NoUnit),
            ("1h30", DurationError::NoUnit),
            ("", DurationError::Malformed),
            ("s", DurationError::Malformed),
            (".s", DurationError::Malformed),
            ("-1s", DurationError::Malformed),
            ("1 s", DurationError::Malformed),
            ("1d", DurationError::Malformed),
            ("99999999999h", DurationError::TooLong),
            ("99999999999999999999s", DurationError::TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
