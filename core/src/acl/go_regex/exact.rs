//! Expressions that are decided without `regex`, most of them by plain text alone.

use super::super::needs::{Edge, Need, OneOf, one_of};
use super::automaton::Automaton;
use super::edges::{anchors, plain, texts};
use super::tree::{Kind, Node, Sequence};

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
    /// `^text.+text$` and the like.
    Gaps(Gaps),
    /// `^(?:text|text)$` and the like: one of these decides.
    AnyOf(Box<[Exact]>),
    /// Any other that is small.
    Automaton(Automaton),
}

/// Plain texts, and between them `.*` or `.+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gaps {
    /// Whether the first text stands at the start.
    start: bool,
    /// Whether the last text stands at the end.
    end: bool,
    /// Whether a gap may hold a newline.
    newline: bool,
    first: String,
    rest: Box<[(Gap, String)]>,
}

/// A test as what it compares: texts with gaps.
#[derive(Debug)]
pub(in crate::acl) struct Run<'e> {
    /// Whether the first text stands at the start.
    pub(in crate::acl) start: bool,
    /// Whether the last text stands at the end.
    pub(in crate::acl) end: bool,
    pub(in crate::acl) first: &'e str,
    /// Whether a gap holds one character at least, and the text behind it.
    pub(in crate::acl) rest: Vec<(bool, &'e str)>,
}

/// What stands between two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// `.*`
    Any,
    /// `.+`
    Some,
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
            Self::Gaps(gaps) => gaps.matches(text),
            Self::AnyOf(tests) => tests.iter().any(|test| test.matches(text)),
            Self::Automaton(automaton) => automaton.matches(text),
        }
    }

    /// Whether it matches every text.
    pub(in crate::acl) fn is_idle(&self) -> bool {
        match self {
            Self::Prefix(text) | Self::Suffix(text) | Self::Contains(text) => text.is_empty(),
            Self::AnyOf(tests) => tests.iter().any(Self::is_idle),
            Self::Literal(_) | Self::Gaps(_) | Self::Automaton(_) => false,
        }
    }

    /// The test as texts with gaps, any of which decides; `None` if it is more than that. In a text without newlines.
    pub(in crate::acl) fn runs(&self) -> Option<Vec<Run<'_>>> {
        let plain = |start, first, end| Run {
            start,
            end,
            first,
            rest: Vec::new(),
        };
        Some(match self {
            Self::Literal(text) => vec![plain(true, text, true)],
            Self::Prefix(text) => vec![plain(true, text, false)],
            Self::Suffix(text) => vec![plain(false, text, true)],
            Self::Contains(text) => vec![plain(false, text, false)],
            Self::Gaps(gaps) => vec![Run {
                start: gaps.start,
                end: gaps.end,
                first: &gaps.first,
                rest: gaps
                    .rest
                    .iter()
                    .map(|(gap, text)| (*gap == Gap::Some, &**text))
                    .collect(),
            }],
            Self::AnyOf(tests) => {
                let runs: Option<Vec<_>> = tests.iter().map(Self::runs).collect();
                runs?.into_iter().flatten().collect()
            }
            Self::Automaton(_) => return None,
        })
    }

    /// What every text that it matches begins with: one of these.
    pub(in crate::acl) fn starts(&self) -> OneOf<'_> {
        self.needs(Edge::Start)
    }

    /// What every text that it matches ends in: one of these.
    pub(in crate::acl) fn ends(&self) -> OneOf<'_> {
        self.needs(Edge::End)
    }

    fn needs(&self, edge: Edge) -> OneOf<'_> {
        match self {
            Self::AnyOf(tests) => {
                let needs: Option<Vec<_>> = tests.iter().map(|test| test.need(edge)).collect();
                one_of(needs.unwrap_or_default())
            }
            test => one_of(test.need(edge)),
        }
    }

    fn need(&self, edge: Edge) -> Option<Need<'_>> {
        match (self, edge) {
            (Self::Literal(text), _) => Some(Need::new(Edge::Whole, text)),
            (Self::Prefix(text), Edge::Start) | (Self::Suffix(text), Edge::End) => Some(Need::new(edge, text)),
            (Self::Gaps(gaps), Edge::Start) if gaps.start => Some(Need::new(edge, &gaps.first)),
            (Self::Gaps(gaps), Edge::End) if gaps.end => Some(Need::new(edge, &gaps.rest.last()?.1)),
            _ => None,
        }
    }
}

impl Gaps {
    fn matches(&self, text: &str) -> bool {
        if self.newline {
            return self.fits(text);
        }
        // No match reaches beyond a line then, for no text of ours holds a newline either.
        let mut lines = text.split('\n');
        match (self.start, self.end) {
            (true, true) => !text.contains('\n') && self.fits(text),
            (true, false) => lines.next().is_some_and(|line| self.fits(line)),
            (false, true) => lines.next_back().is_some_and(|line| self.fits(line)),
            (false, false) => lines.any(|line| self.fits(line)),
        }
    }

