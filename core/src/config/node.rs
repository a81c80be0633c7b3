//! The tree that a configuration is, before anything is known of its meaning.
//!
//! JSON, a protobuf `Struct` and YAML are all read into it; [`Section`](super::Section) takes a map of it apart.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::scalar;
use crate::problem::{Place, Problems};

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

pub(super) fn wrong_kind<T>(wanted: &str, found: &Node, place: &Place, problems: &mut Problems) -> Option<T> {
    problems.error(place, format_args!("must be {wanted}, not {}", found.kind()));
    None
}

/// The number if it is whole and within what a double holds exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
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
