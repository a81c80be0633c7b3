//! Go's syntax (`regexp/syntax`, flags `Perl`), read into a tree.

use std::ops::Range;

use super::error::{DialectError, DialectErrorKind as Error};
use super::source::{Source, Symbol};
use super::tree::{Assertion, Count, Kind, Node, Sequence};
use super::{NESTING_LIMIT, TEXT_LIMIT};

/// An expression: its alternatives, and how many groups it counts.
pub(super) struct Parsed {
    pub(super) branches: Vec<Sequence>,
    pub(super) groups: usize,
}

#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter of its own in the syntax")]
pub(super) struct Flags {
    /// `i`
    pub(super) fold: bool,
    /// `m`
    multi_line: bool,
    /// `s`
    dot_newline: bool,
    /// `U`
    ungreedy: bool,
}

pub(super) struct Parser<'a> {
    pub(super) source: Source<'a>,
    pub(super) flags: Flags,
    groups: usize,
    /// The group that is being read, and around it those that are open.
    frame: Frame,
    open: Vec<Frame>,
    /// Where the repetition that has just been read began; Go refuses another one right behind it.
    repetition: Option<usize>,
}

#[derive(Default)]
struct Frame {
    at: Range<usize>,
    captures: bool,
    /// In force again when the group closes.
    flags: Flags,
    branches: Vec<Sequence>,
    current: Sequence,
}

pub(super) fn parse(text: &str, holes: &[Range<usize>]) -> Result<Parsed, DialectError> {
    if text.len() > TEXT_LIMIT {
        return Err(DialectError {
            at: 0..text.len(),
            kind: Error::TooLong,
        });
    }
    let source = Source::new(text, holes)?;
    let (flags, frame) = (Flags::default(), Frame::default());
    let mut parser = Parser {
        source,
        flags,
        groups: 0,
        frame,
        open: Vec::new(),
        repetition: None,
    };
    loop {
        let start = parser.source.at();
        let Some(symbol) = parser.source.next() else { break };
        let before = parser.repetition.take();
        match symbol {
            Symbol::Hole(index) => {
                let fold = parser.flags.fold;
                parser.push(Kind::Hole { index, fold });
            }
            Symbol::Char(c) => parser.character(c, start, before)?,
        }
    }
    parser.finish()
}

