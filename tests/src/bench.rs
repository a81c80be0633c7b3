//! What `make bench` measures: requests a second beside a module that decides nothing, all in one run, so that a noisy
//! machine moves both; memory, size, how long a configuration takes, and whether the time of a refusal tells anything;
//! and the program beside the proxy, by itself, asked by the filter, and asking back-ends.

mod backends;
mod latency;
mod load;
mod logins;
mod managed;
mod memory;
mod program;
mod report;
mod scenarios;
mod timing;

pub use report::Report;

/// Measures something and puts it into the report.
pub type Part = fn(&mut Report);

/// What is measured, by its name.
pub const PARTS: [(&str, Part); 9] = [
    ("scenarios", scenarios::measure),
    ("size", Report::size),
    ("memory", memory::measure),
    ("latency", latency::measure),
    ("timing", timing::measure),
    ("program", program::measure),
    ("managed", managed::measure),
    ("backends", backends::measure),
    ("rules", backends::rules),
];

/// Measures these parts of [`PARTS`]. All take many minutes; says what it does while it does it.
pub fn run<'a>(parts: impl IntoIterator<Item = &'a (&'static str, Part)>) -> Report {
    let mut report = Report::default();
    for (_, measure) in parts {
        measure(&mut report);
    }
    report
}
