//! From a tree to text for the `regex` crate.
//!
//! Nothing here depends on a flag set elsewhere: each node writes its own, so that a piece reads the same wherever it
//! stands. The crate's default flags (Unicode, no `m`, no `s`) hold outside them.

use std::fmt::Write as _;

use super::tree::{Assertion, Count, Kind, Member, Node, Sequence, folds};

/// A part of a translated expression.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(String),
    /// A value as literal text; the repetitions, inner ones first, hold for its last character.
    Value {
        hole: usize,
        fold: bool,
        repetitions: Vec<String>,
    },
    /// A class with the characters of values among its members.
    Class {
        negated: bool,
        fold: bool,
        members: String,
        holes: Vec<usize>,
    },
}

pub(super) fn pieces(branches: &[Sequence]) -> Vec<Piece> {
    let mut writer = Writer {
        pieces: Vec::new(),
        text: String::new(),
    };
    writer.branches(branches);
    writer.end_text();
    writer.pieces
}

/// The expression with `values` put in; a value that is not there is empty.
pub(super) fn fill(pieces: &[Piece], values: &[&str]) -> String {
    let value = |hole: usize| values.get(hole).copied().unwrap_or_default();
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Value {
                hole,
                fold,
                repetitions,
            } => fill_value(value(*hole), *fold, repetitions, &mut text),
            Piece::Class {
                negated,
                fold,
                members,
                holes,
            } => {
                let mut members = members.clone();
                for c in holes.iter().flat_map(|&hole| value(hole).chars()) {
                    class_char(c, &mut members);
                }
                class(*negated, *fold, &members, &mut text);
            }
        }
    }
    text
}

fn fill_value(value: &str, fold: bool, repetitions: &[String], text: &mut String) {
    let repeated = if repetitions.is_empty() {
        None
    } else {
        value.chars().next_back()
    };
    let plain = value.len().saturating_sub(repeated.map_or(0, char::len_utf8));
    if let Some(plain) = value.get(..plain).filter(|plain| !plain.is_empty()) {
        literal(plain, fold, text);
    }
    if let Some(last) = repeated {
        text.push_str(&"(?:".repeat(repetitions.len()));
        literal(last.encode_utf8(&mut [0; 4]), fold, text);
        for repetition in repetitions {
            text.push_str(repetition);
            text.push(')');
        }
    }
}

/// Can be repeated as it stands if it is one character.
fn literal(value: &str, fold: bool, text: &mut String) {
    let fold = fold && value.chars().any(folds);
    text.push_str(if fold { "(?i:" } else { "" });
    text.push_str(&regex::escape(value));
    text.push_str(if fold { ")" } else { "" });
}

/// A class of `members`, which may be none.
fn class(negated: bool, fold: bool, members: &str, text: &mut String) {
    let (negated, members) = if members.is_empty() {
        (!negated, r"\x{0}-\x{10FFFF}")
    } else {
        (negated, members)
    };
    text.push_str(if fold { "(?i:" } else { "" });
    text.push_str(if negated { "[^" } else { "[" });
    text.push_str(members);
    text.push_str(if fold { "])" } else { "]" });
}

/// A character that cannot be taken for syntax inside a class.
fn class_char(c: char, text: &mut String) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        // Writing to a string cannot fail.
        let _ = write!(text, r"\x{{{:X}}}", u32::from(c));
    } else {
        text.push(c);
    }
}

fn class_range((low, high): (char, char), text: &mut String) {
    class_char(low, text);
    if high != low {
        text.push('-');
        class_char(high, text);
    }
}

struct Writer {
    pieces: Vec<Piece>,
    /// What has been written since the last hole.
    text: String,
}

impl Writer {
    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn piece(&mut self, piece: Piece) {
        self.end_text();
        self.pieces.push(piece);
    }

    fn branches(&mut self, branches: &[Sequence]) {
        for (index, branch) in branches.iter().enumerate() {
            if index > 0 {
                self.text.push('|');
            }
            self.sequence(branch);
        }
    }

