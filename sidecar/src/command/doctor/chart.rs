//! What was met on the way, step by step.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::Exit;
use super::super::shown::shown;

/// Every step, in order.
#[derive(Debug, Default)]
pub(super) struct Chart {
    pub(super) steps: Vec<Step>,
    /// What the token says.
    pub(super) claims: Option<Value>,
}

/// One step, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) seen: String,
    /// What to do about it.
    pub(super) mend: Option<String>,
    /// Rows that belong to it.
    pub(super) rows: String,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Off,
    Unknown,
}

impl Step {
    pub(super) fn ok(name: &'static str, seen: impl Into<String>) -> Self {
        Self::of(name, Outcome::Ok, seen.into(), None)
    }

    pub(super) fn off(name: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::of(name, Outcome::Off, seen.into(), Some(mend.into()))
    }

    pub(super) fn unknown(name: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::of(name, Outcome::Unknown, seen.into(), Some(mend.into()))
    }

    fn of(name: &'static str, outcome: Outcome, seen: String, mend: Option<String>) -> Self {
        Self {
            name,
            outcome,
            seen,
            mend,
            rows: String::new(),
        }
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Off => "off",
            Self::Unknown => "unknown",
        }
    }
}

impl Chart {
    pub(super) fn exit(&self) -> Exit {
        let has = |outcome| self.steps.iter().any(|step| step.outcome == outcome);
        if has(Outcome::Off) {
            Exit::No
        } else if has(Outcome::Unknown) {
            Exit::CouldNotTell
        } else {
            Exit::Yes
        }
    }

    /// A row for each step; whatever a server wrote is shown as a terminal may show it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let _ = writeln!(text, "{:<8} {:<9} {}", step.outcome.word(), step.name, step.seen);
            for row in step.rows.lines() {
                let _ = writeln!(text, "                  {}", row.trim_start());
            }
            if let Some(mend) = &step.mend {
                let _ = writeln!(text, "         = help: {mend}");
            }
        }
        text.push_str(match self.exit() {
            Exit::Yes => "all is well\n",
            Exit::No => "something is off\n",
            Exit::CouldNotTell => "could not tell\n",
        });
        text
    }

    pub(super) fn json(&self) -> String {
        let well = match self.exit() {
            Exit::Yes => Some(true),
            Exit::No => Some(false),
            Exit::CouldNotTell => None,
        };
        let steps = self.steps.iter().map(|step| {
            json!({
                "step": step.name,
                "outcome": step.outcome.word(),
                "seen": step.seen,
                "mend": step.mend,
            })
        });
        let steps: Vec<_> = steps.collect();
        format!("{}\n", json!({"well": well, "steps": steps, "claims": self.claims}))
    }
}

/// What a server says in an error, by the registry's form of one, or the beginning of what it says.
pub(super) fn said(body: &Value, text: &str) -> String {
    let error = body.get("errors").and_then(|errors| errors.get(0));
    let message = error.and_then(|error| error.get("message")).and_then(Value::as_str);
    let message = message.unwrap_or(text).trim();
    if message.is_empty() {
        "and says nothing".to_owned()
    } else {
        format!("and says `{}`", shown(message))
    }
}
