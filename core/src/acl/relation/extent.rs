//! What one pattern takes.
//!
//! Go's matcher puts each piece between two stars where it fits first, and never moves it. Where such a piece holds a
//! class with `/`, or may begin in the middle of a character, that decides otherwise than trying every place would: of
//! those globs nothing is claimed.

use super::super::glob::{self, Class, DoubleStar, Part};
use super::super::go_regex::Template;
use super::super::pattern::Written;
use super::automaton::{Automaton, Step, Walk, walk};
use crate::config::acl::Options;

/// Among which texts patterns are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Texts {
    /// All without control characters: accounts, services, labels.
    Any,
    /// Types of resources: `[a-z0-9]+`.
    Kinds,
    /// Names of resources: no part between slashes is empty.
    Names,
}

/// What a pattern takes, if that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    texts: Texts,
    automaton: Automaton,
    /// What every text begins with that it takes.
    prefix: Box<str>,
    /// What every text ends in that it takes.
    suffix: Box<str>,
    /// Whether the prefix is all it takes.
    is_literal: bool,
}

/// Whether there is such a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is, this one.
    Example(String),
    /// There is none.
    Nothing,
    /// It would take too long to say.
    CannotTell,
}

impl Texts {
    pub(super) fn may_hold(self, c: char) -> bool {
        match self {
            Self::Kinds => c.is_ascii_lowercase() || c.is_ascii_digit(),
            Self::Any | Self::Names => !c.is_control(),
        }
    }

    /// Whether `text` is among them.
    fn hold(self, text: &str) -> bool {
        let is_whole = match self {
            Self::Any => true,
            Self::Kinds => !text.is_empty(),
            Self::Names => text.is_empty() || text.split('/').all(|part| !part.is_empty()),
        };
        is_whole && text.chars().all(|c| self.may_hold(c))
    }
}

impl Extent {
    /// What `pattern` takes of `texts`. `None` if it has variables, a fault, or cannot be compared.
    #[must_use]
    pub fn of(pattern: &str, texts: Texts, options: Options) -> Option<Self> {
        let written = Written::read(pattern).ok()?;
        if !written.references().is_empty() {
            return None;
        }
        match written.expression() {
            Some(expression) => Self::of_expression(expression, texts),
            None => Self::of_glob(pattern, texts, options),
        }
    }

    /// All of `texts`, as where a rule has no condition.
    #[must_use]
    pub fn everything(texts: Texts) -> Self {
        Self {
            texts,
            automaton: Automaton::new(vec![vec![Step::Span]], false).unwrap_or_else(Automaton::nothing),
            prefix: Box::default(),
            suffix: Box::default(),
            is_literal: false,
        }
    }

    fn of_glob(pattern: &str, texts: Texts, options: Options) -> Option<Self> {
        let double_star = if options.double_star {
            DoubleStar::Spans
        } else {
            DoubleStar::Star
        };
        let parts = glob::parts(pattern, double_star).ok()?;
        let spans = parts.contains(&Part::Span);
        if !spans && !is_as_it_seems(&parts) {
            return None;
        }
        let suffix = match parts.last() {
            Some(Part::Text(text)) => text.as_str().into(),
            _ => Box::default(),
        };
        let (prefix, is_literal) = match parts.as_slice() {
            [] => (Box::default(), true),
            [Part::Text(text)] => (text.as_str().into(), true),
            [Part::Text(text), ..] => (text.as_str().into(), false),
            _ => (Box::default(), false),
        };
        Some(Self {
            texts,
            automaton: Automaton::new(vec![Automaton::glob_steps(parts)], !spans)?,
            prefix,
            suffix,
            is_literal,
        })
    }

