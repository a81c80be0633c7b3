use std::time::Duration;

use serde_json::json;

use crate::*;

const ASK: &str = "/token?service=registry&scope=repository:ada/app:pull";
const HERE: &str = "192.0.2.7:4711";

fn attempt(module: &mut Module, account: &str, password: &str, address: &str) -> Reply {
    module.get(ASK).basic(account, password).source(address).send()
}

/// Five distinct wrong passwords.
fn fail_often(module: &mut Module, account: &str, address: &str) {
    for number in 0..5 {
        let reply = attempt(module, account, &format!("wrong {number}"), address);
        assert_eq!(reply.status, 401);
    }
}

#[test]
fn five_wrong_passwords_brake_an_account_at_an_address() {
    let mut module = start(config());
    fail_often(&mut module, "ada", HERE);
    let hashed = module.counter("registry_auth.hashes");
    let braked = attempt(&mut module, "ada", "ada-secret", HERE);
    assert_error(&braked, 429, "TOOMANYREQUESTS");
    assert_eq!(braked.header("retry-after"), Some("30"));
    assert_eq!(braked.header("www-authenticate"), None);
    assert_eq!(module.counter("registry_auth.hashes"), hashed, "no hash was computed");
    assert_eq!(module.counter("registry_auth.token_requests.result.braked"), 1);
    let record: Value = serde_json::from_str(braked.filter_state("registry_auth_audit").unwrap()).unwrap();
    assert_eq!(
        (&record["result"], &record["account"]),
        (&json!("braked"), &json!("ada"))
    );

    // From elsewhere, and for others from here, nothing changed.
    assert_eq!(attempt(&mut module, "ada", "ada-secret", "192.0.2.8:4711").status, 200);
    assert_eq!(attempt(&mut module, "open", "any", HERE).status, 200);
    assert_eq!(module.get(ASK).source(HERE).send().status, 200);

    module.advance(Duration::from_secs(30));
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 200);
    fail_often(&mut module, "ada", HERE);
}

#[test]
fn each_failure_after_a_brake_doubles_it() {
    let mut module = start(config());
    fail_often(&mut module, "ada", HERE);
    let mut last = 30;
    for (number, seconds) in [60, 120, 240, 480, 900, 900].into_iter().enumerate() {
        module.advance(Duration::from_secs(last));
        let wrong = attempt(&mut module, "ada", &format!("again {number}"), HERE);
        assert_eq!(wrong.status, 401);
        let braked = attempt(&mut module, "ada", "ada-secret", HERE);
        assert_eq!(braked.header("retry-after"), Some(seconds.to_string().as_str()));
        last = seconds;
    }
}

#[test]
fn a_remembered_password_does_not_pass_the_brake() {
    let mut module = start(config());
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 200);
    fail_often(&mut module, "ada", HERE);
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 429);
}

#[test]
fn a_stale_password_costs_one_hash_and_brakes_nobody() {
    let mut module = start(config());
    for _ in 0..20 {
        assert_eq!(attempt(&mut module, "ada", "stale", HERE).status, 401);
    }
    assert_eq!(module.counter("registry_auth.hashes"), 1);
    assert_eq!(module.counter("registry_auth.remembered.what.wrong_password"), 19);
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 200);
}

#[test]
fn a_password_that_became_right_is_right_at_once() {
    let other = "$2b$05$tHdN0GPWqkY1Sqwgni2.HewOKLYka8VIjc2c/Fnthzqk2DqhdL3Ry";
    let mut module = start(config_with("users.ada", json!({"password": other})));
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 401);
    module.reconfigure(config()).unwrap();
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 200);
}

#[test]
fn a_right_password_clears_its_pair() {
    let mut module = start(config());
    for round in 0..4 {
        for number in 0..4 {
            let wrong = attempt(&mut module, "ada", &format!("wrong {round} {number}"), HERE);
            assert_eq!(wrong.status, 401);
        }
        assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 200);
    }
}

#[test]
fn unknown_accounts_are_braked_alike() {
    let mut module = start(config());
    for account in ["ada", "nobody"] {
        fail_often(&mut module, account, HERE);
    }
    let [known, unknown] = ["ada", "nobody"].map(|account| attempt(&mut module, account, "x", HERE));
    assert_eq!(known.text(), unknown.text());
    assert_eq!((known.status, known.header("retry-after")), (429, Some("30")));
    assert_eq!((unknown.status, unknown.header("retry-after")), (429, Some("30")));
}

#[test]
fn an_ipv6_client_has_one_network() {
    let mut module = start(config());
    for number in 0..5 {
        let address = format!("[2001:db8::{number}]:1");
        assert_eq!(
            attempt(&mut module, "ada", &format!("wrong {number}"), &address).status,
            401
        );
    }
    assert_eq!(
        attempt(&mut module, "ada", "ada-secret", "[2001:db8::ffff]:1").status,
        429
    );
    assert_eq!(
        attempt(&mut module, "ada", "ada-secret", "[2001:db8:0:1::1]:1").status,
        200
    );
}

#[test]
fn all_workers_and_the_next_configuration_count_as_one() {
    let mut module = start(config());
    let mut other = module.worker();
    for number in 0..5 {
        let worker = if number % 2 == 0 { &mut module } else { &mut other };
        assert_eq!(attempt(worker, "ada", &format!("wrong {number}"), HERE).status, 401);
    }
    assert_eq!(attempt(&mut other, "ada", "ada-secret", HERE).status, 429);
    module
        .reconfigure(config_with("services", json!(["registry"])))
        .unwrap();
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 429);
}

