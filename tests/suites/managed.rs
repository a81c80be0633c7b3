//! Managed mode: the real Envoy with `envoy/managed.yaml`, and beside it the real program, or what sits in its place and
//! does everything wrong. What the program does by itself is tested in its own package.

mod managed {
    mod casbin;
    mod clients;
    mod faults;
    mod generations;
    mod hashes;
    mod ldap;
    mod lists;
    mod odd_answers;
    mod operator;
    mod programs;
    mod rendered;
    mod secrets;
}

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use registry_auth_tests::envoy::{Envoy, Setup};
use registry_auth_tests::http::raw::{self, Connection};
use registry_auth_tests::http::{self, Response};
use registry_auth_tests::sidecar::StandIn;
use registry_auth_tests::stop::{Recoveries, Stop};
use registry_auth_tests::token::{part, token};
use registry_auth_tests::{keys, soak};
use serde_json::{Value, json};

/// What was in force a moment ago is replaced within this; the product promises a second, on a machine that is not busy.
const SOON: Duration = Duration::from_secs(10);

/// What the filter and Envoy log as an error when the program is away. Any other one tells of a module that fell.
const AWAY: &str = " registry_auth: no configuration from the program: ";

/// `ext_auth`, as docker_auth runs it: who proves themselves as [`StandIn`] would have it is of team blue.
const AUTH: &str = r#"#!/bin/sh
read user password
[ "$password" = "secret-of-$user" ] || exit 1
echo '{"labels": {"team": ["blue"]}}'
"#;

/// One account with a password, the anonymous one, and rules for both.
fn config() -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256, "expiration": 900},
        "users": {"ada": {"password": keys::ADA_SECRET}, "": {}},
        "acl": [
            {"match": {"account": "ada", "name": "ada/*"}, "actions": ["*"], "comment": "her own"},
            {"match": {"name": "public/*"}, "actions": ["pull"]},
            {"match": {"labels": {"team": "blue"}, "name": "blue/*"}, "actions": ["pull"]},
        ],
    })
}

/// The same, with a program that knows everybody else.
fn config_with_program() -> Value {
    let mut config = config();
    config["ext_auth"] = json!({"command": "./auth.sh"});
    config
}

/// An Envoy that must come to no harm.
struct Proxy {
    envoy: Envoy,
    vms: [u64; 2],
}

impl Proxy {
    /// Starts it, and waits until ada is served.
    #[track_caller]
    fn start(setup: Setup) -> Self {
        let mut envoy = setup.start();
        envoy.wait_until("ada is served", |envoy| (ask_as_ada(envoy).status == 200).then_some(()));
        let vms = vms(&envoy);
        Self { envoy, vms }
    }

    fn port(&self) -> u16 {
        self.envoy.port()
    }

    /// Nobody is waited for, no VM fell, and ada is served.
    #[track_caller]
    fn assert_at_rest(&mut self, after: &str) {
        assert_granted(&ask_as_ada(&self.envoy), "ada", &json!({"ada/app": ["push"]}), after);
        assert_at_rest(&mut self.envoy, after);
        assert_eq!(vms(&self.envoy), self.vms, "VMs after {after}");
    }
}

/// All requests have ended, no call is in flight, nothing waits, and nothing is in the log that should not be.
#[track_caller]
fn assert_at_rest(envoy: &mut Envoy, after: &str) {
    for gauge in [
        "http.registry.downstream_rq_active",
        "wasmcustom.registry_auth.callouts.in_flight",
        "wasmcustom.registry_auth.waiting",
    ] {
        envoy.wait_until(&format!("{gauge} is zero after {after}"), |envoy| {
            (envoy.counter(gauge) == 0).then_some(())
        });
    }
    let log = envoy.log();
    let fault = log
        .lines()
        .find(|line| (line.contains("[critical]") || line.contains("[error]")) && !line.contains(AWAY));
    assert_eq!(fault, None, "after {after}");
}

/// The VMs that there are, and that there have been.
#[track_caller]
fn vms(envoy: &Envoy) -> [u64; 2] {
    let vms = ["active", "created"].map(|what| envoy.counter(&format!("wasm.envoy.wasm.runtime.v8.{what}")));
    assert!(
        vms.iter().all(|count| *count > 0),
        "Envoy counts its VMs under other names"
    );
    vms
}

/// How many requests each fault is met with.
fn requests() -> usize {
    let times = soak::times(1) as usize;
    if times == 1 { 50 } else { 100 * times }
}

/// Names that nobody had before, so that nothing is remembered of them.
fn fresh(prefix: &str, count: usize) -> Vec<String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    (first..first + count)
        .map(|number| format!("{prefix}-{number}"))
        .collect()
}

/// A request for a token, as bytes.
fn get(account: &str, password: &str, scope: &str) -> Vec<u8> {
    let target = format!("/token?service=registry&scope={scope}");
    raw::head("GET", &target, &[("authorization", &http::basic(account, password))]).into_bytes()
}

/// The same with the account's right password.
fn get_rightly(account: &str) -> Vec<u8> {
    get(account, &StandIn::password(account), "repository:blue/app:pull")
}

/// Sends each of these on a connection of its own, all before the first answer is read.
#[track_caller]
fn send_all(port: u16, requests: &[Vec<u8>]) -> Vec<Connection> {
    let send = |request: &Vec<u8>| {
        let mut connection = Connection::open(port);
        connection.send(request);
        connection
    };
    requests.iter().map(send).collect()
}

#[track_caller]
fn ask(envoy: &Envoy, account: &str, password: &str, scope: &str) -> Response {
    let mut connection = Connection::open(envoy.port());
    connection.send(&get(account, password, scope));
    connection.answer().expect("an answer")
}

/// Asks as an account that the program lets in.
#[track_caller]
fn ask_rightly(envoy: &Envoy, account: &str) -> Response {
    ask(envoy, account, &StandIn::password(account), "repository:blue/app:pull")
}

#[track_caller]
fn ask_as_ada(envoy: &Envoy) -> Response {
    ask(envoy, "ada", "ada-secret", "repository:ada/app:push")
}

/// Who the token is for, and what it grants by resource name.
#[track_caller]
fn claims(answer: &Response) -> (String, Value) {
    let claims = part(&token(answer), 1);
    let access = claims["access"].as_array().expect("a token has access").iter();
    let name = |entry: &Value| entry["name"].as_str().unwrap_or_default().to_owned();
    let granted: serde_json::Map<_, _> = access.map(|entry| (name(entry), entry["actions"].clone())).collect();
    (claims["sub"].as_str().unwrap_or_default().to_owned(), granted.into())
}

#[track_caller]
fn assert_granted(answer: &Response, account: &str, granted: &Value, when: &str) {
    assert_eq!(answer.status, 200, "{when}: {answer:?} {}", answer.text());
    assert_eq!(claims(answer), (account.to_owned(), granted.clone()), "{when}");
}

#[track_caller]
fn assert_error(answer: &Response, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    assert_eq!(answer.json()["errors"][0]["code"], code, "{}", answer.text());
    let is_told_when = answer.header("retry-after").is_some();
    assert_eq!(is_told_when, matches!(status, 429 | 503), "{answer:?}");
}
