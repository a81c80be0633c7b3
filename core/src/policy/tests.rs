use super::*;
use crate::config::{Node, Sources};
use crate::secret::Secret;

const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";

fn compile(json: &str) -> Result<Vec<String>, String> {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_str(json).unwrap();
    let environment = |name: &str| (name == "KEY").then(|| Secret::new(KEY.to_owned()));
    let document = Document::read(node, Sources::of_a_proxy(&environment), &mut problems);
    match Policy::compile(document, Timestamp::from_seconds(1_800_000_000), problems) {
        Ok((_, warnings)) => Ok(warnings.iter().map(ToString::to_string).collect()),
        Err(problems) => Err(problems.to_string()),
    }
}

fn with(part: &str) -> String {
    let comma = if part.is_empty() { "" } else { "," };
    format!(r#"{{"token": {{"issuer": "i", "key_env": "KEY"}}, "users": {{}}, "acl": []{comma} {part}}}"#)
}

#[test]
fn the_least_that_is_needed_compiles_without_a_word() {
    assert_eq!(compile(&with("")), Ok(vec![]));
}

#[test]
fn what_is_missing_is_named_once() {
    let refused = compile("{}").unwrap_err();
    assert_eq!(
        refused,
        "users: is missing; write `users: {}` if nobody may sign in\n\
         acl: is missing; write `acl: []` to grant nothing\n\
         token: is missing; it needs `issuer` and `key`"
    );
    let refused = compile(r#"{"token": {}, "users": [], "acl": {}}"#).unwrap_err();
    assert_eq!(
        refused,
        "users: must be a map, not a list\n\
         acl: must be a list, not a map\n\
         token.key: is missing; it is what tokens are signed with, or name a variable with `key_env`\n\
         token.issuer: is missing; registries know it as `auth.token.issuer`"
    );
}

#[test]
fn x5c_needs_a_certificate() {
    let refused =
        compile(r#"{"token": {"issuer": "i", "key_env": "KEY", "key_header": "x5c"}, "users": {}, "acl": []}"#);
    assert_eq!(
        refused,
        Err("token.key_header: is `x5c`, which needs `certificate`".to_owned())
    );
}

#[test]
fn oddities_are_warned_of_and_taken() {
    let warnings = compile(&with(r#""server": {"real_ip_header": "x-real-ip", "real_ip_pos": 0}"#)).unwrap();
    assert!(
        warnings[0].starts_with("server.real_ip_pos: counts from the left"),
        "{warnings:?}"
    );
    let warnings = compile(&with(r#""server": {"real_ip_pos": 0}"#)).unwrap();
    assert_eq!(warnings, ["server.real_ip_pos: has no effect without `real_ip_header`"]);
    assert!(compile(&with(r#""services": []"#)).is_err());
}
