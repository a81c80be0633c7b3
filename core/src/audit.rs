//! One JSON line per decision. The format is described in `docs/audit_log.md`.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::account::{Labels, LabelsArePatterns};
use crate::acl::{Because, Grant};
use crate::authn::Proof;
use crate::decide::Decision;
use crate::request::{Credentials, TokenRequest};
use crate::scope::Scope;
use crate::token::{Jti, Token};

/// What is written of a decision. Never a secret: neither credentials nor the token, of which `jti` is the name.
#[derive(Debug)]
pub struct Record<'a> {
    request: &'a TokenRequest,
    result: &'static str,
    /// What was decided, and the token's number, if there is a token.
    issued: Option<(&'a Decision, Jti)>,
    /// What a back-end said of a refusal.
    reason: Option<&'a str>,
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
            reason: None,
            generation: 0,
            etag: "",
        }
    }

    /// The same with what a back-end said of it.
    #[must_use]
    pub fn because(mut self, reason: Option<&'a str>) -> Self {
        self.reason = reason;
        self
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
        let mut line = Line(String::with_capacity(USUAL_LINE));
        line.text(r#"{"event":"token","result":"#, self.result);
        line.text(r#","account":"#, self.account());
        line.displayed(r#","address":"#, &self.request.address);
        line.text(r#","service":"#, self.request.service.as_str());
        match self.issued {
            Some((decision, _)) => line.grants(decision),
            None => line.list(&self.request.scopes, Line::undecided),
        }
        if let Some((decision, _)) = self.issued {
            line.text(r#","backend":"#, decision.backend());
        }
        if let Some(reason) = self.reason {
            line.text(r#","reason":"#, reason);
        }
        line.text(r#","proof":"#, self.proof());
        if let Some((_, jti)) = &self.issued {
            line.displayed(r#","jti":"#, jti);
        }
        line.number(r#","generation":"#, &self.generation);
        for (frame, text) in [(r#","etag":"#, self.etag), (r#","request_id":"#, request_id)] {
            if !text.is_empty() {
                line.text(frame, text);
            }
        }
        line.number(r#","took_us":"#, &took_us);
        line.0.push('}');
        line.0
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

/// A line that is being written, by hand, for this is done thousands of times a second. Each value comes with the frame
/// before it, which is JSON as it is.
struct Line(String);

/// Writes what stands inside of a JSON string.
struct Escaped<'a>(&'a mut String);

impl Line {
    fn text(&mut self, frame: &'static str, value: &str) {
        self.0.push_str(frame);
        self.0.push('"');
        Escaped(&mut self.0).push(value);
        self.0.push('"');
    }

    /// A text as it is displayed.
    fn displayed(&mut self, frame: &'static str, value: &impl fmt::Display) {
        self.0.push_str(frame);
        self.0.push('"');
        let _ = write!(Escaped(&mut self.0), "{value}");
        self.0.push('"');
    }

    fn number(&mut self, frame: &'static str, value: &impl fmt::Display) {
        self.0.push_str(frame);
        let _ = write!(self.0, "{value}");
    }

    fn list<T>(&mut self, scopes: impl IntoIterator<Item = T>, write: impl Fn(&mut Self, T)) {
        self.0.push_str(r#","scopes":["#);
        for (number, scope) in scopes.into_iter().enumerate() {
            if number > 0 {
                self.0.push(',');
            }
            write(self, scope);
        }
        self.0.push(']');
    }

    fn grants(&mut self, decision: &Decision) {
        let (labels, are_cut) = labels(&decision.identity().labels);
        if !labels.is_empty() {
            self.0.push_str(r#","labels":"#);
            // Texts alone: there is nothing that could fail.
            self.0.push_str(&serde_json::to_string(&labels).unwrap_or_default());
        }
        if are_cut {
            self.0.push_str(r#","labels_cut":true"#);
        }
        self.list(decision.grants(), Self::granted);
    }

    fn granted(&mut self, grant: &Grant) {
        self.displayed(r#"{"scope":"#, grant.scope());
        self.0.push_str(r#","granted":["#);
        for (number, action) in grant.actions().iter().enumerate() {
            self.text(if number > 0 { "," } else { "" }, action);
        }
        // The deciding rule's number, from 0; null if none matched.
        self.0.push_str(r#"],"rule":"#);
        match grant.because() {
            Because::Rule { index, comment } | Because::CannotJudge { index, comment } => {
                self.number("", index);
                if let Some(comment) = comment {
                    self.text(r#","comment":"#, comment);
                }
            }
            Because::NoRule | Because::Backend(_) => self.0.push_str("null"),
        }
        self.displayed(r#","because":"#, grant.because());
        self.0.push('}');
    }

    fn undecided(&mut self, scope: &Scope) {
        self.displayed(r#"{"scope":"#, scope);
        self.0.push_str(r#","granted":[],"rule":null,"because":"not asked"}"#);
    }
}

impl Escaped<'_> {
    fn push(&mut self, text: &str) {
        if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
            self.0.push_str(text);
        } else {
            let quoted = serde_json::to_string(text).unwrap_or_default();
            let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            self.0.push_str(inside.unwrap_or_default());
        }
    }
}

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
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
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn any_text_is_written_as_json_writes_it(text: String, odd in "[\"\\\\\\x00-\\x1f\\x7f a]*") {
            for text in [text, odd] {
                let mut line = Line(String::new());
                line.text("", &text);
                prop_assert_eq!(line.0, serde_json::to_string(&text).unwrap());
            }
        }
    }
}
