//! One JSON line per decision. The format is described in `docs/audit_log.md`.

use crate::account::{Labels, LabelsArePatterns};
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<LabelRecord<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    labels_cut: bool,
    scopes: Vec<ScopeRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<&'a str>,
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Jti>,
    generation: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    etag: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    took_us: u64,
}

/// One value of a label.
#[derive(Debug, Serialize)]
struct LabelRecord<'a> {
    name: &'a str,
    value: &'a str,
    /// Whether it may act as a pattern.
    pattern: bool,
}

/// What is written of labels at most, in bytes of names and values.
const MAX_LABELS: usize = 2_048;
/// What is written of an entity tag.
const ETAG_CHARACTERS: usize = 8;

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
        let (labels, labels_cut) = labels(&decision.identity().labels);
        Self {
            result: "issued",
            labels,
            labels_cut,
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
            labels: Vec::new(),
            labels_cut: false,
            scopes: request.scopes.iter().map(ScopeRecord::undecided).collect(),
            backend: None,
            proof: method(request),
            jti: None,
            generation: 0,
            etag: "",
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

    /// By which configuration it was decided: its number, in milliseconds since the epoch, and its entity tag, of which
    /// the first eight characters are written.
    #[must_use]
    pub fn by(mut self, generation: u64, etag: &'a str) -> Self {
        self.generation = generation;
        self.etag = etag.get(..ETAG_CHARACTERS).unwrap_or(etag);
        self
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

/// As many values as there is room for, whole each, and whether that is less than all.
fn labels(labels: &Labels) -> (Vec<LabelRecord<'_>>, bool) {
    let pattern = labels.are_patterns() != LabelsArePatterns::None;
    let values = labels
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str())));
    let (mut records, mut left) = (Vec::new(), MAX_LABELS);
    for (name, value) in values {
        let Some(rest) = left.checked_sub(name.len().saturating_add(value.len())) else {
            return (records, true);
        };
        left = rest;
        records.push(LabelRecord { name, value, pattern });
    }
    (records, false)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde hands over")]
fn is_false(flag: &bool) -> bool {
    !flag
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&str, &[&str])], are_patterns: LabelsArePatterns) -> Labels {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let values = values.iter().map(|(name, values)| ((*name).to_owned(), owned(values)));
        Labels::new(values.collect(), are_patterns)
    }

    #[test]
    fn each_value_of_a_label_stands_for_itself_and_says_whether_it_may_be_a_pattern() {
        let values = of(&[("team", &["a", "b*"]), ("none", &[])], LabelsArePatterns::Glob);
        let (records, cut) = labels(&values);
        assert_eq!(
            serde_json::to_value(records).unwrap(),
            serde_json::json!([
                {"name": "team", "value": "a", "pattern": true},
                {"name": "team", "value": "b*", "pattern": true},
            ])
        );
        assert!(!cut);
        let values = of(&[("group", &["x*"])], LabelsArePatterns::None);
        assert!(!labels(&values).0[0].pattern);
    }

    #[test]
    fn labels_end_at_two_kilobytes_and_a_cut_shows() {
        let value = "x".repeat(1_020);
        let values = of(&[("team", &[&value, &value])], LabelsArePatterns::Glob);
        let (records, cut) = labels(&values);
        assert_eq!((records.len(), cut), (2, false), "2,048 bytes");
        let values = of(&[("team", &[&value, &value, ""])], LabelsArePatterns::Glob);
        let (records, cut) = labels(&values);
        assert_eq!((records.len(), cut), (2, true));
    }
}
