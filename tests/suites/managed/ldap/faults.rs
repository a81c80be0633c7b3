//! Directories that are away, hang, are not who they should be, or answer what is no answer.

use std::thread;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::process;

use super::*;

#[test]
fn several_entries_and_a_wrong_setting_are_faults_of_the_back_end() {
    let slapd = slapd();
    let ldap = || section(&slapd, &slapd.url());
    let sidecar = serve(&ldap());
    assert_fault(
        &sidecar,
        "twin",
        "twin-secret",
        &[
            "has several entries for `(&(uid=twin)",
            "let `base` and `filter` name one",
        ],
    );
    // However often one account makes it fail, others are let in.
    for _ in 0..20 {
        assert_fault(&sidecar, "twin", "twin-secret", &[]);
    }
    assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
    assert!(!sidecar.log().contains("left alone"), "{}", sidecar.log());

    let wide = with(ldap(), &json!({"filter": "(|(uid=${account})(objectClass=*))"}));
    assert_fault(&serve(&wide), "ada", "ada-secret", &["has several entries"]);
    let nowhere = with(ldap(), &json!({"base": "ou=nowhere,dc=corp,dc=example"}));
    assert_fault(
        &serve(&nowhere),
        "ada",
        "ada-secret",
        &["has no entry `ou=nowhere,dc=corp,dc=example`; check `base`"],
    );
    let stranger = with(ldap(), &json!({"bind_dn": "cn=writer,dc=corp,dc=example"}));
    let told = [
        "does not let `cn=writer,dc=corp,dc=example` in",
        "`bind_password_file`",
        "49 (invalidCredentials)",
    ];
    assert_fault(&serve(&stranger), "ada", "ada-secret", &told);
    let photo = with(ldap(), &json!({"labels": {"photo": {"attribute": "jpegPhoto"}}}));
    assert_fault(
        &serve(&photo),
        "grace hopper",
        "grace-secret",
        &["has an attribute `jpegPhoto` that is no text"],
    );
}

#[test]
fn a_server_that_cannot_be_trusted_gets_no_password() {
    let slapd = slapd();
    let other = Certified::by_authority(Algorithm::Es256);
    let (plain, tls) = (slapd.url(), slapd.tls_url());
    let wrong_name = tls.replace("127.0.0.1", "localhost");
    let starttls = json!({"tls": "starttls", "ca_certificate": other.root_file()});
    for (ldap, told) in [
        (
            with(section(&slapd, &tls), &json!({"ca_certificate": other.root_file()})),
            "name its authority with `ca_certificate`",
        ),
        (
            with(section(&slapd, &plain), &starttls),
            "name its authority with `ca_certificate`",
        ),
        (
            with(
                section(&slapd, &wrong_name),
                &json!({"ca_certificate": slapd.authority()}),
            ),
            "let `addr` have a name that is in the certificate",
        ),
        // TLS is spoken to where there is none.
        (
            with(
                section(&slapd, &plain.replace("ldap:", "ldaps:")),
                &json!({"ca_certificate": slapd.authority()}),
            ),
            "could not be reached",
        ),
    ] {
        assert_fault(&serve(&ldap), "ada", "ada-secret", &[told]);
    }
    assert!(!slapd.log().contains("BIND dn=\"uid=ada"), "{}", slapd.log());
}

#[test]
fn a_server_that_comes_back_is_asked_again() {
    let mut slapd = slapd();
    let sidecar = serve(&section(&slapd, &slapd.url()));
    for _ in 0..2 {
        assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
        slapd.stop();
        assert_fault(
            &sidecar,
            "ada",
            "ada-secret",
            &["could not be reached: Connection refused"],
        );
        assert_fault(&sidecar, "nobody", "ada-secret", &[]);
        slapd.start_again();
        assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
        assert_denied(&sidecar, "ada", "wrong");
        // Nobody asks while it is away: the connection that is kept is dead, and nobody notices.
        slapd.stop();
        slapd.start_again();
        assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
    }
    assert!(sidecar.log().contains("back-end is up again"), "{}", sidecar.log());
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let slapd = slapd();
    let sidecar = serve(&with(section(&slapd, &slapd.url()), &json!({"timeout": "2s"})));
    assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
    slapd.hang();
    // It may be at the bind that makes the connection ready for the next one, or at the search after that.
    assert_fault(&sidecar, "ada", "ada-secret", &["did not answer a "]);
    assert_fault(
        &sidecar,
        "ada",
        "ada-secret",
        &["did not answer a bind within 800 ms; see `bind_timeout`"],
    );
    slapd.go_on();
    process::wait_until("ada is let in again", SOON, || {
        (ask_for(&sidecar, "ada", "ada-secret").status == 200).then_some(())
    });
}

#[test]
fn where_one_server_fails_the_next_is_asked() {
    let slapd = slapd();
    let (_listener, hangs) = silent();
    for first in ["127.0.0.1:1", hangs.as_str()] {
        let addr = json!([first, slapd.url()]);
        let sidecar = serve(&with(
            section(&slapd, &slapd.url()),
            &json!({"addr": addr, "timeout": "3s"}),
        ));
        assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada", "{first}");
        assert_denied(&sidecar, "ada", "wrong");
        assert!(!sidecar.log().contains("ERROR"), "{}", sidecar.log());
    }
    let addr = json!(["127.0.0.1:1", "127.0.0.1:2"]);
    let sidecar = serve(&with(section(&slapd, &slapd.url()), &json!({ "addr": addr })));
    assert_fault(
        &sidecar,
        "ada",
        "ada-secret",
        &[
            "`127.0.0.1:1` could not be reached",
            "`127.0.0.1:2` could not be reached",
        ],
    );
}

#[test]
fn a_server_that_is_stopped_under_load_lets_nobody_in_wrongly() {
    let mut slapd = slapd();
    let sidecar = serve(&section(&slapd, &slapd.url()));
    assert_eq!(let_in(&sidecar, "ada", "ada-secret"), "ada");
    let is_over = AtomicBool::new(false);
    let status = |account: &str, password: &str| ask_for(&sidecar, account, password).status;
    thread::scope(|scope| {
        let _stop = Stop(&is_over);
        for (account, password, expected) in [
            ("ada", "ada-secret", [200, 503]),
            ("ada", "wrong", [401, 503]),
            ("nobody", "ada-secret", [401, 503]),
        ] {
            let (is_over, status) = (&is_over, &status);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let status = status(account, password);
                    assert!(expected.contains(&status), "{status} for {account} with {password}");
                }
            });
        }
        let mut recoveries = Recoveries::of("slapd");
        for _ in 0..soak::times(2) {
            slapd.stop();
            process::wait_until("it is missed", SOON, || {
                (status("ada", "ada-secret") == 503).then_some(())
            });
            slapd.start_again();
            recoveries.time(|| {
                process::wait_until("it is asked again", SOON, || {
                    (status("ada", "ada-secret") == 200).then_some(())
                });
            });
        }
    });
}
