//! The table that a person reads, and the numbers that a program reads.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::scenarios::configured_in;
use crate::envoy::Envoy;
use crate::parts;

/// At the end of the line of a goal that is missed.
const MISSED: &str = "  MISSED";

/// What is known of goals that are missed, and what was tried.
const WHY: [(&str, &str); 10] = [
    (
        "anonymous",
        "of what it takes beyond noop, a fifth is host calls that noop has not: a longer audit record, a histogram, the \
         clock twice more. Half is the module, in a profile so flat that no function has more than a thirtieth of it. The \
         rest is more time in Envoy and the kernel for the same calls. Tried: all of it built for speed (3 %, for 80 kB), \
         the audit record written by hand (2 %); without an audit record it is 11 % faster.",
    ),
    (
        "remembered",
        "as for anonymous, and what a password costs: base64, a look at the brake, and two MACs, of which SHA-256 is an \
         eighth of the module's time.",
    ),
    (
        "signed",
        "a new token takes 63 µs more than a remembered one. By itself the module's part of that takes 7 µs; Envoy's \
         `sign` reads the key anew each time.",
    ),
    (
        "memory_first_mb",
        "V8 takes 22 MB for a module that decides nothing, and for ours 17 MB of objects, 6 MB of code and what its \
         compiler leaves in the caches of its threads. Tried: large functions kept apart (27 MB less), memory given back \
         to the system (8 MB less).",
    ),
    (
        "remembered_over_bare",
        "the host calls of any answer, which `noop` makes, come to as much as the goal leaves: noop itself is at 0.6 to \
         0.7 of noop_bare. Tried: a quarter fewer instructions in the module, which are a sixth of Envoy's time.",
    ),
    (
        "wasm_gzip_bytes",
        "what managed mode needs came on top of a module that was just small enough. Tried: all of it built for size, \
         which is 708,000 bytes and takes 12 % more instructions for an answer.",
    ),
    (
        "serve_anonymous",
        "by instructions an answer takes 30,000 and a fixed one 14,900: reading, deciding, a body of its own, and an audit \
         line that is written before the answer goes out. Tried: another allocator, which saved a fifth.",
    ),
    (
        "decide",
        "190 µs an answer, of which noop has 47: the rest is Envoy's call over HTTP/2 and the program's answer. Not taken \
         apart; between runs it is 0.24 to 0.25.",
    ),
    (
        "reload_v2_p99_added_ms",
        "whoever counts shares a core with the program that reads the file anew each second; between runs on a shared machine \
         it was 0.4 to 0.8 ms, and without any change the slowest hundredth came to anything from 0.5 to 7 ms.",
    ),
    (
        "logins_v2_p99_added_ms",
        "whoever counts shares a core with the threads that compute hashes at the lowest priority; between runs on a shared \
         machine it was 0 to 1.1 ms.",
    ),
];

/// Numbers by their names, with what is to be reached.
#[derive(Debug, Default)]
pub struct Report {
    numbers: Map<String, Value>,
    lines: Vec<String>,
}

impl Report {
    /// A number without a goal.
    pub(super) fn put(&mut self, name: &str, number: f64) {
        self.numbers.insert(name.to_owned(), rounded(number));
        self.lines.push(format!("{name:28} {number:>10.0}/s"));
    }

    /// A ratio that is to be at least `reach`, of something that came to `rate` requests a second.
    pub(super) fn ratio(&mut self, name: &str, ratio: f64, reach: f64, rate: f64) {
        self.numbers.insert(name.to_owned(), rounded(ratio));
        let verdict = if ratio >= reach { "" } else { MISSED };
        self.lines.push(format!(
            "{name:28} {ratio:>10.2}    of {reach:.2}   {rate:>9.0}/s{verdict}"
        ));
    }

    /// So many requests a second, which are to be at least `reach`.
    pub(super) fn rate(&mut self, name: &str, rate: f64, reach: f64) {
        self.numbers.insert(name.to_owned(), rounded(rate));
        let verdict = if rate >= reach { "" } else { MISSED };
        self.lines
            .push(format!("{name:28} {rate:>10.0}/s  of {reach:.0}{verdict}"));
    }

    /// A number that is to be at most `reach`.
    pub(super) fn at_most(&mut self, name: &str, number: f64, reach: f64) {
        self.numbers.insert(name.to_owned(), rounded(number));
        let verdict = if number <= reach { "" } else { MISSED };
        self.lines
            .push(format!("{name:28} {number:>10.2}    up to {reach}{verdict}"));
    }

    /// What is for a person alone.
    pub(super) fn note(&mut self, line: String) {
        self.lines.push(line);
    }

    /// How long this Envoy's module took its configuration; of several the slowest counts.
    pub(super) fn configured(&mut self, what: &str, envoy: &Envoy) {
        let took = configured_in(envoy).as_secs_f64() * 1_000.0;
        println!("on_configure of {what}: {took:.0} ms");
        let known = self
            .numbers
            .get("configure_ms")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        self.lines.retain(|line| !line.starts_with("configure_ms"));
        self.at_most("configure_ms", took.max(known), 300.0);
    }

    /// The size of the module, plain and compressed.
    #[track_caller]
    pub(super) fn size(&mut self) {
        let module = fs::read(parts::wasm()).expect("the module can be read");
        let mut gzip = Command::new("gzip");
        let mut child = gzip
            .args(["-9", "-c"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("gzip is there");
        let mut stdin = child.stdin.take().expect("the pipe was asked for");
        let whole = module.clone();
        let writer = std::thread::spawn(move || stdin.write_all(&whole));
        let compressed = child.wait_with_output().expect("gzip ends").stdout;
        writer.join().expect("the writer ends").expect("gzip takes it all");
        for (name, bytes, reach) in [
            ("wasm_bytes", module.len(), 2_000_000.0),
            ("wasm_gzip_bytes", compressed.len(), 700_000.0),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "a module has a few megabytes")]
            self.at_most(name, bytes as f64, reach);
        }
    }

    /// The table.
    pub fn table(&self) -> String {
        let missed = |name: &str| {
            self.lines
                .iter()
                .any(|line| line.starts_with(name) && line.ends_with(MISSED))
        };
        let why = WHY.iter().filter(|(name, _)| missed(name));
        let why = why.map(|(name, why)| format!("{name}: {why}"));
        self.lines.iter().cloned().chain(why).collect::<Vec<_>>().join("\n")
    }

    /// One flat object of numbers.
    pub fn json(&self) -> String {
        json!(self.numbers).to_string()
    }
}

/// To four digits: more would be noise.
fn rounded(number: f64) -> Value {
    json!((number * 10_000.0).round() / 10_000.0)
}
