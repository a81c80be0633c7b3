use registry_auth_core::config::Node;
use serde_json::json;

use super::*;
use crate::chain::Unobserved;

/// Where a list's database would be.
fn section(database: &std::path::Path, more: &serde_json::Value) -> Section {
    let mut text = json!({"database_type": "sqlite3", "conn_string": database});
    for (key, value) in more.as_object().unwrap() {
        text[key] = value.clone();
    }
    let node: Node = serde_json::from_value(text).unwrap();
    Section::open(node, Place::root().key("acl_xorm"), &mut Problems::default()).unwrap()
}

fn lists(section: Section) -> Result<Lists, String> {
    let mut problems = Problems::default();
    let observer: Arc<dyn Observer> = Arc::new(Unobserved);
    let sources = Sources {
        environment: &|_| None,
        files: None,
    };
    let sections = [(RuleList::Sql, section)];
    let lists = Lists::open(&sections, Options::default(), sources, &observer, &mut problems);
    if problems.is_refusal() {
        return Err(problems.to_string());
    }
    Ok(lists)
}

/// Runs `sql` in the database, as somebody else would.
fn run(database: &std::path::Path, sql: &str) {
    use sqlx::{ConnectOptions as _, Connection as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true);
    let sql = sql.to_owned();
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut connection = options.connect().await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
        });
    };
    std::thread::scope(|scope| scope.spawn(runtime).join().unwrap());
}

fn names(list: &List) -> Vec<String> {
    let rules = list.rules().map(|rules| rules.to_vec()).unwrap_or_default();
    rules.into_iter().map(|rule| rule.comment.unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_list_with_one_wrong_entry_is_refused_and_the_last_good_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("rules.db");
    let lists = lists(section(&database, &json!({}))).unwrap();
    let list = &lists.0[0];
    assert_eq!(list.rules(), None);
    assert_eq!(list.read().await, Reading::Taken(0), "the table is made");
    assert_eq!(
        list.rules().map(|rules| rules.len()),
        Some(0),
        "an empty table is a list without rules"
    );

    let add = |seq: u32, entry: &str| {
        run(
            &database,
            &format!("INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES ({seq}, '{entry}')"),
        );
    };
    add(10, r#"{"Match":{"account":"ada"},"Actions":["*"],"Comment":"all"}"#);
    assert_eq!(list.read().await, Reading::Taken(1));
    assert_eq!(list.read().await, Reading::Unchanged(1));
    assert_eq!(names(list), ["acl_xorm seq 10: all"]);

    for (wrong, why) in [
        (
            r#"{"Match":{"name":"["},"Actions":[]}"#,
            "acl_xorm[\"seq 11\"].match.name: `[` is never closed",
        ),
        (r#"{"Actions":[]}"#, "acl_xorm[\"seq 11\"].match: is missing"),
        (
            r#"{"Match":{"team":"x"},"Actions":[]}"#,
            "acl_xorm[\"seq 11\"].match.team: is no condition",
        ),
        (
            r#"{"Match":{"account":null},"Actions":[]}"#,
            "acl_xorm[\"seq 11\"].match.account: is empty",
        ),
        (r"[]", "acl_xorm[\"seq 11\"]: must be a map, not a list"),
    ] {
        add(11, wrong);
        let Reading::Refused { entry, why: told } = list.read().await else {
            panic!("{wrong} is taken")
        };
        assert_eq!(entry, "seq 11");
        assert!(told.starts_with(why), "{told}");
        assert_eq!(names(list), ["acl_xorm seq 10: all"]);
        run(&database, "DELETE FROM xorm_acl_entry WHERE seq = 11");
    }
    add(9, r#"{"Match":{},"Actions":["pull"]}"#);
    assert_eq!(list.read().await, Reading::Taken(2));
    assert_eq!(names(list), ["acl_xorm seq 9", "acl_xorm seq 10: all"]);
}

#[tokio::test]
async fn what_was_read_is_behind_the_rules_of_the_file_and_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("rules.db");
    let lists = lists(section(&database, &json!({}))).unwrap();
    let document = || {
        let text = json!({
            "acl": [{"match": {}, "actions": [], "comment": "first"}],
            "acl_xorm": {"database_type": "sqlite3", "conn_string": database},
        });
        let node: Node = serde_json::from_value(text).unwrap();
        let sources = Sources {
            environment: &|_| None,
            files: Some(&|_| Err("there are none".to_owned())),
        };
        Document::read(node, sources, &mut Problems::default())
    };
    let complete = || {
        let (mut document, mut problems) = (document(), Problems::default());
        lists.complete(&mut document, &mut problems);
        assert!(!problems.is_refusal());
        let asks = registry_auth_core::policy::Asks::of(&document);
        let rules: Vec<_> = document
            .acl
            .unwrap()
            .into_iter()
            .filter_map(|rule| rule.comment)
            .collect();
        (rules, asks.scopes)
    };
    assert_eq!(
        complete(),
        (vec!["first".to_owned()], true),
        "a list that was never read is asked for"
    );
    lists.0[0].read().await;
    run(
        &database,
        r#"INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES (1, '{"Match":{},"Actions":[]}')"#,
    );
    lists.0[0].read().await;
    assert_eq!(
        complete(),
        (vec!["first".to_owned(), "acl_xorm seq 1".to_owned()], false)
    );
}

#[tokio::test]
async fn the_next_configuration_begins_with_what_is_known_of_the_same_list() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("rules.db");
    let before = lists(section(&database, &json!({}))).unwrap();
    before.0[0].read().await;
    for (more, taken) in [
        (json!({}), true),
        (json!({"cache_ttl": "5s"}), true),
        (json!({"timeout": "9s"}), false),
    ] {
        let next = lists(section(&database, &more)).unwrap();
        next.take_over(&before);
        assert_eq!(next.0[0].rules().is_some(), taken, "{more}");
    }
}

#[test]
fn what_is_wrong_with_the_section_is_told_in_its_place() {
    for (more, expected) in [
        (
            json!({"cache_ttl": "0s"}),
            "acl_xorm.cache_ttl: must be from 1s to 86400s",
        ),
        (
            json!({"query": "SELECT"}),
            "acl_xorm.query: unknown key; known here are `cache_ttl`, `timeout`, `database_type`, `conn_string`",
        ),
    ] {
        let told = lists(section("rules.db".as_ref(), &more)).unwrap_err();
        assert!(told.starts_with(expected), "{told}");
    }
}
