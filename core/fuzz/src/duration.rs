//! A span of time as Go writes it.

use registry_auth_core::config::duration::parse;

const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(duration) = parse(text) else { return };
    let nanoseconds = duration.as_nanos();
    assert_eq!(parse(&format!("{nanoseconds}ns")), Ok(duration));
    if let Some(plain) = plain(text) {
        assert_eq!(nanoseconds, plain);
    }
}

/// The span in nanoseconds, each part of it cut off below one; `None` for a fraction too long for this.
fn plain(text: &str) -> Option<u128> {
    let mut total = 0;
    let mut rest = text;
    while !rest.is_empty() && rest != "0" {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() > 20 || fraction.len() > 15 {
            return None;
        }
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == unit).expect("a unit");
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let digits: u128 = format!("0{whole}{fraction}").parse().ok()?;
        total += digits * unit / scale;
        rest = after;
    }
    Some(total)
}
