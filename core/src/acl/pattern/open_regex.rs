//! A regular expression with variables.

use std::ops::Range;

use regex::Regex;

use super::super::go_regex::Template;
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

    /// The expression with these values put in.
    pub(super) fn compile(&self, values: &Values<'_, '_>) -> Result<Regex, Unjudged> {
        let variables = self.holes.iter().map(|(_, variable)| values.of(variable));
        let values = variables.collect::<Option<Vec<_>>>().ok_or(Unjudged)?;
        self.with(&values)
    }

    /// The expression with one value for each hole. What it depends on is `self` and `values` alone.
    fn with(&self, values: &[Value<'_>]) -> Result<Regex, Unjudged> {
        let quoted: Vec<&str> = values.iter().filter(|v| !is_expression(**v)).map(|v| v.text).collect();
        if quoted.len() == values.len() {
            return self.template.regex(&quoted).map_err(|_| Unjudged);
        }
        let template = self.with_expressions(values)?;
        // A label's value that brings groups of its own would give the others new numbers.
        if self.numbered && template.captures_len() != self.template.captures_len() {
            return Err(Unjudged);
        }
        template.regex(&quoted).map_err(|_| Unjudged)
    }

    /// Puts in those values that are expressions themselves; the others stay holes.
    fn with_expressions(&self, values: &[Value<'_>]) -> Result<Template, Unjudged> {
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
        Template::from_go(&source, &holes).map_err(|_| Unjudged)
    }
}

fn is_expression(value: Value<'_>) -> bool {
    value.meaning == LabelsArePatterns::Regex
}
