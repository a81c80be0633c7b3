//! The page about directories: its keys are those that there are, and its configurations work.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use regex::{NoExpand, Regex};
use registry_auth_tests::active_directory::{self, ActiveDirectory};
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

/// The same of a domain, by a group within the group.
const DOMAIN_ENTRIES: &str = "
dn: CN=Ada Lovelace,CN=Users,DC=corp,DC=example,DC=test
objectClass: user
sAMAccountName: ada
password: Ada.Secret1
userAccountControl: 512

dn: CN=Interns,CN=Users,DC=corp,DC=example,DC=test
objectClass: group
sAMAccountName: Interns
member: CN=Ada Lovelace,CN=Users,DC=corp,DC=example,DC=test

dn: CN=Registry Developers,CN=Users,DC=corp,DC=example,DC=test
objectClass: group
sAMAccountName: Registry Developers
member: CN=Interns,CN=Users,DC=corp,DC=example,DC=test
";

/// What both name.
const AUTHORITY: &str = "/etc/registry-auth/ldap-ca.pem";
const PASSWORD: &str = "/etc/registry-auth/ldap.password";

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

/// What the page says, of a directory that is here: each text that stands there, and what stands here instead.
#[track_caller]
fn here(example: &str, replaced: &[(&str, &str)]) -> String {
    let mut example = example.to_owned();
    for (written, here) in replaced {
        assert!(example.contains(written), "the page names `{written}`");
        example = example.replace(written, here);
    }
    example
}

/// Ada, by the configuration of the page, may push as it says.
#[track_caller]
fn assert_lets_ada_push(example: &str, typed: &str, password: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = configuration(folder.path(), example);
    check(&file).ok().says("nothing wrong");
    let port = Port::free();
    let mut command = Command::new(parts::program());
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .arg(&file);
    let mut program = Process::start("registry-auth", command.current_dir(folder.path()), folder.path());
    let url = format!("http://127.0.0.1:{port}/token?service=registry&scope=repository:team/app:pull,push");
    let credentials = http::basic(typed, password);
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

#[test]
fn the_configuration_for_slapd_lets_somebody_in() {
    let slapd = Slapd::with(ENTRIES);
    let example = example("ldaps://ldap.example");
    let example = here(
        &example,
        &[
            ("ldaps://ldap.example", &slapd.tls_url()),
            (AUTHORITY, &slapd.authority().display().to_string()),
            (PASSWORD, &slapd.password_file().display().to_string()),
        ],
    );
    assert_lets_ada_push(&example, "ada", "ada-secret");
}

#[test]
fn the_configuration_for_active_directory_lets_somebody_in() {
    let directory = ActiveDirectory::with(DOMAIN_ENTRIES);
    let example = example("ldaps://dc1.corp.example");
    let addr = format!("[\"{}\"]", directory.tls_url());
    let example = here(
        &example,
        &[
            ("[ldaps://dc1.corp.example, ldaps://dc2.corp.example]", &addr),
            (AUTHORITY, &directory.authority().display().to_string()),
            (PASSWORD, &directory.password_file().display().to_string()),
            ("registry-reader@corp.example", active_directory::READER),
            ("dc=corp,dc=example", active_directory::SUFFIX),
        ],
    );
    assert_lets_ada_push(&example, "ADA", "Ada.Secret1");
}

/// Not each of these directories is here; what the page says for one is read at least.
#[test]
fn each_configuration_of_the_page_is_right() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let password = folder.path().join("ldap.password");
    fs::write(&password, READER_PASSWORD).expect("a file can be written");
    let authority = Certified::by_authority(Algorithm::Es256);
    let root = format!("  ca_certificate: {}", authority.root_file().display());
    let named = Regex::new(r"(?m)^  ca_certificate: .*$").expect("an expression");
    for example in examples() {
        let example = example.replace(PASSWORD, &password.display().to_string());
        let example = named.replace_all(&example, NoExpand(&root));
        check(&configuration(folder.path(), &example))
            .ok()
            .says("nothing wrong");
    }
}