    /// In a text that a gap can hold all of: each text is best taken where it comes first.
    fn fits(&self, text: &str) -> bool {
        let first = if self.start {
            text.strip_prefix(&*self.first)
        } else {
            behind(text, &self.first)
        };
        let Some((last, between)) = self.rest.split_last() else {
            return first.is_some();
        };
        let rest = between
            .iter()
            .try_fold(first, |rest, (gap, next)| Some(behind(gap.step(rest?)?, next)));
        let rest = rest.flatten().and_then(|rest| last.0.step(rest));
        rest.is_some_and(|rest| {
            if self.end {
                rest.ends_with(&*last.1)
            } else {
                rest.contains(&*last.1)
            }
        })
    }
}

impl Gap {
    /// `text` without what the gap holds at least.
    fn step(self, text: &str) -> Option<&str> {
        match self {
            Self::Any => Some(text),
            Self::Some => {
                let mut chars = text.chars();
                chars.next().map(|_| chars.as_str())
            }
        }
    }
}

/// What stands behind the first place where `wanted` does.
fn behind<'t>(text: &'t str, wanted: &str) -> Option<&'t str> {
    text.split_once(wanted).map(|(_, behind)| behind)
}

/// The test for an expression of `length` bytes, if there is one.
pub(super) fn exact(branches: &[Sequence], length: usize) -> Option<Exact> {
    plain_texts(branches, length).or_else(|| Automaton::of(branches).map(Exact::Automaton))
}

fn plain_texts(branches: &[Sequence], length: usize) -> Option<Exact> {
    let mut tests = Vec::new();
    for branch in branches {
        match gaps(branch) {
            Some(test) => tests.push(test),
            None => tests.extend(alternatives(branch, length)?),
        }
    }
    Some(match <[Exact; 1]>::try_from(tests) {
        Ok([test]) => test,
        Err(tests) => Exact::AnyOf(tests.into()),
    })
}

fn alternatives(branch: &[Node], length: usize) -> Option<impl Iterator<Item = Exact>> {
    let (start, nodes, end) = anchors(branch);
    Some(
        texts(nodes, length)?
            .into_iter()
            .map(move |text| plain_test(start, text, end)),
    )
}

fn plain_test(start: bool, text: String, end: bool) -> Exact {
    match (start, end) {
        (true, true) => Exact::Literal(text),
        (true, false) => Exact::Prefix(text),
        (false, true) => Exact::Suffix(text),
        (false, false) => Exact::Contains(text),
    }
}

/// Plain text, with any gaps in it.
fn gaps(branch: &[Node]) -> Option<Exact> {
    let (start, nodes, end) = anchors(branch);
    let mut reading = Reading::default();
    reading.nodes(nodes)?;
    let Reading {
        mut first,
        mut rest,
        newline,
    } = reading;
    // A gap that may be empty says nothing at an end that is open.
    if !end {
        while rest
            .last()
            .is_some_and(|(gap, text)| *gap == Gap::Any && text.is_empty())
        {
            rest.pop();
        }
    }
    if !start {
        while first.is_empty() && rest.first().is_some_and(|(gap, _)| *gap == Gap::Any) {
            first = rest.remove(0).1;
        }
    }
    if rest.is_empty() {
        return Some(plain_test(start, first, end));
    }
    let newline = newline.unwrap_or_default();
    let mut texts = std::iter::once(&first).chain(rest.iter().map(|(_, text)| text));
    if !newline && texts.any(|text| text.contains('\n')) {
        return None;
    }
    Some(Exact::Gaps(Gaps {
        start,
        end,
        newline,
        first,
        rest: rest.into(),
    }))
}

#[derive(Default)]
struct Reading {
    first: String,
    rest: Vec<(Gap, String)>,
    newline: Option<bool>,
}

impl Reading {
    fn nodes(&mut self, nodes: &[Node]) -> Option<()> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &Node) -> Option<()> {
        match &node.kind {
            Kind::Char { c, fold } => {
                let text = self.rest.last_mut().map_or(&mut self.first, |(_, text)| text);
                text.push(plain(*c, *fold)?);
            }
            Kind::Repetition { node, count } => {
                let Kind::Dot { newline } = node.kind else { return None };
                let gap = match (count.min, count.max) {
                    (0, None) => Gap::Any,
                    (1, None) => Gap::Some,
                    _ => return None,
                };
                if *self.newline.get_or_insert(newline) != newline {
                    return None;
                }
                self.rest.push((gap, String::new()));
            }
            Kind::Group { branches, .. } => match branches.as_slice() {
                [nodes] => self.nodes(nodes)?,
                _ => return None,
            },
            _ => return None,
        }
        Some(())
    }
}
