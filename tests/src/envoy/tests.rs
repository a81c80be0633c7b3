//! That the harness reports what Envoy did; what the product promises there is in the suite `envoy`.

use serde_json::json;

use super::*;
use crate::keys;

fn config(issuer: &str) -> Value {
    json!({"token": {"issuer": issuer, "key": keys::ES256}, "users": {"": {}}, "acl": []})
}

#[test]
fn a_swap_is_taken_or_refused_with_what_was_logged() {
    let mut envoy = Envoy::standalone(&config("one")).access_log("%RESPONSE_CODE%").start();
    assert_eq!(envoy.swap_config(&config("two")), Swap::Taken);
    let Swap::Refused(log) = envoy.swap_config(&json!({"acl": 7})) else {
        panic!("a wrong file was taken")
    };
    assert!(log.contains("acl"), "{log}");
    let Swap::Refused(log) = envoy.swap_filter("resources: [") else {
        panic!("what is not YAML was taken")
    };
    assert!(log.contains("yaml-cpp: error at line 1"), "{log}");
    assert!(!log.contains("acl"), "of this swap alone: {log}");

    assert_eq!(http::get(&format!("{}/token", envoy.url()), &[]).status, 200);
    assert_eq!(envoy.wait_for_access_log_lines(1), ["200"]);
    assert_eq!(envoy.wait_for_audit_lines(1).len(), 1);
    assert_eq!(
        envoy.counter("wasmcustom.registry_auth.token_requests.result.issued"),
        1
    );
    assert_eq!(envoy.counter("no.such.counter"), 0);
}

#[test]
fn a_start_that_ends_is_reported_with_its_log() {
    let log = Envoy::standalone(&json!({"acl": 7})).inline().start_refused();
    assert!(log.contains("acl"), "{log}");
}
