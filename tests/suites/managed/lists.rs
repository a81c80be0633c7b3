//! Rules that a database holds, in the filter: they cost no question, and what the database tells counts at once.

use registry_auth_core::authn::hash::Hash;
use registry_auth_tests::databases::Postgres;
use registry_auth_tests::sidecar::Site;

use crate::*;

const DECIDE: &str = "wasmcustom.registry_auth.callouts.of.decide.result.answered";

fn section(server: &Postgres) -> Value {
    json!({"database_type": "postgres", "conn_string": server.conn_string("sslmode=disable")})
}

/// bcrypt of the lowest cost.
fn hash_of(password: &str) -> String {
    let hash = Hash::bcrypt(password.as_bytes(), 4, [7; 16]).expect("a hash");
    hash.to_text().expose().clone()
}

#[track_caller]
fn wait_until_granted(proxy: &mut Proxy, scope: &str, granted: &Value) {
    proxy.envoy.wait_until(&format!("{granted} for {scope}"), |envoy| {
        let answer = ask(envoy, "ada", "ada-secret", scope);
        (answer.status == 200 && claims(&answer).1 == *granted).then_some(())
    });
}

#[test]
fn rules_of_a_table_decide_in_the_filter_and_ask_nobody() {
    let server = Postgres::start();
    let mut config = config();
    config["acl_xorm"] = section(&server);
    config["acl_xorm"]["cache_ttl"] = json!("1s");
    let site = Site::new(&config);
    let mut program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));
    server.sql(
        r#"INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES (1, '{"Match":{"account":"ada","name":"team/*"},"Actions":["push"]}')"#,
    );
    let scope = "repository:team/app:pull,push";
    wait_until_granted(&mut proxy, scope, &json!({"team/app": ["push"]}));
    assert_eq!(proxy.envoy.counter(DECIDE), 0, "nobody was asked");
    proxy.envoy.wait_until("the record names the row", |envoy| {
        let records = envoy.audit_lines();
        let named =
            |record: &Value| record["scopes"][0]["comment"] == "acl_xorm seq 1" && record["scopes"][0]["rule"] == 3;
        records.iter().any(named).then_some(())
    });

    // While the database is away, and with another configuration that has the same list, the rules go on deciding.
    drop(server);
    config["token"]["expiration"] = json!(901);
    site.configure(&config);
    program.wait_for_log("cannot be read, and the last good one stays");
    wait_until_granted(&mut proxy, scope, &json!({"team/app": ["push"]}));
    assert_eq!(proxy.envoy.counter(DECIDE), 0);
    proxy.assert_at_rest("rules of a table");
}

#[test]
fn what_a_database_tells_of_accounts_ends_what_is_remembered_of_them() {
    let server = Postgres::start();
    let mut config = config();
    config["xorm_auth"] = section(&server);
    config["cache"] = json!({"decisions_ttl": "1h"});
    let site = Site::new(&config);
    let mut program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));
    program.wait_for_log("made the table `xorm_user`");
    server.sql(&format!(
        "INSERT INTO xorm_user (username, password_hash) VALUES ('grace', '{}')",
        hash_of("old")
    ));
    let status = |envoy: &Envoy, password: &str| ask(envoy, "grace", password, "repository:public/app:pull").status;
    assert_eq!(status(&proxy.envoy, "old"), 200);
    server.sql(&format!("UPDATE xorm_user SET password_hash = '{}'", hash_of("new")));
    assert_eq!(status(&proxy.envoy, "old"), 200, "it is remembered for an hour");
    assert_eq!(status(&proxy.envoy, "new"), 200);
    proxy.envoy.wait_until("the old password is forgotten", |envoy| {
        server.sql("NOTIFY registry_auth");
        (status(envoy, "old") == 401).then_some(())
    });
    assert_eq!(status(&proxy.envoy, "new"), 200);
    proxy.assert_at_rest("a notification");
}
