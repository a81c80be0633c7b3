//! One pattern of a rule: what it is, decided on the text as configured, and the cheapest test that is exact.
//!
//! `/…/` with something between the slashes is a regular expression, found anywhere in the text; everything else is a
//! glob, which matches the whole text. All are parsed at load, and what is wrong with them is found there. An expression
//! is compiled when a request first needs it, one with variables for the values of that request, unless plain comparisons
//! do.

mod matcher;
mod open_glob;
mod open_regex;
#[cfg(test)]
mod tests;

use std::ops::Range;

use regex::Captures;
use thiserror::Error;

use super::glob::{DoubleStar, Glob, GlobError};
use super::go_regex::{DialectError, Template};
use super::needs::OneOf;
use super::patterns::PatternMemo;
use super::variables::{self, Reference, Values, Variable, VariableError};
pub(super) use matcher::{Expression, Matcher};
use open_glob::OpenGlob;
use open_regex::OpenRegex;

/// What is known of a condition. In this order, so that all conditions of a rule are the least of their verdicts, and
/// any of several combinations is the greatest: a condition that fails settles the rule, whatever else is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Fails,
    /// The values of this request make no pattern, or would need too much work.
    Unknown,
    Holds,
}

/// A pattern as configured, with its variables found.
#[derive(Debug)]
pub(super) struct Written<'t> {
    text: &'t str,
    references: Vec<Reference>,
}

/// How a pattern is to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) double_star: DoubleStar,
    /// Whether what it is matched against never holds a `/`.
    pub(super) without_slash: bool,
    /// Whether its groups are referred to.
    pub(super) numbered: bool,
}

/// A pattern, compiled.
#[derive(Debug)]
pub(super) enum Pattern {
    Fixed(Matcher),
    Open(Open),
}

/// A pattern with variables.
#[derive(Debug)]
pub(super) struct Open {
    /// The labels it names, each once.
    labels: Box<[Box<str>]>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Glob(OpenGlob),
    Regex(OpenRegex),
}

/// The values of this request make no pattern: malformed, too large, or not known themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unjudged;

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum PatternError {
    #[error(transparent)]
    Variable(#[from] VariableError),
    #[error(transparent)]
    Glob(#[from] GlobError),
    #[error("{error}")]
    Regex {
        /// In the text with its slashes.
        at: Range<usize>,
        error: DialectError,
    },
}

impl Verdict {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

impl<'t> Written<'t> {
    /// Finds the variables of `text`.
    ///
    /// # Errors
    /// Everything that looks like a variable and is none.
    pub(super) fn read(text: &'t str) -> Result<Self, Vec<PatternError>> {
        match variables::references(text) {
            Ok(references) => Ok(Self { text, references }),
            Err(faults) => Err(faults.into_iter().map(PatternError::from).collect()),
        }
    }

    pub(super) fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The expression between the slashes, if it is one.
    pub(super) fn expression(&self) -> Option<&'t str> {
        let expression = self.text.strip_prefix('/')?.strip_suffix('/')?;
        (!expression.is_empty()).then_some(expression)
    }

    /// Compiles it. For an expression, also says how many groups it has.
    ///
    /// # Errors
    /// What makes it malformed, with its bytes in the text as configured.
    pub(super) fn compile(&self, reading: Reading) -> Result<(Pattern, Option<usize>), PatternError> {
        match self.expression() {
            Some(expression) => {
                let (pattern, groups) = self.regex(expression, reading.numbered)?;
                Ok((pattern, Some(groups)))
            }
            None => Ok((self.glob(reading)?, None)),
        }
    }

    fn regex(&self, expression: &str, numbered: bool) -> Result<(Pattern, usize), PatternError> {
        const SLASH: usize = 1;
        let refused = |error: DialectError| PatternError::Regex {
            at: error.at.start.saturating_add(SLASH)..error.at.end.saturating_add(SLASH),
            error,
        };
        let inside = |at: &Range<usize>| at.start.saturating_sub(SLASH)..at.end.saturating_sub(SLASH);
        let holes: Vec<_> = self.references.iter().map(|reference| inside(&reference.at)).collect();
        let template = Template::from_go(expression, &holes).map_err(refused)?;
        let groups = template.captures_len().saturating_sub(1);
        let pattern = if holes.is_empty() {
            Pattern::Fixed(Matcher::regex(&template, numbered))
        } else {
            let variables = self.references.iter().map(|reference| reference.variable.clone());
            let open = OpenRegex::new(expression, holes.into_iter().zip(variables), template, numbered);
            self.open(Form::Regex(open))
        };
        Ok((pattern, groups))
    }

    fn glob(&self, reading: Reading) -> Result<Pattern, GlobError> {
        Ok(if self.references.is_empty() {
            let glob = Glob::parse(self.text, reading.double_star)?;
            Pattern::Fixed(Matcher::glob(glob, self.text, reading))
        } else {
            self.open(Form::Glob(OpenGlob::parse(
                self.text,
                &self.references,
                reading.double_star,
            )?))
        })
    }

    fn open(&self, form: Form) -> Pattern {
        let mut labels: Vec<Box<str>> = Vec::new();
        for reference in &self.references {
            match &reference.variable {
                Variable::Label(name) if !labels.contains(name) => labels.push(name.clone()),
                _ => {}
            }
        }
        Pattern::Open(Open {
            labels: labels.into(),
            form,
        })
    }
}

impl PatternError {
    /// The offending bytes of the text as configured.
    pub(super) fn at(&self) -> Range<usize> {
        match self {
            Self::Variable(error) => error.at.clone(),
            Self::Glob(error) => error.at.clone(),
            Self::Regex { at, .. } => at.clone(),
        }
    }
}

impl Open {
    /// The labels it names, each once.
    pub(super) fn labels(&self) -> &[Box<str>] {
        &self.labels
    }

    /// Whether any of `subjects` matches with these values.
    pub(super) fn judge<'s>(
        &self,
        subjects: impl Iterator<Item = &'s str> + Clone,
        values: &Values<'_, '_>,
        patterns: &mut PatternMemo,
    ) -> Verdict {
        let found = match &self.form {
            Form::Glob(glob) => glob.matches_any(subjects, values),
            Form::Regex(regex) => regex.matches_any(subjects, values, patterns),
        };
        found.map_or(Verdict::Unknown, Verdict::of)
    }

    /// What the groups took of `subject` with these values, or why nothing.
    pub(super) fn take<'s>(
        &self,
        subject: &'s str,
        values: &Values<'_, '_>,
        patterns: &mut PatternMemo,
    ) -> Result<Captures<'s>, Verdict> {
        match &self.form {
            Form::Regex(regex) => {
                let found = regex.captures(subject, values, patterns);
                found.map_err(|Unjudged| Verdict::Unknown)?.ok_or(Verdict::Fails)
            }
            // No capture of a glob passes the check at load.
            Form::Glob(_) => Err(Verdict::Unknown),
        }
    }

    /// What a text must be like, whatever the values are: one of each list. Where a text is not, the verdict is `Fails`
    /// and never `Unknown`, if the variables are no labels and have values.
    pub(super) fn needs(&self) -> Vec<OneOf<'_>> {
        match &self.form {
            Form::Glob(glob) => glob.needs(),
            Form::Regex(regex) => regex.needs(),
        }
    }

    /// Whether the verdict is never `Unknown`, if the variables are no labels and have values.
    pub(super) fn is_sure(&self) -> bool {
        match &self.form {
            Form::Glob(_) => false,
            Form::Regex(regex) => regex.is_sure(),
        }
    }
}
