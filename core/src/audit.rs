//! One JSON line per decision. The format is described in `docs/audit_log.md`.

use crate::acl::{Because, Grant};
use crate::authn::Proof;
use crate::decide::Decision;
use crate::request::{Credentials, TokenRequest};
use crate::scope::Scope;
use crate::token::{Jti, Token};
use serde::Serialize;

/// What is written of a decision. Never a secret: neither credentials nor the token, of which `jti` is the name.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    event: &'static str,
    result: &'static str,
    account: &'a str,
    address: String,
    service: &'a str,
    scopes: Vec<ScopeRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<&'a str>,
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Jti>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    took_us: u64,
}

#[derive(Debug, Serialize)]
struct ScopeRecord<'a> {
    scope: String,
    granted: Vec<&'a str>,
    /// The deciding rule's number, from 0; null if none matched.
    rule: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    because: String,
}

impl<'a> Record<'a> {
    /// A token was issued.
    #[must_use]
    pub fn issued(request: &'a TokenRequest, decision: &'a Decision, token: &Token) -> Self {
        Self {
            result: "issued",
            account: decision.identity().account.as_str(),
            scopes: decision.grants().iter().map(ScopeRecord::granted).collect(),
            backend: Some(decision.backend()),
            proof: match (&request.credentials, decision.proof()) {
                (Credentials::Anonymous, _) => "anonymous",
                (_, Proof::Password) => "password",
                (_, Proof::Open) => "none",
            },
            jti: Some(token.jti()),
            ..Self::refused(request, "issued")
        }
    }

    /// No token was issued; `result` is the refusal in a word.
    #[must_use]
    pub fn refused(request: &'a TokenRequest, result: &'static str) -> Self {
        Self {
            event: "token",
            result,
            account: match &request.credentials {
                Credentials::Password { account, .. } => account.as_str(),
                Credentials::Anonymous | Credentials::RefreshToken(_) => "",
            },
            address: request.address.to_string(),
            service: request.service.as_str(),
            scopes: request.scopes.iter().map(ScopeRecord::undecided).collect(),
            backend: None,
            proof: method(request),
            jti: None,
            request_id: "",
            took_us: 0,
        }
    }

    /// The decision in a word: `issued`, or why not.
    #[must_use]
    pub fn result(&self) -> &'static str {
        self.result
    }

    /// The account, as it was let in or as it called itself.
    #[must_use]
    pub fn account(&self) -> &'a str {
        self.account
    }

    /// The line, of the request `request_id`, which took `took_us` microseconds.
    #[must_use]
    pub fn line(mut self, request_id: &'a str, took_us: u64) -> String {
        self.request_id = request_id;
        self.took_us = took_us;
        // Texts and numbers alone: there is nothing in it that could not be written.
        serde_json::to_string(&self).unwrap_or_default()
    }
}

/// What a request proves itself by, in a word.
#[must_use]
pub fn method(request: &TokenRequest) -> &'static str {
    match request.credentials {
        Credentials::Anonymous => "anonymous",
        Credentials::Password { .. } => "password",
        Credentials::RefreshToken(_) => "refresh_token",
    }
}

impl<'a> ScopeRecord<'a> {
    fn granted(grant: &'a Grant) -> Self {
        let (rule, comment) = match grant.because() {
            Because::Rule { index, comment } | Because::CannotJudge { index, comment } => {
                (Some(*index), comment.as_deref())
            }
            Because::NoRule | Because::Backend(_) => (None, None),
        };
        Self {
            scope: grant.scope().to_string(),
            granted: grant.actions().iter().collect(),
            rule,
            comment,
            because: grant.because().to_string(),
        }
    }

    fn undecided(scope: &Scope) -> Self {
        Self {
            scope: scope.to_string(),
            granted: Vec::new(),
            rule: None,
            comment: None,
            because: "not asked".to_owned(),
        }
    }
}
