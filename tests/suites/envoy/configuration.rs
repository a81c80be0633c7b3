//! What becomes of a configuration, right or wrong: at the start, in place of another, inline, as text.

use std::process::Command;
use std::time::Duration;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::process::run;
use registry_auth_tests::{http, parts};

use crate::*;

/// A fault in every section, two in one of them.
fn wrong() -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key_env": "NOT_SET"},
        "users": {"ada": {"password": "lovelace"}},
        "acl": [{"match": {"acount": "ada"}, "actions": ["*"]}, {"match": {"name": "team-[a"}, "actions": ["*"]}],
        "gcs": {},
    })
}

/// The log names each fault of [`wrong`] and says what to do, but shows no password.
#[track_caller]
fn assert_every_fault_is_named(log: &str) {
    for fault in [
        "token.key_env: environment variable `NOT_SET` is not set",
        "users.ada.password: ",
        "acl[0].match.acount: unknown key; did you mean `account`?",
        "acl[1].match.name: ",
        "gcs: unknown key",
    ] {
        let line = format!("registry_auth: configuration refused: {fault}");
        assert!(log.contains(&line), "no `{fault}` in:\n{log}");
    }
    assert!(!log.contains("lovelace"), "{log}");
}

#[test]
fn a_file_wrong_from_the_start_answers_500_everywhere_until_it_is_mended() {
    let mut envoy = setup(&wrong()).start();
    assert_eq!(envoy.admin("/ready").trim(), "LIVE");
    assert_every_fault_is_named(&envoy.log());
    assert_every_path_is_500(&envoy);

    assert_eq!(envoy.swap_config(&config()), Swap::Taken);
    envoy.wait_until("a token", |envoy| (ask(envoy, "").status == 200).then_some(()));
    assert!(envoy.log().contains("registry_auth: configuration in force"));
    // From here on it is as if it had been right from the start.
    assert_a_wrong_update_changes_nothing(envoy);
}

#[test]
fn a_wrong_update_is_refused_with_every_fault_and_the_last_good_one_serves() {
    let setup = setup(&config()).release(EnvoyRelease::Oldest);
    assert_a_wrong_update_changes_nothing(setup.start());
}

#[track_caller]
fn assert_a_wrong_update_changes_nothing(mut envoy: Envoy) {
    let assert_serves = |envoy: &Envoy| {
        let answer = ask(envoy, "repository:ada/app:push");
        assert_eq!(granted(&answer), json!({"ada/app": ["push"]}));
    };
    let Swap::Refused(log) = envoy.swap_config(&wrong()) else {
        panic!("a wrong file was taken")
    };
    assert_every_fault_is_named(&log);
    assert_serves(&envoy);
    let Swap::Refused(log) = envoy.swap_filter("resources: [") else {
        panic!("what is not YAML was taken")
    };
    assert!(log.contains("yaml-cpp: error at line 1"), "{log}");
    assert_serves(&envoy);
    // A good one is taken after these.
    let good = config_with("token.expiration", json!(1_000));
    assert_eq!(envoy.swap_config(&good), Swap::Taken);
    wait_for_expiration(&mut envoy, 1_000);
}

#[track_caller]
fn assert_every_path_is_500(envoy: &Envoy) {
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/token"),
        ("POST", "/token"),
        ("HEAD", "/v2/"),
        ("PUT", "/x"),
    ] {
        let answer = http::request(method, &format!("{}{path}", envoy.url()), &[], b"");
        assert_eq!(answer.status, 500, "{method} {path}: {}", answer.text());
    }
}

#[test]
fn inline_a_wrong_configuration_ends_the_start() {
    assert_every_fault_is_named(&setup(&wrong()).inline().start_refused());
    let envoy = setup(&config()).inline().as_text().start();
    assert_eq!(subject(&ask(&envoy, "")), "ada", "as text, as Istio hands it over");
}

#[test]
fn the_lines_for_tls_are_right() {
    let key = Certified::by_authority(Algorithm::Es256);
    let envoy = setup(&config()).tls(&key).start();
    for version in ["--http1.1", "--http2"] {
        let mut curl = Command::new(parts::system("curl"));
        curl.args([
            "--silent",
            "--show-error",
            "--fail",
            "--noproxy",
            "*",
            version,
            "--cacert",
        ])
        .arg(key.root_file())
        .arg(format!("{}/token?service=registry", envoy.url()));
        assert!(run(&curl, Duration::from_secs(30)).ok().stdout.contains("\"token\""));
    }
}
