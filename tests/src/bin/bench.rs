//! `cargo run --release -p registry-auth-tests --bin bench`: measures the module in Envoy, prints a table, and writes
//! `target/bench.json`.

use std::fs;

use registry_auth_tests::{bench, parts};

fn main() {
    let report = bench::run();
    println!("\n{}", report.table());
    let file = parts::checkout().join("target/bench.json");
    fs::write(&file, report.json() + "\n").unwrap_or_else(|error| panic!("cannot write `{}`: {error}", file.display()));
    println!("\nwritten to {}", file.display());
}
