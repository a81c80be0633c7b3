//! dockerd, started by hand: nothing of it is left when this process ends, however it ends.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::of;
use crate::parts;
use crate::process::{Process, poll, run};

/// A first start makes keys, stores and its own containerd.
const READY: Duration = Duration::from_secs(90);

/// A running Docker Engine with a store of its own. It ends with the process, and then deletes its folder.
#[derive(Debug)]
pub struct Engine {
    _process: Process,
    host: String,
}

/// Where it and its containers are on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// It reaches what tests start on loopback. It runs no container, so the machine's network stays as it is.
    Machine,
    /// A network of its own, which nobody outside sees, and in which every port is free. Its containers have bridges
    /// and published ports there; what stands on the machine's loopback is out of reach.
    Own,
}

impl Engine {
    /// Starts it in a folder that only its own shell deletes: this process may be gone by then.
    ///
    /// # Errors
    /// The text says why there is none.
    pub fn start(network: Network) -> Result<Self, String> {
        let dockerd = parts::find("dockerd")?;
        let folder = tempfile::Builder::new()
            .prefix("dockerd-")
            .tempdir()
            .map_err(|error| error.to_string())?
            .keep();
        let host = format!("unix://{}", folder.join("docker.sock").display());
        let mut command = match network {
            Network::Machine => Command::new("sh"),
            Network::Own => {
                let mut command = Command::new(parts::find("unshare")?);
                command
                    .args(["--net", "--mount", "--", "sh", "-c", APART, "sh"])
                    .arg(parts::find("busybox")?)
                    .arg("sh");
                command
            }
        };
        command
            .args(["-c", SHELL, "sh"])
            .arg(&folder)
            .arg(dockerd)
            .args(arguments(&folder, &host, network));
        let mut process = Process::start("dockerd", &command, &folder);
        let ready = poll(READY, || match process.has_ended() {
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

    /// Its `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Of a network that is new, loopback is down.
const APART: &str = r#""$1" ip link set lo up && shift && exec "$@""#;

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

fn arguments(folder: &Path, host: &str, network: Network) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut arguments = vec!["--host".to_owned(), host.to_owned()];
    for (flag, name) in [
        ("--data-root", "data"),
        ("--exec-root", "exec"),
        ("--pidfile", "dockerd.pid"),
    ] {
        arguments.extend([flag.to_owned(), path(name)]);
    }
    let none_on_the_network = [
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
    ];
    if network == Network::Machine {
        arguments.extend(none_on_the_network.map(str::to_owned));
    }
    arguments
}

/// Whether a daemon answers there.
pub(super) fn answers(host: &str) -> bool {
    let mut command = Command::new(parts::system("docker"));
    let version = of(host, command.arg("version"));
    Path::new(host.trim_start_matches("unix://")).exists() && run(version, Duration::from_secs(10)).succeeded()
}
