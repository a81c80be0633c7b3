//! Who a directory says somebody is: the real slapd, asked by the program for clients of its token endpoint.

mod active_directory;
mod faults;
mod guessing;

use std::net::TcpListener;

use registry_auth_tests::ldap::{READER, SUFFIX, Slapd};
use registry_auth_tests::sidecar::Sidecar;

use crate::*;

/// Who is below `ou=people`; olga is below `ou=open`, where everybody may look.
const ENTRIES: &str = include_str!("ldap/people.ldif");

/// What is asked of each account: its own folder, one of a group, one that is denied to bob, one of a title.
const SCOPES: &str = "repository:own/app:pull&scope=repository:devs/app:push&scope=repository:hidden/app:pull\
                      &scope=repository:blueberry/app:pull";

#[track_caller]
fn slapd() -> Slapd {
    Slapd::with(ENTRIES)
}

/// `ldap_auth` for the directory at `addr`, by the service account.
fn section(slapd: &Slapd, addr: &str) -> Value {
    json!({
        "addr": addr,
        "bind_dn": READER,
        "bind_password_file": slapd.password_file(),
        "base": format!("ou=people,{SUFFIX}"),
        "filter": "(&(uid=${account})(objectClass=person))",
        "labels": {
            "groups": {"attribute": "memberOf", "parse_cn": true, "pattern": "^Registry-(.+)$", "lower_case": true},
            "title": {"attribute": "title"},
        },
    })
}

/// The same with other values of some keys; null takes one away.
fn with(mut section: Value, keys: &Value) -> Value {
    for (key, value) in keys.as_object().expect("a map of keys") {
        section[key] = value.clone();
    }
    section
}

#[track_caller]
fn serve(ldap: &Value) -> Sidecar {
    Sidecar::serve(&json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256},
        "throttle": false,
        "ldap_auth": ldap,
        "acl": [
            {"match": {"account": "bob", "name": "hidden/*"}, "actions": []},
            {"match": {"name": "hidden/*"}, "actions": ["pull"]},
            {"match": {"account": "/.+/", "name": "own/*"}, "actions": ["*"]},
            {"match": {"labels": {"groups": "devs"}, "name": "devs/*"}, "actions": ["push"]},
            {"match": {"name": "${labels:title}/*"}, "actions": ["pull"]},
        ],
    }))
}

#[track_caller]
fn ask_for(sidecar: &Sidecar, account: &str, password: &str) -> Response {
    let url = format!("{}/token?service=registry&scope={SCOPES}", sidecar.url());
    http::get(&url, &[("authorization", &http::basic(account, password))])
}

/// Whom the token is for.
#[track_caller]
fn let_in(sidecar: &Sidecar, account: &str, password: &str) -> String {
    let answer = ask_for(sidecar, account, password);
    assert_eq!(answer.status, 200, "{account:?}: {}\n{}", answer.text(), sidecar.log());
    claims(&answer).0
}

#[track_caller]
fn assert_denied(sidecar: &Sidecar, account: &str, password: &str) {
    let answer = ask_for(sidecar, account, password);
    assert_eq!(
        answer.status,
        401,
        "{account:?} {password:?}: {}\n{}",
        answer.text(),
        sidecar.log()
    );
}

/// It is a 503 that tells the client nothing, and the log all of this.
#[track_caller]
fn assert_fault(sidecar: &Sidecar, account: &str, password: &str, told: &[&str]) {
    let answer = ask_for(sidecar, account, password);
    assert_error(&answer, 503, "UNAVAILABLE");
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    for text in told {
        assert!(sidecar.log().contains(text), "no `{text}` in {}", sidecar.log());
    }
    for secret in [password, "reader-secret"] {
        assert!(!sidecar.log().contains(secret), "{}", sidecar.log());
    }
}

/// A server that takes connections and says nothing.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    (listener, address)
}

#[test]
fn the_right_password_lets_in_over_plain_starttls_and_ldaps() {
    let slapd = slapd();
    let (plain, tls) = (slapd.url(), slapd.tls_url());
    let authority = slapd.authority();
    let by_port = format!("127.0.0.1:{}", slapd.tls_port());
    for ldap in [
        section(&slapd, &plain),
        with(
            section(&slapd, &plain),
            &json!({"tls": "starttls", "ca_certificate": authority}),
        ),
        with(section(&slapd, &tls), &json!({"ca_certificate": authority})),
        with(
            section(&slapd, &by_port),
            &json!({"tls": "always", "ca_certificate": authority}),
        ),
        with(section(&slapd, &tls), &json!({"insecure_tls_skip_verify": true})),
    ] {
        let sidecar = serve(&ldap);
        let answer = ask_for(&sidecar, "ada", "ada-secret");
        let granted = json!({
            "own/app": ["pull"], "devs/app": ["push"], "hidden/app": ["pull"], "blueberry/app": [],
        });
        assert_granted(&answer, "ada", &granted, &ldap.to_string());
        assert_denied(&sidecar, "ada", "wrong");
        assert_denied(&sidecar, "ada", "");
        assert_denied(&sidecar, "closed", "any");
        assert_denied(&sidecar, "nobody", "ada-secret");
        assert_eq!(
            let_in(&sidecar, "ada", "ada-secret"),
            "ada",
            "after others were refused"
        );
        assert!(!sidecar.log().contains("ERROR"), "{}", sidecar.log());
    }
}

