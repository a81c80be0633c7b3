//! A docker_auth file in a folder, and the program that serves Envoy's filter by it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::LIMIT;
use crate::certificates::write_in_one_step;
use crate::ports::Port;
use crate::process::{self, Process};
use crate::{http, parts};

/// The folder of an operator's files. Nothing runs yet.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    admin: Port,
    program: Option<PathBuf>,
    core: Option<u32>,
}

/// The program, serving the filter from the files of a [`Site`]; stopped when dropped.
#[derive(Debug)]
pub struct Running {
    process: Process,
    admin: u16,
    /// Its log is kept, whatever is started after it.
    _logs: TempDir,
}

impl Site {
    /// With this configuration, to which the listeners of filter and operator are added.
    #[track_caller]
    pub fn new(config: &Value) -> Self {
        let site = Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            admin: Port::free(),
            program: None,
            core: None,
        };
        site.configure(config);
        site
    }

    /// Runs another build of the program.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Keeps all of the program on this core, counted from 0.
    #[must_use]
    pub fn on_core(mut self, core: u32) -> Self {
        self.core = Some(core);
        self
    }

    /// Replaces the configuration by a rename, as an editor does.
    #[track_caller]
    pub fn configure(&self, config: &Value) {
        let mut config = config.clone();
        config["filter"] = json!({"listen": format!("unix:{}", self.socket().display())});
        config["admin"] = json!({"listen": format!("127.0.0.1:{}", self.admin)});
        // JSON is YAML.
        self.write("auth_config.yml", &config.to_string());
    }

    /// Replaces a file in the folder by a rename.
    #[track_caller]
    pub fn write(&self, name: &str, text: &str) {
        write_in_one_step(&self.folder.path().join(name), text);
    }

    /// As [`Self::write`], for a program that may be run.
    #[track_caller]
    pub fn write_program(&self, name: &str, text: &str) {
        self.write(name, text);
        let may_run = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path().join(name), may_run).expect("our own file can be told to be a program");
    }

    /// The folder, which is also the program's.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where Envoy's filter asks.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("filter.sock")
    }

    /// Starts the program and waits until its configuration is in force.
    #[track_caller]
    pub fn start(&self) -> Running {
        let mut running = self.launch();
        let url = running.url("/readyz");
        running.process.wait_until("ready", LIMIT, || {
            http::try_get(&url, &[])
                .is_ok_and(|answer| answer.status == 200)
                .then_some(())
        });
        running
    }

    /// Starts the program, and waits for nothing.
    #[track_caller]
    pub fn launch(&self) -> Running {
        let logs = tempfile::tempdir().expect("a temporary folder can be made");
        let program = self.program.clone().unwrap_or_else(parts::program);
        let mut command = match self.core {
            Some(core) => process::on_core(core, program),
            None => Command::new(program),
        };
        command
            .args(["serve", "--listen", "none", "auth_config.yml"])
            .current_dir(self.folder.path());
        Running {
            process: Process::start("registry-auth", &command, logs.path()),
            admin: self.admin.number(),
            _logs: logs,
        }
    }
}

impl Running {
    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until its log has a line with this.
    #[track_caller]
    pub fn wait_for_log(&mut self, text: &str) {
        self.wait_until(&format!("`{text}` in its log"), |running| {
            running.log().contains(text).then_some(())
        });
    }

    /// Waits until `condition` answers something; panics with its log if it ends or takes too long before.
    #[track_caller]
    pub fn wait_until<T>(&mut self, what: &str, condition: impl Fn(&Self) -> Option<T>) -> T {
        process::wait_until(what, LIMIT, || {
            if let Some(status) = self.process.has_ended() {
                panic!("registry-auth ended ({status}) before {what}");
            }
            condition(self)
        })
    }

    /// A metric by its whole name, labels included; zero if there is none.
    #[track_caller]
    pub fn metric(&self, name: &str) -> u64 {
        let metrics = http::get(&self.url("/metrics"), &[]).text();
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| {
            value
                .parse()
                .unwrap_or_else(|_| panic!("`{name}` is no whole number: {value}"))
        })
    }

    /// Ends it as nothing else does: it cannot close its connections, nor take its socket away.
    pub fn kill(mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait_for_end(LIMIT);
    }

    /// Has it stop of itself.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.wait_for_end(LIMIT)
    }

    /// It hangs: its connections stay open, and new ones are taken by the kernel.
    pub fn hang(&self) {
        self.process.hang();
    }

    /// Ends [`Self::hang`].
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.admin)
    }
}
