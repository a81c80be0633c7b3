//! What a module is started with, and how its configuration reaches it.

use std::fmt;

use serde_json::Value;

use super::vm::Code;
use super::{Fault, Module, wire};

/// How Envoy hands the plugin configuration over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A `StringValue` with JSON in it, as Istio sends it: arrives as the text.
    Text,
    /// A `google.protobuf.Struct`: arrives serialized.
    Struct,
}

/// What a module is started with: `Module::with(config).clock(t).seed(7).start()`.
#[derive(Clone)]
#[must_use = "nothing runs until it is started"]
pub struct Settings {
    pub(super) config: Value,
    pub(super) form: Form,
    pub(super) code: Option<Code>,
    pub(super) clock: u64,
    pub(super) seed: u64,
    pub(super) sign: bool,
    pub(super) stop_iteration: bool,
    pub(super) environment: Vec<(String, String)>,
    pub(super) log_level: Level,
    pub(super) plugin_name: String,
    pub(super) vm_configuration: Vec<u8>,
}

impl Settings {
    pub(super) fn new(config: Value) -> Self {
        Self {
            config,
            form: Form::Text,
            code: None,
            clock: 1_700_000_000,
            seed: 1,
            sign: true,
            stop_iteration: true,
            environment: Vec::new(),
            log_level: Level::Trace,
            plugin_name: "registry_auth".to_owned(),
            vm_configuration: Vec::new(),
        }
    }

    /// The configuration arrives as a protobuf Struct, as from Envoy's own YAML. Without this it is a JSON string; a
    /// `config` that is itself a string arrives as that text, whatever it says.
    pub fn as_struct(mut self) -> Self {
        self.form = Form::Struct;
        self
    }

    /// The time at the start, in seconds since the epoch.
    pub fn clock(mut self, seconds: u64) -> Self {
        self.clock = seconds;
        self
    }

    /// What random bytes are drawn from: the same seed, the same bytes. Each VM draws its own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// An Envoy before 1.37: the foreign function `sign` is not found.
    pub fn without_sign(mut self) -> Self {
        self.sign = false;
        self
    }

    /// A plugin without `allow_on_headers_stop_iteration`: a request held in the header callback gets no body callback
    /// until it is let go on.
    pub fn without_stop_iteration(mut self) -> Self {
        self.stop_iteration = false;
        self
    }

    /// An environment variable that Envoy passes on (`vm_config.environment_variables`).
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Envoy's log level: what is below it is not logged, and the module can ask for it. Everything, if not set.
    pub fn log_level(mut self, level: Level) -> Self {
        self.log_level = level;
        self
    }

    /// Another module than the one that ships.
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Starts the VM, as Envoy starts a worker: the configuration is tried in a canary VM first, whose log lines are
    /// not kept, and whose metrics and shared data are. Refused where `on_configure` says no, or traps.
    pub fn start(mut self) -> Result<Module, Refused> {
        let code = self.code.take().unwrap_or_else(Code::shipped);
        let shared = super::Shared {
            now: self.clock * 1_000_000_000,
            ..super::Shared::default()
        };
        Module::start(self, code, std::sync::Arc::new(std::sync::Mutex::new(shared)))
    }

    /// The bytes that reach the module.
    pub(super) fn configuration(&self) -> Vec<u8> {
        match (&self.config, self.form) {
            (Value::String(text), _) => text.clone().into_bytes(),
            (config, Form::Text) => config.to_string().into_bytes(),
            (config, Form::Struct) => wire::as_struct(config),
        }
    }
}

/// The module did not take a configuration: what it said, and whether it trapped.
#[derive(Clone, Debug)]
pub struct Refused {
    pub logs: Vec<Log>,
    pub faults: Vec<Fault>,
}

impl Refused {
    /// The log lines, one below the other: what an operator reads.
    pub fn text(&self) -> String {
        self.logs.iter().flat_map(|log| [log.text.as_str(), "\n"]).collect()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration was refused")?;
        self.logs.iter().try_for_each(|log| write!(f, "\n{log}"))?;
        self.faults.iter().try_for_each(|fault| write!(f, "\nfault: {fault}"))
    }
}

impl std::error::Error for Refused {}

/// The level of a log line, as the ABI numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

impl Level {
    pub(super) fn of(number: u32) -> Option<Self> {
        [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
            Self::Critical,
        ]
        .get(number as usize)
        .copied()
    }
}

/// A log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub level: Level,
    pub text: String,
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.level, self.text)
    }
}
