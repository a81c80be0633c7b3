//! `registry-auth check` as a user meets it: each file in `tests/config`, and the exact text that it earns.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is tests: a failed expectation is how they speak"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Paths in the files are those from here on.
fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn check(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry-auth"));
    command.arg("check").args(arguments).current_dir(checkout());
    command.env_remove("REGISTRY_AUTH_ADDR").output().unwrap()
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.is_empty(), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn each_broken_file_earns_its_text() {
    let folder = checkout().join("tests/config");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(files.len() >= 30, "{files:?}");
    let mut wrong = Vec::new();
    for file in files {
        let name = format!("tests/config/{}", file.file_name().unwrap().to_str().unwrap());
        let output = check(&[&name]);
        let text = stdout(&output);
        let expected = fs::read_to_string(file.with_extension("txt")).unwrap_or_default();
        if text != expected {
            let beside = name.replace(".yml", ".txt");
            wrong.push(format!(
                "{text}\nif that is right: registry-auth check {name} > {beside}\n"
            ));
        }
        let code = i32::from(text.contains("error"));
        assert_eq!(output.status.code(), Some(code), "{name}: {text}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs `check` with `arguments`, and compares what it says with the file `beside`.
#[track_caller]
fn earns(arguments: &[&str], beside: &str, code: i32) {
    let output = check(arguments);
    let text = stdout(&output);
    let expected = fs::read_to_string(checkout().join(beside)).unwrap_or_default();
    let command = arguments.join(" ");
    assert_eq!(
        text, expected,
        "if that is right: registry-auth check {command} > {beside}"
    );
    assert_eq!(output.status.code(), Some(code), "{command}");
}

/// The files are of the same shape as the examples that docker_auth publishes. What is told of their own keys is where
/// they are read otherwise; all else is what this machine or this release lacks.
#[test]
fn files_of_docker_auth_are_read_and_what_is_otherwise_is_told() {
    for (name, code) in [
        ("simple", 0),
        ("no_tls", 0),
        ("ldap", 1),
        ("programs", 0),
        ("everything", 1),
    ] {
        let file = format!("tests/config/docker_auth/{name}");
        let (yml, txt) = (format!("{file}.yml"), format!("{file}.txt"));
        earns(&["--from", "docker_auth", &yml], &txt, code);
        let unknown = stdout(&check(&[&yml]));
        assert!(!unknown.contains("unknown key"), "{unknown}");
    }
}

#[test]
fn each_target_has_its_warnings() {
    for target in ["envoy", "envoy-managed", "istio", "envoy-gateway"] {
        let txt = format!("tests/config/targets/{target}.txt");
        earns(&["--for", target, "tests/config/targets/site.yml"], &txt, 0);
    }
    earns(
        &[
            "--for",
            "istio",
            "--listen",
            "127.0.0.1:5001",
            "tests/config/targets/ready.yml",
        ],
        "tests/config/targets/ready.txt",
        0,
    );
}

#[test]
fn a_registry_that_would_believe_no_token_is_told_why() {
    let site = "tests/config/registry/site.yml";
    for (name, code) in [("good", 0), ("by_authority", 0), ("wrong", 1), ("without_auth", 1)] {
        let file = format!("tests/config/registry/{name}");
        let (yml, txt) = (format!("{file}.yml"), format!("{file}.txt"));
        earns(&["--registry", &yml, site], &txt, code);
    }
    let output = check(&["--registry", "tests/config/registry/nowhere.yml", site]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn warnings_pass_unless_they_are_denied() {
    let file = "tests/config/warn_rules.yml";
    assert_eq!(check(&[file]).status.code(), Some(0));
    assert_eq!(check(&["--deny-warnings", file]).status.code(), Some(1));
}

#[test]
fn a_file_that_cannot_be_read_is_no_answer() {
    let output = check(&["tests/config/nowhere.yml"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stdout(&output);
    assert!(
        text.contains("cannot read `tests/config/nowhere.yml`: no such file"),
        "{text}"
    );
}

#[test]
fn the_answer_is_json_where_that_is_asked_for() {
    let output = check(&["--json", "tests/config/actions.yml"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        json.pointer("/errors/0").unwrap(),
        &serde_json::json!({
            "file": "tests/config/actions.yml",
            "line": 12,
            "column": 14,
            "path": "acl[0].actions",
            "what": "must be a list, not a text",
            "help": "write `[pull]`",
        })
    );
    assert_eq!(json.pointer("/warnings").unwrap(), &serde_json::json!([]));
    assert_eq!(json.pointer("/token_lifetime_seconds").unwrap(), 900);
}
