//! The same with an Active Directory, which has rules of its own about names, passwords and groups.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use registry_auth_tests::active_directory::{ActiveDirectory, DOMAIN, READER, SUFFIX};
use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::process;

use super::*;

const DOMAIN_ENTRIES: &str = include_str!("domain.ldif");

/// One for all tests that run at the same time: making it takes seconds.
#[track_caller]
fn directory() -> Arc<ActiveDirectory> {
    static RUNNING: Mutex<Weak<ActiveDirectory>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let directory = Arc::new(ActiveDirectory::with(DOMAIN_ENTRIES));
        *running = Arc::downgrade(&directory);
        directory
    })
}

/// `ldap_auth` for it, by the service account's principal name.
fn section(directory: &ActiveDirectory) -> Value {
    json!({
        "addr": directory.tls_url(),
        "ca_certificate": directory.authority(),
        "bind_dn": READER,
        "bind_password_file": directory.password_file(),
        "base": SUFFIX,
        "filter": "(&(sAMAccountName=${account})(objectCategory=person)(objectClass=user))",
        "labels": {"groups": {"attribute": "memberOf", "nested": true, "parse_cn": true}},
    })
}

/// The same, with whoever signs in as the one who searches.
fn as_themselves(directory: &ActiveDirectory) -> Value {
    with(
        section(directory),
        &json!({
            "initial_bind_as_user": true, "bind_dn": format!("${{account}}@{DOMAIN}"), "bind_password_file": null,
        }),
    )
}

#[test]
fn accounts_are_let_in_by_their_passwords_and_spelt_as_the_domain_has_them() {
    let directory = directory();
    let both_ways = with(
        section(&directory),
        &json!({"addr": directory.url(), "tls": "starttls"}),
    );
    for ldap in [section(&directory), as_themselves(&directory), both_ways] {
        let sidecar = serve(&ldap);
        for (typed, password, spelt) in [
            ("ada", "Ada.Secret1", "ada"),
            ("ADA", "Ada.Secret1", "ada"),
            ("bob", "Bob.Secret1", "Bob"),
            ("über", "Über.Secret1", "über"),
            ("ÜBER", "Über.Secret1", "über"),
        ] {
            assert_eq!(let_in(&sidecar, typed, password), spelt, "{typed}: {ldap}");
            for wrong in ["wrong", "", "ada.secret1", "Ada.Secret1 ", "\0", "Reader.Secret1"] {
                assert_denied(&sidecar, typed, wrong);
            }
        }
        assert_denied(&sidecar, "nobody", "Ada.Secret1");
        assert!(!sidecar.log().contains("ERROR"), "{}", sidecar.log());
    }
}

#[test]
fn names_and_passwords_are_data_in_a_domain_too() {
    let directory = directory();
    for ldap in [section(&directory), as_themselves(&directory)] {
        let sidecar = serve(&ldap);
        for name in [
            "*",
            "a*",
            "*)(sAMAccountName=*",
            "ada)(|(sAMAccountName=*",
            r"\00",
            r"ada\00",
            r"\61da",
            "ada,ou=x",
            ",ou=x",
            "ada+sn=x",
            "CORP\\ada",
            "ada@corp.example.test",
            "ada@corp.example.test@corp.example.test",
            "CN=Lovelace\\, Ada (Staff),OU=Staff,DC=corp,DC=example,DC=test",
            "corp.example.test/Staff/Bob",
            "${account}",
            "{\"$ne\": null}",
            "'",
            "%",
            "_da",
            "аda",
            "a da",
            "ada ada",
        ] {
            for password in ["Ada.Secret1", "Bob.Secret1", "*", name] {
                assert_denied(&sidecar, name, password);
            }
        }
        for password in ["*", r"\2a", "{\"$ne\": null}", "%", "Ada.Secret1\0", &"x".repeat(1024)] {
            assert_denied(&sidecar, "ada", password);
        }
        // A space beside a name is either nothing, or another name: never a name of its own that is let in.
        for typed in [" ada", "ada ", "  ADA "] {
            let answer = ask_for(&sidecar, typed, "Ada.Secret1");
            match answer.status {
                200 => assert_eq!(claims(&answer).0, "ada", "{typed:?}"),
                status => assert_eq!(status, 401, "{typed:?}: {}", sidecar.log()),
            }
        }
        assert_eq!(let_in(&sidecar, "ada", "Ada.Secret1"), "ada");
        assert!(!sidecar.log().contains("ERROR"), "{}", sidecar.log());
    }
}

