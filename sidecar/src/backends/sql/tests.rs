use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use registry_auth_core::account::Labels;
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::config::Node;
use registry_auth_core::problem::Place;
use registry_auth_core::secret::Secret;
use registry_auth_core::service::Service;
use serde_json::{Value, json};

use super::statement::Statement;
use super::*;
use crate::backend::Comparison;

/// bcrypt at cost 4 of `secret`, and of `other`.
fn hash_of(password: &str, cost: u32) -> String {
    let hash = Hash::bcrypt(password.as_bytes(), cost, [7; 16]).unwrap();
    hash.to_text().expose().clone()
}

fn opened(section: &Value, files: &[(&str, &str)]) -> (Option<SqlAuthenticator>, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_value(section.clone()).unwrap();
    let section = Section::open(node, Place::root().key("xorm_auth"), &mut problems).unwrap();
    let files: HashMap<&str, &str> = files.iter().copied().collect();
    let file = |path: &str| match files.get(path) {
        Some(content) => Ok(Secret::new((*content).to_owned())),
        None => Err("there is none".to_owned()),
    };
    let sources = Sources {
        environment: &|_| None,
        files: Some(&file),
    };
    (SqlAuthenticator::open(section, sources, &mut problems), problems)
}

/// A database in a folder of its own.
struct Database {
    folder: tempfile::TempDir,
    backend: SqlAuthenticator,
}

impl Database {
    fn new(more: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = Self::backend(&folder.path().join("users.db"), more);
        Self { folder, backend }
    }

    #[track_caller]
    fn backend(path: &Path, more: &Value) -> SqlAuthenticator {
        let mut section = json!({"database_type": "sqlite3", "conn_string": path});
        for (key, value) in more.as_object().unwrap() {
            section[key] = value.clone();
        }
        let (opened, problems) = opened(&section, &[]);
        opened.unwrap_or_else(|| panic!("{problems}"))
    }

    async fn run(&self, sql: &str) {
        self.backend.server.rows(&Statement::plain(sql), &[]).await.unwrap();
    }

    async fn add(&self, name: &str, hash: &str, labels: Option<&str>) {
        let labels = labels.map_or("NULL".to_owned(), |labels| format!("'{labels}'"));
        self.run(&format!(
            "INSERT INTO xorm_user (username, password_hash, labels) VALUES ('{name}', '{hash}', {labels})"
        ))
        .await;
    }

    async fn ask(&self, account: &str, password: &[u8]) -> Result<Outcome, String> {
        let login = Login {
            account: &Account::parse(account).unwrap(),
            password: &Secret::new(password.to_vec()),
            service: &Service::default(),
            address: [192, 0, 2, 7].into(),
        };
        let deadline = Instant::now().checked_add(Duration::from_mins(1)).unwrap();
        let answer = self.backend.authenticate(login, deadline).await;
        answer.map_err(|error| error.to_string())
    }

    /// Whether the account is let in, `None` if it is not known, and how often bcrypt goes round for it, as a power of two.
    async fn login(&self, account: &str, password: &str) -> (Option<bool>, u32) {
        let Outcome::Compare(Comparison { found, work }) = self.ask(account, password.as_bytes()).await.unwrap() else {
            panic!("decided without comparing")
        };
        let fits = work
            .stored
            .as_ref()
            .is_some_and(|hash| hash.fits(password.as_bytes()).unwrap());
        let computed = work.stored.iter().chain(&work.decoys);
        let rounds: u32 = computed
            .map(|hash| match hash {
                Hash::Bcrypt(hash) => 1 << hash.cost(),
                _ => 0,
            })
            .sum();
        (found.map(|_| fits), rounds.checked_ilog2().unwrap_or(0))
    }
}

