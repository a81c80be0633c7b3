//! Rules in a table: `acl_xorm`.

use registry_auth_tests::ports::Port;

use crate::*;

/// `ada` and `grace`, a rule of the file, and those of the table behind it.
fn config(section: &Value) -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256, "expiration": 900},
        "users": {
            "ada": {"password": keys::ADA_SECRET},
            "grace": {"password": hash_of("secret"), "labels": {"teams": ["blue"]}},
        },
        "acl": [{"match": {"name": "locked/*"}, "actions": []}, {"match": {"name": "open/*"}, "actions": ["pull"]}],
        "acl_xorm": section,
        "throttle": false,
    })
}

impl Database {
    /// `acl_xorm` for it.
    fn list(&self, cache_ttl: &str) -> Value {
        let mut section = self.section();
        section["cache_ttl"] = json!(cache_ttl);
        section
    }

    /// A row of docker_auth's table.
    #[track_caller]
    fn add_rule(&self, seq: &str, entry: &Value) {
        let entry = text(&entry.to_string());
        self.sql(&format!(
            "INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES ({seq}, {entry});"
        ));
    }

    /// A rule as docker_auth keeps it.
    #[track_caller]
    pub fn add_rule_for(&self, seq: &str, account: &str, name: &str, actions: &[&str]) {
        self.add_rule(
            seq,
            &json!({"Match": {"account": account, "name": name}, "Actions": actions, "Comment": null}),
        );
    }
}

/// Waits until grace is granted these for `scope`.
#[track_caller]
fn wait_until_granted(program: &Sidecar, scope: &str, expected: &Value) {
    process::wait_until(&format!("{expected} for {scope}\n{}", program.log()), SOON, || {
        let answer = ask(program, "grace", "secret", scope);
        (answer.status == 200 && &part(&token(&answer), 1)["access"][0]["actions"] == expected).then_some(())
    });
}

#[test]
fn rules_of_the_table_are_behind_those_of_the_file_and_change_without_a_restart() {
    for database in Database::all() {
        let program = Sidecar::serve(&config(&database.list("1s")));
        let name = database.name();
        assert_eq!(
            granted(&program, "grace", "secret", "team/app:pull"),
            json!([]),
            "{name}"
        );
        database.add_rule_for("20", "/.+/", "team/*", &["pull"]);
        wait_until_granted(&program, "team/app:pull,push", &json!(["pull"]));
        database.add_rule_for("10", "grace", "team/*", &["*"]);
        wait_until_granted(&program, "team/app:pull,push", &json!(["pull", "push"]));
        assert_eq!(
            granted(&program, "ada", "ada-secret", "team/app:pull,push"),
            json!(["pull"]),
            "{name}"
        );
        database.add_rule(
            "5",
            &json!({"MATCH": {"NAME": "${labels:teams}/*", "Labels": {"teams": "b*"}}, "actions": ["pull"], "Comment": "their own"}),
        );
        wait_until_granted(&program, "blue/app:pull,push", &json!(["pull"]));
        database.add_rule_for("1", "grace", "**", &["*"]);
        database.add_rule_for("2", "grace", "locked/*", &["*"]);
        database.add_rule_for("3", "grace", "open/*", &["*"]);
        wait_until_granted(&program, "top:pull,push", &json!(["pull", "push"]));
        assert_eq!(
            granted(&program, "grace", "secret", "locked/app:pull"),
            json!([]),
            "{name}"
        );
        assert_eq!(
            granted(&program, "grace", "secret", "open/app:pull,push"),
            json!(["pull"]),
            "{name}"
        );
        database.sql("DELETE FROM xorm_acl_entry;");
        wait_until_granted(&program, "team/app:pull,push", &json!([]));
        assert_eq!(
            granted(&program, "grace", "secret", "open/app:pull,push"),
            json!(["pull"]),
            "{name}"
        );
    }
}

