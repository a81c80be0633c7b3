//! TLS to PostgreSQL, by an authority of one's own.

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
