use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::account::{Account, Identity, Labels, LabelsArePatterns};
use crate::acl::{Asked, Grant, PatternMemo};
use crate::config::{Node, Sources};
use crate::memo::Seed;
use crate::policy::Asks;
use crate::scope::Scope;
use crate::service::Service;

const KEY: &str = include_str!("../../token/testdata/p256.pem");
const CERTIFICATE: &str = include_str!("../../token/testdata/certificate/self_p256.pem");
const HASH: &str = "sha256:cb3ac4f9f4ba2da6f063a94debb6009ec2ee2abcf28f90cd97fdb92fdc44d736";
const BCRYPT: &str = "$2b$05$uDKdZk2I3Vqqf1ttynmV1.g2oK16S/n/Xdsvtd7PLQg6QHrX88iOe";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn document(json: &Value) -> Document {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_value(json.clone()).unwrap();
    let document = Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems);
    assert_eq!(problems.errors(), []);
    document
}

fn config(users: &Value, acl: &Value) -> Value {
    json!({"token": {"issuer": "i", "key": KEY}, "users": users, "acl": acl})
}

fn body(json: &Value) -> Secret<Vec<u8>> {
    crate::wire::config::write(&document(json), Asks::default(), 1).body
}

fn begin(json: &Value, before: Option<&Policy>) -> Assembly {
    Assembly::begin(body(json), before, now()).unwrap()
}

/// Put together step by step.
#[track_caller]
fn assembled(json: &Value, before: Option<&Policy>) -> Policy {
    let mut assembly = begin(json, before);
    while assembly.step() == Progress::More {}
    assembly.finish().unwrap().0
}

fn compiled(json: &Value) -> Policy {
    Policy::compile(document(json), now(), Problems::default()).unwrap().0
}

/// How rules are found, entry by entry.
fn index(policy: &Policy) -> String {
    let acl = format!("{:?}", policy.acl);
    acl.rsplit_once("index: ").unwrap().1.to_owned()
}

const ACCOUNTS: [&str; 4] = ["", "ada", "ada-x", "bob"];
const NAMES: [&str; 5] = ["a", "a/b", "ab/c", "home/ada/x", "x-b"];

fn decided(policy: &Policy) -> Vec<Grant> {
    let mut patterns = PatternMemo::new(Seed::new([7; 16]));
    let mut grants = Vec::new();
    for account in ACCOUNTS {
        let labels = BTreeMap::from([("team".to_owned(), vec!["a".to_owned(), account.to_owned()])]);
        let identity = Identity {
            account: Account::parse(account).unwrap(),
            labels: Labels::new(labels, LabelsArePatterns::Glob),
        };
        for name in NAMES {
            let asked = Asked {
                identity: &identity,
                address: [192, 0, 2, 7].into(),
                service: &Service::parse("registry").unwrap(),
                scope: &Scope::parse(&format!("repository:{name}:pull,push")).unwrap(),
            };
            grants.push(policy.acl.decide(&asked, &mut patterns));
        }
    }
    grants
}

