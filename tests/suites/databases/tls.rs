//! TLS to servers, by an authority of one's own.

use registry_auth_tests::certificates::{Algorithm, Certified};

use crate::*;

#[test]
fn a_server_must_be_who_its_authority_says() {
    let (ours, other) = (
        Certified::by_authority(Algorithm::Es256),
        Certified::by_authority(Algorithm::Es256),
    );
    let server = Postgres::start_with_tls(&ours);
    let database = Database::Postgres(server);
    let Database::Postgres(server) = &database else {
        unreachable!()
    };
    let root = |certified: &Certified| format!("sslrootcert={}", certified.root_file().display());
    let verify = format!("sslmode=verify-full {}", root(&ours));
    let program = serve(&json!({"database_type": "postgres", "conn_string": server.conn_string(&verify)}));
    database.add("grace", "secret", None);
    let address = format!("sslmode=verify-full&sslrootcert={}", ours.root_file().display());
    for text in [
        server.conn_string(&verify),
        server.url(&address),
        server.conn_string(&format!("sslmode=verify-ca {}", root(&ours))),
        server.conn_string(&root(&ours)),
        // Absent, TLS is required, and anybody's certificate taken.
        server.conn_string(""),
    ] {
        let program = serve(&json!({"database_type": "postgres", "conn_string": text}));
        assert_eq!(status(&program, "grace", "secret"), 200, "{text}: {}", program.log());
    }
    for (text, why) in [
        (
            server.conn_string(&format!("sslmode=verify-full {}", root(&other))),
            "invalid peer certificate",
        ),
        (server.conn_string(&root(&other)), "invalid peer certificate"),
        (
            server.conn_string(&format!("host=localhost sslmode=verify-full {}", root(&ours))),
            "not valid for name",
        ),
        (server.conn_string("sslmode=disable"), "no encryption"),
    ] {
        let program = Sidecar::serve(&config(&json!({"database_type": "postgres", "conn_string": text})));
        assert_eq!(status(&program, "grace", "secret"), 503, "{text}");
        assert!(program.log().contains(why), "{text}: {}", program.log());
    }
    drop(program);
}

#[test]
fn one_without_tls_is_not_spoken_to_unless_it_is_said() {
    let server = Postgres::start();
    let program = Sidecar::serve(&config(
        &json!({"database_type": "postgres", "conn_string": server.conn_string("")}),
    ));
    assert_eq!(status(&program, "grace", "secret"), 503);
    assert!(
        program.log().contains("server does not support TLS"),
        "{}",
        program.log()
    );
}

#[test]
fn a_client_may_have_a_certificate_too() {
    let (ours, other) = (
        Certified::by_authority(Algorithm::Es256),
        Certified::by_authority(Algorithm::Es256),
    );
    let server = Postgres::start_with_tls(&ours);
    server.sql("CREATE ROLE certified LOGIN PASSWORD 'c' SUPERUSER");
    let database = Database::Postgres(server);
    let Database::Postgres(server) = &database else {
        unreachable!()
    };
    let root = ours.root_file();
    let with = |certified: Option<&Certified>| {
        let files = certified.map(|certified| {
            let (certificate, key) = (certified.certificate_file(), certified.key_file());
            format!("sslcert={} sslkey={}", certificate.display(), key.display())
        });
        let more = format!(
            "user=certified password=c sslmode=verify-full sslrootcert={}",
            root.display()
        );
        let text = server.conn_string(&format!("{more} {}", files.unwrap_or_default()));
        Sidecar::serve(&config(&json!({"database_type": "postgres", "conn_string": text})))
    };
    let program = with(Some(&ours));
    assert_eq!(status(&program, "nobody", "x"), 401, "{}", program.log());
    database.add("grace", "secret", None);
    assert_eq!(status(&program, "grace", "secret"), 200, "{}", program.log());
    for certified in [None, Some(&other)] {
        let program = with(certified);
        assert_eq!(status(&program, "grace", "secret"), 503, "{}", program.log());
    }
}

#[test]
fn a_mysql_server_is_verified_or_not_as_the_driver_has_it() {
    let certified = Certified::by_authority(Algorithm::Es256);
    let server = MariaDb::start_with_tls(&certified);
    for (parameters, expected) in [
        ("tls=skip-verify", 401),
        ("tls=preferred", 401),
        ("tls=true", 503),
        ("", 503),
    ] {
        let section = json!({"database_type": "mysql", "conn_string": server.conn_string(parameters)});
        let program = Sidecar::serve(&config(&section));
        assert_eq!(
            status(&program, "nobody", "x"),
            expected,
            "{parameters}: {}",
            program.log()
        );
        let is_refused = program.log().contains("invalid peer certificate");
        assert_eq!(is_refused, parameters == "tls=true", "{}", program.log());
    }
}
