//! A rule that is written a little otherwise, to see whether that is what was meant: it is compiled and judged as all
//! rules are.

use super::super::Asked;
use super::super::pattern::Verdict;
use super::super::patterns::PatternMemo;
use super::super::rule::Rule;
use super::super::search::Subject;
use super::super::variables::Field;
use super::{Known, causes};
use crate::config::acl as written;
use crate::problem::Problems;

impl Known<'_> {
    /// The rule as it is written, with another pattern for one condition.
    pub(super) fn with_pattern(&self, subject: &Subject, pattern: String) -> written::Rule {
        let mut mended = self.written.clone();
        let matches = &mut mended.matches;
        match subject {
            Subject::Field(Field::Account) => matches.account = Some(pattern),
            Subject::Field(Field::Kind) => matches.kind = Some(pattern),
            Subject::Field(Field::Name) => matches.name = Some(pattern),
            Subject::Field(Field::Service) => matches.service = Some(pattern),
            Subject::Label(name) => {
                for (label, old) in &mut matches.labels {
                    if *label == **name {
                        old.clone_from(&pattern);
                    }
                }
            }
        }
        mended
    }
}

/// Whether `rule` is a good one, and matches.
pub(super) fn matches(
    rule: &written::Rule,
    options: written::Options,
    asked: &Asked<'_>,
    patterns: &mut PatternMemo,
) -> bool {
    compiled(rule, options).is_some_and(|rule| rule.judge(asked, patterns) == Verdict::Holds)
}

/// Whether `rule` is a good one, and its condition on `subject` does not fail.
pub(super) fn admits(
    rule: &written::Rule,
    options: written::Options,
    subject: &Subject,
    asked: &Asked<'_>,
    patterns: &mut PatternMemo,
) -> bool {
    compiled(rule, options).is_some_and(|rule| {
        let failing = causes::failing(&rule, asked, patterns);
        !failing.iter().any(|(failing, _)| failing == subject)
    })
}

fn compiled(rule: &written::Rule, options: written::Options) -> Option<Rule> {
    Rule::compile(rule, options, &mut Problems::default())
}

/// The glob with each `*` of it standing twice, so that it spans `/` where that is what `**` means. `None` if it has no
/// `*`, or is no glob.
pub(super) fn spanning(pattern: &str) -> Option<String> {
    if is_expression(pattern) {
        return None;
    }
    let stars = stars(pattern);
    let mut spanning = String::with_capacity(pattern.len().saturating_add(stars.len()));
    for (at, c) in pattern.char_indices() {
        spanning.push(c);
        if stars.contains(&at) {
            spanning.push(c);
        }
    }
    (!stars.is_empty()).then_some(spanning)
}

/// Where in a glob there are stars: not those that are escaped, or in a class, or in the name of a variable.
pub(super) fn stars(glob: &str) -> Vec<usize> {
    let mut stars = Vec::new();
    let mut chars = glob.char_indices();
    let mut is_class = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => is_class = true,
            ']' => is_class = false,
            '$' if glob.get(at..).is_some_and(|rest| rest.starts_with("${")) => {
                chars.find(|(_, c)| *c == '}');
            }
            '*' if !is_class => stars.push(at),
            _ => {}
        }
    }
    stars
}

/// Whether a pattern is a regular expression.
pub(super) fn is_expression(pattern: &str) -> bool {
    pattern.len() > 2 && pattern.starts_with('/') && pattern.ends_with('/')
}
