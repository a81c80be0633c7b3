//! Resident memory of Envoy, with and without the filter.

use serde_json::{Map, Value, json};

use super::load::{Question, requests_per_second};
use super::report::Report;
use super::scenarios::{few, new_accounts, with};
use crate::certificates::{Algorithm, Certified};
use crate::envoy::Envoy;
use crate::http;

const MB: f64 = 1_000_000.0;
/// Further workers that are weighed at once.
const FURTHER: u32 = 4;
#[track_caller]
pub(super) fn measure(report: &mut Report) {
    let key = Certified::self_signed(Algorithm::Es256);
    let config = ten(&key);
    let weighed = |setup: crate::envoy::Setup, workers: u32| {
        let envoy = setup.signed_by(&key).concurrency(workers).start();
        // Each worker has answered something by then.
        for _ in 0..workers * 20 {
            http::get(&format!("{}/token?service=registry", envoy.url()), &[]);
        }
        settled(&envoy)
    };
    let without = weighed(Envoy::as_shipped().direct_response(100), 1);
    let one = weighed(Envoy::standalone(&config), 1);
    let more = weighed(Envoy::standalone(&config), 1 + FURTHER);
    report.at_most("memory_first_mb", one - without, 30.0);
    report.at_most("memory_worker_mb", (more - one) / f64::from(FURTHER), 5.0);
    report.at_most("memory_growth_mb", growth(&key), 2.0);
}

/// What is added from request 200,000, when every table is full, to request 1,000,000, with 100,000 accounts.
#[track_caller]
fn growth(key: &Certified) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let accounts: Map<String, Value> = (0..100_000).map(|i| (format!("new-{i}"), json!({}))).collect();
    let config = with(ten(key), "users", accounts.into());
    let envoy = Envoy::standalone(&config).signed_by(key).start();
    let question = Question {
        script: Some(new_accounts(0, 100_000).script()),
        ..Question::new(envoy.url(), None)
    };
    let answered = || envoy.counter("wasmcustom.registry_auth.token_requests.result.issued");
    let until = |count: u64| {
        while answered() < count {
            // Its program takes a second to begin.
            requests_per_second(&question, 15, folder.path());
        }
        settled(&envoy)
    };
    let full = until(200_000);
    until(1_000_000) - full
}

fn settled(envoy: &Envoy) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some hundred megabytes")]
    let bytes = envoy.resident_bytes_at_rest() as f64;
    bytes / MB
}

/// Ten rules and ten users.
fn ten(key: &Certified) -> Value {
    let users: Map<String, Value> = (0..9).map(|i| (format!("new-{i}"), json!({}))).collect();
    let mut users = Value::from(users);
    users[""] = json!({});
    let rule = |i: usize| json!({"match": {"name": format!("home-{i}/${{account}}/*")}, "actions": ["pull"]});
    with(with(few(key), "users", users), "acl", (0..10).map(rule).collect())
}
