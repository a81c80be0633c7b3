//! The root of one configuration of Envoy's on one worker: takes it, follows the program beside the proxy if there is
//! one, and ends what waits too long.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::policy::{Policy, Progress};
use registry_auth_core::problem::Problems;
use registry_auth_core::reply::Refusal;
use registry_auth_core::time::Timestamp;
use registry_auth_core::wire::MAX_MESSAGE_BYTES;
use registry_auth_core::wire::config::MAX_CONFIG_BYTES;
use sha2::{Digest, Sha256};

use crate::callout::{Asker, Calls, Heard};
use crate::exchange::{self, Exchange};
use crate::generation::Generation;
use crate::held::{Ended, Held};
use crate::host::{self, Buffer, HostError, Level};
use crate::managed::Follower;
use crate::plugin_config::{self, MAX_CONFIGURATION_BYTES, Managed, PluginConfig};
use crate::throttle::{Buckets, DearHashes};
use crate::vm;
use crate::waiting::Waiting;

/// How often waiting requests are looked at, in milliseconds: where none waits, where some do, and while there is work
/// to be done in slices.
const IDLE: u32 = 100;
const SOME_WAIT: u32 = 20;
const AT_WORK: u32 = 2;

/// How many requests of a kind are looked at in one tick: to put a question takes some tens of microseconds. Nor may one
/// callback answer many. Envoy sends its answers once it has returned, each within the one before, and some hundred of
/// them exhaust the stack, which ends the module's machine.
pub(crate) const AT_ONCE: usize = 32;

/// One configuration of Envoy's on one worker.
pub(crate) struct Root {
    worker: Rc<Worker>,
    /// Follows the program; `None` if there is none.
    follower: RefCell<Option<Rc<Follower>>>,
    tick_period: Cell<u32>,
}

/// What the streams of one configuration on one worker share.
pub(crate) struct Worker {
    pub(crate) root_id: u32,
    generation: RefCell<Option<Rc<Generation>>>,
    /// Whether the generation in force was confirmed too long ago to serve.
    pub(crate) is_stale: Cell<bool>,
    /// The calls to the program, if there is one.
    calls: RefCell<Option<Rc<Calls>>>,
    pub(crate) held: Held,
    pub(crate) waiting: Waiting,
}

/// What a worker can answer by.
pub(crate) enum Serving {
    By(Rc<Generation>),
    /// A configuration will come.
    NotYet,
    /// None will.
    Never,
}

impl Worker {
    /// The generation in force.
    pub(crate) fn generation(&self) -> Option<Rc<Generation>> {
        self.generation.borrow().clone()
    }

    /// What there is to answer by.
    pub(crate) fn serving(&self) -> Serving {
        match self.generation() {
            Some(generation) => Serving::By(generation),
            None if self.calls.borrow().is_some() => Serving::NotYet,
            None => Serving::Never,
        }
    }

    /// Puts a generation in force, and gives the one before.
    pub(crate) fn replace(&self, generation: Rc<Generation>) -> Option<Rc<Generation>> {
        generation.tell();
        self.generation.replace(Some(generation))
    }

    /// The calls to the program, if there is one.
    pub(crate) fn calls(&self) -> Option<Rc<Calls>> {
        self.calls.borrow().clone()
    }
}

impl Root {
    pub(crate) fn new(context_id: u32) -> Self {
        Self {
            worker: Rc::new(Worker {
                root_id: context_id,
                generation: RefCell::new(None),
                is_stale: Cell::new(false),
                calls: RefCell::new(None),
                held: Held::default(),
                waiting: Waiting::new(),
            }),
            follower: RefCell::new(None),
            tick_period: Cell::new(0),
        }
    }

    /// What its streams share.
    pub(crate) fn worker(&self) -> Rc<Worker> {
        Rc::clone(&self.worker)
    }

    /// Takes the configuration, of `size` bytes. Whether it did.
    pub(crate) fn configure(&self, size: usize) -> bool {
        let taken = self.take(size).and_then(|()| {
            let is_managed = self.follower.borrow().is_some();
            // The first call is made from the tick: clusters are not there yet when Envoy starts.
            let period = if is_managed { AT_WORK } else { IDLE };
            self.set_period(period)
                .map_err(|error| format!("no timer: host status {}", error.0))
        });
        if let Err(faults) = &taken {
            for fault in faults.lines() {
                host::log(Level::Error, &format!("registry_auth: configuration refused: {fault}"));
            }
        }
        taken.is_ok()
    }

    fn take(&self, size: usize) -> Result<(), String> {
        plugin_config::check_size(size).map_err(|error| error.to_string())?;
        let bytes = host::buffer(Buffer::PluginConfiguration, MAX_CONFIGURATION_BYTES).map_err(host_failed)?;
        let variables = host::environment().map_err(host_failed)?;
        let begun = host::now().map(Duration::from_nanos).map_err(host_failed)?;
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let mut problems = Problems::default();
        match plugin_config::read(&bytes, &environment, &mut problems).map_err(|error| error.to_string())? {
            PluginConfig::Managed(managed) => self.follow(managed, problems),
            PluginConfig::Standalone(document) => {
                let compiled = Policy::compile(*document, seconds(begun), problems);
                let (policy, warnings) = compiled.map_err(|problems| problems.to_string())?;
                for warning in warnings {
                    host::log(Level::Warn, &format!("registry_auth: configuration: {warning}"));
                }
                let mut buckets = Buckets::of(&policy);
                while buckets.step().map_err(host_failed)? == Progress::More {}
                let number = u64::try_from(begun.as_millis()).unwrap_or(u64::MAX);
                let etag = hexadecimal(&Sha256::digest(&bytes));
                let generation = Generation::new(policy, number, etag, DearHashes::Here, None).map_err(host_failed)?;
                let way = generation.signing.word();
                self.worker.replace(Rc::new(generation));
                let took = now().unwrap_or(begun).saturating_sub(begun).as_millis();
                host::log(
                    Level::Info,
                    &format!("registry_auth: configuration in force, tokens signed by {way}, taken in {took} ms"),
                );
                Ok(())
            }
        }
    }

