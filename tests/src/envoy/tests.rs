//! That the shipped files do in Envoy what their comments say, on every supported release.

use std::process::Command;

use serde_json::json;

use super::*;
use crate::certificates::{Algorithm, Certified};
use crate::parts;

fn config(issuer: &str) -> Value {
    let [key, certificate] = ["TOKEN_KEY", "TOKEN_CERTIFICATE"];
    json!({
        "token": {"issuer": issuer, "key_env": key, "certificate_env": certificate},
        "users": {"": {}},
        "acl": [{"match": {"name": "public/*"}, "actions": ["pull"]}],
    })
}

fn ask(envoy: &Envoy) -> http::Response {
    http::get(
        &format!(
            "{}/token?service=registry&scope=repository:public/app:pull",
            envoy.url()
        ),
        &[],
    )
}

#[test]
fn the_shipped_files_serve_a_token_an_audit_record_and_counters() {
    let key = Certified::self_signed(Algorithm::Es256);
    for release in EnvoyRelease::ALL {
        let mut envoy = Envoy::as_shipped().release(release).signed_by(&key).start();
        assert_eq!(ask(&envoy).status, 200);
        // The registry is not there, and the request leaves no record.
        assert_eq!(http::get(&format!("{}/v2/", envoy.url()), &[]).status, 503);
        assert_eq!(ask(&envoy).status, 200);
        let records = envoy.wait_for_audit_lines(2);
        assert_eq!(records.len(), 2, "{records:?}");
        assert_eq!(records[0]["account"], "", "{records:?}");
        let prometheus = envoy.admin("/stats/prometheus");
        let counted = |line: &str| line.starts_with("registry_auth_token_requests{result=\"") && line.ends_with("} 2");
        assert!(prometheus.lines().any(counted), "{prometheus}");
    }
}

#[test]
fn a_new_file_is_taken_and_a_wrong_one_refused() {
    let key = Certified::self_signed(Algorithm::Es256);
    for release in EnvoyRelease::ALL {
        let mut envoy = Envoy::standalone(&config("one"))
            .release(release)
            .signed_by(&key)
            .start();
        assert_eq!(envoy.swap_config(&config("two")), Swap::Taken);
        let Swap::Refused(log) = envoy.swap_config(&json!({"acl": 7})) else {
            panic!("a wrong file was taken")
        };
        assert!(log.contains("acl"), "{log}");
        let Swap::Refused(log) = envoy.swap_filter("resources: [") else {
            panic!("what is not YAML was taken")
        };
        assert!(log.contains("yaml-cpp: error at line 1"), "{log}");
        assert_eq!(ask(&envoy).status, 200);
    }
}

#[test]
fn a_file_that_is_wrong_from_the_start_answers_500_until_a_good_one_comes() {
    let key = Certified::self_signed(Algorithm::Es256);
    let mut envoy = Envoy::standalone(&json!({"acl": 7})).signed_by(&key).start();
    assert_eq!(ask(&envoy).status, 500);
    assert_eq!(envoy.swap_config(&config("one")), Swap::Taken);
    envoy.wait_until("a token", |envoy| (ask(envoy).status == 200).then_some(()));
}

#[test]
fn a_wrong_filter_inline_ends_the_start() {
    let key = Certified::self_signed(Algorithm::Es256);
    for release in EnvoyRelease::ALL {
        let log = Envoy::standalone(&json!({"acl": 7}))
            .release(release)
            .signed_by(&key)
            .inline()
            .start_refused();
        assert!(log.contains("acl"), "{log}");
        let envoy = Envoy::standalone(&config("one"))
            .release(release)
            .signed_by(&key)
            .inline()
            .start();
        assert_eq!(ask(&envoy).status, 200);
    }
}

#[test]
fn the_configuration_may_come_as_text() {
    let key = Certified::self_signed(Algorithm::Es256);
    let envoy = Envoy::standalone(&config("one")).signed_by(&key).as_text().start();
    assert_eq!(ask(&envoy).status, 200);
}

#[test]
fn the_lines_for_tls_are_right() {
    let key = Certified::by_authority(Algorithm::Es256);
    for release in EnvoyRelease::ALL {
        let envoy = Envoy::standalone(&config("one"))
            .release(release)
            .signed_by(&key)
            .tls(&key)
            .start();
        let mut curl = Command::new(parts::system("curl"));
        curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert"])
            .arg(key.root_file());
        curl.arg(format!("{}/token?service=registry", envoy.url()));
        assert!(crate::process::run(&curl, LIMIT).ok().stdout.contains("\"token\""));
    }
}

#[test]
fn a_body_arrives_over_every_kind_of_connection() {
    use crate::http::{h2, raw};

    let key = Certified::self_signed(Algorithm::Es256);
    let envoy = Envoy::standalone(&config("one")).signed_by(&key).start();
    let form = b"grant_type=password&service=registry&client_id=test&username=ada&password=wrong";
    let kind = ("content-type", "application/x-www-form-urlencoded");

    let mut slow = raw::Connection::open(envoy.port());
    let length = form.len().to_string();
    slow.send(raw::head("POST", "/token", &[kind, ("content-length", &length)]).as_bytes());
    slow.send_one_by_one(form);
    assert_eq!(slow.answer().expect("an answer").status, 401);

    let mut chunked = raw::Connection::open(envoy.port());
    chunked.send(raw::head("POST", "/token", &[kind, ("transfer-encoding", "chunked")]).as_bytes());
    chunked.send_chunk(&form[..10]);
    chunked.send_chunk(&form[10..]);
    chunked.send_last_chunk();
    assert_eq!(chunked.answer().expect("an answer").status, 401);

    let mut endless = raw::Connection::open(envoy.port());
    endless.send(raw::head("POST", "/token", &[kind, ("content-length", "100000000")]).as_bytes());
    endless.send_without_end(&[b'a'; 1000]);
    assert_eq!(endless.answer().expect("an answer").status, 413);

    let post = || {
        h2::Stream::new("POST", "/token")
            .header(kind.0, kind.1)
            .piece(&form[..10])
            .piece(&form[10..])
    };
    let answers = h2::send(envoy.port(), &[post(), post().reset(), post()]);
    let statuses: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().map(|answer| answer.status))
        .collect();
    assert_eq!(statuses, [Some(401), None, Some(401)]);
}
