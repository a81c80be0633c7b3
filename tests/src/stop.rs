//! Clients that ask until they are told to stop.

use std::sync::atomic::{AtomicBool, Ordering};

/// Tells the clients to stop, also when an expectation fails: nobody waits for a client that asks for ever.
#[derive(Debug)]
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
