//! Follows the program beside the proxy: fetches its configuration, keeps a call for the next one open, and keeps the last
//! good one.
//!
//! The first configuration is compiled in one go, since nothing can be answered without it. Each later one is put together
//! beside the one in force in slices that no request notices, then takes its place in one step; the old one is taken
//! apart in slices as well, once nobody holds it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::policy::{Assembly, Policy, Progress, Remains};
use registry_auth_core::problem::Problem;
use registry_auth_core::secret::Secret;
use registry_auth_core::wire::config::Head;

use crate::callout::{Calls, Heard, InFlight};
use crate::generation::Generation;
use crate::host::{self, HostError, Level};
use crate::metrics;
use crate::root::{Worker, now, seconds};
use crate::succession::{OLDER_IS_REFUSED, Succession, Verdict};
use crate::throttle::{Buckets, DearHashes};
use crate::wait::Wait;

/// How long the program may wait for another configuration. Proxies between may end a call after 30 s.
const HELD_OPEN: Duration = Duration::from_secs(25);
/// How long after that its answer may take.
const SLACK: Duration = Duration::from_secs(10);

/// How long a slice of work may take.
const SLICE: Duration = Duration::from_millis(1);
/// The most steps in a slice, each of some tens of microseconds, should the clock stand still.
const STEPS: usize = 64;
/// After so many steps the clock is read.
const STEPS_BETWEEN: usize = 4;

/// How long after the first failure it is tried again; each further one doubles that, up to the interval.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause as long as there is no configuration at all: requests wait for it.
const PAUSE_WITHOUT: Duration = Duration::from_millis(500);
/// A call that is to be held open and comes back sooner is not made again at once: something does not hold it open.
const TOO_SOON: Duration = Duration::from_secs(1);

/// What follows the program, for one configuration of Envoy's on one worker.
pub(crate) struct Follower {
    calls: Rc<Calls>,
    fetch: RefCell<Fetch>,
    succession: RefCell<Succession>,
    work: RefCell<Option<Work>>,
    /// Generations that are no longer in force, of which somebody may hold one.
    replaced: RefCell<Vec<Rc<Generation>>>,
    remains: RefCell<VecDeque<Remains>>,
    /// Since when the one in force is confirmed; how long that counts.
    confirmed: Cell<Option<Wait>>,
    failures: Cell<u32>,
}

/// Where the next configuration is.
enum Fetch {
    /// Asked for after this.
    Due(Wait),
    /// Asked for.
    Asked(InFlight, Wait),
    /// There, and being put together.
    Came,
}

/// A configuration on its way.
enum Work {
    Assembling(Box<Assembly>),
    Readying(Box<Ready>),
}

/// A configuration but for what it needs of the host.
struct Ready {
    head: Head,
    policy: Policy,
    warnings: Vec<Problem>,
    buckets: Buckets,
}

impl Follower {
    pub(crate) fn new(calls: Rc<Calls>) -> Self {
        Self {
            calls,
            fetch: RefCell::new(Fetch::Due(at_once())),
            succession: RefCell::default(),
            work: RefCell::new(None),
            replaced: RefCell::default(),
            remains: RefCell::default(),
            confirmed: Cell::new(None),
            failures: Cell::new(0),
        }
    }

    /// Does what is due. Whether there is more work to do soon.
    pub(crate) fn tick(&self, worker: &Worker, now: Duration) -> bool {
        let stale = self.confirmed.get().is_some_and(|confirmed| confirmed.is_over(now));
        if worker.is_stale.replace(stale) != stale && stale {
            host::log(
                Level::Error,
                &format!(
                    "registry_auth: the configuration was not confirmed for {} s (`max_stale`), so no token is issued",
                    self.calls.program().max_stale.as_secs()
                ),
            );
        }
        self.fetch_if_due(now);
        self.collect();
        self.work_a_slice(worker, now)
    }

    fn fetch_if_due(&self, now: Duration) {
        let is_due = matches!(&*self.fetch.borrow(), Fetch::Due(wait) if wait.is_over(now));
        if !is_due {
            return;
        }
        let succession = self.succession.borrow();
        let known = succession.known();
        // Where the last call failed, or nothing is known, the answer is wanted at once.
        let waits = (known.is_some() && self.failures.get() == 0).then_some(HELD_OPEN);
        let lasts = waits.unwrap_or_default().saturating_add(SLACK);
        match self.calls.ask_for_config(known, waits, lasts, now) {
            Ok(call) => {
                let too_soon = Wait::new(now, if waits.is_some() { TOO_SOON } else { Duration::ZERO });
                self.fetch.replace(Fetch::Asked(call, too_soon));
            }
            Err(error) => {
                let reason = format!(
                    "cluster `{}` is not there or has nobody in it (host status {})",
                    self.calls.program().cluster,
                    error.0
                );
                self.failed(known.is_some(), &reason, now);
            }
        }
    }

