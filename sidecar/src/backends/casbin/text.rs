//! Text of which each character knows where in its file it stands: a definition may go over several lines.

use std::fmt;

/// A line and a column of a file, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Characters with their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    chars: Vec<(char, At)>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Text {
    /// The characters of the line number `line`.
    pub(super) fn of_line(line: usize, text: &str) -> Self {
        let columns = text.chars().zip(1..);
        let chars = columns.map(|(c, column)| (c, At { line, column }));
        Self { chars: chars.collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    pub(super) fn chars(&self) -> &[(char, At)] {
        &self.chars
    }

    /// Where it begins; of an empty one nobody knows.
    pub(super) fn at(&self) -> At {
        self.chars.first().map(|(_, at)| *at).unwrap_or_default()
    }

    /// Where its last character stands.
    pub(super) fn end(&self) -> At {
        self.chars.last().map(|(_, at)| *at).unwrap_or_default()
    }

    pub(super) fn append(&mut self, mut more: Self) {
        self.chars.append(&mut more.chars);
    }

    /// Its beginning, up to a character that ends it.
    pub(super) fn up_to(mut self, ends: impl Fn(char) -> bool) -> Self {
        let end = self.chars.iter().position(|(c, _)| ends(*c));
        self.chars.truncate(end.unwrap_or(self.chars.len()));
        self
    }

    pub(super) fn trimmed(&self) -> Self {
        let is_text = |(c, _): &(char, At)| !c.is_whitespace();
        let Some(start) = self.chars.iter().position(is_text) else {
            return Self::default();
        };
        let end = self.chars.iter().rposition(is_text).unwrap_or(start);
        let chars = self.chars.get(start..=end).unwrap_or_default();
        Self { chars: chars.to_vec() }
    }

    /// What stands before the first `separator`, and what behind it.
    pub(super) fn split_once(&self, separator: char) -> Option<(Self, Self)> {
        let mut parts = self.chars.splitn(2, |(c, _)| *c == separator);
        let mut part = || parts.next().map(|chars| Self { chars: chars.to_vec() });
        Some((part()?, part()?))
    }

    /// What stands between the commas, without the blanks around it.
    pub(super) fn listed(&self) -> Vec<Self> {
        let parts = self.chars.split(|(c, _)| *c == ',');
        let parts = parts.map(|chars| Self { chars: chars.to_vec() }.trimmed());
        parts.collect()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars.iter().try_for_each(|(c, _)| write!(f, "{c}"))
    }
}

/// A text as it is told of: not all of a long one, and nothing that ends the line or the quotes.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let safe = |c: char| if c.is_control() || c == '`' { '.' } else { c };
    let mut shown: String = text.chars().take(MOST).map(safe).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
