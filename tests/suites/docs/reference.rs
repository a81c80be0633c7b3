//! The tables: no key is named that does not exist, and none exists that is not named.

use std::collections::BTreeSet;

use registry_auth_core::config::{Document, Node, Sources};
use registry_auth_core::policy::Asks;
use registry_auth_core::problem::Problems;
use registry_auth_core::wire;
use registry_auth_tests::module::{Module, Request};
use registry_auth_tests::parts::EnvoyRelease;
use serde_json::{Value, json};

use crate::*;

/// An unknown key is answered with all known ones: these are compared with the table, section by section.
#[test]
fn the_table_of_the_readme_has_every_key() {
    let mut known = BTreeSet::new();
    for (prefix, config) in [
        ("", json!({"?": 1})),
        ("server.", json!({"server": {"?": 1}})),
        ("token.", json!({"token": {"?": 1}})),
        ("acl_options.", json!({"acl_options": {"?": 1}})),
        ("cache.", json!({"cache": {"?": 1}})),
        ("throttle.", json!({"throttle": {"?": 1}})),
    ] {
        known.extend(proposed(&config).into_iter().map(|key| format!("{prefix}{key}")));
    }
    // A section is named by its keys; `throttle` may be `false` as well.
    for section in ["server", "token", "acl_options", "cache"] {
        assert!(known.remove(section), "`{section}` is no section any more");
    }
    let listener = |key: &String| {
        key.strip_prefix("server.").is_some_and(|key| {
            let (_, problems) = read(&json!({"server": {key: "x"}}));
            problems
                .warnings()
                .iter()
                .any(|it| it.what().contains("the listener is Envoy's"))
        })
    };
    known.retain(|key| !listener(key));
    let named: BTreeSet<_> = rows("README.md", "| key | default | meaning |").collect();
    assert_eq!(named, known);
}

/// What a program reads and a proxy does not stands in a table of its own.
#[test]
fn the_table_of_the_program_has_every_section() {
    let sources = Sources {
        environment: &|_| None,
        files: Some(&|_| Err("there are no files".to_owned())),
    };
    let sections = |sources: Sources<'_>| {
        let mut problems = Problems::default();
        let node: Node = serde_json::from_value(json!({"?": 1})).expect("any JSON is a node");
        Document::read(node, sources, &mut problems);
        listed(&problems)
    };
    let mut known: BTreeSet<_> = sections(sources).into_iter().collect();
    for key in sections(Sources::of_a_proxy(&|_| None)) {
        known.remove(&key);
    }
    let rows = rows("README.md", "| key of `registry-auth` | default | meaning |");
    let named = rows.map(|key| key.split('.').next().unwrap_or_default().to_owned());
    let named: BTreeSet<_> = named.filter(|section| section != "server").collect();
    assert_eq!(named, known);
}

#[test]
fn the_table_of_the_audit_log_has_every_key() {
    let [example] = <[Block; 1]>::try_from(blocks("docs/audit_log.md")).expect("one example record");
    let example: Value = serde_json::from_str(&example.text).expect("the example is JSON");
    let named: BTreeSet<_> = rows("docs/audit_log.md", "| key | what it holds |").collect();
    let mut shown = keys(&example);
    // Where there was no room, and of who is refused.
    shown.extend(["labels_cut", "reason"].map(str::to_owned));
    assert_eq!(shown, named);

    let config = json!({
        "token": {"issuer": "registry-auth", "key": registry_auth_tests::keys::ES256},
        "users": {"ada": {
            "password": registry_auth_tests::keys::ADA_SECRET,
            "labels": {"team": ["blue", "x".repeat(3_000)]},
        }},
        "acl": [{"match": {"account": "ada"}, "actions": ["pull"], "comment": "readers may pull"}],
    });
    let mut module = Module::with(config).start().expect("the configuration is taken");
    let reply = module
        .get("/token?service=registry&scope=repository:team/app:pull,push")
        .basic("ada", "ada-secret")
        .source("192.0.2.7:4711")
        .header("x-request-id", "5f0c")
        .send();
    let record = reply.filter_state("registry_auth_audit").expect("a record is left");
    let mut written = keys(&serde_json::from_str(record).expect("the record is JSON"));
    written.insert("reason".to_owned());
    assert_eq!(written, named);
}

#[test]
fn the_table_of_envoys_has_every_release_that_is_tested() {
    let named: Vec<_> = rows(
        "README.md",
        "| Envoy | who signs with RSA and EC keys | who signs with Ed25519 |",
    )
    .collect();
    assert_eq!(named, EnvoyRelease::ALL.map(EnvoyRelease::version));
    // Who signs is shown by the suite `envoy`.
    for release in EnvoyRelease::ALL {
        let signer = if release.has_sign() { "Envoy" } else { "the module" };
        let row = format!("| {} | {signer} | the module |", release.version());
        assert!(document("README.md").contains(&row), "no row `{row}`");
    }
}

