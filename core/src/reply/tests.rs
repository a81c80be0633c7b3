use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::request::form::FormError;
use crate::token::testdata::{decision, grant, token};

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
        (
            Refusal::Withheld(Withheld::Braked { retry_after: 7 }),
            429,
            "TOOMANYREQUESTS",
        ),
        (
            Refusal::Withheld(Withheld::Busy { retry_after: 7 }),
            429,
            "TOOMANYREQUESTS",
        ),
        (Refusal::Withheld(Withheld::NoMemory), 503, "UNAVAILABLE"),
        (Refusal::Unavailable, 503, "UNAVAILABLE"),
    ] {
        let reply = replies().refusal(&refusal);
        let body: Value = serde_json::from_str(&reply.body).unwrap();
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
            .contains(&("www-authenticate", r#"Basic realm="Acme \"auth\"""#.into()))
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

#[test]
fn a_braked_client_is_told_when_to_come_back_and_not_why() {
    let reply = |withheld| replies().refusal(&Refusal::Withheld(withheld));
    let braked = reply(Withheld::Braked { retry_after: 7 });
    assert_eq!(braked, reply(Withheld::Busy { retry_after: 7 }));
    assert!(braked.headers.contains(&("retry-after", "7".into())));
}

#[test]
fn issued_at_and_expires_in_make_the_end_of_a_token_that_is_handed_out_again() {
    let issued = Timestamp::from_seconds(1_800_000_000);
    let token = token(issued, Duration::from_mins(15), 5);
    let decision = decision(
        "ada",
        "r",
        vec![
            grant("repository:a\"b:pull,push", &["pull"]),
            grant("repository:c:pull", &[]),
        ],
    );
    let body = |method, now: Timestamp| -> Value {
        serde_json::from_str(&replies().token(&token, &decision, method, now).body).unwrap()
    };
    let later = issued.plus(Duration::from_mins(1));
    assert_eq!(
        body(Method::Get, later),
        json!({"token": "xxxxx", "access_token": "xxxxx", "expires_in": 840, "issued_at": "2027-01-15T08:01:00Z"})
    );
    assert_eq!(body(Method::Post, issued)["scope"], "repository:a\"b:pull");
}
