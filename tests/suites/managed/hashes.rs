//! Hashes that would hold a worker up are the program's to compute.

use registry_auth_tests::http::upstream::{ANSWER, Upstream};
use registry_auth_tests::sidecar::Site;

use crate::*;

/// So many accounts with a dear hash.
const ACCOUNTS: usize = 12;

fn dear(number: usize) -> String {
    format!("dear-{number}")
}

fn dear_config() -> Value {
    let mut config = config();
    for number in 0..ACCOUNTS {
        config["users"][dear(number)] = json!({"password": keys::ADA_SECRET_COST_10});
    }
    // All clients are at one address, and share its time.
    config["throttle"] = json!({"hash_share": 1.0});
    config
}

const SCOPE: &str = "repository:public/app:pull";

#[test]
fn a_worker_answers_others_while_the_program_computes() {
    let site = Site::new(&dear_config());
    let program = site.start();
    let registry = Upstream::start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()).registry(registry.port()));
    let hashed = proxy.envoy.counter("wasmcustom.registry_auth.hashes");
    // The program computes nothing now, so that what is answered was not waited for.
    program.hang();
    let sent: Vec<_> = (0..ACCOUNTS)
        .map(|number| get(&dear(number), "ada-secret", SCOPE))
        .collect();
    let mut logins = send_all(proxy.port(), &sent);
    proxy.envoy.wait_until("all are asked about", |envoy| {
        (envoy.counter("wasmcustom.registry_auth.callouts.in_flight") == ACCOUNTS as u64).then_some(())
    });
    for _ in 0..50 {
        let answer = http::get(&format!("{}/v2/", proxy.envoy.url()), &[]);
        assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER));
        assert_eq!(ask_as_ada(&proxy.envoy).status, 200);
    }
    for login in &mut logins {
        assert!(
            login.answer_within(Duration::from_millis(1)).is_none(),
            "nobody computed it"
        );
    }
    program.go_on();
    for (number, mut login) in logins.into_iter().enumerate() {
        let answer = login.answer().expect("an answer");
        assert_granted(
            &answer,
            &dear(number),
            &json!({"public/app": ["pull"]}),
            "the program goes on",
        );
    }
    assert_eq!(
        proxy.envoy.counter("wasmcustom.registry_auth.hashes"),
        hashed,
        "computed on the worker"
    );
    proxy.assert_at_rest("logins");
}

#[test]
fn a_wrong_password_is_refused_and_a_right_one_remembered() {
    let site = Site::new(&dear_config());
    let program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));
    assert_error(&ask(&proxy.envoy, &dear(0), "wrong", SCOPE), 401, "UNAUTHORIZED");
    // An account that there is not takes as long, by the same way.
    let verified = "wasmcustom.registry_auth.callouts.of.verify.result.answered";
    let before = proxy.envoy.counter(verified);
    assert_error(&ask(&proxy.envoy, "nobody", "ada-secret", SCOPE), 401, "UNAUTHORIZED");
    assert_eq!(proxy.envoy.counter(verified), before + 1);
    for _ in 0..10 {
        let answer = ask(&proxy.envoy, &dear(1), "ada-secret", SCOPE);
        assert_granted(&answer, &dear(1), &json!({"public/app": ["pull"]}), "a right password");
    }
    assert_eq!(proxy.envoy.counter(verified), before + 2, "it is remembered");
    // The wrong one too: nobody is asked again.
    assert_error(&ask(&proxy.envoy, &dear(0), "wrong", SCOPE), 401, "UNAUTHORIZED");
    assert_eq!(proxy.envoy.counter(verified), before + 2);
    // Who is remembered needs no program; who is not is told so.
    program.kill();
    assert_eq!(ask(&proxy.envoy, &dear(1), "ada-secret", SCOPE).status, 200);
    assert_error(&ask(&proxy.envoy, &dear(2), "ada-secret", SCOPE), 503, "UNAVAILABLE");
    proxy.assert_at_rest("the program was killed");
}

#[test]
fn equal_logins_under_way_cost_one_hash() {
    let site = Site::new(&dear_config());
    let program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));
    let before = program.metric("registry_auth_hashes_total");
    program.hang();
    let count = 20_u64;
    let sent: Vec<_> = (0..count).map(|_| get(&dear(3), "ada-secret", SCOPE)).collect();
    let logins = send_all(proxy.port(), &sent);
    proxy.envoy.wait_until("the login is asked about", |envoy| {
        (envoy.counter("wasmcustom.registry_auth.callouts.in_flight") > 0).then_some(())
    });
    program.go_on();
    for mut login in logins {
        let answer = login.answer().expect("an answer");
        assert_granted(&answer, &dear(3), &json!({"public/app": ["pull"]}), "equal logins");
    }
    let computed = program.metric("registry_auth_hashes_total") - before;
    assert!(
        (1..count / 2).contains(&computed),
        "{computed} hashes for {count} equal logins"
    );
    proxy.assert_at_rest("equal logins");
}
