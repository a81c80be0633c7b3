//! The queue, what is under way, and what one thread does.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use registry_auth_core::authn::attempt::{Withheld, Work};
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::secret::Secret;
use ring::hmac;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Computed, PoolError, Usage};
use crate::lock::held;

/// Computes one hash.
pub(super) type Compute = Box<dyn Fn(&Hash, &[u8]) -> Result<bool, Withheld> + Send + Sync>;

/// One verification: the hashes and the password, under a key.
type Tag = [u8; 32];

/// What callers and threads share.
pub(super) struct Shared {
    key: hmac::Key,
    compute: Compute,
    most_queued: usize,
    computed: AtomicU64,
    state: Mutex<State>,
    due: Condvar,
}

#[derive(Default)]
struct State {
    /// What is not begun, in the order of arrival.
    queue: VecDeque<Tag>,
    /// What waits and what is under way.
    jobs: HashMap<Tag, Job>,
    busy: usize,
    is_closed: bool,
}

struct Job {
    /// Taken by the thread that begins it.
    task: Option<Task>,
    waiters: Vec<Waiter>,
}

struct Task {
    work: Work,
    password: Secret<Vec<u8>>,
}

/// Who waits, and until when.
pub(super) struct Waiter {
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Result<Computed, PoolError>>,
}

impl Waiter {
    fn waits(&self, now: Instant) -> bool {
        !self.answer.is_closed() && now < self.deadline
    }
}

impl Job {
    fn is_awaited(&self, now: Instant) -> bool {
        self.waiters.iter().any(|waiter| waiter.waits(now))
    }

    /// Tells everybody. The first who still listens learns what it cost.
    fn tell(self, mut result: Result<Computed, PoolError>) {
        for waiter in self.waiters {
            if waiter.answer.send(result).is_ok()
                && let Ok(computed) = &mut result
            {
                computed.took = Duration::ZERO;
            }
        }
    }
}

impl Shared {
    pub(super) fn new(most_queued: usize, key: [u8; 32], compute: Compute) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            compute,
            most_queued,
            computed: AtomicU64::new(0),
            state: Mutex::default(),
            due: Condvar::new(),
        }
    }

    /// Joins an equal verification that is under way, or queues up.
    pub(super) fn enqueue(&self, work: Work, password: Secret<Vec<u8>>, waiter: Waiter) -> Result<(), PoolError> {
        let tag = self.tag(&work, &password);
        let mut state = held(&self.state);
        if state.is_closed {
            return Err(PoolError::Closed);
        }
        if let Some(job) = state.jobs.get_mut(&tag) {
            job.waiters.push(waiter);
            return Ok(());
        }
        if state.queue.len() >= self.most_queued {
            state.drop_what_nobody_awaits();
        }
        if state.queue.len() >= self.most_queued {
            return Err(PoolError::Full);
        }
        let job = Job {
            task: Some(Task { work, password }),
            waiters: vec![waiter],
        };
        state.jobs.insert(tag, job);
        state.queue.push_back(tag);
        drop(state);
        self.due.notify_one();
        Ok(())
    }

    /// Computes what is due, until the pool is closed.
    pub(super) fn serve(&self) {
        while let Some((tag, task)) = self.next() {
            // In a release build a panic ends the program at once.
            let result = catch_unwind(AssertUnwindSafe(|| self.work(&tag, &task)));
            drop(task);
            let mut state = held(&self.state);
            state.busy = state.busy.saturating_sub(1);
            let result = match result {
                Ok(Some(result)) => result,
                // It was given up, and one that is there now came later.
                Ok(None) => continue,
                Err(_) => Err(PoolError::Panicked),
            };
            let job = state.jobs.remove(&tag);
            drop(state);
            if let Some(job) = job {
                job.tell(result);
            }
        }
    }

    /// What this thread is to do next.
    fn next(&self) -> Option<(Tag, Task)> {
        let mut state = held(&self.state);
        loop {
            if state.is_closed {
                return None;
            }
            let Some(tag) = state.queue.pop_front() else {
                state = self.due.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let now = Instant::now();
            let awaited = state.jobs.get_mut(&tag).filter(|job| job.is_awaited(now));
            if let Some(task) = awaited.and_then(|job| job.task.take()) {
                state.busy = state.busy.saturating_add(1);
                return Some((tag, task));
            }
            if let Some(job) = state.jobs.remove(&tag) {
                job.tell(Err(PoolError::Late));
            }
        }
    }

    /// The hash that the password is to fit, and the decoys if it does not. `None` if it was given up.
    fn work(&self, tag: &Tag, Task { work, password }: &Task) -> Option<Result<Computed, PoolError>> {
        let begun = cpu_time();
        let answer = |fits| {
            let took = cpu_time().saturating_sub(begun);
            Some(Ok(Computed { fits, took }))
        };
        let decoys = work.decoys.iter();
        for (number, hash) in work.stored.iter().chain(decoys).enumerate() {
            if number > 0 && self.gives_up(tag) {
                return None;
            }
            let fits = (self.compute)(hash, password.expose());
            self.computed.fetch_add(1, Ordering::Relaxed);
            match fits {
                Ok(true) if number == 0 && work.stored.is_some() => return answer(true),
                Ok(_) => {}
                Err(withheld) => return Some(Err(withheld.into())),
            }
        }
        answer(false)
    }

    /// Forgets the verification if nobody waits for it. Whoever comes for the same then begins anew.
    fn gives_up(&self, tag: &Tag) -> bool {
        let mut state = held(&self.state);
        let now = Instant::now();
        if !state.is_closed && state.jobs.get(tag).is_some_and(|job| job.is_awaited(now)) {
            return false;
        }
        if let Some(job) = state.jobs.remove(tag) {
            job.tell(Err(PoolError::Late));
        }
        true
    }

    pub(super) fn usage(&self) -> Usage {
        let state = held(&self.state);
        Usage {
            busy: state.busy,
            queued: state.queue.len(),
            computed: self.computed.load(Ordering::Relaxed),
        }
    }

    /// Nothing more is begun; who waits learns that it is over.
    pub(super) fn close(&self) {
        let mut state = held(&self.state);
        state.is_closed = true;
        state.queue.clear();
        state.jobs.clear();
        drop(state);
        self.due.notify_all();
    }

    /// Each hash has the same length, so that nothing can stand for anything else.
    fn tag(&self, work: &Work, password: &Secret<Vec<u8>>) -> Tag {
        let mut mac = hmac::Context::with_key(&self.key);
        mac.update(&[u8::from(work.stored.is_some())]);
        mac.update(&work.decoys.len().to_le_bytes());
        for hash in work.stored.iter().chain(&work.decoys) {
            mac.update(&hash.fingerprint());
        }
        mac.update(password.expose());
        mac.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl State {
    fn drop_what_nobody_awaits(&mut self) {
        let (jobs, now) = (&mut self.jobs, Instant::now());
        self.queue.retain(|tag| {
            let is_awaited = jobs.get(tag).is_some_and(|job| job.is_awaited(now));
            if !is_awaited && let Some(job) = jobs.remove(tag) {
                job.tell(Err(PoolError::Late));
            }
            is_awaited
        });
    }
}

/// The time that this thread has computed. On a busy machine it waits for longer than it computes, and nobody is to be
/// charged for that.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
