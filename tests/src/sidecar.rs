//! The program `registry-auth`, serving on a port of loopback.
//!
//! ```no_run
//! use registry_auth_tests::sidecar::Sidecar;
//!
//! let sidecar = Sidecar::serve(&serde_json::json!({"token": {"issuer": "i", "key": "token.key"}, "acl": []}));
//! assert_ne!(sidecar.port(), 0);
//! ```
//!
//! [`Site`] is what an operator has: a folder with the file and keys, edited while the program serves Envoy's filter.
//! [`StandIn`] sits where the program would, and answers what no program of ours does.

mod site;
mod stand_in;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::parts;
use crate::ports::Port;
use crate::process::{self, Process};
pub use site::{Running, Site};
pub use stand_in::{Answers, Call, StandIn};

/// It reads its configuration and listens; a busy machine draws that out.
const LIMIT: Duration = Duration::from_secs(30);

const NAME: &str = "registry-auth";
/// Its configuration, in its folder.
const CONFIG: &str = "auth_config.yml";

/// A running `registry-auth serve`; it is stopped when dropped.
#[derive(Debug)]
pub struct Sidecar {
    process: Process,
    port: Port,
    _folder: TempDir,
}

/// A `registry-auth serve` to be started.
#[derive(Debug)]
pub struct Setup {
    config: Value,
    program: Option<PathBuf>,
    core: Option<u32>,
    keeps_records: bool,
    is_verbose: bool,
    folder: TempDir,
}

impl Sidecar {
    /// Starts it with this configuration, and waits until its token endpoint answers.
    #[track_caller]
    pub fn serve(config: &Value) -> Self {
        Self::with(config).start()
    }

    /// Sets one up with this configuration.
    #[track_caller]
    pub fn with(config: &Value) -> Setup {
        Setup {
            config: config.clone(),
            program: None,
            core: None,
            keeps_records: true,
            is_verbose: false,
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }

    /// Where its token endpoint answers.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Resident memory, in bytes.
    #[track_caller]
    pub fn resident_bytes(&self) -> u64 {
        process::resident_bytes(self.process.id())
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// The records of its decisions so far.
    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        let records = self.process.stdout();
        let records = records.lines();
        let parsed = records.map(|line| serde_json::from_str(line).expect("each record is JSON on a line"));
        parsed.collect()
    }
}

impl Setup {
    /// Another build of the program.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Keeps all of it on this core, counted from 0.
    #[must_use]
    pub fn on_core(mut self, core: u32) -> Self {
        self.core = Some(core);
        self
    }

    /// Its records of decisions are written where nobody keeps them: a million are hundreds of megabytes.
    #[must_use]
    pub fn without_records(mut self) -> Self {
        self.keeps_records = false;
        self
    }

    /// Has it log each request.
    #[must_use]
    pub fn verbose(mut self) -> Self {
        self.is_verbose = true;
        self
    }

    /// Starts it, and waits until its token endpoint answers.
    #[track_caller]
    pub fn start(self) -> Sidecar {
        let folder = self.folder;
        let file = folder.path().join(CONFIG);
        // JSON is YAML.
        fs::write(&file, self.config.to_string()).expect("a file in a temporary folder can be written");
        let port = Port::free();
        let program = self.program.unwrap_or_else(parts::program);
        let mut command = match self.core {
            Some(core) => process::on_core(core, program),
            None => Command::new(program),
        };
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .arg(&file);
        if self.is_verbose {
            command.arg("--v=2");
        }
        if !self.keeps_records {
            symlink("/dev/null", folder.path().join(format!("{NAME}.out"))).expect("a link in a temporary folder");
        }
        let mut process = Process::start(NAME, &command, folder.path());
        let url = format!("http://127.0.0.1:{port}/token/none");
        process.wait_until("answering", LIMIT, || http::try_get(&url, &[]).ok().map(|_| ()));
        Sidecar {
            process,
            port,
            _folder: folder,
        }
    }
}