#[test]
fn names_and_passwords_are_data() {
    let slapd = slapd();
    let names = [
        "*",
        "a*",
        "*)(uid=*",
        "ada)(uid=*",
        "ada)(|(uid=*",
        r"\00",
        r"ada\00",
        r"\61da",
        "ada,ou=x",
        ",ou=x",
        "a+b",
        "ada+uid=bob",
        "#ada",
        "ada;",
        "\"ada\"",
        "${account}",
        "(uid=ada)",
        "cn=reader,dc=corp,dc=example",
        "а",
        "..",
    ];
    for ldap in [
        section(&slapd, &slapd.url()),
        with(
            section(&slapd, &slapd.url()),
            &json!({
                "initial_bind_as_user": true, "bind_dn": format!("uid=${{account}},ou=people,{SUFFIX}"),
                "bind_password_file": null,
            }),
        ),
    ] {
        let sidecar = serve(&ldap);
        for name in names {
            for password in ["ada-secret", "reader-secret", "*", name] {
                assert_denied(&sidecar, name, password);
            }
        }
        let long = "x".repeat(1024);
        for password in [
            "*",
            "ada-secret ",
            "Ada-secret",
            "ada-secret\0",
            "\0",
            r"\2a",
            "{\"$ne\": null}",
            "'",
            "%",
            "\n",
            &long,
        ] {
            assert_denied(&sidecar, "ada", password);
        }
        assert_denied(&sidecar, "", "ada-secret");
        assert_denied(&sidecar, "", "");
        assert_eq!(let_in(&sidecar, "über", "übergeheim"), "über");
        assert_eq!(let_in(&sidecar, "star*", "star-secret"), "star*");
        assert!(!sidecar.log().contains("ERROR"), "{}", sidecar.log());
    }
}

#[test]
fn an_empty_name_or_password_never_reaches_the_server() {
    let (_listener, address) = silent();
    let slapd = slapd();
    let sidecar = serve(&with(section(&slapd, &address), &json!({"timeout": "1s"})));
    for (account, password) in [("ada", ""), ("", "ada-secret"), ("", ""), ("ada", "a\0b")] {
        assert_denied(&sidecar, account, password);
    }
    assert_fault(
        &sidecar,
        "ada",
        "ada-secret",
        &["did not answer a bind within 400 ms; see `bind_timeout`"],
    );
}

#[test]
fn the_account_is_what_the_directory_calls_it() {
    let slapd = slapd();
    let sidecar = serve(&section(&slapd, &slapd.url()));
    for typed in ["bob", "BOB", " bob", "bob ", " Bob  "] {
        let answer = ask_for(&sidecar, typed, "bob-secret");
        let granted = json!({"own/app": ["pull"], "devs/app": ["push"], "hidden/app": [], "blueberry/app": []});
        assert_granted(&answer, "bob", &granted, typed);
    }
    assert_eq!(let_in(&sidecar, "GRACE   hopper ", "grace-secret"), "Grace  Hopper");

    // One of several attributes, in the spelling of that one.
    let filter = "(|(uid=${account})(mail=${account}))";
    let sidecar = serve(&with(section(&slapd, &slapd.url()), &json!({"filter": filter})));
    assert_eq!(let_in(&sidecar, "BOB@CORP.EXAMPLE", "bob-secret"), "Bob@corp.example");
    assert_eq!(let_in(&sidecar, "Bob", "bob-secret"), "bob");

    // Nothing is compared with the account alone.
    let filter = "(mail=${account}@corp.example)";
    let ldap = with(section(&slapd, &slapd.url()), &json!({"filter": filter}));
    let sidecar = serve(&ldap);
    assert_denied(&sidecar, "bob", "bob-secret");
    assert!(sidecar.log().contains("set `account_attribute`"), "{}", sidecar.log());
    let sidecar = serve(&with(ldap, &json!({"account_attribute": "uid"})));
    assert_eq!(let_in(&sidecar, "BOB", "bob-secret"), "bob");
}

