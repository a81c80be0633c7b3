//! The page about MongoDB: its keys are those that there are, its configurations are taken, and its account is let in.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::databases::{Mongo, PASSWORD};
use registry_auth_tests::ports::Port;
use registry_auth_tests::process::{Process, Ran, run};
use registry_auth_tests::token::{part, token};
use registry_auth_tests::{http, keys, parts};
use serde_json::{Value, json};

use crate::docs::reference::rows;
use crate::*;

const PAGE: &str = "docs/mongo.md";
const LIMIT: Duration = Duration::from_secs(30);

/// What stands in the page in this language.
fn examples<const N: usize>(language: &str) -> [String; N] {
    let found = blocks(PAGE).into_iter().filter(|block| block.language == language);
    let found: Vec<_> = found.map(|block| block.text).collect();
    found.try_into().expect("the page has so many of them")
}

/// A file with `section` in `folder`, beside what every configuration needs.
#[track_caller]
fn configuration(folder: &Path, section: &str) {
    for (name, text) in [
        ("token.key", keys::ES256),
        ("ca.pem", keys::ES256_CERTIFICATE),
        ("mongo.password", PASSWORD),
    ] {
        if !folder.join(name).exists() {
            fs::write(folder.join(name), text).expect("a file can be written");
        }
    }
    let needed = "server: {addr: \"127.0.0.1:0\"}\ntoken: {issuer: registry-auth, key: token.key}\nusers: {\"\": {}}\n";
    let rules = "acl: [{match: {name: \"${labels:teams}/*\"}, actions: [pull]}]\n";
    let section = section.replace("/etc/registry-auth/", "");
    fs::write(folder.join("auth_config.yml"), format!("{needed}{rules}{section}")).expect("a file can be written");
}

#[track_caller]
fn check(folder: &Path) -> Ran {
    let mut command = Command::new(parts::program());
    command.args(["check", "auth_config.yml"]).current_dir(folder);
    command.env("DATABASE_PASSWORD", "p");
    run(&command, LIMIT)
}

#[test]
fn the_tables_of_the_page_have_every_key() {
    for (section, table) in [
        ("mongo_auth: {zzzzzzzzzz: 1}\n", "| key | default | meaning |"),
        (
            "mongo_auth: {dial_info: {zzzzzzzzzz: 1}}\n",
            "| key of `dial_info` | default | meaning |",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        configuration(folder.path(), section);
        let told = check(folder.path()).fails().stdout;
        let known = told.lines().find_map(|line| line.split_once("known here are "));
        let (_, known) = known.unwrap_or_else(|| panic!("all keys are told of an unknown one: {told}"));
        let known: BTreeSet<String> = known.split(", ").map(|key| key.trim_matches('`').to_owned()).collect();
        let named: BTreeSet<String> = rows(PAGE, table).collect();
        assert_eq!(named, known);
    }
}

#[test]
fn the_configurations_of_the_page_are_taken() {
    for section in examples::<3>("yaml") {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        configuration(folder.path(), &section);
        check(folder.path()).ok().says("nothing wrong");
    }
}

#[test]
fn the_account_of_the_page_is_let_in_by_its_configuration() {
    let certified = Certified::by_authority(Algorithm::Es256);
    let server = Mongo::start_with_tls(&certified);
    let [account, index, rule] = examples::<3>("js");
    assert_eq!(
        index.trim(),
        "db.users.createIndex({\"username\": 1}, {\"unique\": true})"
    );
    let mut account = inserted(&account, "users");
    server.collection("users").insert(&account);
    account["username"] = json!("ada");
    server.collection("users").insert(&account);
    server.collection("acl").insert(&inserted(&rule, "acl"));
    let [mut section, ..] = examples::<3>("yaml");
    let rules = section.replace("mongo_auth:", "acl_mongo:").replace(": users", ": acl");
    section.push_str(&rules);
    for (written, here) in [
        ("db.example:27017", server.address()),
        ("username: registry", "username: accounts".to_owned()),
        ("/etc/registry-auth/ca.pem", certified.root_file().display().to_string()),
    ] {
        assert!(section.contains(written), "the page names `{written}`");
        section = section.replace(written, &here);
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    configuration(folder.path(), &section);
    let port = Port::free();
    let mut command = Command::new(parts::program());
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "auth_config.yml"]);
    let mut program = Process::start("registry-auth", command.current_dir(folder.path()), folder.path());
    let url = format!("http://127.0.0.1:{port}/token?service=registry&scope=repository:blue/app:pull,push");
    let credentials = http::basic("grace", "grace-secret");
    let answer = program.wait_until("answering", LIMIT, || {
        http::try_get(&url, &[("authorization", &credentials)]).ok()
    });
    let claims = part(&token(&answer), 1);
    assert_eq!(claims["sub"], "grace", "{claims}");
    assert_eq!(claims["access"][0]["actions"], json!(["pull"]), "{claims}");
    assert_eq!(server.collection("users").unique_fields(), ["username"]);
    let url = url.replace("blue/app", "ada/app");
    let answer = http::get(&url, &[("authorization", &http::basic("ada", "grace-secret"))]);
    let claims = part(&token(&answer), 1);
    assert_eq!(
        claims["access"][0]["actions"],
        json!(["pull", "push"]),
        "by the rule of the page: {claims}"
    );
}

/// The document that the page puts into this collection.
#[track_caller]
fn inserted(line: &str, collection: &str) -> Value {
    let document = line.trim().strip_prefix(&format!("db.{collection}.insertOne("));
    let document = document.and_then(|document| document.strip_suffix(')'));
    serde_json::from_str(document.expect("the page puts in one document")).expect("it is JSON")
}
