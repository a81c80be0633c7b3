//! Real registries and real clients, with the real Envoy and its shipped configuration between them.

mod registries {
    mod clients;
    mod keygen;
    mod mounts;
    mod site;
    mod tokens;
    mod validity;
}

use registry_auth_tests::envoy::Envoy;
use registry_auth_tests::http::{self, Response};
use registry_auth_tests::registry::Registry;
use serde_json::Value;

/// A repository that the token of [`asked`] lets one pull from. No registry has it.
const ABSENT: &str = "public/absent";

/// Envoy's answer to whoever asks for a token.
#[track_caller]
fn asked(envoy: &Envoy) -> Value {
    http::get(&format!("{}{}", envoy.url(), ask("registry")), &[]).json()
}

/// The path and query of [`asked`].
fn ask(service: &str) -> String {
    format!("/token?service={service}&scope=repository:{ABSENT}:pull")
}

/// The token in an answer.
#[track_caller]
fn token(answer: &Value) -> String {
    answer["token"]
        .as_str()
        .unwrap_or_else(|| panic!("no token: {answer}"))
        .to_owned()
}

/// What the registry, asked itself and not by way of Envoy, answers to a token of [`asked`].
#[track_caller]
fn shown(registry: &Registry, token: &str) -> Response {
    let url = format!("http://{}/v2/{ABSENT}/tags/list", registry.address());
    http::get(&url, &[("authorization", &format!("Bearer {token}"))])
}

/// Whether the registry lets one see that the repository is not there.
#[track_caller]
fn is_taken(answer: &Response) -> bool {
    match answer.status {
        404 if answer.text().contains("NAME_UNKNOWN") => true,
        401 if answer
            .header("www-authenticate")
            .is_some_and(|it| it.contains("error=\"invalid_token\"")) =>
        {
            false
        }
        _ => panic!("neither taken nor refused: {answer:?}"),
    }
}
