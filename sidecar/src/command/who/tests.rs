use std::net::IpAddr;

use clap::Parser;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    who: Who,
}

const FILE: &str = r#"users:
  ada: {labels: {team: [blue]}}
  bob: {labels: {team: [red]}}
  ci: {}
  old: {password: ""}
  "": {}
acl:
  - {match: {account: bob, ip: 10.1.0.0/16}, actions: []}
  - {match: {account: bob, ip: 10.0.0.0/8}, actions: [push], comment: bob from inside}
  - {match: {account: ci, service: staging}, actions: ["*"]}
  - {match: {name: "${labels:team}/*"}, actions: [pull, push]}
  - {match: {account: "/@corp\\.example$/", labels: {group: dev}}, actions: [pull]}
  - {match: {name: "public/*"}, actions: [pull]}
"#;

/// What `arguments` answer by the file `auth.yml`, which holds `text`.
#[track_caller]
fn told(text: &str, arguments: &[&str]) -> (String, Exit) {
    try_told(text, arguments).unwrap_or_else(|error| panic!("{error}"))
}

fn try_told(text: &str, arguments: &[&str]) -> Result<(String, Exit), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.yml");
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let arguments = ["who", &file].into_iter().chain(arguments.iter().copied());
    let who = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?.who;
    let (answer, exit) = answered(&who, &|_| None).map_err(|error| error.to_string())?;
    Ok((answer.replace(&format!("{}/", folder.path().display()), ""), exit))
}

fn session(text: &str, lines: &[&[&str]]) -> String {
    let lines = lines.iter().map(|arguments| match try_told(text, arguments) {
        Ok((answer, exit)) => format!(
            "$ registry-auth who auth.yml {}\n{answer}{exit:?}\n",
            arguments.join(" ")
        ),
        Err(error) => format!("$ registry-auth who auth.yml {}\n{error}\n", arguments.join(" ")),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_account_is_told_with_its_rule_and_from_where() {
    insta::assert_snapshot!(session(
        FILE,
        &[
            &["repository:blue/app:pull,push"],
            &["repository:public/app:pull"],
            &["repository:red/app:push"],
            &["--service", "staging", "repository:other/app:delete"],
            &["--service", "registry", "repository:other/app:delete"],
            &["repository:other/app:push"],
            &["team/app"],
        ]
    ));
}

#[test]
fn what_back_ends_know_is_not_told() {
    let text = "users: {ada: {}}\next_auth: {command: /bin/a}\nacl:\n  - {match: {account: eve, name: team/app}, actions: []}\n  \
                - {match: {account: ada, name: team/app}, actions: [pull]}\n  - {match: {name: 'team/*', service: 'reg*'}, actions: [pull, push]}\n  \
                - {match: {}, actions: []}\n  - {match: {}, actions: ['*']}\n";
    let authz =
        "users: {ada: {}}\next_authz: {command: /bin/b}\nacl: [{match: {account: ada, ip: 10.0.0.1}, actions: []}]\n";
    insta::assert_snapshot!(format!(
        "{}\n{}",
        session(
            text,
            &[
                &["repository:team/app:pull"],
                &["--service", "registry", "repository:team/app:push"],
                &["--service", "registry", "repository:else/app:push"],
            ]
        ),
        session(authz, &[&["repository:team/app:pull"]])
    ));
}

#[test]
fn the_json_has_the_documented_shape() {
    let (answer, exit) = told(FILE, &["--json", "repository:red/app:push"]);
    assert_eq!(exit, Exit::Yes);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let rule = |index: usize, line: usize, comment: Value| json!({"index": index, "file": "auth.yml", "line": line, "comment": comment});
    let inside = rule(1, 9, json!("bob from inside"));
    let own = rule(3, 11, Value::Null);
    assert_eq!(
        answer["accounts"],
        json!([
            {"account": "bob", "granted": ["push"], "rule": own, "addresses": ["anywhere but 10.0.0.0/8"], "service": null},
            {"account": "bob", "granted": ["push"], "rule": inside, "addresses": ["10.0.0.0/8 but not 10.1.0.0/16"], "service": null},
            {"account": "ci", "granted": ["push"], "rule": rule(2, 10, Value::Null), "addresses": null, "service": "staging"},
        ])
    );
    assert_eq!(
        answer["others"],
        json!([{
            "rule": own, "granted": ["push"], "account": null, "labels": {}, "ip": null, "service": null,
            "name": "${labels:team}/*", "after": [],
        }])
    );
    assert_eq!(
        (&answer["type"], &answer["name"], &answer["asked"]),
        (&json!("repository"), &json!("red/app"), &json!(["push"]))
    );
    assert!(answer["notes"].is_array());
}

proptest! {
    /// Whatever address somebody has, the same networks hold the one of its cell.
    #[test]
    fn an_address_is_decided_as_its_cell_is(
        networks in prop::collection::vec((any::<u8>(), 24..=32_u8), 0..8),
        low in any::<u8>(),
    ) {
        let network = |(bits, length): (u8, u8)| {
            format!("10.0.0.{bits}/{length}").parse::<ipnet::IpNet>().unwrap().trunc()
        };
        let networks: Vec<_> = networks.into_iter().map(network).collect();
        let address: IpAddr = format!("10.0.0.{low}").parse().unwrap();
        let holding = |address: &IpAddr| networks.iter().map(|network| network.contains(address)).collect::<Vec<_>>();
        let cells = Cell::all(networks.iter().copied());
        prop_assert!(cells.iter().any(|cell| holding(&cell.address) == holding(&address)));
        let none = holding(&"192.0.2.1".parse().unwrap());
        prop_assert!(cells.iter().any(|cell| holding(&cell.address) == none && cell.address.is_ipv4()));
        prop_assert!(cells.iter().any(|cell| cell.address.is_ipv6()));
    }
}
