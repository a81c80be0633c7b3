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
    let url = format!("{}/v2/", envoy.url());
    let mut added: Vec<f64> = (0..PAIRS)
        .map(|_| {
            let alone = p99_ms(&url);
            let guesser = Guesser::start(envoy.port());
            let beside = p99_ms(&url);
            drop(guesser);
            println!("/v2/ p99: {alone:.2} ms alone, {beside:.2} ms beside {GUESSES} guesses a second");
            beside - alone
        })
        .collect();
    added.sort_by(f64::total_cmp);
    report.at_most("v2_p99_added_ms", added[PAIRS / 2], 0.5);
}

/// The 99th percentile of 500 requests a second, in milliseconds.
#[track_caller]
fn p99_ms(url: &str) -> f64 {
    let mut oha = Command::new(parts::oha());
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

/// Guesses passwords of one account from one address, each another one, until dropped.
struct Guesser {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Guesser {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (begun, mut connection) = (Instant::now(), Connection::open(port));
            for number in 0_u32.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A pace, not a wait for something.
                let due = begun + Duration::from_secs(1) * number / GUESSES;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let credentials = basic("ada", &format!("guess {number}"));
                let head = head("GET", "/token?service=registry", &[("authorization", &credentials)]);
                connection.send(head.as_bytes());
                let status = connection.answer().map(|answer| answer.status);
                assert!(matches!(status, Some(401 | 429)), "{status:?}");
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Guesser {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("each guess was answered");
        }
    }
}
