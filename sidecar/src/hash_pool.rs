//! Where dear hashes are computed: on threads of their own, a bounded number, of the lowest priority, so that whatever
//! answers at once is not held up by what takes long anyway.
//!
//! Equal verifications that are under way are one. Work that nobody waits for any more is not begun, and left between
//! two hashes.

mod work;

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use registry_auth_core::authn::attempt::{Withheld, Work};
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::secret::Secret;
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use work::{Shared, Waiter};

/// So many verifications wait for each thread, if nothing else is said: at bcrypt's cost 10 the last waits three seconds,
/// the longest that a client is held.
pub const QUEUE_FOR_EACH: usize = 64;

/// The lowest priority that there is.
const NICE: i32 = 19;

/// How large a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many hashes are computed at once.
    pub threads: NonZeroUsize,
    /// How many verifications may wait.
    pub queue: usize,
}

/// The threads and their queue. The threads end when it is dropped, each after the hash it is at.
pub struct HashPool {
    shared: Arc<Shared>,
    size: Size,
}

/// What a verification came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computed {
    /// Whether the password fits.
    pub fits: bool,
    /// How long a thread was at it; nothing for whoever joined somebody else's verification.
    pub took: Duration,
}

/// Why a verification was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PoolError {
    /// The queue is full.
    #[error("too many password hashes wait to be computed")]
    Full,
    /// Its turn did not come in time.
    #[error("a password hash was not computed in time")]
    Late,
    /// It could not be computed.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The computation failed in a way that it never should.
    #[error("computing a password hash failed; this is a fault of the program")]
    Panicked,
    /// The pool is no more.
    #[error("password hashes are no longer computed")]
    Closed,
}

/// What the pool is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Threads that compute.
    pub busy: usize,
    /// Verifications that wait.
    pub queued: usize,
    /// Hashes that were computed in all.
    pub computed: u64,
}

impl Size {
    /// One thread for each core, and [`QUEUE_FOR_EACH`].
    #[must_use]
    pub fn of_this_machine() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            threads,
            queue: threads.get().saturating_mul(QUEUE_FOR_EACH),
        }
    }
}

impl HashPool {
    /// Starts the threads. `key` is random: what is under way is found by a keyed hash, for which passwords need not be
    /// kept.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(size: Size, key: [u8; 32]) -> io::Result<Self> {
        Self::start_with(size, key, Hash::fits)
    }

    fn start_with(
        size: Size,
        key: [u8; 32],
        compute: impl Fn(&Hash, &[u8]) -> Result<bool, Withheld> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let pool = Self {
            shared: Arc::new(Shared::new(size.queue, key, Box::new(compute))),
            size,
        };
        for number in 0..size.threads.get() {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            thread.spawn(move || {
                yield_to_all_others();
                shared.serve();
            })?;
        }
        Ok(pool)
    }

    /// Whether `password` fits what `work` says; if it does not, its decoys are computed as well. Past `deadline` nobody
    /// waits for it, nor when the future is dropped.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn fits(&self, work: Work, password: Secret<Vec<u8>>, deadline: Instant) -> Result<Computed, PoolError> {
        let (answer, answered) = oneshot::channel();
        self.shared.enqueue(work, password, Waiter { deadline, answer })?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(computed)) => computed,
            Ok(Err(_)) => Err(PoolError::Closed),
            Err(_) => Err(PoolError::Late),
        }
    }

    /// How many threads there are.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.size.threads.get()
    }

    /// What it is at.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.usage()
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Gives this thread the lowest priority. On Linux each thread has its own.
fn yield_to_all_others() {
    if let Err(error) = setpriority_process(Some(gettid()), NICE) {
        warn!(%error, "hashes are computed at the priority of everything else");
    }
}

#[cfg(test)]
mod tests;
