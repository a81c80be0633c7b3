use std::net::IpAddr;

use clap::Parser;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::acl::{Asked, PatternMemo};
use registry_auth_core::memo::Seed;
use registry_auth_core::scope::Scope;
use registry_auth_core::service::Service;
use serde_json::{Value, json};

use super::*;

mod random;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    diff: Diff,
}

/// What is answered of a change from `old` to `new`, with these arguments besides.
#[track_caller]
fn told(old: &str, new: &str, arguments: &[&str]) -> (String, Exit) {
    try_told(old, new, arguments).unwrap_or_else(|error| panic!("{error}"))
}

fn try_told(old: &str, new: &str, arguments: &[&str]) -> Result<(String, Exit), String> {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = [("old.yml", old), ("new.yml", new)].map(|(name, text)| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    });
    let arguments = ["diff", &old, &new].into_iter().chain(arguments.iter().copied());
    let diff = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?.diff;
    let here = format!("{}/", folder.path().display());
    let (answer, exit) = answered(&diff, &|_| None).map_err(|error| error.to_string().replace(&here, ""))?;
    Ok((answer.replace(&here, ""), exit))
}

/// Both, as somebody reads them one below the other.
fn session(changes: &[(&str, &str, &str)]) -> String {
    let told = changes.iter().map(|(why, old, new)| match try_told(old, new, &[]) {
        Ok((answer, exit)) => format!("# {why}\n{answer}{exit:?}\n"),
        Err(error) => format!("# {why}\n{error}\n"),
    });
    told.collect::<Vec<_>>().join("\n")
}

const FILE: &str = r#"token: {issuer: registry-auth, expiration: 900}
users:
  ada: {password: "$2y$05$ada", labels: {team: [blue]}}
  bob: {password: "$2y$05$bob", labels: {team: [red]}}
  "": {}
acl:
  - {match: {account: bob, name: "secret/*"}, actions: [], comment: not for bob}
  - {match: {account: ada}, actions: ["*"], comment: ada does all}
  - {match: {name: "${labels:team}/*"}, actions: [pull, push], comment: each team its own}
  - {match: {account: "/^(.+)-ci$/", name: "${account:1}/*"}, actions: [push]}
  - {match: {account: "?*", name: "secret/*", ip: 10.0.0.0/8}, actions: [pull], comment: from inside}
  - {match: {name: "public/*"}, actions: [pull]}
"#;

/// The file with one text in place of another.
#[track_caller]
fn with(text: &str, instead: &str) -> String {
    assert_eq!(FILE.matches(text).count(), 1, "{text}");
    FILE.replace(text, instead)
}

/// Each change with a word on it.
fn changes(changes: &[(&str, &str, &str)]) -> String {
    let files: Vec<_> = changes
        .iter()
        .map(|(why, text, instead)| (*why, with(text, instead)))
        .collect();
    let pairs: Vec<_> = files.iter().map(|(why, new)| (*why, FILE, new.as_str())).collect();
    session(&pairs)
}

#[test]
fn what_a_change_of_the_rules_comes_to_is_shown_by_examples() {
    insta::assert_snapshot!(changes(&[
        (
            "a rule grants more",
            "name: \"public/*\"}, actions: [pull]",
            "name: \"public/*\"}, actions: [pull, push]"
        ),
        ("a rule takes more", "name: \"public/*\"", "name: \"pub*/*\""),
        (
            "a deny is gone",
            "  - {match: {account: bob, name: \"secret/*\"}, actions: [], comment: not for bob}\n",
            ""
        ),
        (
            "a deny takes less",
            "account: bob, name: \"secret/*\"",
            "account: bob, name: \"secret/a*\""
        ),
        ("a network grows", "10.0.0.0/8", "10.0.0.0/7"),
        (
            "a rule for other accounts",
            "acl:\n",
            "acl:\n  - {match: {account: \"*@corp.example\", type: registry, labels: {group: \"dev*\"}, service: builds}, actions: [\"*\"]}\n",
        ),
        (
            "a rule that denies",
            "acl:\n",
            "acl:\n  - {match: {name: \"secret/b*\"}, actions: []}\n"
        ),
        ("nothing", "not for bob", "not for him"),
    ]));
}

#[test]
fn what_cannot_be_compared_is_told_as_such() {
    insta::assert_snapshot!(changes(&[
        ("another expression", "/^(.+)-ci$/", "/^([a-z]+)-ci$/"),
        ("other groups", "${account:1}/*", "${account:1}/*/*"),
        (
            "one rule for two",
            "  - {match: {name: \"public/*\"}, actions: [pull]}\n",
            "  - {match: {name: \"public/*\", account: \"?*\"}, actions: [pull]}\n  - {match: {name: \"public/*\", account: \"\"}, actions: [pull]}\n",
        ),
    ]));
    let (answer, exit) = told(
        &with(
            "  - {match: {name: \"public/*\"}, actions: [pull]}\n",
            "  - {match: {name: \"/^public\\\\/[a-f]/\"}, actions: [pull]}\n  - {match: {name: \"/^public\\\\/[g-z]/\"}, actions: [pull]}\n",
        ),
        &with("name: \"public/*\"", "name: \"/^public\\\\/[a-z]/\""),
        &[],
    );
    assert_eq!(exit, Exit::CouldNotTell, "{answer}");
}

