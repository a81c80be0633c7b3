//! What external programs say, through the program and Envoy.

use std::fs;

use registry_auth_tests::sidecar::{Running, Site};

use crate::*;

/// Notes each run, and knows what the account's name says.
const NOTING_AUTH: &str = r#"#!/bin/sh
read user password
echo "$user" >>auth.runs
case "$user" in
  broken*) exit 9;;
  nobody*) exit 2;;
esac
[ "$password" = "secret-of-$user" ] || exit 1
echo '{"labels": {"team": ["blue"]}}'
"#;

/// Notes each run, grants all of what is called free, nothing else, and fails at what is called broken.
const NOTING_AUTHZ: &str = r#"#!/bin/sh
question=$(cat)
echo run >>authz.runs
case "$question" in
  *'"Name":"free/'*) exit 0;;
  *'"Name":"broken/'*) exit 9;;
esac
exit 1
"#;

struct Target {
    site: Site,
    _program: Running,
    proxy: Proxy,
}

impl Target {
    #[track_caller]
    fn start(more: &[(&str, Value)]) -> Self {
        let mut config = config_with_program();
        config["ext_authz"] = json!({"command": "./authz.sh"});
        for (key, value) in more {
            config[*key] = value.clone();
        }
        let site = Site::new(&config);
        site.write_program("auth.sh", NOTING_AUTH);
        site.write_program("authz.sh", NOTING_AUTHZ);
        let program = site.start();
        let proxy = Proxy::start(Envoy::managed(&site.socket()).trusted_hops(1));
        Self {
            site,
            _program: program,
            proxy,
        }
    }

    /// How often a program ran.
    fn runs(&self, file: &str) -> usize {
        fs::read_to_string(self.site.path().join(file))
            .unwrap_or_default()
            .lines()
            .count()
    }

    #[track_caller]
    fn ask(&self, account: &str, password: &str, scope: &str) -> Response {
        ask(&self.proxy.envoy, account, password, scope)
    }

    /// As somebody at this address.
    #[track_caller]
    fn ask_from(&self, address: &str, account: &str, password: &str) -> Response {
        let url = format!(
            "{}/token?service=registry&scope=repository:free/app:pull",
            self.proxy.envoy.url()
        );
        let credentials = http::basic(account, password);
        http::get(&url, &[("authorization", &credentials), ("x-forwarded-for", address)])
    }
}

#[test]
fn programs_say_who_somebody_is_and_what_they_may_do() {
    let mut target = Target::start(&[]);
    let asked = "repository:blue/app:pull,push&scope=repository:free/app:push&scope=repository:none/app:pull";
    let answer = target.ask("bea", "secret-of-bea", asked);
    let granted = json!({"blue/app": ["pull"], "free/app": ["push"], "none/app": []});
    assert_granted(&answer, "bea", &granted, "an account of the program's");
    // A static user is let in by the filter, and only what its rules leave open is asked about.
    let answer = target.ask("ada", "ada-secret", &format!("{asked}&scope=repository:ada/app:push"));
    let granted = json!({"ada/app": ["push"], "blue/app": [], "free/app": ["push"], "none/app": []});
    assert_granted(&answer, "ada", &granted, "a static user");
    let answer = target.ask("", "", "repository:free/app:pull");
    assert_eq!(answer.status, 200, "{}", answer.text());

    assert_error(&target.ask("bea", "wrong", asked), 401, "UNAUTHORIZED");
    assert_error(&target.ask("nobody", "secret-of-nobody", asked), 401, "UNAUTHORIZED");
    assert_error(&target.ask("ada", "wrong", asked), 401, "UNAUTHORIZED");
    for _ in 0..requests() {
        let account = fresh("broken", 1).remove(0);
        let answer = target.ask(&account, &StandIn::password(&account), asked);
        assert_error(&answer, 503, "UNAVAILABLE");
        assert!(!answer.text().contains("auth.sh"), "{}", answer.text());
    }
    let broken = target.ask("ada", "ada-secret", "repository:broken/app:pull");
    assert_error(&broken, 503, "UNAVAILABLE");
    target.proxy.assert_at_rest("programs");
    let records = target.proxy.envoy.wait_for_audit_lines(5);
    let bea = records
        .iter()
        .find(|record| record["account"] == "bea")
        .expect("bea's record");
    assert_eq!(bea["backend"], "ext_auth", "{bea}");
    assert_eq!(bea["labels"][0]["value"], "blue", "{bea}");
    assert!(bea["generation"].as_u64() > Some(0), "{bea}");
    assert_eq!(bea["etag"].as_str().map(str::len), Some(8), "{bea}");
}

#[test]
fn guessing_at_the_programs_accounts_is_braked_before_it_runs() {
    let mut target = Target::start(&[]);
    for guess in 0..5 {
        let answer = target.ask("bea", &format!("guess-{guess}"), "repository:free/app:pull");
        assert_error(&answer, 401, "UNAUTHORIZED");
    }
    let runs = target.runs("auth.runs");
    let answer = target.ask("bea", "secret-of-bea", "repository:free/app:pull");
    assert_error(&answer, 429, "TOOMANYREQUESTS");
    assert_eq!(target.runs("auth.runs"), runs);
    // From elsewhere she is let in.
    assert_eq!(target.ask_from("192.0.2.7", "bea", "secret-of-bea").status, 200);
    // What could not be asked about is no failure of hers.
    for _ in 0..10 {
        assert_error(
            &target.ask("broken", "secret-of-broken", "repository:free/app:pull"),
            503,
            "UNAVAILABLE",
        );
    }
    target.proxy.assert_at_rest("guessing");
}

#[test]
fn a_decision_is_remembered_for_the_very_same_question() {
    let target = Target::start(&[]);
    let [here, elsewhere] = ["192.0.2.1", "192.0.2.2"];
    let before = target.runs("auth.runs");
    for _ in 0..20 {
        assert_eq!(target.ask_from(here, "bea", "secret-of-bea").status, 200);
    }
    assert_eq!(target.runs("auth.runs"), before + 1);
    assert_eq!(
        target.ask_from(here, "bea", "wrong").status,
        401,
        "another password is another question"
    );
    assert_eq!(target.runs("auth.runs"), before + 2);
    assert_eq!(target.ask_from(elsewhere, "bea", "secret-of-bea").status, 200);
    assert_eq!(
        target.runs("auth.runs"),
        before + 3,
        "another address is another question"
    );
    assert_eq!(target.ask_from(here, "bea", "secret-of-bea").status, 200);
    assert_eq!(target.runs("auth.runs"), before + 3);
    let remembered = target
        .proxy
        .envoy
        .counter("wasmcustom.registry_auth.remembered.what.decision");
    assert!(remembered >= 20, "{remembered}");
}

#[test]
fn a_remembered_decision_is_forgotten_in_its_time_and_never_remembered_if_that_is_none() {
    let mut target = Target::start(&[("cache", json!({"decisions_ttl": "1s"}))]);
    let ask = |target: &Target| assert_eq!(target.ask_from("192.0.2.1", "bea", "secret-of-bea").status, 200);
    ask(&target);
    let before = target.runs("auth.runs");
    registry_auth_tests::process::wait_until("it is asked again", SOON, || {
        ask(&target);
        (target.runs("auth.runs") > before).then_some(())
    });
    target.proxy.assert_at_rest("a decision's time");

    let target = Target::start(&[("cache", json!({"decisions_ttl": "0s"}))]);
    for _ in 0..3 {
        ask(&target);
    }
    assert_eq!(target.runs("auth.runs"), 3);
}
