//! What sits where the program would: hands over any configuration, and answers questions in ways in which no program of
//! ours does. HTTP/1.1 on a Unix socket, a connection for each call that is under way.
//!
//! An account's password is [`StandIn::password`], and each scope is granted as it was asked for.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use registry_auth_core::config::{Document, Node, Sources};
use registry_auth_core::policy::Asks;
use registry_auth_core::problem::Problems;
use registry_auth_core::wire::config::{self, Written};
use registry_auth_core::wire::{CONFIG_PATH, DECIDE_PATH, VERIFY_PATH};
use serde_json::{Value, json};

use super::LIMIT;
use crate::http::raw;
use crate::http::upstream::{self, Request};
use crate::process;

/// A piece of a long answer.
static PIECE: [u8; 64 * 1024] = [b' '; 64 * 1024];

/// The stand-in; its socket is there as long as this value.
#[derive(Debug)]
pub struct StandIn {
    socket: PathBuf,
    shared: Arc<Shared>,
}

/// The filter's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Config,
    Decide,
    Verify,
}

/// What a call is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answers {
    /// As the program would.
    Rightly,
    /// Not before it is told otherwise, and then as it is told.
    Later,
    /// With these bytes, whatever they are, and the end of the connection.
    Bytes(Vec<u8>),
    /// With 200 and a body of so many spaces, one such answer after the other.
    Spaces(usize),
    /// By closing the connection.
    Closing,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Held while a long answer is written.
    long: Mutex<()>,
}

#[derive(Debug)]
struct State {
    config: Written,
    answers: BTreeMap<Call, Answers>,
    /// By what the account's name begins with; these come first.
    answers_about: BTreeMap<String, Answers>,
    asked: BTreeMap<Call, usize>,
    /// Those that are served, each by its number.
    connections: BTreeMap<u64, UnixStream>,
    is_over: bool,
}

