//! A glob with variables.
//!
//! Nearly all are literal text and variables around at most one glob, such as `${account}/*`. There the values are
//! compared where they stand and the glob was compiled at load, so that a request costs no allocation. What is left is
//! put together for each request: several globs with variables between them, a variable within a class, and a label's
//! value that holds wildcards.

use super::super::glob::{self, DoubleStar, Glob, GlobError};
use super::super::needs::{Edge, Need, OneOf, one_of};
use super::super::variables::{Reference, Value, Values, Variable, ends_in_escape};
use super::Unjudged;
use crate::account::LabelsArePatterns;

#[derive(Debug)]
pub(super) struct OpenGlob {
    parts: Box<[Part]>,
    double_star: DoubleStar,
    shape: Shape,
}

#[derive(Debug)]
enum Part {
    /// As configured, with its escapes.
    Text(Box<str>),
    Variable(Variable),
}

/// How the glob is matched if no value holds a wildcard.
#[derive(Debug)]
enum Shape {
    Split {
        lead: Box<[Piece]>,
        middle: Option<Glob>,
        trail: Box<[Piece]>,
    },
    Whole {
        lead: Box<[Piece]>,
    },
}

#[derive(Debug)]
enum Piece {
    /// Without escapes.
    Literal(Box<str>),
    Variable(Variable),
    Glob(Glob),
}

impl OpenGlob {
    pub(super) fn parse(text: &str, references: &[Reference], double_star: DoubleStar) -> Result<Self, GlobError> {
        let mut parts = Vec::new();
        let mut sample = String::with_capacity(text.len());
        let mut done = 0;
        for reference in references {
            let before = text.get(done..reference.at.start).unwrap_or_default();
            sample.push_str(before);
            // As long as the variable, so that what is found stands at the same bytes.
            sample.extend(std::iter::repeat_n('x', reference.at.len()));
            parts.push(Part::Text(before.into()));
            parts.push(Part::Variable(reference.variable.clone()));
            done = reference.at.end;
        }
        let behind = text.get(done..).unwrap_or_default();
        sample.push_str(behind);
        parts.push(Part::Text(behind.into()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Glob::parse(&sample, double_star)?;
        Ok(Self {
            shape: Shape::of(&parts, double_star),
            parts: parts.into(),
            double_star,
        })
    }

    /// Whether any of `subjects` matches with these values.
    pub(super) fn matches_any<'s>(
        &self,
        mut subjects: impl Iterator<Item = &'s str> + Clone,
        values: &Values<'_, '_>,
    ) -> Result<bool, Unjudged> {
        if self.has_wild_value(values)? {
            let glob = self.compile(values)?;
            return Ok(subjects.any(|subject| glob.matches(subject)));
        }
        match &self.shape {
            Shape::Split { lead, middle, trail } => Ok(subjects.any(|subject| {
                let rest = without_lead(subject, lead, values).and_then(|rest| without_trail(rest, trail, values));
                rest.is_some_and(|rest| middle.as_ref().map_or(rest.is_empty(), |glob| glob.matches(rest)))
            })),
            Shape::Whole { lead } => {
                let mut likely = subjects
                    .filter(|subject| without_lead(subject, lead, values).is_some())
                    .peekable();
                if likely.peek().is_none() {
                    return Ok(false);
                }
                let glob = self.compile(values)?;
                Ok(likely.any(|subject| glob.matches(subject)))
            }
        }
    }

    /// What a text must be like if no value holds a wildcard: one of each list. Both are looked at before anything that
    /// could make the verdict unknown.
    pub(super) fn needs(&self) -> Vec<OneOf<'_>> {
        match &self.shape {
            Shape::Split { lead, middle, trail } => {
                let start = lead.first().map_or_else(
                    || {
                        middle
                            .as_ref()
                            .map(|glob| Need::new(Edge::Start, glob.literal_prefix()))
                    },
                    |piece| piece.need(Edge::Start),
                );
                let last = if middle.is_none() { lead.last() } else { trail.last() };
                let end = last.map_or_else(
                    || middle.as_ref().map(|glob| Need::new(Edge::End, glob.literal_suffix())),
                    |piece| piece.need(Edge::End),
                );
                vec![one_of(start), one_of(end)]
            }
            Shape::Whole { lead } => vec![one_of(lead.first().and_then(|piece| piece.need(Edge::Start)))],
        }
    }

    fn has_wild_value(&self, values: &Values<'_, '_>) -> Result<bool, Unjudged> {
        let mut wild = false;
        for part in &self.parts {
            if let Part::Variable(variable) = part {
                let value = values.of(variable).ok_or(Unjudged)?;
                wild |= keeps_wildcards(value) && value.text.contains(['*', '?', '[', '\\']);
            }
        }
        Ok(wild)
    }

