//! What an operator counts, as Prometheus reads it; the names are in `docs/metrics.md`.
//!
//! None of them carries an account: labels are words of the program, so that there is a bounded number of series.

mod lists;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::lists::Reading;
use lists::Lists;

/// Before every name.
const PREFIX: &str = "registry_auth";

/// From a memory's answer to a directory's: 100 µs to 10 s.
const SECONDS: [f64; 14] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0,
];

/// All of them. Shared by everybody who counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// When this process last took a configuration.
    taken: std::sync::Mutex<Option<Instant>>,
    calls: Family<KindResult, Counter>,
    call_seconds: Family<KindResult, Histogram, fn() -> Histogram>,
    token_requests: Family<Outcome, Counter>,
    token_request_seconds: Histogram,
    backend_requests: Family<BackendResult, Counter>,
    backend_seconds: Family<BackendResult, Histogram, fn() -> Histogram>,
    backends_down: Family<Backend, Gauge>,
    circuits_open: Family<Backend, Gauge>,
    hashes: Counter,
    hashes_refused: Counter,
    hashing: Gauge,
    hashes_queued: Gauge,
    remembered: Family<What, Counter>,
    memo: Family<Of, Gauge>,
    brakes: Counter,
    reloads: Family<Outcome, Counter>,
    lists: Lists,
    generation: Gauge,
    age: Gauge<f64, AtomicU64>,
    hanging: Gauge,
    connections: Family<Listener, Gauge>,
    connections_ended: Family<Ended, Counter>,
}

