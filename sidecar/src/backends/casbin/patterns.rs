//! What a matcher compares with: expressions, keys, globs, networks and labels, each compiled when the policy is read.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use regex::Regex;
use registry_auth_core::acl::glob::{DoubleStar, Glob, GlobError};
use registry_auth_core::acl::go_regex::{DialectError, Exact, Template};
use registry_auth_core::acl::network::{Network, NetworkError};
use thiserror::Error;

use super::keys;

/// The most expressions that `regex` has to run: some hundred kilobytes each may need.
const MOST_EXPRESSIONS: usize = 2_000;

/// A function of Casbin's that compares a text with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Function {
    /// `regexMatch`, and the operator `=~`.
    Regex,
    Key,
    Key2,
    Key3,
    Key4,
    Key5,
    Glob,
    Ip,
    /// `labelMatch(r.labels, p.labels)`: the request has all that the row names.
    Labels,
    /// `labelMatch(p.labels, r.labels)`: the row names all that the request has.
    LabelsOfRequest,
}

/// Labels as docker_auth writes them.
pub(super) type Labels = BTreeMap<String, Vec<String>>;

/// Every pattern that a matcher can meet.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    compiled: HashMap<Function, HashMap<String, Pattern>>,
    expressions: usize,
}

#[derive(Debug)]
enum Pattern {
    /// A key without a place for anything: nothing is to be compiled.
    Key,
    Exact(Exact),
    Regex(Regex),
    /// As `Regex`, and those groups with the same name must have found the same text.
    Alike(Regex, Vec<String>),
    Glob(Glob),
    Network(Network),
    Labels(Labels),
}

/// Why a text is no pattern.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum PatternFault {
    #[error(transparent)]
    Expression(DialectError),
    #[error(transparent)]
    Glob(GlobError),
    #[error("it {0}")]
    Network(NetworkError),
    #[error("it is no JSON of the form `{{\"team\": [\"blue\"]}}`; write `{{}}` for everybody")]
    Labels,
    #[error("it has groups of its own, which cannot be told from those in braces; write `(?:…)`")]
    Groups,
    #[error("it is too large an expression")]
    TooLarge,
    #[error("it is one of more than {MOST_EXPRESSIONS} expressions; use `keyMatch`, or split the policy")]
    TooMany,
}

impl Function {
    /// What it is called in a matcher.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Regex => "regexMatch",
            Self::Key => "keyMatch",
            Self::Key2 => "keyMatch2",
            Self::Key3 => "keyMatch3",
            Self::Key4 => "keyMatch4",
            Self::Key5 => "keyMatch5",
            Self::Glob => "globMatch",
            Self::Ip => "ipMatch",
            Self::Labels | Self::LabelsOfRequest => "labelMatch",
        }
    }

    /// Those that compare any text of a request.
    pub(super) const OF_TEXTS: [Self; 7] = [
        Self::Regex,
        Self::Key,
        Self::Key2,
        Self::Key3,
        Self::Key4,
        Self::Key5,
        Self::Glob,
    ];

    fn compile(self, text: &str) -> Result<Pattern, PatternFault> {
        match self {
            Self::Key => Ok(Pattern::Key),
            Self::Regex => expression(text),
            Self::Key2 => expression(&keys::key2(text)),
            Self::Key3 | Self::Key5 => expression(&keys::key3(text)),
            Self::Key4 => {
                let (written, names) = keys::key4(text);
                let template = Template::from_go(&written, &[]).map_err(PatternFault::Expression)?;
                if template.captures_len() != names.len().saturating_add(1) {
                    return Err(PatternFault::Groups);
                }
                let regex = template.regex(&[]).map_err(|_| PatternFault::TooLarge)?;
                Ok(Pattern::Alike(regex, names))
            }
            Self::Glob => Glob::parse(text, DoubleStar::Star)
                .map(Pattern::Glob)
                .map_err(PatternFault::Glob),
            Self::Ip => Network::parse(text)
                .map(Pattern::Network)
                .map_err(PatternFault::Network),
            Self::Labels | Self::LabelsOfRequest => labels(text).map(Pattern::Labels).ok_or(PatternFault::Labels),
        }
    }
}

