//! Requests a second, each beside those of the module that decides nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::load::{Accounts, Question, SECONDS, requests_per_second};
use super::report::Report;
use crate::certificates::{Algorithm, Certified};
use crate::envoy::{Envoy, EnvoyRelease, Setup};
use crate::{http, keys, parts};

/// Accounts of which each asks once.
const ACCOUNTS: usize = 200_000;

/// An Envoy and what it is asked.
struct Scenario {
    name: &'static str,
    envoy: Envoy,
    question: Question,
}

#[track_caller]
pub(super) fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = Certified::self_signed(Algorithm::Es256);
    let length = answer_length(&key);
    println!("an answer has {length} bytes");
    let rates = rates(&all(&key, length, report), folder.path());
    let of = |name: &str| rates[name];
    for name in ["direct_response", "noop_bare", "noop"] {
        report.put(name, of(name));
    }
    for (name, over, reach) in [
        ("anonymous", "noop", 0.85),
        ("remembered", "noop", 0.85),
        ("signed", "noop", 0.45),
        ("signed_in_module", "noop_without_sign", 0.15),
        ("rules_10000", "rules_10", 0.80),
        ("rules_10000_new_accounts", "rules_10_new_accounts", 0.40),
        ("users_100000", "users_10", 0.90),
    ] {
        report.ratio(name, of(name) / of(over), reach, of(name));
    }
    report.ratio(
        "remembered_over_bare",
        of("remembered") / of("noop_bare"),
        0.65,
        of("remembered"),
    );
}

/// How long the answer with a token for `ada` is.
#[track_caller]
pub(super) fn answer_length(key: &Certified) -> usize {
    let envoy = start(Envoy::standalone(&few(key)), key);
    let answer = http::get(
        &asked(&envoy, "ada/app"),
        &[("authorization", &http::basic("ada", "ada-secret"))],
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().len()
}

#[track_caller]
fn all(key: &Certified, length: usize, report: &mut Report) -> Vec<Scenario> {
    let noop = |way: &str, release| {
        let setup = Envoy::standalone(&json!(format!("{way} {length}"))).as_text();
        let envoy = setup.release(release).module_file(&parts::noop()).start();
        let question = Question::new(envoy.url() + "/token", None);
        (envoy, question)
    };
    let ada = Some(http::basic("ada", "ada-secret"));
    let uncached = with(few(key), "cache", json!({"tokens": false}));
    let scenario = |name, (envoy, question)| Scenario { name, envoy, question };
    let asking = |envoy: Envoy, repository: &str, authorization| {
        let question = Question::new(asked(&envoy, repository), authorization);
        (envoy, question)
    };
    let current = |config: &Value| start(Envoy::standalone(config), key);
    let direct = start(Envoy::as_shipped().direct_response(length), key);
    let mut scenarios = vec![
        scenario("direct_response", asking(direct, "ada/app", None)),
        scenario("noop_bare", noop("bare", EnvoyRelease::Current)),
        scenario("noop", noop("calls", EnvoyRelease::Current)),
        scenario("anonymous", asking(current(&few(key)), "public/app", None)),
        scenario("remembered", asking(current(&few(key)), "ada/app", ada.clone())),
        scenario("signed", asking(current(&uncached), "ada/app", ada.clone())),
        scenario("noop_without_sign", noop("calls", EnvoyRelease::Oldest)),
        scenario("signed_in_module", {
            let envoy = start(Envoy::standalone(&uncached).release(EnvoyRelease::Oldest), key);
            asking(envoy, "ada/app", ada)
        }),
    ];
    for (name, count) in [("rules_10", 10), ("rules_10000", 10_000)] {
        let last = count - 1;
        let envoy = current(&many_rules(key, count, &[format!("robot-{last}")]));
        if count > 10 {
            report.configured("10,000 rules", &envoy);
        }
        let robot = Some(http::basic(&format!("robot-{last}"), ""));
        scenarios.push(scenario(name, asking(envoy, &format!("robots/{last}/app"), robot)));
    }
    let accounts: Vec<String> = (0..ACCOUNTS).map(|number| format!("new-{number}")).collect();
    for (name, count) in [("rules_10_new_accounts", 10), ("rules_10000_new_accounts", 10_000)] {
        let envoy = current(&many_rules(key, count, &accounts));
        // The last rule with a variable: all before it are passed by, and its pattern is another one for each account.
        let home = (0..count).rev().find(|rule| rule % 3 == 1).unwrap_or_default();
        let question = Question {
            script: Some(new_accounts(home, ACCOUNTS).script()),
            ..Question::new(envoy.url(), None)
        };
        scenarios.push(scenario(name, (envoy, question)));
    }
    for (name, count) in [("users_10", 10), ("users_100000", 100_000)] {
        let envoy = current(&many_users(key, count));
        if count > 10 {
            report.configured("100,000 users", &envoy);
        }
        let user = Some(http::basic("user-7", "ada-secret"));
        scenarios.push(scenario(name, asking(envoy, "user-7/app", user)));
    }
    scenarios
}

fn rates(scenarios: &[Scenario], folder: &Path) -> BTreeMap<&'static str, f64> {
    let mut best = BTreeMap::new();
    for _ in 0..2 {
        for Scenario { name, envoy, question } in scenarios {
            let rate = requests_per_second(question, SECONDS, folder);
            println!("{name:28} {rate:>9.0}/s  {:>5} MB", envoy.resident_bytes() / 1_000_000);
            let known: &mut f64 = best.entry(*name).or_default();
            *known = known.max(rate);
        }
    }
    best
}

