//! Character classes.

use super::error::{DialectError, DialectErrorKind as Error};
use super::parse::Parser;
use super::source::Symbol;
use super::tree::{Kind, Member};

/// Ranges of characters, first and last.
pub(super) type Ranges = &'static [(char, char)];

pub(super) const DIGIT: Ranges = &[('0', '9')];
/// `\s`, which lacks the vertical tab that `[:space:]` has.
pub(super) const SPACE: Ranges = &[('\t', '\n'), ('\u{C}', '\r'), (' ', ' ')];
pub(super) const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// The class that `[:name:]` stands for.
fn named(name: &str) -> Option<Ranges> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7F')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1F'), ('\x7F', '\x7F')],
        "digit" => DIGIT,
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}

impl Parser<'_> {
    /// A class whose `[`, at byte `open`, has been read.
    pub(super) fn class(&mut self, open: usize) -> Result<Kind, DialectError> {
        let negated = self.source.eat('^');
        let mut members = Vec::new();
        // A `]` that comes first is a member.
        while members.is_empty() || !self.source.eat(']') {
            let member = self.member(open)?;
            members.push(member);
        }
        Ok(Kind::Class {
            negated,
            members,
            fold: self.flags.fold,
        })
    }

    fn member(&mut self, open: usize) -> Result<Member, DialectError> {
        let start = self.source.at();
        if let Some(class) = self.named_class(start)? {
            return Ok(class);
        }
        let low = match self.source.next() {
            Some(Symbol::Hole(index)) => {
                if self.continues_range() {
                    return Err(self.source.error(start, Error::VariableInSyntax));
                }
                return Ok(Member::Hole(index));
            }
            Some(Symbol::Char('\\')) => match self.escaped_class(start)? {
                Some(class) => return Ok(class),
                None => self.escape(start)?,
            },
            Some(Symbol::Char(c)) => c,
            None => return Err(unclosed(open)),
        };
        if !self.continues_range() {
            return Ok(Member::Range(low, low));
        }
        self.source.next();
        let end = self.source.at();
        let high = match self.source.next() {
            Some(Symbol::Char('\\')) => self.escape(end)?,
            Some(Symbol::Char(c)) => c,
            Some(Symbol::Hole(_)) => return Err(self.source.error(end, Error::VariableInSyntax)),
            None => return Err(unclosed(open)),
        };
        if high < low {
            return Err(self.source.error(
                start,
                Error::ReversedRange {
                    range: self.source.since(start),
                },
            ));
        }
        Ok(Member::Range(low, high))
    }

    /// Whether a `-` comes that is not the last of the class.
    fn continues_range(&self) -> bool {
        self.source.looking_at("-") && !matches!(self.source.peek(1), None | Some(Symbol::Char(']')))
    }

    /// `[:alnum:]`, `[:^alnum:]`. As in Go, the next `:]`, however far away, ends the name.
    fn named_class(&mut self, start: usize) -> Result<Option<Member>, DialectError> {
        let mark = self.source.mark();
        if !self.source.eat_all("[:") {
            return Ok(None);
        }
        let Some(name) = self.source.until(":]").transpose()? else {
            self.source.back_to(mark);
            return Ok(None);
        };
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        match named(name) {
            Some(ranges) => Ok(Some(Member::Ascii { ranges, negated })),
            None => Err(self.source.error(
                start,
                Error::UnknownClass {
                    class: self.source.since(start),
                },
            )),
        }
    }
}

fn unclosed(open: usize) -> DialectError {
    DialectError {
        at: open..open.saturating_add(1),
        kind: Error::UnclosedClass,
    }
}