impl StandIn {
    /// Hands over `config` under this number, and says that accounts and scopes which it does not decide are to be asked
    /// about.
    #[track_caller]
    pub fn start(socket: &Path, config: &Value, generation: u64) -> Self {
        // What was killed before has left it.
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket)
            .unwrap_or_else(|error| panic!("cannot listen on `{}`: {error}", socket.display()));
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                config: written(config, generation),
                answers: BTreeMap::new(),
                answers_about: BTreeMap::new(),
                asked: BTreeMap::new(),
                connections: BTreeMap::new(),
                is_over: false,
            }),
            changed: Condvar::new(),
            long: Mutex::new(()),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Self {
            socket: socket.to_owned(),
            shared,
        }
    }

    /// Hands over another configuration from now on, also to those who wait for one.
    #[track_caller]
    pub fn configure(&self, config: &Value, generation: u64) {
        let written = written(config, generation);
        self.shared.change(|state| state.config = written);
    }

    /// Answers calls of this kind in another way from now on.
    pub fn answer(&self, call: Call, answers: Answers) {
        self.shared.change(|state| state.answers.insert(call, answers));
    }

    /// Answers questions about accounts whose names begin so in another way from now on.
    pub fn answer_about(&self, accounts: &str, answers: Answers) {
        self.shared
            .change(|state| state.answers_about.insert(accounts.to_owned(), answers));
    }

    /// How many calls of this kind have come.
    pub fn asked(&self, call: Call) -> usize {
        self.shared.lock().asked.get(&call).copied().unwrap_or_default()
    }

    /// Waits until so many calls of this kind have come.
    #[track_caller]
    pub fn wait_until_asked(&self, call: Call, count: usize) {
        process::wait_until(&format!("{count} calls {call:?}"), LIMIT, || {
            (self.asked(call) >= count).then_some(())
        });
    }

    /// A configuration as it goes over the wire.
    #[track_caller]
    pub fn body(config: &Value, generation: u64) -> String {
        String::from_utf8_lossy(written(config, generation).body.expose()).into_owned()
    }

    /// What an account proves itself by.
    pub fn password(account: &str) -> String {
        format!("secret-of-{account}")
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let connections = {
            let mut state = self.shared.lock();
            state.is_over = true;
            std::mem::take(&mut state.connections)
        };
        self.shared.changed.notify_all();
        for connection in connections.into_values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Who waits for a connection sees that it is over.
        let _ = UnixStream::connect(&self.socket);
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn accept(self: &Arc<Self>, listener: &UnixListener) {
        for (number, stream) in (0..).zip(listener.incoming().map_while(Result::ok)) {
            let mut state = self.lock();
            if state.is_over {
                return;
            }
            let kept = stream.try_clone().ok();
            state.connections.extend(kept.map(|kept| (number, kept)));
            drop(state);
            let shared = Arc::clone(self);
            thread::spawn(move || {
                shared.serve(&stream);
                shared.lock().connections.remove(&number);
            });
        }
    }

    /// Answers one call after the other, until the connection is to be closed.
    fn serve(&self, mut stream: &UnixStream) {
        let (mut unread, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            unread.extend_from_slice(&buffer[..count]);
            while let Some((request, length)) = upstream::parse(&unread) {
                unread.drain(..length);
                if self.answer(&request, stream).is_none() {
                    return;
                }
            }
        }
    }

    /// `None` if the connection is to be closed.
    fn answer(&self, request: &Request, mut stream: &UnixStream) -> Option<()> {
        let call = call(request)?;
        *self.lock().asked.entry(call).or_default() += 1;
        match self.way(call, request)? {
            Answers::Rightly | Answers::Later => {
                let answer = match call {
                    Call::Config => self.config(request)?,
                    Call::Decide => with_body(&decided(&request.body)?),
                    Call::Verify => with_body(&verified(&request.body)?),
                };
                stream.write_all(&answer).ok()
            }
            Answers::Bytes(bytes) => {
                let _ = stream.write_all(&bytes);
                None
            }
            Answers::Spaces(count) => {
                let _alone = self.long.lock().unwrap_or_else(PoisonError::into_inner);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {count}\r\n\r\n");
                stream.write_all(head.as_bytes()).ok()?;
                let mut left = count;
                while left > 0 {
                    let piece = PIECE.get(..left).unwrap_or(&PIECE);
                    stream.write_all(piece).ok()?;
                    left -= piece.len();
                }
                Some(())
            }
            Answers::Closing => None,
        }
    }

    /// How this call is to be answered, once that is settled; `None` when it is over.
    fn way(&self, call: Call, request: &Request) -> Option<Answers> {
        let account = match call {
            Call::Decide => account(&request.body).unwrap_or_default(),
            Call::Config | Call::Verify => String::new(),
        };
        let mut state = self.lock();
        loop {
            if state.is_over {
                return None;
            }
            let mut about = state.answers_about.iter();
            let about = about.find_map(|(accounts, answers)| account.starts_with(accounts).then_some(answers));
            match about.or_else(|| state.answers.get(&call)) {
                Some(Answers::Later) => {}
                other => return Some(other.cloned().unwrap_or(Answers::Rightly)),
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The configuration, held back until it is another one than the one that is known, or is to be told in another way.
    fn config(&self, request: &Request) -> Option<Vec<u8>> {
        let head = request.head.as_bytes();
        let headers = raw::headers(head);
        let known = headers.iter().find(|(name, _)| name == "if-none-match");
        let known = known.map_or("", |(_, value)| value.trim_matches('"'));
        let waits = if request.head.contains("?wait=") {
            LIMIT
        } else {
            Duration::ZERO
        };
        let is_same = |state: &mut State| {
            let rightly = state
                .answers
                .get(&Call::Config)
                .is_none_or(|way| *way == Answers::Rightly);
            !state.is_over && rightly && state.config.etag == known
        };
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), waits, is_same)
            .unwrap_or_else(PoisonError::into_inner);
        if state.is_over
            || state
                .answers
                .get(&Call::Config)
                .is_some_and(|way| *way != Answers::Rightly)
        {
            return None;
        }
        if state.config.etag == known {
            return Some(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec());
        }
        let body = state.config.body.expose();
        let head = format!(
            "HTTP/1.1 200 OK\r\netag: \"{}\"\r\ncontent-length: {}\r\n\r\n",
            state.config.etag,
            body.len()
        );
        Some([head.as_bytes(), body].concat())
    }
}

/// Which call this is.
fn call(request: &Request) -> Option<Call> {
    let target = request.head.split(' ').nth(1)?;
    let path = target.split('?').next()?;
    [
        (CONFIG_PATH, Call::Config),
        (DECIDE_PATH, Call::Decide),
        (VERIFY_PATH, Call::Verify),
    ]
    .into_iter()
    .find_map(|(known, call)| (known == path).then_some(call))
}

/// Whom a question is about.
fn account(question: &[u8]) -> Option<String> {
    let question: Value = serde_json::from_slice(question).ok()?;
    let who = &question["who"];
    let account = who["password"]["account"]
        .as_str()
        .or(who["identity"]["account"].as_str());
    account.map(str::to_owned)
}

/// The answer to a question about an account.
fn decided(question: &[u8]) -> Option<Value> {
    let question: Value = serde_json::from_slice(question).ok()?;
    let who = &question["who"];
    let identity = if who["identity"].is_object() {
        who["identity"].clone()
    } else {
        let account = who["password"]["account"].as_str().unwrap_or_default();
        if !fits(&who["password"]["password"], account) {
            return Some(json!("denied"));
        }
        json!({"account": account, "proof": "password", "backend": "ext_auth"})
    };
    let grant = |scope: &Value| {
        let actions = scope.as_str()?.rsplit(':').next()?.split(',').collect::<Vec<_>>();
        Some(json!({"actions": actions, "because": {"backend": "ext_authz"}}))
    };
    let grants = question["scopes"]
        .as_array()?
        .iter()
        .map(grant)
        .collect::<Option<Vec<_>>>()?;
    Some(json!({"decided": {"identity": identity, "grants": grants}}))
}

/// The answer to a question about a password: it is ada's, whatever the hash.
fn verified(question: &[u8]) -> Option<Value> {
    let question: Value = serde_json::from_slice(question).ok()?;
    Some(json!({"fits": fits(&question["password"], "ada")}))
}

fn fits(password: &Value, account: &str) -> bool {
    use base64::Engine as _;
    let right = base64::engine::general_purpose::STANDARD.encode(StandIn::password(account));
    *password == json!(right)
}

fn with_body(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A configuration as it goes over the wire.
#[track_caller]
fn written(config: &Value, generation: u64) -> Written {
    let node: Node = serde_json::from_value(config.clone()).expect("a configuration is JSON");
    let mut problems = Problems::default();
    let document = Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems);
    assert!(!problems.is_refusal(), "{problems}");
    let asks = Asks {
        accounts: true,
        scopes: true,
    };
    config::write(&document, asks, generation)
}
