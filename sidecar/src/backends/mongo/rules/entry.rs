//! One rule's document, read into the tree that a configuration is.
//!
//! BSON has more types than a rule has places for: what would lose something on the way is an error that names the document.

use std::fmt::Write as _;

use mongodb::bson::{Bson, RawBsonRef, RawDocument, error::Error};
use registry_auth_core::config::Node;
use thiserror::Error;

use crate::backend::Entry;

/// Maps and lists in each other, at the most: a rule needs three.
const DEEPEST: usize = 16;

/// So much of an `_id` is told, in bytes.
const LONGEST_ID: usize = 100;

/// The whole numbers that a double holds exactly: those of a configuration.
const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53

/// A rule and its place in the list.
#[derive(Debug, PartialEq)]
pub(super) struct Numbered {
    pub(super) seq: i64,
    /// As it is told.
    pub(super) id: String,
    node: Node,
}

/// A document that is no rule.
#[derive(Debug, Error)]
pub(super) enum BadEntry {
    #[error("a document without `seq`, its `_id` is {id}; give it a number, by which the rules are ordered")]
    NoSeq { id: String },
    #[error(
        "a document whose `seq` is {kind}, its `_id` is {id}; give it a whole number, by which the rules are ordered"
    )]
    Seq { id: String, kind: String },
    #[error("in the document with the `_id` {id} {kind} as `{path}`, which has no place in a rule")]
    Value {
        id: String,
        path: String,
        kind: &'static str,
    },
    #[error("in the document with the `_id` {id} `{path}`, which is more than {DEEPEST} levels deep")]
    Deep { id: String, path: String },
    #[error("what is no document: {0}")]
    Broken(#[from] Error),
}

/// Why a value is no node.
enum BadValue {
    Kind(&'static str),
    Deep,
    Broken(Error),
}

impl Numbered {
    pub(super) fn read(document: &RawDocument) -> Result<Self, BadEntry> {
        let id = shown_id(document);
        let mut seq = None;
        let mut entries = Vec::new();
        for element in document {
            let (key, value) = element?;
            match key.as_str() {
                "_id" => {}
                "seq" => seq = Some(value),
                key => {
                    let mut path = key.to_owned();
                    let node = node(value, &mut path, 1).map_err(|bad| match bad {
                        BadValue::Kind(kind) => BadEntry::Value {
                            id: id.clone(),
                            path,
                            kind,
                        },
                        BadValue::Deep => BadEntry::Deep { id: id.clone(), path },
                        BadValue::Broken(error) => BadEntry::Broken(error),
                    })?;
                    entries.push((key.to_owned(), node));
                }
            }
        }
        match seq.map(whole) {
            None => Err(BadEntry::NoSeq { id }),
            Some(Err(kind)) => Err(BadEntry::Seq { id, kind }),
            Some(Ok(seq)) => Ok(Self {
                seq,
                id,
                node: Node::Map(entries),
            }),
        }
    }
}

impl From<Numbered> for Entry {
    fn from(numbered: Numbered) -> Self {
        Self {
            name: format!("seq {}", numbered.seq),
            seq: Some(numbered.seq),
            node: numbered.node,
        }
    }
}

/// A whole number in whichever type it was written: MongoDB's shell writes doubles.
fn whole(value: RawBsonRef<'_>) -> Result<i64, String> {
    match value {
        RawBsonRef::Int32(number) => Ok(number.into()),
        RawBsonRef::Int64(number) => Ok(number),
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        RawBsonRef::Double(number) if number.fract() == 0.0 && number.abs() <= EXACT => Ok(number as i64),
        RawBsonRef::Double(number) => Err(format!("{number:?}")),
        other => Err(kind(other).to_owned()),
    }
}

/// The value, with the path to what is wrong in it left in `path`.
fn node(value: RawBsonRef<'_>, path: &mut String, depth: usize) -> Result<Node, BadValue> {
    let deeper = depth.saturating_add(1);
    match value {
        RawBsonRef::String(text) => Ok(Node::Text(text.to_owned())),
        RawBsonRef::Boolean(flag) => Ok(Node::Bool(flag)),
        RawBsonRef::Null => Ok(Node::Null),
        RawBsonRef::Int32(number) => Ok(Node::Number(number.into())),
        #[expect(clippy::cast_precision_loss, reason = "within 2^53")]
        RawBsonRef::Int64(number) if number.unsigned_abs() <= 1 << 53 => Ok(Node::Number(number as f64)),
        RawBsonRef::Double(number) => Ok(Node::Number(number)),
        RawBsonRef::Document(_) | RawBsonRef::Array(_) if depth >= DEEPEST => Err(BadValue::Deep),
        RawBsonRef::Document(document) => {
            let mut entries = Vec::new();
            for element in document {
                let (key, value) = element.map_err(BadValue::Broken)?;
                let key = key.as_str();
                let above = path.len();
                path.push('.');
                path.push_str(key);
                entries.push((key.to_owned(), node(value, path, deeper)?));
                path.truncate(above);
            }
            Ok(Node::Map(entries))
        }
        RawBsonRef::Array(list) => {
            let mut nodes = Vec::new();
            for (i, value) in list.into_iter().enumerate() {
                let above = path.len();
                let _ = write!(path, "[{i}]");
                nodes.push(node(value.map_err(BadValue::Broken)?, path, deeper)?);
                path.truncate(above);
            }
            Ok(Node::List(nodes))
        }
        other => Err(BadValue::Kind(kind(other))),
    }
}

/// What a value is called in an error.
fn kind(value: RawBsonRef<'_>) -> &'static str {
    match value {
        RawBsonRef::Double(_) | RawBsonRef::Int32(_) => "a number",
        RawBsonRef::Int64(_) => "a number of more than 53 bits",
        RawBsonRef::String(_) => "a text",
        RawBsonRef::Array(_) => "a list",
        RawBsonRef::Document(_) => "a map",
        RawBsonRef::Boolean(_) => "a truth value",
        RawBsonRef::Null => "null",
        RawBsonRef::RegularExpression(_) => {
            "a regular expression of MongoDB's own type (write it as a text, between slashes)"
        }
        RawBsonRef::ObjectId(_) => "an ObjectId",
        RawBsonRef::DateTime(_) => "a date",
        RawBsonRef::Timestamp(_) => "a timestamp",
        RawBsonRef::Binary(_) => "binary data",
        RawBsonRef::Decimal128(_) => "a decimal number",
        RawBsonRef::Symbol(_) => "a symbol",
        RawBsonRef::JavaScriptCode(_) | RawBsonRef::JavaScriptCodeWithScope(_) => "JavaScript",
        RawBsonRef::DbPointer(_) => "a pointer",
        RawBsonRef::Undefined => "undefined",
        RawBsonRef::MinKey | RawBsonRef::MaxKey => "a key of MongoDB's own",
    }
}

/// The `_id` as MongoDB's shell shows it, more or less.
fn shown_id(document: &RawDocument) -> String {
    let id = document.get("_id").ok().flatten();
    let id = match id {
        Some(RawBsonRef::ObjectId(id)) => format!("ObjectId(\"{id}\")"),
        Some(other) => Bson::try_from(other).map_or_else(|_| "broken".to_owned(), |id| id.to_string()),
        None => "missing".to_owned(),
    };
    match id.get(..id.floor_char_boundary(LONGEST_ID)) {
        Some(cut) if cut.len() < id.len() => format!("{cut}…"),
        _ => id,
    }
}
