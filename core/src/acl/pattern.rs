//! One pattern of a rule: what it is, decided on the text as configured, and the cheapest test that is exact.
//!
//! `/…/` with something between the slashes is a regular expression, found anywhere in the text; everything else is a
//! glob, which matches the whole text. A pattern without variables is compiled at load. One with variables is checked
//! at load and compiled for the values of a request, unless plain comparisons do.

mod open_glob;
mod open_regex;
#[cfg(test)]
mod tests;

use std::ops::Range;

use regex::{Captures, Regex};
use thiserror::Error;

use super::glob::{DoubleStar, Glob, GlobError};
use super::go_regex::{DialectError, DialectErrorKind, Exact, Template};
use super::variables::{self, Reference, Values, Variable, VariableError};
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

/// A pattern without variables.
#[derive(Debug)]
pub(super) enum Matcher {
    Any,
    Exact(Exact),
    Glob(Glob),
    Regex(Regex),
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
    fn expression(&self) -> Option<&'t str> {
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
            Pattern::Fixed(Matcher::regex(&template, numbered).map_err(|kind| {
                refused(DialectError {
                    at: 0..expression.len(),
                    kind,
                })
            })?)
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

impl Matcher {
    fn glob(glob: Glob, text: &str, reading: Reading) -> Self {
        let spans = reading.double_star == DoubleStar::Spans && text.len() > 1;
        let stars = !text.is_empty() && text.bytes().all(|b| b == b'*');
        match glob.literal() {
            Some(literal) => Self::Exact(Exact::Literal(literal.to_owned())),
            None if stars && (spans || reading.without_slash) => Self::Any,
            None => Self::Glob(glob),
        }
    }

    /// An expression whose groups are needed stays one, even if plain text would decide the same.
    fn regex(template: &Template, numbered: bool) -> Result<Self, DialectErrorKind> {
        Ok(match template.exact().filter(|_| !numbered) {
            Some(Exact::Prefix(text) | Exact::Suffix(text) | Exact::Contains(text)) if text.is_empty() => Self::Any,
            Some(exact) => Self::Exact(exact),
            None => Self::Regex(template.regex(&[]).map_err(|_| DialectErrorKind::TooLarge)?),
        })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact.matches(text),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    /// The order in which the conditions of a rule are best looked at.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Any | Self::Exact(_) => 0,
            Self::Glob(_) => 1,
            Self::Regex(_) => 2,
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
    ) -> Verdict {
        let found = match &self.form {
            Form::Glob(glob) => glob.matches_any(subjects, values),
            Form::Regex(regex) => regex
                .compile(values)
                .map(|regex| subjects.into_iter().any(|subject| regex.is_match(subject))),
        };
        found.map_or(Verdict::Unknown, Verdict::of)
    }

    /// What the groups took of `subject` with these values, or why nothing.
    pub(super) fn take<'s>(&self, subject: &'s str, values: &Values<'_, '_>) -> Result<Captures<'s>, Verdict> {
        match &self.form {
            Form::Regex(regex) => {
                let regex = regex.compile(values).map_err(|Unjudged| Verdict::Unknown)?;
                regex.captures(subject).ok_or(Verdict::Fails)
            }
            // No capture of a glob passes the check at load.
            Form::Glob(_) => Err(Verdict::Unknown),
        }
    }
}
