//! The tree that a configuration is, before anything is known of its meaning.
//!
//! JSON, a protobuf `Struct` and YAML are all read into it; [`Section`] takes a map of it apart.

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use strsim::damerau_levenshtein;

use super::duration::{self, DurationError};
use super::scalar;
use crate::problem::{Place, Problems};

/// The longest key, in bytes, for which the nearest known one is looked for.
const LONGEST_KEY: usize = 64;

/// So many keys are compared with each other.
const SMALL: usize = 8;

/// So many keys a map may well have.
const MANY: usize = 1 << 20;

/// A value of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing: the key counts as unset.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number. JSON and `Struct` have doubles alone.
    Number(f64),
    /// A text.
    Text(String),
    /// What YAML has without quotes, as it is written: what it is depends on what is wanted where it stands.
    Plain(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written; a key may stand in it twice.
    Map(Vec<(String, Node)>),
}

/// A map that is being read: each key is taken once, and what is left at the end is unknown.
///
/// A fault is noted in the [`Problems`] that each call gets, and the key then reads as absent.
#[derive(Clone)]
pub struct Section {
    place: Place,
    entries: Vec<(String, Node)>,
    known: Vec<&'static str>,
}

impl Node {
    /// What the value is called in an error.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) | Self::Plain(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The text, or an error.
    pub fn into_text(self, place: &Place, problems: &mut Problems) -> Option<String> {
        match self {
            Self::Text(text) | Self::Plain(text) => Some(text),
            Self::Bool(_) | Self::Number(_) => {
                problems.error(
                    place,
                    format_args!("must be a text, not {}; put it in quotes", self.kind()),
                );
                None
            }
            other => wrong_kind("a text", &other, place, problems),
        }
    }

    /// The whole number, or an error.
    pub fn into_integer(self, place: &Place, problems: &mut Problems) -> Option<i64> {
        let number = match &self {
            Self::Number(number) => Some(*number),
            Self::Plain(text) => scalar::number(text),
            _ => None,
        };
        let Some(number) = number else {
            return wrong_kind("a whole number", &self, place, problems);
        };
        let integer = whole(number);
        if integer.is_none() {
            problems.error(place, "must be a whole number, without a fraction");
        }
        integer
    }

    /// The list, or an error.
    pub fn into_list(self, place: &Place, problems: &mut Problems) -> Option<Vec<Node>> {
        match self {
            Self::List(list) => Some(list),
            other => wrong_kind("a list", &other, place, problems),
        }
    }

    /// The list of texts, without those that are none, which are errors.
    pub fn into_texts(self, place: &Place, problems: &mut Problems) -> Option<Vec<String>> {
        let list = self.into_list(place, problems)?;
        let texts = list.into_iter().enumerate();
        Some(
            texts
                .filter_map(|(i, node)| node.into_text(&place.index(i), problems))
                .collect(),
        )
    }

    /// The map with each key once, or an error. Of a key that stands twice the last counts, with a warning, as
    /// docker_auth reads it.
    pub fn into_map(self, place: &Place, problems: &mut Problems) -> Option<Vec<(String, Node)>> {
        let Self::Map(entries) = self else {
            return wrong_kind("a map", &self, place, problems);
        };
        if is_small_and_each_key_stands_once(&entries) {
            return Some(entries);
        }
        // Where each key stands last, and whether more than once.
        let mut last = HashMap::with_capacity(entries.len().min(MANY));
        for (i, (key, _)) in entries.iter().enumerate() {
            last.entry(key.as_str())
                .and_modify(|(at, twice)| (*at, *twice) = (i, true))
                .or_insert((i, false));
        }
        let mut counts = Vec::with_capacity(entries.len());
        for (i, (key, _)) in entries.iter().enumerate() {
            let (at, twice) = last.get(key.as_str()).copied().unwrap_or((i, false));
            counts.push(at == i);
            if at == i && twice {
                problems.warn(&place.key(key), "stands twice; the last one counts");
            }
        }
        let entries = entries.into_iter().zip(counts).filter(|(_, counts)| *counts);
        Some(entries.map(|(entry, _)| entry).collect())
    }
}

/// A user or a rule: of those a configuration has a hundred thousand, and to hash their keys takes longer.
fn is_small_and_each_key_stands_once(entries: &[(String, Node)]) -> bool {
    let stands_before =
        |(i, (key, _)): (usize, &(String, Node))| entries.iter().take(i).any(|(before, _)| before == key);
    entries.len() <= SMALL && !entries.iter().enumerate().any(stands_before)
}

fn wrong_kind<T>(wanted: &str, found: &Node, place: &Place, problems: &mut Problems) -> Option<T> {
    problems.error(place, format_args!("must be {wanted}, not {}", found.kind()));
    None
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

/// The number if it is whole and within what a double holds exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
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

/// Reads JSON, or any other format serde knows, keeping order and repeated keys.
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "every integer a configuration takes is far below 2^53"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "every integer a configuration takes is far below 2^53"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = access.next_element()? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}