#[test]
fn why_somebody_is_refused_is_told_to_the_audit_record_alone() {
    let directory = directory();
    for ldap in [section(&directory), as_themselves(&directory)] {
        let sidecar = serve(&ldap);
        // Two wrong passwords lock it, if those of the other way to ask did not.
        for guess in ["wrong-1", "wrong-2"] {
            assert_denied(&sidecar, "locked", guess);
        }
        let before = sidecar.records().len();
        let cases = [
            ("ada", "wrong", "52e"),
            ("disabled", "Some.Secret1", "533"),
            ("expired", "Some.Secret1", "701"),
            ("newcomer", "Some.Secret1", "773"),
            ("locked", "Some.Secret1", "775"),
        ];
        let plain = ask_for(&sidecar, "ada", "wrong-too");
        for (account, password, code) in cases {
            let answer = ask_for(&sidecar, account, password);
            assert_eq!(answer.status, 401, "{account}");
            assert_eq!(answer.text(), plain.text(), "{account}");
            assert!(!format!("{answer:?}").contains(code), "{answer:?}");
        }
        let records = sidecar.records().split_off(before + 1);
        assert_eq!(records.len(), cases.len());
        for (record, (account, _, code)) in records.iter().zip(cases) {
            assert_eq!(record["account"], account, "{record}");
            assert_eq!(record["reason"], format!("ldap 49, data {code}"), "{record}");
        }
    }
}

#[test]
fn groups_within_groups_are_those_of_the_domain() {
    const ASKED: [&str; 4] = ["developers", "everybody, who (builds)", "registry", "cooks"];
    let directory = directory();
    for (account, password, nested, expected) in [
        ("ada", "Ada.Secret1", false, &ASKED[..1]),
        ("ada", "Ada.Secret1", true, &ASKED[..3]),
        ("bob", "Bob.Secret1", true, &ASKED[2..3]),
        ("über", "Über.Secret1", true, &[]),
    ] {
        let label = json!({"attribute": "memberOf", "nested": nested, "parse_cn": true, "lower_case": true});
        let rules = ASKED.map(|group| json!({"match": {"labels": {"groups": group}, "name": format!("x{}/app", group.len())}, "actions": ["pull"]}));
        for ldap in [section(&directory), as_themselves(&directory)] {
            let sidecar = Sidecar::with(&json!({
                "token": {"issuer": "registry-auth", "key": keys::ES256},
                "ldap_auth": with(ldap, &json!({"labels": {"groups": label}})),
                "acl": rules,
            }));
            let sidecar = sidecar.verbose().start();
            let scopes = ASKED.map(|group| format!("&scope=repository:x{}/app:pull", group.len()));
            let url = format!("{}/token?service=registry{}", sidecar.url(), scopes.concat());
            for _ in 0..2 {
                let answer = http::get(&url, &[("authorization", &http::basic(account, password))]);
                assert_eq!(answer.status, 200, "{account}: {}", sidecar.log());
                let (_, granted) = claims(&answer);
                for group in ASKED {
                    let actions = &granted[format!("x{}/app", group.len())];
                    let is_granted = *actions == json!(["pull"]);
                    assert_eq!(
                        is_granted,
                        expected.contains(&group),
                        "{account} in {group}, nested: {nested}"
                    );
                }
            }
            let log = sidecar.log();
            assert_eq!(log.contains("the domain found groups within groups"), nested, "{log}");
        }
    }
}

#[test]
fn a_password_goes_only_to_the_domain_and_only_over_tls() {
    let directory = directory();
    let section = || section(&directory);
    let other = Certified::by_authority(Algorithm::Es256);
    for (keys, told) in [
        (
            json!({"ca_certificate": other.root_file()}),
            "name its authority with `ca_certificate`",
        ),
        (
            json!({"addr": directory.misnamed_tls_url()}),
            "let `addr` have a name that is in the certificate",
        ),
        (
            json!({"addr": directory.url(), "ca_certificate": null}),
            "8 (strongerAuthRequired): BindSimple: Transport encryption required.; use `ldaps://`, or `tls: starttls`",
        ),
    ] {
        assert_fault(&serve(&with(section(), &keys)), "ada", "Ada.Secret1", &[told]);
    }
}

#[test]
fn a_domain_that_comes_back_is_asked_again() {
    let mut directory = ActiveDirectory::with(DOMAIN_ENTRIES);
    let sidecar = serve(&section(&directory));
    let mut recoveries = Recoveries::of("Active Directory");
    assert_eq!(let_in(&sidecar, "ada", "Ada.Secret1"), "ada");
    for _ in 0..soak::times(2) {
        directory.stop();
        for _ in 0..10 {
            assert_fault(
                &sidecar,
                "ada",
                "Ada.Secret1",
                &["could not be reached: Connection refused"],
            );
        }
        assert!(sidecar.log().contains("is not asked for another"), "{}", sidecar.log());
        directory.start_again();
        recoveries.time(|| {
            process::wait_until("ada is let in again", SOON, || {
                (ask_for(&sidecar, "ada", "Ada.Secret1").status == 200).then_some(())
            });
        });
    }
}
