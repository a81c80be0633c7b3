//! From a glob's text to its parts.

use std::ops::Range;

use super::{DoubleStar, GlobError, GlobErrorKind};

/// One piece of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::acl) enum Part {
    /// Plain text, never empty; two of them never stand side by side.
    Text(String),
    /// `?`
    AnyChar,
    /// `[…]`
    Class(Class),
    /// `*`, or any number of them
    Star,
    /// `**` where it spans `/`
    Span,
}

/// A class of characters. It holds `/` like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::acl) struct Class {
    negated: bool,
    /// First and last character of each range; one whose first is the greater holds nothing.
    ranges: Vec<(char, char)>,
}

impl Class {
    pub(in crate::acl) fn holds(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| low <= c && c <= high) != self.negated
    }

    /// The ranges that are written in it.
    pub(in crate::acl) fn ranges(&self) -> impl Iterator<Item = (char, char)> {
        self.ranges.iter().copied()
    }

    fn holds_nothing(&self) -> bool {
        if !self.negated {
            return self.ranges.iter().all(|(low, high)| low > high);
        }
        let mut ranges = self.ranges.clone();
        ranges.sort_unstable();
        let mut next = Some('\0');
        for (low, high) in ranges {
            match next {
                Some(gap) if low > gap => return false,
                // The range after `high`; none after the last character there is.
                Some(gap) if high >= gap => next = (high..=char::MAX).nth(1),
                _ => {}
            }
        }
        next.is_none()
    }
}

/// Reads the whole of `text`.
pub(in crate::acl) fn parts(text: &str, double_star: DoubleStar) -> Result<Vec<Part>, GlobError> {
    let mut parts = Vec::new();
    let mut cursor = Cursor { text, at: 0 };
    while let Some(c) = cursor.next() {
        match c {
            '*' => {
                let twice = cursor.eat('*');
                while cursor.eat('*') {}
                parts.push(if twice && double_star == DoubleStar::Spans {
                    Part::Span
                } else {
                    Part::Star
                });
            }
            '?' => parts.push(Part::AnyChar),
            '[' => parts.push(Part::Class(class(&mut cursor)?)),
            '\\' => push_char(&mut parts, escaped(&mut cursor)?),
            _ => push_char(&mut parts, c),
        }
    }
    Ok(parts)
}

fn push_char(parts: &mut Vec<Part>, c: char) {
    if let Some(Part::Text(text)) = parts.last_mut() {
        text.push(c);
    } else {
        parts.push(Part::Text(c.into()));
    }
}

/// Reads a class whose `[` has been read.
fn class(cursor: &mut Cursor) -> Result<Class, GlobError> {
    let open = cursor.last();
    let negated = cursor.eat('^');
    let mut ranges = Vec::new();
    while ranges.is_empty() || !cursor.eat(']') {
        let low = member(
            cursor,
            &open,
            if ranges.is_empty() {
                GlobErrorKind::EmptyClass
            } else {
                GlobErrorKind::Unclosed
            },
        )?;
        let high = if cursor.eat('-') {
            member(cursor, &open, GlobErrorKind::LooseDash)?
        } else {
            low
        };
        ranges.push((low, high));
    }
    let class = Class { negated, ranges };
    if class.holds_nothing() {
        return Err(GlobError {
            at: open.start..cursor.at,
            kind: GlobErrorKind::HoldsNothing,
        });
    }
    Ok(class)
}

/// One member of the class opened at `open`; `closed` is what is wrong if the class ends instead.
fn member(cursor: &mut Cursor, open: &Range<usize>, closed: GlobErrorKind) -> Result<char, GlobError> {
    match cursor.next() {
        None => Err(GlobError {
            at: open.clone(),
            kind: GlobErrorKind::Unclosed,
        }),
        Some(']') => Err(GlobError {
            at: open.start..cursor.at,
            kind: closed,
        }),
        Some('-') => Err(GlobError {
            at: cursor.last(),
            kind: GlobErrorKind::LooseDash,
        }),
        Some('\\') => escaped(cursor),
        Some(c) => Ok(c),
    }
}

/// The character after a `\` that has been read.
fn escaped(cursor: &mut Cursor) -> Result<char, GlobError> {
    let backslash = cursor.last();
    cursor.next().ok_or(GlobError {
        at: backslash,
        kind: GlobErrorKind::TrailingBackslash,
    })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.text.get(self.at..)?.chars().next()?;
        self.at = self.at.saturating_add(c.len_utf8());
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(wanted));
        if found {
            self.at = self.at.saturating_add(wanted.len_utf8());
        }
        found
    }

    /// Where the ASCII character read last stands.
    fn last(&self) -> Range<usize> {
        self.at.saturating_sub(1)..self.at
    }
}
