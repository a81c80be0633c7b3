//! What is answered, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::change::{Change, Way};
use super::example::{Example, Outcome, Side};
use super::{Answered, Exit, words};
use crate::rulebook::{Located, Rulebook};

/// What is never looked at.
const NOT_COMPARED: &str = "keys, listeners, `throttle`, `cache` and what back-ends answer are not compared";

/// The answer.
pub(super) struct Report {
    head: String,
    rows: Vec<Row>,
    json: Json,
}

/// A change, with what is told of its example.
struct Row {
    word: &'static str,
    place: String,
    text: String,
    example: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Json {
    widens: Option<bool>,
    grants: Vec<JsonChange>,
    takes_away: Vec<JsonChange>,
    cannot_tell: Vec<JsonDoubt>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct JsonChange {
    key: String,
    file: Option<String>,
    line: Option<usize>,
    what: String,
    example: Option<JsonExample>,
}

#[derive(Serialize)]
struct JsonDoubt {
    whether: &'static str,
    #[serde(flatten)]
    change: JsonChange,
}

#[derive(Serialize)]
struct JsonExample {
    account: String,
    labels: BTreeMap<String, Vec<String>>,
    ip: String,
    service: String,
    scope: String,
    old: Option<Located>,
    new: Option<Located>,
}

impl Report {
    pub(super) fn of(answered: &Answered<'_>, exit: Exit) -> Self {
        let found = &answered.found;
        let of = |way, is_sure| found.of(way, is_sure);
        let mut rows: Vec<Row> = Vec::new();
        for (word, way, is_sure) in [
            ("grants", Way::Grants, true),
            ("takes away", Way::TakesAway, true),
            ("cannot tell", Way::Grants, false),
            ("cannot tell", Way::TakesAway, false),
        ] {
            rows.extend(of(way, is_sure).map(|change| Row::of(answered, word, change)));
        }
        let mut notes = found.notes.clone();
        notes.extend(answered.unknown_accounts());
        notes.push(NOT_COMPARED.to_owned());
        let changes = |way| of(way, true).map(|change| JsonChange::of(answered, change)).collect();
        let doubts = |way, whether| {
            of(way, false).map(move |change| JsonDoubt {
                whether,
                change: JsonChange::of(answered, change),
            })
        };
        Self {
            head: head(answered, exit, rows.is_empty()),
            rows,
            json: Json {
                widens: match exit {
                    Exit::Yes => Some(false),
                    Exit::No => Some(true),
                    Exit::CouldNotTell => None,
                },
                grants: changes(Way::Grants),
                takes_away: changes(Way::TakesAway),
                cannot_tell: doubts(Way::Grants, "grants")
                    .chain(doubts(Way::TakesAway, "takes_away"))
                    .collect(),
                notes,
            },
        }
    }

    pub(super) fn json(&self) -> String {
        // Texts, numbers and lists alone: there is nothing that could fail.
        let mut text = serde_json::to_string_pretty(&self.json).unwrap_or_default();
        text.push('\n');
        text
    }

    pub(super) fn text(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.place.chars().count())
            .max()
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let mut text = format!("{}\n", self.head);
        for row in &self.rows {
            let _ = writeln!(text, "  {:<11}  {:<width$}  {}", row.word, row.place, row.text);
            for (word, line) in &row.example {
                let _ = writeln!(text, "    {word:<9}  {line}");
            }
        }
        text.push('\n');
        for note in &self.json.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}

impl Row {
    fn of(answered: &Answered<'_>, word: &'static str, change: &Change) -> Self {
        let mut told = Vec::new();
        if let Some(example) = &change.example {
            let sides = answered.sides(change.way);
            let files = answered.files(change.way);
            let is_static = answered.is_static(change.way, example);
            told.push(("example", words::command(sides, files, example, is_static)));
            let (old, new) = match change.way {
                Way::Grants => (&example.from, &example.to),
                Way::TakesAway => (&example.to, &example.from),
            };
            told.push(("before", words::outcome(answered.old, old)));
            told.push(("now", words::outcome(answered.new, new)));
        }
        Self {
            word,
            place: change
                .at
                .as_ref()
                .map(|(file, line)| format!("{file}:{line}"))
                .unwrap_or_default(),
            text: change.what.clone(),
            example: told,
        }
    }
}

impl JsonChange {
    fn of(answered: &Answered<'_>, change: &Change) -> Self {
        Self {
            key: change.key.clone(),
            file: change.at.as_ref().map(|(file, _)| file.clone()),
            line: change.at.as_ref().map(|(_, line)| *line),
            what: change.what.clone(),
            example: change
                .example
                .as_ref()
                .map(|example| JsonExample::of(answered, change.way, example)),
        }
    }
}

impl JsonExample {
    fn of(answered: &Answered<'_>, way: Way, example: &Example) -> Self {
        let (old, new) = match way {
            Way::Grants => (&example.from, &example.to),
            Way::TakesAway => (&example.to, &example.from),
        };
        let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (label, value) in words::made_labels(example) {
            labels.entry(label.to_owned()).or_default().push(value.to_owned());
        }
        Self {
            account: example.who.account.to_string(),
            labels,
            ip: example.address.to_string(),
            service: example.service.to_string(),
            scope: example.scope.to_string(),
            old: decider(answered.old, old),
            new: decider(answered.new, new),
        }
    }
}

fn decider(rulebook: &Rulebook, outcome: &Outcome) -> Option<Located> {
    match outcome {
        Outcome::Rule(index) | Outcome::Unjudged(index) => Some(rulebook.located(*index)),
        Outcome::NoRule | Outcome::NoAccount | Outcome::NotServed => None,
    }
}

fn head(answered: &Answered<'_>, exit: Exit, is_empty: bool) -> String {
    let outcome = match exit {
        Exit::Yes if is_empty => "nobody may do more or less than before",
        Exit::Yes => "nothing widens",
        Exit::No => "widens",
        Exit::CouldNotTell => "perhaps widens",
    };
    format!(
        "{} to {}  {outcome}",
        answered.old.origin.names(),
        answered.new.origin.names()
    )
}

impl Answered<'_> {
    /// Whether the file that the example is explained by has its account.
    fn is_static(&self, way: Way, example: &Example) -> bool {
        self.seeker(way).user(Side::To, example.who.account.as_str()).is_some()
    }

    /// Who in the examples could sign in nowhere, as far as the files say.
    fn unknown_accounts(&self) -> Option<String> {
        let examples = self.found.changes.iter();
        let examples = examples.filter_map(|change| Some((change.way, change.example.as_ref()?)));
        let mut unknown: Vec<String> = examples
            .filter(|(way, example)| !self.is_static(*way, example))
            .map(|(_, example)| format!("`{}`", example.who.account))
            .collect();
        unknown.sort();
        unknown.dedup();
        if unknown.is_empty() {
            return None;
        }
        let word = if unknown.len() == 1 { "account" } else { "accounts" };
        Some(format!(
            "{word} {}: not in `users`; decided as if a back-end had let it in",
            unknown.join(", ")
        ))
    }
}