#[test]
fn a_clock_set_back_by_an_hour_brakes_nobody_for_longer_and_loses_no_count() {
    let [braked, braked_too, not_yet] = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"];
    let mut module = start(config());
    let mut other = module.worker();
    for address in [braked, braked_too] {
        fail_often(&mut module, "ada", address);
    }
    for number in 0..4 {
        let wrong = attempt(&mut module, "ada", &format!("wrong {number}"), not_yet);
        assert_eq!(wrong.status, 401);
    }
    let before = claims(&attempt(&mut module, "ada", "ada-secret", HERE));

    module.set_back(Duration::from_hours(1));
    // Nobody gets a token that is not valid yet, and no brake is longer than it was.
    let after = claims(&attempt(&mut module, "ada", "ada-secret", HERE));
    assert_eq!((&before["iat"], &after["iat"]), (&json!(NOW), &json!(NOW - 3600)));
    assert_eq!(attempt(&mut other, "ada", "ada-secret", braked).status, 200);
    // One more failure doubles the one, and is the fifth of the other.
    for (address, seconds) in [(braked_too, "60"), (not_yet, "30")] {
        assert_eq!(attempt(&mut other, "ada", "one more", address).status, 401);
        for worker in [&mut module, &mut other] {
            let told = attempt(worker, "ada", "ada-secret", address);
            assert_eq!((told.status, told.header("retry-after")), (429, Some(seconds)));
        }
    }
    module.advance(Duration::from_mins(1));
    for address in [braked_too, not_yet] {
        assert_eq!(attempt(&mut other, "ada", "ada-secret", address).status, 200);
    }
}

#[test]
fn throttling_can_be_turned_off_and_set() {
    let mut module = start(config_with("throttle", json!(false)));
    fail_often(&mut module, "ada", HERE);
    assert_eq!(attempt(&mut module, "ada", "ada-secret", HERE).status, 200);
    assert_eq!(module.shared_keys().len(), 1, "the MACs' key alone");
    assert_eq!(module.counter("registry_auth.hashes"), 6);

    let settings = json!({"failures": 1, "brake": "5s", "brake_max": "7s", "window": "1m", "entries": 64});
    let mut module = start(config_with("throttle", settings));
    assert_eq!(attempt(&mut module, "ada", "wrong", HERE).status, 401);
    assert_eq!(
        attempt(&mut module, "ada", "ada-secret", HERE).header("retry-after"),
        Some("5")
    );
    module.advance(Duration::from_secs(5));
    assert_eq!(attempt(&mut module, "ada", "wrong too", HERE).status, 401);
    assert_eq!(
        attempt(&mut module, "ada", "ada-secret", HERE).header("retry-after"),
        Some("7")
    );
}

#[test]
fn wrong_settings_are_named() {
    let text = refusal(settings(config_with(
        "throttle",
        json!({"failures": 0, "window": "10", "brake": "1h", "hash_share": 0, "entries": "many", "burst": 1}),
    )));
    for fault in [
        "throttle.failures: must be from 1 to 20",
        "throttle.window: needs a unit, as in `60s` or `10m`",
        "throttle.entries: must be a whole number, not a text",
        "throttle.hash_share: must be above 0 and at most 1",
        "throttle.brake_max: must not be shorter than `brake`",
        "throttle.burst: unknown key",
    ] {
        assert!(text.contains(fault), "{fault}: {text}");
    }
    let text = refusal(settings(config_with("throttle", json!({"hash_share": "half"}))));
    assert!(
        text.contains("throttle.hash_share: must be a number, not a text"),
        "{text}"
    );
    let text = refusal(settings(config_with(
        "cache",
        json!({"credentials_ttl": 60, "tokens": "no"}),
    )));
    assert!(
        text.contains("cache.credentials_ttl: needs a unit, as in `60s` or `10m`"),
        "{text}"
    );
    assert!(
        text.contains("cache.tokens: must be `true` or `false`, not a text"),
        "{text}"
    );
}

/// What a stranger can measure: instructions, within one percent.
#[test]
fn known_and_unknown_accounts_cost_the_same() {
    let mut module = start(config());
    let fuel = |module: &mut Module, account: &str, password: &str, status| {
        assert_eq!(attempt(module, account, password, HERE).status, status);
        module.fuel_used()
    };
    // The first of its kind defines a metric.
    fail_often(&mut module, "eve", HERE);
    fuel(&mut module, "eve", "x", 429);
    fuel(&mut module, "max", "wrong", 401);
    fuel(&mut module, "max", "wrong", 401);
    // Of what can be asked again the least counts: where the allocator finds room differs from time to time.
    let mut same = |what: &str, password: &str, status, times: usize| {
        let [known, unknown] = ["ada", "ole"].map(|account| {
            let each = (0..times).map(|_| fuel(&mut module, account, password, status));
            each.min().unwrap_or_default()
        });
        let difference = known.abs_diff(unknown);
        assert!(difference * 100 <= known, "{what}: {known} and {unknown}");
    };
    same("wrong", "wrong", 401, 1);
    same("known to be wrong", "wrong", 401, 10);
    for number in 0..4 {
        same("wrong", &format!("wrong {number}"), 401, 1);
    }
    same("braked", "x", 429, 10);
}
