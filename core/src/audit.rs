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
#[derive(Debug)]
pub struct Record<'a> {
    request: &'a TokenRequest,
    result: &'static str,
    /// What was decided, and the token's number, if there is a token.
    issued: Option<(&'a Decision, Jti)>,
    generation: u64,
    etag: &'a str,
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
/// Most lines are shorter, in bytes.
const USUAL_LINE: usize = 640;

impl<'a> Record<'a> {
    /// A token was issued.
    #[must_use]
    pub fn issued(request: &'a TokenRequest, decision: &'a Decision, token: &Token) -> Self {
        Self {
            issued: Some((decision, token.jti())),
            ..Self::refused(request, "issued")
        }
    }

    /// No token was issued; `result` is the refusal in a word.
    #[must_use]
    pub fn refused(request: &'a TokenRequest, result: &'static str) -> Self {
        Self {
            request,
            result,
            issued: None,
            generation: 0,
            etag: "",
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
        match (&self.issued, &self.request.credentials) {
            (Some((decision, _)), _) => decision.identity().account.as_str(),
            (None, Credentials::Password { account, .. }) => account.as_str(),
            (None, Credentials::Anonymous | Credentials::RefreshToken(_)) => "",
        }
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
    pub fn line(self, request_id: &str, took_us: u64) -> String {
        let mut line = Line::begin();
        line.member("event", "token");
        line.member("result", self.result);
        line.member("account", self.account());
        line.member("address", &self.request.address);
        line.member("service", self.request.service.as_str());
        match self.issued {
            Some((decision, _)) => line.grants(decision),
            None => line.list("scopes", &self.request.scopes, Line::undecided),
        }
        if let Some((decision, _)) = self.issued {
            line.member("backend", decision.backend());
        }
        line.member("proof", self.proof());
        if let Some((_, jti)) = &self.issued {
            line.member("jti", jti);
        }
        line.member("generation", &self.generation);
        for (key, text) in [("etag", self.etag), ("request_id", request_id)] {
            if !text.is_empty() {
                line.member(key, text);
            }
        }
        line.member("took_us", &took_us);
        line.end()
    }

    fn proof(&self) -> &'static str {
        match &self.issued {
            None => method(self.request),
            Some((decision, _)) => match (&self.request.credentials, decision.proof()) {
                (Credentials::Anonymous, _) => "anonymous",
                (_, Proof::Password) => "password",
                (_, Proof::Open) => "none",
            },
        }
    }
}

/// A line that is being written: the frame by hand, for this is written thousands of times a second.
struct Line(Vec<u8>);

impl Line {
    fn begin() -> Self {
        let mut line = Vec::with_capacity(USUAL_LINE);
        line.push(b'{');
        Self(line)
    }

    fn end(mut self) -> String {
        self.0.push(b'}');
        // serde_json writes nothing but UTF-8.
        String::from_utf8(self.0).unwrap_or_default()
    }

    /// A member of an object. `key` needs no escape.
    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) {
        self.key(key);
        // Texts and numbers alone, and memory to write to: there is nothing that could fail.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    /// A member that is a list.
    fn list<T>(&mut self, key: &'static str, values: impl IntoIterator<Item = T>, write: impl Fn(&mut Self, T)) {
        self.key(key);
        self.0.push(b'[');
        for (number, value) in values.into_iter().enumerate() {
            if number > 0 {
                self.0.push(b',');
            }
            self.0.push(b'{');
            write(self, value);
            self.0.push(b'}');
        }
        self.0.push(b']');
    }

    fn key(&mut self, key: &'static str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn grants(&mut self, decision: &Decision) {
        let (labels, are_cut) = labels(&decision.identity().labels);
        if !labels.is_empty() {
            self.member("labels", &labels);
        }
        if are_cut {
            self.member("labels_cut", &are_cut);
        }
        self.list("scopes", decision.grants(), Self::granted);
    }

    fn granted(&mut self, grant: &Grant) {
        self.member("scope", &format_args!("{}", grant.scope()));
        self.member("granted", grant.actions());
        let (rule, comment) = match grant.because() {
            Because::Rule { index, comment } | Because::CannotJudge { index, comment } => {
                (Some(*index), comment.as_deref())
            }
            Because::NoRule | Because::Backend(_) => (None, None),
        };
        // The deciding rule's number, from 0; null if none matched.
        self.member("rule", &rule);
        if let Some(comment) = comment {
            self.member("comment", comment);
        }
        self.member("because", &format_args!("{}", grant.because()));
    }

    fn undecided(&mut self, scope: &Scope) {
        self.member("scope", &format_args!("{scope}"));
        self.member::<[&str]>("granted", &[]);
        self.member("rule", &None::<usize>);
        self.member("because", "not asked");
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

/// What a request proves itself by, in a word.
#[must_use]
pub fn method(request: &TokenRequest) -> &'static str {
    match request.credentials {
        Credentials::Anonymous => "anonymous",
        Credentials::Password { .. } => "password",
        Credentials::RefreshToken(_) => "refresh_token",
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
