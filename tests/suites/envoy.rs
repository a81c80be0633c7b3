//! Standalone mode in the real Envoy, with the shipped files: what depends on how Envoy calls the module, and what it
//! shows, logs and keeps. What the module makes of a request by itself is in the suite `module`.

mod envoy {
    mod audit;
    mod configuration;
    mod hostile;
    mod hostile_configurations;
    mod posts;
    mod reload;
    mod secrets;
    mod signing;
    mod throttle;
}

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use registry_auth_tests::envoy::{Envoy, EnvoyRelease, Setup, Swap};
use registry_auth_tests::http::{self, Response};
use registry_auth_tests::keys;
use registry_auth_tests::stop::Stop;
use registry_auth_tests::token::{part, token};
use serde_json::{Value, json};

/// One account with a password, the anonymous one, and rules for both.
fn config() -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key_env": "TOKEN_KEY"},
        "users": {"ada": {"password": keys::ADA_SECRET}, "": {}},
        "acl": [
            {"match": {"account": "ada", "name": "ada/*"}, "actions": ["*"], "comment": "her own"},
            {"match": {"ip": "127.0.0.1", "name": "office"}, "actions": ["pull"]},
            {"match": {"ip": "203.0.113.0/24", "name": "elsewhere"}, "actions": ["pull"]},
            {"match": {"name": "public/*"}, "actions": ["pull"]},
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

#[track_caller]
fn setup(config: &Value) -> Setup {
    Envoy::standalone(config).env("TOKEN_KEY", keys::ES256)
}

/// Asks for a token as ada.
#[track_caller]
fn ask(envoy: &Envoy, scope: &str) -> Response {
    http::get(
        &format!("{}/token?service=registry&scope={scope}", envoy.url()),
        &[("authorization", &http::basic("ada", "ada-secret"))],
    )
}

/// Waits until the configuration with this expiration decides: Envoy takes one on the main thread first.
#[track_caller]
fn wait_for_expiration(envoy: &mut Envoy, seconds: u64) {
    envoy.wait_until("the new configuration on the worker", |envoy| {
        let answer = http::get(&format!("{}/token?service=registry", envoy.url()), &[]);
        (answer.status == 200 && answer.json()["expires_in"] == seconds).then_some(())
    });
}

/// Who the token is for.
#[track_caller]
fn subject(answer: &Response) -> Value {
    part(&token(answer), 1)["sub"].clone()
}

/// The granted actions, by resource name.
#[track_caller]
fn granted(answer: &Response) -> Value {
    let claims = part(&token(answer), 1);
    let access = claims["access"].as_array().expect("a token has access").iter();
    access
        .map(|entry| {
            (
                entry["name"].as_str().unwrap_or_default().to_owned(),
                entry["actions"].clone(),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[track_caller]
fn assert_error(answer: &Response, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    assert_eq!(answer.json()["errors"][0]["code"], code, "{}", answer.text());
}
