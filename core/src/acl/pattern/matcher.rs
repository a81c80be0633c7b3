//! A pattern without variables.

use regex::Captures;

use super::super::glob::{DoubleStar, Glob};
use super::super::go_regex::{self, Automaton, Exact, Template};
use super::super::needs::{self, Edge, Need, Needs, OneOf, one_of};
use super::super::patterns::{Compiled, PatternMemo};
use super::{Reading, Unjudged, Verdict};

/// The cheapest test that is exact.
#[derive(Debug)]
pub(in crate::acl) enum Matcher {
    Any,
    Exact(Exact),
    Glob(Glob),
    Automaton(Automaton, Needs),
    Regex(Expression),
}

/// An expression that is compiled when a request first needs it.
#[derive(Clone, Debug)]
pub(in crate::acl) struct Expression {
    /// For the `regex` crate.
    text: Box<str>,
    /// An upper bound of what it needs when compiled, in bytes.
    cost: u64,
    /// Whether it matches is told by this where there is one: then it is compiled only for what its groups take.
    exact: Option<Exact>,
    /// Most other texts are told apart by these alone, and it is never compiled for them.
    needs: Needs,
}

impl Matcher {
    pub(super) fn glob(glob: Glob, text: &str, reading: Reading) -> Self {
        let spans = reading.double_star == DoubleStar::Spans && text.len() > 1;
        let stars = !text.is_empty() && text.bytes().all(|b| b == b'*');
        match glob.literal() {
            Some(literal) => Self::Exact(Exact::Literal(literal.to_owned())),
            None if stars && (spans || reading.without_slash) => Self::Any,
            None => Self::Glob(glob),
        }
    }

    /// An expression whose groups are needed stays one, even if plain text would decide the same.
    pub(super) fn regex(template: &Template, numbered: bool) -> Self {
        match template.exact().filter(|_| !numbered) {
            Some(exact) if exact.is_idle() => Self::Any,
            Some(Exact::Automaton(automaton)) => Self::Automaton(automaton, template.needs().clone()),
            Some(exact) => Self::Exact(exact),
            None => Self::Regex(Expression::new(template)),
        }
    }

    /// Whether any of `subjects` matches.
    pub(in crate::acl) fn judge<'s>(
        &self,
        mut subjects: impl Iterator<Item = &'s str>,
        patterns: &mut PatternMemo,
    ) -> Verdict {
        match self {
            Self::Any => Verdict::of(subjects.next().is_some()),
            Self::Exact(exact) => Verdict::of(subjects.any(|subject| exact.matches(subject))),
            Self::Glob(glob) => Verdict::of(subjects.any(|subject| glob.matches(subject))),
            Self::Automaton(automaton, _) => Verdict::of(subjects.any(|subject| automaton.matches(subject))),
            Self::Regex(expression) => expression
                .matches_any(subjects, patterns)
                .map_or(Verdict::Unknown, Verdict::of),
        }
    }

    /// The order in which the conditions of a rule are best looked at.
    pub(in crate::acl) fn cost(&self) -> u8 {
        match self {
            Self::Any | Self::Exact(_) => 0,
            Self::Glob(_) => 1,
            Self::Automaton(..) => 2,
            Self::Regex(_) => 3,
        }
    }

    /// What a text must be like if it is to match: one of each list.
    pub(in crate::acl) fn needs(&self) -> Vec<OneOf<'_>> {
        match self {
            Self::Any => Vec::new(),
            Self::Exact(exact) => vec![exact.starts(), exact.ends()],
            Self::Glob(glob) => vec![
                one_of([Need::new(Edge::Start, glob.literal_prefix())]),
                one_of([Need::new(Edge::End, glob.literal_suffix())]),
            ],
            Self::Automaton(_, needs) => needs::findable(needs),
            Self::Regex(expression) => needs::findable(&expression.needs),
        }
    }
}

impl Expression {
    fn new(template: &Template) -> Self {
        Self {
            text: template.filled(&[]).into(),
            cost: template.cost(0),
            exact: template.exact(),
            needs: template.needs().clone(),
        }
    }

    fn matches_any<'s>(
        &self,
        mut subjects: impl Iterator<Item = &'s str>,
        patterns: &mut PatternMemo,
    ) -> Result<bool, Unjudged> {
        if let Some(exact) = &self.exact {
            return Ok(subjects.any(|subject| exact.matches(subject)));
        }
        let mut likely = subjects
            .filter(|subject| needs::admits(&self.needs, subject))
            .peekable();
        if likely.peek().is_none() {
            return Ok(false);
        }
        patterns
            .ask(
                &self.text,
                || self.compile(),
                |regex| likely.any(|subject| regex.is_match(subject)),
            )
            .ok_or(Unjudged)
    }

    /// What the groups took of `subject`; nothing if it does not match, or cannot be judged.
    pub(in crate::acl) fn captures<'s>(&self, subject: &'s str, patterns: &mut PatternMemo) -> Option<Captures<'s>> {
        patterns
            .ask(&self.text, || self.compile(), |regex| regex.captures(subject))
            .flatten()
    }

    fn compile(&self) -> Compiled {
        Compiled {
            // Those that could be too large were compiled once, at load.
            regex: go_regex::compile(&self.text).ok(),
            cost: self.cost,
        }
    }
}