    fn sequence(&mut self, nodes: &[Node]) {
        let mut nodes = nodes.iter().peekable();
        while let Some(node) = nodes.next() {
            let Kind::Char { c, fold } = node.kind else {
                self.node(node);
                continue;
            };
            let mut run = String::from(c);
            let same = |kind: &Kind| matches!(kind, Kind::Char { fold: other, .. } if *other == fold);
            while let Some(Kind::Char { c, .. }) = nodes.next_if(|next| same(&next.kind)).map(|next| &next.kind) {
                run.push(*c);
            }
            literal(&run, fold, &mut self.text);
        }
    }

    /// Writes what can be repeated as it stands, a repetition excepted.
    fn node(&mut self, node: &Node) {
        match &node.kind {
            Kind::Char { c, fold } => literal(c.encode_utf8(&mut [0; 4]), *fold, &mut self.text),
            Kind::Hole { index, fold } => {
                self.piece(Piece::Value {
                    hole: *index,
                    fold: *fold,
                    repetitions: Vec::new(),
                });
            }
            Kind::Class { negated, members, fold } => self.class(*negated, members, *fold),
            Kind::Dot { newline } => self.text.push_str(if *newline { "(?s:.)" } else { r"[^\n]" }),
            Kind::Assertion(assertion) => self.text.push_str(match assertion {
                Assertion::TextStart => r"(?:\A)",
                Assertion::TextEnd => r"(?:\z)",
                Assertion::LineStart => "(?m:^)",
                Assertion::LineEnd => "(?m:$)",
                Assertion::WordBoundary => r"(?-u:\b)",
                Assertion::NoWordBoundary => r"(?-u:\B)",
            }),
            Kind::Group { captures, branches } => {
                self.text.push_str(if *captures { "(" } else { "(?:" });
                self.branches(branches);
                self.text.push(')');
            }
            Kind::Repetition { node, count } => self.repetition(node, *count),
        }
    }

    fn repetition(&mut self, node: &Node, count: Count) {
        // A chain of repetitions, the outer ones first, as `a*(?i)+` makes it.
        let mut counts = vec![count];
        let mut inner = node;
        while let Kind::Repetition { node, count } = &inner.kind {
            counts.push(*count);
            inner = node;
        }
        let repetitions = counts.iter().rev().map(|count| operator(*count));
        if let Kind::Hole { index, fold } = inner.kind {
            return self.piece(Piece::Value {
                hole: index,
                fold,
                repetitions: repetitions.collect(),
            });
        }
        self.text.push_str(&"(?:".repeat(counts.len()));
        self.node(inner);
        for repetition in repetitions {
            self.text.push_str(&repetition);
            self.text.push(')');
        }
    }

    fn class(&mut self, negated: bool, members: &[Member], fold: bool) {
        let mut text = String::new();
        let mut holes = Vec::new();
        for member in members {
            match member {
                Member::Range(low, high) => class_range((*low, *high), &mut text),
                Member::Ascii { ranges, negated } => {
                    // A class of its own, so that it is folded before it is negated, as Go does.
                    text.push_str(if *negated { "[^" } else { "[" });
                    ranges.iter().for_each(|&range| class_range(range, &mut text));
                    text.push(']');
                }
                Member::Property { property, negated } => property.write(*negated, &mut text),
                Member::Hole(index) => holes.push(*index),
            }
        }
        if holes.is_empty() {
            class(negated, fold, &text, &mut self.text);
        } else {
            self.piece(Piece::Class {
                negated,
                fold,
                members: text,
                holes,
            });
        }
    }
}

fn operator(Count { min, max, greedy }: Count) -> String {
    let mut operator = match (min, max) {
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (0, Some(1)) => "?".to_owned(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) if min == max => format!("{{{min}}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    };
    if !greedy {
        operator.push('?');
    }
    operator
}
