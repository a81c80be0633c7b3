//! Clients that ask until they are told to stop, and what they ask for, stopped and started under them.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tells the clients to stop, also when an expectation fails: nobody waits for a client that asks for ever.
#[derive(Debug)]
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How long it took until a server that was started again was asked again. It is told when the test is over, and not only
/// where it fails.
#[derive(Debug)]
pub struct Recoveries {
    name: &'static str,
    took: Vec<Duration>,
}

impl Recoveries {
    pub fn of(name: &'static str) -> Self {
        Self { name, took: Vec::new() }
    }

    /// `wait` returns once the server is asked again, which answers already.
    pub fn time(&mut self, wait: impl FnOnce()) {
        let begun = Instant::now();
        wait();
        self.took.push(begun.elapsed());
    }
}

impl Drop for Recoveries {
    fn drop(&mut self) {
        self.took.sort_unstable();
        let (Some(most), Some(usual)) = (self.took.last(), self.took.get(self.took.len() / 2)) else {
            return;
        };
        let line = format!(
            "{}: stopped {} times, asked again within {usual:.1?}, {most:.1?} at most\n",
            self.name,
            self.took.len()
        );
        // Past the harness, which keeps what is printed.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
