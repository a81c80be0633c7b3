//! The shipped module on wasmtime: what it answers, logs and counts, with clock, randomness and host set by the test.

mod module {
    mod answers;
    mod audit;
    mod cases;
    mod configuration;
    mod hosts;
    mod managed;
    mod memo;
    mod memo_random;
    mod posts;
    mod throttle;
    mod tokens;
}

use registry_auth_tests::keys;
use registry_auth_tests::module::{Module, Reply, Settings};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

/// One user with a password and a label, one without a password, and rules for both.
fn config() -> Value {
    json!({
        "token": {"issuer": "Acme \"auth\" server", "key": keys::ES256},
        "users": {
            "ada": {"password": keys::ADA_SECRET, "labels": {"team": ["blue"]}},
            "open": {},
            "": {},
        },
        "acl": [
            {"match": {"account": "ada", "name": "ada/*"}, "actions": ["*"], "comment": "her own"},
            {"match": {"account": "?*", "name": "${labels:team}/*"}, "actions": ["pull", "push"]},
            {"match": {"name": "public/*"}, "actions": ["pull"]},
            {"match": {"ip": "198.51.100.0/24", "name": "office"}, "actions": ["pull"]},
        ],
    })
}

/// The configuration with `value` at the path of at most two names joined by a dot.
fn config_with(path: &str, value: Value) -> Value {
    let mut config = config();
    match path.split_once('.') {
        Some((section, key)) => config[section][key] = value,
        None => config[path] = value,
    }
    config
}

fn settings(config: Value) -> Settings {
    Module::with(config).clock(NOW).seed(7)
}

#[track_caller]
fn start(config: Value) -> Module {
    settings(config).start().unwrap_or_else(|refused| panic!("{refused}"))
}

/// What the log says of a configuration that is refused.
#[track_caller]
fn refusal(settings: Settings) -> String {
    match settings.start() {
        Ok(_) => panic!("taken"),
        Err(refused) => refused.text(),
    }
}

/// The claims of the token in an answer.
#[track_caller]
fn claims(reply: &Reply) -> Value {
    part(reply, 1)
}

#[track_caller]
fn part(reply: &Reply, index: usize) -> Value {
    use base64::Engine;
    let token = reply.json()["token"]
        .as_str()
        .unwrap_or_else(|| panic!("no token: {}", reply.text()))
        .to_owned();
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The granted actions, by resource name.
#[track_caller]
fn granted(reply: &Reply) -> Value {
    let claims = claims(reply);
    let access = claims["access"].as_array().unwrap().iter();
    access
        .map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry["actions"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[track_caller]
fn assert_error(reply: &Reply, status: u32, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    let body = reply.json();
    assert_eq!(body["errors"][0]["code"], code, "{body}");
    assert!(body["errors"][0]["message"].is_string(), "{body}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}
