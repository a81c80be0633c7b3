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
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::parts;
use crate::ports::Port;
use crate::process::Process;
pub use site::{Running, Site};
pub use stand_in::{Answers, Call, StandIn};

/// It reads its configuration and listens; a busy machine draws that out.
const LIMIT: Duration = Duration::from_secs(30);

/// A running `registry-auth serve`; it is stopped when dropped.
#[derive(Debug)]
pub struct Sidecar {
    process: Process,
    port: Port,
    _folder: TempDir,
}

impl Sidecar {
    /// Starts it with this configuration, and waits until its token endpoint answers.
    #[track_caller]
    pub fn serve(config: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("auth_config.yml");
        // JSON is YAML.
        fs::write(&file, config.to_string()).expect("a file in a temporary folder can be written");
        let port = Port::free();
        let mut command = Command::new(parts::program());
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .arg(&file);
        let mut process = Process::start("registry-auth", &command, folder.path());
        let url = format!("http://127.0.0.1:{port}/token/none");
        process.wait_until("answering", LIMIT, || http::try_get(&url, &[]).ok().map(|_| ()));
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    /// Where its token endpoint answers.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }
}
