//! `make bench`: measures the module in Envoy and the program beside it, prints a table,
//! and writes `target/bench.json`. With names of parts it measures those alone, and writes nothing.

use std::{env, fs};

use registry_auth_tests::bench::{self, PARTS};
use registry_auth_tests::parts;

fn main() {
    let wanted: Vec<String> = env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        let names = PARTS.map(|(part, _)| part).join(", ");
        eprintln!("error: there is no part `{unknown}`; parts are {names}");
        std::process::exit(2);
    }
    if !wanted.is_empty() {
        let some = PARTS.iter().filter(|(part, _)| wanted.iter().any(|name| name == part));
        println!("\n{}", bench::run(some).table());
        return;
    }
    let report = bench::run(&PARTS);
    println!("\n{}", report.table());
    let file = parts::checkout().join("target/bench.json");
    fs::write(&file, report.json() + "\n").unwrap_or_else(|error| panic!("cannot write `{}`: {error}", file.display()));
    println!("\nwritten to {}", file.display());
}
