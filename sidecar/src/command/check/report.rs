//! What was found, as text and as JSON.

use registry_auth_core::problem::{Problem, Problems};
use serde::Serialize;

use super::tokens;
use crate::command::Exit;
use crate::config::{Look, Origin, Severity, Told};

/// What was found in one configuration.
pub(super) struct Report {
    pub(super) origin: Origin,
    pub(super) problems: Problems,
    /// So many seconds a token lives.
    pub(super) lifetime: Option<u64>,
    /// Whether each of its files could be read at all.
    pub(super) is_readable: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json {
    errors: Vec<Told>,
    warnings: Vec<Told>,
    token_lifetime_seconds: Option<u64>,
}

impl Report {
    /// Right, wrong, or not to be read.
    pub(super) fn exit(&self, deny_warnings: bool) -> Exit {
        if !self.is_readable {
            Exit::CouldNotTell
        } else if self.problems.is_refusal() || (deny_warnings && !self.problems.warnings().is_empty()) {
            Exit::No
        } else {
            Exit::Yes
        }
    }

    /// Errors, warnings, how long tokens live, and a line that counts.
    pub(super) fn text(&self, look: Look) -> String {
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
        if let Some(seconds) = self.lifetime.filter(|_| !self.problems.is_refusal()) {
            let lifetime = tokens::in_words(seconds);
            text.push_str(
                &[
                    "tokens live for ",
                    &lifetime,
                    ": a right that you take away lasts so long\n",
                ]
                .concat(),
            );
        }
        text.push_str(&self.origin.counted(&self.problems));
        text
    }

    pub(super) fn json(&self) -> String {
        let [errors, warnings] = self.sorted().map(|(_, problems)| {
            let parts = problems.iter().map(|problem| self.origin.parts(problem));
            parts.collect()
        });
        let json = Json {
            errors,
            warnings,
            token_lifetime_seconds: self.lifetime,
        };
        // A map of texts and numbers is always JSON.
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
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
