//! Logins that a back-end decides, each time anew, beside the same client crate in a loop by itself; and rules from a
//! database, beside the same rules in the file.
//!
//! `registry-auth` and the loop take turns on one core, the server and the load are on another. The server's time is in both.

mod servers;

use std::any::Any;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::load::{Accounts, Question, SECONDS, ask_from_core, best_rates};
use super::managed;
use super::report::Report;
use super::scenarios::{asked, many_rules, with};
use crate::certificates::{Algorithm, Certified};
use crate::databases::Postgres;
use crate::process::{on_core, run};
use crate::sidecar::{Setup, Sidecar};
use crate::token::{part, token};
use crate::{http, keys, parts};

/// Where the program and the loop are.
const ASKING: u32 = 0;
/// Where the server and the load are.
const SERVING: u32 = 1;
/// Of the load, of the loop, and of `parallel` where nothing else is said.
const CONNECTIONS: usize = 16;
/// Enough that no two of [`CONNECTIONS`] ask for the same one at a time, which would be computed once.
const ACCOUNTS: Accounts = Accounts {
    prefix: "bench",
    password: "bench-secret",
    home: 0,
    count: 500,
};
const RULES: usize = 10_000;

/// A server with [`ACCOUNTS`], and how it is asked.
struct Asked {
    /// The back-end's section.
    section: (&'static str, Value),
    /// What the loop is told: the kind, the address, and what it wants to know behind the rest.
    kind: &'static str,
    address: String,
    rest: Vec<String>,
    /// Keeps it running.
    _server: Box<dyn Any>,
}

/// Starts a server.
type Start = fn() -> Asked;

/// Each back-end: the name of its number, who starts it, and what is to be reached.
const BACKENDS: [(&str, Start, f64); 5] = [
    ("ldap_logins", servers::ldap, 0.6),
    ("postgres_logins", servers::postgres, 0.7),
    ("mariadb_logins", servers::mariadb, 0.7),
    ("sqlite_logins", servers::sqlite, 0.7),
    ("mongo_logins", servers::mongo, 0.7),
];

#[track_caller]
pub(super) fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, start, reach) in BACKENDS {
        logins(report, name, &start(), reach, &folder);
    }
}

/// The better of two rates of each, in turns.
#[track_caller]
fn logins(report: &mut Report, name: &'static str, asked: &Asked, reach: f64, folder: &TempDir) {
    let program = serve(asked).start();
    let question = Question {
        script: Some(ACCOUNTS.script_of_clients()),
        ..Question::new(program.url(), None)
    };
    let [mut ours, mut theirs] = [0.0_f64; 2];
    for _ in 0..2 {
        let rate = ask_from_core(SERVING, &question, SECONDS, folder.path()).per_second;
        let alone = in_a_loop(asked);
        println!("{name:28} {rate:>9.0}/s, {alone:.0}/s in a loop");
        (ours, theirs) = (ours.max(rate), theirs.max(alone));
    }
    report.ratio(name, ours / theirs, reach, ours);
}

fn serve(asked: &Asked) -> Setup {
    let (key, section) = asked.section.clone();
    let rule = json!({"match": {"name": "home-0/${account}/*"}, "actions": ["pull"]});
    let config = json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256, "certificate": keys::ES256_CERTIFICATE},
        "cache": {"tokens": false, "decisions_ttl": "0s", "credentials_ttl": "0s"},
        "throttle": false,
        // One address gets half of the time for hashes at most; accounts come from many.
        "server": {"trusted_proxies": ["127.0.0.1/32"]},
        "acl": [rule],
        key: section,
    });
    let setup = Sidecar::with(&config).program(parts::program_for_benches());
    setup.on_core(ASKING).without_records()
}

/// Lookups a second by the client crate alone.
#[track_caller]
fn in_a_loop(asked: &Asked) -> f64 {
    let mut command: Command = on_core(ASKING, parts::lookups());
    command.args([asked.kind, &asked.address]);
    command.args([SECONDS.to_string(), CONNECTIONS.to_string(), ACCOUNTS.count.to_string()]);
    command.arg(ACCOUNTS.password).args(&asked.rest);
    let told = run(&command, Duration::from_secs(SECONDS + 30)).ok().stdout;
    told.trim()
        .parse()
        .unwrap_or_else(|_| panic!("the loop told no rate: {told}"))
}

/// Tokens from a filter whose rules come from a database, beside one that has them from the file.
#[track_caller]
pub(super) fn rules(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = Certified::self_signed(Algorithm::Es256);
    let robot = format!("robot-{}", RULES - 1);
    let from_file = many_rules(&key, RULES, std::slice::from_ref(&robot));
    let server = Postgres::start();
    servers::fill_rules(&server, &from_file["acl"]);
    let acl_xorm = json!({"database_type": "postgres", "conn_string": server.conn_string("sslmode=disable")});
    let from_database = with(with(from_file.clone(), "acl", json!([])), "acl_xorm", acl_xorm);
    let filters = [&from_file, &from_database].map(|config| managed::start(config, &key, |setup| setup));
    let question = |filter: &managed::Managed| {
        let authorization = Some(http::basic(&robot, ""));
        Question::new(
            asked(&filter.envoy, &format!("robots/{}/app", RULES - 1)),
            authorization,
        )
    };
    for filter in &filters {
        // A scope that nothing grants is answered 200 as well.
        let Question { url, authorization, .. } = question(filter);
        let answer = http::get(&url, &[("authorization", &authorization.unwrap_or_default())]);
        let granted = &part(&token(&answer), 1)["access"][0]["actions"];
        assert_eq!(*granted, json!(["pull", "push"]), "by the last rule");
    }
    let questions = [
        ("rules of the file", question(&filters[0])),
        ("rules of a database", question(&filters[1])),
    ];
    let [file, database] = best_rates(SERVING, &questions, folder.path());
    report.ratio("acl_from_database", database / file, 0.95, database);
}
