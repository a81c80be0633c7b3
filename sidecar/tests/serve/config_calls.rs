use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::process::{ADA, Answer, Running, Site, wait};

fn get(server: &Running, query: &str, etag: &str) -> Answer {
    server.socket(
        "filter.sock",
        &format!("GET /v1/config{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: {etag}\r\n\r\n"),
    )
}

fn post(server: &Running, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    server.socket(
        "filter.sock",
        &format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

fn site(rules: &str) -> Site {
    let site = Site::new();
    site.configure(&format!("users: {{ada: {{password: \"{ADA}\"}}}}\nacl: {rules}\n"));
    site
}

#[test]
fn the_configuration_is_handed_over_and_a_change_is_told_to_whoever_waits() {
    let site = site("[]");
    let server = site.start();
    let first = get(&server, "", "");
    assert_eq!(first.status, 200);
    let head: Value = serde_json::from_str(first.body.lines().next().unwrap()).unwrap();
    assert_eq!(head["version"], 1);
    let etag = first.headers["etag"].clone();
    assert_eq!(etag.trim_matches('"'), head["etag"].as_str().unwrap());
    assert_eq!(get(&server, "", &etag).status, 304);
    assert_eq!(get(&server, "?wait=50ms", &etag).status, 304);
    assert_eq!(get(&server, "?wait=soon", &etag).status, 400);

    thread::scope(|scope| {
        let waiting = scope.spawn(|| get(&server, "?wait=20s", &etag));
        wait("somebody who waits", || {
            metrics(&server).contains("registry_auth_hanging_gets 1").then_some(())
        });
        site.configure(&format!(
            "users: {{ada: {{password: \"{ADA}\"}}}}\nacl: [{{match: {{}}, actions: [pull]}}]\n"
        ));
        let changed = Instant::now();
        let second = waiting.join().unwrap();
        assert_eq!(second.status, 200);
        assert_ne!(second.headers["etag"], etag);
        assert!(second.body.contains(r#""actions":["pull"]"#), "{}", second.body);
        assert!(changed.elapsed().as_secs() < 15, "it waited to the end");
        let next: Value = serde_json::from_str(second.body.lines().next().unwrap()).unwrap();
        assert!(next["generation"].as_u64() > head["generation"].as_u64());
    });
}

fn metrics(server: &Running) -> String {
    let answer = server.socket(
        "admin.sock",
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.status, 200);
    answer.body
}

#[test]
fn the_same_content_under_another_number_is_no_change() {
    let site = site("[]");
    let server = site.start();
    let etag = get(&server, "", "").headers["etag"].clone();
    site.configure(&format!(
        "# a comment\nusers: {{ada: {{password: \"{ADA}\"}}}}\nacl: []\n"
    ));
    server.wait_for_nth("configuration in force", 2);
    assert_eq!(get(&server, "", &etag).status, 304);
}

#[test]
fn questions_are_answered_and_what_is_none_is_refused() {
    let site = site(r#"[{match: {name: "${account}/*"}, actions: [pull]}]"#);
    let server = site.start();
    let decide = |password: &str| {
        let password = crate::process::base64(password);
        json!({
            "version": 1, "deadline_ms": 5_000, "service": "registry", "address": "192.0.2.1",
            "who": {"password": {"account": "ada", "password": password}},
            "scopes": ["repository:ada/app:pull,push", "repository:bob/app:pull"],
            "a field of the future": true,
        })
    };
    let answer = post(&server, "/v1/decide", &decide("ada-secret"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let decided = &answer.json()["decided"];
    assert_eq!(decided["identity"]["account"], "ada");
    assert_eq!(decided["grants"][0]["actions"], json!(["pull"]));
    assert_eq!(decided["grants"][1]["actions"], json!([]));
    assert_eq!(post(&server, "/v1/decide", &decide("wrong")).json(), json!("denied"));

    let verify = |password: &str| {
        json!({
            "version": 1, "deadline_ms": 5_000, "stored": ADA, "decoys": [], "address": "192.0.2.1",
            "password": crate::process::base64(password),
        })
    };
    assert_eq!(
        post(&server, "/v1/verify", &verify("ada-secret")).json(),
        json!({"fits": true})
    );
    assert_eq!(
        post(&server, "/v1/verify", &verify("wrong")).json(),
        json!({"fits": false})
    );

    let mut old = decide("ada-secret");
    old["version"] = json!(7);
    assert_eq!(post(&server, "/v1/decide", &old).status, 400);
    assert_eq!(post(&server, "/v1/verify", &json!({"version": 1})).status, 400);
    assert_eq!(post(&server, "/v1/unknown", &json!({})).status, 404);
    let late = json!({
        "version": 1, "deadline_ms": 0, "stored": ADA, "decoys": [], "address": "192.0.2.1", "password": "",
    });
    assert_eq!(post(&server, "/v1/verify", &late).status, 503, "nobody waits for it");
}
