use clap::Parser;
use serde_json::{Value, json};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    explain: Explain,
}

const FILE: &str = r#"token: {issuer: i, key: /nowhere/token.key}
users:
  ada: {labels: {team: [blue], group: ["cn=admins,ou=groups,dc=example"]}}
  bob: {password: ""}
  "": {}
acl:
  - {match: {account: ops}, actions: ["*"]}
  - {match: {account: eve, ip: 10.0.0.0/8}, actions: ["*"], comment: eve from the office}
  - match: {name: "${labels:team}/*", service: registry}
    actions: [pull]
    comment: readers may pull
  - {match: {labels: {group: admins}}, actions: ["*"]}
  - {match: {name: "public/*"}, actions: [pull]}
"#;

/// What `arguments` answer by the file `auth.yml`, which holds `text`. Names of its folder are left out.
#[track_caller]
fn told(text: &str, arguments: &[&str]) -> (String, Exit) {
    try_told(text, arguments).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn try_told(text: &str, arguments: &[&str]) -> Result<(String, Exit), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.yml");
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let arguments = ["explain", &file].into_iter().chain(arguments.iter().copied());
    let explain = Cli::try_parse_from(arguments)
        .map_err(|error| error.to_string())?
        .explain;
    let folder = format!("{}/", folder.path().display());
    let asked = asked(&explain, explain.audit_line.as_deref(), &|_| None);
    let (rulebook, question) = asked.map_err(|error| error.to_string().replace(&folder, ""))?;
    let (text, exit) = super::told(&explain, &rulebook, &question, &Said::default());
    Ok((text.replace(&folder, ""), exit))
}

#[track_caller]
fn json(text: &str, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&told(text, &arguments).0).unwrap()
}

