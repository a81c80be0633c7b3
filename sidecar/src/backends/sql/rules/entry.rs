//! Rows of docker_auth's table as entries of a list, in their order.
//!
//! An entry is JSON as xorm writes it, `{"Match":{"account":"ada"},"Actions":["*"],"Comment":null}`, whose keys Go reads in
//! any case; the names of labels are no keys, and stay as they are.

use std::cmp::Ordering;

use registry_auth_core::config::Node;
use thiserror::Error;
use tracing::warn;

use super::super::server::Kind;
use super::super::statement::Row;
use crate::backend::Entry;
use crate::config::json;

/// The keys of an entry.
const KEYS: [&str; 3] = ["match", "actions", "comment"];

/// The keys of its conditions.
const CONDITIONS: [&str; 6] = ["account", "type", "name", "ip", "service", "labels"];

/// The longest entry: MySQL's own `TEXT` holds no more.
const MAX_ENTRY_BYTES: usize = 65_535;

/// So many rows are named in a warning.
const MOST_NAMED: usize = 10;

/// Why a row is no entry.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum BadRow {
    #[error("holds in {0} an `acl_entry` that is not JSON, at line {1}, column {2}")]
    NoJson(String, usize, usize),
    #[error("holds in {0} no `acl_entry`")]
    Null(String),
    #[error("holds in {0} an `acl_entry` of more than {MAX_ENTRY_BYTES} bytes")]
    TooLong(String),
    #[error("holds a `seq` that is no number")]
    Seq,
}

/// A row that is read.
#[derive(Debug)]
struct Numbered {
    seq: Option<i64>,
    text: Vec<u8>,
    is_null: bool,
}

/// The entries by ascending `seq`; of equal ones, and of those without, by the text of `acl_entry`. Rows without stand
/// where the database's own order has them, for that is what docker_auth goes by.
pub(super) fn in_order(rows: Vec<Row>, kind: Kind) -> Result<Vec<Entry>, BadRow> {
    let numbered = rows.into_iter().map(|row| {
        let seq = row
            .bytes(0)
            .map(|seq| std::str::from_utf8(seq).ok()?.trim().parse().ok());
        let seq = match seq {
            Some(None) => return Err(BadRow::Seq),
            Some(seq) => seq,
            None => None,
        };
        Ok(Numbered {
            seq,
            text: row.bytes(1).unwrap_or_default().to_vec(),
            is_null: row.bytes(1).is_none(),
        })
    });
    let mut rows = numbered.collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|a, b| by_seq(a, b, kind).then_with(|| a.text.cmp(&b.text)));
    let names = names(&rows);
    rows.iter().zip(names).map(|(row, name)| entry(row, name)).collect()
}

fn by_seq(a: &Numbered, b: &Numbered, kind: Kind) -> Ordering {
    // `None` is less than all numbers.
    let ordering = a.seq.cmp(&b.seq);
    if kind == Kind::Postgres && a.seq.is_some() != b.seq.is_some() {
        ordering.reverse()
    } else {
        ordering
    }
}

/// What each row is called, and a warning of those that `seq` does not put in an order.
fn names(rows: &[Numbered]) -> Vec<String> {
    let mut names = Vec::with_capacity(rows.len());
    let mut unordered = Vec::new();
    for same in rows.chunk_by(|a, b| a.seq == b.seq) {
        let seq = same.first().and_then(|row| row.seq);
        let name = seq.map_or_else(|| "no seq".to_owned(), |seq| format!("seq {seq}"));
        let count = same.len();
        if count > 1 || seq.is_none() {
            unordered.push(format!("{name} ({count} rows)"));
        }
        if count == 1 {
            names.push(name);
        } else {
            names.extend((1..=count).map(|number| format!("{name} ({number} of {count})")));
        }
    }
    if !unordered.is_empty() {
        let more = unordered.len().saturating_sub(MOST_NAMED);
        unordered.truncate(MOST_NAMED);
        let rows = unordered.join(", ");
        warn!(
            backend = "acl_xorm",
            rows,
            more,
            "rows of `xorm_acl_entry` whose `seq` says no order are tried in that of the text of `acl_entry`; give each a number of its own"
        );
    }
    names
}

fn entry(row: &Numbered, name: String) -> Result<Entry, BadRow> {
    if row.is_null {
        return Err(BadRow::Null(name));
    }
    if row.text.len() > MAX_ENTRY_BYTES {
        return Err(BadRow::TooLong(name));
    }
    let node = serde_json::from_slice(&row.text);
    let node = node.map_err(|error| BadRow::NoJson(name.clone(), error.line(), error.column()))?;
    Ok(Entry {
        name,
        seq: row.seq,
        node: as_written_by_hand(node),
    })
}

/// The entry with the keys of an entry of `acl`.
fn as_written_by_hand(node: Node) -> Node {
    let entries = match folded(node, &KEYS) {
        Node::Map(entries) => entries,
        no_map => return no_map,
    };
    let entries = entries.into_iter().map(|(key, value)| match key.as_str() {
        "match" => (key, folded(value, &CONDITIONS)),
        _ => (key, value),
    });
    Node::Map(entries.collect())
}

/// The entry as xorm writes it for docker_auth: JSON with the names of Go's fields.
pub(super) fn as_xorm_writes_it(entry: &Node) -> String {
    let Node::Map(entries) = entry else {
        return json(entry);
    };
    let of = |key: &str| entries.iter().find(|(name, _)| name == key);
    let fields = [("match", "Match"), ("actions", "Actions"), ("comment", "Comment")];
    let fields = fields.map(|(key, field)| {
        let value = of(key).map_or_else(|| "null".to_owned(), |(_, value)| json(value));
        format!("\"{field}\":{value}")
    });
    format!("{{{}}}", fields.join(","))
}

/// The map with those of its keys that are `known` in another case; of equal ones the last counts, as in Go.
fn folded(node: Node, known: &[&str]) -> Node {
    let Node::Map(entries) = node else { return node };
    let mut found: Vec<(String, Node)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let name = known.iter().find(|name| name.eq_ignore_ascii_case(&key));
        let key = name.map_or(key, |name| (*name).to_owned());
        match found.iter_mut().find(|(before, _)| *before == key) {
            Some((_, before)) => *before = value,
            None => found.push((key, value)),
        }
    }
    Node::Map(found)
}
