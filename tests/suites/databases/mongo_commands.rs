//! `acl_mongo` in a program that serves, and `registry-auth users` and `registry-auth acl` on MongoDB.

use registry_auth_tests::databases::{Collection, Mongo};
use registry_auth_tests::ports::Port;

use super::operator::{FILE, Operator};
use crate::*;

/// A server, a configuration in a file, and a program that serves by it.
struct Site {
    server: Mongo,
    operator: Operator,
    program: Sidecar,
    admin: Port,
}

impl Site {
    #[track_caller]
    fn start(cache_ttl: &str) -> Self {
        Self::of(Mongo::start(), cache_ttl)
    }

    #[track_caller]
    fn of(server: Mongo, cache_ttl: &str) -> Self {
        let admin = Port::free();
        let config = json!({
            "token": {"issuer": "registry-auth", "key": keys::ES256, "expiration": 900},
            "admin": {"listen": format!("127.0.0.1:{admin}")},
            "users": {"ada": {"password": keys::ADA_SECRET}},
            "mongo_auth": {"dial_info": server.dial_info(), "collection": "users"},
            "acl": [{"match": {"name": "open/*"}, "actions": ["pull"]}],
            "acl_mongo": {"dial_info": server.dial_info(), "collection": "acl", "cache_ttl": cache_ttl},
            "cache": {"credentials_ttl": "1h", "decisions_ttl": "1h"},
            "throttle": false,
        });
        Self {
            program: Sidecar::serve(&config),
            operator: Operator::with(&config),
            server,
            admin,
        }
    }

    fn acl(&self) -> Collection<'_> {
        self.server.collection("acl")
    }

    fn page(&self, path: &str) -> String {
        http::get(&format!("http://127.0.0.1:{}{path}", self.admin), &[]).text()
    }

    /// Waits until ada is granted these of pull and push.
    #[track_caller]
    fn wait_until_granted(&self, scope: &str, expected: &Value) {
        process::wait_until(&format!("{expected} for {scope}\n{}", self.program.log()), SOON, || {
            let answer = ask(&self.program, "ada", "ada-secret", &format!("{scope}:pull,push"));
            (answer.status == 200 && &part(&token(&answer), 1)["access"][0]["actions"] == expected).then_some(())
        });
    }
}

fn rule(seq: i64, name: &str, actions: &[&str]) -> Value {
    json!({"seq": seq, "match": {"account": "ada", "name": name}, "actions": actions})
}

#[test]
fn rules_of_a_collection_decide_behind_those_of_the_file_until_one_is_wrong() {
    let site = Site::start("1s");
    site.wait_until_granted("team/app", &json!([]));
    site.acl().insert(&rule(20, "team/*", &["pull"]));
    site.wait_until_granted("team/app", &json!(["pull"]));
    site.acl().insert(&rule(10, "team/*", &["push"]));
    site.wait_until_granted("team/app", &json!(["push"]));
    site.wait_until_granted("open/app", &json!(["pull"]));
    site.acl().insert(&rule(5, "[", &[]));
    process::wait_until("the rule is named", SOON, || {
        site.page("/readyz")
            .contains(r#""refused":{"acl_mongo":"acl_mongo[\"seq 5\"].match.name: "#)
            .then_some(())
    });
    site.acl().delete(&json!({"seq": 10}));
    site.wait_until_granted("team/app", &json!(["push"]));
    site.acl().delete(&json!({"seq": 5}));
    site.wait_until_granted("team/app", &json!(["pull"]));
}

#[test]
fn a_list_of_a_server_that_is_away_is_503_until_it_was_read_and_decides_from_then_on() {
    let mut server = Mongo::start();
    server.collection("acl").insert(&rule(1, "team/*", &["pull"]));
    server.stop();
    let mut site = Site::of(server, "1s");
    assert_eq!(ask(&site.program, "ada", "ada-secret", "team/app:pull").status, 503);
    site.wait_until_granted("open/app", &json!(["pull"]));
    site.server.start_again();
    site.wait_until_granted("team/app", &json!(["pull"]));
    for _ in 0..soak::times(2) {
        site.server.stop();
        for _ in 0..10 {
            site.wait_until_granted("team/app", &json!(["pull"]));
        }
        site.server.start_again();
        site.acl().set(&json!({"seq": 1}), &json!({"actions": ["push"]}));
        site.wait_until_granted("team/app", &json!(["push"]));
        site.acl().set(&json!({"seq": 1}), &json!({"actions": ["pull"]}));
        site.wait_until_granted("team/app", &json!(["pull"]));
    }
}

#[test]
fn accounts_and_rules_are_changed_and_the_running_program_is_told() {
    let site = Site::start("1h");
    let users = |what: &[&str], input: &str| site.operator.users(what, input);
    assert_eq!(status(&site.program, "grace", "secret"), 401);
    users(&["add", "grace", "--cost", "4", "--label", "teams=blue"], "secret");
    users(&["add", "{\"$ne\": null}", "--cost", "4"], "secret");
    assert_eq!(status(&site.program, "grace", "secret"), 200);
    assert_eq!(
        users(&["list"], ""),
        "grace          bcrypt 4  teams=blue\n{\"$ne\": null}  bcrypt 4\n"
    );
    users(&["set-password", "grace", "--cost", "4"], "new");
    assert_eq!(status(&site.program, "grace", "secret"), 401);
    assert_eq!(status(&site.program, "grace", "new"), 200);
    users(&["set-labels", "grace"], "");
    assert!(users(&["list"], "").starts_with("grace          bcrypt 4\n"));
    site.operator.fails(
        &["users", "add", FILE, "grace", "--cost", "4"],
        "x",
        1,
        "there is a `grace` already",
    );
    site.operator
        .fails(&["users", "remove", FILE, "GRACE"], "", 1, "there is no `GRACE`");
    users(&["remove", "{\"$ne\": null}"], "");
    assert_eq!(status(&site.program, "grace", "new"), 200, "it removed no other");
    users(&["remove", "grace"], "");
    assert_eq!(status(&site.program, "grace", "new"), 401);

    let rules = "acl:\n  - {match: {account: ada, name: \"team/*\"}, actions: [pull]}\n  - {match: {}, actions: []}\n";
    site.operator.write("rules.yml", rules);
    assert_eq!(
        site.operator.answer(&["acl", "import", FILE, "rules.yml"], ""),
        "2 rules in place of 0\n"
    );
    assert_eq!(site.operator.answer(&["acl", "export", FILE], ""), rules);
    site.wait_until_granted("team/app", &json!(["pull"]));
    let moved = site.operator.answer(&["acl", "move", FILE, "20", "--first"], "");
    assert_eq!(
        moved,
        "10  {match: {}, actions: []}\n20  {match: {account: ada, name: \"team/*\"}, actions: [pull]}\n"
    );
    site.wait_until_granted("team/app", &json!([]));
    assert_eq!(
        site.operator.answer(&["acl", "test", FILE], ""),
        "2 rules, nothing wrong\n"
    );
    assert_eq!(
        site.acl().unique_fields(),
        ["seq"],
        "the new list has the index of the old one"
    );
    let told = site
        .operator
        .answer(&["check", "--listen", "none", FILE, "--connect"], "");
    assert!(told.contains("`acl_mongo` answers\n`mongo_auth` answers\n"), "{told}");
}
