//! The operator's commands, as the README types them, in one folder after the other.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::process::{Ran, run};
use registry_auth_tests::registry::Registry;
use registry_auth_tests::sidecar::Sidecar;
use registry_auth_tests::{keys, parts};
use serde_json::json;

use crate::*;

/// What tells the blocks apart.
pub(crate) const MARKS: [&str; 7] = [KEYGEN, HASH_PASSWORD, USERS, TOKEN, DOCTOR, COMPLETIONS, DIFF];
/// How the answer of `diff` begins.
pub(crate) const DIFFERENCE: &str = "docker/config/auth_config.yml to new.yml";

const KEYGEN: &str = "registry-auth keygen";
const HASH_PASSWORD: &str = "registry-auth hash-password";
const USERS: &str = "registry-auth users";
const TOKEN: &str = "registry-auth token";
const DOCTOR: &str = "registry-auth doctor";
const COMPLETIONS: &str = "registry-auth completions";
const DIFF: &str = "registry-auth diff";

/// Types the block with this mark in a folder.
#[track_caller]
fn typed(mark: &str, folder: &Path) -> Ran {
    types(&readme_block("sh", mark), folder)
}

/// Types these lines, all of which end well.
#[track_caller]
fn types(lines: &str, folder: &Path) -> Ran {
    types_and_sees(lines, folder).ok()
}

/// Types these lines, where `registry-auth` is found as an operator finds it.
#[track_caller]
fn types_and_sees(lines: &str, folder: &Path) -> Ran {
    let bin = tempfile::tempdir().expect("a temporary folder can be made");
    symlink(parts::program(), bin.path().join("registry-auth")).expect("a link in a temporary folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new(parts::system("sh"));
    shell
        .args(["-e", "-c", lines])
        .env("PATH", format!("{}:{path}", bin.path().display()))
        .current_dir(folder);
    run(&shell, Duration::from_mins(1))
}

#[test]
fn a_key_is_made_as_the_readme_says() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let ran = typed(KEYGEN, folder.path());
    for name in ["token.key", "token.crt", "jwks.json"] {
        assert!(folder.path().join("keys").join(name).exists(), "{name}");
    }
    assert!(ran.stdout.contains("    service: registry.example\n"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("    realm: https://registry.example/token\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_password_is_hashed_and_signs_in() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("password.txt"), "ada-secret\n").expect("a file can be written");
    let ran = typed(HASH_PASSWORD, folder.path());
    let hash = ran.stdout.strip_suffix('\n').expect("the hash, and a line break");
    assert!(hash.starts_with("$2b$10$") && hash.len() == 60, "{hash}");
    let hash = registry_auth_core::authn::hash::Hash::parse(hash).expect("a hash");
    assert_eq!(hash.fits(b"ada-secret"), Ok(true));
    assert_eq!(ran.stderr, "");
}

#[test]
fn accounts_and_rules_of_a_database_are_what_was_typed() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let database = "{database_type: sqlite3, conn_string: accounts.db}";
    let configuration = format!(
        "token: {{issuer: registry-auth, key: token.key}}\nacl: []\nxorm_auth: {database}\nacl_xorm: {database}\n"
    );
    let rules = "acl:\n  - {match: {account: ada}, actions: [\"*\"]}\n  - {match: {name: a}, actions: [pull]}\n  \
                 - {match: {}, actions: []}\n";
    for (name, text) in [
        ("auth_config.yml", configuration.as_str()),
        ("token.key", keys::ES256),
        ("password.txt", "ada-secret\n"),
        ("rules.yml", rules),
    ] {
        fs::write(folder.path().join(name), text).expect("a file can be written");
    }
    let ran = typed(USERS, folder.path());
    assert_eq!(
        ran.stdout,
        "`ada` added\nada  bcrypt 10  team=blue\n3 rules in place of 0\n\
         10  {match: {}, actions: []}\n20  {match: {account: ada}, actions: [\"*\"]}\n30  {match: {name: a}, actions: [pull]}\n\
         acl:\n  - {match: {}, actions: []}\n  - {match: {account: ada}, actions: [\"*\"]}\n  \
         - {match: {name: a}, actions: [pull]}\n",
        "{}",
        ran.report()
    );
    assert!(ran.stderr.contains("has no `admin.listen`"), "{}", ran.stderr);
}

#[test]
fn a_token_is_minted_and_told_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let configuration = "token: {issuer: registry-auth, key: token.key}\nusers: {ada: {}}\n\
                         acl: [{match: {account: ada, name: 'team/*'}, actions: [pull]}]\n";
    fs::write(folder.path().join("auth_config.yml"), configuration).expect("a file can be written");
    fs::write(folder.path().join("token.key"), keys::ES256).expect("a file can be written");
    let ran = typed(TOKEN, folder.path());
    assert!(
        ran.stderr.contains("granted pull  auth_config.yml:3 acl[0]"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.starts_with("good: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("pull of repository team/app"), "{}", ran.stdout);
}

#[test]
fn a_registry_is_visited_and_all_is_well() {
    let key = Certified::self_signed(Algorithm::Es256);
    let program = Sidecar::serve(&json!({
        "token": {"issuer": "registry-auth", "key": key.key_file(), "certificate": key.certificate_file()},
        "users": {"ada": {"password": keys::ADA_SECRET}},
        "acl": [{"match": {"account": "ada"}, "actions": ["pull"]}],
    }));
    let registry = Registry::v3_1()
        .realm(&format!("{}/token", program.url()))
        .root(&key.root_file())
        .start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("password.txt"), "ada-secret\n").expect("a file can be written");
    let line = readme_block("sh", DOCTOR);
    assert!(line.contains("https://registry.example "), "{line}");
    let line = line.replace("https://registry.example ", &format!("http://{} ", registry.address()));
    let ran = types(&line, folder.path());
    assert!(ran.stdout.ends_with("all is well\n"), "{}", ran.stdout);
}

#[test]
fn a_change_of_a_file_is_told_as_the_readme_has_it() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = folder.path().join("docker/config");
    fs::create_dir_all(&config).expect("a folder can be made");
    fs::copy(
        parts::checkout().join("docker/config/auth_config.yml"),
        config.join("auth_config.yml"),
    )
    .expect("a file can be copied");
    let ran = types_and_sees(&readme_block("sh", DIFF), folder.path());
    assert_eq!(ran.stdout, readme_block("text", DIFFERENCE), "{}", ran.report());
    assert_eq!(ran.status.and_then(|status| status.code()), Some(1), "{}", ran.report());
}

#[test]
fn the_program_says_what_it_is_and_how_it_is_typed() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let ran = typed(COMPLETIONS, folder.path());
    assert_eq!(ran.stdout, format!("registry-auth {}\n", env!("CARGO_PKG_VERSION")));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
    assert!(read("registry-auth.bash").contains("complete -F"));
    assert!(read("registry-auth.1").contains(".TH registry-auth 1"));
}