    /// Puts the values in. What it depends on is `self` and the values alone.
    fn compile(&self, values: &Values<'_, '_>) -> Result<Glob, Unjudged> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(written) => join(&mut text, written),
                Part::Variable(variable) => {
                    let value = values.of(variable).ok_or(Unjudged)?;
                    if keeps_wildcards(value) {
                        join(&mut text, value.text);
                    } else if ends_in_escape(&text) {
                        // A label's value ends in `\`: it would take away the quoting of what comes next.
                        return Err(Unjudged);
                    } else {
                        glob::quote(value.text, &mut text);
                    }
                }
            }
        }
        Glob::parse(&text, self.double_star).map_err(|_| Unjudged)
    }
}

impl Shape {
    fn of(parts: &[Part], double_star: DoubleStar) -> Self {
        let pieces = parts.iter().map(|part| Piece::of(part, double_star));
        let Some(mut lead) = pieces.collect::<Option<Vec<_>>>() else {
            return Self::Whole { lead: Box::default() };
        };
        let is_glob = |piece: &Piece| matches!(piece, Piece::Glob(_));
        let first = lead.iter().position(is_glob);
        let last = lead.iter().rposition(is_glob);
        match (first, last) {
            (Some(first), Some(last)) if first == last => {
                let trail = lead.split_off(first.saturating_add(1)).into();
                let middle = lead.pop().and_then(|piece| match piece {
                    Piece::Glob(glob) => Some(glob),
                    Piece::Literal(_) | Piece::Variable(_) => None,
                });
                let lead = lead.into();
                Self::Split { lead, middle, trail }
            }
            (Some(first), _) => {
                // Without wildcards in the values, the first glob's own beginning must be there too.
                let begins = lead.drain(first..).next().and_then(|piece| piece.beginning());
                lead.extend(begins);
                Self::Whole { lead: lead.into() }
            }
            (None, _) => Self::Split {
                lead: lead.into(),
                middle: None,
                trail: Box::default(),
            },
        }
    }
}

impl Piece {
    /// `None` for a text that is no glob by itself, since a class in it holds a variable.
    fn of(part: &Part, double_star: DoubleStar) -> Option<Self> {
        Some(match part {
            Part::Variable(variable) => Self::Variable(variable.clone()),
            Part::Text(text) => {
                let glob = Glob::parse(text, double_star).ok()?;
                match glob.literal() {
                    Some(literal) => Self::Literal(literal.into()),
                    None => Self::Glob(glob),
                }
            }
        })
    }

    /// The literal text that a glob begins with.
    fn beginning(&self) -> Option<Self> {
        match self {
            Self::Glob(glob) if !glob.literal_prefix().is_empty() => Some(Self::Literal(glob.literal_prefix().into())),
            Self::Glob(_) | Self::Literal(_) | Self::Variable(_) => None,
        }
    }

    fn need(&self, edge: Edge) -> Option<Need<'_>> {
        match self {
            Self::Literal(text) => Some(Need::new(edge, &**text)),
            Self::Variable(_) | Self::Glob(_) => None,
        }
    }

    fn text<'p>(&'p self, values: &Values<'_, 'p>) -> Option<&'p str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Variable(variable) => values.of(variable).map(|value| value.text),
            Self::Glob(_) => None,
        }
    }
}

fn keeps_wildcards(value: Value<'_>) -> bool {
    match value.meaning {
        LabelsArePatterns::None => false,
        LabelsArePatterns::Glob | LabelsArePatterns::Regex => true,
    }
}

fn without_lead<'s>(subject: &'s str, lead: &[Piece], values: &Values<'_, '_>) -> Option<&'s str> {
    lead.iter()
        .try_fold(subject, |rest, piece| rest.strip_prefix(piece.text(values)?))
}

fn without_trail<'s>(subject: &'s str, trail: &[Piece], values: &Values<'_, '_>) -> Option<&'s str> {
    trail
        .iter()
        .rev()
        .try_fold(subject, |rest, piece| rest.strip_suffix(piece.text(values)?))
}

/// Appends `next`. Where two single stars would meet, which an empty value or a label's value can bring about, one is
/// left out: `**` is there only where somebody wrote it.
fn join(text: &mut String, next: &str) {
    let before = text.trim_end_matches('*');
    let escaped = usize::from(ends_in_escape(before));
    let stars = text.len().saturating_sub(before.len()).saturating_sub(escaped);
    let more = next.len().saturating_sub(next.trim_start_matches('*').len());
    let meet = stars == 1 && more == 1;
    text.push_str(next.strip_prefix('*').filter(|_| meet).unwrap_or(next));
}

#[cfg(test)]
impl OpenGlob {
    /// How it is matched, in a word.
    pub(super) fn form(&self) -> &'static str {
        match self.shape {
            Shape::Split { .. } => "split",
            Shape::Whole { .. } => "whole",
        }
    }
}
