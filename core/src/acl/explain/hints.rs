//! What may have been meant where a request is not granted all that it asks for.
//!
//! A hint that a rule is only nearly right is proven before it is given: the rule is written as the hint says, compiled,
//! and must then match and grant something that is lacking.

use std::fmt;

use super::super::patterns::PatternMemo;
use super::super::search::Subject;
use super::super::variables::Field;
use super::super::{Asked, Because};
use super::wording::{listed, quoted};
use super::{Explanation, Known, LOOKED_AT, Outcome, mended};
use crate::scope::{Actions, Scope};

/// The actions that registries ask for.
const ACTIONS: [&str; 4] = ["pull", "push", "delete", "*"];
/// The types that registries ask for.
const KINDS: [&str; 2] = ["repository", "registry"];
/// So many are given of one scope.
const MOST: usize = 5;

/// What may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The rule that it is about, by its number from 0.
    pub rule: Option<usize>,
    /// What it is, and what to do.
    pub text: String,
}

/// Without the rule, whose name depends on where it stands.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The hints on what was decided by `rules`.
pub(super) fn find(
    explanation: &Explanation,
    rules: &[Known<'_>],
    asked: &Asked<'_>,
    patterns: &mut PatternMemo,
) -> Vec<Hint> {
    let mut hints = Vec::new();
    let decider = explanation.decider().and_then(|judged| rules.get(judged.index));
    if let (Some(decider), Because::Rule { .. }) = (decider, explanation.grant().because()) {
        hints.extend(decider.unanchored(asked, patterns));
    }
    let lacking = lacking(asked.scope.actions(), explanation.grant().actions());
    if lacking.is_empty() {
        return hints;
    }
    hints.extend(of_the_scope(asked.scope));
    if let Some(decider) = decider {
        hints.extend(decider.about_its_actions(explanation, &lacking, rules));
    }
    for judged in explanation.nearest(LOOKED_AT).into_iter().rev() {
        let rule = rules.get(judged.index);
        let granting = rule.filter(|rule| !rule.rule.grant(&lacking).is_empty());
        let conditions: Vec<_> = judged.failures().iter().map(|failure| &failure.condition).collect();
        hints.extend(granting.and_then(|rule| rule.nearly(&conditions, asked, patterns)));
    }
    hints.truncate(MOST);
    hints
}

/// Each in backticks.
fn actions(actions: &Actions) -> String {
    let quoted: Vec<String> = actions.iter().map(quoted).collect();
    listed(quoted.iter().map(String::as_str), "and")
}

/// What is asked for and not granted.
fn lacking(asked: &Actions, granted: &Actions) -> Actions {
    let granted: Vec<&str> = granted.iter().collect();
    asked.iter().filter(|action| !granted.contains(action)).collect()
}

/// What is odd about a scope, whatever the rules are.
fn of_the_scope(scope: &Scope) -> Vec<Hint> {
    let hint = |text: String| Hint { rule: None, text };
    let (kind, name) = (scope.resource().kind(), scope.resource().name());
    let mut hints = Vec::new();
    if !KINDS.contains(&kind) {
        hints.push(hint(format!(
            "registries ask for the types `repository` and `registry`, and `{kind}` is neither"
        )));
    } else if kind == "registry" && name != "catalog" {
        hints.push(hint(format!(
            "of type `registry`, registries ask for `registry:catalog:*` alone, and never for {}; for an image write \
             `repository:NAME:ACTIONS`",
            quoted(name)
        )));
    }
    let odd = scope.actions().iter().filter(|action| !ACTIONS.contains(action));
    let odd: Vec<String> = odd.map(quoted).collect();
    if let Some(first) = odd.first() {
        let verb = if odd.len() == 1 { "is" } else { "are" };
        let odd = listed(odd.iter().map(String::as_str), "and");
        let none = if first == &odd { "none" } else { "not" };
        hints.push(hint(format!(
            "registries ask for the actions `pull`, `push`, `delete` and `*`; {odd} {verb} {none} of these"
        )));
    }
    hints
}

impl Known<'_> {
    pub(super) fn hint(&self, text: String) -> Hint {
        Hint {
            rule: Some(self.index),
            text,
        }
    }

    /// The rule decides, and grants less than is asked for.
    fn about_its_actions(&self, explanation: &Explanation, lacking: &Actions, rules: &[Known<'_>]) -> Vec<Hint> {
        let Some(Outcome::Matches(_)) = explanation.decider().map(|judged| &judged.outcome) else {
            return Vec::new();
        };
        let mut hints = Vec::new();
        let wanted = actions(lacking);
        let written = &self.written.actions;
        if written.iter().any(|action| action == "*") {
            hints.push(self.hint(
                "beside others `*` is only the name of an action; write `actions: [\"*\"]` to grant all that is asked for"
                    .to_owned(),
            ));
        } else if lacking.iter().any(|action| action == "*") {
            hints.push(self.hint(
                "`*` is an action of its own, which registries ask for to list the catalog; only `actions: [\"*\"]` grants it"
                    .to_owned(),
            ));
        } else if written.is_empty() {
            hints.push(self.hint("denies, since its `actions` are empty".to_owned()));
        } else {
            hints.push(self.hint(format!("does not have {wanted} among its `actions`")));
        }
        let would = |index: usize| {
            rules
                .get(index)
                .is_some_and(|rule| !rule.rule.grant(lacking).is_empty())
        };
        let later = explanation
            .later()
            .iter()
            .find(|judged| matches!(judged.outcome, Outcome::Matches(_)) && would(judged.index));
        if let Some(later) = later {
            let granted = rules
                .get(later.index)
                .map(|rule| rule.rule.grant(lacking))
                .unwrap_or_default();
            hints.push(Hint {
                rule: Some(later.index),
                text: format!(
                    "would grant {}, but stands below the rule that decides; the first one that matches decides alone",
                    actions(&granted)
                ),
            });
        }
        hints
    }

    /// The rule decides by an expression that is found in the middle of something longer.
    fn unanchored(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Vec<Hint> {
        let mut hints = Vec::new();
        for subject in self.subjects() {
            let Some(inside) = self.pattern(&subject).and_then(expression) else {
                continue;
            };
            if has_anchor(inside) {
                continue;
            }
            let whole = anchored(inside);
            if !mended::matches(
                &self.with_pattern(&subject, whole.clone()),
                self.options,
                asked,
                patterns,
            ) {
                hints.push(self.hint(format!(
                    "{} `/{inside}/` is found anywhere in a text; write {} for the whole of it",
                    key(&subject),
                    quoted(&whole)
                )));
            }
        }
        hints
    }
}

/// What stands between the slashes of a regular expression.
pub(super) fn expression(pattern: &str) -> Option<&str> {
    let is_expression = mended::is_expression(pattern);
    let inside = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    inside.filter(|_| is_expression)
}

/// The expression for the whole of a text.
pub(super) fn anchored(expression: &str) -> String {
    if expression.contains('|') {
        format!("/^(?:{expression})$/")
    } else {
        format!("/^{expression}$/")
    }
}

/// Whether an expression says where in a text it is found, its variables apart.
fn has_anchor(expression: &str) -> bool {
    let plain = expression.replace("${", "");
    ["^", "$", "\\A", "\\z"].iter().any(|anchor| plain.contains(anchor))
}

/// A condition's key, as it is written in a rule.
pub(super) fn key(subject: &Subject) -> String {
    match subject {
        Subject::Field(Field::Account) => "account".to_owned(),
        Subject::Field(field) => field.key().to_owned(),
        Subject::Label(name) => format!("label `{name}`"),
    }
}
