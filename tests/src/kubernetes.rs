//! A real Kubernetes API without a cluster: an API server, and etcd that it stores in. It takes objects and judges them,
//! by definitions too; what would act on them is not there.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::parts;
use crate::ports::Port;
use crate::process::{Process, Ran, run};

/// An API server makes its own objects before it is ready.
const READY: Duration = Duration::from_mins(2);
const LIMIT: Duration = Duration::from_mins(5);
/// Of an administrator.
const TOKEN: &str = "administrator";

/// A running API server, without anybody who acts on its objects.
#[derive(Debug)]
pub struct Kubernetes {
    // Ends before what it stores in.
    _server: Process,
    _etcd: Process,
    port: Port,
    _peers: [Port; 2],
    folder: TempDir,
}

impl Kubernetes {
    /// Starts both, and waits until they are ready.
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let [port, clients, peers] = [(); 3].map(|()| Port::free());
        let etcd = etcd(folder.path(), &clients, &peers);
        let mut server = server(folder.path(), &port, &clients);
        let ready = kubectl(&port, &["get", "--raw", "/readyz"]);
        server.wait_until("ready", READY, || run(&ready, LIMIT).succeeded().then_some(()));
        Self {
            _server: server,
            _etcd: etcd,
            port,
            _peers: [clients, peers],
            folder,
        }
    }

    /// Asks it by `kubectl`, as an administrator.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> Ran {
        let mut command = kubectl(&self.port, arguments);
        // What it remembers of a server is not for the next one.
        command.env("HOME", self.folder.path());
        run(&command, LIMIT)
    }

    /// Adds the definitions in these files, and waits until objects of them are taken.
    #[track_caller]
    pub fn define(&self, files: &[impl AsRef<Path>]) {
        for file in files {
            let file = file.as_ref().to_string_lossy();
            // Some are too large to be noted in an annotation, as an apply on the client's side does.
            let _ = self.kubectl(&["apply", "--server-side", "--filename", &file]).ok();
        }
        let established = [
            "wait",
            "--for",
            "condition=Established",
            "--timeout",
            "2m",
            "--all",
            "crds",
        ];
        let _ = self.kubectl(&established).ok();
    }
}

#[track_caller]
fn etcd(folder: &Path, clients: &Port, peers: &Port) -> Process {
    let clients = format!("http://127.0.0.1:{clients}");
    let mut command = Command::new(parts::etcd());
    command
        .arg("--data-dir")
        .arg(folder.join("etcd"))
        .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
        .args(["--listen-peer-urls", &format!("http://127.0.0.1:{peers}")]);
    Process::start("etcd", &command, folder)
}

#[track_caller]
fn server(folder: &Path, port: &Port, etcd: &Port) -> Process {
    let key = folder.join("service_account.key");
    let mut openssl = Command::new(parts::system("openssl"));
    let _ = run(openssl.args(["genrsa", "-out"]).arg(&key).arg("2048"), LIMIT).ok();
    let tokens = folder.join("tokens.csv");
    let line = format!("{TOKEN},administrator,1,\"system:masters\"\n");
    fs::write(&tokens, line).expect("a file in a temporary folder can be written");
    let mut command = Command::new(parts::kube_apiserver());
    for (option, file) in [
        ("--service-account-key-file", &key),
        ("--service-account-signing-key-file", &key),
        ("--token-auth-file", &tokens),
        ("--cert-dir", &folder.join("certificates")),
    ] {
        command.arg(option).arg(file);
    }
    command
        .args(["--etcd-servers", &format!("http://127.0.0.1:{etcd}")])
        .args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()])
        .args(["--service-account-issuer", "https://kubernetes.default.svc"])
        .args(["--service-cluster-ip-range", "10.96.0.0/16"])
        .args(["--authorization-mode", "RBAC", "--endpoint-reconciler-type", "none"]);
    Process::start("kube-apiserver", &command, folder)
}

fn kubectl(port: &Port, arguments: &[&str]) -> Command {
    let mut command = Command::new(parts::kubectl());
    command
        .args(["--server", &format!("https://127.0.0.1:{port}"), "--token", TOKEN])
        // Its certificate is made at its start.
        .arg("--insecure-skip-tls-verify")
        .args(arguments)
        // Nobody's own cluster.
        .env("KUBECONFIG", "/dev/null");
    command
}
