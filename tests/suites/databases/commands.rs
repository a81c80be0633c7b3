//! `registry-auth users` and `registry-auth acl`: what an operator changes, on the real databases and while a program runs.

use registry_auth_tests::ports::Port;

use super::operator::{FILE, Operator};
use crate::*;

/// A configuration in a file, and a program that serves by it.
struct Site {
    operator: Operator,
    program: Sidecar,
}

impl Site {
    #[track_caller]
    fn new(database: &Database) -> Self {
        let admin = Port::free();
        let mut config = config(&database.section());
        config["admin"] = json!({"listen": format!("127.0.0.1:{admin}")});
        // All that ada may do stands in the table.
        config["acl"].as_array_mut().expect("a list").remove(0);
        config["acl_xorm"] = database.section();
        // What is remembered or read by itself would hide that nobody was told.
        config["acl_xorm"]["cache_ttl"] = json!("1h");
        config["cache"] = json!({"credentials_ttl": "1h", "decisions_ttl": "1h"});
        let program = Sidecar::serve(&config);
        let operator = Operator::with(&config);
        Self { operator, program }
    }
}

#[test]
fn accounts_are_added_changed_and_removed_and_the_running_program_is_told() {
    for database in Database::all() {
        let site = Site::new(&database);
        let program = &site.program;
        let users = |what: &[&str], input: &str| site.operator.users(what, input);
        assert_eq!(status(program, "grace", "secret"), 401);
        let added = users(
            &[
                "add",
                "grace",
                "--cost",
                "4",
                "--label",
                "teams=blue",
                "--label",
                "teams=red",
            ],
            "secret\n",
        );
        assert_eq!(added, "`grace` added\n");
        assert_eq!(granted(program, "grace", "secret", "red/app:pull"), json!(["pull"]));
        users(&["add", "o'grace \"%", "--cost", "4"], "s'\"\\ecret");
        assert_eq!(status(program, "o'grace \"%", "s'\"\\ecret"), 200);
        assert_eq!(
            users(&["list"], ""),
            "grace       bcrypt 4  teams=blue  teams=red\no'grace \"%  bcrypt 4\n"
        );
        let json: Value = serde_json::from_str(&users(&["list", "--json"], "")).expect("JSON");
        assert_eq!(json[0]["labels"], json!({"teams": ["blue", "red"]}));

        users(&["set-labels", "grace", "--label", "teams=green"], "");
        assert_eq!(granted(program, "grace", "secret", "red/app:pull"), json!([]));
        assert_eq!(granted(program, "grace", "secret", "green/app:pull"), json!(["pull"]));
        users(&["set-password", "grace", "--algorithm", "argon2id"], "new");
        assert_eq!(status(program, "grace", "secret"), 401);
        assert_eq!(granted(program, "grace", "new", "green/app:pull"), json!(["pull"]));

        let file = FILE;
        site.operator.fails(
            &["users", "add", file, "grace", "--cost", "4"],
            "x",
            1,
            "there is a `grace` already",
        );
        site.operator
            .fails(&["users", "set-password", file, "GRACE"], "x", 1, "there is no `GRACE`");
        site.operator
            .fails(&["users", "remove", file, "grac"], "", 1, "there is no `grac`");
        site.operator
            .fails(&["users", "add", file, "a\nb"], "x", 2, "cannot be an account");
        site.operator
            .fails(&["users", "add", file, ""], "x", 2, "the name is empty");
        site.operator
            .fails(&["users", "add", file, "eve"], "", 2, "the password is empty");
        site.operator.fails(
            &["users", "list", file, "--in", "mongo_auth"],
            "",
            2,
            "has no `mongo_auth`",
        );

        assert_eq!(users(&["remove", "grace"], ""), "`grace` removed\n");
        assert_eq!(status(program, "grace", "new"), 401);
        assert_eq!(status(program, "o'grace \"%", "s'\"\\ecret"), 200);
    }
}

