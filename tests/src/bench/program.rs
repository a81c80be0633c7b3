//! The program `registry-auth` as a token server of its own, without Envoy: the program on one core, its load on another.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::load::{Accounts, Question, ask_from_core, best_rates};
use super::report::Report;
use super::scenarios::with;
use crate::sidecar::Sidecar;
use crate::{http, keys, parts};

/// Where the program is, and where its clients are.
const CORES: [u32; 2] = [0, 1];
/// How many requests the program has answered when it is weighed.
const REQUESTS: u64 = 1_000_000;
const MB: f64 = 1_000_000.0;

#[track_caller]
pub(super) fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let remembering = start(&config());
    let signing = start(&with(config(), "cache", json!({"tokens": false})));
    let ada = Some(http::basic("ada", "ada-secret"));
    let anonymous = asking(&remembering, "public/app", None);
    let remembered = asking(&remembering, "ada/app", ada);
    let fixed = |question: &Question| {
        let url = format!("{}/bench/fixed?bytes={}", remembering.url(), answer_length(question));
        Question::new(url, None)
    };
    let questions = [
        ("serve_fixed", fixed(&remembered)),
        ("serve_fixed, as anonymous", fixed(&anonymous)),
        ("serve_anonymous", anonymous),
        ("serve_remembered", remembered),
        ("serve_signed", asking(&signing, "public/app", None)),
    ];
    let [fixed, fixed_as_anonymous, anonymous, remembered, signed] = best_rates(CORES[1], &questions, folder.path());
    report.put("serve_fixed", fixed);
    report.ratio("serve_anonymous", anonymous / fixed_as_anonymous, 0.70, anonymous);
    report.ratio("serve_remembered", remembered / fixed, 0.60, remembered);
    report.rate("serve_signed", signed, 24_000.0);
    drop((remembering, signing));
    report.at_most("sidecar_rss_mb", resident_mb(folder.path()), 60.0);
}

/// What the program holds when 100,000 accounts have asked ten times each.
#[track_caller]
fn resident_mb(folder: &Path) -> f64 {
    let accounts = Accounts {
        prefix: "bench",
        password: "bench",
        home: 0,
        count: 100_000,
    };
    let users: Map<String, Value> = (0..1_000)
        .map(|user| (format!("user-{user}"), json!({"password": keys::ADA_SECRET})))
        .collect();
    let config = with(config(), "users", users.into());
    let config = with(config, "bench_auth", json!({"accounts": accounts.count}));
    let rule = json!({"match": {"name": "home-0/${account}/*"}, "actions": ["pull"]});
    let program = start(&with(config, "acl", json!([rule])));
    let question = Question {
        script: Some(accounts.script()),
        ..Question::new(program.url(), None)
    };
    let mut answered = 0;
    while answered < REQUESTS {
        // Its script takes a second to begin.
        answered += ask_from_core(CORES[1], &question, 15, folder).count;
    }
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let bytes = program.resident_bytes() as f64;
    println!("sidecar: {:.1} MB after {answered} requests", bytes / MB);
    bytes / MB
}

#[track_caller]
fn start(config: &Value) -> Sidecar {
    let setup = Sidecar::with(config).program(parts::program_for_benches());
    setup.on_core(CORES[0]).without_records().start()
}

fn asking(program: &Sidecar, repository: &str, authorization: Option<String>) -> Question {
    let scope = format!("repository:{repository}:pull,push");
    Question::new(
        format!("{}/token?service=registry&scope={scope}", program.url()),
        authorization,
    )
}

/// How long the answer with a token is.
#[track_caller]
fn answer_length(question: &Question) -> usize {
    let authorization = question.authorization.as_deref();
    let headers: Vec<_> = authorization
        .map(|value| ("authorization", value))
        .into_iter()
        .collect();
    let answer = http::get(&question.url, &headers);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body.len()
}

/// A few users and rules.
fn config() -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256, "certificate": keys::ES256_CERTIFICATE},
        "users": {"ada": {"password": keys::ADA_SECRET}, "": {}},
        "acl": [
            {"match": {"account": "?*", "name": "${account}/*"}, "actions": ["*"]},
            {"match": {"name": "public/*"}, "actions": ["pull"]},
        ],
    })
}