/// Each command line with its answer and its exit.
fn session(text: &str, lines: &[&[&str]]) -> String {
    let lines = lines.iter().map(|arguments| {
        let shown: Vec<String> = arguments.iter().map(|argument| shown(argument)).collect();
        let answer = match try_told(text, arguments) {
            Ok((answer, exit)) => format!("{answer}{exit:?}\n"),
            Err(error) => format!("error: {error}\n"),
        };
        format!("$ registry-auth explain auth.yml {}\n{answer}", shown.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn shown(argument: &str) -> String {
    if argument.is_empty() || argument.contains([' ', '"', '*', '$']) {
        format!("'{argument}'")
    } else {
        argument.to_owned()
    }
}

#[test]
fn a_grant_is_explained_by_the_rule_that_decides_and_those_above_it() {
    insta::assert_snapshot!(session(
        FILE,
        &[
            &[
                "--account",
                "ada",
                "--service",
                "registry",
                "repository:blue/app:pull,push"
            ],
            &["--account", "ada", "--service", "registry", "repository:blue/app:pull"],
            &[
                "--account",
                "ada",
                "--service",
                "registry",
                "repository:blue/app/sub:pull"
            ],
            &[
                "--account",
                "ada",
                "repository:blue/app:pull",
                "repository:public/x:pull"
            ],
            &[
                "--account",
                "bob",
                "--label",
                "group=admins",
                "repository:public/x:pull"
            ],
            &["--account", "", "repository:public/x:pull"],
            &["--account", "eve", "repository:team/app:pull"],
            &[
                "--account",
                "eve",
                "--ip",
                "10.1.2.3",
                "repository:team/app:pull,delete"
            ],
            &[
                "--account",
                "eve",
                "--claim",
                "team=*",
                "--service",
                "registry",
                "repository:a/b:pull"
            ],
            &[
                "--account",
                "eve",
                "--label",
                "team=*",
                "--service",
                "registry",
                "repository:a/b:pull"
            ],
            &[
                "--account",
                "ada",
                "--all",
                "--service",
                "registry",
                "repository:public/x:pull"
            ],
        ]
    ));
}

#[test]
fn what_cannot_be_explained_says_what_to_write() {
    insta::assert_snapshot!(session(
        FILE,
        &[
            &["--account", "ada", "team/app:pull"],
            &["--account", "ada", "team/app"],
            &["--account", "ada", "repository:team/app"],
            &["--account", "ada", "team/app:v1"],
            &["--account", "ada", "--label", "team", "repository:a:pull"],
            &["--account", "ada", "--label", "=x", "repository:a:pull"],
            &["--account", "ada", "--ip", "10.0.0.0/8", "repository:a:pull"],
            &["--account", "ada\nb", "repository:a:pull"],
            &[
                "--account",
                "ada",
                "--claim",
                "team=*",
                "--service",
                "registry",
                "repository:x/b:pull"
            ],
            &["--audit-line", "{}"],
            &["--audit-line", "nothing"],
            &["repository:a:pull"],
            &["--account", "ada"],
        ]
    ));
    let error = try_told(
        "acl: [{match: {name: '['}, actions: []}]",
        &["--account", "a", "repository:a:pull"],
    );
    insta::assert_snapshot!(error.unwrap_err());
}

#[test]
fn back_ends_that_know_rights_have_the_last_word() {
    let text = "users: {}\next_auth: {command: /bin/a}\next_authz: {command: /bin/b}\nhttp_authz: {url: 'http://127.0.0.1:1'}\n\
                casbin_authz: {model_path: a, policy_path: b}\n\
                acl: [{match: {name: 'public/*'}, actions: [pull]}]\n";
    insta::assert_snapshot!(session(
        text,
        &[
            &["--account", "ada", "repository:team/app:pull"],
            &[
                "--account",
                "ada",
                "repository:team/app:pull",
                "repository:public/app:push"
            ],
            &["--account", "ada", "repository:public/app:pull"],
        ]
    ));
    let answer = json(text, &["--account", "ada", "repository:team/app:pull"]);
    assert_eq!(answer["scopes"][0]["rule"], Value::Null);
    assert!(
        answer["scopes"][0]["hints"][0]
            .as_str()
            .unwrap()
            .starts_with("no rule matches, so it is up to `ext_authz`")
    );
}

#[test]
fn a_back_end_that_is_not_here_is_not_taken_for_none() {
    let file = "plugin_authz: {}\ngoogle_auth: {client_id: a}\nacl: [{match: {name: 'a/*'}, actions: [pull]}]\n";
    let told = session(file, &[&["--account", "ada", "repository:b:pull"]]);
    for part in [
        "left to `plugin_authz`",
        "as if `google_auth` had accepted it",
        "CouldNotTell",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn the_service_is_the_only_one_that_is_served() {
    let one = "users: {ada: {}}\nservices: [registry]\nacl: [{match: {service: registry}, actions: ['*']}]\n";
    let two = one.replace("[registry]", "[registry, other]");
    let ask: &[&str] = &["--account", "ada", "repository:a:pull"];
    let foreign: &[&str] = &["--account", "ada", "--service", "else", "repository:a:pull"];
    insta::assert_snapshot!(format!("{}\n{}", session(one, &[ask, foreign]), session(&two, &[ask])));
}

#[test]
fn the_json_has_the_documented_shape() {
    let ask = [
        "--account",
        "ada",
        "--service",
        "registry",
        "repository:blue/app:pull,push",
    ];
    let mut answer = json(FILE, &ask);
    let hints = answer["scopes"][0]["hints"].take();
    assert!(hints.as_array().unwrap().iter().all(Value::is_string), "{hints}");
    assert_eq!(
        answer,
        json!({"scopes": [{
            "type": "repository",
            "name": "blue/app",
            "asked": ["pull", "push"],
            "granted": ["pull"],
            "rule": {"index": 2, "file": "auth.yml", "line": 9, "comment": "readers may pull"},
            "passed": [
                {"index": 0, "why": "account `ops` is not `ada`"},
                {"index": 1, "why": "account `eve` is not `ada`"},
            ],
            "hints": null,
        }]})
    );
    let all = json(FILE, &[&ask[..], &["--all"]].concat());
    let later = all["scopes"][0]["later"].as_array().unwrap();
    assert_eq!(later.len(), 2);
    assert_eq!(
        later[1],
        json!({"index": 4, "why": "name `public/*` does not match `blue/app`"})
    );
}

/// A line of the audit log, in which `changes` count.
fn line(changes: &Value) -> String {
    let mut line = json!({
        "event": "token", "result": "issued", "account": "ada", "address": "192.0.2.7", "service": "registry",
        "labels": [{"name": "team", "value": "blue", "pattern": true}],
        "scopes": [{"scope": "repository:blue/app:pull,push", "granted": ["pull"], "rule": 2,
            "comment": "readers may pull", "because": "rule 2 \"readers may pull\""}],
        "backend": "users", "proof": "password", "jti": "0f8e", "generation": 1_700_000_000_000_u64,
        "etag": "61a8d346", "took_us": 1840,
    });
    for (key, value) in changes.as_object().unwrap() {
        line[key] = value.clone();
    }
    line.to_string()
}

#[test]
fn an_audit_line_is_explained_by_the_file_that_decided_it() {
    let text = FILE.replace(", key: /nowhere/token.key", "");
    let other = line(&json!({}));
    let otherwise = line(
        &json!({"scopes": [{"scope": "repository:blue/app:pull", "granted": [], "rule": 0, "because": "rule 0"}]}),
    );
    let cut = line(&json!({"labels_cut": true, "labels": [], "backend": "ext_auth"}));
    let refused = line(
        &json!({"result": "unauthorized", "account": "joe", "backend": null, "labels": [],
        "scopes": [{"scope": "repository:blue/app:pull", "granted": [], "rule": null, "because": "not asked"}]}),
    );
    let login = line(&json!({"scopes": []}));
    let prefixed = format!("[2024-01-01][info] wasm log: registry_auth: audit: {other}");
    let lines = [other, otherwise, cut, refused, login, prefixed];
    let told = lines.iter().map(|line| match try_told(&text, &["--audit-line", line]) {
        Ok((answer, exit)) => format!("{answer}{exit:?}\n"),
        Err(error) => format!("error: {error}\n"),
    });
    let told: Vec<String> = told.collect();
    let etag = etag(&text);
    insta::assert_snapshot!(told.join("\n").replace(&etag, "<etag>"));

    let same = line(&json!({"etag": etag}));
    let (answer, exit) = self::told(&text, &["--audit-line", &same]);
    assert!(
        answer.contains("this file is the one that decided, by its etag"),
        "{answer}"
    );
    assert_eq!(exit, Exit::No);
    let unreadable = try_told(FILE, &["--audit-line", &same]).unwrap();
    assert!(
        unreadable
            .0
            .contains("whether this file decided cannot be told, since not all"),
        "{}",
        unreadable.0
    );
}

/// The first characters of what names the content of `text`.
fn etag(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.yml");
    std::fs::write(&file, text).unwrap();
    let etag = rulebook::read(&[file], &|_| None).unwrap().etag.unwrap();
    etag[..8].to_owned()
}

#[test]
fn the_rule_that_decided_then_is_told_however_far_it_is() {
    let near = "  - {match: {account: ada, name: x}, actions: []}\n".repeat(7);
    let text =
        format!("users: {{ada: {{}}}}\nacl:\n  - {{match: {{account: ops, name: blue}}, actions: ['*']}}\n{near}");
    let scope =
        json!({"scopes": [{"scope": "repository:a:pull", "granted": ["pull"], "rule": 0, "because": "rule 0"}]});
    let (answer, exit) = told(&text, &["--audit-line", &line(&scope)]);
    assert!(answer.contains("acl[0] account `ops` is not `ada`"), "{answer}");
    assert!(answer.contains("2 more rules above"), "{answer}");
    assert_eq!(exit, Exit::CouldNotTell);
}

#[test]
fn what_a_back_end_said_is_taken_from_the_audit_line() {
    let text = "users: {ada: {}}\next_authz: {command: /bin/b}\nacl: []\n";
    let scope = |granted: Value| {
        json!({"scopes": [{"scope": "repository:a:pull", "granted": granted, "rule": null,
        "because": "ext_authz says so"}]})
    };
    let (answer, exit) = told(text, &["--audit-line", &line(&scope(json!(["pull"])))]);
    assert!(
        answer.contains("log      granted pull, since ext_authz says so"),
        "{answer}"
    );
    assert_eq!(exit, Exit::Yes);
    assert_eq!(told(text, &["--audit-line", &line(&scope(json!([])))]).1, Exit::No);
}

#[test]
fn several_files_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let second = folder.path().join("more.yml");
    std::fs::write(&second, "acl: [{match: {account: ada}, actions: ['*']}]").unwrap();
    let second = second.display().to_string();
    let text = "users: {ada: {}}\nacl: [{match: {account: ops}, actions: ['*']}]\n";
    let (answer, exit) = told(text, &["--with", &second, "--account", "ada", "repository:a:pull"]);
    assert!(answer.contains("more.yml:1  acl[1]"), "{answer}");
    assert_eq!(exit, Exit::Yes);
}
