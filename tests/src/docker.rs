//! docker, as an operator types it, with the daemon that runs here, or one of the test run's own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::Duration;

use crate::client::{Client, Home};
use crate::image::Image;
use crate::parts;
use crate::process::{Process, Ran, poll, run};

const LIMIT: Duration = Duration::from_mins(2);
/// A first start makes keys, stores and its own containerd.
const DAEMON_READY: Duration = Duration::from_secs(90);

/// One operator's docker client. Images are the daemon's, shared by all; those that went through this client are deleted
/// with it.
#[derive(Debug)]
pub struct Docker {
    home: Home,
    host: String,
    images: RwLock<Vec<String>>,
}

/// A daemon of this process's own. It ends with the process and then deletes its folder.
#[derive(Debug)]
struct Daemon {
    _process: Process,
    host: String,
}

impl Docker {
    /// Logged in nowhere. Starts a daemon if none answers, one for all tests of this process.
    #[expect(clippy::new_without_default, reason = "it makes a folder and may start a daemon")]
    #[track_caller]
    pub fn new() -> Self {
        Self::try_new().unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Self::new`], with the text that says why there is no daemon.
    pub fn try_new() -> Result<Self, String> {
        static HOST: LazyLock<Result<(String, Option<Daemon>), String>> = LazyLock::new(|| {
            parts::find("docker")?;
            if answers("unix:///var/run/docker.sock") {
                return Ok(("unix:///var/run/docker.sock".to_owned(), None));
            }
            let daemon = Daemon::start()?;
            Ok((daemon.host.clone(), Some(daemon)))
        });
        let (host, _) = HOST.as_ref().map_err(Clone::clone)?;
        Ok(Self {
            home: Home::new(),
            host: host.clone(),
            images: RwLock::default(),
        })
    }

    /// `DOCKER_HOST` of the daemon.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Gives the daemon the image under `reference`.
    #[track_caller]
    pub fn import(&self, image: &Image, reference: &str) -> Ran {
        self.keep(reference);
        self.run(&["import", &image.layer().display().to_string(), reference])
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.command(&parts::system("docker"));
        command.args(arguments);
        run(of(&self.host, &mut command), LIMIT)
    }

    fn keep(&self, reference: &str) {
        self.images
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reference.to_owned());
    }
}

impl Client for Docker {
    #[track_caller]
    fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        self.run(&["login", "--username", account, "--password", password, registry])
    }

    #[track_caller]
    fn logout(&self, registry: &str) -> Ran {
        self.run(&["logout", registry])
    }

    /// Imports the image under `reference` and pushes it.
    #[track_caller]
    fn push(&self, image: &Image, reference: &str) -> Ran {
        let _ = self.import(image, reference).ok();
        self.run(&["push", reference])
    }

    /// Pulls what the daemon does not have: its own copy of the image is deleted first.
    #[track_caller]
    fn pull(&self, reference: &str) -> Ran {
        self.keep(reference);
        // Fails where the daemon has no copy.
        let _ = self.run(&["rmi", "--force", reference]);
        self.run(&["pull", reference])
    }

    #[track_caller]
    fn pulled(&self, reference: &str) -> String {
        // `repository@digest`, a line for each repository that the daemon knows the image from.
        let format = "{{range .RepoDigests}}{{println .}}{{end}}";
        let known = self
            .run(&["image", "inspect", "--format", format, reference])
            .ok()
            .stdout;
        let (repository, _tag) = reference.rsplit_once(':').unwrap_or_default();
        let mut digests = known
            .lines()
            .filter_map(|line| line.strip_prefix(repository)?.strip_prefix('@'));
        digests
            .next()
            .unwrap_or_else(|| panic!("not from {repository}: {known}"))
            .to_owned()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let images = std::mem::take(self.images.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !images.is_empty() {
            let images = images.iter().map(String::as_str);
            let _ = self.run(&["rmi", "--force"].into_iter().chain(images).collect::<Vec<_>>());
        }
    }
}

impl Daemon {
    /// Starts it in a folder that only its own shell deletes: this process may be gone by then.
    fn start() -> Result<Self, String> {
        let dockerd = parts::find("dockerd")?;
        let folder = tempfile::Builder::new()
            .prefix("dockerd-")
            .tempdir()
            .map_err(|error| error.to_string())?
            .keep();
        let host = format!("unix://{}", folder.join("docker.sock").display());
        let mut command = Command::new("sh");
        command
            .args(["-c", SHELL, "sh"])
            .arg(&folder)
            .arg(dockerd)
            .args(arguments(&folder, &host));
        let mut process = Process::start("dockerd", &command, &folder);
        let ready = poll(DAEMON_READY, || match process.has_ended() {
            Some(_) => Some(false),
            None => answers(&host).then_some(true),
        });
        if ready == Some(true) {
            return Ok(Self {
                _process: process,
                host,
            });
        }
        let log = process.log();
        process.stop();
        let _ = fs::remove_dir_all(&folder);
        Err(format!("dockerd does not start here; its log:\n{log}"))
    }
}

/// Runs dockerd until SIGTERM, which comes when this process ends, and then takes away what it left: its mounts and its
/// folder. A dockerd that ends of itself leaves the folder with its log to whoever started it.
const SHELL: &str = r#"
folder=$1 told=; shift
"$@" & daemon=$!
trap 'told=1; kill "$daemon" 2>/dev/null' TERM INT HUP
while kill -0 "$daemon" 2>/dev/null; do wait "$daemon"; done
while read -r _ at _; do case $at in "$folder"/*) umount -l "$at";; esac; done </proc/mounts
[ -z "$told" ] || rm -rf "$folder"
"#;

fn arguments(folder: &Path, host: &str) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut arguments = vec!["--host".to_owned(), host.to_owned()];
    for (flag, name) in [
        ("--data-root", "data"),
        ("--exec-root", "exec"),
        ("--pidfile", "dockerd.pid"),
    ] {
        arguments.extend([flag.to_owned(), path(name)]);
    }
    // No container runs, so the machine's network stays as it is.
    arguments.extend(
        [
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
        ]
        .map(str::to_owned),
    );
    arguments
}

fn answers(host: &str) -> bool {
    let mut command = Command::new(parts::system("docker"));
    let version = of(host, command.arg("version"));
    Path::new(host.trim_start_matches("unix://")).exists() && run(version, Duration::from_secs(10)).succeeded()
}

fn of<'a>(host: &str, command: &'a mut Command) -> &'a Command {
    command.env("DOCKER_HOST", host).env_remove("DOCKER_CONTEXT")
}
