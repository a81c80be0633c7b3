//! A registry's token taken apart: what it says, before anybody believes it.

use std::fmt::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use serde_json::Value;
use thiserror::Error;

use super::shown::shown;
use super::span::span;

/// The longest token that is read, in bytes: registries take headers of some 8 KiB.
pub(super) const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// A token in its parts. Its text is in nobody's log: whoever has it may do what it says.
pub(super) struct Jwt {
    pub(super) header: Value,
    pub(super) claims: Value,
    /// What is signed: the first two parts as they stand.
    pub(super) signed: Secret<String>,
    pub(super) signature: Vec<u8>,
}

/// Why a text is no token. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwtError {
    /// Nothing.
    #[error("is empty, and no token")]
    Empty,
    /// Not three parts with dots between.
    #[error(
        "is no token: that has three parts with dots between, and this has {0}; copy all of it, and nothing besides"
    )]
    Parts(usize),
    /// A part that is not base64url, or not JSON.
    #[error("is no token: its {0} cannot be read; copy all of it, it was damaged on its way")]
    Part(&'static str),
}

/// What a token grants on one resource.
pub(super) struct Access {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) actions: Vec<String>,
}

impl Jwt {
    /// Takes a token in its compact form (RFC 7515 section 7.1) apart.
    pub(super) fn parse(text: &str) -> Result<Self, JwtError> {
        let text = text.trim();
        let text = text.strip_prefix("Bearer ").unwrap_or(text).trim_start();
        if text.is_empty() {
            return Err(JwtError::Empty);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let &[header, claims, signature] = parts.as_slice() else {
            return Err(JwtError::Parts(parts.len()));
        };
        let object = |part: &str, name| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Part(name))?;
            let value: Option<Value> = serde_json::from_slice(&bytes).ok();
            value.filter(Value::is_object).ok_or(JwtError::Part(name))
        };
        Ok(Self {
            header: object(header, "header")?,
            claims: object(claims, "claims")?,
            signature: URL_SAFE_NO_PAD
                .decode(signature)
                .map_err(|_| JwtError::Part("signature"))?,
            signed: Secret::new(format!("{header}.{claims}")),
        })
    }

    /// A text of the header; empty if there is none.
    pub(super) fn of_header(&self, name: &str) -> &str {
        text(&self.header, name)
    }

    /// A claim that is a text; empty if there is none.
    pub(super) fn claim(&self, name: &str) -> &str {
        text(&self.claims, name)
    }

    /// A claim that is a time.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let seconds = self.claims.get(name)?;
        let seconds = seconds.as_u64().or_else(|| {
            // RFC 7519 section 2 allows fractions.
            let seconds = seconds
                .as_f64()
                .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
            format!("{seconds:.0}").parse().ok()
        });
        seconds.map(Timestamp::from_seconds)
    }

    /// Whether it is meant for `service`.
    pub(super) fn is_for(&self, service: &str) -> bool {
        self.services().contains(&service)
    }

    /// Whom it is meant for: the claim `aud`, which is a text or, as registry 3 takes it too, a list.
    pub(super) fn services(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(service)) => vec![service],
            Some(Value::Array(services)) => services.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// What it grants.
    pub(super) fn access(&self) -> Vec<Access> {
        let entries = self.claims.get("access").and_then(Value::as_array);
        let entries = entries.map(Vec::as_slice).unwrap_or_default();
        let actions = |entry: &Value| {
            let actions = entry.get("actions").and_then(Value::as_array);
            let actions = actions.map(Vec::as_slice).unwrap_or_default().iter();
            actions.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        entries
            .iter()
            .map(|entry| Access {
                kind: text(entry, "type").to_owned(),
                name: text(entry, "name").to_owned(),
                actions: actions(entry),
            })
            .collect()
    }

    /// The certificates that it carries, as PEM, leaf first; empty if there are none.
    pub(super) fn certificates(&self) -> String {
        let certificates = self.header.get("x5c").and_then(Value::as_array);
        let certificates = certificates.map(Vec::as_slice).unwrap_or_default().iter();
        // Only what is base64 is put between the boundaries.
        let certificates = certificates.filter_map(|text| STANDARD.decode(text.as_str()?).ok());
        certificates.map(|der| pem(&der)).collect()
    }
}

