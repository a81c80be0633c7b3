//! Problems as an operator reads them: one by one, and all of a configuration.

use annotate_snippets::{Group, Level};
use registry_auth_core::problem::{Problem, Problems};

use super::{Look, Origin, Told, caret};

/// Whether a problem has the configuration refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It has.
    Error,
    /// It has not.
    Warning,
}

impl Origin {
    /// The error as an operator reads it: what is wrong, file, line and column, the line with a caret, and what to do.
    #[must_use]
    pub fn error(&self, problem: &Problem) -> String {
        caret::render(self, problem, Level::ERROR, Look::Plain)
    }

    /// The same of a warning.
    #[must_use]
    pub fn warning(&self, problem: &Problem) -> String {
        caret::render(self, problem, Level::WARNING, Look::Plain)
    }

    /// Either for one who looks at it in this way. What is merely not there, such as a file, is told in one line.
    #[must_use]
    pub fn shown(&self, problem: &Problem, severity: Severity, look: Look) -> String {
        let level = match severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        match caret::in_a_line(self, problem) {
            Some(line) => {
                let group = Group::with_title(level.primary_title(line));
                caret::renderer(look).render(&[group])
            }
            None => caret::render(self, problem, level, look),
        }
    }

    /// The problem in its parts.
    #[must_use]
    pub fn parts(&self, problem: &Problem) -> Told {
        caret::told(self, problem)
    }

    /// The problems as somebody meets them who reads the files from their beginning on.
    pub fn sort(&self, problems: &mut [Problem]) {
        problems.sort_by_cached_key(|problem| caret::order(self, problem));
    }

    /// All errors, all warnings, and a last line that counts them.
    #[must_use]
    pub fn report(&self, problems: &Problems) -> String {
        let errors = problems.errors().iter().map(|problem| self.error(problem));
        let warnings = problems.warnings().iter().map(|problem| self.warning(problem));
        let mut report = String::new();
        for text in errors.chain(warnings) {
            report.push_str(&text);
            report.push_str("\n\n");
        }
        report.push_str(&self.counted(problems));
        report
    }

    /// How many errors and warnings there are, in a line.
    #[must_use]
    pub fn counted(&self, problems: &Problems) -> String {
        let counts = [
            (problems.errors().len(), "error"),
            (problems.warnings().len(), "warning"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
        let counts = counts.collect::<Vec<_>>().join(", ");
        let counts = if counts.is_empty() { "nothing wrong" } else { &counts };
        if self.sources.is_empty() {
            format!("{counts}\n")
        } else {
            format!("{counts} in {}\n", self.names())
        }
    }
}
