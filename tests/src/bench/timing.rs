//! Whether the time of an answer tells if an account exists.

use std::time::{Duration, Instant};

use serde_json::json;

use super::report::Report;
use super::scenarios::{few, with};
use crate::certificates::{Algorithm, Certified};
use crate::envoy::Envoy;
use crate::http::basic;
use crate::http::raw::{Connection, head};

/// Of each kind.
const ANSWERS: usize = 2_000;

/// Asks with a wrong password as ada and as nobody, in turns, and compares how long the answers took.
#[track_caller]
pub(super) fn measure(report: &mut Report) {
    let key = Certified::self_signed(Algorithm::Es256);
    let config = with(few(&key), "throttle", json!(false));
    let envoy = Envoy::standalone(&config).signed_by(&key).start();
    let mut connection = Connection::open(envoy.port());
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..ANSWERS {
        // Which one comes first changes too: the second finds a warmer processor.
        let first_known = number % 2 == 0;
        for is_known in [first_known, !first_known] {
            // Names and passwords are as long for both.
            let account = if is_known {
                "ada".to_owned()
            } else {
                format!("x{:02}", number % 100)
            };
            let took = refused(&mut connection, &basic(&account, &format!("guess {number:06}")));
            if is_known { known.push(took) } else { unknown.push(took) }
        }
    }
    let larger = share_larger(&unknown, &known);
    report.note(format!(
        "{:28} {:>7.0} µs wrong password, {:.0} µs no such account; the second took longer in {:.1} % of pairs (50: nothing to tell)",
        "refused (median)",
        median_us(&mut known),
        median_us(&mut unknown),
        larger * 100.0
    ));
}

/// How long the refusal took.
#[track_caller]
fn refused(connection: &mut Connection, credentials: &str) -> Duration {
    let head = head("GET", "/token?service=registry", &[("authorization", credentials)]);
    let begun = Instant::now();
    connection.send(head.as_bytes());
    let status = connection.answer().map(|answer| answer.status);
    let took = begun.elapsed();
    assert_eq!(status, Some(401));
    took
}

/// How often one of `these` is larger than one of `others`, of all pairs: the statistic of Mann and Whitney as a share.
fn share_larger(these: &[Duration], others: &[Duration]) -> f64 {
    let mut sorted = others.to_vec();
    sorted.sort_unstable();
    let below = |value: &Duration| {
        let (less, up_to) = (
            sorted.partition_point(|other| other < value),
            sorted.partition_point(|other| other <= value),
        );
        ratio(less + up_to, 2 * sorted.len())
    };
    these.iter().map(below).sum::<f64>() / ratio(these.len(), 1)
}

fn median_us(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1_000_000.0
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_half_of_the_same_and_all_of_the_larger() {
        let times = |range: std::ops::Range<u64>| range.map(Duration::from_micros).collect::<Vec<_>>();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(share_larger(&times(0..10), &times(0..10)), 0.5));
        assert!(close(share_larger(&times(10..20), &times(0..10)), 1.0));
        assert!(close(share_larger(&times(0..10), &times(10..20)), 0.0));
    }
}
