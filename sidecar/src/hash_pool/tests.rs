use std::collections::HashSet;
use std::sync::mpsc;
use std::sync::{Mutex, Weak};

use rustix::process::getpriority_process;
use tokio::sync::mpsc as events;

use super::*;
use crate::lock::held;

/// A pool whose hashes are computed one by one when the test says so.
struct Halting {
    pool: Arc<HashPool>,
    begun: events::UnboundedReceiver<u8>,
    go: mpsc::Sender<bool>,
}

impl Halting {
    fn start(threads: usize, queue: usize) -> Self {
        let (begins, begun) = events::unbounded_channel();
        let (go, goes) = mpsc::channel();
        let goes = Mutex::new(goes);
        let size = Size {
            threads: NonZeroUsize::new(threads).unwrap(),
            queue,
        };
        let pool = HashPool::start_with(size, [7; 32], move |hash, _| {
            begins.send(number_of(hash)).ok();
            Ok(held(&goes).recv().unwrap_or(false))
        });
        Self {
            pool: Arc::new(pool.unwrap()),
            begun,
            go,
        }
    }

    /// Asks, and returns once it is queued.
    async fn ask(&self, work: Work, deadline: Instant) -> tokio::task::JoinHandle<Result<Computed, PoolError>> {
        self.ask_with(work, b"secret", deadline).await
    }

    async fn ask_with(
        &self,
        work: Work,
        password: &[u8],
        deadline: Instant,
    ) -> tokio::task::JoinHandle<Result<Computed, PoolError>> {
        let (pool, password) = (Arc::clone(&self.pool), Secret::new(password.to_vec()));
        let asking = tokio::spawn(async move { pool.fits(work, password, deadline).await });
        tokio::task::yield_now().await;
        asking
    }
}

fn hash(number: u8) -> Hash {
    Hash::Sha256([number; 32])
}

fn number_of(hash: &Hash) -> u8 {
    match hash {
        Hash::Sha256(digest) => digest[0],
        other => panic!("{other:?}"),
    }
}

fn work(stored: u8, decoys: &[u8]) -> Work {
    Work {
        stored: Some(hash(stored)),
        decoys: decoys.iter().copied().map(hash).collect(),
    }
}

fn far() -> Instant {
    Instant::now().checked_add(Duration::from_mins(1)).unwrap()
}

fn fits(answer: Result<Computed, PoolError>) -> Result<bool, PoolError> {
    answer.map(|computed| computed.fits)
}