#[tokio::test]
async fn the_file_and_the_table_are_made_and_found_again() {
    let database = Database::new(&json!({}));
    assert_eq!(database.login("ada", "secret").await, (None, 0));
    database
        .add("ada", &hash_of("secret", 4), Some(r#"{"team":["a*"]}"#))
        .await;
    let Outcome::Compare(Comparison { found, .. }) = database.ask("ada", b"x").await.unwrap() else {
        panic!("decided without comparing")
    };
    let labels = [("team".to_owned(), vec!["a*".to_owned()])].into();
    let expected = Identity {
        account: Account::parse("ada").unwrap(),
        labels: Labels::new(labels, LabelsArePatterns::Glob),
    };
    assert_eq!(found, Some(expected));
    let again = Database {
        backend: Database::backend(&database.folder.path().join("users.db"), &json!({})),
        folder: database.folder,
    };
    assert_eq!(again.login("ada", "secret").await, (Some(true), 4));
}

#[tokio::test]
async fn of_rows_of_one_name_the_highest_id_counts_and_a_name_is_its_bytes() {
    let database = Database::new(&json!({}));
    let _ = database.login("ada", "x").await;
    for (name, password) in [("bob", "old"), ("bob", "new"), ("BOB", "loud"), ("bob ", "space")] {
        database.add(name, &hash_of(password, 4), None).await;
    }
    assert_eq!(database.login("bob", "new").await.0, Some(true));
    assert_eq!(database.login("bob", "old").await.0, Some(false));
    assert_eq!(database.login("BOB", "loud").await.0, Some(true));
    assert_eq!(database.login("Bob", "new").await.0, None);
    assert_eq!(database.login("' OR 1=1 --", "new").await.0, None);
}

#[tokio::test]
async fn an_empty_name_or_password_is_nobodys() {
    let database = Database::new(&json!({}));
    assert_eq!(database.ask("", b"secret").await, Ok(Outcome::NoMatch));
    assert_eq!(database.ask("ada", b"").await, Ok(Outcome::NoMatch));
}

#[tokio::test]
async fn a_failure_costs_the_same_whoever_it_is() {
    let database = Database::new(&json!({}));
    let _ = database.login("ada", "x").await;
    database.add("cheap", &hash_of("secret", 4), None).await;
    database.add("dear", &hash_of("secret", 6), None).await;
    database.add("none", "no hash", None).await;
    let again = Database {
        backend: Database::backend(&database.folder.path().join("users.db"), &json!({})),
        folder: database.folder,
    };
    for name in ["cheap", "dear", "none", "nobody"] {
        assert_eq!(again.login(name, "wrong").await.1, 6, "{name}");
    }
}

#[tokio::test]
async fn no_password_fits_what_is_no_hash_and_bad_labels_are_an_error() {
    let database = Database::new(&json!({}));
    let _ = database.login("ada", "x").await;
    database.add("plain", "secret", None).await;
    database
        .add("dear", &hash_of("secret", 4).replace("$04$", "$20$"), None)
        .await;
    database
        .add("ada", &hash_of("secret", 4), Some(r#"{"team":"a"}"#))
        .await;
    assert_eq!(database.login("plain", "secret").await.0, Some(false));
    assert_eq!(database.login("dear", "secret").await.0, Some(false));
    let error = database.ask("ada", b"secret").await.unwrap_err();
    assert!(
        error.ends_with(
            "holds of `ada` `labels` that are not of the form `{\"name\": [\"value\"]}`, at line 1, column 11"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_query_of_ones_own_finds_accounts_in_other_tables() {
    let query = "SELECT name AS username, hash AS password_hash, NULL AS labels FROM people WHERE lower(name) = lower(:account)";
    let database = Database::new(&json!({ "query": query }));
    database.run("CREATE TABLE people (name TEXT, hash TEXT)").await;
    for (name, password) in [("ada", "secret"), ("twice", "a"), ("twice", "b")] {
        let hash = hash_of(password, 4);
        database
            .run(&format!("INSERT INTO people VALUES ('{name}', '{hash}')"))
            .await;
    }
    assert_eq!(
        database.login("ada", "secret").await,
        (Some(true), table::COST_UNLESS_KNOWN)
    );
    assert_eq!(database.login("ADA", "secret").await.0, None);
    assert_eq!(database.login("eve", "secret").await, (None, table::COST_UNLESS_KNOWN));
    let error = database.ask("twice", b"a").await.unwrap_err();
    assert!(error.ends_with("gave 2 rows for one account; see `query`"), "{error}");

    let lacking = Database::new(&json!({"query": "SELECT :account AS password_hash"}));
    let error = lacking.ask("ada", b"a").await.unwrap_err();
    assert!(
        error.ends_with("could not be asked: it gave no column `labels`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error_and_so_is_one_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    std::fs::write(&path, "no database ".repeat(100)).unwrap();
    let broken = Database {
        backend: Database::backend(&path, &json!({})),
        folder,
    };
    let error = broken.ask("ada", b"a").await.unwrap_err();
    assert!(error.contains("file is not a database"), "{error}");
    let nowhere = Database {
        backend: Database::backend(&broken.folder.path().join("none/users.db"), &json!({})),
        folder: broken.folder,
    };
    let error = nowhere.ask("ada", b"a").await.unwrap_err();
    assert!(error.contains("could not be connected to"), "{error}");
}

#[test]
fn what_is_wrong_with_the_section_is_told_in_its_place() {
    let postgres = |text: &str| json!({"database_type": "postgres", "conn_string": text});
    let wrong = [
        (
            json!({}),
            "xorm_auth.database_type: is missing; write `mysql`, `postgres` or `sqlite3`\n\
             xorm_auth.conn_string: is missing; write where the database is",
        ),
        (
            json!({"database_type": "mssql", "conn_string": "x"}),
            "xorm_auth.database_type: must be one of `mysql`, `postgres`, `sqlite3`, not `mssql`",
        ),
        (
            json!({"database_type": "sqlite3", "conn_string": "a.db", "query": "SELECT 1"}),
            "xorm_auth.query: does not hold `:account`, so that it would find the same for everybody; compare the name with it",
        ),
        (
            json!({"database_type": "sqlite3", "conn_string": "a.db", "cache_ttl": "1m"}),
            "xorm_auth.cache_ttl: unknown key; known here are `timeout`, `parallel`, `database_type`, `conn_string`, \
             `query`, `labels_are_patterns`",
        ),
        (
            postgres("sslrootcert=none"),
            "xorm_auth.conn_string: cannot read `none`: there is none",
        ),
        (
            postgres("sslrootcert=text"),
            "xorm_auth.conn_string: `text` is not a list of certificates in PEM",
        ),
    ];
    for (section, expected) in wrong {
        let (_, problems) = opened(&section, &[("text", "no PEM")]);
        assert_eq!(problems.to_string(), expected);
    }
    let mysql = |text: &str| json!({"database_type": "mysql", "conn_string": text});
    let with_query = |mut section: Value, query: &str| {
        section["query"] = json!(query);
        section
    };
    for (section, warns) in [
        (postgres("sslmode=verify-ca"), true),
        (postgres("sslmode=disable host=db.example"), true),
        (postgres("sslmode=disable host=127.0.0.1"), false),
        (postgres("host=/run/postgresql"), false),
        (mysql("a@tcp(db.example)/d"), true),
        (mysql("a@tcp(db.example)/d?tls=true"), false),
        (mysql("a@/d"), false),
        (with_query(mysql("a@/d"), "SELECT h FROM u WHERE n = :account"), true),
        (
            with_query(mysql("a@/d"), "SELECT n AS Username FROM u WHERE n = :account"),
            false,
        ),
    ] {
        let (_, problems) = opened(&section, &[]);
        assert!(!problems.is_refusal());
        assert_eq!(!problems.warnings().is_empty(), warns, "{section}");
    }
}

#[test]
fn nothing_that_can_be_printed_holds_the_password() {
    for (kind, text) in [
        ("mysql", "ada:hunter2@tcp(db.example)/d"),
        ("postgres", "postgres://ada:hunter2@db.example/d"),
        ("postgres", "host=db.example user=ada password=hunter2 dbname=d"),
    ] {
        let (backend, problems) = opened(&json!({"database_type": kind, "conn_string": text}), &[]);
        let backend = backend.unwrap_or_else(|| panic!("{problems}"));
        let texts = format!("{backend:?} {}", backend.error(Fault::Useless, "is broken"));
        assert!(
            !texts.contains("hunter2") && texts.contains("d at db.example:"),
            "{texts}"
        );
    }
}
