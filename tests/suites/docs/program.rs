//! `registry-auth` as the README starts it, and the filter as it is pointed at it.

use std::process::Command;
use std::time::Duration;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::module::Module;
use registry_auth_tests::process::{Process, run, run_with_input};
use registry_auth_tests::{http, keys, parts};
use serde_json::json;

use crate::*;

/// The command.
pub(crate) const SERVE: &str = "registry-auth serve";
/// The command that looks at a file before that.
pub(crate) const CHECK: &str = "registry-auth check";
/// The commands that explain a configuration, and how their answers begin.
pub(crate) const EXPLAIN: [(&str, &str); 2] = [
    ("registry-auth explain", "repository:ada/app/base"),
    ("registry-auth who", "repository:public/app"),
];
/// The commands that write Envoy's files.
pub(crate) const RENDER: &str = "registry-auth render";
/// What tells the blocks apart.
pub(crate) const MARKS: [&str; 2] = [LISTENERS, PLUGIN];

const LISTENERS: &str = "filter: {listen";
const PLUGIN: &str = "managed: {cluster";

#[test]
fn the_program_serves_a_file_of_docker_auth_with_the_two_keys_of_the_readme() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let socket = folder.path().join("filter.sock");
    let admin = registry_auth_tests::ports::Port::free();
    let listeners = readme_block("yaml", LISTENERS);
    let listeners = listeners.replace("/run/registry-auth/filter.sock", &socket.display().to_string());
    let listeners = listeners.replace("127.0.0.1:5002", &format!("127.0.0.1:{admin}"));
    fs::write(folder.path().join("token.key"), keys::ES256).expect("a file can be written");
    let configuration = format!(
        "server: {{addr: \"127.0.0.1:0\"}}\ntoken: {{issuer: registry-auth, expiration: 900, key: token.key}}\n\
         users: {{\"\": {{}}}}\nacl: []\n{listeners}"
    );
    fs::write(folder.path().join("auth_config.yml"), configuration).expect("a file can be written");

    let block = readme_block("sh", SERVE);
    let mut words = block.split_whitespace();
    assert_eq!(words.next(), Some("registry-auth"));
    let mut command = Command::new(parts::program());
    command.args(words).current_dir(folder.path());
    let mut program = Process::start("registry-auth", &command, folder.path());
    let ready = format!("http://127.0.0.1:{admin}/readyz");
    program.wait_until("ready", Duration::from_secs(30), || {
        http::try_get(&ready, &[])
            .is_ok_and(|answer| answer.status == 200)
            .then_some(())
    });
    assert!(socket.exists(), "the filter's socket is there");
    let mut health = Command::new(parts::program());
    health.args(["health", "auth_config.yml"]).current_dir(folder.path());
    let _ = run(&health, Duration::from_secs(30)).ok();
}

#[test]
fn the_program_checks_a_file_as_the_readme_has_it() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("token.key"), keys::ES256).expect("a file can be written");
    let configuration = "server: {addr: \":5001\"}\ntoken: {issuer: i, key: token.key}\nusers: {\"\": {}}\nacl: []\n";
    fs::write(folder.path().join("auth_config.yml"), configuration).expect("a file can be written");
    let block = readme_block("sh", CHECK);
    let mut words = block.split_whitespace();
    assert_eq!(words.next(), Some("registry-auth"));
    let mut command = Command::new(parts::program());
    command.args(words).current_dir(folder.path());
    let ran = run(&command, Duration::from_secs(30)).ok();
    assert!(
        ran.stdout.ends_with("nothing wrong in auth_config.yml\n"),
        "{}",
        ran.output()
    );
}

/// Each command of the page, with the files that it names.
#[test]
fn the_commands_of_the_page_about_docker_auth_work() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = Certified::self_signed(Algorithm::Es256);
    fs::write(folder.path().join("token.key"), key.key()).expect("a file can be written");
    fs::write(folder.path().join("token.crt"), key.certificate()).expect("a file can be written");
    let configuration = "server: {addr: \":5001\"}\n\
        token: {issuer: i, expiration: 900, key: token.key, certificate: token.crt, key_header: kid}\n\
        users: {\"\": {}}\nacl: []\n";
    fs::write(folder.path().join("auth_config.yml"), configuration).expect("a file can be written");
    let registry =
        "auth: {token: {realm: 'https://registry.example/token', service: r, issuer: i, rootcertbundle: token.crt}}\n";
    fs::write(folder.path().join("registry.yml"), registry).expect("a file can be written");
    let blocks = blocks("docs/migrating.md");
    assert!(!blocks.is_empty(), "the page has commands");
    for block in blocks {
        let line = block.text.replace("/etc/docker/registry/config.yml", "registry.yml");
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("registry-auth"), "{line}");
        let mut command = Command::new(parts::program());
        command.args(words).current_dir(folder.path());
        let ran = run(&command, Duration::from_secs(30)).ok();
        assert!(
            ran.stdout.contains("nothing wrong in auth_config.yml"),
            "{}",
            ran.output()
        );
    }
}