    /// What came of the call `id`.
    pub(crate) fn heard(&self, worker: &Worker, id: u32, heard: Heard, now: Duration) {
        let (call, too_soon) = match self.fetch.replace(Fetch::Came) {
            Fetch::Asked(call, too_soon) if call.id() == id => (call, too_soon),
            other => {
                self.fetch.replace(other);
                return;
            }
        };
        call.end(heard.word());
        match heard {
            Heard::Answer(body) => self.came(worker, body, &too_soon, now),
            Heard::Unchanged => {
                if self.succession.borrow_mut().unchanged() {
                    self.confirm(worker, now);
                }
                self.succeeded(&too_soon, now);
            }
            other => {
                let has_one = self.succession.borrow().known().is_some();
                self.failed(has_one, &other.text(), now);
            }
        }
    }

    /// A configuration came.
    fn came(&self, worker: &Worker, body: Secret<Vec<u8>>, too_soon: &Wait, now: Duration) {
        let in_force = worker.generation();
        let before = in_force.as_ref().map(|generation| &generation.policy);
        let assembly = match Assembly::begin(body, before, seconds(now)) {
            Ok(assembly) => assembly,
            Err(error) => {
                metrics::configuration_came("refused");
                return self.failed(in_force.is_some(), &error.to_string(), now);
            }
        };
        let head = assembly.head().clone();
        if !is_tag(&head.etag) {
            metrics::configuration_came("refused");
            self.discard(assembly);
            return self.failed(in_force.is_some(), "its `etag` is none", now);
        }
        let verdict = self.succession.borrow_mut().judge(head.generation, &head.etag, now);
        match verdict {
            Verdict::New => {}
            Verdict::OlderAfterAll => host::log(
                Level::Warn,
                &format!(
                    "registry_auth: configuration {} is older than the one in force, and has been the only one for \
                     {} s: it is taken",
                    named(&head),
                    OLDER_IS_REFUSED.as_secs()
                ),
            ),
            Verdict::Same => {
                if let Some(generation) = &in_force {
                    generation.number.set(head.generation);
                    generation.tell();
                }
                self.discard(assembly);
                self.confirm(worker, now);
                return self.succeeded(too_soon, now);
            }
            Verdict::Unusable => {
                self.discard(assembly);
                return self.succeeded(too_soon, now);
            }
            Verdict::Older { first } => {
                if first {
                    metrics::configuration_came("older");
                    host::log(
                        Level::Warn,
                        &format!(
                            "registry_auth: configuration {} is older than the one in force; it is taken if it is \
                             still there in {} s",
                            named(&head),
                            OLDER_IS_REFUSED.as_secs()
                        ),
                    );
                }
                self.discard(assembly);
                self.failures.set(0);
                return self.pause(self.calls.program().poll_interval, now);
            }
        }
        self.failures.set(0);
        self.work.replace(Some(Work::Assembling(Box::new(assembly))));
        if in_force.is_none() {
            while self.step(worker) == Progress::More {}
        }
    }

    /// Works for a short while. Whether there is more to do.
    fn work_a_slice(&self, worker: &Worker, begun: Duration) -> bool {
        for step in 0..STEPS {
            if self.step(worker) == Progress::Done {
                return false;
            }
            let is_time_to_look = step.checked_rem(STEPS_BETWEEN) == Some(0);
            if is_time_to_look && now().is_none_or(|now| Wait::new(begun, SLICE).is_over(now)) {
                return true;
            }
        }
        true
    }

    /// Does a little of what there is to do.
    fn step(&self, worker: &Worker) -> Progress {
        let Some(work) = self.work.take() else {
            return self.clear_away();
        };
        match work {
            Work::Assembling(mut assembly) => {
                if assembly.step() == Progress::More {
                    self.work.replace(Some(Work::Assembling(assembly)));
                } else {
                    self.assembled(*assembly);
                }
            }
            Work::Readying(mut ready) => match ready.buckets.step() {
                Ok(Progress::More) => drop(self.work.replace(Some(Work::Readying(ready)))),
                Ok(Progress::Done) => self.put_in_force(worker, *ready),
                Err(error) => self.cannot_ready(&ready.head, error),
            },
        }
        Progress::More
    }

    fn assembled(&self, assembly: Assembly) {
        let head = assembly.head().clone();
        match assembly.finish() {
            Ok((policy, warnings)) => {
                let buckets = Buckets::of(&policy);
                let ready = Ready {
                    head,
                    policy,
                    warnings,
                    buckets,
                };
                self.work.replace(Some(Work::Readying(Box::new(ready))));
            }
            Err(problems) => {
                metrics::configuration_came("refused");
                for fault in problems.to_string().lines() {
                    host::log(
                        Level::Error,
                        &format!("registry_auth: configuration {} refused: {fault}", named(&head)),
                    );
                }
                self.succession.borrow_mut().cannot_take(&head.etag);
                self.fetch.replace(Fetch::Due(at_once()));
            }
        }
    }

