//! The filter beside the program: the test answers its calls.

mod configuration;
mod failures;
mod memo;
mod questions;
mod slices;
mod succession;
mod waiting;

use std::time::Duration;

use registry_auth_core::config::{Document, Node, Sources};
use registry_auth_core::policy::Asks;
use registry_auth_core::problem::Problems;
use registry_auth_core::wire;
use registry_auth_tests::module::{Callout, Module, Outcome, Request, Stream};
use serde_json::{Value, json};

use crate::*;

/// When the program loaded the first configuration.
const FIRST: u64 = 1_799_999_000_000;

/// Back-ends know accounts and scopes.
const ALL: Asks = Asks {
    accounts: true,
    scopes: true,
};
/// There is no back-end.
const NOTHING: Asks = Asks {
    accounts: false,
    scopes: false,
};

/// A configuration as the program sends it.
struct Sent {
    body: Vec<u8>,
    etag: String,
}

fn plugin() -> Value {
    json!({"managed": {"cluster": "registry-auth"}})
}

#[track_caller]
fn written(config: &Value, asks: Asks, number: u64) -> Sent {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_value(config.clone()).unwrap();
    let document = Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems);
    assert!(!problems.is_refusal(), "{problems}");
    let written = wire::config::write(&document, asks, number);
    Sent {
        body: written.body.expose().clone(),
        etag: written.etag,
    }
}

/// A worker that knows nothing yet.
#[track_caller]
fn started() -> Module {
    start(plugin())
}

/// A worker with this configuration in force, and the call for the next one open.
#[track_caller]
fn following(config: &Value, asks: Asks) -> Module {
    let mut module = started();
    let sent = written(config, asks, FIRST);
    give(&mut module, &sent);
    assert_eq!(
        module.counter("registry_auth.configuration.generation"),
        FIRST,
        "{}",
        logged(&module)
    );
    fetch(&mut module);
    module
}

/// What is logged, for a test that fails.
fn logged(module: &Module) -> String {
    let lines = module.logs().iter().map(ToString::to_string);
    lines.collect::<Vec<_>>().join("\n")
}

/// The calls for a configuration that are open.
fn fetches(module: &Module) -> Vec<Callout> {
    calls(module, wire::CONFIG_PATH)
}

/// The questions that are open.
fn questions(module: &Module) -> Vec<Callout> {
    let all = module.callouts().into_iter();
    all.filter(|call| !call.path().starts_with(wire::CONFIG_PATH)).collect()
}

fn calls(module: &Module, path: &str) -> Vec<Callout> {
    let all = module.callouts().into_iter();
    all.filter(|call| call.path().split('?').next() == Some(path)).collect()
}

/// The call for a configuration, which the next tick makes if it is not open.
#[track_caller]
fn fetch(module: &mut Module) -> Callout {
    if fetches(module).is_empty() {
        module.tick();
    }
    let mut open = fetches(module);
    assert_eq!(open.len(), 1, "{}", logged(module));
    open.remove(0)
}

/// Answers the call for a configuration, and waits until what came is done with.
#[track_caller]
fn give(module: &mut Module, sent: &Sent) {
    let call = fetch(module);
    module.answer(call.id, 200, &[("content-type", "application/x-ndjson")], &sent.body);
    settle(module);
}

/// Ticks until there is no more work.
#[track_caller]
fn settle(module: &mut Module) {
    for _ in 0..100_000 {
        module.tick();
        if module.tick_period() != Some(Duration::from_millis(2)) {
            return;
        }
    }
    panic!("work without end:\n{}", logged(module));
}

fn after(module: &mut Module, time: Duration) {
    module.advance(time);
    module.tick();
}

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The one question that is open.
#[track_caller]
fn question(module: &Module) -> Callout {
    let mut open = questions(module);
    assert_eq!(open.len(), 1, "{}", logged(module));
    open.remove(0)
}

#[track_caller]
fn answer(module: &mut Module, call: &Callout, answer: &Value) {
    module.answer(
        call.id,
        200,
        &[("content-type", "application/json")],
        answer.to_string(),
    );
}

/// This is `account`, and for each scope what it may do.
fn decided(account: &str, grants: &[&[&str]]) -> Value {
    let grants = grants
        .iter()
        .map(|actions| json!({"actions": actions, "because": {"backend": "ext_authz"}}));
    json!({"decided": {
        "identity": {
            "account": account, "labels": {"team": ["red"]}, "labels_are": "none",
            "proof": "password", "backend": "ext_auth",
        },
        "grants": grants.collect::<Vec<_>>(),
    }})
}

/// A sign-in that needs an answer, from an address of its own.
fn sign_in(account: &str, password: &str) -> Request {
    Request::get("/token?service=registry&scope=repository:eve/app:pull,push").basic(account, password)
}

#[track_caller]
fn held(module: &mut Module, request: Request) -> Stream {
    let stream = module.open(request);
    assert_eq!(module.outcome(stream), Outcome::Paused, "{}", logged(module));
    stream
}

/// Nothing is in flight, and nobody waits.
#[track_caller]
fn assert_at_rest(module: &mut Module) {
    module.tick();
    assert!(questions(module).is_empty());
    assert_eq!(module.counter("registry_auth.callouts.in_flight"), 0);
    assert_eq!(module.counter("registry_auth.waiting"), 0);
    assert_eq!(module.open_streams(), 0);
    assert!(module.faults().is_empty(), "{:?}", module.faults());
}

fn errors(module: &Module) -> Vec<&str> {
    let errors = module
        .logs()
        .iter()
        .filter(|log| log.level >= registry_auth_tests::module::Level::Error);
    errors.map(|log| log.text.as_str()).collect()
}
