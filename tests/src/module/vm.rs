//! The module on wasmtime: compiled once per process, instantiated per VM, called with fuel and watched for traps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use wasmtime::{Config, Engine, Instance, InstancePre, Linker, Memory, Store, TypedFunc, Val, WasmBacktraceDetails};

use super::state::{Context, Deferred, Host, Root, Shared, Stage};
use super::status::Fault;
use super::stream::{Standing, number};
use super::wire::Header;
use super::{Refused, Settings, abi, abi_http, wasi};

/// What one call may burn before it counts as hanging: minutes, where Envoy's worker would stand still for good.
const FUEL: u64 = 20_000_000_000;

/// A compiled module, linked with the host's functions.
#[derive(Clone)]
pub struct Code(Arc<InstancePre<Host>>);

impl Code {
    /// The module that ships: `REGISTRY_AUTH_WASM`, or what `make wasm` left in `target`. Compiled once per process.
    pub fn shipped() -> Self {
        static SHIPPED: OnceLock<Code> = OnceLock::new();
        SHIPPED
            .get_or_init(|| Self::compile(&std::fs::read(shipped_path()).expect("the module can be read")))
            .clone()
    }

    /// A module of the test's own, binary or text.
    pub fn compile(wasm: &[u8]) -> Self {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| {
            let mut config = Config::new();
            config
                .consume_fuel(true)
                .wasm_backtrace_details(WasmBacktraceDetails::Enable);
            Engine::new(&config).expect("this machine has a wasm engine")
        });
        Self::link(engine, wasm).unwrap_or_else(|error| panic!("the module does not compile: {error:?}"))
    }

    fn link(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Self> {
        let module = wasmtime::Module::new(engine, wasm)?;
        let mut linker = Linker::new(engine);
        abi::link(&mut linker)?;
        abi_http::link(&mut linker)?;
        wasi::link(&mut linker)?;
        linker.define_unknown_imports_as_traps(&module)?;
        Ok(Self(Arc::new(linker.instantiate_pre(&module)?)))
    }
}

/// Panics when the module has not been built: a suite that passes without it would prove nothing.
fn shipped_path() -> PathBuf {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    #[expect(
        clippy::disallowed_methods,
        reason = "which build to test is for whoever starts the tests to say"
    )]
    let named = std::env::var("REGISTRY_AUTH_WASM").ok().map(|path| root.join(path));
    let built = [
        "target/registry_auth.wasm",
        "target/wasm32-unknown-unknown/release/registry_auth.wasm",
    ];
    named
        .into_iter()
        .chain(built.map(|path| root.join(path)))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!(
                "no registry_auth.wasm in {}: run make wasm",
                root.join("target").display()
            )
        })
}

/// One instance of the module: what Envoy has per worker.
pub(super) struct Vm {
    store: Store<Host>,
    instance: Instance,
    /// A trap ended this VM.
    pub(super) failed: bool,
    /// Fuel burnt since the caller last set it to 0.
    pub(super) fuel_used: u64,
    /// How streams ended, with the headers they went upstream with.
    pub(super) ended: BTreeMap<u32, (Standing, Vec<Header>)>,
}

impl Vm {
    /// An instance that has run `_initialize`; a trap there leaves one that has failed.
    pub(super) fn new(code: &Code, settings: Settings, shared: Arc<Mutex<Shared>>) -> Self {
        let mut store = Store::new(code.0.module().engine(), Host::new(settings, shared));
        store.set_fuel(FUEL).expect("fuel is on");
        let instance = code
            .0
            .instantiate(&mut store)
            .unwrap_or_else(|error| panic!("no instance: {error:?}"));
        let mut vm = Self {
            store,
            instance,
            failed: false,
            fuel_used: 0,
            ended: BTreeMap::new(),
        };
        let start = if vm.exports("_initialize") {
            "_initialize"
        } else {
            "_start"
        };
        vm.call(0, start, &[]);
        vm
    }

    pub(super) fn host(&self) -> &Host {
        self.store.data()
    }

