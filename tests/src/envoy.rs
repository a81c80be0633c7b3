//! The real Envoy, with the shipped `envoy/standalone.yaml` and `envoy/registry_auth.yaml`: what a test runs is what an
//! operator runs, but for ports and paths.
//!
//! ```no_run
//! use registry_auth_tests::{envoy::Envoy, registry::Registry};
//!
//! # let (config, key) = (serde_json::json!({}), "");
//! let setup = Envoy::standalone(&config).env("TOKEN_KEY", key);
//! let registry = Registry::v3_1().realm(&setup.realm()).start();
//! let envoy = setup.registry(registry.port()).start();
//! ```

mod shipped;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::{Certified, write_in_one_step};
use crate::http;
use crate::parts;
pub use crate::parts::EnvoyRelease;
use crate::ports::Port;
use crate::process::{Process, poll};
use shipped::{Bootstrap, Filter};

const LIMIT: Duration = Duration::from_secs(30);
/// The discovery of the filter's configuration, in Envoy's stats.
const DISCOVERY: &str = "extension_config_discovery.http_filter.registry_auth";

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    setup: Setup,
    folder: Folder,
}

/// An Envoy to be started. Its port is known before, because the registry's configuration needs it.
#[derive(Debug)]
pub struct Setup {
    release: EnvoyRelease,
    listener: Port,
    admin: Port,
    module: Option<PathBuf>,
    env: Vec<(String, String)>,
    concurrency: u32,
    log_level: String,
    folder: Option<PathBuf>,
    bootstrap: Bootstrap,
    filter: Filter,
}

/// What Envoy made of a new configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// It is in force, on each worker within milliseconds.
    Taken,
    /// The one before serves on; this is what Envoy logged meanwhile.
    Refused(String),
}

#[derive(Debug)]
enum Folder {
    Ours(TempDir),
    Theirs(PathBuf),
}

impl Envoy {
    /// Sets up one with this plugin configuration.
    #[track_caller]
    pub fn standalone(config: &Value) -> Setup {
        let setup = Self::as_shipped();
        Setup {
            filter: Filter {
                config: Some(config.clone()),
                ..setup.filter
            },
            ..setup
        }
    }

    /// Sets up one with the plugin configuration that ships.
    #[track_caller]
    pub fn as_shipped() -> Setup {
        Setup {
            release: EnvoyRelease::Current,
            listener: Port::free(),
            admin: Port::free(),
            module: None,
            env: Vec::new(),
            concurrency: 1,
            log_level: "info".to_owned(),
            folder: None,
            bootstrap: Bootstrap::default(),
            filter: Filter::default(),
        }
    }

    pub fn port(&self) -> u16 {
        self.setup.port()
    }

    /// `127.0.0.1:port`, as a client names the registry.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.setup.listener)
    }

    /// `http://127.0.0.1:port`, or `https` with [`Setup::tls`].
    pub fn url(&self) -> String {
        self.setup.url()
    }

    /// The file from which Envoy takes the filter.
    pub fn filter_file(&self) -> PathBuf {
        self.folder.path().join("registry_auth.yaml")
    }

    /// An answer of the admin interface, such as `/config_dump`, `/stats` or `/stats/prometheus`.
    #[track_caller]
    pub fn admin(&self, path: &str) -> String {
        http::get(&format!("http://127.0.0.1:{}{path}", self.setup.admin), &[]).text()
    }

    /// A counter or gauge by its whole name; zero if there is none.
    #[track_caller]
    pub fn counter(&self, name: &str) -> u64 {
        let stats = self.admin("/stats");
        let value = stats
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map_or(0, |value| {
            value
                .parse()
                .unwrap_or_else(|_| panic!("`{name}` is no number: {value}"))
        })
    }

    /// What Envoy and the module have logged so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// The audit records so far. Panics if stdout holds anything else.
    #[track_caller]
    pub fn audit_lines(&self) -> Vec<Value> {
        let text = self.process.stdout();
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no audit record: {line}"));
        whole.lines().map(parse).collect()
    }

    /// Waits until there are `count` audit records, and answers all there are.
    #[track_caller]
    pub fn wait_for_audit_lines(&mut self, count: usize) -> Vec<Value> {
        self.wait_until(&format!("{count} audit records"), |envoy| {
            Some(envoy.audit_lines()).filter(|lines| lines.len() >= count)
        })
    }

    /// Replaces the plugin configuration by a rename, as an operator does, and waits for what Envoy makes of it.
    #[track_caller]
    pub fn swap_config(&mut self, config: &Value) -> Swap {
        let filter = Filter {
            config: Some(config.clone()),
            ..self.setup.filter.clone()
        };
        let text = filter.render(&self.setup.module(), &self.setup.env);
        self.swap_filter(&text)
    }

    /// As [`Self::swap_config`], with the whole text of the filter's file.
    #[track_caller]
    pub fn swap_filter(&mut self, text: &str) -> Swap {
        let discovered = |envoy: &Self, what: &str| envoy.counter(&format!("{DISCOVERY}.{what}"));
        let (taken, refused) = (discovered(self, "update_success"), discovered(self, "update_rejected"));
        let logged = self.log().len();
        write_in_one_step(&self.filter_file(), text);
        self.wait_until("an answer to the new configuration", |envoy| {
            if discovered(envoy, "update_success") > taken {
                Some(Swap::Taken)
            } else if discovered(envoy, "update_rejected") > refused {
                Some(Swap::Refused(envoy.log().get(logged..).unwrap_or_default().to_owned()))
            } else {
                None
            }
        })
    }

    /// Waits until `condition` answers something; panics with Envoy's log if it ends or takes too long before.
    #[track_caller]
    pub fn wait_until<T>(&mut self, what: &str, condition: impl Fn(&Self) -> Option<T>) -> T {
        let value = poll(LIMIT, || {
            condition(self).map(Ok).or_else(|| self.process.has_ended().map(Err))
        });
        match value {
            Some(Ok(value)) => value,
            Some(Err(status)) => panic!("envoy ended ({status}) before {what}"),
            None => panic!("not so after {LIMIT:?}: {what}"),
        }
    }

    /// How Envoy ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.has_ended()
    }
}