/// `check` finds nothing wrong in a configuration with this section.
#[track_caller]
fn assert_section_is_taken(folder: &Path, section: &str) {
    let configuration = format!(
        "server: {{addr: \":5001\"}}\ntoken: {{issuer: i, key: token.key}}\nusers: {{\"\": {{}}}}\nacl: []\n{section}"
    );
    fs::write(folder.join("auth_config.yml"), configuration).expect("a file can be written");
    let mut command = Command::new(parts::program());
    command.args(["check", "auth_config.yml"]).current_dir(folder);
    command.env("DATABASE_PASSWORD", "p");
    let ran = run(&command, Duration::from_secs(30)).ok();
    assert!(
        ran.stdout.ends_with("nothing wrong in auth_config.yml\n"),
        "{section}{}",
        ran.output()
    );
}

/// The command of the page, but for its terminal and its folder, and the section.
#[test]
fn what_the_page_about_htpasswd_makes_is_taken() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("token.key"), keys::ES256).expect("a file can be written");
    let blocks = blocks("docs/htpasswd.md");
    let [section, line] = &blocks[..] else {
        panic!("{blocks:?}")
    };
    let here = |text: &str| text.replace("/etc/registry-auth/", "");
    let line = here(&line.text);
    let mut words = line.split_whitespace();
    let mut command = Command::new(parts::system(words.next().expect("a command has words")));
    // `-i` reads the password from where a program can write it.
    command.arg("-i").args(words).current_dir(folder.path());
    let _ = run_with_input(&command, "grace-secret", Duration::from_secs(30)).ok();
    assert_section_is_taken(folder.path(), &here(&section.text));
}

/// The section, the model and the policy of the page.
#[test]
fn the_files_of_the_page_about_casbin_are_taken() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("token.key"), keys::ES256).expect("a file can be written");
    let blocks = blocks("docs/casbin.md");
    let [section, model, policy] = &blocks[..] else {
        panic!("{blocks:?}")
    };
    fs::write(folder.path().join("model.conf"), &model.text).expect("a file can be written");
    fs::write(folder.path().join("policy.csv"), &policy.text).expect("a file can be written");
    assert_section_is_taken(folder.path(), &section.text.replace("/etc/registry-auth/", ""));
}

/// Each section of the page, in a file of its own.
#[test]
fn the_sections_of_the_page_about_databases_are_taken() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("token.key"), keys::ES256).expect("a file can be written");
    fs::write(folder.path().join("ca.pem"), keys::ES256_CERTIFICATE).expect("a file can be written");
    let blocks = blocks("docs/sql.md");
    assert!(blocks.len() > 3, "the page has sections");
    for block in blocks {
        let section = block.text.replace("/etc/registry-auth/ca.pem", "ca.pem");
        assert_section_is_taken(folder.path(), &section);
    }
}

#[test]
fn what_the_readme_renders_is_there_afterwards() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let configuration = "server: {addr: \":5001\"}\ntoken: {issuer: registry-auth, key: token.key}\nusers: {ada: {}}\nacl: []\n\
                         filter: {listen: \"unix:/run/registry-auth/filter.sock\"}\n";
    fs::write(folder.path().join("auth_config.yml"), configuration).expect("a file can be written");
    let block = readme_block("sh", RENDER);
    let mut answer = String::new();
    for line in block.lines() {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("registry-auth"));
        let mut command = Command::new(parts::program());
        command.args(words).current_dir(folder.path());
        answer = run(&command, Duration::from_secs(30)).ok().stdout;
    }
    assert_eq!(answer, "{\"ada\": {}}\n", "the last line prints the users");
    for name in [
        "envoy/managed.yaml",
        "envoy/standalone.yaml",
        "envoy/registry_auth.yaml",
        "mesh/istio.yaml",
    ] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn the_commands_that_explain_a_configuration_answer_as_the_readme_has_it() {
    for (command, answer) in EXPLAIN {
        let block = readme_block("sh", command);
        let mut words = block.split_whitespace();
        assert_eq!(words.next(), Some("registry-auth"));
        let mut program = Command::new(parts::program());
        program.args(words).current_dir(parts::checkout());
        let ran = run(&program, Duration::from_secs(30));
        assert_eq!(ran.stdout, readme_block("text", answer), "{}", ran.report());
    }
}

#[test]
fn the_accounts_of_the_harness_are_those_that_ship() {
    let mut command = Command::new(parts::program());
    command
        .args(["render", "envoy/auth_config.yml", "--users"])
        .current_dir(parts::checkout());
    let printed = run(&command, Duration::from_secs(30)).ok().stdout;
    assert_eq!(printed.trim_end(), registry_auth_tests::envoy::SHIPPED_USERS);
}

#[test]
fn the_three_lines_of_the_readme_have_the_filter_ask_for_its_configuration() {
    let block = readme_block("yaml", PLUGIN);
    let value = block.lines().find_map(|line| line.trim().strip_prefix("value: "));
    assert_eq!(value, Some("{managed: {cluster: registry-auth}}"));
    let module = Module::with(json!({"managed": {"cluster": "registry-auth"}}));
    let mut module = module.start().expect("the plugin is configured");
    module.tick();
    let calls = module.callouts();
    assert!(
        calls.iter().any(|call| call.path().starts_with("/v1/config")),
        "{calls:?}"
    );
}
