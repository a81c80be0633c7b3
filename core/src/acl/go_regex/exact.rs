//! Expressions that decide by plain text alone.

use super::tree::{Assertion, Kind, Node, Sequence, folds};

/// A test that decides the same as an expression without running one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exact {
    /// `^text$`
    Literal(String),
    /// `^text`
    Prefix(String),
    /// `text$`
    Suffix(String),
    /// `text`
    Contains(String),
}

impl Exact {
    /// Whether the expression matches somewhere in `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(wanted) => text == wanted,
            Self::Prefix(wanted) => text.starts_with(wanted),
            Self::Suffix(wanted) => text.ends_with(wanted),
            Self::Contains(wanted) => text.contains(wanted),
        }
    }
}

pub(super) fn exact(branches: &[Sequence]) -> Option<Exact> {
    let [nodes] = branches else { return None };
    let is = |node: &Node, wanted: Assertion| matches!(node.kind, Kind::Assertion(found) if found == wanted);
    let (anchored, nodes) = match nodes.as_slice() {
        [first, rest @ ..] if is(first, Assertion::TextStart) => (true, rest),
        nodes => (false, nodes),
    };
    let (ended, nodes) = match nodes {
        [rest @ .., last] if is(last, Assertion::TextEnd) => (true, rest),
        nodes => (false, nodes),
    };
    let text = nodes
        .iter()
        .map(|node| match node.kind {
            Kind::Char { c, fold } if !fold || !folds(c) => Some(c),
            _ => None,
        })
        .collect::<Option<String>>()?;
    Some(match (anchored, ended) {
        (true, true) => Exact::Literal(text),
        (true, false) => Exact::Prefix(text),
        (false, true) => Exact::Suffix(text),
        (false, false) => Exact::Contains(text),
    })
}