    fn of_expression(expression: &str, texts: Texts) -> Option<Self> {
        let template = Template::from_go(expression, &[]).ok()?;
        let exact = template.exact()?;
        let runs = exact.runs()?;
        let (prefix, is_literal) = match runs.as_slice() {
            [run] if run.start => (run.first.into(), run.end && run.rest.is_empty()),
            _ => (Box::default(), false),
        };
        let suffix = match runs.as_slice() {
            [run] if run.end => run.rest.last().map_or(run.first, |(_, text)| text).into(),
            _ => Box::default(),
        };
        let patterns = runs.iter().map(|run| {
            let mut steps = Vec::new();
            if !run.start {
                steps.push(Step::Span);
            }
            steps.extend(run.first.chars().map(Step::Char));
            for (is_some, text) in &run.rest {
                if *is_some {
                    steps.push(Step::Any);
                }
                steps.push(Step::Span);
                steps.extend(text.chars().map(Step::Char));
            }
            if !run.end {
                steps.push(Step::Span);
            }
            steps
        });
        Some(Self {
            texts,
            automaton: Automaton::new(patterns.collect(), false)?,
            prefix,
            suffix,
            is_literal,
        })
    }

    /// The one text that it takes, if it is plainly one.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        self.is_literal.then_some(&*self.prefix)
    }

    /// What every text begins with that it takes.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether it takes `text`.
    #[must_use]
    pub fn takes(&self, text: &str) -> bool {
        self.automaton.takes(text)
    }

    /// A text that this takes and `other` does not.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Found {
        if self == other {
            return Found::Nothing;
        }
        walk(&self.automaton, &other.automaton, false, self.texts).into()
    }

    /// Whether no text begins, or none ends, as both want it: then they have none in common. The other way round nothing
    /// is said.
    #[must_use]
    pub fn is_apart_from(&self, other: &Self) -> bool {
        let (one, two) = (&*self.prefix, &*other.prefix);
        let (last, other_last) = (&*self.suffix, &*other.suffix);
        (!one.starts_with(two) && !two.starts_with(one)) || (!last.ends_with(other_last) && !other_last.ends_with(last))
    }

    /// Whether it takes no text at all.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self.literal() {
            Some(text) => !self.texts.hold(text),
            // Only types are told apart by their letters, and a name only by where its slashes are.
            None if self.texts == Texts::Names && !self.prefix.contains('/') && !self.suffix.contains('/') => false,
            None if self.texts == Texts::Any => false,
            None => self.common(&Self::everything(self.texts)) == Found::Nothing,
        }
    }

    /// A text that both take.
    #[must_use]
    pub fn common(&self, other: &Self) -> Found {
        if self.is_apart_from(other) {
            return Found::Nothing;
        }
        walk(&self.automaton, &other.automaton, true, self.texts).into()
    }
}

impl From<Walk> for Found {
    fn from(walk: Walk) -> Self {
        match walk {
            Walk::Text(text) => Self::Example(text),
            Walk::Nothing => Self::Nothing,
            Walk::TooLong => Self::CannotTell,
        }
    }
}

/// Whether trying every place decides the same as Go's first one: so it is for what stands before the first star, which
/// cannot be moved, for what stands behind the last, which is tried everywhere, and in between for what has its `/` in
/// one place and begins where a character does.
fn is_as_it_seems(parts: &[Part]) -> bool {
    let chunks: Vec<&[Part]> = parts.split(|part| matches!(part, Part::Star | Part::Span)).collect();
    let between = chunks.get(1..chunks.len().saturating_sub(1)).unwrap_or_default();
    between.iter().all(|chunk| {
        let holds_slash = chunk
            .iter()
            .any(|part| matches!(part, Part::Class(class) if class.holds('/')));
        let begins_with_text = matches!(chunk.first(), None | Some(Part::Text(_)));
        let is_of_single_bytes = chunk.iter().all(|part| match part {
            Part::Class(class) => class_is_ascii(class),
            Part::AnyChar => false,
            _ => true,
        });
        !holds_slash && (begins_with_text || is_of_single_bytes)
    })
}

fn class_is_ascii(class: &Class) -> bool {
    !class.holds(char::REPLACEMENT_CHARACTER) && class.ranges().all(|(_, high)| high.is_ascii())
}

#[cfg(test)]
mod tests;
