//! The shipped `registry_auth.wasm` on wasmtime, in the part of Envoy 1.40: the one stand-in there is.
//!
//! It answers the module's questions and records what it does; tests assert replies, metrics, log lines and faults,
//! not the sequence of host calls.
//! ```no_run
//! # use registry_auth_tests::module::Module;
//! # use serde_json::json;
//! let mut module = Module::with(json!({ "token": { "issuer": "me" } })).clock(1_700_000_000).seed(7).start().unwrap();
//! let reply = module.get("/token?service=registry&scope=repository:a:pull").basic("ada", "pw").send();
//! assert_eq!(reply.status, 200, "{}", reply.text());
//! ```
//! Where Envoy lets misuse pass in silence (a second reply, a call after a failed selection), a [`Fault`] is noted;
//! a module dropped with faults that nobody asked for fails its test.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

mod abi;
mod abi_http;
mod callout;
mod request;
mod setup;
mod sign;
mod state;
mod status;
mod stream;
mod vm;
mod wasi;
mod wire;

#[cfg(test)]
mod tests;

pub use callout::{Callout, Clusters};
pub use request::{Call, Forwarded, Reply, Request};
pub use setup::{Level, Log, Refused, Settings};
pub use status::Fault;
pub use stream::Stream;
pub use vm::Code;
pub use wire::Header;

use state::{Context, Shared};
use stream::Standing;
use vm::Vm;

/// One worker of one Envoy with the module in it, configured and serving.
pub struct Module {
    code: Code,
    settings: Settings,
    shared: Arc<Mutex<Shared>>,
    vm: Vm,
    /// The root context new streams go to.
    root: u32,
    configuration: Vec<u8>,
    faults_read: Cell<bool>,
}

/// What became of a request so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was let go on, to the upstream.
    Continued,
    /// The filter holds it: for the body, an answer, or the tick.
    Paused,
    Replied(Reply),
    /// The filter reset it, or the client left.
    Gone,
}

impl Module {
    /// Starts with this plugin configuration; see [`Settings`] for what else there is to set.
    pub fn with(config: Value) -> Settings {
        Settings::new(config)
    }

    fn start(settings: Settings, code: Code, shared: Arc<Mutex<Shared>>) -> Result<Self, Refused> {
        let configuration = settings.configuration();
        ask_canary(&code, &settings, &shared, &configuration)?;
        let mut vm = Vm::new(&code, settings.clone(), shared.clone());
        let root = vm.configure(&configuration)?;
        Ok(Self {
            code,
            settings,
            shared,
            vm,
            root,
            configuration,
            faults_read: Cell::new(false),
        })
    }

    /// Another worker: a VM of its own, with this one's clock, shared data and metrics.
    #[must_use]
    pub fn worker(&self) -> Self {
        Self::start(self.settings.clone(), self.code.clone(), self.shared.clone())
            .unwrap_or_else(|refused| panic!("a worker refuses what another took: {refused}"))
    }

    /// A new configuration in the same VM, as ECDS brings it: asked of a canary first, then a root context of its own
    /// to which new streams go; the old one ends with its last stream. Envoy does nothing at all for a configuration
    /// that it has, and refuses again from memory what was refused once.
    pub fn reconfigure(&mut self, config: Value) -> Result<(), Refused> {
        self.vm.fuel_used = 0;
        let settings = Settings {
            config,
            ..self.settings.clone()
        };
        let configuration = settings.configuration();
        ask_canary(&self.code, &settings, &self.shared, &configuration)?;
        if configuration != self.configuration {
            let replaced = std::mem::replace(&mut self.root, self.vm.configure(&configuration)?);
            (self.settings, self.configuration) = (settings, configuration);
            self.vm.replace(replaced);
        }
        Ok(())
    }

