//! The servers that are asked, each with all accounts in it.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use registry_auth_core::authn::hash::Hash;
use serde_json::{Value, json};

use super::{ACCOUNTS, Asked, SERVING};
use crate::databases::{MariaDb, Mongo, Postgres};
use crate::ldap::{READER, READER_PASSWORD, SUFFIX, Slapd};
use crate::parts;
use crate::process::{move_to_core, run_with_input};

/// The hash's work where `registry-auth` computes it.
const COST: u32 = 4;
/// Rows in one statement.
const ROWS: usize = 500;

#[track_caller]
pub(super) fn ldap() -> Asked {
    let people = (0..ACCOUNTS.count).fold(String::new(), |mut people, number| {
        let (name, password) = (format!("{}-{number}", ACCOUNTS.prefix), ACCOUNTS.password);
        let _ = write!(
            people,
            "dn: uid={name},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\
             userPassword: {password}\n\n"
        );
        people
    });
    let slapd = Slapd::quiet_with(&people);
    move_to_core(SERVING, slapd.process_id());
    let base = format!("ou=people,{SUFFIX}");
    Asked {
        section: (
            "ldap_auth",
            json!({
                "addr": slapd.url(),
                "bind_dn": READER,
                "bind_password_file": slapd.password_file(),
                "base": base,
                "filter": "(&(uid=${account})(objectClass=person))",
                "labels": {"groups": {"attribute": "memberOf", "parse_cn": true}},
            }),
        ),
        kind: "ldap",
        address: slapd.url(),
        rest: vec![base, READER.to_owned(), READER_PASSWORD.to_owned()],
        _server: Box::new(slapd),
    }
}

#[track_caller]
pub(super) fn postgres() -> Asked {
    let server = Postgres::start();
    move_to_core(SERVING, server.process_id());
    server.sql(
        "CREATE TABLE xorm_user (id BIGSERIAL PRIMARY KEY NOT NULL, username VARCHAR(128) NOT NULL, \
         password_hash VARCHAR(128) NOT NULL, labels JSON NULL)",
    );
    server.sql(&accounts());
    Asked {
        section: xorm("postgres", &server.conn_string("sslmode=disable")),
        kind: "postgres",
        address: server.url("sslmode=disable"),
        rest: Vec::new(),
        _server: Box::new(server),
    }
}

#[track_caller]
pub(super) fn mariadb() -> Asked {
    let server = MariaDb::start();
    move_to_core(SERVING, server.process_id());
    server.sql(
        "CREATE TABLE xorm_user (id BIGINT(20) PRIMARY KEY AUTO_INCREMENT NOT NULL, username VARCHAR(128) NOT NULL, \
         password_hash VARCHAR(128) NOT NULL, labels TEXT NULL)",
    );
    server.sql(&accounts());
    Asked {
        section: xorm("mysql", &server.conn_string("")),
        kind: "mysql",
        address: server.url(),
        rest: Vec::new(),
        _server: Box::new(server),
    }
}

#[track_caller]
pub(super) fn sqlite() -> Asked {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("accounts.db").display().to_string();
    let table = "CREATE TABLE xorm_user (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, username TEXT NOT NULL, \
                 password_hash TEXT NOT NULL, labels TEXT NULL);";
    let mut sqlite = Command::new(parts::system("sqlite3"));
    sqlite.arg(&file);
    let _ = run_with_input(&sqlite, &format!("{table}{}", accounts()), Duration::from_secs(30)).ok();
    Asked {
        section: xorm("sqlite3", &file),
        kind: "sqlite",
        address: format!("sqlite:{file}"),
        rest: Vec::new(),
        _server: Box::new(folder),
    }
}

#[track_caller]
pub(super) fn mongo() -> Asked {
    let server = Mongo::start();
    move_to_core(SERVING, server.process_id());
    let accounts = hashes().enumerate().map(|(number, hash)| {
        let name = format!("{}-{number}", ACCOUNTS.prefix);
        json!({"username": name, "password": hash})
    });
    server.collection("users").insert_all(&accounts.collect::<Vec<_>>());
    Asked {
        section: (
            "mongo_auth",
            json!({"dial_info": server.dial_info(), "collection": "users"}),
        ),
        kind: "mongo",
        address: server.url(""),
        rest: Vec::new(),
        _server: Box::new(server),
    }
}

fn xorm(database_type: &str, conn_string: &str) -> (&'static str, Value) {
    (
        "xorm_auth",
        json!({"database_type": database_type, "conn_string": conn_string}),
    )
}

/// One for each account, with a salt of its own, so that no two logins are one computation.
fn hashes() -> impl Iterator<Item = String> {
    (0..ACCOUNTS.count).map(|number| {
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&number.to_be_bytes());
        let hash = Hash::bcrypt(ACCOUNTS.password.as_bytes(), COST, salt).expect("a cost that there is");
        hash.to_text().expose().clone()
    })
}

/// All accounts.
fn accounts() -> String {
    let row = |(number, hash)| format!("('{}-{number}', '{hash}', NULL)", ACCOUNTS.prefix);
    let rows: Vec<String> = hashes().enumerate().map(row).collect();
    inserted("xorm_user (username, password_hash, labels)", &rows)
}

/// Makes docker_auth's table of these rules.
#[track_caller]
pub(super) fn fill_rules(server: &Postgres, rules: &Value) {
    server.sql("CREATE TABLE xorm_acl_entry (acl_entry JSON NULL, seq BIGINT NULL)");
    let rules = rules.as_array().expect("a list of rules");
    let row = |(seq, rule): (usize, &Value)| format!("('{}', {seq})", rule.to_string().replace('\'', "''"));
    let rows: Vec<String> = rules.iter().enumerate().map(row).collect();
    server.sql(&inserted("xorm_acl_entry (acl_entry, seq)", &rows));
}

fn inserted(into: &str, rows: &[String]) -> String {
    let statements = rows
        .chunks(ROWS)
        .map(|rows| format!("INSERT INTO {into} VALUES {};", rows.join(", ")));
    statements.collect::<Vec<_>>().join("\n")
}
