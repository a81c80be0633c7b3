//! What the host holds for one VM, and what the VMs of one Envoy share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::callout::{Callout, CalloutAnswer, Clusters};
use super::status::Fault;
use super::stream::StreamState;
use super::wire::Header;
use super::{Log, Refused, Settings};

/// What all workers of one Envoy share: time, shared data, metrics, and which configurations were tried before.
#[derive(Default)]
pub(super) struct Shared {
    /// Nanoseconds since the epoch.
    pub(super) now: u64,
    /// Value and the number a compare-and-swap compares.
    pub(super) data: BTreeMap<String, (Vec<u8>, u32)>,
    pub(super) last_cas: u32,
    pub(super) metrics: BTreeMap<String, u64>,
    pub(super) histograms: BTreeMap<String, Vec<u64>>,
    /// The canary's verdict on a configuration: Envoy asks once and remembers.
    pub(super) verdicts: HashMap<Vec<u8>, Result<(), Refused>>,
    /// VMs so far: each draws its own random bytes.
    pub(super) vms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// A root context: one configuration in this VM.
pub(super) struct Root {
    pub(super) tick: Option<Duration>,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// New streams go to it.
    Serving,
    /// A newer configuration serves; it ends with its last stream.
    Replaced,
    /// `on_done` answered "not yet"; `proxy_done` ends it.
    Ending,
}

pub(super) enum Context {
    Root(Root),
    Stream(Box<StreamState>),
}

/// What a host call asked for and Envoy does when the module has returned.
pub(super) enum Deferred {
    Reply {
        stream: u32,
        status: u32,
        headers: Vec<Header>,
        body: Vec<u8>,
        details: String,
    },
    Continue {
        stream: u32,
    },
    Close {
        stream: u32,
    },
    Delete {
        root: u32,
    },
}

/// The state of one VM, reachable from every host call.
pub(super) struct Host {
    pub(super) settings: Settings,
    pub(super) shared: Arc<Mutex<Shared>>,
    pub(super) contexts: BTreeMap<u32, Context>,
    pub(super) last_context: u32,
    /// The context the module was called for.
    pub(super) current: u32,
    /// The context `proxy_set_effective_context` selected in this call.
    pub(super) effective: Option<u32>,
    /// The last selection in this call failed.
    pub(super) unselected: bool,
    /// The name of the export that runs.
    pub(super) running: &'static str,
    /// Readable as a buffer only while a root is created or configured.
    pub(super) configuration: Option<Vec<u8>>,
    pub(super) metric_ids: BTreeMap<u32, (MetricKind, String)>,
    pub(super) callouts: BTreeMap<u32, Callout>,
    pub(super) last_callout: u32,
    pub(super) clusters: Clusters,
    pub(super) answer: Option<CalloutAnswer>,
    /// Set while a failed callout is told: `proxy_get_status` gives it.
    pub(super) reset: bool,
    pub(super) deferred: Vec<Deferred>,
    pub(super) logs: Vec<Log>,
    pub(super) faults: Vec<Fault>,
    random: u64,
}

impl Host {
    pub(super) fn new(settings: Settings, shared: Arc<Mutex<Shared>>) -> Self {
        let vm = {
            let mut shared = lock(&shared);
            shared.vms += 1;
            shared.vms
        };
        Self {
            random: settings.seed ^ vm.rotate_right(16),
            settings,
            shared,
            contexts: BTreeMap::new(),
            last_context: 0,
            current: 0,
            effective: None,
            unselected: false,
            running: "",
            configuration: None,
            metric_ids: BTreeMap::new(),
            callouts: BTreeMap::new(),
            last_callout: 0,
            clusters: Clusters::Up,
            answer: None,
            reset: false,
            deferred: Vec::new(),
            logs: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    pub(super) fn add(&mut self, context: Context) -> u32 {
        self.last_context += 1;
        self.contexts.insert(self.last_context, context);
        self.last_context
    }

    /// The context host calls act on: the one selected, or the one called for when that has gone.
    pub(super) fn acting(&self) -> u32 {
        self.effective
            .filter(|id| self.contexts.contains_key(id))
            .unwrap_or(self.current)
    }

    /// The root context of the acting context.
    pub(super) fn acting_root(&self) -> u32 {
        let acting = self.acting();
        self.stream(acting).map_or(acting, |stream| stream.root)
    }

    pub(super) fn stream(&self, id: u32) -> Option<&StreamState> {
        match self.contexts.get(&id)? {
            Context::Stream(stream) => Some(stream),
            Context::Root(_) => None,
        }
    }

    pub(super) fn stream_mut(&mut self, id: u32) -> Option<&mut StreamState> {
        match self.contexts.get_mut(&id)? {
            Context::Stream(stream) => Some(stream),
            Context::Root(_) => None,
        }
    }

    pub(super) fn root_mut(&mut self, id: u32) -> Option<&mut Root> {
        match self.contexts.get_mut(&id)? {
            Context::Root(root) => Some(root),
            Context::Stream(_) => None,
        }
    }

    /// The stream that `call` acts on; what Envoy would let pass in silence is noted as a fault.
    pub(super) fn acting_stream(&mut self, call: &'static str) -> Option<u32> {
        let acting = self.acting();
        if self.unselected {
            self.faults.push(Fault::SelectionFailed { call, selected: acting });
        }
        let found = self.stream(acting).is_some();
        if !found {
            self.faults.push(Fault::NoStream { call });
        }
        found.then_some(acting)
    }

    /// splitmix64: the same seed gives the same bytes.
    pub(super) fn random(&mut self) -> u8 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()[0]
    }
}

pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().expect("no test panics while it holds the shared state")
}
