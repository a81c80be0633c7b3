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
    let every_path_is_500 = |envoy: &Envoy| {
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
    };
    every_path_is_500(&envoy);
    assert_every_fault_is_named(&envoy.log());
    let Swap::Refused(log) = envoy.swap_config(&config_with("acl", json!(7))) else {
        panic!("a second wrong file was taken")
    };
    assert!(log.contains("configuration refused: acl: must be a list"), "{log}");
    every_path_is_500(&envoy);

    assert_eq!(envoy.swap_config(&config()), Swap::Taken);
    let answer = envoy.wait_until("a token", |envoy| {
        Some(ask(envoy, "repository:ada/app:push")).filter(|answer| answer.status == 200)
    });
    assert_eq!(granted(&answer), json!({"ada/app": ["push"]}));
    assert!(envoy.log().contains("registry_auth: configuration in force"));
}

#[test]
fn a_wrong_update_is_refused_with_every_fault_and_the_last_good_one_serves() {
    for release in EnvoyRelease::ALL {
        let mut envoy = setup(&config()).release(release).start();
        for (text, wrong) in [
            (None, Some(wrong())),
            (Some("resources: ["), None),
            (None, Some(json!(null))),
        ] {
            let swap = match (text, &wrong) {
                (Some(text), _) => envoy.swap_filter(text),
                (_, Some(config)) => envoy.swap_config(config),
                (None, None) => unreachable!("each row has one"),
            };
            let Swap::Refused(log) = swap else {
                panic!("taken: {text:?} {wrong:?}")
            };
            match (text, wrong) {
                (Some(_), _) => assert!(log.contains("yaml-cpp: error at line 1"), "{log}"),
                (_, Some(Value::Null)) => assert!(log.contains("configuration refused: "), "{log}"),
                _ => assert_every_fault_is_named(&log),
            }
            let answer = ask(&envoy, "repository:ada/app:push");
            assert_eq!(granted(&answer), json!({"ada/app": ["push"]}));
        }
        // A good one is taken after all these.
        assert_eq!(
            envoy.swap_config(&config_with("token.expiration", json!(1_000))),
            Swap::Taken
        );
        wait_for_expiration(&mut envoy, 1_000);
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