async fn until(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn a_password_that_fits_is_found_to_and_one_that_does_not_pays_for_the_decoys() {
    let size = Size {
        threads: NonZeroUsize::MIN,
        queue: 10,
    };
    let pool = HashPool::start(size, [7; 32]).unwrap();
    // The SHA-256 of `secret`.
    let sha256 = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let sha256 = Work {
        stored: Some(Hash::parse(sha256).unwrap()),
        decoys: vec![hash(1), hash(2)],
    };
    let ask = async |work: &Work, password: &str| {
        let password = Secret::new(password.as_bytes().to_vec());
        pool.fits(work.clone(), password, far()).await.unwrap().fits
    };
    assert!(ask(&sha256, "secret").await);
    assert_eq!(pool.usage().computed, 1);
    assert!(!ask(&sha256, "Secret").await);
    assert_eq!(pool.usage().computed, 4);
    let nobody = Work {
        stored: None,
        ..sha256.clone()
    };
    assert!(!ask(&nobody, "secret").await);
    assert_eq!(pool.usage().computed, 6);
    // A decoy that fits lets nobody in.
    let decoy = Work {
        stored: None,
        decoys: sha256.stored.into_iter().collect(),
    };
    assert!(!ask(&decoy, "secret").await);
}

#[tokio::test]
async fn equal_verifications_are_one_and_the_first_to_listen_bears_the_cost() {
    let mut halting = Halting::start(1, 10);
    let first = halting.ask(work(1, &[]), far()).await;
    assert_eq!(halting.begun.recv().await, Some(1));
    let second = halting.ask(work(1, &[]), far()).await;
    let others = [
        halting.ask_with(work(1, &[]), b"other", far()).await,
        halting.ask(work(2, &[]), far()).await,
        halting.ask(work(1, &[9]), far()).await,
    ];
    assert_eq!(halting.pool.usage().queued, others.len());
    halting.go.send(true).unwrap();
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert!(first.fits && second.fits);
    assert!(first.took > Duration::ZERO && second.took == Duration::ZERO);
    for other in others {
        halting.go.send(true).unwrap();
        assert_eq!(fits(other.await.unwrap()), Ok(true));
    }
    assert_eq!(halting.pool.usage().computed, 4);
}

#[tokio::test]
async fn they_are_computed_in_the_order_in_which_they_came() {
    let mut halting = Halting::start(1, 10);
    let mut asking = Vec::new();
    for number in 1..=5 {
        asking.push(halting.ask(work(number, &[]), far()).await);
    }
    for number in 1..=5 {
        assert_eq!(halting.begun.recv().await, Some(number));
        halting.go.send(number % 2 == 0).unwrap();
    }
    for (number, asked) in (1..=5).zip(asking) {
        assert_eq!(fits(asked.await.unwrap()), Ok(number % 2 == 0));
    }
}

#[tokio::test]
async fn beyond_the_queue_one_is_turned_away_at_once_unless_nobody_awaits_what_is_in_it() {
    let mut halting = Halting::start(1, 2);
    let under_way = halting.ask(work(1, &[]), far()).await;
    assert_eq!(halting.begun.recv().await, Some(1));
    let (second, third) = (
        halting.ask(work(2, &[]), far()).await,
        halting.ask(work(3, &[]), far()).await,
    );
    assert_eq!(
        fits(halting.ask(work(4, &[]), far()).await.await.unwrap()),
        Err(PoolError::Full)
    );
    // What is in the queue can still be joined.
    let joined = halting.ask(work(2, &[]), far()).await;
    third.abort();
    assert!(third.await.is_err());
    let fourth = halting.ask(work(4, &[]), far()).await;
    assert_eq!(halting.pool.usage().queued, 2);
    for _ in 0..3 {
        halting.go.send(true).unwrap();
    }
    for asked in [under_way, second, joined, fourth] {
        assert_eq!(fits(asked.await.unwrap()), Ok(true));
    }
    assert_eq!(halting.pool.usage().computed, 3);
}

#[tokio::test]
async fn what_is_late_is_not_begun_and_what_nobody_awaits_is_left_between_two_hashes() {
    let mut halting = Halting::start(1, 10);
    let left = halting.ask(work(1, &[2, 3]), far()).await;
    assert_eq!(halting.begun.recv().await, Some(1));
    let soon = Instant::now() + Duration::from_millis(20);
    let late = halting.ask(work(4, &[]), soon).await;
    assert_eq!(fits(late.await.unwrap()), Err(PoolError::Late));
    left.abort();
    assert!(left.await.is_err());
    let last = halting.ask(work(5, &[]), far()).await;
    halting.go.send(false).unwrap();
    assert_eq!(halting.begun.recv().await, Some(5));
    halting.go.send(true).unwrap();
    assert_eq!(fits(last.await.unwrap()), Ok(true));
    assert_eq!(halting.pool.usage().computed, 2);
}

#[tokio::test]
async fn who_comes_back_for_what_was_given_up_gets_a_new_one() {
    let mut halting = Halting::start(2, 10);
    let left = halting.ask(work(1, &[2]), far()).await;
    assert_eq!(halting.begun.recv().await, Some(1));
    left.abort();
    assert!(left.await.is_err());
    let again = halting.ask(work(1, &[2]), far()).await;
    halting.go.send(false).unwrap();
    // Joined while the first hash was computed: nothing was given up yet.
    assert_eq!(halting.begun.recv().await, Some(2));
    again.abort();
    assert!(again.await.is_err());
    halting.go.send(false).unwrap();
    let pool = Arc::clone(&halting.pool);
    until(|| pool.usage().busy == 0).await;
    let new = halting.ask(work(1, &[2]), far()).await;
    assert_eq!(halting.begun.recv().await, Some(1));
    halting.go.send(true).unwrap();
    assert_eq!(fits(new.await.unwrap()), Ok(true));
}

#[tokio::test]
async fn a_hash_that_fails_costs_no_thread() {
    let size = Size {
        threads: NonZeroUsize::MIN,
        queue: 10,
    };
    let compute = |hash: &Hash, _: &[u8]| match number_of(hash) {
        1 => panic!("a test of panics"),
        2 => Err(Withheld::NoMemory),
        _ => Ok(true),
    };
    let pool = HashPool::start_with(size, [7; 32], compute).unwrap();
    let ask = async |number| {
        let asked = pool.fits(work(number, &[]), Secret::new(Vec::new()), far()).await;
        fits(asked)
    };
    assert_eq!(ask(1).await, Err(PoolError::Panicked));
    assert_eq!(ask(2).await, Err(PoolError::Withheld(Withheld::NoMemory)));
    assert_eq!(ask(3).await, Ok(true));
    assert_eq!(
        pool.usage(),
        Usage {
            busy: 0,
            queued: 0,
            computed: 2
        }
    );
}

#[tokio::test]
async fn the_threads_work_at_once_have_the_lowest_priority_and_end_with_the_pool() {
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let (note, size) = (
        Arc::clone(&seen),
        Size {
            threads: NonZeroUsize::new(3).unwrap(),
            queue: 10,
        },
    );
    let barrier = std::sync::Barrier::new(3);
    let compute = move |_: &Hash, _: &[u8]| {
        barrier.wait();
        let id = gettid();
        held(&note).insert((id.as_raw_nonzero(), getpriority_process(Some(id)).unwrap()));
        Ok(true)
    };
    let pool = HashPool::start_with(size, [7; 32], compute).unwrap();
    let ask = |number| pool.fits(work(number, &[]), Secret::new(Vec::new()), far());
    let (a, b, c) = tokio::join!(ask(1), ask(2), ask(3));
    assert!([a, b, c].into_iter().all(|asked| fits(asked) == Ok(true)));
    let threads = held(&seen).clone();
    assert_eq!(threads.len(), 3);
    assert!(threads.iter().all(|(_, nice)| *nice == NICE), "{threads:?}");
    drop(pool);
    let task = |id: &std::num::NonZeroI32| format!("/proc/self/task/{id}");
    until(|| threads.iter().all(|(id, _)| !std::path::Path::new(&task(id)).exists())).await;
}

#[tokio::test]
async fn a_pool_that_is_dropped_lets_go_of_its_queue() {
    let mut halting = Halting::start(1, 10);
    let shared: Weak<Shared> = Arc::downgrade(&halting.pool.shared);
    let pool = Arc::clone(&halting.pool.shared);
    let under_way = halting.ask(work(1, &[2]), far()).await;
    assert_eq!(halting.begun.recv().await, Some(1));
    let waiting = halting.ask(work(3, &[]), far()).await;
    pool.close();
    drop(pool);
    assert_eq!(fits(under_way.await.unwrap()), Err(PoolError::Closed));
    assert_eq!(fits(waiting.await.unwrap()), Err(PoolError::Closed));
    assert_eq!(
        fits(halting.ask(work(4, &[]), far()).await.await.unwrap()),
        Err(PoolError::Closed)
    );
    drop(halting.pool);
    halting.go.send(false).unwrap();
    until(|| shared.strong_count() == 0).await;
}