    /// Begins to follow the program. Envoy may hand over a configuration that is known.
    fn follow(&self, managed: Option<Managed>, problems: Problems) -> Result<(), String> {
        let (managed, _) = problems.or(managed).map_err(|problems| problems.to_string())?;
        if self.worker.calls().is_some_and(|calls| *calls.program() == managed) {
            return Ok(());
        }
        let calls = Rc::new(Calls::new(managed));
        *self.worker.calls.borrow_mut() = Some(Rc::clone(&calls));
        *self.follower.borrow_mut() = Some(Rc::new(Follower::new(calls)));
        Ok(())
    }

    /// Does what is due, and ends what waits too long.
    pub(crate) fn tick(&self) {
        let Some(now) = now() else { return };
        if let Some(generation) = self.worker.generation() {
            generation.tell_size();
        }
        let more_to_end = self.end_held(now) | self.give_up_calls(now);
        let follower = self.follower.borrow().clone();
        let is_at_work = follower.is_some_and(|follower| follower.tick(&self.worker, now));
        let more_are_due = self.wake(now);
        let period = if is_at_work || more_are_due || more_to_end {
            AT_WORK
        } else if self.worker.waiting.is_empty() {
            IDLE
        } else {
            SOME_WAIT
        };
        // If it cannot be set, the one before goes on.
        let _ = self.set_period(period);
    }

    fn set_period(&self, period: u32) -> Result<(), HostError> {
        if self.tick_period.get() != period {
            host::set_tick_period(period)?;
            self.tick_period.set(period);
        }
        Ok(())
    }

    /// POSTs whose body does not come. Whether there are more of them.
    fn end_held(&self, now: Duration) -> bool {
        let Some(generation) = self.worker.generation() else {
            return false;
        };
        self.worker.held.tick(self.worker.root_id, now, |ended| {
            if ended == Ended::NoBodies {
                host::log(
                    Level::Warn,
                    "registry_auth: bodies of POST requests do not reach the filter, so POST is answered 404 and \
                     clients use GET; set `allow_on_headers_stop_iteration: true` in the plugin's configuration \
                     (Envoy 1.35 and up), or `request_body: route` where the route leads POSTs to a token server",
                );
            }
            let refusal = match ended {
                Ended::NoBodies | Ended::NoBody => Refusal::NoPost,
                Ended::TooSlow => Refusal::TooSlow,
            };
            exchange::refuse(&generation.policy, &refusal);
        })
    }

    /// Calls that took too long. Whether there are more of them.
    fn give_up_calls(&self, now: Duration) -> bool {
        let Some(calls) = self.worker.calls() else { return false };
        let overdue = calls.overdue(now);
        let left = overdue.len() > AT_ONCE;
        for (call, asker) in overdue.into_iter().take(AT_ONCE) {
            self.tell(call, asker, Heard::TimedOut, now);
        }
        left
    }

    /// A call was answered, with so many headers and a body of so many bytes. To one that was given up nobody listens.
    pub(crate) fn answered(&self, call: u32, header_count: usize, size: usize) {
        let asker = self.worker.calls().and_then(|calls| calls.asker(call));
        let (Some(asker), Some(now)) = (asker, now()) else {
            return;
        };
        let longest = match asker {
            Asker::Root => MAX_CONFIG_BYTES,
            Asker::Exchange(_) => MAX_MESSAGE_BYTES,
        };
        let heard = Heard::now(header_count, size, longest);
        self.tell(call, asker, heard, now);
    }

    fn tell(&self, call: u32, asker: Asker, heard: Heard, now: Duration) {
        match asker {
            Asker::Root => {
                let follower = self.follower.borrow().clone();
                if let Some(follower) = follower {
                    follower.heard(&self.worker, call, heard, now);
                }
            }
            Asker::Exchange(stream) => self.act_on(stream, |exchange| exchange.heard(call, heard, now)),
        }
    }

    /// Looks at some of the requests that wait. Whether there are more.
    fn wake(&self, now: Duration) -> bool {
        let (streams, more) = self.worker.waiting.due(now);
        for stream in streams {
            self.act_on(stream, |exchange| exchange.wake(now));
        }
        more
    }

    /// Has an exchange do something while its stream is selected. One whose stream is gone is given up.
    fn act_on(&self, stream: u32, act: impl FnOnce(&Exchange)) {
        let Some(exchange) = vm::exchange(stream) else {
            return self.worker.waiting.release(stream);
        };
        if host::on_stream(self.worker.root_id, stream, || act(&exchange)).is_err() {
            exchange.give_up();
        }
    }
}

fn host_failed(error: HostError) -> String {
    format!("cannot take the configuration: host status {}", error.0)
}

/// Time since the epoch, by Envoy's clock.
pub(crate) fn now() -> Option<Duration> {
    host::now().map(Duration::from_nanos).ok()
}

/// The same as tokens count it.
pub(crate) fn seconds(now: Duration) -> Timestamp {
    Timestamp::from_seconds(now.as_secs())
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
