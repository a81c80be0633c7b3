//! The page about directories: its keys are those that there are, and its configurations work.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use regex::{NoExpand, Regex};
use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::ldap::{READER_PASSWORD, Slapd};
use registry_auth_tests::ports::Port;
use registry_auth_tests::process::{Process, Ran, run};
use registry_auth_tests::token::{part, token};
use registry_auth_tests::{http, keys, parts};

use crate::docs::reference::rows;
use crate::*;

const PAGE: &str = "docs/ldap.md";
const LIMIT: Duration = Duration::from_secs(30);

/// Somebody in a group of whom the page speaks.
const ENTRIES: &str = "
dn: uid=ada,ou=people,dc=corp,dc=example
objectClass: inetOrgPerson
uid: ada
cn: Ada
sn: Lovelace
userPassword: ada-secret

dn: cn=registry-devs,ou=groups,dc=corp,dc=example
objectClass: groupOfNames
cn: registry-devs
member: uid=ada,ou=people,dc=corp,dc=example
";

/// The blocks of the page.
fn examples() -> Vec<String> {
    let blocks = blocks(PAGE).into_iter().map(|block| {
        assert_eq!(block.language, "yaml", "no test runs this block: {block:#?}");
        block.text
    });
    blocks.collect()
}

/// The one for this directory.
fn example(addr: &str) -> String {
    let mut found = examples();
    found.retain(|example| example.contains(addr));
    let [example] = &*found else {
        panic!("one configuration for `{addr}` was expected: {found:#?}");
    };
    example.clone()
}

/// A file with `part` in `folder`, beside what every configuration needs.
#[track_caller]
fn configuration(folder: &Path, part: &str) -> PathBuf {
    let file = folder.join("auth_config.yml");
    fs::write(folder.join("token.key"), keys::ES256).expect("a file can be written");
    let needed = "server: {addr: \"127.0.0.1:0\"}\ntoken: {issuer: registry-auth, key: token.key}\nusers: {}\n";
    fs::write(&file, format!("{needed}{part}")).expect("a file can be written");
    file
}

#[track_caller]
fn check(file: &Path) -> Ran {
    let mut command = Command::new(parts::program());
    command
        .arg("check")
        .arg(file)
        .current_dir(file.parent().expect("it is in a folder"));
    run(&command, LIMIT)
}

#[test]
fn the_table_of_the_page_has_every_key() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = configuration(folder.path(), "ldap_auth: {zzzzzzzzzz: 1}\nacl: []\n");
    let told = check(&file).fails().stdout;
    let known = told.lines().find_map(|line| line.split_once("known here are "));
    let (_, known) = known.unwrap_or_else(|| panic!("all keys are told of an unknown one: {told}"));
    let known: BTreeSet<String> = known.split(", ").map(|key| key.trim_matches('`').to_owned()).collect();
    let named: BTreeSet<String> = rows(PAGE, "| key | default | meaning |").collect();
    assert_eq!(named, known);
}

#[test]
fn the_configuration_for_slapd_lets_somebody_in() {
    let slapd = Slapd::with(ENTRIES);
    let mut example = example("ldaps://ldap.example");
    for (written, here) in [
        ("ldaps://ldap.example", slapd.tls_url()),
        (
            "/etc/registry-auth/ldap-ca.pem",
            slapd.authority().display().to_string(),
        ),
        (
            "/etc/registry-auth/ldap.password",
            slapd.password_file().display().to_string(),
        ),
    ] {
        assert!(example.contains(written), "the page names `{written}`");
        example = example.replace(written, &here);
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = configuration(folder.path(), &example);
    check(&file).ok().says("nothing wrong");
    let port = Port::free();
    let mut command = Command::new(parts::program());
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .arg(&file);
    let mut program = Process::start("registry-auth", command.current_dir(folder.path()), folder.path());
    let url = format!("http://127.0.0.1:{port}/token?service=registry&scope=repository:team/app:pull,push");
    let credentials = http::basic("ada", "ada-secret");
    let answer = program.wait_until("answering", LIMIT, || {
        http::try_get(&url, &[("authorization", &credentials)]).ok()
    });
    let claims = part(&token(&answer), 1);
    assert_eq!(claims["sub"], "ada", "{claims}");
    assert_eq!(
        claims["access"][0]["actions"],
        serde_json::json!(["pull", "push"]),
        "{claims}"
    );
}

/// Not each of these directories is here; what the page says for one is read at least.
#[test]
fn each_configuration_of_the_page_is_right() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let here = |name: &str| folder.path().join(name).display().to_string();
    fs::write(here("ldap.password"), READER_PASSWORD).expect("a file can be written");
    let authority = Certified::by_authority(Algorithm::Es256);
    let named = Regex::new(r"(?m)^  ca_certificate: .*$").expect("an expression");
    for example in examples() {
        let example = example.replace("/etc/registry-auth/ldap.password", &here("ldap.password"));
        let root = format!("  ca_certificate: {}", authority.root_file().display());
        let example = named.replace_all(&example, NoExpand(&root));
        check(&configuration(folder.path(), &example))
            .ok()
            .says("nothing wrong");
    }
}
