use registry_auth_tests::module::Outcome;
use registry_auth_tests::module::Request;
use serde_json::json;

use crate::*;

#[test]
fn all_but_the_token_paths_passes_untouched() {
    let mut module = start(config());
    for path in ["/", "/v2/", "/v2/a/blobs/uploads/", "/tokens", "/authors"] {
        let stream = module.open(Request::post(path).header("content-length", "3"));
        assert_eq!(module.outcome(stream), Outcome::Continued, "{path}");
        module.body(stream, b"abc", true);
        assert_eq!(module.outcome(stream), Outcome::Continued, "{path}");
    }
}

#[test]
fn below_the_token_paths_a_wrong_one_is_answered_in_json() {
    let mut module = start(config());
    for path in ["/token/", "/auth/other", "/auth/token/x"] {
        assert_error(&module.get(path).send(), 404, "NOT_FOUND");
    }
}

#[test]
fn only_the_hosts_that_are_named_are_touched() {
    let mut module = start(config_with("server", json!({"hosts": ["registry.example.test"]})));
    let ours = module
        .get("/token?service=r")
        .header(":authority", "Registry.Example.test:443")
        .send();
    assert_eq!(ours.status, 200);
    let other = module
        .get("/token?service=r")
        .header(":authority", "other.example.test")
        .pass();
    assert_eq!(other.header("authorization"), None);
}

#[test]
fn the_prefix_stands_before_every_path() {
    let mut module = start(config_with("server", json!({"path_prefix": "/registry"})));
    assert_eq!(module.get("/registry/auth?service=r").send().status, 200);
    module.get("/auth?service=r").pass();
}

#[test]
fn a_host_of_its_own_says_what_it_is() {
    let mut module = start(config_with("server", json!({"own_host": true, "hsts": true})));
    let home = module.get("/").send();
    assert_eq!(home.status, 200);
    assert!(home.text().contains("registry token server"), "{}", home.text());
    assert_eq!(
        home.header("strict-transport-security"),
        Some("max-age=63072000; includeSubDomains")
    );
    let registry = module.get("/v2/").send();
    assert_error(&registry, 404, "NOT_FOUND");
    assert!(
        registry.text().contains("log in to the registry's own host"),
        "{}",
        registry.text()
    );
    assert_error(&module.get("/favicon.ico").send(), 404, "NOT_FOUND");
}
