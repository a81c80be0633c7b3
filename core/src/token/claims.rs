//! The second part of a token: what was granted, to whom, for how long.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jwt_compact::Claims;
use serde::ser::{Serialize, Serializer};

use crate::acl::Grant;
use crate::decide::Decision;
use crate::scope::Actions;
use crate::time::Timestamp;

/// How long before its issue a token is valid already: the registry's clock may be behind by that much.
const NOT_BEFORE: Duration = Duration::from_secs(10);

/// The number of one token: 128 random bits, so that nobody can guess another's. Prints in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Jti([u8; 16]);

impl Jti {
    /// The number made of 16 bytes that a secure generator gave.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Jti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        let (pairs, _) = text.as_chunks_mut::<2>();
        for ([high, low], byte) in pairs.iter_mut().zip(self.0) {
            (*high, *low) = (hex_digit(byte >> 4), hex_digit(byte & 0x0f));
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

fn hex_digit(number: u8) -> u8 {
    b"0123456789abcdef"
        .get(usize::from(number))
        .copied()
        .unwrap_or_default()
}

impl Serialize for Jti {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The claims of a token beside its times, which jwt-compact writes.
#[derive(serde::Serialize)]
struct RegistryClaims<'a> {
    iss: &'a str,
    /// `""` for the anonymous account.
    sub: &'a str,
    /// One string, though RFC 7519 section 4.1.3 allows a list: registry 2.8 refuses a list.
    aud: &'a str,
    jti: &'a Jti,
    access: Access<'a>,
}

/// One entry for each grant, in their order; `actions` is there also when it is empty.
struct Access<'a>(&'a [Grant]);

#[derive(serde::Serialize)]
struct Entry<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
    actions: &'a Actions,
}

/// The claims of a token issued for `decision` at `issued_at`, as JSON.
pub(super) fn to_json(
    decision: &Decision,
    issuer: &str,
    jti: &Jti,
    issued_at: Timestamp,
    expires_at: Timestamp,
) -> serde_json::Result<Vec<u8>> {
    let mut claims = Claims::new(RegistryClaims {
        iss: issuer,
        sub: decision.identity().account.as_str(),
        aud: decision.service().as_str(),
        jti,
        access: Access(decision.grants()),
    });
    claims.expiration = date_time(expires_at);
    claims.not_before = date_time(issued_at.minus(NOT_BEFORE));
    claims.issued_at = date_time(issued_at);
    serde_json::to_vec(&claims)
}

/// Always `Some`: a timestamp ends with the year 9999, and this type long after.
fn date_time(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(at.seconds()).ok()?, 0)
}

impl Serialize for Access<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|grant| Entry {
            kind: grant.scope().resource().kind(),
            name: grant.scope().resource().name(),
            actions: grant.actions(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::testdata::{decision, grant};
    use super::*;

    const NOW: u64 = 1_700_000_000;
    const JTI: Jti = Jti([0x0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);

    fn written(decision: &Decision, issuer: &str) -> String {
        let (issued_at, expires_at) = (Timestamp::from_seconds(NOW), Timestamp::from_seconds(NOW + 900));
        String::from_utf8(to_json(decision, issuer, &JTI, issued_at, expires_at).unwrap()).unwrap()
    }

    #[test]
    fn the_claims_are_those_that_registries_demand() {
        let decision = decision(
            "ada",
            "registry.test",
            vec![
                grant("repository:team/app:pull,push", &["push", "pull"]),
                grant("registry:catalog:*", &[]),
                grant("repository::pull", &["pull"]),
            ],
        );
        assert_eq!(
            written(&decision, "auth.test"),
            concat!(
                r#"{"exp":1700000900,"nbf":1699999990,"iat":1700000000,"#,
                r#""iss":"auth.test","sub":"ada","aud":"registry.test","jti":"0f01020304050607"#,
                r#"08090a0b0c0d0eff","access":["#,
                r#"{"type":"repository","name":"team/app","actions":["pull","push"]},"#,
                r#"{"type":"registry","name":"catalog","actions":[]},"#,
                r#"{"type":"repository","name":"","actions":["pull"]}]}"#
            )
        );
    }

    #[test]
    fn an_anonymous_token_for_no_service_and_no_scope_has_every_claim() {
        assert_eq!(
            written(&decision("", "", vec![]), "auth.test"),
            concat!(
                r#"{"exp":1700000900,"nbf":1699999990,"iat":1700000000,"#,
                r#""iss":"auth.test","sub":"","aud":"","jti":"0f0102030405060708090a0b0c0d0eff","access":[]}"#
            )
        );
    }

    #[test]
    fn a_clock_at_the_epoch_or_the_end_of_time_gives_every_time() {
        for now in [Timestamp::from_seconds(0), Timestamp::from_seconds(u64::MAX)] {
            let json = to_json(&decision("a", "b", vec![]), "c", &JTI, now, now).unwrap();
            let claims: Value = serde_json::from_slice(&json).unwrap();
            for time in ["exp", "nbf", "iat"] {
                assert!(claims[time].is_u64(), "{time} of {now}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(
            account in "[^\\p{Cc}]{0,40}", service in "[^\\p{Cc}]{0,40}", issuer in ".{0,40}", name in "[^\\p{Cc}:/ ]{1,40}", action in ".{1,20}"
        ) {
            let scope = format!("repository:{name}:pull");
            let decision = decision(&account, &service, vec![grant(&scope, &[action.as_str()])]);
            let claims: Value = serde_json::from_str(&written(&decision, &issuer)).unwrap();
            prop_assert_eq!(&claims["sub"], &json!(account));
            prop_assert_eq!(&claims["aud"], &json!(service));
            prop_assert_eq!(&claims["iss"], &json!(issuer));
            prop_assert_eq!(&claims["access"], &json!([{"type": "repository", "name": name, "actions": [action]}]));
        }
    }
}
