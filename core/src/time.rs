//! Points in time, as the token protocol counts them.

use std::fmt;
use std::time::Duration;

/// Whole seconds since the epoch, UTC: the unit of every claim (RFC 7519 section 2, `NumericDate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last second of the year 9999: RFC 3339 has four digits for a year.
    const LAST: u64 = 253_402_300_799;

    /// `seconds` since the epoch; a clock beyond the year 9999 is taken as its last second.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(if seconds < Self::LAST { seconds } else { Self::LAST })
    }

    /// Seconds since the epoch.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// This moment and `duration`, whole seconds of it.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_seconds(self.0.saturating_add(duration.as_secs()))
    }

    /// This moment less `duration`, not before the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }
}

/// RFC 3339 in UTC, as `issued_at` wants it: `2024-01-02T03:04:05Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil_date(days);
        let (hour, minute, second) = (second / 3_600, second % 3_600 / 60, second % 60);
        let ([y1, y2], [y3, y4]) = (two_digits(year / 100), two_digits(year));
        let ([m1, m2], [d1, d2]) = (two_digits(month), two_digits(day));
        let ([h1, h2], [n1, n2], [s1, s2]) = (two_digits(hour), two_digits(minute), two_digits(second));
        // Written by hand, for it stands in every answer.
        let text = [
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z',
        ];
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// The last two digits of `number`.
#[expect(clippy::arithmetic_side_effects, reason = "a digit is below ten")]
fn two_digits(number: u64) -> [u8; 2] {
    let digit = |digit: u64| b'0' + u8::try_from(digit).unwrap_or_default();
    [digit(number / 10 % 10), digit(number % 10)]
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
// Counted in eras of 400 years that begin on 1 March, so that the leap day ends a year.
// No overflow: `days` is below 2,932,897, the days up to the year 9999.
#[expect(clippy::arithmetic_side_effects, reason = "bounded by Timestamp::LAST")]
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_TO_EPOCH: u64 = 719_468; // from 0000-03-01
    const DAYS_PER_ERA: u64 = 146_097;
    let days = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_seconds(seconds).to_string(), text);
        }
    }
}