#[test]
fn rules_are_imported_moved_and_exported_and_the_running_program_is_told() {
    for database in Database::all() {
        let site = Site::new(&database);
        let file = FILE;
        let granted = |expected: &Value| wait_until_granted_to_ada(&site.program, expected);
        let rules = "acl:\n  - {match: {account: ada, name: \"team/*\"}, actions: [pull], comment: \"readers: it's theirs\"}\n  \
                     - {match: {name: \"team/*\", labels: {teams: \"*\"}}, actions: [\"*\"]}\n  - {match: {}, actions: []}\n";
        site.operator.write("rules.yml", rules);
        assert_eq!(
            site.operator.answer(&["acl", "import", file, "rules.yml"], ""),
            "3 rules in place of 0\n"
        );
        assert_eq!(site.operator.answer(&["acl", "export", file], ""), rules);
        assert_eq!(
            site.operator.answer(&["acl", "list", file], ""),
            "10  {match: {account: ada, name: \"team/*\"}, actions: [pull], comment: \"readers: it's theirs\"}\n\
             20  {match: {name: \"team/*\", labels: {teams: \"*\"}}, actions: [\"*\"]}\n30  {match: {}, actions: []}\n"
        );
        granted(&json!(["pull"]));
        let moved = site.operator.answer(&["acl", "move", file, "30", "--first"], "");
        assert!(
            moved.starts_with("10  {match: {}, actions: []}\n20  {match: {account: ada"),
            "{moved}"
        );
        granted(&json!([]));
        site.operator.answer(&["acl", "move", file, "10", "--after", "20"], "");
        granted(&json!(["pull"]));
        assert_eq!(
            site.operator.answer(&["acl", "test", file], ""),
            "3 rules, nothing wrong\n"
        );

        site.operator
            .fails(&["acl", "move", file, "7", "--last"], "", 1, "no rule has `seq` 7");
        site.operator
            .write("wrong.yml", "acl:\n  - {match: {name: \"[\"}, actions: []}\n");
        site.operator
            .fails(&["acl", "import", file, "wrong.yml"], "", 1, "--> wrong.yml:2:21");
        site.operator.fails(
            &["acl", "test", file, "--rules", "wrong.yml"],
            "",
            1,
            "--> wrong.yml:2:21",
        );
        assert_eq!(
            site.operator.answer(&["acl", "test", file], ""),
            "3 rules, nothing wrong\n"
        );
        database
            .sql(r#"INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES (5, '{"Match":{"name":"["},"Actions":[]}');"#);
        site.operator
            .fails(&["acl", "test", file], "", 1, r#"acl_xorm["seq 5"].match.name: "#);
        database.sql("DELETE FROM xorm_acl_entry WHERE seq = 5;");
        site.operator.write("none.yml", "acl: []\n");
        site.operator.answer(&["acl", "import", file, "none.yml"], "");
        granted(&json!([]));
        site.operator.fails(&["acl", "list", file], "", 1, "");
    }
}

/// Waits until ada is granted these of pull and push.
#[track_caller]
fn wait_until_granted_to_ada(program: &Sidecar, expected: &Value) {
    process::wait_until(&format!("{expected}\n{}", program.log()), SOON, || {
        let answer = ask(program, "ada", "ada-secret", "team/app:pull,push");
        (&part(&token(&answer), 1)["access"][0]["actions"] == expected).then_some(())
    });
}

#[test]
fn postgresql_tells_of_what_others_change_once_it_has_the_trigger() {
    let database = Database::Postgres(Postgres::start());
    let site = Site::new(&database);
    let sql = site.operator.answer(&["acl", "listen", "auth_config.yml", "--sql"], "");
    database.sql(&sql);
    // The program may not listen yet, so that a change is made until it is heard.
    process::wait_until("a change by somebody else counts", SOON, || {
        database.sql(
            r#"DELETE FROM xorm_acl_entry;
            INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES (1, '{"Match":{"account":"ada"},"Actions":["push"]}');"#,
        );
        let answer = ask(&site.program, "ada", "ada-secret", "team/app:pull,push");
        (part(&token(&answer), 1)["access"][0]["actions"] == json!(["push"])).then_some(())
    });
    let sqlite = Database::Sqlite(tempfile::tempdir().unwrap());
    let site = Site::new(&sqlite);
    site.operator.fails(
        &["acl", "listen", "auth_config.yml", "--sql"],
        "",
        1,
        "only PostgreSQL tells of changes",
    );
}

#[test]
fn check_and_explain_ask_the_databases() {
    for mut database in [
        Database::Postgres(Postgres::start()),
        Database::MariaDb(MariaDb::start()),
    ] {
        let site = Site::new(&database);
        let check = ["check", "--listen", "none", "auth_config.yml", "--connect"];
        let told = site.operator.answer(&check, "");
        assert!(told.contains("`acl_xorm` answers\n`xorm_auth` answers\n"), "{told}");
        database.add_rule_for("7", "ada", "team/*", &["pull"]);
        let scope = "repository:team/app:pull";
        let explain = ["explain", "auth_config.yml", "--account", "ada", scope];
        site.operator.fails(
            &explain,
            "",
            2,
            "no rule matches, so it is up to `acl_xorm`, not asked here",
        );
        let explain = [&explain[..], &["--connect"]].concat();
        let told = site.operator.answer(&explain, "");
        assert!(told.starts_with("repository:team/app  granted pull\n"), "{told}");
        assert!(told.contains("acl_xorm seq 7"), "{told}");

        database.add_rule_for("8", "ada", "[", &["*"]);
        let wrong = r#"acl_xorm["seq 8"].match.name: `[` is never closed"#;
        site.operator.fails(&check, "", 1, wrong);
        site.operator.fails(&explain, "", 2, wrong);

        databases::faults::stop(&mut database);
        site.operator.fails(&check, "", 1, "could not be connected to");
        let json = site.operator.run(&[&check[..], &["--json"]].concat(), "");
        let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
        let paths = json["errors"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|error| error["path"].clone());
        assert_eq!(
            paths.collect::<Vec<_>>(),
            ["xorm_auth", "acl_xorm"],
            "as the file has them"
        );
        assert_eq!(json["answering"], json!([]));
        site.operator.fails(&explain, "", 2, "could not ask acl_xorm");
    }
}
