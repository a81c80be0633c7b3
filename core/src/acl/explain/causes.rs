//! Which conditions of a rule fail, each judged by itself as far as it can be.

use super::super::Asked;
use super::super::pattern::Verdict;
use super::super::patterns::PatternMemo;
use super::super::rule::Rule;
use super::super::search::{MAX_COMBINATIONS, Search, Step, Subject};
use super::super::variables::{Taken, combinations};

/// Why a condition with a pattern fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is about a label, or names one, that has no value.
    NoValue(Box<str>),
    /// The pattern does not match, for the values of its variables if there are such.
    Differs,
    /// It does not match with any of so many combinations of label values.
    ForEach(usize),
}

/// The conditions with patterns that fail whatever the others are, in no order.
pub(super) fn failing(rule: &Rule, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Vec<(Subject, Cause)> {
    let mut failing = Vec::new();
    for (field, matcher) in &rule.fields {
        if matcher.judge(std::iter::once(field.of(asked)), patterns) == Verdict::Fails {
            failing.push((Subject::Field(*field), Cause::Differs));
        }
    }
    for (label, matcher) in &rule.labels {
        let values = asked.identity.labels.get(label);
        let cause = if values.is_empty() {
            Cause::NoValue(label.clone())
        } else {
            Cause::Differs
        };
        if matcher.judge(values.iter().map(String::as_str), patterns) == Verdict::Fails {
            failing.push((Subject::Label(label.clone()), cause));
        }
    }
    if let Some(search) = &rule.search {
        with_variables(search, asked, patterns, &mut failing);
    }
    failing
}

/// What the groups took of those fields whose expressions match.
pub(super) fn taken<'a>(search: &Search, asked: &Asked<'a>, patterns: &mut PatternMemo) -> Taken<'a> {
    let mut taken = Taken::default();
    for (field, expression) in &search.sources {
        *field.slot(&mut taken) = expression.captures(field.of(asked), patterns);
    }
    for step in search.certain.iter().filter(|step| step.feeds.is_some()) {
        if step.label_without_value(asked).is_none() && knows(step, &taken) {
            step.judge(asked, 0, &mut taken, patterns);
        }
    }
    taken
}

/// Whether all groups that a condition names took something.
pub(super) fn knows(step: &Step, taken: &Taken<'_>) -> bool {
    step.captured.iter().all(|field| field.look(taken).is_some())
}

fn with_variables(search: &Search, asked: &Asked<'_>, patterns: &mut PatternMemo, failing: &mut Vec<(Subject, Cause)>) {
    let mut taken = taken(search, asked, patterns);
    let is_small = search.work(asked) <= MAX_COMBINATIONS;
    for step in search.certain.iter().chain(&search.chosen) {
        let cause = match step.label_without_value(asked) {
            Some(label) => Some(Cause::NoValue(label.into())),
            // What it takes from the groups of another condition cannot be told where that one fails.
            None if !knows(step, &taken) => None,
            None if step.pattern.labels().is_empty() => {
                let fails = step.judge(asked, 0, &mut taken, patterns) == Verdict::Fails;
                fails.then_some(Cause::Differs)
            }
            None if is_small => {
                let count = combinations(step.pattern.labels(), asked);
                let mut all = 0..count;
                let fails = all.all(|number| step.judge(asked, number, &mut taken, patterns) == Verdict::Fails);
                // What its groups took belongs to one choice of several.
                if let Some(field) = step.feeds {
                    *field.slot(&mut taken) = None;
                }
                fails.then_some(Cause::ForEach(count))
            }
            None => None,
        };
        failing.extend(cause.map(|cause| (step.subject.clone(), cause)));
    }
}
