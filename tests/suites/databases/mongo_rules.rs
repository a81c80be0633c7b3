//! A list of rules in MongoDB, as the program reads it.

use std::time::Instant;

use mongodb::bson::{DateTime, doc};
use registry_auth_core::config::{Node, Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use registry_auth_sidecar::backend::{Entry, RuleSource};
use registry_auth_sidecar::backends::mongo::rules::MongoRules;
use registry_auth_tests::databases::{Collection, Mongo};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::*;

/// A server, and the rules of its collection `acl`.
struct Site {
    server: Mongo,
    runtime: Runtime,
    rules: MongoRules,
}

impl Site {
    #[track_caller]
    fn start() -> Self {
        let server = Mongo::start();
        let dial_info = server.dial_info();
        Self {
            rules: opened(&dial_info),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            server,
        }
    }

    fn acl(&self) -> Collection<'_> {
        self.server.collection("acl")
    }

    fn read(&self) -> Result<Vec<Entry>, String> {
        self.read_of(&self.rules)
    }

    fn read_of(&self, rules: &MongoRules) -> Result<Vec<Entry>, String> {
        let read = async {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
            rules.read(deadline).await.map_err(|error| error.to_string())
        };
        self.runtime.block_on(read)
    }

    /// Whether a change is told within `limit`.
    fn hears(&self, limit: Duration) -> bool {
        self.runtime
            .block_on(async { timeout(limit, self.rules.changed()).await.is_ok() })
    }
}

#[track_caller]
fn opened(dial_info: &Value) -> MongoRules {
    let mut problems = Problems::default();
    let section = json!({"dial_info": dial_info, "collection": "acl", "cache_ttl": "1m"});
    let node: Node = serde_json::from_value(section).unwrap();
    let mut section = Section::open(node, Place::root().key("acl_mongo"), &mut problems).unwrap();
    let sources = Sources {
        environment: &|_| None,
        files: Some(&|path| {
            std::fs::read_to_string(path)
                .map(Secret::new)
                .map_err(|error| error.to_string())
        }),
    };
    let rules = MongoRules::open(&mut section, sources, &mut problems);
    assert_eq!(section.remaining().collect::<Vec<_>>(), ["cache_ttl"]);
    rules.unwrap_or_else(|| panic!("{problems}"))
}

fn entry(seq: i64, node: &Value) -> Entry {
    Entry {
        name: format!("seq {seq}"),
        seq: Some(seq),
        node: serde_json::from_value(node.clone()).unwrap(),
    }
}

#[test]
fn rules_are_read_in_the_order_of_their_numbers() {
    let rules = Site::start();
    assert_eq!(rules.read(), Ok(vec![]));
    assert_eq!(rules.acl().unique_fields(), ["seq"]);
    let (one, two) = (
        json!({"match": {"account": "ada", "labels": {"team": "a*"}}, "actions": ["*"], "comment": "first"}),
        json!({"match": {"account": "/.+/", "ip": "10.0.0.0/8"}, "actions": ["pull"], "comment": null}),
    );
    let with = |seq: &Value, node: &Value| {
        let mut document = node.clone();
        document["seq"] = seq.clone();
        document
    };
    rules
        .acl()
        .insert_all(&[with(&json!(20), &two), with(&json!(3.0), &one)]);
    assert_eq!(rules.read(), Ok(vec![entry(3, &one), entry(20, &two)]));
    // One bad document spoils the list, and is named.
    rules
        .acl()
        .insert_bson(doc! {"_id": "bad", "seq": 4, "match": {"account": DateTime::from_millis(0)}});
    let error = rules.read().unwrap_err();
    assert!(
        error.ends_with(
            "holds in the document with the `_id` \"bad\" a date as `match.account`, which has no place in a rule"
        ),
        "{error}"
    );
    rules.acl().delete(&json!({"_id": "bad"}));
    rules.acl().insert(&json!({"_id": "bad", "match": {}}));
    let error = rules.read().unwrap_err();
    assert!(
        error.contains("a document without `seq`, its `_id` is \"bad\""),
        "{error}"
    );
    rules.acl().delete(&json!({"_id": "bad"}));
    assert_eq!(rules.read().map(|list| list.len()), Ok(2));
}

#[test]
fn two_rules_of_one_number_are_no_list_and_whoever_may_read_is_enough() {
    let rules = Site::start();
    rules
        .acl()
        .insert_all(&[json!({"_id": 1, "seq": 10}), json!({"_id": 2, "seq": 10})]);
    let error = rules.read().unwrap_err();
    assert!(
        error.contains("holds two rules with the `seq` 10, the documents with the `_id`s 1 and 2"),
        "{error}"
    );
    rules.acl().delete(&json!({"_id": 2}));
    let reader = opened(&json!(rules.server.url_of_reader()));
    assert_eq!(rules.read_of(&reader), Ok(vec![entry(10, &json!({}))]));
}

#[test]
fn a_server_that_is_away_gives_no_list_and_the_list_when_it_is_back() {
    let mut rules = Site::start();
    rules.acl().insert(&json!({"seq": 1, "actions": []}));
    let list = Ok(vec![entry(1, &json!({"actions": []}))]);
    assert_eq!(rules.read(), list);
    rules.server.stop();
    let begun = Instant::now();
    let error = rules.read().unwrap_err();
    assert!(error.contains("could not be connected to"), "{error}");
    assert!(begun.elapsed() < SOON);
    rules.server.start_again();
    assert_eq!(rules.read(), list);
}

#[test]
fn a_list_of_thousands_is_read_whole_and_one_beyond_the_most_is_none() {
    let rules = Site::start();
    let document = |seq: i32| json!({"seq": seq, "match": {"account": format!("a{seq}")}, "actions": ["pull"]});
    for from in (0..10_000).step_by(1_000) {
        let documents: Vec<_> = (from..from + 1_000).rev().map(document).collect();
        rules.acl().insert_all(&documents);
    }
    let list = rules.read().unwrap();
    assert_eq!(list.len(), 10_000);
    assert_eq!(list[9_999].name, "seq 9999");
    let large = "x".repeat(8 << 20);
    for seq in 20_000..20_005 {
        rules.acl().insert(&json!({"seq": seq, "comment": large}));
    }
    let error = rules.read().unwrap_err();
    assert!(error.contains("holds more than 33554432 bytes of rules"), "{error}");
}

#[test]
fn changes_are_heard_of_as_they_come_and_after_the_server_was_away() {
    let mut rules = Site::start();
    rules.acl().insert(&json!({"seq": 1}));
    assert!(rules.hears(SOON), "what changed before is told");
    assert!(!rules.hears(Duration::from_millis(700)), "nothing has changed");
    for change in 0..4 {
        match change {
            0 => rules.acl().insert(&json!({"seq": 2})),
            1 => rules.acl().set(&json!({"seq": 2}), &json!({"comment": "more"})),
            2 => rules.acl().delete(&json!({"seq": 2})),
            _ => rules
                .acl()
                .insert_all(&(10..500).map(|seq| json!({"seq": seq})).collect::<Vec<_>>()),
        }
        assert!(rules.hears(SOON), "change {change}");
    }
    rules.server.stop();
    rules.server.start_again();
    assert!(rules.hears(SOON), "who was away may have missed something");
}
