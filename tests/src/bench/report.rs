//! The table that a person reads, and the numbers that a program reads.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::scenarios::configured_in;
use crate::envoy::Envoy;
use crate::parts;

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
        let verdict = if ratio >= reach { "" } else { "  MISSED" };
        self.lines.push(format!(
            "{name:28} {ratio:>10.2}    of {reach:.2}   {rate:>9.0}/s{verdict}"
        ));
    }

    /// A number that is to be at most `reach`.
    pub(super) fn at_most(&mut self, name: &str, number: f64, reach: f64) {
        self.numbers.insert(name.to_owned(), rounded(number));
        let verdict = if number <= reach { "" } else { "  MISSED" };
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
        self.lines.join("\n")
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
