//! The text of an expression as the parser sees it: characters, and holes that are no characters.

use std::ops::Range;

use super::error::{DialectError, DialectErrorKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Char(char),
    Hole(usize),
}

/// A cursor over the symbols of a text.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Each symbol with the byte where it begins.
    symbols: Vec<(usize, Symbol)>,
    next: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, holes: &[Range<usize>]) -> Result<Self, DialectError> {
        let mut symbols = Vec::with_capacity(text.len());
        let mut at = 0;
        for (index, hole) in holes.iter().enumerate() {
            let fault = || DialectError {
                at: hole.clone(),
                kind: DialectErrorKind::Holes,
            };
            push_chars(&mut symbols, text, at..hole.start).ok_or_else(fault)?;
            text.get(hole.clone())
                .filter(|inside| !inside.is_empty())
                .ok_or_else(fault)?;
            symbols.push((hole.start, Symbol::Hole(index)));
            at = hole.end;
        }
        push_chars(&mut symbols, text, at..text.len()).ok_or(DialectError {
            at: 0..text.len(),
            kind: DialectErrorKind::Holes,
        })?;
        Ok(Self { text, symbols, next: 0 })
    }

    /// The symbol `ahead` of the next one.
    pub(super) fn peek(&self, ahead: usize) -> Option<Symbol> {
        self.symbols
            .get(self.next.checked_add(ahead)?)
            .map(|&(_, symbol)| symbol)
    }

    pub(super) fn next(&mut self) -> Option<Symbol> {
        let symbol = self.peek(0)?;
        self.next = self.next.saturating_add(1);
        Some(symbol)
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        self.eat_if(|c| c == wanted).is_some()
    }

    pub(super) fn eat_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        match self.peek(0) {
            Some(Symbol::Char(c)) if wanted(c) => {
                self.next = self.next.saturating_add(1);
                Some(c)
            }
            _ => None,
        }
    }

    /// Whether the next symbols spell `wanted`.
    pub(super) fn looking_at(&self, wanted: &str) -> bool {
        wanted
            .chars()
            .enumerate()
            .all(|(ahead, c)| self.peek(ahead) == Some(Symbol::Char(c)))
    }

    pub(super) fn eat_all(&mut self, wanted: &str) -> bool {
        let found = self.looking_at(wanted);
        if found {
            self.next = self.next.saturating_add(wanted.chars().count());
        }
        found
    }

    /// Reads up to and over the next `end`; answers the text before it, or nothing, having read nothing, if there is none.
    /// A hole in between is an error.
    pub(super) fn until(&mut self, end: &str) -> Option<Result<&'a str, DialectError>> {
        let (start, begin) = (self.next, self.at());
        let mut hole = None;
        while !self.looking_at(end) {
            let here = self.at();
            match self.next() {
                Some(Symbol::Hole(_)) => hole = hole.or(Some(here..self.at())),
                Some(Symbol::Char(_)) => {}
                None => {
                    self.next = start;
                    return None;
                }
            }
        }
        let stop = self.at();
        self.eat_all(end);
        Some(match hole {
            Some(at) => Err(DialectError {
                at,
                kind: DialectErrorKind::VariableInSyntax,
            }),
            None => Ok(self.text.get(begin..stop).unwrap_or_default()),
        })
    }

    /// The byte where the next symbol begins.
    pub(super) fn at(&self) -> usize {
        self.symbols.get(self.next).map_or(self.text.len(), |&(at, _)| at)
    }

    /// A place to come back to.
    pub(super) fn mark(&self) -> usize {
        self.next
    }

    pub(super) fn back_to(&mut self, mark: usize) {
        self.next = mark;
    }

    /// What has been read since byte `start`, as written.
    pub(super) fn since(&self, start: usize) -> String {
        self.text.get(start..self.at()).unwrap_or_default().to_owned()
    }

    /// An error about what has been read since byte `start`.
    pub(super) fn error(&self, start: usize, kind: DialectErrorKind) -> DialectError {
        DialectError {
            at: start..self.at(),
            kind,
        }
    }
}

fn push_chars(symbols: &mut Vec<(usize, Symbol)>, text: &str, range: Range<usize>) -> Option<()> {
    let start = range.start;
    let chars = text.get(range)?.char_indices();
    symbols.extend(chars.map(|(at, c)| (start.saturating_add(at), Symbol::Char(c))));
    Some(())
}