impl Jwt {
    /// What it says, a row for each thing, as of `now`.
    pub(super) fn in_words(&self, now: Timestamp) -> String {
        let mut text = String::new();
        let mut row = |name: &str, what: &str| {
            let _ = writeln!(text, "  {name:<8}  {what}");
        };
        let account = self.claim("sub");
        row(
            "account",
            &if account.is_empty() {
                "anonymous".to_owned()
            } else {
                shown(account)
            },
        );
        row("service", &shown(&self.services().join(", ")));
        row("issuer", &shown(self.claim("iss")));
        let access = self.access();
        if access.is_empty() {
            row("allows", "nothing: it is good to log in with");
        }
        for (number, access) in access.iter().map(Access::in_words).enumerate() {
            row(if number == 0 { "allows" } else { "" }, &access);
        }
        if let Some(end) = self.time("exp") {
            let left = Duration::from_secs(end.seconds().saturating_sub(now.seconds()));
            let begin = self
                .time("iat")
                .map_or_else(String::new, |begin| format!("from {begin} "));
            let left = if left.is_zero() {
                "over".to_owned()
            } else {
                format!("{} left", span(left))
            };
            row("valid", &format!("{begin}until {end} ({left})"));
        }
        let [algorithm, id] = ["alg", "kid"].map(|name| shown(self.of_header(name)));
        let by = if self.certificates().is_empty() {
            "its id alone"
        } else {
            "the certificate it carries"
        };
        row("signed", &format!("{algorithm} by `{id}`, known by {by}"));
        row("number", &shown(self.claim("jti")));
        text
    }
}

impl Access {
    /// `pull, push of repository team/app`, as it is said.
    pub(super) fn in_words(&self) -> String {
        let name = if self.name.is_empty() { "\"\"" } else { &self.name };
        shown(&match self.actions.as_slice() {
            [] => format!("nothing of {} {name}", self.kind),
            actions => format!("{} of {} {name}", actions.join(", "), self.kind),
        })
    }
}

/// A certificate in PEM.
fn pem(der: &[u8]) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(der)
    )
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{header}.{claims}.AAAA")
    }

    #[test]
    fn a_token_says_what_stands_in_it() {
        let claims = json!({
            "iss": "registry-auth", "aud": ["a", "b"], "exp": 1_700_000_900.4,
            "access": [{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}, {"type": "registry"}, 7],
        });
        let text = format!(
            " Bearer {}\n",
            token(&json!({"alg": "ES256", "x5c": ["AAAA", "%", 7]}), &claims)
        );
        let jwt = Jwt::parse(&text).unwrap();
        assert_eq!(
            (jwt.of_header("alg"), jwt.claim("iss"), jwt.claim("sub")),
            ("ES256", "registry-auth", "")
        );
        assert!(jwt.is_for("a") && jwt.is_for("b") && !jwt.is_for("c"));
        assert_eq!(jwt.time("exp"), Some(Timestamp::from_seconds(1_700_000_900)));
        assert_eq!(jwt.time("nbf"), None);
        let access: Vec<_> = jwt.access().iter().map(Access::in_words).collect();
        assert_eq!(
            access,
            [
                "pull, push of repository team/app",
                "nothing of registry \"\"",
                "nothing of  \"\""
            ]
        );
        assert_eq!(jwt.certificates().matches("BEGIN").count(), 1);
    }

    #[test]
    fn what_is_no_token_is_told_without_a_word_of_it() {
        let good = token(&json!({}), &json!({}));
        for (text, error) in [
            ("  \n", JwtError::Empty),
            ("hunter2", JwtError::Parts(1)),
            ("a.b.c.d.e", JwtError::Parts(5)),
            ("a.b.c", JwtError::Part("header")),
            (&good.replace("e30.AAAA", "%.AAAA"), JwtError::Part("claims")),
            (&good.replace("AAAA", "A"), JwtError::Part("signature")),
            ("W10.e30.AAAA", JwtError::Part("header")),
        ] {
            assert_eq!(Jwt::parse(text).err(), Some(error), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[A-Za-z0-9._ -]{0,60}", aud in "[\\[\\]\",a-z0-9{}:]{0,20}") {
            let claims = URL_SAFE_NO_PAD.encode(format!("{{\"aud\":{aud},\"exp\":{aud},\"access\":{aud}}}"));
            for text in [text, format!("e30.{claims}.")] {
                if let Ok(jwt) = Jwt::parse(&text) {
                    let _ = (jwt.services().len(), jwt.time("exp"), jwt.access().len(), jwt.certificates());
                }
            }
        }
    }
}