pub(super) fn asked(envoy: &Envoy, repository: &str) -> String {
    format!(
        "{}/token?service=registry&scope=repository:{repository}:pull,push",
        envoy.url()
    )
}

#[track_caller]
fn start(setup: Setup, key: &Certified) -> Envoy {
    setup.signed_by(key).start()
}

/// A few users and rules.
pub(super) fn few(_: &Certified) -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key_env": "TOKEN_KEY", "certificate_env": "TOKEN_CERTIFICATE"},
        "users": {"ada": {"password": keys::ADA_SECRET}, "": {}},
        "acl": [
            {"match": {"account": "?*", "name": "${account}/*"}, "actions": ["*"]},
            {"match": {"name": "public/*"}, "actions": ["pull"]},
        ],
    })
}

pub(super) fn with(mut config: Value, key: &str, value: Value) -> Value {
    config[key] = value;
    config
}

/// Rules of three kinds in turn, and accounts without a password.
pub(super) fn many_rules(key: &Certified, count: usize, accounts: &[String]) -> Value {
    let rule = |i: usize| {
        let matches = match i % 3 {
            0 => json!({"account": format!("robot-{i}"), "name": format!("robots/{i}/*")}),
            1 => json!({"account": "?*", "name": format!("home-{i}/${{account}}/*")}),
            _ => json!({"account": format!("/^team-{i}-.+$/"), "name": format!(r"/^team-{i}\/(app|lib)-[0-9]+$/")}),
        };
        json!({"match": matches, "actions": ["*"]})
    };
    let users: Map<String, Value> = accounts.iter().map(|account| (account.clone(), json!({}))).collect();
    let config = with(few(key), "acl", (0..count).map(rule).collect());
    with(with(config, "users", users.into()), "cache", json!({"tokens": false}))
}

fn many_users(key: &Certified, count: usize) -> Value {
    let user = |i: usize| (format!("user-{i}"), json!({"password": keys::ADA_SECRET}));
    let users: Map<String, Value> = (0..count).map(user).collect();
    with(few(key), "users", users.into())
}

/// Accounts without a password, from `new-0` on.
pub(super) fn new_accounts(home: usize, count: usize) -> Accounts {
    Accounts {
        prefix: "new",
        password: "",
        home,
        count,
    }
}

/// How long `on_configure` took at most, as the module logs it.
#[track_caller]
pub(super) fn configured_in(envoy: &Envoy) -> Duration {
    let log = envoy.log();
    let milliseconds = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once(", taken in ")?;
        rest.split_once(" ms")?.0.parse().ok()
    });
    Duration::from_millis(milliseconds.max().expect("the module logs how long it took"))
}