/// Counts down when it falls.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What the hash pool does at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Hashes that are being computed.
    pub running: usize,
    /// Those that wait.
    pub queued: usize,
    /// Those that were computed in all.
    pub computed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindResult {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackendResult {
    backend: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Backend {
    backend: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    of: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Listener {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    listener: &'static str,
    reason: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            taken: std::sync::Mutex::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(seconds),
            token_requests: Family::default(),
            token_request_seconds: seconds(),
            backend_requests: Family::default(),
            backend_seconds: Family::new_with_constructor(seconds),
            backends_down: Family::default(),
            circuits_open: Family::default(),
            hashes: Counter::default(),
            hashes_refused: Counter::default(),
            hashing: Gauge::default(),
            hashes_queued: Gauge::default(),
            remembered: Family::default(),
            memo: Family::default(),
            brakes: Counter::default(),
            reloads: Family::default(),
            lists: Lists::default(),
            generation: Gauge::default(),
            age: Gauge::default(),
            hanging: Gauge::default(),
            connections: Family::default(),
            connections_ended: Family::default(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    /// What a scrape gets: text in the form that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let taken = self.taken.lock().ok().and_then(|taken| *taken);
        if let Some(taken) = taken {
            self.age.set(taken.elapsed().as_secs_f64());
        }
        let mut page = String::new();
        // Writing to a `String` never fails.
        let _ = text::encode(&mut page, &self.registry);
        page
    }

    /// The filter asked: `config`, `decide` or `verify`; what became of it, and how long it took.
    pub fn call(&self, kind: &'static str, result: &'static str, took: Duration) {
        let labels = KindResult { kind, result };
        self.calls.get_or_create(&labels).inc();
        self.call_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A configuration is asked for, and the call is held open until there is another one: for as long as the guard
    /// lives.
    #[must_use]
    pub fn hanging_get(&self) -> Counted {
        self.hanging.inc();
        Counted(self.hanging.clone())
    }

    /// A request to the token endpoint was answered.
    pub fn token_request(&self, result: &'static str, took: Duration) {
        self.token_requests.get_or_create(&Outcome { result }).inc();
        self.token_request_seconds.observe(took.as_secs_f64());
    }

    /// A back-end was asked: `accepted`, `denied`, `no_match`, `granted`, `failed` or `not_asked`.
    pub fn backend_request(&self, backend: &'static str, result: &'static str, took: Duration) {
        let labels = BackendResult { backend, result };
        self.backend_requests.get_or_create(&labels).inc();
        self.backend_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Whether the last question to a back-end had no answer.
    pub fn backend_is_down(&self, backend: &'static str, is_down: bool) {
        self.backends_down
            .get_or_create(&Backend { backend })
            .set(is_down.into());
    }

    /// Whether a back-end is left alone since it failed again and again.
    pub fn backend_circuit(&self, backend: &'static str, is_open: bool) {
        self.circuits_open
            .get_or_create(&Backend { backend })
            .set(is_open.into());
    }

    /// The back-ends of another generation begin as if they answered.
    pub fn backends_anew(&self) {
        self.backends_down.clear();
        self.circuits_open.clear();
    }

    /// A hash was not computed, since too many wait.
    pub fn hash_refused(&self) {
        self.hashes_refused.inc();
    }

    /// What the hash pool does now.
    pub fn hash_pool(&self, now: PoolUse) {
        self.hashing.set(gauge(now.running));
        self.hashes_queued.set(gauge(now.queued));
        self.hashes.inner().fetch_max(now.computed, Ordering::Relaxed);
    }

    /// Something needed no work: a `credential`, a `wrong_password`, a `token`.
    pub fn remembered(&self, what: &'static str) {
        self.remembered.get_or_create(&What { what }).inc();
    }

    /// How many of `credentials` or `tokens` are remembered now.
    pub fn memo(&self, of: &'static str, size: usize) {
        self.memo.get_or_create(&Of { of }).set(gauge(size));
    }

    /// A brake was set on an account at an address.
    pub fn brake(&self) {
        self.brakes.inc();
    }

    /// A configuration was read again: `taken`, `unchanged` or `refused`.
    pub fn reload(&self, result: &'static str) {
        self.reloads.get_or_create(&Outcome { result }).inc();
    }

    /// A list of rules was read.
    pub fn list_read(&self, list: &'static str, reading: &Reading, took: Duration) {
        self.lists.read(list, reading, took);
    }

    /// This generation is in force from now on.
    pub fn generation(&self, number: u64) {
        self.generation.set(i64::try_from(number).unwrap_or(i64::MAX));
        if let Ok(mut taken) = self.taken.lock() {
            *taken = Some(Instant::now());
        }
    }

    /// A connection came; the guard falls with it.
    #[must_use]
    pub fn connection(&self, listener: &'static str) -> Counted {
        let gauge = self.connections.get_or_create_owned(&Listener { listener });
        gauge.inc();
        Counted(gauge)
    }

    /// A connection ended, and why.
    pub fn connection_ended(&self, listener: &'static str, reason: &'static str) {
        self.connections_ended.get_or_create(&Ended { listener, reason }).inc();
    }

    fn register(&mut self) {
        let mut count = Registry::with_prefix(PREFIX);
        let r = &mut count;
        r.register("calls", "Calls of the filter", self.calls.clone());
        r.register(
            "call_seconds",
            "Time from a call to its answer",
            self.call_seconds.clone(),
        );
        r.register(
            "token_requests",
            "Requests to the token endpoint",
            self.token_requests.clone(),
        );
        r.register(
            "token_request_seconds",
            "Time from a request to its answer",
            self.token_request_seconds.clone(),
        );
        r.register(
            "backend_requests",
            "Questions to back-ends",
            self.backend_requests.clone(),
        );
        r.register(
            "backend_seconds",
            "Time a back-end took to answer",
            self.backend_seconds.clone(),
        );
        r.register(
            "backend_down",
            "Whether the last question to a back-end had no answer",
            self.backends_down.clone(),
        );
        r.register(
            "backend_circuit_open",
            "Whether a back-end is left alone since it failed again and again",
            self.circuits_open.clone(),
        );
        r.register("hashes", "Password hashes computed that take time", self.hashes.clone());
        r.register(
            "hashes_refused",
            "Password hashes not computed, since too many wait",
            self.hashes_refused.clone(),
        );
        r.register(
            "hash_pool_running",
            "Password hashes computed now",
            self.hashing.clone(),
        );
        r.register(
            "hash_pool_queued",
            "Password hashes that wait",
            self.hashes_queued.clone(),
        );
        r.register("remembered", "What needed no work", self.remembered.clone());
        r.register("memo", "What is remembered now", self.memo.clone());
        r.register("brakes", "Brakes set on an account at an address", self.brakes.clone());
        r.register("reloads", "Configurations read after the first", self.reloads.clone());
        self.lists.register(r);
        r.register(
            "configuration_generation",
            "The generation in force: milliseconds since the epoch",
            self.generation.clone(),
        );
        r.register(
            "configuration_age_seconds",
            "Time since the generation in force was taken",
            self.age.clone(),
        );
        r.register(
            "hanging_gets",
            "Filters that wait for another configuration",
            self.hanging.clone(),
        );
        r.register("connections", "Open connections", self.connections.clone());
        r.register(
            "connections_ended",
            "Connections that ended, and why",
            self.connections_ended.clone(),
        );
        self.registry = count;
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