#[test]
fn accounts_come_and_go() {
    let bob = "  bob: {password: \"$2y$05$bob\", labels: {team: [red]}}\n";
    let with_bob = |instead: &str| format!("{bob}{instead}");
    insta::assert_snapshot!(changes(&[
        (
            "one more, with a password",
            bob,
            &with_bob("  eve: {password: \"$2y$05$eve\", labels: {team: [green]}}\n")
        ),
        ("one more, with none", bob, &with_bob("  eve: {}\n")),
        (
            "one more that nobody can use",
            bob,
            &with_bob("  eve: {password: \"\"}\n")
        ),
        ("one less", bob, ""),
        (
            "no password any more",
            "{password: \"$2y$05$bob\", labels: {team: [red]}}",
            "{labels: {team: [red]}}"
        ),
        ("another password", "$2y$05$bob", "$2y$05$new"),
        ("locked", "$2y$05$bob", ""),
        ("a label more", "team: [red]", "team: [red, green]"),
        (
            "a label that no rule looks at",
            "team: [red]",
            "team: [red], floor: [\"2\"]"
        ),
        ("nobody without credentials", "  \"\": {}\n", ""),
    ]));
}

#[test]
fn an_account_that_comes_and_is_granted_nothing_widens_nothing() {
    let old = "users: {ada: {password: x}}\nacl: [{match: {account: ada}, actions: ['*']}]\n";
    let new = old.replace("ada: {password: x}", "ada: {password: x}, bob: {password: x}");
    let (answer, exit) = told(old, &new, &[]);
    assert_eq!(exit, Exit::Yes);
    assert!(
        answer.contains("note: account `bob` appears, and no rule grants it anything\n"),
        "{answer}"
    );
}

#[test]
fn what_else_says_who_gets_a_token_is_compared_too() {
    let ends = "  - {match: {name: \"public/*\"}, actions: [pull]}\n";
    let and = |more: &str| format!("{ends}{more}");
    insta::assert_snapshot!(changes(&[
        ("a longer life", "expiration: 900", "expiration: 24h"),
        ("a shorter life", "expiration: 900", "expiration: 5m"),
        ("services", ends, &and("services: [registry]\n")),
        (
            "a back-end that knows accounts",
            ends,
            &and("ext_auth: {command: /bin/a}\n")
        ),
        (
            "a back-end that knows rights",
            ends,
            &and("ext_authz: {command: /bin/a}\n")
        ),
        (
            "a back-end that is not here yet",
            ends,
            &and("google_auth: {client_id: ours}\n")
        ),
        ("two stars", ends, &and("acl_options: {double_star: true}\n")),
    ]));
    let served = |services: &str| and_services(services);
    insta::assert_snapshot!(
        "services_and_back_ends_that_go",
        session(&[
            ("a service more", &served("[registry]"), &served("[registry, builds]")),
            ("any service", &served("[registry]"), FILE),
            (
                "a deny is gone before a back-end",
                "users: {ada: {password: x}}\next_authz: {command: /bin/a}\nacl: [{match: {name: 'a/*'}, actions: []}]\n",
                "users: {ada: {password: x}}\next_authz: {command: /bin/a}\nacl: []\n",
            ),
            (
                "an account is left to a back-end",
                "users: {ada: {password: \"\"}}\next_auth: {command: /bin/a}\nacl: []\n",
                "users: {}\next_auth: {command: /bin/a}\nacl: []\n",
            ),
            (
                "a back-end is written otherwise",
                "users: {}\next_auth: {command: /bin/a}\nacl: []\n",
                "users: {}\next_auth: {command: /bin/b}\nacl: []\n",
            ),
            (
                "a file that is wrong",
                FILE,
                "acl: [{match: {name: '['}, actions: []}]\n"
            ),
        ])
    );
}

fn and_services(services: &str) -> String {
    format!("{FILE}services: {services}\n")
}

#[test]
fn the_json_has_the_documented_shape() {
    let new = with(
        "name: \"public/*\"}, actions: [pull]",
        "name: \"public/*\"}, actions: [push]",
    );
    let (answer, exit) = told(FILE, &new, &["--json"]);
    assert_eq!(exit, Exit::No);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let rule = |file: &str| json!({"index": 5, "file": file, "line": 12, "comment": null});
    let example = |scope: &str| {
        json!({
            "account": "bob", "labels": {"team": ["red"]}, "ip": "127.0.0.1", "service": "", "scope": scope,
            "old": rule("old.yml"), "new": rule("new.yml"),
        })
    };
    assert_eq!(
        answer["grants"],
        json!([{
            "key": "acl[5]", "file": "new.yml", "line": 12, "what": "acl[5] grants push (before: pull) on name `public/*` to every account",
            "example": example("repository:public/example:push"),
        }])
    );
    assert_eq!(
        answer["takes_away"][0]["example"],
        example("repository:public/example:pull")
    );
    assert_eq!((&answer["widens"], &answer["cannot_tell"]), (&json!(true), &json!([])));
    let (answer, _) = told(FILE, &with("/^(.+)-ci$/", "/^([a-z]+)-ci$/"), &["--json"]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["widens"], Value::Null);
    assert_eq!(answer["cannot_tell"][0]["whether"], "grants");
}
