//! What stands behind a backslash, in a class or outside.

use super::class::{DIGIT, SPACE, WORD};
use super::error::{DialectError, DialectErrorKind as Error};
use super::parse::Parser;
use super::source::Symbol;
use super::tree::Member;
use super::unicode::Property;

impl Parser<'_> {
    /// `\d`, `\pN`, `\p{Greek}`: an escape that stands for many characters, if the next is one. `start` is where its
    /// backslash stands, which has been read.
    pub(super) fn escaped_class(&mut self, start: usize) -> Result<Option<Member>, DialectError> {
        let Some(Symbol::Char(c)) = self.source.peek(0) else {
            return Ok(None);
        };
        let ranges = match c {
            'd' | 'D' => DIGIT,
            's' | 'S' => SPACE,
            'w' | 'W' => WORD,
            'p' | 'P' => {
                self.source.next();
                return self.property(start, c == 'P').map(Some);
            }
            _ => return Ok(None),
        };
        self.source.next();
        Ok(Some(Member::Ascii {
            ranges,
            negated: c.is_ascii_uppercase(),
        }))
    }

    fn property(&mut self, start: usize, negated: bool) -> Result<Member, DialectError> {
        let mut letter = [0; 4];
        let name = match self.source.next() {
            Some(Symbol::Char('{')) => self.source.until("}").transpose()?.unwrap_or_default(),
            Some(Symbol::Char(c)) => c.encode_utf8(&mut letter),
            Some(Symbol::Hole(_)) => return Err(self.source.error(start, Error::VariableInSyntax)),
            None => "",
        };
        let (name, inverted) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let Some(property) = Property::named(name) else {
            return Err(self.source.error(
                start,
                Error::UnknownProperty {
                    property: self.source.since(start),
                },
            ));
        };
        Ok(Member::Property {
            property,
            negated: negated != inverted,
        })
    }

    /// The one character that an escape stands for. `start` is where its backslash stands, which has been read.
    pub(super) fn escape(&mut self, start: usize) -> Result<char, DialectError> {
        let c = match self.source.next() {
            Some(Symbol::Char(c)) => c,
            Some(Symbol::Hole(_)) => return Err(self.source.error(start, Error::VariableInSyntax)),
            None => return Err(self.source.error(start, Error::TrailingBackslash)),
        };
        let octal = |c: char| ('0'..='7').contains(&c);
        let next_is_octal = matches!(self.source.peek(0), Some(Symbol::Char(c)) if octal(c));
        let code = match c {
            'a' => Some(0x07),
            'f' => Some(0x0C),
            'n' => Some(0x0A),
            'r' => Some(0x0D),
            't' => Some(0x09),
            'v' => Some(0x0B),
            'x' => self.hexadecimal(start)?,
            '0' => Some(self.octal(0, octal)),
            '1'..='7' if next_is_octal => Some(self.octal(c.to_digit(8).unwrap_or_default(), octal)),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c.into()),
            _ => None,
        };
        let escape = || self.source.since(start);
        match code.map(|code| (code, char::from_u32(code))) {
            Some((_, Some(c))) => Ok(c),
            Some((0xD800..=0xDFFF, None)) => Err(self.source.error(start, Error::Surrogate { escape: escape() })),
            _ => Err(self.source.error(
                start,
                Error::UnknownEscape {
                    escape: escape(),
                    help: help(c),
                },
            )),
        }
    }

    /// Up to two digits more.
    fn octal(&mut self, first: u32, digit: impl Fn(char) -> bool + Copy) -> u32 {
        let mut code = first;
        for _ in 0..2 {
            let Some(next) = self.source.eat_if(digit).and_then(|c| c.to_digit(8)) else {
                break;
            };
            code = code.saturating_mul(8).saturating_add(next);
        }
        code
    }

    /// `\x7F` or `\x{10FFFF}`, whose `\x` has been read.
    fn hexadecimal(&mut self, start: usize) -> Result<Option<u32>, DialectError> {
        if !self.source.eat('{') {
            let high = self.hexadecimal_digit(start)?;
            let low = self.hexadecimal_digit(start)?;
            return Ok(high
                .zip(low)
                .map(|(high, low)| high.saturating_mul(16).saturating_add(low)));
        }
        let mut code: Option<u32> = None;
        while !self.source.eat('}') {
            let Some(digit) = self.hexadecimal_digit(start)? else {
                return Ok(None);
            };
            code = Some(code.unwrap_or_default().saturating_mul(16).saturating_add(digit));
        }
        Ok(code)
    }

    fn hexadecimal_digit(&mut self, start: usize) -> Result<Option<u32>, DialectError> {
        match self.source.next() {
            Some(Symbol::Char(c)) => Ok(c.to_digit(16)),
            Some(Symbol::Hole(_)) => Err(self.source.error(start, Error::VariableInSyntax)),
            None => Ok(None),
        }
    }
}

/// What to write instead of an escape that begins with `c` and is none.
fn help(c: char) -> &'static str {
    match c {
        'Z' => "write `$` or `\\z` for the end of the text",
        'x' => "write two hexadecimal digits, as in `\\x7F`, or `\\x{…}` up to 10FFFF",
        'u' | 'U' => "write `\\x{…}` with the character's code in hexadecimal digits",
        'h' => "write `[ \\t]` for blanks",
        'R' => "write `\\r?\\n` for the end of a line",
        'C' => "write `(?s:.)` for any character",
        '1'..='9' | 'k' | 'g' => "what a group holds cannot be referred to here; write out what it should match",
        _ => "write the character without the backslash",
    }
}
