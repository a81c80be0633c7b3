//! The real Envoy, with the shipped `envoy/standalone.yaml` and `envoy/registry_auth.yaml`, or `envoy/managed.yaml`: what a
//! test runs is what an operator runs, but for ports and paths.
//!
//! ```no_run
//! use registry_auth_tests::{envoy::Envoy, registry::Registry};
//!
//! # let (config, key) = (serde_json::json!({}), "");
//! let setup = Envoy::standalone(&config).env("TOKEN_KEY", key);
//! let registry = Registry::v3_1().realm(&setup.realm()).start();
//! let envoy = setup.registry(registry.port()).start();
//! ```

mod setup;
mod shipped;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::write_in_one_step;
use crate::http;
use crate::http::raw::{self, Connection};
pub use crate::parts::EnvoyRelease;
use crate::process::{self, Process, poll};
pub use setup::Setup;
pub use shipped::SHIPPED_USERS;
use shipped::{ACCESS_LOG, Filter};

/// Most of a start is V8 compiling the module, which a busy machine draws out.
const LIMIT: Duration = Duration::from_mins(1);
/// How long nothing is given back to the system before that counts as the end of it: a part is each second.
const REST: Duration = Duration::from_secs(10);
/// The longest that it is waited for.
const LONGEST_UNREST: Duration = Duration::from_mins(3);
/// What comes and goes, in bytes.
const FLUTTER: u64 = 100_000;
/// What Envoy logs lies here, below the folder of its files.
const LOGS: &str = "log";
/// The discovery of the filter's configuration, in Envoy's stats.
const DISCOVERY: &str = "extension_config_discovery.http_filter.registry_auth";

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    setup: Setup,
    folder: Folder,
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
        Setup::new().config(config)
    }

    /// Sets up one with the plugin configuration that ships, and the accounts of `envoy/auth_config.yml`.
    #[track_caller]
    pub fn as_shipped() -> Setup {
        Setup::new().env("TOKEN_USERS", SHIPPED_USERS)
    }

    /// Sets up one whose filter asks the program whose `filter.listen` is this socket.
    #[track_caller]
    pub fn managed(socket: &Path) -> Setup {
        Setup::new().asking(socket)
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

    /// `each` connections to each worker: the kernel deals them out. Nobody else may connect meanwhile.
    #[track_caller]
    pub fn connections(&self, each: usize) -> Vec<Vec<Connection>> {
        let workers = usize::try_from(self.setup.concurrency).expect("a machine counts its workers");
        let listener = format!("listener.127.0.0.1_{}", self.port());
        let taken = || -> Vec<u64> {
            let taken_by = |worker| self.counter(&format!("{listener}.worker_{worker}.downstream_cx_total"));
            (0..workers).map(taken_by).collect()
        };
        let mut dealt: Vec<_> = (0..workers).map(|_| Vec::new()).collect();
        let mut before = taken();
        for _ in 0..100 * workers * each {
            if dealt.iter().all(|to_this| to_this.len() == each) {
                return dealt;
            }
            let mut connection = Connection::open(self.port());
            // Answered by the filter, and no decision.
            connection.send(raw::head("GET", "/token/none", &[]).as_bytes());
            assert_eq!(connection.answer().map(|answer| answer.status), Some(404));
            let after = taken();
            let worker = (0..workers).find(|worker| after[*worker] > before[*worker]);
            let to_this = &mut dealt[worker.expect("some worker has taken it")];
            if to_this.len() < each {
                to_this.push(connection);
            }
            before = after;
        }
        panic!(
            "not {each} connections to each worker, but {:?}",
            dealt.iter().map(Vec::len).collect::<Vec<_>>()
        );
    }

    /// The file from which Envoy takes the filter.
    pub fn filter_file(&self) -> PathBuf {
        self.folder.path().join("registry_auth.yaml")
    }

    /// An answer of the admin interface, such as `/config_dump`, `/stats` or `/stats/prometheus`.
    #[track_caller]
    pub fn admin(&self, path: &str) -> String {
        http::get(&self.admin_url(path), &[]).text()
    }

    /// Where the admin interface answers.
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.setup.admin)
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

    /// Waits until there are `count` lines in the log of [`Setup::access_log`], and answers all there are.
    #[track_caller]
    pub fn wait_for_access_log_lines(&mut self, count: usize) -> Vec<String> {
        self.wait_until(&format!("{count} lines in the access log"), |envoy| {
            let text = fs::read_to_string(envoy.folder.path().join(LOGS).join(ACCESS_LOG)).unwrap_or_default();
            let (whole, _) = text.rsplit_once('\n')?;
            Some(whole.lines().map(str::to_owned).collect::<Vec<_>>()).filter(|lines| lines.len() >= count)
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
        let taken_by = |envoy: &Self| discovered(envoy, "update_success");
        // Rejected is what the module or the type refuses; a failure is a file that is not even YAML.
        let refused_by = |envoy: &Self| discovered(envoy, "update_rejected") + discovered(envoy, "update_failure");
        let (taken, refused) = (taken_by(self), refused_by(self));
        let logged = self.log().len();
        write_in_one_step(&self.filter_file(), text);
        self.wait_until("an answer to the new configuration", |envoy| {
            if taken_by(envoy) > taken {
                Some(Swap::Taken)
            } else if refused_by(envoy) > refused {
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

    /// Resident memory, in bytes.
    #[track_caller]
    pub fn resident_bytes(&self) -> u64 {
        process::resident_bytes(self.process.id())
    }

    /// The same when nothing more is given back to the system.
    #[track_caller]
    pub fn resident_bytes_at_rest(&self) -> u64 {
        let (mut least, mut since) = (self.resident_bytes(), Instant::now());
        process::wait_until("memory is at rest", LONGEST_UNREST, || {
            let now = self.resident_bytes();
            if now + FLUTTER < least {
                (least, since) = (now, Instant::now());
            }
            (since.elapsed() >= REST).then_some(least)
        })
    }

    /// How Envoy ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.has_ended()
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
