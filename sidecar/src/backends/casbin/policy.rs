//! The rows of the policy: a line each, in CSV as Casbin's Go library reads it.

use csv::{ReaderBuilder, Terminator};
use thiserror::Error;

use super::model::Model;
use super::patterns::PatternFault;
use super::text::shown;

/// The most rows; each request looks at all of them.
const MOST_ROWS: usize = 50_000;

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: usize,
    /// `p`, or the name of a kind of roles.
    pub(super) kind: String,
    pub(super) values: Vec<String>,
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum RowFault {
    #[error(
        "has a quote in the middle of a value, at column {0}; put the whole value into quotes, and double those in it"
    )]
    BareQuote(usize),
    #[error(
        "goes on behind a closing quote, at column {0}; write a comma there, or double the quotes inside of the value"
    )]
    BehindQuote(usize),
    #[error("has a value that begins with a quote at column {0} and is not closed; close it")]
    Unclosed(usize),
    #[error(
        "has a blank behind a value, before column {0}, which is a part of it; take it out, or put the value into quotes"
    )]
    Blank(usize),
    #[error("is not of the form `kind, value, …`")]
    NotCsv,
    #[error("is of the kind `{kind}`, which the model does not define; known are {known}")]
    Kind { kind: String, known: String },
    #[error("has the length {has}, and a row of `{kind}` has {wants}; write `{kind}, {form}`")]
    Length {
        kind: String,
        has: usize,
        wants: usize,
        form: String,
    },
    #[error("has the effect `{0}`; write `allow` or `deny`")]
    Effect(String),
    #[error("has the priority `{0}`; write a whole number, the lowest of which comes first")]
    Priority(String),
    #[error("has the {field} `{value}`, which `{function}` cannot use: {why}")]
    Pattern {
        field: String,
        value: String,
        function: &'static str,
        why: PatternFault,
    },
    #[error("is one too many; a policy has at most {MOST_ROWS} rows")]
    TooMany,
}

/// The rows, of those that apply to the model, and what is wrong in which line.
pub(super) fn read(content: &str, model: &Model) -> (Vec<Row>, Vec<(usize, RowFault)>) {
    let (mut tidied, mut lines) = (String::with_capacity(content.len()), Vec::new());
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(content.lines()) {
        match tidy(line) {
            Ok(line) if line.is_empty() => {}
            Ok(line) => {
                lines.push(number);
                tidied.push_str(&line);
                tidied.push('\n');
            }
            Err(fault) => faults.push((number, fault)),
        }
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(tidied.as_bytes());
    let mut rows = Vec::new();
    // Where each begins is counted here: the crate counts from the end of the record before.
    for (record, line) in reader.records().zip(lines) {
        let Ok(record) = record else {
            faults.push((line, RowFault::NotCsv));
            break;
        };
        let mut values = record.iter().map(str::to_owned);
        let row = Row {
            line,
            kind: values.next().unwrap_or_default(),
            values: values.collect(),
        };
        if rows.len() >= MOST_ROWS {
            faults.push((line, RowFault::TooMany));
            break;
        }
        match judged(row, model) {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push((line, fault)),
        }
    }
    faults.sort_by_key(|(line, _)| *line);
    put_in_order(&mut rows, model);
    (rows, faults)
}

/// A line without what `csv` would read otherwise than Go: blanks before values, and comments. In Go each line is a record
/// of its own, and quotes stand around a whole value or not at all.
fn tidy(line: &str) -> Result<String, RowFault> {
    enum In {
        Start,
        Plain,
        Quotes(usize),
        /// Behind a quote inside of quotes: the end, or the first half of a quote.
        Half(usize),
    }
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(String::new());
    }
    let before = line.chars().take_while(|c| c.is_whitespace()).count();
    let mut tidied = String::with_capacity(text.len());
    let mut is_in = In::Start;
    let mut last = ' ';
    for (column, c) in (before.saturating_add(1)..).zip(text.chars()) {
        is_in = match (is_in, c) {
            (In::Start, c) if c.is_whitespace() => In::Start,
            (In::Start, '"') => {
                tidied.push(c);
                In::Quotes(column)
            }
            (In::Plain, '"') => return Err(RowFault::BareQuote(column)),
            (In::Plain, ',') if last.is_whitespace() => return Err(RowFault::Blank(column)),
            (In::Start | In::Plain | In::Half(_), ',') => {
                tidied.push(c);
                In::Start
            }
            (In::Start | In::Plain, c) => {
                tidied.push(c);
                In::Plain
            }
            (In::Quotes(at), '"') => {
                tidied.push(c);
                In::Half(at)
            }
            (In::Half(at), '"') => {
                tidied.push(c);
                In::Quotes(at)
            }
            (In::Half(_), _) => return Err(RowFault::BehindQuote(column)),
            (In::Quotes(at), c) => {
                tidied.push(c);
                In::Quotes(at)
            }
        };
        last = c;
    }
    match is_in {
        In::Quotes(at) => Err(RowFault::Unclosed(at)),
        In::Start | In::Plain | In::Half(_) => Ok(tidied),
    }
}

