//! A matcher, read in the syntax of Casbin's Go library: what is compared with what.
//!
//! Everything in it has one meaning and a type, so that no request can meet what the policy's author got wrong. What
//! docker_auth reads otherwise than it looks is refused with its place.

mod lexer;
mod parser;

use std::collections::BTreeSet;

use super::fault::Fault;
use super::model::Model;
use super::patterns::Function;
use super::text::At;

/// What is true or false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Constant(bool),
    All(Vec<Truth>),
    Any(Vec<Truth>),
    Not(Box<Truth>),
    Same(Box<Truth>, Box<Truth>),
    Compare(Comparison, Term, Term),
    /// The function `g` of this number.
    HasRole {
        role: usize,
        terms: Vec<Term>,
    },
    Matches {
        function: Function,
        text: Term,
        pattern: Pattern,
    },
}

/// A text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Text(String),
    /// A field of the request.
    Asked(usize),
    /// A field of the row.
    Row(usize),
    /// Several texts, one behind the other.
    Joined(Vec<Term>),
}

/// A pattern, which never comes from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Row(usize),
    Text(String, At),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Reads the matcher of a model.
///
/// # Errors
/// The first fault.
pub(super) fn read(model: &Model) -> Result<Truth, Fault> {
    parser::parse(lexer::tokens(&model.matcher)?, model)
}

impl Truth {
    /// The fields of a row that it looks at.
    pub(super) fn fields(&self) -> BTreeSet<usize> {
        let mut fields = BTreeSet::new();
        self.visit(&mut |truth| match truth {
            Self::Compare(_, one, other) => {
                one.note(&mut fields);
                other.note(&mut fields);
            }
            Self::HasRole { terms, .. } => terms.iter().for_each(|term| term.note(&mut fields)),
            Self::Matches { text, pattern, .. } => {
                text.note(&mut fields);
                if let Pattern::Row(field) = pattern {
                    fields.insert(*field);
                }
            }
            _ => {}
        });
        fields
    }

    /// The patterns in it, each with what it is for.
    pub(super) fn patterns(&self) -> Vec<(Function, Pattern)> {
        let mut patterns = Vec::new();
        self.visit(&mut |truth| {
            if let Self::Matches { function, pattern, .. } = truth {
                patterns.push((*function, pattern.clone()));
            }
        });
        patterns
    }

    fn visit(&self, see: &mut impl FnMut(&Self)) {
        see(self);
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit(see)),
            Self::Not(part) => part.visit(see),
            Self::Same(one, other) => {
                one.visit(see);
                other.visit(see);
            }
            Self::Constant(_) | Self::Compare(..) | Self::HasRole { .. } | Self::Matches { .. } => {}
        }
    }
}

impl Term {
    fn note(&self, fields: &mut BTreeSet<usize>) {
        match self {
            Self::Row(field) => {
                fields.insert(*field);
            }
            Self::Joined(parts) => parts.iter().for_each(|part| part.note(fields)),
            Self::Text(_) | Self::Asked(_) => {}
        }
    }
}