/// The keys that the error about `?` proposes.
fn proposed(config: &Value) -> Vec<String> {
    listed(&read(config).1)
}

fn listed(problems: &Problems) -> Vec<String> {
    let unknown = problems
        .errors()
        .iter()
        .find_map(|problem| problem.what().strip_prefix("unknown key; known here are "));
    let listed = unknown.unwrap_or_else(|| panic!("no list of keys: {problems}"));
    listed.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

fn read(config: &Value) -> (Document, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_value(config.clone()).expect("any JSON is a node");
    (
        Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems),
        problems,
    )
}

/// The keys in the first column of the table with this heading.
#[track_caller]
pub(crate) fn rows(name: &str, heading: &str) -> impl Iterator<Item = String> {
    let text = document(name);
    let (_, table) = text
        .split_once(heading)
        .unwrap_or_else(|| panic!("`{name}` has no table `{heading}`"));
    let cells: Vec<_> = table
        .lines()
        .skip(2)
        .map_while(|row| row.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split(", "))
        .map(|key| key.trim_matches('`').to_owned())
        .collect();
    cells.into_iter()
}

/// The keys of a record, those of its scopes as `scopes[].key`, and of its labels alike.
fn keys(record: &Value) -> BTreeSet<String> {
    let record = record.as_object().expect("a record is an object");
    let inner = ["scopes", "labels"].into_iter().flat_map(|list| {
        let entries = record[list].as_array().expect("a record has scopes and labels").iter();
        let keys = entries.flat_map(|entry| entry.as_object().expect("each is an object").keys());
        keys.map(move |key| format!("{list}[].{key}"))
    });
    inner.chain(record.keys().cloned()).collect()
}

/// What the module defines while it does a little of everything, each with the words that stand for `…`.
#[test]
fn the_table_of_metrics_has_every_name() {
    let named: Vec<String> = rows("docs/metrics.md", "| name | kind | what it counts |").collect();
    let config = json!({
        "token": {"issuer": "registry-auth", "key": registry_auth_tests::keys::ES256},
        "users": {"ada": {"password": registry_auth_tests::keys::ADA_SECRET}},
        "acl": [],
        "throttle": {"failures": 1},
    });
    let mut module = Module::with(config).start().expect("the configuration is taken");
    for (password, status) in [("ada-secret", 200), ("ada-secret", 200), ("wrong", 401), ("wrong", 429)] {
        assert_eq!(
            module
                .get("/token?service=r")
                .basic("ada", password)
                .source("192.0.2.7:1")
                .send()
                .status,
            status
        );
    }
    module.tick();
    let mut metrics = module.metric_names();
    metrics.extend(metrics_of_managed_mode());
    let mut used: BTreeSet<&String> = BTreeSet::new();
    for metric in metrics {
        let row = named.iter().find(|name| is_named(name, &metric));
        used.insert(row.unwrap_or_else(|| panic!("`{metric}` is not in the table")));
    }
    let unused: Vec<_> = named.iter().filter(|name| !used.contains(name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// The same beside a program that knows accounts, and has one decided and one wait.
fn metrics_of_managed_mode() -> Vec<String> {
    let config = json!({
        "token": {"issuer": "registry-auth", "key": registry_auth_tests::keys::ES256},
        "users": {},
        "acl": [],
    });
    let (document, _) = read(&config);
    let asks = Asks {
        accounts: true,
        scopes: true,
    };
    let mut module = Module::with(json!({"managed": {"cluster": "c"}}))
        .start()
        .expect("the configuration is taken");
    module.tick();
    let heard = |module: &mut Module, body: &[u8]| {
        let call = module.callouts().pop().expect("a call is open");
        module.answer(call.id, 200, &[], body);
    };
    let written = wire::config::write(&document, asks, 1_700_000_000_000);
    heard(&mut module, written.body.expose());
    let ask = || Request::get("/token?service=r").basic("eve", "pw");
    let stream = module.open(ask());
    let decided = json!({"decided": {
        "identity": {"account": "eve", "proof": "password", "backend": "ext_auth"},
        "grants": [],
    }});
    heard(&mut module, decided.to_string().as_bytes());
    assert_eq!(module.reply(stream).status, 200);
    module.open(ask().source("192.0.2.9:1"));
    heard(&mut module, b"<html>");
    module.tick();
    module.metric_names()
}

/// Whether `metric` is one of `name`, in which `…` is any word.
fn is_named(name: &str, metric: &str) -> bool {
    let (name, metric): (Vec<_>, Vec<_>) = (name.split('.').collect(), metric.split('.').collect());
    name.len() == metric.len()
        && name
            .iter()
            .zip(&metric)
            .all(|(name, word)| *name == "…" || name == word)
}