/// The row, if it is one of the model's.
fn judged(row: Row, model: &Model) -> Result<Row, RowFault> {
    let form = if row.kind == "p" {
        model.policy.join(", ")
    } else {
        match model.roles.iter().find(|role| role.name == row.kind) {
            Some(role) if role.has_domains => "account, role, domain".to_owned(),
            Some(_) => "account, role".to_owned(),
            None => {
                let known = model.roles.iter().map(|role| format!(", `{}`", role.name));
                return Err(RowFault::Kind {
                    kind: shown(&row.kind),
                    known: format!("`p`{}", known.collect::<String>()),
                });
            }
        }
    };
    let wants = form.split(", ").count();
    if row.values.len() != wants {
        return Err(RowFault::Length {
            has: row.values.len(),
            kind: row.kind,
            wants,
            form,
        });
    }
    let value = |field: &str| {
        let at = model.field(field).filter(|_| row.kind == "p")?;
        row.values.get(at)
    };
    if let Some(effect) = value("eft").filter(|effect| !matches!(effect.as_str(), "allow" | "deny" | "indeterminate")) {
        return Err(RowFault::Effect(shown(effect)));
    }
    if let Some(priority) = value("priority").filter(|priority| priority.parse::<i64>().is_err()) {
        return Err(RowFault::Priority(shown(priority)));
    }
    Ok(row)
}

/// By the field `priority`, if there is one; equal ones stay as they are written.
fn put_in_order(rows: &mut [Row], model: &Model) {
    if let Some(at) = model.field("priority") {
        let priority = |row: &Row| row.values.get(at).and_then(|value| value.parse::<i64>().ok());
        rows.sort_by_key(|row| (row.kind != "p").then_some(i64::MIN).or_else(|| priority(row)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_before_values_count_for_nothing_and_quotes_stand_around_a_whole_value() {
        for (line, tidied) in [
            ("", ""),
            ("  # p, a, b", ""),
            ("p, ada,  b", "p,ada,b"),
            (" p,\"a, b\" ,c", ""),
            (
                "p, \"{\"\"a\"\":[\"\"b\"\",\"\"c\"\"]}\", x",
                "p,\"{\"\"a\"\":[\"\"b\"\",\"\"c\"\"]}\",x",
            ),
            ("p, \"\", ", "p,\"\","),
            ("p, a b#c", "p,a b#c"),
        ] {
            assert_eq!(tidy(line).unwrap_or_default(), tidied, "{line}");
        }
        for (line, fault) in [
            ("p, a\"b\"", RowFault::BareQuote(5)),
            ("p, \"a\"b", RowFault::BehindQuote(7)),
            ("p, \"a\" , b", RowFault::BehindQuote(7)),
            ("  p, \"a", RowFault::Unclosed(6)),
            ("p, a , b", RowFault::Blank(6)),
        ] {
            assert_eq!(tidy(line), Err(fault), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_in_quotes_is_read(values in prop::collection::vec("[^\\n\\r]{0,6}", 1..5), blanks in " {0,2}") {
            let quoted: Vec<_> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            let tidied = tidy(&quoted.join(&format!(",{blanks}"))).unwrap();
            let mut reader = ReaderBuilder::new().has_headers(false).from_reader(tidied.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), values);
        }

        #[test]
        fn no_line_makes_it_stumble(line in "([\", #a]|.){0,20}") {
            let _ = tidy(&line);
        }
    }
}
