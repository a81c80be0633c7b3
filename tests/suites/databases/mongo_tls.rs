//! `mongo_auth`: TLS to the server, by an authority of one's own.

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::databases::Mongo;

use super::mongo::{account, config_of, section, serve_mongo};
use crate::*;

fn with(mut dial_info: Value, keys: &[(&str, Value)]) -> Value {
    for (key, value) in keys {
        dial_info[key] = value.clone();
    }
    dial_info
}

#[test]
fn a_server_must_be_who_its_authority_says() {
    let (ours, other) = (
        Certified::by_authority(Algorithm::Es256),
        Certified::by_authority(Algorithm::Es256),
    );
    let server = Mongo::start_with_tls(&ours);
    server.collection("users").insert(&account("grace", "secret"));
    let root = |certified: &Certified| json!(certified.root_file());
    let tls = [("enable_tls", json!(true)), ("ca_certificate", root(&ours))];
    let url =
        |certified: &Certified| json!(server.url(&format!("tls=true&tlsCAFile={}", certified.root_file().display())));
    for dial_info in [with(server.dial_info(), &tls), url(&ours)] {
        let program = serve_mongo(&section(&dial_info));
        assert_eq!(
            status(&program, "grace", "secret"),
            200,
            "{dial_info}: {}",
            program.log()
        );
    }
    let by_name = format!("localhost:{}", server.port());
    for (dial_info, why) in [
        (
            with(
                server.dial_info(),
                &[("enable_tls", json!(true)), ("ca_certificate", root(&other))],
            ),
            "invalid peer certificate",
        ),
        (
            with(server.dial_info(), &[("enable_tls", json!(true))]),
            "invalid peer certificate",
        ),
        (
            with(with(server.dial_info(), &tls), &[("addrs", json!([by_name]))]),
            "not valid for name",
        ),
        (url(&other), "invalid peer certificate"),
        (server.dial_info(), "could not be connected to"),
    ] {
        let mut section = section(&dial_info);
        section["timeout"] = json!("2s");
        let program = Sidecar::serve(&config_of(&section));
        assert_eq!(status(&program, "grace", "secret"), 503, "{dial_info}");
        assert!(program.log().contains(why), "{dial_info}: {}", program.log());
    }
}

#[test]
fn a_client_may_have_a_certificate_too() {
    let ours = Certified::by_authority(Algorithm::Es256);
    let server = Mongo::start_with_certificates(&ours);
    server.collection("users").insert(&account("grace", "secret"));
    let file = server.certificate_and_key();
    let tls = [("enable_tls", json!(true)), ("ca_certificate", json!(ours.root_file()))];
    let without = with(server.dial_info(), &tls);
    let certified = with(without.clone(), &[("client_certificate", json!(file))]);
    let url = format!(
        "tls=true&tlsCAFile={}&tlsCertificateKeyFile={}",
        ours.root_file().display(),
        file.display()
    );
    for dial_info in [certified, json!(server.url(&url))] {
        let program = serve_mongo(&section(&dial_info));
        assert_eq!(
            status(&program, "grace", "secret"),
            200,
            "{dial_info}: {}",
            program.log()
        );
    }
    let program = Sidecar::serve(&config_of(&section(&without)));
    assert_eq!(status(&program, "grace", "secret"), 503, "{}", program.log());
}
