//! Guessing at accounts of a directory, by all the names that they have there.

use registry_auth_tests::sidecar::Site;

use super::*;

/// An entry is found by its name and by its mail address, and called by its name.
fn by_two_names(slapd: &Slapd) -> Value {
    let keys = json!({"filter": "(|(uid=${account})(mail=${account}))", "account_attribute": "uid"});
    with(section(slapd, &slapd.url()), &keys)
}

fn config(ldap: &Value) -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256},
        "users": {"ada": {"password": keys::ADA_SECRET}},
        "ldap_auth": ldap,
        "acl": [{"match": {"account": "ada", "name": "ada/*"}, "actions": ["*"]}],
    })
}

/// What both ways to a token have in common: where to ask.
#[track_caller]
fn assert_braked_by_the_sum(url: &str, whose: &str) {
    let ask = |account: &str, password: &str| {
        let url = format!("{url}/token?service=registry&scope=repository:own/app:pull");
        http::get(&url, &[("authorization", &http::basic(account, password))])
    };
    for (number, typed) in ["bob", "bob@corp.example", "BOB", "Bob@CORP.example", "bob"]
        .into_iter()
        .enumerate()
    {
        let answer = ask(typed, &format!("guess-{number}"));
        assert_eq!(answer.status, 401, "{whose}: {typed}: {}", answer.text());
    }
    for typed in ["bob", " Bob", "bob@corp.example", "BOB@corp.example"] {
        for password in ["another-guess", "bob-secret"] {
            assert_error(&ask(typed, password), 429, "TOOMANYREQUESTS");
        }
    }
    // It is bob's brake alone, and a right password by one name forgives what was wrong by the other.
    for _ in 0..3 {
        for typed in ["grace  hopper", "Grace Hopper"] {
            assert_eq!(ask(typed, "wrong-1").status, 401, "{whose}");
            assert_eq!(ask(typed, "wrong-2").status, 401, "{whose}");
            assert_eq!(ask(typed, "grace-secret").status, 200, "{whose}");
        }
    }
}

#[test]
fn guesses_by_all_names_of_an_entry_meet_one_brake() {
    let slapd = slapd();
    let sidecar = Sidecar::serve(&config(&by_two_names(&slapd)));
    assert_braked_by_the_sum(&sidecar.url(), "the program");
    let records = sidecar.records();
    assert_eq!(records[0]["reason"], "ldap 49", "{}", records[0]);
    assert_eq!(records[0]["account"], "bob", "{}", records[0]);

    // The filter has the brake there, and is told by the program what to count.
    let site = Site::new(&config(&by_two_names(&slapd)));
    let _program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));
    assert_braked_by_the_sum(&proxy.envoy.url(), "the filter");
    proxy.assert_at_rest("guessing");
    let records = proxy.envoy.wait_for_audit_lines(6);
    let bob = records.iter().find(|record| record["account"] == "bob@corp.example");
    let bob = bob.expect("a record of what was typed");
    assert_eq!(
        (&bob["reason"], &bob["result"]),
        (&json!("ldap 49"), &json!("unauthorized")),
        "{bob}"
    );
}

#[test]
fn without_a_name_of_its_own_an_entry_is_counted_by_the_first_attribute_of_the_filter() {
    let slapd = slapd();
    let ldap = with(by_two_names(&slapd), &json!({"account_attribute": null}));
    let sidecar = Sidecar::serve(&config(&ldap));
    let typed = ["bob@corp.example", "bob", "BOB@corp.example", "Bob", "bob@corp.example"];
    for (number, typed) in typed.into_iter().enumerate() {
        assert_denied(&sidecar, typed, &format!("guess-{number}"));
    }
    assert_error(&ask_for(&sidecar, "bob", "bob-secret"), 429, "TOOMANYREQUESTS");
    assert_error(
        &ask_for(&sidecar, "bob@corp.example", "guess-5"),
        429,
        "TOOMANYREQUESTS",
    );
}