impl Setup {
    /// The port it will serve on.
    pub fn port(&self) -> u16 {
        self.listener.number()
    }

    pub fn url(&self) -> String {
        let scheme = if self.bootstrap.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.listener)
    }

    /// Where a registry sends its clients for a token.
    pub fn realm(&self) -> String {
        format!("{}/token", self.url())
    }

    #[must_use]
    pub fn release(mut self, release: EnvoyRelease) -> Self {
        self.release = release;
        self
    }

    /// The registry's port on loopback. Without it Envoy answers 503 on `/v2/`.
    #[must_use]
    pub fn registry(mut self, port: u16) -> Self {
        self.bootstrap.registry = port;
        self
    }

    /// A variable of Envoy's environment that the module may see.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Key and certificate, in the variables that the shipped configuration names.
    #[must_use]
    pub fn signed_by(self, key: &Certified) -> Self {
        self.env("TOKEN_KEY", &key.key())
            .env("TOKEN_CERTIFICATE", &key.certificate())
    }

    /// The filter stands in Envoy's own configuration, not in a watched file: a bad one ends Envoy's start.
    #[must_use]
    pub fn inline(mut self) -> Self {
        self.bootstrap.inline = true;
        self
    }

    /// The plugin configuration goes to the module as text, as Istio does it, not as a Struct.
    #[must_use]
    pub fn as_text(mut self) -> Self {
        self.filter.as_text = true;
        self
    }

    /// As under Istio and Envoy Gateway: bodies of requests that wait never arrive.
    #[must_use]
    pub fn without_allow_on_headers_stop_iteration(mut self) -> Self {
        self.filter.stop_iteration = false;
        self
    }

    /// Sets `request_body` of the plugin configuration: `read` or `route`.
    #[must_use]
    pub fn request_body(mut self, way: &str) -> Self {
        if let Some(config) = &mut self.filter.config {
            config["request_body"] = way.into();
        }
        self
    }

    /// How many workers. One by default, so that a test knows who counted.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// `debug`, `info`, …
    #[must_use]
    pub fn log_level(mut self, level: &str) -> Self {
        level.clone_into(&mut self.log_level);
        self
    }

    /// Turns on TLS, as the shipped file says how.
    #[must_use]
    pub fn tls(mut self, key: &Certified) -> Self {
        self.bootstrap.tls = Some((key.certificate_file(), key.key_file()));
        self
    }

    /// Another module than the filter.
    #[must_use]
    pub fn module_file(mut self, file: &Path) -> Self {
        self.module = Some(file.to_owned());
        self
    }

    /// Keeps the files in this folder, not in one that is deleted afterwards.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Serves on this port.
    #[must_use]
    pub fn on(mut self, port: Port) -> Self {
        self.listener = port;
        self
    }

    /// Has its admin interface on this port.
    #[must_use]
    pub fn admin_on(mut self, port: Port) -> Self {
        self.admin = port;
        self
    }

    /// Starts it and waits until it serves. With a filter from a watched file that is so for a bad one too: every path
    /// answers 500 then.
    #[track_caller]
    pub fn start(self) -> Envoy {
        let (mut process, folder) = self.launch();
        let url = format!("http://127.0.0.1:{}/ready", self.admin);
        process.wait_until("serving", LIMIT, || {
            http::try_get(&url, &[])
                .is_ok_and(|answer| answer.text().trim() == "LIVE")
                .then_some(())
        });
        Envoy {
            process,
            setup: self,
            folder,
        }
    }

    /// Starts it, expects that it ends of itself with a failure, and answers what it logged.
    #[track_caller]
    pub fn start_refused(self) -> String {
        let (mut process, _folder) = self.launch();
        let status = process.wait_for_end(LIMIT);
        assert!(!status.success(), "envoy ended without a failure");
        process.stderr()
    }

    #[track_caller]
    fn launch(&self) -> (Process, Folder) {
        let folder = match &self.folder {
            Some(folder) => Folder::Theirs(folder.clone()),
            None => Folder::Ours(tempfile::tempdir().expect("a temporary folder can be made")),
        };
        let filter = self.filter.render(&self.module(), &self.env);
        let bootstrap = self
            .bootstrap
            .render([self.listener.number(), self.admin.number()], folder.path(), &filter);
        let file = folder.path().join("standalone.yaml");
        write_in_one_step(&folder.path().join("registry_auth.yaml"), &filter);
        write_in_one_step(&file, &bootstrap);
        let mut command = Command::new(self.release.program());
        command
            .arg("-c")
            .arg(&file)
            .args(["--concurrency", &self.concurrency.to_string()]);
        command.args([
            "--log-level",
            &self.log_level,
            "--file-flush-interval-msec",
            "20",
            "--disable-hot-restart",
        ]);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        (Process::start("envoy", &command, folder.path()), folder)
    }

    #[track_caller]
    fn module(&self) -> PathBuf {
        self.module.clone().unwrap_or_else(parts::wasm)
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Ours(folder) => folder.path(),
            Self::Theirs(folder) => folder,
        }
    }
}

#[cfg(test)]
mod tests;