impl Parser<'_> {
    fn character(&mut self, c: char, start: usize, before: Option<usize>) -> Result<(), DialectError> {
        let flags = self.flags;
        match c {
            '(' => self.open_group(start)?,
            ')' => self.close_group(start)?,
            '|' => self.frame.next_branch(),
            '^' if flags.multi_line => self.push(Kind::Assertion(Assertion::LineStart)),
            '^' => self.push(Kind::Assertion(Assertion::TextStart)),
            '$' if flags.multi_line => self.push(Kind::Assertion(Assertion::LineEnd)),
            '$' => self.push(Kind::Assertion(Assertion::TextEnd)),
            '.' => self.push(Kind::Dot {
                newline: flags.dot_newline,
            }),
            '[' => {
                let class = self.class(start)?;
                self.push(class);
            }
            '*' => self.repeat(start, before, 0, None)?,
            '+' => self.repeat(start, before, 1, None)?,
            '?' => self.repeat(start, before, 0, Some(1))?,
            '{' => match self.count() {
                Some((min, max)) => self.repeat(start, before, min, max)?,
                None => self.push_char('{'),
            },
            '\\' => self.backslash(start)?,
            _ => self.push_char(c),
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind) {
        self.frame.current.push(Node::leaf(kind));
    }

    fn push_char(&mut self, c: char) {
        let fold = self.flags.fold;
        self.push(Kind::Char { c, fold });
    }

    /// What a backslash begins outside a class.
    fn backslash(&mut self, start: usize) -> Result<(), DialectError> {
        let assertion = match self.source.peek(0) {
            Some(Symbol::Char('A')) => Assertion::TextStart,
            Some(Symbol::Char('z')) => Assertion::TextEnd,
            Some(Symbol::Char('b')) => Assertion::WordBoundary,
            Some(Symbol::Char('B')) => Assertion::NoWordBoundary,
            Some(Symbol::Char('Q')) => {
                self.source.next();
                self.quoted();
                return Ok(());
            }
            _ => {
                if let Some(member) = self.escaped_class(start)? {
                    let fold = self.flags.fold;
                    self.push(Kind::Class {
                        negated: false,
                        members: vec![member],
                        fold,
                    });
                } else {
                    let c = self.escape(start)?;
                    self.push_char(c);
                }
                return Ok(());
            }
        };
        self.source.next();
        self.push(Kind::Assertion(assertion));
        Ok(())
    }

    /// All up to `\E`, or to the end, is literal.
    fn quoted(&mut self) {
        let fold = self.flags.fold;
        while !self.source.eat_all(r"\E") {
            match self.source.next() {
                Some(Symbol::Char(c)) => self.push(Kind::Char { c, fold }),
                Some(Symbol::Hole(index)) => self.push(Kind::Hole { index, fold }),
                None => return,
            }
        }
    }

    /// A count whose `{` has been read; a text that is no count is not read, and the `{` is plain.
    fn count(&mut self) -> Option<(u32, Option<u32>)> {
        let mark = self.source.mark();
        let count = self.count_or_else();
        if count.is_none() {
            self.source.back_to(mark);
        }
        count
    }

    fn count_or_else(&mut self) -> Option<(u32, Option<u32>)> {
        let min = self.number()?;
        let max = if !self.source.eat(',') {
            Some(min)
        } else if self.source.looking_at("}") {
            None
        } else {
            Some(self.number()?)
        };
        self.source.eat('}').then_some((min, max))
    }

    /// A number without leading zeros; what does not fit is as large as can be.
    fn number(&mut self) -> Option<u32> {
        let digit = |c: char| c.is_ascii_digit();
        let mut number = self.source.eat_if(digit)?.to_digit(10)?;
        let zero = number == 0;
        while let Some(next) = self.source.eat_if(digit) {
            if zero {
                return None;
            }
            number = number.saturating_mul(10).saturating_add(next.to_digit(10)?);
        }
        Some(number)
    }

    /// Repeats the last node, whatever it is and wherever it was written: flags in between do not count.
    fn repeat(&mut self, start: usize, before: Option<usize>, min: u32, max: Option<u32>) -> Result<(), DialectError> {
        let lazy = self.source.eat('?');
        let written = self.source.since(start);
        if min > 1000 || max.is_some_and(|max| max > 1000 || max < min) {
            return Err(self.source.error(start, Error::RepeatCount { count: written }));
        }
        if let Some(first) = before {
            return Err(self.source.error(
                first,
                Error::RepeatedRepetition {
                    operators: self.source.since(first),
                },
            ));
        }
        let Some(node) = self.frame.current.pop() else {
            return Err(self.source.error(start, Error::NothingToRepeat { operator: written }));
        };
        let node = Node::repetition(
            node,
            Count {
                min,
                max,
                greedy: lazy == self.flags.ungreedy,
            },
        );
        if (min >= 2 || max.is_some_and(|max| max >= 2)) && node.repeats > 1000 {
            return Err(self.source.error(start, Error::RepeatCount { count: written }));
        }
        if node.depth > NESTING_LIMIT {
            return Err(self.source.error(start, Error::TooDeep));
        }
        self.frame.current.push(node);
        self.repetition = Some(start);
        Ok(())
    }

    fn open_group(&mut self, start: usize) -> Result<(), DialectError> {
        let outer = self.flags;
        let captures = if !self.source.eat('?') {
            true
        } else if self.source.eat_all("P<") || self.source.eat('<') {
            self.group_name(start)?;
            true
        } else {
            if !self.group_flags(start)? {
                return Ok(());
            }
            false
        };
        if self.open.len() >= NESTING_LIMIT {
            return Err(self.source.error(start, Error::TooDeep));
        }
        if captures {
            self.groups = self.groups.saturating_add(1);
        }
        let at = start..self.source.at();
        let frame = Frame {
            at,
            captures,
            flags: outer,
            ..Frame::default()
        };
        self.open.push(std::mem::replace(&mut self.frame, frame));
        Ok(())
    }

    /// The name of a group, up to `>`. Go takes the same name twice, and we have no use for names.
    fn group_name(&mut self, start: usize) -> Result<(), DialectError> {
        let name = self.source.until(">").transpose()?;
        if name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())) {
            return Ok(());
        }
        Err(self.source.error(
            start,
            Error::GroupName {
                group: self.source.since(start),
            },
        ))
    }

    /// The flags behind `(?`; answers whether a group begins there.
    fn group_flags(&mut self, start: usize) -> Result<bool, DialectError> {
        let mut flags = self.flags;
        let (mut on, mut dangling) = (true, false);
        loop {
            match self.source.next() {
                Some(Symbol::Char('i')) => flags.fold = on,
                Some(Symbol::Char('m')) => flags.multi_line = on,
                Some(Symbol::Char('s')) => flags.dot_newline = on,
                Some(Symbol::Char('U')) => flags.ungreedy = on,
                Some(Symbol::Char('-')) if on => {
                    (on, dangling) = (false, true);
                    continue;
                }
                Some(Symbol::Char(c @ (':' | ')'))) if !dangling => {
                    self.flags = flags;
                    return Ok(c == ':');
                }
                Some(Symbol::Hole(_)) => return Err(self.source.error(start, Error::VariableInSyntax)),
                _ => {
                    return Err(self.source.error(
                        start,
                        Error::UnknownGroup {
                            group: self.source.since(start),
                        },
                    ));
                }
            }
            dangling = false;
        }
    }

    fn close_group(&mut self, start: usize) -> Result<(), DialectError> {
        let outer = self
            .open
            .pop()
            .ok_or_else(|| self.source.error(start, Error::UnopenedGroup))?;
        let mut frame = std::mem::replace(&mut self.frame, outer);
        frame.next_branch();
        self.flags = frame.flags;
        let node = Node::group(frame.captures, frame.branches);
        if node.depth > NESTING_LIMIT {
            return Err(DialectError {
                at: frame.at,
                kind: Error::TooDeep,
            });
        }
        self.frame.current.push(node);
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, DialectError> {
        if !self.open.is_empty() {
            return Err(DialectError {
                at: self.frame.at,
                kind: Error::UnclosedGroup,
            });
        }
        self.frame.next_branch();
        Ok(Parsed {
            branches: self.frame.branches,
            groups: self.groups,
        })
    }
}

impl Frame {
    fn next_branch(&mut self) {
        self.branches.push(std::mem::take(&mut self.current));
    }
}
