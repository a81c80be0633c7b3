use super::*;
use crate::request::form::FormError;

fn replies() -> Replies {
    Replies::new("Acme \"auth\"", false)
}

#[test]
fn every_refusal_has_its_status_and_code() {
    let missing = Refusal::Malformed(Malformed::Missing("username"));
    for (refusal, status, code) in [
        (missing, 400, "MISSING_REQUIRED_FIELD"),
        (
            Refusal::Malformed(Malformed::Form(FormError::Percent)),
            400,
            "UNSUPPORTED_VALUE",
        ),
        (Refusal::Unproven(Unproven::WrongCredentials), 401, "UNAUTHORIZED"),
        (Refusal::UnknownPath, 404, "NOT_FOUND"),
        (Refusal::NoPost, 404, "UNSUPPORTED"),
        (Refusal::Method, 405, "UNSUPPORTED"),
        (Refusal::TooSlow, 408, "TIMEOUT"),
        (Refusal::BodyTooLarge, 413, "UNSUPPORTED"),
        (Refusal::NotAForm, 415, "UNSUPPORTED"),
        (Refusal::Unavailable, 503, "UNAVAILABLE"),
    ] {
        let reply = replies().refusal(&refusal);
        let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(
            (reply.status, body["errors"][0]["code"].as_str()),
            (status, Some(code)),
            "{refusal:?}"
        );
    }
}

#[test]
fn the_challenge_escapes_the_issuer() {
    let reply = replies().refusal(&Refusal::Unproven(Unproven::BrokenHeader));
    assert!(
        reply
            .headers
            .contains(&("www-authenticate", r#"Basic realm="Acme \"auth\"""#.to_owned()))
    );
}

#[test]
fn why_credentials_failed_is_not_told() {
    let bodies: Vec<String> = [
        Unproven::BrokenHeader,
        Unproven::ForeignScheme,
        Unproven::NoName,
        Unproven::RefreshToken,
    ]
    .map(|why| replies().refusal(&Refusal::Unproven(why)).body)
    .into();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}