fn rule() -> impl Strategy<Value = Value> {
    let account = prop::sample::select(vec!["ada", "ada*", "?*", "/^(ada|bob)$/", "/^(.+)$/", "*x", ""]);
    let name = prop::sample::select(vec![
        "a",
        "a*",
        "a/*",
        "ab/**",
        "*/b",
        "*b",
        "home/${account}/*",
        "/^a.*$/",
        "/^(a|ab|x)[-\\/]/",
        "${labels:team}/*",
    ]);
    let label = prop::sample::select(vec!["a", "b*", "${account}"]);
    let parts = (
        prop::option::of(account),
        prop::option::of(name),
        prop::option::of(label),
    );
    (parts, any::<bool>()).prop_map(|((account, name, label), pull)| {
        let mut matches = serde_json::Map::new();
        matches.extend(account.map(|account| ("account".to_owned(), json!(account))));
        matches.extend(name.map(|name| ("name".to_owned(), json!(name))));
        matches.extend(label.map(|label| ("labels".to_owned(), json!({"team": label}))));
        json!({"match": matches, "actions": if pull { json!(["pull"]) } else { json!(["*"]) }})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_assembly_in_steps_decides_as_the_policy_that_is_compiled_at_once(
        first in vec(rule(), 0..150),
        second in vec(rule(), 0..150),
        double_star in any::<bool>(),
        shared in 0..150_usize,
    ) {
        let mut config = config(&json!({"ada": {"password": BCRYPT}}), &json!(first));
        let before = assembled(&config, None);
        prop_assert_eq!(index(&before), index(&compiled(&config)));
        prop_assert_eq!(decided(&before), decided(&compiled(&config)));

        // The next list has some of its rules, elsewhere and in another order, and some of its own.
        let rules: Vec<&Value> = second.iter().chain(first.iter().rev().take(shared)).collect();
        config["acl"] = json!(rules);
        config["acl_options"] = json!({"double_star": double_star});
        let after = assembled(&config, Some(&before));
        prop_assert_eq!(index(&after), index(&compiled(&config)));
        prop_assert_eq!(decided(&after), decided(&compiled(&config)));
        prop_assert_eq!(after.users.dearest(), compiled(&config).users.dearest());
    }

    #[test]
    fn what_is_ended_before_its_time_can_be_taken_apart(rules in vec(rule(), 0..150), steps in 0..60_usize) {
        let mut assembly = begin(&config(&json!({"ada": {}}), &json!(rules)), None);
        for _ in 0..steps {
            assembly.step();
        }
        let mut remains = assembly.dismantle();
        while remains.step() == Progress::More {}
        prop_assert_eq!(remains.step(), Progress::Done);
    }
}

fn many(rules: usize, users: usize) -> Value {
    let rule = |i: usize| json!({"match": {"account": format!("robot-{i}"), "name": format!("robots/{i}/*")}, "actions": ["*"]});
    let user = |i: usize| {
        (
            format!("user \"{i}"),
            json!({"password": HASH, "labels": {"team": [format!("t{i}")]}}),
        )
    };
    config(
        &json!((0..users).map(user).collect::<serde_json::Map<_, _>>()),
        &json!((0..rules).map(rule).collect::<Vec<_>>()),
    )
}

/// How often each rule and each user is held.
fn holders(policy: &Policy) -> (Vec<usize>, Vec<usize>) {
    (policy.acl.holders(), policy.users.holders())
}

#[test]
fn what_did_not_change_is_taken_over_and_the_rest_is_freed() {
    let mut config = many(500, 300);
    let before = assembled(&config, None);
    // A list holds each rule twice: in its order, and by its text.
    assert_eq!(holders(&before), (vec![2; 500], vec![1; 300]));
    config["acl"][7]["actions"] = json!(["pull"]);
    config["acl"].as_array_mut().unwrap().swap(100, 400);
    config["acl"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({"match": {}, "actions": [], "comment": "new"}));
    config["users"]["user \"9"]["labels"] = json!({});
    config["users"]["one more"] = json!({});
    let after = assembled(&config, Some(&before));
    let (rules, users) = holders(&after);
    let not_shared: Vec<usize> = (0..501).filter(|i| rules[*i] != 4).collect();
    assert_eq!(not_shared, [0, 8]);
    assert_eq!(users.iter().filter(|held| **held != 2).count(), 2);
    assert!(Arc::ptr_eq(&before.key, &after.key));

    let mut remains = before.dismantle();
    let mut steps = 0;
    while remains.step() == Progress::More {
        steps += 1;
    }
    assert!(steps > 20, "{steps}");
    assert_eq!(holders(&after), (vec![2; 501], vec![1; 301]));
    assert_eq!(decided(&after), decided(&compiled(&config)));
}

#[test]
fn a_body_is_wiped_as_it_is_read() {
    let config = many(100, 100);
    let mut assembly = begin(&config, None);
    while assembly.step() == Progress::More {
        if let Stage::Rules(_) = assembly.stage {
            assert!(assembly.body.read_so_far().iter().all(|byte| *byte == 0));
        }
    }
    assert_eq!(assembly.body.left(), 0);
    assert_eq!(assembly.body.read_so_far(), b"");
}

#[test]
fn rules_are_read_anew_when_their_patterns_are_read_otherwise() {
    let mut config = many(3, 0);
    let before = assembled(&config, None);
    config["acl_options"] = json!({"double_star": true});
    let after = assembled(&config, Some(&before));
    assert_eq!(after.acl.holders(), [2, 2, 2]);
    assert!(Arc::ptr_eq(&before.key, &after.key), "the key is the same");
}

#[test]
fn settings_are_read_anew_when_they_change_and_the_key_when_it_does() {
    let mut config = many(1, 1);
    let before = assembled(&config, None);
    config["token"]["issuer"] = json!("other");
    config["services"] = json!(["registry"]);
    let after = assembled(&config, Some(&before));
    assert!(Arc::ptr_eq(&before.key, &after.key) && before.same_key(&after));
    assert!(after.services.is_some() && before.services.is_none());
    config["token"]["key"] = json!(include_str!("../../token/testdata/ed25519.pem"));
    let other = assembled(&config, Some(&after));
    assert!(!other.same_key(&after));
    assert!(other.same_key(&compiled(&config)), "read from the same text twice");
}

#[test]
fn certificates_that_ran_out_are_not_taken_over() {
    let mut config = many(1, 1);
    config["token"]["certificate"] = json!(CERTIFICATE);
    let before = assembled(&config, None);
    let later = Timestamp::from_seconds(200_000_000_000);
    let assembly = Assembly::begin(body(&config), Some(&before), later).unwrap();
    assert!(assembly.finish().unwrap_err().to_string().contains("expired"));
}

#[test]
fn what_there_is_to_be_warned_of_is_told_each_time() {
    let mut config = config(&json!({}), &json!([{"match": {}, "actions": ["pull", "*"]}]));
    config["server"] = json!({"real_ip_pos": 1});
    let warnings = |assembly: Assembly| assembly.finish().unwrap().1;
    let before = assembled(&config, None);
    let told = warnings(begin(&config, Some(&before)));
    assert_eq!(told.len(), 2);
    assert_eq!(told, warnings(begin(&config, None)));
}

#[test]
fn every_fault_is_told_with_its_place() {
    let mut config = many(3, 2);
    config["acl"][1]["match"]["name"] = json!("[a");
    config["users"]["ada"] = json!({"password": "secret"});
    config["token"]["expiration"] = json!(0);
    let mut assembly = begin(&config, None);
    while assembly.step() == Progress::More {}
    let problems = assembly.finish().unwrap_err();
    let places: Vec<String> = problems
        .errors()
        .iter()
        .map(|problem| problem.place().to_string())
        .collect();
    assert_eq!(places, ["token.expiration", "users.ada.password", "acl[1].match.name"]);
}

#[test]
fn without_users_or_rules_somebody_else_must_know() {
    let json = json!({"token": {"issuer": "i", "key": KEY}});
    let written = |asks| crate::wire::config::write(&document(&json), asks, 1).body;
    let asks = Asks {
        accounts: true,
        scopes: true,
    };
    let (policy, _) = Assembly::begin(written(asks), None, now()).unwrap().finish().unwrap();
    assert_eq!(policy.asks, asks);
    let problems = Assembly::begin(written(Asks::default()), None, now())
        .unwrap()
        .finish()
        .unwrap_err();
    assert_eq!(
        problems.to_string(),
        "users: is missing; write `users: {}` if nobody may sign in\nacl: is missing; write `acl: []` to grant nothing"
    );
}
