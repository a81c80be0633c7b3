//! What is answered, as text and as JSON.

use std::fmt::Write as _;

use registry_auth_core::acl::Because;
use registry_auth_core::acl::explain::{Explanation, Judged};
use registry_auth_core::scope::Actions;
use serde::Serialize;

use super::Answered;
use crate::rulebook::{Located, Rulebook};

/// So many rules above the one that decides are told.
const NEAREST: usize = 5;

/// The answer.
pub(super) struct Report {
    scopes: Vec<ScopeReport>,
    notes: Vec<String>,
}

/// What is said of one scope.
struct ScopeReport {
    json: JsonScope,
    head: String,
    rows: Vec<Row>,
}

/// One line below a scope: a word, where, and what.
struct Row {
    word: &'static str,
    place: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct Json<'a> {
    scopes: Vec<&'a JsonScope>,
}

#[derive(Serialize)]
struct JsonScope {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    asked: Actions,
    granted: Actions,
    rule: Option<Located>,
    passed: Vec<JsonReason>,
    hints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    later: Option<Vec<JsonReason>>,
}

#[derive(Serialize)]
struct JsonReason {
    index: usize,
    why: String,
}

impl Report {
    /// Says it of all scopes; `all` rules, or the nearest of those that were passed.
    pub(super) fn of(answered: &Answered<'_>, all: bool) -> Self {
        let notes = answered.notes();
        let scopes = answered.explanations.iter();
        Self {
            scopes: scopes
                .map(|explanation| ScopeReport::of(answered, explanation, &notes, all))
                .collect(),
            notes,
        }
    }