    /// A `GET`, to be written on and sent.
    pub fn get(&mut self, path: &str) -> Call<'_> {
        Call {
            module: self,
            request: Request::get(path),
        }
    }

    /// A `POST`, to be written on and sent.
    pub fn post(&mut self, path: &str) -> Call<'_> {
        Call {
            module: self,
            request: Request::post(path),
        }
    }

    /// A request made elsewhere, or by another method.
    pub fn request(&mut self, request: Request) -> Call<'_> {
        Call { module: self, request }
    }

    /// Sends a request's headers, and its body if it has one. Without one, a POST, PUT or PATCH waits for
    /// [`Module::body`]; any other method ends with its headers.
    pub fn open(&mut self, request: Request) -> Stream {
        let nothing_follows = request.body.is_none() && request.bodyless();
        self.begin(request, nothing_follows)
    }

    fn begin(&mut self, mut request: Request, nothing_follows: bool) -> Stream {
        self.vm.fuel_used = 0;
        let body = request.body.take();
        let id = self.vm.open(self.root, request, nothing_follows);
        if let Some(body) = body {
            self.vm.body(id, &body, true);
        }
        Stream(id)
    }

    /// A piece of the body arrives. Whether the filter hears of it is the filter's and Envoy's affair
    /// ([`Settings::without_stop_iteration`]); on a stream that has its reply nothing happens.
    pub fn body(&mut self, stream: Stream, piece: impl AsRef<[u8]>, end_of_stream: bool) {
        self.vm.fuel_used = 0;
        self.vm.body(stream.0, piece.as_ref(), end_of_stream);
    }

    /// The upstream answers a request that was let go on; the filter's response callbacks see it.
    #[track_caller]
    pub fn upstream(&mut self, stream: Stream, status: u32, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
        assert_eq!(
            self.outcome(stream),
            Outcome::Continued,
            "the upstream answers what it was sent"
        );
        self.vm.fuel_used = 0;
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        let reply = Reply {
            status,
            headers: headers.collect(),
            body: body.as_ref().to_vec(),
            ..Reply::default()
        };
        self.vm.upstream(stream.0, reply);
        match self.standing(stream).0 {
            Standing::Replied(reply) => reply,
            other => panic!("the upstream's answer did not arrive: {}", other.name()),
        }
    }

    /// The client leaves.
    pub fn drop_stream(&mut self, stream: Stream) {
        self.vm.fuel_used = 0;
        self.vm.leave(stream.0);
    }

    /// Sets the bytes of headers and body that reached the proxy, the property `request.total_size`, which otherwise
    /// follows what is sent.
    pub fn set_total_size(&mut self, stream: Stream, bytes: u64) {
        if let Some(stream) = self.vm.host_mut().stream_mut(stream.0) {
            stream.total_size = bytes;
        }
    }

    /// What became of a request so far.
    #[track_caller]
    pub fn outcome(&self, stream: Stream) -> Outcome {
        match self.standing(stream).0 {
            Standing::Continued => Outcome::Continued,
            Standing::Paused => Outcome::Paused,
            Standing::Replied(reply) => Outcome::Replied(reply),
            Standing::Gone => Outcome::Gone,
        }
    }

    /// The reply on a stream. Panics, with the log, where there is none.
    #[track_caller]
    pub fn reply(&self, stream: Stream) -> Reply {
        match self.standing(stream).0 {
            Standing::Replied(reply) => reply,
            other => panic!("no reply but {}; the log:\n{}", other.name(), self.log_text()),
        }
    }

    #[track_caller]
    fn standing(&self, stream: Stream) -> (Standing, Vec<Header>) {
        if let Some(open) = self.vm.host().stream(stream.0) {
            return (open.standing.clone(), open.request_headers.clone());
        }
        self.vm
            .ended
            .get(&stream.0)
            .cloned()
            .unwrap_or_else(|| panic!("{stream:?} is of another module"))
    }

    /// Requests in the VM that have not ended.
    pub fn open_streams(&self) -> usize {
        self.vm
            .host()
            .contexts
            .values()
            .filter(|context| matches!(context, Context::Stream(_)))
            .count()
    }

    /// Moves the clock of all workers; nothing is called.
    pub fn advance(&mut self, by: Duration) {
        let nanoseconds = u64::try_from(by.as_nanos()).expect("a test ends within centuries");
        self.vm.host().shared().now += nanoseconds;
    }

    /// Sets the clock of all workers back; nothing is called.
    pub fn set_back(&mut self, by: Duration) {
        let nanoseconds = u64::try_from(by.as_nanos()).expect("a test ends within centuries");
        self.vm.host().shared().now -= nanoseconds;
    }

    /// Runs `proxy_on_tick` of every root context that asked for ticks.
    pub fn tick(&mut self) {
        self.vm.fuel_used = 0;
        self.vm.tick();
    }

    /// How often the configuration in force wants its tick.
    pub fn tick_period(&self) -> Option<Duration> {
        match self.vm.host().contexts.get(&self.root) {
            Some(Context::Root(root)) => root.tick,
            _ => None,
        }
    }

    /// Everything logged by this worker, oldest first.
    pub fn logs(&self) -> &[Log] {
        &self.vm.host().logs
    }

    /// A counter or gauge of the whole Envoy; 0 where none of that name was defined.
    pub fn counter(&self, name: &str) -> u64 {
        self.vm.host().shared().metrics.get(name).copied().unwrap_or_default()
    }

    /// All counters and gauges of the whole Envoy.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.vm.host().shared().metrics.clone()
    }

    /// The names of all metrics of the whole Envoy.
    pub fn metric_names(&self) -> Vec<String> {
        let shared = self.vm.host().shared();
        shared.metrics.keys().chain(shared.histograms.keys()).cloned().collect()
    }

    /// What was recorded in a histogram, in order.
    pub fn histogram(&self, name: &str) -> Vec<u64> {
        self.vm
            .host()
            .shared()
            .histograms
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// How often this VM defined a metric: each takes an id that Envoy never gets back.
    pub fn metric_definitions(&self) -> usize {
        self.vm.host().metric_ids.len()
    }

    /// The keys in shared data: none can be removed.
    pub fn shared_keys(&self) -> Vec<String> {
        self.vm.host().shared().data.keys().cloned().collect()
    }

    /// Misuse of the proxy so far, traps among it.
    pub fn faults(&self) -> &[Fault] {
        self.faults_read.set(true);
        &self.vm.host().faults
    }

    /// Fuel burnt by the last thing that was done to the module, in all its callbacks: about one per wasm instruction.
    pub fn fuel_used(&self) -> u64 {
        self.vm.fuel_used
    }

    /// Bytes of linear memory.
    pub fn memory_bytes(&mut self) -> usize {
        self.vm.memory_bytes()
    }

    /// The end of the log and every fault, for a test that fails.
    fn log_text(&self) -> String {
        let host = self.vm.host();
        let skipped = host.logs.len().saturating_sub(30);
        let logs = host.logs.iter().skip(skipped).map(ToString::to_string);
        logs.chain(host.faults.iter().map(|fault| format!("fault: {fault}")))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let unread = !self.vm.host().faults.is_empty() && !self.faults_read.get();
        assert!(
            !unread || std::thread::panicking(),
            "nobody asked for these faults:\n{}",
            self.log_text()
        );
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// Envoy tries each configuration in a VM of its own, with the real shared data and metrics, before a worker sees it.
fn ask_canary(code: &Code, settings: &Settings, shared: &Arc<Mutex<Shared>>, config: &[u8]) -> Result<(), Refused> {
    if let Some(verdict) = state::lock(shared).verdicts.get(config) {
        return verdict.clone();
    }
    let mut canary = Vm::new(code, settings.clone(), shared.clone());
    let verdict = canary.configure(config).map(|root| canary.replace(root));
    state::lock(shared).verdicts.insert(config.to_vec(), verdict.clone());
    verdict
}
