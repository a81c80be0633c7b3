use std::time::Duration;

use registry_auth_core::config::Node;
use registry_auth_core::problem::Place;
use registry_auth_core::secret::Secret;
use serde_json::{Value, json};

use super::*;

fn opened(section: &Value) -> (Option<SqlRules>, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_value(section.clone()).unwrap();
    let mut section = Section::open(node, Place::root().key("acl_xorm"), &mut problems).unwrap();
    let sources = Sources {
        environment: &|_| None,
        files: None,
    };
    let rules = SqlRules::open(&mut section, sources, &mut problems);
    section.finish(&mut problems);
    (rules, problems)
}

/// A database in a folder of its own.
struct Database {
    _folder: tempfile::TempDir,
    rules: SqlRules,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.db");
        let (rules, problems) = opened(&json!({"database_type": "sqlite3", "conn_string": path}));
        Self {
            rules: rules.unwrap_or_else(|| panic!("{problems}")),
            _folder: folder,
        }
    }

    async fn run(&self, sql: &str) {
        self.rules.server.rows(&Statement::plain(sql), &[]).await.unwrap();
    }

    async fn add(&self, seq: &str, entry: &str) {
        let entry = entry.replace('\'', "''");
        self.run(&format!(
            "INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES ({seq}, '{entry}')"
        ))
        .await;
    }

    async fn read(&self) -> Result<Vec<(String, Node)>, String> {
        let deadline = Instant::now().checked_add(Duration::from_mins(1)).unwrap();
        let entries = self.rules.read(deadline).await.map_err(|error| error.to_string())?;
        Ok(entries.into_iter().map(|entry| (entry.name, entry.node)).collect())
    }
}

fn row(seq: Option<&str>, entry: &str) -> Row {
    let cell = |text: &str| Secret::new(text.as_bytes().to_vec());
    Row::from_iter([seq.map(cell), Some(cell(entry))])
}

fn node(json: &str) -> Node {
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn the_table_is_made_and_its_rows_are_entries_in_the_order_of_seq() {
    let database = Database::new();
    assert_eq!(database.read().await.unwrap(), []);
    database
        .add("20", r#"{"Match":{},"Actions":[],"Comment":"nobody else"}"#)
        .await;
    database
        .add(
            "3",
            r#"{"Match":{"account":"ada","labels":{"Team":"a*"}},"Actions":["*"],"Comment":null}"#,
        )
        .await;
    database.add("-1", r#"{"MATCH":{"NAME":"x"},"actions":["pull"]}"#).await;
    let expected = [
        ("seq -1", r#"{"match":{"name":"x"},"actions":["pull"]}"#),
        (
            "seq 3",
            r#"{"match":{"account":"ada","labels":{"Team":"a*"}},"actions":["*"],"comment":null}"#,
        ),
        ("seq 20", r#"{"match":{},"actions":[],"comment":"nobody else"}"#),
    ];
    let expected = expected.map(|(name, json)| (name.to_owned(), node(json)));
    assert_eq!(database.read().await.unwrap(), expected);
}

#[tokio::test]
async fn rows_whose_seq_says_no_order_are_in_that_of_their_text() {
    let database = Database::new();
    database.read().await.unwrap();
    for (seq, entry) in [("5", r#"{"b":1}"#), ("NULL", "{}"), ("5", r#"{"a":1}"#), ("7", "{}")] {
        database.add(seq, entry).await;
    }
    let names: Vec<_> = database.read().await.unwrap();
    let expected = [
        ("no seq", "{}"),
        ("seq 5 (1 of 2)", r#"{"a":1}"#),
        ("seq 5 (2 of 2)", r#"{"b":1}"#),
        ("seq 7", "{}"),
    ];
    let expected = expected.map(|(name, json)| (name.to_owned(), node(json)));
    assert_eq!(names, expected);
}

#[test]
fn of_keys_in_several_cases_the_last_counts_as_in_go() {
    let text = r#"{"Match":{"Account":"a","account":"b","Labels":{"Type":"t","type":"u"}},"match":{"ip":"::1"},"x":1}"#;
    let entries = entry::in_order(vec![row(Some("1"), text)], Kind::Sqlite).unwrap();
    assert_eq!(entries[0].node, node(r#"{"match":{"ip":"::1"},"x":1}"#));
}

#[tokio::test]
async fn a_row_that_is_no_entry_is_named() {
    for (seq, entry, expected) in [
        (
            "4",
            "'{'",
            "holds in seq 4 an `acl_entry` that is not JSON, at line 1, column 1",
        ),
        ("NULL", "NULL", "holds in no seq no `acl_entry`"),
        ("'x'", "'{}'", "holds a `seq` that is no number"),
    ] {
        let database = Database::new();
        database.read().await.unwrap();
        database
            .run(&format!(
                "INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES ({seq}, {entry})"
            ))
            .await;
        let error = database.read().await.unwrap_err();
        assert!(error.starts_with("acl_xorm: `") && error.ends_with(expected), "{error}");
    }
    let database = Database::new();
    database.read().await.unwrap();
    database.add("4", &format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000))).await;
    let error = database.read().await.unwrap_err();
    assert!(error.contains("holds in seq 4 an `acl_entry` of more than"), "{error}");
}

#[test]
fn rows_without_seq_stand_where_the_database_has_them() {
    let rows = || {
        let seqs = [Some("1"), None, Some("-9")];
        seqs.map(|seq| row(seq, "{}")).into()
    };
    for (kind, expected) in [
        (Kind::Postgres, ["seq -9", "seq 1", "no seq"]),
        (Kind::MySql, ["no seq", "seq -9", "seq 1"]),
    ] {
        let names: Vec<_> = entry::in_order(rows(), kind)
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert_eq!(names, expected);
    }
}
