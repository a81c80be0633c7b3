//! What a client can send to do harm. Each case is one client of the real Envoy, by itself; after it the next client is
//! served, and no worker was lost.

mod bodies;
mod crowds;
mod frames;
mod heads;
mod leaving;
mod lengths;
mod streams;

use registry_auth_tests::http::raw::Connection;
use registry_auth_tests::http::upstream::Upstream;

use crate::*;

/// An Envoy that is sent what does harm, and a registry that must see nothing of it.
pub(super) struct Target {
    pub(super) envoy: Envoy,
    registry: Upstream,
    vms: [u64; 2],
}

/// What a client sends on a connection of its own, and what it is answered.
pub(super) struct Case {
    name: String,
    sends: Vec<u8>,
    sees: Vec<Sees>,
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// The filter's error, with this code.
    Error(u16, &'static str),
    /// Envoy's own answer: the filter was not asked, or not asked to the end.
    Envoy(u16),
    /// A token for this account.
    Token(&'static str),
    /// None: the connection was closed.
    Nothing,
}

/// The filter's answer to what it cannot read.
const UNREADABLE: Sees = Sees::Error(400, "UNSUPPORTED_VALUE");
/// The filter's answer to credentials that are none.
const UNPROVEN: Sees = Sees::Error(401, "UNAUTHORIZED");

/// What the module and Envoy log as errors where a configuration is refused. Any other one tells of a module that fell.
const REFUSAL: [&str; 3] = [
    " registry_auth: configuration refused: ",
    " Failed to configure base Wasm plugin",
    " failed to load",
];

#[test]
fn whatever_bytes_a_client_sends_the_next_one_is_served() {
    let mut target = Target::start();
    let cases = [
        heads::lines(),
        heads::paths(),
        heads::queries(),
        heads::bytes_in_queries(),
        heads::authorizations(),
        heads::headers(),
        heads::several_headers(),
        heads::bytes_in_headers(),
        bodies::forms(),
        lengths::lengths(),
        lengths::codings(),
        lengths::chunks(),
    ];
    let mut broken = Vec::new();
    for case in cases.into_iter().flatten() {
        case.look(case.open(&target.envoy), &mut broken);
        target.assert_unharmed(&case.name);
    }
    // Their time is up together.
    let slow: Vec<Case> = heads::slow().into_iter().chain(lengths::slow()).collect();
    let connections: Vec<_> = slow.iter().map(|case| case.open(&target.envoy)).collect();
    for (case, connection) in slow.iter().zip(connections) {
        case.look(connection, &mut broken);
    }
    target.assert_unharmed("slow clients");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn however_a_client_leaves_the_next_one_is_served() {
    let mut target = Target::start();
    for case in leaving::CASES {
        (case.leave)(target.envoy.port());
        target.assert_unharmed(case.name);
    }
    streams::assert_every_case(&mut target);
}

impl Target {
    #[track_caller]
    pub(super) fn start() -> Self {
        let registry = Upstream::start();
        // One worker, so that whoever is asked next is who was asked before.
        let envoy = setup(&config()).registry(registry.port()).start();
        let mut target = Self {
            envoy,
            registry,
            vms: [0; 2],
        };
        target.assert_serves("the start");
        target.vms = target.vms();
        assert!(
            target.vms.iter().all(|count| *count > 0),
            "Envoy counts its VMs under other names"
        );
        target
    }

    /// The VMs that there are, and that there have been.
    fn vms(&self) -> [u64; 2] {
        ["active", "created"].map(|what| self.envoy.counter(&format!("wasm.envoy.wasm.runtime.v8.{what}")))
    }

    /// A configuration is tried in a VM of its own, which ends.
    pub(super) fn pass_over_canaries(&mut self) {
        self.vms[1] = self.vms()[1];
    }

    #[track_caller]
    fn assert_serves(&self, after: &str) {
        let answer = ask(&self.envoy, "repository:ada/app:push");
        assert_eq!(answer.status, 200, "after {after}: {answer:?} {}", answer.text());
        assert_eq!(granted(&answer), json!({"ada/app": ["push"]}), "after {after}");
    }

    /// The next client is served, nobody is waited for, no VM fell, and the registry got nothing.
    #[track_caller]
    pub(super) fn assert_unharmed(&mut self, after: &str) {
        self.assert_serves(after);
        self.envoy
            .wait_until(&format!("all requests have ended after {after}"), |envoy| {
                (envoy.counter("http.registry.downstream_rq_active") == 0).then_some(())
            });
        assert_eq!(self.vms(), self.vms, "VMs after {after}");
        let received = self.registry.received();
        assert!(received.is_empty(), "the registry got {received} after {after}");
        let log = self.envoy.log();
        let fault = log.lines().find(|line| {
            let refusal = REFUSAL.iter().any(|words| line.contains(words));
            (line.contains("[critical]") || line.contains("[error]")) && !refusal
        });
        assert_eq!(fault, None, "after {after}");
    }
}

impl Sees {
    #[track_caller]
    fn of(answer: Option<Response>) -> Self {
        let Some(answer) = answer else { return Self::Nothing };
        if answer.header("content-type") != Some("application/json") {
            return Self::Envoy(answer.status);
        }
        if answer.status == 200 {
            return match subject(&answer).as_str() {
                Some("ada") => Self::Token("ada"),
                Some("") => Self::Token(""),
                other => panic!("a token for {other:?}"),
            };
        }
        let code = answer.json()["errors"][0]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Self::Error(answer.status, code.leak())
    }
}

impl Case {
    fn new(name: impl Into<String>, sends: Vec<u8>, sees: Sees) -> Self {
        Self {
            name: name.into(),
            sends,
            sees: vec![sees],
        }
    }

    /// Sends it all.
    #[track_caller]
    fn open(&self, envoy: &Envoy) -> Connection {
        let mut connection = Connection::open(envoy.port());
        connection.send(&self.sends);
        connection
    }

    /// Looks at the answers, and notes in `broken` if they are others.
    #[track_caller]
    fn look(&self, mut connection: Connection, broken: &mut Vec<String>) {
        let seen: Vec<Sees> = self.sees.iter().map(|_| Sees::of(connection.answer())).collect();
        if seen != self.sees {
            broken.push(format!("{}: {seen:?} instead of {:?}", self.name, self.sees));
        }
    }

    /// The client gets this answer too.
    fn and(mut self, sees: Sees) -> Self {
        self.sees.push(sees);
        self
    }
}

/// A request of any bytes that is being written.
#[derive(Clone)]
struct Message(Vec<u8>);

impl Message {
    /// A request line as it is given, and a `Host`.
    fn line(line: impl AsRef<[u8]>) -> Self {
        Self([line.as_ref(), b"\r\n"].concat()).header("host", "127.0.0.1")
    }

    fn get(query: impl AsRef<[u8]>) -> Self {
        Self::line([b"GET /token?", query.as_ref(), b" HTTP/1.1"].concat())
    }

    fn post() -> Self {
        Self::line("POST /token HTTP/1.1")
    }

    /// A header as it is given.
    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for part in [name.as_bytes(), b": ", value.as_ref(), b"\r\n"] {
            self.0.extend_from_slice(part);
        }
        self
    }

    /// The end of the headers, and whatever follows.
    fn then(self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        [self.0.as_slice(), b"\r\n", bytes.as_ref()].concat()
    }

    /// The end of the headers.
    fn end(self) -> Vec<u8> {
        self.then("")
    }

    /// A form, with its length.
    fn form(self, form: impl AsRef<[u8]>) -> Vec<u8> {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(form)
    }

    /// A body, with its length.
    fn body(self, body: impl AsRef<[u8]>) -> Vec<u8> {
        let length = body.as_ref().len().to_string();
        self.header("content-length", length).then(body)
    }
}
