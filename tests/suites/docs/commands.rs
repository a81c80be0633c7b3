//! The commands.

use std::process::Command;
use std::time::Duration;

use registry_auth_tests::envoy::Envoy;
use registry_auth_tests::process::run;
use registry_auth_tests::{http, parts};

use crate::*;

pub(crate) const TRY_IT: &str = "make demo-check";

/// `make demo-check` starts what `make demo` starts and runs the commands that it prints.
#[test]
fn the_commands_to_try_it_work() {
    let block = readme_block("sh", TRY_IT);
    let commands: Vec<_> = block
        .lines()
        .map(|line| line.split('#').next().unwrap_or(line).trim())
        .collect();
    // The last one is what runs this test.
    assert_eq!(commands, ["make demo", "make demo-check", "make test"]);
    let mut make = Command::new(parts::system("make"));
    make.arg("demo-check").current_dir(parts::checkout());
    let ran = run(&make, Duration::from_mins(15)).ok();
    assert!(
        ran.stdout.contains("Each command did what it says."),
        "{}",
        ran.output()
    );
}

#[test]
fn the_shipped_file_says_how_to_make_a_key() {
    let text = document("envoy/standalone.yaml");
    let (_, command) = text
        .split_once("#   openssl ")
        .expect("the file shows how to make a key");
    let (command, rest) = command
        .split_once("#   export ")
        .expect("the file shows where the key goes");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut shell = Command::new(parts::system("sh"));
    let command = format!("openssl {}", command.replace("\n#", "\n"));
    shell.args(["-e", "-c", &command]).current_dir(folder.path());
    let _ = run(&shell, Duration::from_mins(1)).ok();

    assert!(
        rest.starts_with(r#"TOKEN_KEY="$(cat token.key)" TOKEN_CERTIFICATE="$(cat token.crt)""#),
        "{rest}"
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("openssl has written it");
    let envoy = Envoy::as_shipped()
        .env("TOKEN_KEY", &read("token.key"))
        .env("TOKEN_CERTIFICATE", &read("token.crt"))
        .start();
    let answer = http::get(&format!("{}/token?service=registry", envoy.url()), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
}