#[test]
fn one_wrong_row_refuses_the_list_and_is_named() {
    for database in Database::all() {
        let name = database.name();
        let admin = Port::free();
        let mut config = config(&database.list("1s"));
        config["admin"] = json!({"listen": format!("127.0.0.1:{admin}")});
        let program = Sidecar::serve(&config);
        let page = |path: &str| http::get(&format!("http://127.0.0.1:{admin}{path}"), &[]).text();
        database.add_rule_for("7", "grace", "team/*", &["pull"]);
        wait_until_granted(&program, "team/app:pull", &json!(["pull"]));
        database.add_rule_for("1", "/.+/", "team/*", &[]);
        database.add_rule_for("8", "grace", "[", &["*"]);
        let expected = r#"acl_xorm["seq 8"].match.name: "#;
        process::wait_until(&format!("the row is named, {name}"), SOON, || {
            page("/readyz")
                .contains(r#""refused":{"acl_xorm":"acl_xorm[\"seq 8\"].match.name: "#)
                .then_some(())
        });
        assert!(
            program.log().contains(&expected.replace('"', "\\\"")),
            "{}",
            program.log()
        );
        let metric = r#"registry_auth_list_refused{list="acl_xorm",entry="seq 8"} 1"#;
        assert!(page("/metrics").contains(metric), "{}", page("/metrics"));
        assert_eq!(
            granted(&program, "grace", "secret", "team/app:pull"),
            json!(["pull"]),
            "{name}"
        );
        database.sql("DELETE FROM xorm_acl_entry WHERE seq = 8;");
        wait_until_granted(&program, "team/app:pull", &json!([]));
        assert!(!page("/readyz").contains("refused"));
        assert!(!page("/metrics").contains("registry_auth_list_refused{"));
    }
}

#[test]
fn a_list_that_was_never_read_decides_nothing_and_one_that_was_goes_on_deciding() {
    for mut database in [
        Database::Postgres(Postgres::start()),
        Database::MariaDb(MariaDb::start()),
    ] {
        let name = database.name();
        databases::faults::stop(&mut database);
        let program = Sidecar::serve(&config(&database.list("1s")));
        for _ in 0..soak::times(2) {
            let answer = ask(&program, "grace", "secret", "team/app:pull");
            assert_eq!(answer.status, 503, "{name}: {}", answer.text());
            assert!(!answer.text().contains("acl_xorm"), "{}", answer.text());
            assert_eq!(
                granted(&program, "grace", "secret", "open/app:pull"),
                json!(["pull"]),
                "{name}"
            );
            assert_eq!(
                granted(&program, "grace", "secret", "locked/app:pull"),
                json!([]),
                "{name}"
            );
            assert_eq!(status(&program, "grace", "wrong"), 401, "{name}");
        }
        databases::faults::start_again(&mut database);
        wait_until_granted(&program, "team/app:pull", &json!([]));
        database.add_rule_for("1", "grace", "team/*", &["pull"]);
        wait_until_granted(&program, "team/app:pull", &json!(["pull"]));
        for round in 0..soak::times(2) {
            databases::faults::stop(&mut database);
            for _ in 0..10 {
                assert_eq!(
                    granted(&program, "grace", "secret", "team/app:pull"),
                    json!(["pull"]),
                    "{name}"
                );
            }
            databases::faults::start_again(&mut database);
            let scope = format!("round/{round}:pull");
            database.add_rule_for(&format!("{}", round + 2), "grace", &format!("round/{round}"), &["pull"]);
            wait_until_granted(&program, &scope, &json!(["pull"]));
        }
    }
}

#[test]
fn what_postgresql_tells_counts_at_once() {
    let database = Database::Postgres(Postgres::start());
    let program = Sidecar::serve(&config(&database.list("1h")));
    assert_eq!(granted(&program, "grace", "secret", "team/app:pull"), json!([]));
    database.add_rule_for("1", "grace", "team/*", &["pull"]);
    // It is listened for by now, or soon.
    process::wait_until("the notification counts", SOON, || {
        database.sql("NOTIFY registry_auth;");
        let actions = granted(&program, "grace", "secret", "team/app:pull");
        (actions == json!(["pull"])).then_some(())
    });
}
