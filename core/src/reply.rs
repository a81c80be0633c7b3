//! The one table: from a token or a refusal to status, headers and body.
//!
//! Errors have the registries' form, `{"errors":[{"code","message","detail"}]}`, and reveal nothing of the policy.
//! 403 is never sent: containerd gives up on it, and tries again on 401.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::json;
use thiserror::Error;

use crate::authn::attempt::Withheld;
use crate::decide::Decision;
use crate::request::{Malformed, Method, Unproven};
use crate::scope::Scope;
use crate::time::Timestamp;
use crate::token::Token;

/// Why a request gets no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request is malformed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The credentials are not accepted.
    #[error(transparent)]
    Unproven(Unproven),
    /// A path below ours where nothing stands.
    #[error("nothing stands at this path")]
    UnknownPath,
    /// `/v2/` on a host that has no registry.
    #[error("no registry stands behind this host")]
    NoRegistry,
    /// A POST whose body the proxy does not hand over. The one status on which every client goes on to GET.
    #[error("POST is not available here; use GET")]
    NoPost,
    /// Another method than GET, HEAD and POST.
    #[error("this method is not known here")]
    Method,
    /// The body took too long.
    #[error("the body of the request did not arrive in time")]
    TooSlow,
    /// The body is above [`crate::request::MAX_BODY_BYTES`].
    #[error("the body is larger than 64 KiB")]
    BodyTooLarge,
    /// A POST that is not form-encoded.
    #[error("the body must be of type `application/x-www-form-urlencoded`")]
    NotAForm,
    /// No hash is computed for these credentials now.
    #[error(transparent)]
    Withheld(Withheld),
    /// Something that is needed to answer cannot be had now.
    #[error("the token service is not available")]
    Unavailable,
}

/// What is sent to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values; a value never holds anything that a client sent.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// JSON.
    pub body: String,
}

/// What answers need of a configuration.
#[derive(Clone, Debug)]
pub struct Replies {
    challenge: String,
    issuer: String,
    hsts: bool,
}

/// How long to wait after a 503, in seconds.
const RETRY_AFTER: &str = "5";

impl Refusal {
    /// The refusal in a word, for metrics and logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Unproven(_) => "unauthorized",
            Self::UnknownPath | Self::NoRegistry => "not_found",
            Self::NoPost => "no_post",
            Self::Method => "method",
            Self::TooSlow => "too_slow",
            Self::BodyTooLarge => "too_large",
            Self::NotAForm => "not_a_form",
            Self::Withheld(Withheld::Braked { .. }) => "braked",
            Self::Withheld(Withheld::Busy { .. }) => "busy",
            Self::Withheld(Withheld::NoMemory) | Self::Unavailable => "unavailable",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Unproven(_) => 401,
            Self::UnknownPath | Self::NoRegistry | Self::NoPost => 404,
            Self::Method => 405,
            Self::TooSlow => 408,
            Self::BodyTooLarge => 413,
            Self::NotAForm => 415,
            Self::Withheld(Withheld::Braked { .. } | Withheld::Busy { .. }) => 429,
            Self::Withheld(Withheld::NoMemory) | Self::Unavailable => 503,
        }
    }

    /// The registries' error code.
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed_code(malformed),
            Self::Unproven(_) => "UNAUTHORIZED",
            Self::UnknownPath | Self::NoRegistry => "NOT_FOUND",
            Self::NoPost | Self::Method | Self::BodyTooLarge | Self::NotAForm => "UNSUPPORTED",
            Self::TooSlow => "TIMEOUT",
            Self::Withheld(Withheld::Braked { .. } | Withheld::Busy { .. }) => "TOOMANYREQUESTS",
            Self::Withheld(Withheld::NoMemory) | Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// What the client reads. Why credentials failed is for the log alone.
    fn message(&self) -> String {
        match self {
            Self::Unproven(_) => "authentication failed: check the user name and the password".to_owned(),
            Self::Withheld(Withheld::NoMemory) => Self::Unavailable.to_string(),
            // Which of the two, and for which account, is for the log alone.
            Self::Withheld(Withheld::Braked { .. } | Withheld::Busy { .. }) => {
                "too many attempts to log in: try again later".to_owned()
            }
            other => other.to_string(),
        }
    }
}

