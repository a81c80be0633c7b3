//! A map of a configuration while it is being read.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use strsim::damerau_levenshtein;

use super::duration::{self, DurationError};
use super::node::{Node, wrong_kind};
use super::scalar;
use crate::problem::{Place, Problems};

/// The longest key, in bytes, for which the nearest known one is looked for.
const LONGEST_KEY: usize = 64;

/// A map that is being read: each key is taken once, and what is left at the end is unknown.
///
/// A fault is noted in the [`Problems`] that each call gets, and the key then reads as absent.
#[derive(Clone)]
pub struct Section {
    place: Place,
    entries: Vec<(String, Node)>,
    known: Vec<&'static str>,
}

impl Section {
    /// Begins to read `node`, which must be a map.
    pub fn open(node: Node, place: Place, problems: &mut Problems) -> Option<Self> {
        let entries = node.into_map(&place, problems)?;
        Some(Self {
            place,
            entries,
            known: Vec::new(),
        })
    }

    /// A map that is not there.
    pub(super) fn empty(place: Place) -> Self {
        Self {
            place,
            entries: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Where this map stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether what is left in it is the same as in `other`.
    #[must_use]
    pub fn holds_the_same_as(&self, other: &Self) -> bool {
        self.entries == other.entries
    }

    /// Where the value of `key` stands.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Place {
        self.place.key(key)
    }

    /// The value of `key`, null included.
    pub fn take_or_null(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.remove(key)
    }

    /// The value of a `key` that has no place here, and that no error will therefore propose; null included.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(at).1)
    }

    /// The value of `key`; null counts as absent.
    pub fn take(&mut self, key: &'static str) -> Option<Node> {
        self.take_or_null(key).filter(|node| *node != Node::Null)
    }

    /// The text of `key`.
    pub fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<String> {
        let place = self.place_of(key);
        self.take(key)?.into_text(&place, problems)
    }

    /// The texts of `key`.
    pub fn texts(&mut self, key: &'static str, problems: &mut Problems) -> Option<Vec<String>> {
        let place = self.place_of(key);
        self.take(key)?.into_texts(&place, problems)
    }

    /// The truth value of `key`.
    pub fn flag(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        let place = self.place_of(key);
        match self.take(key)? {
            Node::Bool(flag) => Some(flag),
            Node::Plain(text) => match scalar::flag(&text) {
                Some(flag) => Some(flag),
                None => wrong_kind("`true` or `false`", &Node::Plain(text), &place, problems),
            },
            other => wrong_kind("`true` or `false`", &other, &place, problems),
        }
    }

    /// The whole number of `key`.
    pub fn integer(&mut self, key: &'static str, problems: &mut Problems) -> Option<i64> {
        let place = self.place_of(key);
        self.take(key)?.into_integer(&place, problems)
    }

    /// The number of `key`.
    pub fn number(&mut self, key: &'static str, problems: &mut Problems) -> Option<f64> {
        let place = self.place_of(key);
        let node = self.take(key)?;
        let number = match &node {
            Node::Number(number) => Some(*number),
            Node::Plain(text) => scalar::number(text),
            // Envoy's YAML knows whole numbers, and hands on `0.5` as a text.
            Node::Text(text) => match serde_json::from_str(text) {
                Ok(Node::Number(number)) => Some(number),
                _ => None,
            },
            _ => None,
        };
        number.or_else(|| wrong_kind("a number", &node, &place, problems))
    }

    /// The whole number of `key`, which must be within `range`.
    pub fn count(&mut self, key: &'static str, range: RangeInclusive<usize>, problems: &mut Problems) -> Option<usize> {
        let count = usize::try_from(self.integer(key, problems)?);
        let count = count.ok().filter(|count| range.contains(count));
        if count.is_none() {
            let (least, most) = range.into_inner();
            problems.error(&self.place_of(key), format_args!("must be from {least} to {most}"));
        }
        count
    }

    /// The span of time of `key`, which must be within `range`. Zero needs no unit.
    pub fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let place = self.place_of(key);
        let parsed = match self.take(key)? {
            Node::Number(0.0) => Ok(Duration::ZERO),
            Node::Number(_) => Err(DurationError::NoUnit),
            Node::Text(text) | Node::Plain(text) => duration::parse(&text),
            other => return wrong_kind("a span of time as `60s`", &other, &place, problems),
        };
        let duration = problems.keep(&place, parsed)?;
        if !range.contains(&duration) {
            let (least, most) = range.into_inner();
            problems.error(
                &place,
                format_args!("must be from {}s to {}s", least.as_secs(), most.as_secs()),
            );
            return None;
        }
        Some(duration)
    }

    /// The map of `key`, to be read in turn.
    pub fn section(&mut self, key: &'static str, problems: &mut Problems) -> Option<Self> {
        let place = self.place_of(key);
        Self::open(self.take(key)?, place, problems)
    }

    /// Whether `key`, which was not taken yet, has this text.
    #[must_use]
    pub fn is(&self, key: &str, text: &str) -> bool {
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.is_some_and(|(_, node)| matches!(node, Node::Text(value) | Node::Plain(value) if value == text))
    }

    /// What is left in it, as it is written.
    #[must_use]
    pub fn written(&self) -> Node {
        Node::Map(self.entries.clone())
    }

    /// The keys that were not taken yet.
    pub fn remaining(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// Ends the reading: each key that nobody asked for is an error that names the nearest known one.
    pub fn finish(self, problems: &mut Problems) {
        for (key, _) in &self.entries {
            if problems.is_full() {
                return;
            }
            let place = self.place.key(key);
            match nearest(key, &self.known) {
                Some(near) => problems.unknown(&place, format_args!("unknown key; did you mean `{near}`?")),
                None => problems.unknown(
                    &place,
                    format_args!("unknown key; known here are {}", listed(&self.known)),
                ),
            }
        }
    }
}

/// Some of its values are secrets.
impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Section({})", self.place)
    }
}

/// The known key that `key` is most likely a misspelling of.
pub(super) fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    // What is compared takes time by the length of both.
    if key.len() > LONGEST_KEY {
        return None;
    }
    let folded = key.to_ascii_lowercase().replace('-', "_");
    let near = known
        .iter()
        .map(|name| (damerau_levenshtein(&folded, name), *name))
        .min()?;
    (near.0 <= 2 && near.0 < near.1.len()).then_some(near.1)
}

pub(super) fn listed(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
