use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, RawDocumentBuf, Regex, cstr, doc};
use registry_auth_core::config::Node;
use registry_auth_core::problem::Place;
use serde_json::{Value, json};

use super::*;

fn read(documents: &[Document]) -> Result<Vec<Entry>, String> {
    let read = documents.iter().map(|document| {
        let document = RawDocumentBuf::try_from(document).unwrap();
        Numbered::read(&document).map_err(NoList::from)
    });
    let entries: Result<Vec<_>, _> = read.collect();
    entries.and_then(in_order).map_err(|error| error.to_string())
}

fn node(json: &Value) -> Node {
    serde_json::from_value(json.clone()).unwrap()
}

#[test]
fn rules_are_in_the_order_of_their_numbers_and_say_what_an_entry_of_acl_says() {
    let entries = read(&[
        doc! {"_id": 3, "seq": 30_i64, "match": {}, "actions": []},
        doc! {"_id": 1, "seq": 2.0, "match": {"account": "ada", "labels": {"team": "a*"}}, "actions": ["*"], "comment": null},
        doc! {"_id": 2, "seq": -7, "match": null, "more": {"a": [true, 1.5, 7_i64]}},
    ]);
    let entry = |name: &str, json: Value| Entry {
        seq: name.strip_prefix("seq ").and_then(|seq| seq.parse().ok()),
        name: name.to_owned(),
        node: node(&json),
    };
    let expected = vec![
        entry("seq -7", json!({"match": null, "more": {"a": [true, 1.5, 7]}})),
        entry(
            "seq 2",
            json!({"match": {"account": "ada", "labels": {"team": "a*"}}, "actions": ["*"], "comment": null}),
        ),
        entry("seq 30", json!({"match": {}, "actions": []})),
    ];
    assert_eq!(read(&[]), Ok(vec![]));
    assert_eq!(entries, Ok(expected));
}

#[test]
fn what_is_no_rule_is_told_with_its_document() {
    let id = ObjectId::from_bytes([7; 12]);
    let binary = Binary {
        subtype: BinarySubtype::Generic,
        bytes: vec![1],
    };
    let regex = Regex {
        pattern: cstr!("^a").into(),
        options: cstr!("i").into(),
    };
    let mut deep = Bson::Null;
    for _ in 0..30 {
        deep = Bson::Array(vec![deep]);
    }
    let mut text = String::new();
    for document in [
        doc! {"_id": id, "match": {}},
        doc! {"_id": "by name", "seq": "10"},
        doc! {"_id": 5, "seq": null},
        doc! {"_id": {"a": 1}, "seq": 1.5},
        doc! {"_id": 5, "seq": f64::NAN},
        doc! {"_id": 5, "seq": 1e300},
        doc! {"_id": 5, "seq": "10".parse::<Decimal128>().unwrap()},
        doc! {"_id": "x".repeat(1_000)},
        doc! {"match": {}},
        doc! {"_id": 5, "seq": 1, "match": {"account": regex}},
        doc! {"_id": 5, "seq": 1, "match": {"labels": {"team": id}}},
        doc! {"_id": 5, "seq": 1, "actions": ["pull", DateTime::from_millis(0)]},
        doc! {"_id": 5, "seq": 1, "comment": binary},
        doc! {"_id": 5, "seq": 1, "comment": i64::MAX},
        doc! {"_id": 5, "seq": 1, "comment": Bson::Undefined},
        doc! {"_id": 5, "seq": 1, "comment": Bson::MaxKey},
        doc! {"_id": 5, "seq": 1, "comment": deep},
    ] {
        text.push_str(&read(&[document]).unwrap_err());
        text.push('\n');
    }
    let twice = [doc! {"_id": 1, "seq": 1}, doc! {"_id": id, "seq": 1.0}];
    text.push_str(&read(&twice).unwrap_err());
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn other_keys_of_the_section_are_the_callers_and_nobody_is_let_wait_for_changes_that_are_not_told() {
    let mut problems = Problems::default();
    let section = json!({
        "dial_info": {"addrs": ["127.0.0.1:1"], "database": "a", "username": "ada", "password": "hunter2"},
        "collection": "acl",
        "cache_ttl": "1m",
    });
    let mut section = Section::open(node(&section), Place::root().key("acl_mongo"), &mut problems).unwrap();
    let sources = Sources {
        environment: &|_| None,
        files: None,
    };
    let rules = MongoRules::open(&mut section, sources, &mut problems).unwrap();
    assert_eq!(section.remaining().collect::<Vec<_>>(), ["cache_ttl"]);
    let soon = Instant::now() + std::time::Duration::from_millis(300);
    assert!(timeout_at(soon, rules.changed()).await.is_err());
    let error = rules.read(soon).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "acl_mongo: `acl of a at 127.0.0.1:1` did not answer within 5000 ms; see `timeout`"
    );
    assert!(!format!("{rules:?}").contains("hunter2"));
}