fn malformed_code(malformed: &Malformed) -> &'static str {
    match malformed {
        Malformed::Missing(_) => "MISSING_REQUIRED_FIELD",
        Malformed::Unsupported {
            parameter: "offline_token",
            ..
        } => "BAD_TOKEN_OPTION",
        Malformed::Address(_) | Malformed::TwoAuthorizations | Malformed::SecretInQuery(_) => "UNSUPPORTED",
        Malformed::Form(_)
        | Malformed::Scope(_)
        | Malformed::Account(_)
        | Malformed::Service(_)
        | Malformed::ForeignService(_)
        | Malformed::Unsupported { .. }
        | Malformed::OtherAccount(_)
        | Malformed::LongPassword => "UNSUPPORTED_VALUE",
    }
}

impl Replies {
    /// Answers in the name of `issuer`, with `Strict-Transport-Security` if `hsts`.
    #[must_use]
    pub fn new(issuer: &str, hsts: bool) -> Self {
        Self {
            challenge: format!("Basic realm={}", quoted(issuer)),
            issuer: issuer.to_owned(),
            hsts,
        }
    }

    /// The answer with a token, at `now`. `expires_in` counts from then, and both together are the token's `exp`, also
    /// of one that was issued before.
    #[must_use]
    pub fn token(&self, token: &Token, decision: &Decision, method: Method, now: Timestamp) -> Reply {
        let text = token.text().expose();
        let expires_in = token.expires_at().seconds().saturating_sub(now.seconds());
        // Written by hand, for this is what a proxy answers thousands of times a second. A token is base64url and dots.
        let mut body = String::with_capacity(text.len().saturating_mul(2).saturating_add(192));
        let _ = write!(
            body,
            r#"{{"token":"{text}","access_token":"{text}","expires_in":{expires_in},"issued_at":"{now}""#
        );
        if method == Method::Post {
            let _ = write!(body, r#","scope":{}"#, json!(granted(decision)));
        }
        body.push('}');
        self.reply(200, body)
    }

    /// The answer without one.
    #[must_use]
    pub fn refusal(&self, refusal: &Refusal) -> Reply {
        let detail = match refusal {
            Refusal::NoRegistry => json!({
                "issuer": self.issuer,
                "help": "log in to the registry's own host, whose /v2/ names this token server",
            }),
            _ => json!(null),
        };
        let error = json!({"code": refusal.code(), "message": refusal.message(), "detail": detail});
        let mut reply = self.reply(refusal.status(), json!({"errors": [error]}).to_string());
        match refusal {
            Refusal::Unproven(_) => reply.headers.push(("www-authenticate", self.challenge.clone().into())),
            Refusal::Method => reply.headers.push(("allow", "GET, HEAD, POST".into())),
            Refusal::Withheld(Withheld::Braked { retry_after } | Withheld::Busy { retry_after }) => {
                reply.headers.push(("retry-after", retry_after.to_string().into()));
            }
            Refusal::Withheld(Withheld::NoMemory) | Refusal::Unavailable => {
                reply.headers.push(("retry-after", RETRY_AFTER.into()));
            }
            Refusal::Malformed(_)
            | Refusal::UnknownPath
            | Refusal::NoRegistry
            | Refusal::NoPost
            | Refusal::TooSlow
            | Refusal::BodyTooLarge
            | Refusal::NotAForm => {}
        }
        reply
    }

    /// The front page of a host of our own.
    #[must_use]
    pub fn home(&self) -> Reply {
        let body = json!({
            "service": "registry token server",
            "issuer": self.issuer,
            "token_endpoint": "token",
            "help": "log in to the registry's own host, whose /v2/ names this token server",
        });
        self.reply(200, body.to_string())
    }

    fn reply(&self, status: u16, body: String) -> Reply {
        let mut headers = vec![
            ("content-type", "application/json".into()),
            ("cache-control", "no-store".into()),
            ("pragma", "no-cache".into()),
        ];
        if self.hsts {
            headers.push((
                "strict-transport-security",
                "max-age=63072000; includeSubDomains".into(),
            ));
        }
        Reply { status, headers, body }
    }
}

/// The scopes that were granted at least in part, as a `scope` parameter has them.
fn granted(decision: &Decision) -> String {
    let granted = decision.grants().iter().filter(|grant| !grant.actions().is_empty());
    let scopes = granted.map(|grant| Scope::new(grant.scope().resource().clone(), grant.actions().clone()).to_string());
    scopes.collect::<Vec<_>>().join(" ")
}

/// A quoted-string of RFC 9110 section 5.6.4.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
