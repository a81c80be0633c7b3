//! A regular expression with variables.

use std::fmt::Write as _;
use std::ops::Range;

use regex::{Captures, Regex};

use super::super::go_regex::{self, Template, VALUE_LENGTH};
use super::super::needs::{self, OneOf};
use super::super::patterns::{Compiled, PatternMemo};
use super::super::variables::{Value, Values, Variable};
use super::Unjudged;
use crate::account::LabelsArePatterns;

#[derive(Debug)]
pub(super) struct OpenRegex {
    /// Go's expression, without the slashes.
    source: Box<str>,
    holes: Box<[(Range<usize>, Variable)]>,
    /// Takes the values of all holes as literal text.
    template: Template,
    /// Whether its groups are referred to.
    numbered: bool,
}

impl OpenRegex {
    pub(super) fn new(
        source: &str,
        holes: impl Iterator<Item = (Range<usize>, Variable)>,
        template: Template,
        numbered: bool,
    ) -> Self {
        Self {
            source: source.into(),
            holes: holes.collect(),
            template,
            numbered,
        }
    }

    /// Whether any of `subjects` matches with these values.
    pub(super) fn matches_any<'s>(
        &self,
        subjects: impl Iterator<Item = &'s str>,
        values: &Values<'_, '_>,
        patterns: &mut PatternMemo,
    ) -> Result<bool, Unjudged> {
        let values = self.values(values)?;
        let mut likely = subjects.filter(|subject| self.admits(subject, &values)).peekable();
        if likely.peek().is_none() {
            return Ok(false);
        }
        self.ask(&values, patterns, |regex| likely.any(|subject| regex.is_match(subject)))
    }

    /// What the groups took of `subject`, if it matches with these values.
    pub(super) fn captures<'s>(
        &self,
        subject: &'s str,
        values: &Values<'_, '_>,
        patterns: &mut PatternMemo,
    ) -> Result<Option<Captures<'s>>, Unjudged> {
        let values = self.values(values)?;
        if !self.admits(subject, &values) {
            return Ok(None);
        }
        self.ask(&values, patterns, |regex| regex.captures(subject))
    }

    /// What a text must be like, whatever the values are: one of each list.
    pub(super) fn needs(&self) -> Vec<OneOf<'_>> {
        if !self.is_sure() {
            return Vec::new();
        }
        needs::findable(self.template.needs())
    }

    /// Whether it compiles with all values that a request can bring, labels excepted.
    pub(super) fn is_sure(&self) -> bool {
        self.template.surely_compiles()
    }

    fn values<'a>(&self, values: &Values<'_, 'a>) -> Result<Vec<Value<'a>>, Unjudged> {
        let values = self.holes.iter().map(|(_, variable)| values.of(variable));
        values.collect::<Option<Vec<_>>>().ok_or(Unjudged)
    }

    /// Whether it may match `subject`, as far as plain text tells, or may not compile. With a value that may make it too
    /// large, or that brings alternatives of its own, the texts that it holds tell nothing.
    fn admits(&self, subject: &str, values: &[Value<'_>]) -> bool {
        let plain = |value: &Value<'_>| !is_expression(*value) && value.text.len() <= VALUE_LENGTH;
        let telling = self.is_sure() && values.iter().all(plain);
        !telling || needs::admits(self.template.needs(), subject)
    }

    /// Asks the expression with one value for each hole.
    fn ask<T>(
        &self,
        values: &[Value<'_>],
        patterns: &mut PatternMemo,
        question: impl FnOnce(&Regex) -> T,
    ) -> Result<T, Unjudged> {
        let quoted: Vec<&str> = values.iter().filter(|v| !is_expression(**v)).map(|v| v.text).collect();
        let answer = if quoted.len() == values.len() {
            let text = self.template.filled(&quoted);
            let compile = || Compiled {
                regex: go_regex::compile(&text).ok(),
                cost: self.template.cost(longest(&quoted)),
            };
            patterns.ask(&text, compile, question)
        } else {
            let (source, holes) = self.with_expressions(values);
            let compile = || self.compile(&source, &holes, &quoted);
            patterns.ask(&self.key(&source, &holes, &quoted), compile, question)
        };
        answer.ok_or(Unjudged)
    }

    /// Puts in those values that are expressions themselves; the others stay holes.
    fn with_expressions(&self, values: &[Value<'_>]) -> (String, Vec<Range<usize>>) {
        let mut source = String::new();
        let mut holes = Vec::new();
        let mut done = 0;
        for ((at, _), value) in self.holes.iter().zip(values) {
            source.push_str(self.source.get(done..at.start).unwrap_or_default());
            done = at.end;
            if is_expression(*value) {
                source.push_str(value.text);
            } else {
                let start = source.len();
                source.push_str(self.source.get(at.clone()).unwrap_or_default());
                holes.push(start..source.len());
            }
        }
        source.push_str(self.source.get(done..).unwrap_or_default());
        (source, holes)
    }

    /// The groups there must be, if they are referred to.
    fn groups(&self) -> Option<usize> {
        self.numbered.then(|| self.template.captures_len())
    }

    /// What it depends on is [`groups`](Self::groups) and the arguments alone.
    fn compile(&self, source: &str, holes: &[Range<usize>], quoted: &[&str]) -> Compiled {
        let template = Template::from_go(source, holes).ok();
        // A label's value that brings groups of its own would give the others new numbers.
        let alike = |template: &Template| self.groups().is_none_or(|groups| groups == template.captures_len());
        let template = template.filter(alike);
        Compiled {
            cost: template.as_ref().map_or(0, |template| template.cost(longest(quoted))),
            regex: template.and_then(|template| template.regex(quoted).ok()),
        }
    }

    /// All that [`compile`](Self::compile) depends on, each text with its length before it. Unlike the text of any
    /// expression it begins with `)`.
    fn key(&self, source: &str, holes: &[Range<usize>], quoted: &[&str]) -> String {
        let mut key = String::from(")");
        // Writing to a string cannot fail.
        let _ = write!(key, "{:?}{holes:?}", self.groups());
        for text in std::iter::once(&source).chain(quoted) {
            let _ = write!(key, "{}:{text}", text.len());
        }
        key
    }
}

fn longest(values: &[&str]) -> usize {
    values.iter().map(|value| value.len()).max().unwrap_or_default()
}

fn is_expression(value: Value<'_>) -> bool {
    value.meaning == LabelsArePatterns::Regex
}
