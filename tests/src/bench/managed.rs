//! The filter that asks `registry-auth`, beside the filter by itself: Envoy on one core; the program, the registry and
//! the load on another.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::latency::{Beside, p99_added_ms, until};
use super::load::{Accounts, Question, best_rates};
use super::logins::log_in;
use super::report::Report;
use super::scenarios::{answer_length, asked, few, many_rules, with};
use crate::certificates::{Algorithm, Certified};
use crate::envoy::{Envoy, Setup};
use crate::process::{on_core, stay_on_core, wait_until};
use crate::sidecar::{Running, Site};
use crate::{http, keys, parts};

/// Where Envoy is.
const ENVOYS: u32 = 0;
/// Where all else is.
const OTHERS: u32 = 1;
/// Logins a second.
const LOGINS: u32 = 200;
/// A busy machine draws out a first configuration.
const LIMIT: Duration = Duration::from_secs(30);

#[track_caller]
pub(super) fn measure(report: &mut Report) {
    let key = Certified::self_signed(Algorithm::Es256);
    speed(&key, report);
    report.at_most("reload_v2_p99_added_ms", beside_reloads(&key), 0.5);
    report.at_most("logins_v2_p99_added_ms", beside_logins(&key), 0.5);
}

/// A filter and the program it asks.
pub(super) struct Managed {
    pub(super) envoy: Envoy,
    site: Arc<Site>,
    _program: Running,
}

#[track_caller]
fn speed(key: &Certified, report: &mut Report) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let length = answer_length(key);
    let ada = Some(http::basic("ada", "ada-secret"));
    let noop = Envoy::standalone(&json!(format!("calls {length}"))).as_text();
    let noop = noop.module_file(&parts::noop()).on_core(ENVOYS).start();
    let standalone = Envoy::standalone(&few(key)).signed_by(key).on_core(ENVOYS).start();
    let managed = start(&few(key), key, |setup| setup);
    let accounts = Accounts {
        prefix: "bench",
        password: "bench",
        home: 0,
        count: 100_000,
    };
    let deciding = start(&asking_for_each(key, &accounts), key, |setup| setup);
    let remembered = |envoy: &Envoy| Question::new(asked(envoy, "ada/app"), ada.clone());
    let questions = [
        ("noop, on its core", Question::new(noop.url() + "/token", None)),
        ("remembered, on its core", remembered(&standalone)),
        ("managed_remembered", remembered(&managed.envoy)),
        (
            "decide",
            Question {
                script: Some(accounts.script()),
                ..Question::new(deciding.envoy.url(), None)
            },
        ),
    ];
    let [noop, standalone, managed, decided] = best_rates(OTHERS, &questions, folder.path());
    report.ratio("managed_remembered", managed / standalone, 0.95, managed);
    report.ratio("decide", decided / noop, 0.25, decided);
}

/// Each account is known to an authenticator alone, and nothing of it is remembered.
fn asking_for_each(key: &Certified, accounts: &Accounts) -> Value {
    let rule = json!({"match": {"name": "home-0/${account}/*"}, "actions": ["pull"]});
    let config = with(few(key), "acl", json!([rule]));
    let config = with(config, "bench_auth", json!({"accounts": accounts.count}));
    let nothing = json!({"tokens": false, "decisions_ttl": "0s", "credentials_ttl": "0s"});
    with(with(config, "cache", nothing), "users", json!({}))
}

/// While one of 10,000 rules changes each second.
#[track_caller]
fn beside_reloads(key: &Certified) -> f64 {
    let (upstream, config) = (upstream(), many_rules(key, 10_000, &["ada".to_owned()]));
    let Managed { envoy, site, _program } = start(&config, key, |setup| setup.registry(upstream.port()));
    let taken = || envoy.counter("wasmcustom.registry_auth.configurations.result.taken");
    let (version, before) = (Arc::new(AtomicU32::new(0)), taken());
    let config = with(config, "token", token(key));
    let added = p99_added_ms(&envoy, "beside a change of a rule a second", oha, || {
        let (site, version, mut config) = (Arc::clone(&site), Arc::clone(&version), config.clone());
        Beside::start(move |stop| {
            stay_on_core(OTHERS);
            let begun = Instant::now();
            for number in 1_u32.. {
                // A pace, not a wait for something; in short steps, to see the end.
                while !until(begun, number, 1).is_zero() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    thread::sleep(until(begun, number, 1).min(Duration::from_millis(50)));
                }
                let version = version.fetch_add(1, Ordering::Relaxed);
                config["acl"][5_000]["match"]["name"] = json!(format!("version-{version}/*"));
                site.configure(&config);
            }
        })
    });
    let (changes, taken) = (version.load(Ordering::Relaxed), taken() - before);
    println!("{changes} changes of rules, taken {taken} times");
    assert!(taken > 0, "no change arrived: {}", envoy.log());
    added
}

/// Beside logins of which each costs a hash of bcrypt 10.
#[track_caller]
fn beside_logins(key: &Certified) -> f64 {
    let users: Map<String, Value> = (0..20_000_u32)
        .map(|user| (format!("user-{user}"), json!({"password": hash_of(user)})))
        .collect();
    let upstream = upstream();
    let managed = start(&with(few(key), "users", users.into()), key, |setup| {
        // Each login comes from another address.
        setup.registry(upstream.port()).trusted_hops(1)
    });
    let (port, next) = (managed.envoy.port(), Arc::new(AtomicU32::new(0)));
    let beside = format!("beside {LOGINS} logins a second");
    p99_added_ms(&managed.envoy, &beside, oha, || {
        let next = Arc::clone(&next);
        Beside::start(move |stop: &AtomicBool| {
            stay_on_core(OTHERS);
            log_in(port, LOGINS, &next, stop);
        })
    })
}

/// A hash of bcrypt 10 with a salt of its own, so that no two logins are one computation. No password fits, and to find
/// that out takes as long.
fn hash_of(user: u32) -> String {
    let (_, after_salt) = keys::ADA_SECRET_COST_10.split_at("$2b$10$".len() + 8);
    format!("$2b$10${user:08}{after_salt}")
}

fn oha() -> Command {
    on_core(OTHERS, parts::oha())
}

/// In the place of a registry.
#[track_caller]
fn upstream() -> Envoy {
    Envoy::as_shipped().direct_response(100).on_core(OTHERS).start()
}

/// Starts the program with `config`, signed by `key`, and a filter that asks it, and waits until that answers.
#[track_caller]
pub(super) fn start(config: &Value, key: &Certified, set: impl FnOnce(Setup) -> Setup) -> Managed {
    let site = Site::new(&with(config.clone(), "token", token(key)));
    let site = site.program(parts::program_for_benches()).on_core(OTHERS);
    let program = site.start();
    let envoy = set(Envoy::managed(&site.socket())).on_core(ENVOYS).start();
    let url = format!("{}/token?service=registry", envoy.url());
    let credentials = http::basic("nobody", "none");
    wait_until("the filter has its configuration", LIMIT, || {
        let answer = http::try_get(
            &url,
            &[("authorization", &credentials), ("x-forwarded-for", "10.255.0.1")],
        );
        answer.ok().filter(|answer| answer.status == 401)
    });
    Managed {
        envoy,
        site: Arc::new(site),
        _program: program,
    }
}

fn token(key: &Certified) -> Value {
    json!({"issuer": "registry-auth", "key": key.key(), "certificate": key.certificate()})
}