    fn put_in_force(&self, worker: &Worker, ready: Ready) {
        let before = worker.generation();
        let head = ready.head;
        let dear = DearHashes::Elsewhere;
        let generation = Generation::new(
            ready.policy,
            head.generation,
            head.etag.clone(),
            dear,
            before.as_deref(),
        );
        let generation = match generation {
            Ok(generation) => generation,
            Err(error) => return self.cannot_ready(&head, error),
        };
        for warning in ready.warnings {
            host::log(
                Level::Warn,
                &format!("registry_auth: configuration {}: {warning}", named(&head)),
            );
        }
        let way = generation.signing.word();
        drop(before);
        if let Some(replaced) = worker.replace(Rc::new(generation)) {
            self.replaced.borrow_mut().push(replaced);
        }
        self.succession.borrow_mut().took(head.generation, &head.etag);
        metrics::configuration_came("taken");
        host::log(
            Level::Info,
            &format!(
                "registry_auth: configuration {} in force, generation {}, tokens signed by {way}",
                named(&head),
                head.generation
            ),
        );
        if let Some(now) = now() {
            self.confirm(worker, now);
        }
        worker.waiting.wake_all();
        self.fetch.replace(Fetch::Due(at_once()));
    }

    /// The host has no randomness, or no room: it is tried again.
    fn cannot_ready(&self, head: &Head, error: HostError) {
        metrics::configuration_came("refused");
        let reason = format!("configuration {} cannot be taken: host status {}", named(head), error.0);
        let has_one = self.succession.borrow().known().is_some();
        self.failed(has_one, &reason, now().unwrap_or_default());
    }

    /// Takes a little of what is no longer needed apart.
    fn clear_away(&self) -> Progress {
        let mut remains = self.remains.borrow_mut();
        let Some(first) = remains.front_mut() else {
            return Progress::Done;
        };
        if first.step() == Progress::Done {
            remains.pop_front();
        }
        Progress::More
    }

    /// Looks which generations nobody holds any more.
    fn collect(&self) {
        let mut replaced = self.replaced.borrow_mut();
        let held =
            std::mem::take(&mut *replaced)
                .into_iter()
                .filter_map(|generation| match Rc::try_unwrap(generation) {
                    Ok(generation) => {
                        self.remains.borrow_mut().push_back(generation.dismantle());
                        None
                    }
                    Err(held) => Some(held),
                });
        *replaced = held.collect();
    }

    fn discard(&self, assembly: Assembly) {
        self.remains.borrow_mut().push_back(assembly.dismantle());
    }

    fn confirm(&self, worker: &Worker, now: Duration) {
        self.confirmed.set(Some(Wait::new(now, self.calls.program().max_stale)));
        metrics::confirmed(now.as_secs());
        if worker.is_stale.replace(false) {
            host::log(
                Level::Info,
                "registry_auth: the configuration is confirmed, and tokens are issued again",
            );
        }
    }

    fn succeeded(&self, too_soon: &Wait, now: Duration) {
        if self.failures.replace(0) > 0 {
            host::log(Level::Info, "registry_auth: the program is there again");
        }
        if too_soon.is_over(now) {
            self.fetch.replace(Fetch::Due(at_once()));
        } else {
            self.pause(TOO_SOON, now);
        }
    }

    fn failed(&self, has_one: bool, reason: &str, now: Duration) {
        let failures = self.failures.get();
        self.failures.set(failures.saturating_add(1));
        if failures == 0 {
            let rest = if has_one { "; the last one serves on" } else { "" };
            host::log(
                Level::Error,
                &format!("registry_auth: no configuration from the program: {reason}{rest}"),
            );
        }
        let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
        let longest = if has_one { Duration::MAX } else { PAUSE_WITHOUT };
        self.pause(doubled.min(longest).min(self.calls.program().poll_interval), now);
    }

    fn pause(&self, pause: Duration, now: Duration) {
        self.fetch.replace(Fetch::Due(Wait::new(now, pause)));
    }
}

/// Whether it can go back as a header, in quotes.
fn is_tag(text: &str) -> bool {
    const LONGEST: usize = 128;
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
}

fn at_once() -> Wait {
    Wait::new(Duration::ZERO, Duration::ZERO)
}

/// What a configuration is called in the log: the first eight characters of its entity tag, as in the audit log.
fn named(head: &Head) -> &str {
    head.etag.get(..8).unwrap_or(&head.etag)
}
