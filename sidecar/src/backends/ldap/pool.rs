//! Connections that are kept, and which server a new one goes to.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use crate::lock::held;

/// A connection that nobody used for so long is not trusted: whatever stands between may have forgotten it.
const LONGEST_IDLE: Duration = Duration::from_mins(1);

/// A connection lives for so long: what was led to another server by a failure comes back.
const LONGEST_LIFE: Duration = Duration::from_mins(10);

/// A server that failed is asked after the others for so long.
const AVOIDED: Duration = Duration::from_secs(30);

/// Connections that nobody uses, and how the servers fared.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
    most: usize,
    /// When each server failed, if it did not answer since.
    failed: Mutex<Vec<Option<Instant>>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// For so many `servers`, keeps no more than `most` connections.
    pub(super) fn new(servers: usize, most: usize) -> Self {
        Self {
            idle: Mutex::default(),
            most,
            failed: Mutex::new(vec![None; servers]),
        }
    }

    /// The connection that was used last, if it is good still.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = held(&self.idle);
        while let Some(Idle { mut connection, since }) = idle.pop() {
            let is_fresh = since.elapsed() < LONGEST_IDLE && connection.opened.elapsed() < LONGEST_LIFE;
            if is_fresh && !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next question.
    pub(super) fn keep(&self, connection: Connection) {
        let mut idle = held(&self.idle);
        if idle.len() < self.most {
            idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }

    /// The servers in the order in which a connection is to be tried: as configured, but those that failed a moment ago
    /// come last.
    pub(super) fn order(&self, now: Instant) -> Vec<usize> {
        let failed = held(&self.failed);
        let is_avoided =
            |failed: &Option<Instant>| failed.is_some_and(|at| now.saturating_duration_since(at) < AVOIDED);
        let (last, first): (Vec<_>, Vec<_>) = failed.iter().enumerate().partition(|(_, failed)| is_avoided(failed));
        first.into_iter().chain(last).map(|(server, _)| server).collect()
    }

    /// Takes note of how a server fared.
    pub(super) fn note(&self, server: usize, has_failed: bool) {
        if let Some(failed) = held(&self.failed).get_mut(server) {
            *failed = has_failed.then(Instant::now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_failed_is_asked_last_for_a_while() {
        let pool = Pool::new(3, 1);
        let now = Instant::now();
        assert_eq!(pool.order(now), [0, 1, 2]);
        pool.note(0, true);
        assert_eq!(pool.order(now), [1, 2, 0]);
        pool.note(1, true);
        assert_eq!(pool.order(now), [2, 0, 1]);
        pool.note(0, false);
        assert_eq!(pool.order(now), [0, 2, 1]);
        assert_eq!(pool.order(now + AVOIDED * 2), [0, 1, 2]);
        pool.note(7, true);
        assert_eq!(pool.order(now), [0, 2, 1]);
    }
}
