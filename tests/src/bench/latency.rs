//! What somebody who guesses passwords costs everybody else.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::report::Report;
use super::scenarios::few;
use crate::certificates::{Algorithm, Certified};
use crate::envoy::Envoy;
use crate::http::basic;
use crate::http::raw::{Connection, head};
use crate::parts;
use crate::process::run;

/// Pairs of a run with and a run without.
const PAIRS: usize = 5;
const SECONDS: u64 = 4;
/// Guesses a second.
const GUESSES: u32 = 1_000;

#[track_caller]
pub(super) fn measure(report: &mut Report) {
    let key = Certified::self_signed(Algorithm::Es256);
    let upstream = Envoy::as_shipped().direct_response(100).signed_by(&key).start();
    let envoy = Envoy::standalone(&few(&key))
        .registry(upstream.port())
        .signed_by(&key)
        .start();
    let oha = || Command::new(parts::oha());
    let beside = format!("beside {GUESSES} guesses a second");
    let port = envoy.port();
    let added = p99_added_ms(&envoy, &beside, oha, || Beside::start(move |stop| guess(port, stop)));
    report.at_most("v2_p99_added_ms", added, 0.5);
}

/// How much more the 99th percentile of `/v2/` is while something else goes on; the median of pairs.
#[track_caller]
pub(super) fn p99_added_ms(envoy: &Envoy, what: &str, oha: impl Fn() -> Command, start: impl Fn() -> Beside) -> f64 {
    let url = format!("{}/v2/", envoy.url());
    let mut added: Vec<f64> = (0..PAIRS)
        .map(|_| {
            let alone = p99_ms(oha(), &url);
            let going_on = start();
            let beside = p99_ms(oha(), &url);
            drop(going_on);
            println!("/v2/ p99: {alone:.2} ms alone, {beside:.2} ms {what}");
            beside - alone
        })
        .collect();
    added.sort_by(f64::total_cmp);
    added[PAIRS / 2]
}

/// The 99th percentile of 500 requests a second, in milliseconds.
#[track_caller]
fn p99_ms(mut oha: Command, url: &str) -> f64 {
    oha.args([
        "--no-tui",
        "-q",
        "500",
        "-z",
        &format!("{SECONDS}s"),
        "-c",
        "8",
        "--output-format",
        "json",
    ]);
    let ran = run(oha.arg(url), Duration::from_secs(SECONDS + 30)).ok();
    let answer: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("oha told no JSON: {}", ran.output()));
    answer["latencyPercentiles"]["p99"]
        .as_f64()
        .expect("oha tells percentiles")
        * 1_000.0
}

/// Something that goes on in a thread until dropped.
pub(super) struct Beside {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Beside {
    /// Starts it; it ends when it sees that it is to stop.
    pub(super) fn start(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self {
            stop,
            thread: Some(thread::spawn(move || work(&stopped))),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("all went well beside");
        }
    }
}

/// How long it is until number so many of so many a second is due.
pub(super) fn until(begun: Instant, number: u32, per_second: u32) -> Duration {
    let due = begun + Duration::from_secs(1) * number / per_second;
    due.saturating_duration_since(Instant::now())
}

/// Guesses passwords of one account from one address, each another one.
fn guess(port: u16, stop: &AtomicBool) {
    let (begun, mut connection) = (Instant::now(), Connection::open(port));
    for number in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        // A pace, not a wait for something.
        thread::sleep(until(begun, number, GUESSES));
        let credentials = basic("ada", &format!("guess {number}"));
        let head = head("GET", "/token?service=registry", &[("authorization", &credentials)]);
        connection.send(head.as_bytes());
        let status = connection.answer().map(|answer| answer.status);
        assert!(matches!(status, Some(401 | 429)), "{status:?}");
    }
}