/// The cheapest that decides the same.
fn expression(text: &str) -> Result<Pattern, PatternFault> {
    let template = Template::from_go(text, &[]).map_err(PatternFault::Expression)?;
    if let Some(exact) = template.exact() {
        return Ok(Pattern::Exact(exact));
    }
    let regex = template.regex(&[]).map_err(|_| PatternFault::TooLarge)?;
    Ok(Pattern::Regex(regex))
}

/// `{"team": ["blue"]}`; null is nothing.
fn labels(text: &str) -> Option<Labels> {
    let labels: Option<BTreeMap<String, Option<Vec<String>>>> = serde_json::from_str(text).ok()?;
    let labels = labels.unwrap_or_default().into_iter();
    Some(
        labels
            .map(|(name, values)| (name, values.unwrap_or_default()))
            .collect(),
    )
}

impl Patterns {
    /// Adds a pattern that a matcher can meet.
    ///
    /// # Errors
    /// If it is none for this function.
    pub(super) fn add(&mut self, function: Function, text: &str) -> Result<(), PatternFault> {
        if self.find(function, text).is_some() {
            return Ok(());
        }
        let pattern = function.compile(text)?;
        if let Pattern::Regex(_) | Pattern::Alike(..) = pattern {
            self.expressions = self.expressions.saturating_add(1);
            if self.expressions > MOST_EXPRESSIONS {
                return Err(PatternFault::TooMany);
            }
        }
        let of_function = self.compiled.entry(function).or_default();
        of_function.insert(text.to_owned(), pattern);
        Ok(())
    }

    fn find(&self, function: Function, text: &str) -> Option<&Pattern> {
        self.compiled.get(&function)?.get(text)
    }

    /// Whether `text` matches `pattern`; `None` if that was never added.
    pub(super) fn matches(&self, function: Function, text: &str, pattern: &str) -> Option<bool> {
        let found = self.find(function, pattern)?;
        let text = match function {
            Function::Key5 => text.split('?').next().unwrap_or_default(),
            _ => text,
        };
        Some(match found {
            Pattern::Key => keys::key_match(text, pattern),
            Pattern::Exact(exact) => exact.matches(text),
            Pattern::Regex(regex) => regex.is_match(text),
            Pattern::Alike(regex, names) => are_alike(regex, names, text),
            Pattern::Glob(glob) => glob.matches(text),
            Pattern::Network(_) | Pattern::Labels(_) => return None,
        })
    }

    /// Whether `address` is in the network `pattern`; `None` if that was never added.
    pub(super) fn holds(&self, address: IpAddr, pattern: &str) -> Option<bool> {
        match self.find(Function::Ip, pattern)? {
            Pattern::Network(network) => Some(network.holds(address)),
            _ => None,
        }
    }

    /// Whether a request's labels fit `pattern`; `None` if that was never added.
    pub(super) fn fits(&self, function: Function, asked: &Labels, pattern: &str) -> Option<bool> {
        match (self.find(function, pattern)?, function) {
            (Pattern::Labels(row), Function::Labels) => Some(has_all(asked, row)),
            (Pattern::Labels(row), Function::LabelsOfRequest) => Some(has_all(row, asked)),
            _ => None,
        }
    }
}

fn are_alike(regex: &Regex, names: &[String], text: &str) -> bool {
    let Some(found) = regex.captures(text) else {
        return false;
    };
    let mut values: HashMap<&str, &str> = HashMap::new();
    let found = found
        .iter()
        .skip(1)
        .map(|group| group.map_or("", |group| group.as_str()));
    names
        .iter()
        .zip(found)
        .all(|(name, value)| *values.entry(name.as_str()).or_insert(value) == value)
}

fn has_all(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(name, values)| {
        let known = labels.get(name).map_or(&[][..], Vec::as_slice);
        values.iter().all(|value| known.contains(value))
    })
}
