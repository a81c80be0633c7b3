//! What a test asks of Envoy before it starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::shipped::{Bootstrap, Filter, Program};
use super::{Envoy, Folder, LIMIT, LOGS};
use crate::certificates::{Certified, write_in_one_step};
use crate::http;
use crate::parts::{self, EnvoyRelease};
use crate::ports::Port;
use crate::process::{self, Process};

/// An Envoy to be started. Its port is known before, because the registry's configuration needs it.
#[derive(Debug)]
pub struct Setup {
    pub(super) release: EnvoyRelease,
    pub(super) listener: Port,
    pub(super) admin: Port,
    pub(super) module: Option<PathBuf>,
    pub(super) env: Vec<(String, String)>,
    pub(super) concurrency: u32,
    pub(super) core: Option<u32>,
    pub(super) log_level: String,
    pub(super) folder: Option<PathBuf>,
    pub(super) bootstrap: Bootstrap,
    pub(super) filter: Filter,
}

impl Setup {
    #[track_caller]
    pub(super) fn new() -> Self {
        Self {
            release: EnvoyRelease::Current,
            listener: Port::free(),
            admin: Port::free(),
            module: None,
            env: Vec::new(),
            concurrency: 1,
            core: None,
            log_level: "info".to_owned(),
            folder: None,
            bootstrap: Bootstrap::default(),
            filter: Filter::default(),
        }
    }

    pub(super) fn config(mut self, config: &Value) -> Self {
        self.filter.config = Some(config.clone());
        self
    }

    /// Its filter asks the program whose `filter.listen` is this socket.
    pub(super) fn asking(mut self, socket: &Path) -> Self {
        self.bootstrap.program = Some(Program {
            sockets: vec![socket.to_owned()],
            http1: false,
            plugin: json!({"cluster": "registry-auth"}),
        });
        self
    }

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

    /// Stands behind so many proxies that append to `X-Forwarded-For`, as the shipped file says how: with one, a client's
    /// address is the last one there.
    #[must_use]
    pub fn trusted_hops(mut self, proxies: u32) -> Self {
        self.bootstrap.trusted_hops = proxies;
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

    /// The shipped accounts stand in the filter's file, where a reader edits them.
    #[must_use]
    pub fn users_to_edit(mut self) -> Self {
        self.filter.users_to_edit = true;
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

    /// Adds an access log of Envoy's own with a line of this format for each request: [`Envoy::wait_for_access_log_lines`].
    #[must_use]
    pub fn access_log(mut self, format: &str) -> Self {
        self.bootstrap.access_log = Some(format.to_owned());
        self
    }

    /// The cluster of the program has these sockets, and no other one; only with [`Envoy::managed`], as the next two.
    #[must_use]
    pub fn sockets(mut self, sockets: &[&Path]) -> Self {
        self.program().sockets = sockets.iter().map(|socket| (*socket).to_owned()).collect();
        self
    }

    /// The program is asked over HTTP/1.1.
    #[must_use]
    pub fn http1_to_the_program(mut self) -> Self {
        self.program().http1 = true;
        self
    }

    /// Sets a key under `managed` of the plugin's configuration.
    #[must_use]
    pub fn plugin(mut self, key: &str, value: &str) -> Self {
        self.program().plugin[key] = value.into();
        self
    }

    #[track_caller]
    fn program(&mut self) -> &mut Program {
        self.bootstrap.program.as_mut().expect("the filter asks a program")
    }

    /// Has no filter: Envoy answers everything itself, with so many bytes.
    #[must_use]
    pub fn direct_response(mut self, bytes: usize) -> Self {
        self.bootstrap.direct_response = Some(bytes);
        self
    }

    /// How many workers. One by default, so that a test knows who counted.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Keeps all of it on this core, counted from 0.
    #[must_use]
    pub fn on_core(mut self, core: u32) -> Self {
        self.core = Some(core);
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
        // Not beside the watched file: at `debug` Envoy logs each event of that folder, and writing that is an event.
        let logs = folder.path().join(LOGS);
        fs::create_dir_all(&logs).expect("a folder in our own can be made");
        let module = self.module();
        let filter = self.filter.render(&module, &self.env);
        let ports = [self.listener.number(), self.admin.number()];
        let bootstrap = self.bootstrap.render(ports, folder.path(), &module, &filter);
        let file = folder.path().join("envoy.yaml");
        write_in_one_step(&folder.path().join("registry_auth.yaml"), &filter);
        write_in_one_step(&file, &bootstrap);
        let program = self.release.program();
        let mut command = match self.core {
            Some(core) => process::on_core(core, program),
            None => Command::new(program),
        };
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
        (Process::start("envoy", &command, &logs), folder)
    }

    #[track_caller]
    pub(super) fn module(&self) -> PathBuf {
        self.module.clone().unwrap_or_else(parts::wasm)
    }
}
