//! Why a condition does not hold, in words.

use std::net::IpAddr;

use super::super::Asked;
use super::super::glob::{DoubleStar, Glob};
use super::super::pattern::{Verdict, Written};
use super::super::patterns::PatternMemo;
use super::super::search::{MAX_COMBINATIONS, Search, Step, Subject};
use super::super::variables::{Field, Values, combinations};
use super::causes::{self, Cause};
use super::mended;
use super::{Condition, Failure, Known};
use crate::config::acl::Options;

/// So many values are told, and how many there are besides.
const MOST_VALUES: usize = 5;
/// So long may a value be before only its beginning is told, in characters.
const LONGEST_VALUE: usize = 120;

/// `a, b and c`, `and` being the word before the last one.
#[must_use]
pub fn listed<'t>(texts: impl IntoIterator<Item = &'t str>, word: &str) -> String {
    let texts: Vec<&str> = texts.into_iter().collect();
    match texts.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} {word} {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A text in backticks, cut if it is very long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("`{}...`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

impl Known<'_> {
    /// Why the rule does not match: each condition that fails whatever the others are, or all that depend on each other.
    pub(super) fn failures(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Vec<Failure> {
        let failing = causes::failing(self.rule, asked, patterns);
        let mut failures = Vec::new();
        let mut address = self.address(asked.address);
        for subject in self.subjects() {
            if matches!(subject, Subject::Label(_)) {
                failures.extend(address.take());
            }
            if let Some((_, cause)) = failing.iter().find(|(failing, _)| *failing == subject) {
                failures.push(Failure {
                    condition: Condition::of(&subject),
                    why: self.why(&subject, cause, asked, patterns),
                });
            }
        }
        failures.extend(address);
        if failures.is_empty() {
            failures.push(self.together());
        }
        failures
    }

    /// What hinders that the rule is judged.
    pub(super) fn doubt(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> String {
        let Some(search) = &self.rule.search else {
            return "an expression of it is too large".to_owned();
        };
        let work = search.work(asked);
        if work > MAX_COMBINATIONS {
            return format!(
                "the values of {} give {work} combinations to try, and more than {MAX_COMBINATIONS} are not tried",
                labels_of(search)
            );
        }
        let faulty = self.faulty(search, asked, patterns);
        faulty.unwrap_or_else(|| {
            format!(
                "a value of {} makes a pattern of it malformed or too large",
                labels_of(search)
            )
        })
    }

    /// A condition that some value makes malformed.
    fn faulty(&self, search: &Search, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<String> {
        let mut taken = causes::taken(search, asked, patterns);
        for step in search.certain.iter().chain(&search.chosen) {
            if !causes::knows(step, &taken) {
                continue;
            }
            for combination in 0..combinations(step.pattern.labels(), asked) {
                if step.judge(asked, combination, &mut taken, patterns) == Verdict::Unknown {
                    let filled = self.filled(step, combination, asked, patterns)?;
                    let topic = topic(&step.subject, self.pattern(&step.subject)?);
                    return Some(format!(
                        "{topic} becomes {}, which is malformed or too large",
                        quoted(&filled)
                    ));
                }
            }
        }
        None
    }

    /// Conditions fail that hang on each other: a field whose groups others name, for each value of a label.
    fn together(&self) -> Failure {
        let search = self.rule.search.as_deref();
        let steps = search.into_iter().flat_map(|search| &search.chosen);
        let topics: Vec<String> = steps
            .map(|step| topic(&step.subject, self.pattern(&step.subject).unwrap_or_default()))
            .collect();
        Failure {
            condition: Condition::Several,
            why: format!(
                "{} hold together for no value of {}",
                listed(topics.iter().map(String::as_str), "and"),
                search.map(labels_of).unwrap_or_default()
            ),
        }
    }

    fn address(&self, address: IpAddr) -> Option<Failure> {
        let written = self.written.matches.ip.as_deref()?;
        let network = self.rule.network?;
        if network.holds(address) {
            return None;
        }
        let address = address.to_canonical();
        let other_family = network.is_ipv4() != address.is_ipv4();
        let why = if other_family {
            let family = if network.is_ipv4() { "IPv4" } else { "IPv6" };
            format!("ip `{written}` holds {family} addresses alone, not {address}")
        } else if written.contains('/') {
            format!("ip `{written}` does not hold {address}")
        } else {
            format!("ip `{written}` is not {address}")
        };
        Some(Failure {
            condition: Condition::Ip,
            why,
        })
    }

    fn why(&self, subject: &Subject, cause: &Cause, asked: &Asked<'_>, patterns: &mut PatternMemo) -> String {
        let pattern = self.pattern(subject).unwrap_or_default();
        let topic = topic(subject, pattern);
        match cause {
            Cause::NoValue(label) if matches!(subject, Subject::Label(own) if own == label) => {
                format!("label `{label}` is missing")
            }
            Cause::NoValue(label) => format!("{topic} needs label `{label}`, which is missing"),
            Cause::Differs => {
                let filled = self
                    .step(subject)
                    .and_then(|step| self.filled(step, 0, asked, patterns));
                let here = filled.as_ref().map(|filled| format!(", here {},", quoted(filled)));
                let here = here.unwrap_or_default();
                let differs = differs(subject, pattern, filled.as_deref(), self.options, asked);
                let beyond = self.beyond(subject, asked, patterns);
                format!("{topic}{here} {differs}{beyond}")
            }
            Cause::ForEach(_) => {
                let step = self.step(subject);
                let values = step
                    .map(|step| of_labels(step.pattern.labels(), asked))
                    .unwrap_or_default();
                let beyond = self.beyond(subject, asked, patterns);
                format!(
                    "{topic} does not match {} with {values}{beyond}",
                    actual(subject, asked)
                )
            }
        }
    }

    /// The step that judges a condition with variables.
    fn step(&self, subject: &Subject) -> Option<&Step> {
        let search = self.rule.search.as_deref()?;
        let mut steps = search.certain.iter().chain(&search.chosen);
        steps.find(|step| step.subject == *subject)
    }

    /// The pattern of `step` with the values of one combination in it.
    fn filled(&self, step: &Step, combination: usize, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<String> {
        let taken = causes::taken(self.rule.search.as_deref()?, asked, patterns);
        let values = Values {
            asked,
            taken: &taken,
            labels: step.pattern.labels(),
            combination,
        };
        let text = self.pattern(&step.subject)?;
        let written = Written::read(text).ok()?;
        let mut filled = String::new();
        let mut done = 0;
        for reference in written.references() {
            filled.push_str(text.get(done..reference.at.start)?);
            filled.push_str(values.of(&reference.variable)?.text);
            done = reference.at.end;
        }
        filled.push_str(text.get(done..)?);
        Some(filled)
    }

    /// What is said where a glob fails since `*` stops at `/`, and for nothing else.
    fn beyond(&self, subject: &Subject, asked: &Asked<'_>, patterns: &mut PatternMemo) -> &'static str {
        let spanning = self.pattern(subject).and_then(mended::spanning);
        let spans = spanning.is_some_and(|spanning| {
            let rule = self.with_pattern(subject, spanning);
            mended::admits(&rule, Options { double_star: true }, subject, asked, patterns)
        });
        if spans { ": `*` stops at `/`" } else { "" }
    }
}

/// A condition, as in ``name `team/*` `` and ``label `group: ops*` ``.
fn topic(subject: &Subject, pattern: &str) -> String {
    match subject {
        Subject::Field(Field::Account) if pattern.is_empty() => "account `\"\"`, the anonymous one,".to_owned(),
        Subject::Field(field) if pattern.is_empty() => format!("{} `\"\"`", field.key()),
        Subject::Field(field) => format!("{} {}", field.key(), quoted(pattern)),
        Subject::Label(name) => format!("label {}", quoted(&format!("{name}: {pattern}"))),
    }
}

/// What is said of a pattern that does not match, with its values in it if it has variables.
fn differs(subject: &Subject, pattern: &str, filled: Option<&str>, options: Options, asked: &Asked<'_>) -> String {
    let double_star = if options.double_star {
        DoubleStar::Spans
    } else {
        DoubleStar::Star
    };
    let is_plain = !mended::is_expression(pattern)
        && Glob::parse(filled.unwrap_or(pattern), double_star).is_ok_and(|glob| glob.literal().is_some());
    let actual = actual(subject, asked);
    let several = matches!(subject, Subject::Label(name) if asked.identity.labels.get(name).len() > 1);
    match (is_plain, several) {
        (true, true) => format!("is none of {actual}"),
        (true, false) => format!("is not {actual}"),
        (false, true) => format!("matches none of {actual}"),
        (false, false) => format!("does not match {actual}"),
    }
}

/// What the request has of it.
fn actual(subject: &Subject, asked: &Asked<'_>) -> String {
    match subject {
        Subject::Field(field) => match (field.of(asked), field) {
            ("", Field::Account) => "the anonymous account".to_owned(),
            ("", Field::Service) => "`\"\"`, since the request names none".to_owned(),
            ("", Field::Name | Field::Kind) => "`\"\"`, since the scope has none".to_owned(),
            (text, _) => quoted(text),
        },
        Subject::Label(name) => values(asked.identity.labels.get(name), "and"),
    }
}

/// The values, as many as are told.
pub(super) fn values(values: &[String], word: &str) -> String {
    let mut told: Vec<String> = values.iter().take(MOST_VALUES).map(|value| quoted(value)).collect();
    if values.len() > MOST_VALUES {
        told.push(format!("{} more", values.len().saturating_sub(MOST_VALUES)));
    }
    listed(told.iter().map(String::as_str), word)
}

/// The labels whose values are tried.
fn labels_of(search: &Search) -> String {
    let mut names: Vec<&str> = Vec::new();
    let steps = search.certain.iter().chain(&search.chosen);
    for label in steps.flat_map(|step| step.pattern.labels()) {
        if !names.contains(&&**label) {
            names.push(label);
        }
    }
    named(&names)
}

fn named(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let word = if names.len() == 1 { "label" } else { "labels" };
    format!("{word} {}", listed(quoted.iter().map(String::as_str), "and"))
}

/// As in ``any value of label `team` (`a` or `b`)``.
fn of_labels(labels: &[Box<str>], asked: &Asked<'_>) -> String {
    let names: Vec<&str> = labels.iter().map(AsRef::as_ref).collect();
    let of = named(&names);
    match labels {
        [label] => match asked.identity.labels.get(label) {
            [value] => format!("{of} ({})", quoted(value)),
            several => format!("any value of {of} ({})", values(several, "or")),
        },
        _ => format!("any values of {of}"),
    }
}
