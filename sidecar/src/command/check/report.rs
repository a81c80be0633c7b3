//! What was found, as text and as JSON.

use std::time::Duration;

use registry_auth_core::problem::{Problem, Problems};
use serde::Serialize;

use crate::command::Exit;
use crate::command::span::in_words;
use crate::config::{Look, Origin, Severity, Told};

/// What was found.
pub(super) struct Report {
    /// The configuration and, where it is asked for, the registry's.
    pub(super) parts: Vec<Part>,
    /// The back-ends that were asked and answer, if any was to be.
    pub(super) answering: Option<Vec<&'static str>>,
    /// So long a token lives.
    pub(super) lifetime: Option<Duration>,
    /// Whether each file could be read at all.
    pub(super) is_readable: bool,
}

/// What was found in files that are one configuration.
pub(super) struct Part {
    pub(super) origin: Origin,
    pub(super) problems: Problems,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json {
    errors: Vec<Told>,
    warnings: Vec<Told>,
    token_lifetime_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answering: Option<Vec<&'static str>>,
}

impl Report {
    /// Right, wrong, or not to be read.
    pub(super) fn exit(&self, deny_warnings: bool) -> Exit {
        let has_warnings = self.parts.iter().any(|part| !part.problems.warnings().is_empty());
        if !self.is_readable {
            Exit::CouldNotTell
        } else if self.is_refusal() || (deny_warnings && has_warnings) {
            Exit::No
        } else {
            Exit::Yes
        }
    }

    /// Errors and warnings of each part, how long tokens live, and a line for each part that counts.
    pub(super) fn text(&self, look: Look) -> String {
        let mut text: String = self.parts.iter().map(|part| part.text(look)).collect();
        for key in self.answering.iter().flatten() {
            text.push_str(&["`", key, "` answers\n"].concat());
        }
        if let Some(lifetime) = self.lifetime.filter(|_| !self.is_refusal()) {
            let lifetime = in_words(lifetime);
            text.push_str(
                &[
                    "tokens live for ",
                    &lifetime,
                    ": a right that you take away lasts so long\n",
                ]
                .concat(),
            );
        }
        for part in &self.parts {
            text.push_str(&part.origin.counted(&part.problems));
        }
        text
    }

    pub(super) fn json(&self) -> String {
        let told = |wanted: Severity| {
            let parts = self.parts.iter().flat_map(move |part| {
                let sorted = part
                    .sorted()
                    .into_iter()
                    .filter(move |(severity, _)| *severity == wanted);
                let problems = sorted.flat_map(|(_, problems)| problems);
                problems.map(|problem| part.origin.parts(&problem)).collect::<Vec<_>>()
            });
            parts.collect()
        };
        let json = Json {
            errors: told(Severity::Error),
            warnings: told(Severity::Warning),
            token_lifetime_seconds: self.lifetime.map(|lifetime| lifetime.as_secs()),
            answering: self.answering.clone(),
        };
        // A map of texts and numbers is always JSON.
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }

    fn is_refusal(&self) -> bool {
        self.parts.iter().any(|part| part.problems.is_refusal())
    }
}

impl Part {
    fn text(&self, look: Look) -> String {
        let mut text = String::new();
        for (severity, problems) in self.sorted() {
            let mut was_a_line = false;
            for problem in problems {
                let shown = self.origin.shown(&problem, severity, look);
                let is_a_line = !shown.contains('\n');
                // Those of one line stand together, all others have room around them.
                if was_a_line && !is_a_line {
                    text.push('\n');
                }
                text.push_str(&shown);
                text.push_str(if is_a_line { "\n" } else { "\n\n" });
                was_a_line = is_a_line;
            }
            if was_a_line {
                text.push('\n');
            }
        }
        text
    }

    fn sorted(&self) -> [(Severity, Vec<Problem>); 2] {
        let (errors, warnings) = (self.problems.errors(), self.problems.warnings());
        [(Severity::Error, errors), (Severity::Warning, warnings)].map(|(severity, problems)| {
            let mut problems = problems.to_vec();
            self.origin.sort(&mut problems);
            (severity, problems)
        })
    }
}