    pub(super) fn host_mut(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// Bytes of linear memory; wasm gives none back.
    pub(super) fn memory_bytes(&mut self) -> usize {
        memory(&mut self.store, self.instance).map_or(0, |memory| memory.data_size(&self.store))
    }

    fn exports(&mut self, name: &str) -> bool {
        self.instance.get_func(&mut self.store, name).is_some()
    }

    /// Calls an export for a context. A callback that is not exported answers 0, as Envoy takes it; `None` where the
    /// module trapped, now or before.
    pub(super) fn call(&mut self, context: u32, name: &'static str, arguments: &[u32]) -> Option<u32> {
        if self.failed {
            return None;
        }
        let Some(function) = self.instance.get_func(&mut self.store, name) else {
            return Some(0);
        };
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let arguments: Vec<Val> = arguments.iter().map(|value| Val::I32(value.cast_signed())).collect();
        let host = self.store.data_mut();
        (host.current, host.effective, host.unselected, host.running) = (context, None, false, name);
        self.store.set_fuel(FUEL).expect("fuel is on");
        let outcome = function.call(&mut self.store, &arguments, &mut results);
        self.fuel_used += FUEL - self.store.get_fuel().expect("fuel is on");
        let host = self.store.data_mut();
        (host.current, host.effective, host.unselected, host.running) = (0, None, false, "");
        match outcome {
            Ok(()) => Some(results.first().and_then(Val::i32).unwrap_or(0).cast_unsigned()),
            Err(error) => {
                // What it asked for before it trapped is not done: Envoy answers 503 in its place.
                host.deferred.clear();
                host.faults.push(Fault::Trap {
                    during: name.to_owned(),
                    text: format!("{error:#}"),
                });
                self.failed = true;
                None
            }
        }
    }

    /// Takes a configuration as a new root context, as Envoy does on each worker: created, started, configured.
    pub(super) fn configure(&mut self, configuration: &[u8]) -> Result<u32, Refused> {
        let root = Root {
            tick: None,
            stage: Stage::Serving,
        };
        let id = self.host_mut().add(Context::Root(root));
        let first_log = self.host().logs.len();
        let vm_size = number(self.host().settings.vm_configuration.len());
        self.host_mut().configuration = Some(configuration.to_vec());
        self.call(id, "proxy_on_context_create", &[id, 0]);
        let steps = [
            ("proxy_on_vm_start", vm_size),
            ("proxy_on_configure", number(configuration.len())),
        ];
        let taken = steps
            .iter()
            .all(|(name, size)| !self.exports(name) || self.call(id, name, &[id, *size]) == Some(1));
        self.host_mut().configuration = None;
        self.settle();
        if taken && !self.failed {
            return Ok(id);
        }
        let logs = self.host().logs.get(first_log..).unwrap_or_default().to_vec();
        Err(Refused {
            logs,
            faults: self.host().faults.clone(),
        })
    }

    /// From now on `root` is an older configuration; it ends when its last stream has.
    pub(super) fn replace(&mut self, root: u32) {
        if let Some(root) = self.host_mut().root_mut(root) {
            root.stage = Stage::Replaced;
        }
        self.retire(root);
    }

    /// Ends a replaced root that no stream holds any more.
    pub(super) fn retire(&mut self, id: u32) {
        let held = self
            .host()
            .contexts
            .values()
            .any(|context| matches!(context, Context::Stream(s) if s.root == id));
        let replaced = self
            .host_mut()
            .root_mut(id)
            .is_some_and(|root| root.stage == Stage::Replaced);
        if held || !replaced || self.failed {
            return;
        }
        if let Some(root) = self.host_mut().root_mut(id) {
            root.stage = Stage::Ending;
        }
        if !self.exports("proxy_on_done") || self.call(id, "proxy_on_done", &[id]) == Some(1) {
            self.host_mut().deferred.push(Deferred::Delete { root: id });
        }
        self.settle();
    }

    pub(super) fn delete_root(&mut self, id: u32) {
        self.call(id, "proxy_on_delete", &[id]);
        let host = self.host_mut();
        host.contexts.remove(&id);
        host.callouts.retain(|_, callout| callout.root != id);
    }

    /// `proxy_on_tick` of every root that asked for one.
    pub(super) fn tick(&mut self) {
        let due = |context: &Context| matches!(context, Context::Root(root) if root.tick.is_some());
        let roots: Vec<u32> = self
            .host()
            .contexts
            .iter()
            .filter(|(_, c)| due(c))
            .map(|(id, _)| *id)
            .collect();
        for root in roots {
            self.call(root, "proxy_on_tick", &[root]);
            self.settle();
        }
    }
}

pub(super) fn memory(store: impl wasmtime::AsContextMut, instance: Instance) -> Option<Memory> {
    instance.get_memory(store, "memory")
}

/// The module's allocator, by which the host hands over what a call returns.
pub(super) type Allocate = TypedFunc<u32, u32>;
