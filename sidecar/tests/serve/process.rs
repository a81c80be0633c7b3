//! Starts `registry-auth` in a folder of its own, and asks it things.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that should be there in a moment.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// `ada-secret`, bcrypt of cost 5.
pub(crate) const ADA: &str = "$2b$05$uDKdZk2I3Vqqf1ttynmV1.g2oK16S/n/Xdsvtd7PLQg6QHrX88iOe";

/// A folder with a key, in which files are written.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
}

/// The running program.
pub(crate) struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    folder: PathBuf,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/keys/es256.pem");
        fs::copy(key, folder.path().join("token.pem")).unwrap();
        Self { folder }
    }

    /// Puts a file into the folder as an editor does: beside it first, then by a rename.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        let beside = self.folder.path().join(format!(".{name}.new"));
        fs::write(&beside, text).unwrap();
        fs::rename(beside, path).unwrap();
    }

    /// A configuration with the listeners that tests need, and `more`.
    pub(crate) fn configure(&self, more: &str) {
        self.write("auth.yml", &format!("{LISTENERS}{more}"));
    }

    /// Starts it with `auth.yml`, and waits until it serves.
    #[track_caller]
    pub(crate) fn start(&self) -> Running {
        let running = self.spawn(&["serve", "--log-format", "json", "auth.yml"]);
        running.wait_for("configuration in force");
        running
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_registry-auth"));
        command.args(arguments).current_dir(self.folder.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, copy) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = copy.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Running {
            child,
            log,
            folder: self.folder.path().to_owned(),
        }
    }
}

/// The token endpoint anywhere on loopback, the filter's socket and the admin's.
const LISTENERS: &str = r#"
server: {addr: "127.0.0.1:0"}
filter: {listen: "unix:filter.sock"}
admin: {listen: "unix:admin.sock"}
token: {issuer: registry-auth, expiration: 900, key: token.pem}
"#;

/// Waits until `found` finds something.
#[track_caller]
pub(crate) fn wait<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LONG;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

impl Running {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line with `text` in the log.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_for_nth(text, 1);
    }

    /// Waits until so many lines of the log have `text`.
    #[track_caller]
    pub(crate) fn wait_for_nth(&self, text: &str, count: usize) {
        let end = Instant::now() + LONG;
        while self.log().lines().filter(|line| line.contains(text)).count() < count {
            assert!(Instant::now() < end, "waited in vain for `{text}`:\n{}", self.log());
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Where a listener is, by the log. It is told a moment after the configuration that has it is in force.
    #[track_caller]
    pub(crate) fn address(&self, listener: &str) -> String {
        wait(&format!("the listener `{listener}`"), || {
            let log = self.log();
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let fields = lines.map(|line| line.get("fields").cloned().unwrap_or(line));
            let mut listening = fields.filter(|line| line["message"] == "listening" && line["listener"] == listener);
            Some(listening.next_back()?["address"].as_str()?.to_owned())
        })
    }

    /// Asks the token endpoint.
    pub(crate) fn token(&self, request: &str) -> Answer {
        exchange(TcpStream::connect(self.address("token")).unwrap(), request)
    }

    /// Asks a socket in the folder.
    pub(crate) fn socket(&self, name: &str, request: &str) -> Answer {
        exchange(UnixStream::connect(self.folder.join(name)).unwrap(), request)
    }

    /// `GET` of the token endpoint by a name and a password.
    pub(crate) fn login(&self, user: &str, scope: &str) -> Answer {
        let header = match user {
            "" => String::new(),
            user => format!("Authorization: Basic {}\r\n", base64(user)),
        };
        self.token(&format!(
            "GET /token?service=registry&scope={scope} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n"
        ))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.log());
            thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the program's log\n{}", self.log());
        }
    }
}

/// One request over a connection that ends with it.
pub(crate) fn exchange(mut connection: impl Read + Write, request: &str) -> Answer {
    connection.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status,
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What the token grants, as `name:action,action`.
    #[track_caller]
    pub(crate) fn granted(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.body);
        let token = self.json()["token"].as_str().unwrap().to_owned();
        let claims: Value = serde_json::from_slice(&unbase64(token.split('.').nth(1).unwrap())).unwrap();
        let access = claims["access"].as_array().unwrap().iter();
        let actions = |entry: &Value| {
            let actions = entry["actions"].as_array().unwrap().iter();
            actions
                .map(|action| action.as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
                .join(",")
        };
        access
            .map(|entry| format!("{}:{}", entry["name"].as_str().unwrap(), actions(entry)))
            .collect()
    }
}

pub(crate) fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}