#[test]
fn guessing_is_braked_however_the_name_is_typed() {
    let slapd = slapd();
    let sidecar = Sidecar::serve(&json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256},
        "ldap_auth": section(&slapd, &slapd.url()),
        "acl": [],
    }));
    for (number, typed) in ["bob", "BOB", " bob", "Bob ", "bOb"].into_iter().enumerate() {
        assert_denied(&sidecar, typed, &format!("guess-{number}"));
    }
    assert_error(&ask_for(&sidecar, "boB", "bob-secret"), 429, "TOOMANYREQUESTS");
    assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
}

#[test]
fn the_search_may_be_anonymous_or_done_by_whoever_signs_in() {
    let slapd = slapd();
    let nobody = json!({"bind_dn": null, "bind_password_file": null, "base": format!("ou=open,{SUFFIX}")});
    let sidecar = serve(&with(section(&slapd, &slapd.url()), &nobody));
    for _ in 0..3 {
        assert_eq!(let_in(&sidecar, "olga", "olga-secret"), "olga");
        assert_denied(&sidecar, "olga", "wrong");
        assert_denied(&sidecar, "ada", "ada-secret");
    }
    let themselves = json!({
        "initial_bind_as_user": true, "bind_dn": format!("uid=${{account}},ou=people,{SUFFIX}"), "bind_password_file": null,
    });
    let sidecar = serve(&with(section(&slapd, &slapd.url()), &themselves));
    for _ in 0..3 {
        assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
        assert_denied(&sidecar, "ada", "bob-secret");
        assert_eq!(let_in(&sidecar, "Bob", "bob-secret"), "bob");
    }
}

#[test]
fn groups_within_groups_are_followed_where_that_is_asked_for() {
    const ASKED: [&str; 4] = ["registry-devs", "registry-all", "registry-circle", "cooks"];
    let slapd = slapd();
    let scopes = ASKED
        .map(|group| format!("&scope=repository:{group}/app:pull"))
        .concat();
    for (account, nested, in_groups) in [
        ("ada", false, &["registry-devs", "cooks"][..]),
        ("ada", true, &ASKED),
        ("bob", true, &["registry-devs", "registry-all", "registry-circle"]),
        ("star*", true, &[]),
    ] {
        let label = json!({"attribute": "memberOf", "nested": nested, "parse_cn": true, "lower_case": true});
        let sidecar = Sidecar::serve(&json!({
            "token": {"issuer": "registry-auth", "key": keys::ES256},
            "ldap_auth": with(section(&slapd, &slapd.url()), &json!({"labels": {"groups": label}})),
            "acl": [{"match": {"name": "${labels:groups}/app"}, "actions": ["pull"]}],
        }));
        let url = format!("{}/token?service=registry{scopes}", sidecar.url());
        let password = format!("{}-secret", account.trim_end_matches('*'));
        for _ in 0..2 {
            let answer = http::get(&url, &[("authorization", &http::basic(account, &password))]);
            let actions = |group: &str| {
                if in_groups.contains(&group) {
                    json!(["pull"])
                } else {
                    json!([])
                }
            };
            let granted = ASKED.map(|group| (format!("{group}/app"), actions(group)));
            assert_granted(
                &answer,
                account,
                &granted.into_iter().collect(),
                &format!("nested: {nested}"),
            );
        }
    }
}

#[test]
fn connections_are_kept_and_the_service_account_comes_back_to_each() {
    let slapd = slapd();
    let sidecar = serve(&section(&slapd, &slapd.url()));
    for _ in 0..20 {
        assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
        assert_denied(&sidecar, "bob", "wrong");
    }
    let connections = slapd.log().matches(" ACCEPT from ").count();
    // The one that puts the entries in is among them.
    assert!(
        connections < 10,
        "{connections} connections for 40 questions:\n{}",
        slapd.log()
    );
}

#[test]
fn directories_of_a_list_are_asked_one_after_the_other() {
    let slapd = slapd();
    let of = |unit: &str| {
        with(
            section(&slapd, &slapd.url()),
            &json!({"base": format!("ou={unit},{SUFFIX}")}),
        )
    };
    let sidecar = serve(&json!([of("open"), of("people")]));
    assert_eq!(let_in(&sidecar, "olga", "olga-secret"), "olga");
    assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
    assert_denied(&sidecar, "olga", "ada-secret");
    assert_denied(&sidecar, "nobody", "ada-secret");

    let away = with(of("people"), &json!({"addr": "127.0.0.1:1"}));
    let sidecar = serve(&json!([of("open"), away]));
    assert_eq!(let_in(&sidecar, "olga", "olga-secret"), "olga");
    assert_fault(
        &sidecar,
        "ada",
        "ada-secret",
        &["ldap_auth[1]", "`127.0.0.1:1` could not be reached"],
    );
}