    pub(super) fn json(&self) -> String {
        let json = Json {
            scopes: self.scopes.iter().map(|scope| &scope.json).collect(),
        };
        // Texts, numbers and lists alone: there is nothing that could fail.
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for scope in &self.scopes {
            scope.write(&mut text);
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}

impl ScopeReport {
    fn of(answered: &Answered<'_>, explanation: &Explanation, notes: &[String], all: bool) -> Self {
        let rulebook = answered.rulebook;
        let mut passed: Vec<&Judged> = if all {
            explanation.passed().iter().collect()
        } else {
            explanation.nearest(NEAREST)
        };
        // Why it does not decide here is what is asked first.
        let then = answered.decided_then(explanation);
        if let Some(then) = then.filter(|then| !passed.contains(then)) {
            passed.push(then);
            passed.sort_by_key(|judged| judged.index);
        }
        let later = if all { explanation.later() } else { &[] };
        let mut rows = vec![because(answered, explanation)];
        if let Some(recorded) = answered.recorded(explanation) {
            rows.push(Row::new("log", recorded));
        }
        rows.extend(passed.iter().map(|judged| Row::of("passed", judged, rulebook)));
        let more = explanation.passed().len().saturating_sub(passed.len());
        if more > 0 {
            let rules = if more == 1 { "rule" } else { "rules" };
            rows.push(Row::new(
                "passed",
                format!("{more} more {rules} above; --all tells each"),
            ));
        }
        rows.extend(later.iter().map(|judged| Row::of("later", judged, rulebook)));
        let hints: Vec<Row> = explanation
            .hints()
            .iter()
            .map(|hint| match hint.rule {
                Some(index) => Row {
                    word: "hint",
                    place: rulebook.located(index).place(),
                    text: format!("acl[{index}] {hint}"),
                },
                None => Row::new("hint", hint.to_string()),
            })
            .collect();
        let told: Vec<String> = hints.iter().map(|row| row.text.clone()).collect();
        rows.extend(hints);
        let open = answered.is_open(explanation).then(|| {
            format!(
                "no rule matches, so it is up to {}, not asked here",
                answered.authorizers()
            )
        });
        let doubt = doubt(explanation).map(|why| format!("acl[{}] {why}", why.index));
        Self {
            head: head(answered, explanation),
            json: JsonScope {
                kind: explanation.grant().scope().resource().kind().to_owned(),
                name: explanation.grant().scope().resource().name().to_owned(),
                asked: explanation.grant().scope().actions().clone(),
                granted: if answered.question.is_refused_service(rulebook) {
                    Actions::none()
                } else {
                    answered.granted(explanation).clone()
                },
                rule: explanation.decider().map(|judged| rulebook.located(judged.index)),
                passed: passed.into_iter().map(JsonReason::of).collect(),
                hints: open
                    .into_iter()
                    .chain(doubt)
                    .chain(told)
                    .chain(notes.iter().cloned())
                    .collect(),
                later: all.then(|| later.iter().map(JsonReason::of).collect()),
            },
            rows,
        }
    }

    fn write(&self, text: &mut String) {
        let width = self
            .rows
            .iter()
            .filter_map(|row| row.place.as_deref())
            .map(|place| place.chars().count())
            .max();
        let width = width.unwrap_or_default();
        let _ = writeln!(text, "{}", self.head);
        for row in &self.rows {
            let _ = match &row.place {
                Some(place) => writeln!(text, "  {:<8} {place:<width$}  {}", row.word, row.text),
                None => writeln!(text, "  {:<8} {}", row.word, row.text),
            };
        }
    }
}

impl Row {
    fn new(word: &'static str, text: String) -> Self {
        Self {
            word,
            place: None,
            text,
        }
    }

    fn of(word: &'static str, judged: &Judged, rulebook: &Rulebook) -> Self {
        Self {
            word,
            place: rulebook.located(judged.index).place(),
            text: format!("acl[{}] {judged}", judged.index),
        }
    }
}

impl JsonReason {
    fn of(judged: &Judged) -> Self {
        Self {
            index: judged.index,
            why: judged.to_string(),
        }
    }
}

/// `repository:team/app  granted pull, not push`.
fn head(answered: &Answered<'_>, explanation: &Explanation) -> String {
    let grant = explanation.grant();
    let resource = grant.scope().resource();
    let outcome = if answered.question.is_refused_service(answered.rulebook) {
        format!(
            "denied {}, for the service is not served",
            joined(grant.scope().actions().iter(), ", ")
        )
    } else if answered.is_open(explanation) {
        format!(
            "{} left to {}",
            joined(grant.scope().actions().iter(), ", "),
            answered.authorizers()
        )
    } else {
        outcome(grant.scope().actions(), answered.granted(explanation))
    };
    format!("{}:{}  {outcome}", resource.kind(), resource.name())
}

fn outcome(asked: &Actions, granted: &Actions) -> String {
    let granted: Vec<&str> = granted.iter().collect();
    let lacking: Vec<&str> = asked.iter().filter(|action| !granted.contains(action)).collect();
    match (granted.is_empty(), lacking.is_empty()) {
        (true, true) => "asks for no action".to_owned(),
        (false, true) => format!("granted {}", joined(granted, ", ")),
        (true, false) => format!("denied {}", joined(lacking, ", ")),
        (false, false) => format!("granted {}, not {}", joined(granted, ", "), joined(lacking, " or ")),
    }
}

fn joined<'t>(texts: impl IntoIterator<Item = &'t str>, by: &str) -> String {
    texts.into_iter().collect::<Vec<_>>().join(by)
}

/// The rule that could not be judged.
fn doubt(explanation: &Explanation) -> Option<&Judged> {
    let is_doubt = matches!(explanation.grant().because(), Because::CannotJudge { .. });
    explanation.decider().filter(|_| is_doubt)
}

/// The rule that decides, or what does where none matches.
fn because(answered: &Answered<'_>, explanation: &Explanation) -> Row {
    let rulebook = answered.rulebook;
    match explanation.grant().because() {
        Because::Rule { index, .. } | Because::CannotJudge { index, .. } => {
            let rule = rulebook.located(*index);
            let doubt = doubt(explanation).map(|why| format!(" {why}")).unwrap_or_default();
            Row {
                word: "because",
                place: rule.place(),
                text: format!("{rule}{doubt}"),
            }
        }
        Because::NoRule | Because::Backend(_) if answered.said.of(explanation).is_some() => Row::new(
            "because",
            match answered.said.of(explanation) {
                Some((_, Because::Backend(name))) => format!("no rule matches, and `{name}` says so"),
                _ => format!("no rule matches, and {} has no say", answered.authorizers()),
            },
        ),
        Because::NoRule | Because::Backend(_) if answered.is_open(explanation) => Row::new(
            "because",
            format!(
                "no rule matches, so it is up to {}, not asked here",
                answered.authorizers()
            ),
        ),
        Because::NoRule | Because::Backend(_) => Row::new(
            "because",
            if rulebook.rules.is_empty() {
                "there are no rules".to_owned()
            } else {
                "no rule matches".to_owned()
            },
        ),
    }
}
