//! What `make bench` measures: requests a second beside a module that decides nothing, all in one run, so that a noisy
//! machine moves both; memory, size, how long a configuration takes, and whether the time of a refusal tells anything; and the
//! program beside the proxy, by itself and asked by the filter.

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

/// Measures everything. Takes minutes; says what it does while it does it.
#[track_caller]
pub fn run() -> Report {
    let mut report = Report::default();
    scenarios::measure(&mut report);
    report.size();
    memory::measure(&mut report);
    latency::measure(&mut report);
    timing::measure(&mut report);
    program::measure(&mut report);
    managed::measure(&mut report);
    report
}
