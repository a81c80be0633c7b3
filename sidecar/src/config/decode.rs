//! Where a part of a text stands in its source: quoted and block texts are decoded once more, with an eye on each byte.

use std::ops::Range;

use super::tree::Style;

/// Where the bytes `wanted` of `value` stand in its `source`, if they can be found there.
///
/// What is decoded here must be what the parser made of it; if it is not, nothing is said rather than something wrong.
pub(super) fn source_range(source: &str, style: Style, value: &str, wanted: &Range<usize>) -> Option<Range<usize>> {
    let mut decoder = Decoder {
        source,
        next: 0,
        text: String::new(),
        pieces: Vec::new(),
    };
    // The blank lines before a block are a part of its text, but not of its source as we have it.
    let mut before = 0;
    match style {
        Style::Plain => decoder.flow(source.len(), Escapes::None),
        Style::Single | Style::Double => {
            decoder.next = 1;
            let escapes = if style == Style::Single {
                Escapes::Quote
            } else {
                Escapes::Backslash
            };
            decoder.flow(source.len().checked_sub(1)?, escapes);
        }
        Style::Literal { indent } | Style::Folded { indent } => {
            decoder.block(indent, matches!(style, Style::Folded { .. }));
            let breaks = |text: &str| text.len().saturating_sub(text.trim_start_matches('\n').len());
            before = breaks(value).saturating_sub(breaks(&decoder.text));
        }
    }
    if decoder.text.trim_end_matches('\n') != value.get(before..)?.trim_end_matches('\n') {
        return None;
    }
    decoder.range(wanted.start.checked_sub(before)?..wanted.end.checked_sub(before)?)
}

struct Decoder<'s> {
    source: &'s str,
    next: usize,
    text: String,
    /// The characters of `text`: where each begins there, and where it stands in the source.
    pieces: Vec<(usize, Range<usize>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    /// `''`
    Quote,
    /// `\n`, `\u00e9` and so on.
    Backslash,
}

impl Decoder<'_> {
    /// Where the bytes `wanted` of what was decoded come from.
    fn range(&self, wanted: Range<usize>) -> Option<Range<usize>> {
        let piece = |at: usize| {
            let after = self.pieces.partition_point(|(begin, _)| *begin <= at);
            self.pieces.get(after.checked_sub(1)?)
        };
        if wanted.start >= self.text.len() {
            let end = self.pieces.last().map_or(self.next, |(_, source)| source.end);
            return Some(end..end);
        }
        let start = piece(wanted.start)?.1.start;
        let end = match wanted.end.checked_sub(1).filter(|last| *last >= wanted.start) {
            Some(last) => piece(last)?.1.end,
            None => start,
        };
        Some(start..end)
    }

    /// A text without quotes or within them, up to `end`: a line break is a space, of several one is dropped, and so
    /// are the blanks around them.
    fn flow(&mut self, end: usize, escapes: Escapes) {
        while self.next < end {
            let Some(c) = self.peek() else { return };
            match c {
                ' ' | '\t' | '\n' | '\r' => self.white(),
                '\'' if escapes == Escapes::Quote => self.push('\'', 2),
                '\\' if escapes == Escapes::Backslash => {
                    if self.escape().is_none() {
                        return;
                    }
                }
                c => self.push(c, c.len_utf8()),
            }
        }
    }

    fn white(&mut self) {
        let start = self.next;
        let mut end = self.after_blanks(start);
        let mut breaks = 0_usize;
        while let Some(length) = self.line_break(end) {
            breaks = breaks.saturating_add(1);
            end = self.after_blanks(end.saturating_add(length));
        }
        match breaks {
            0 => {
                while self.next < end {
                    let Some(c) = self.peek() else { return };
                    self.push(c, 1);
                }
            }
            1 => self.push(' ', end.saturating_sub(start)),
            _ => {
                for _ in 1..breaks {
                    self.note('\n', start..end);
                }
                self.next = end;
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let start = self.next;
        let rest = self.source.get(start.checked_add(1)?..)?;
        let c = rest.chars().next()?;
        let plain = match c {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\x0b',
            'f' => '\x0c',
            'r' => '\r',
            'e' => '\x1b',
            ' ' | '"' | '/' | '\\' => c,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => return self.hexadecimal(2),
            'u' => return self.hexadecimal(4),
            'U' => return self.hexadecimal(8),
            '\n' | '\r' => {
                self.next = start.checked_add(1)?;
                let length = self.line_break(self.next)?;
                let mut end = self.after_blanks(self.next.checked_add(length)?);
                while let Some(length) = self.line_break(end) {
                    end = self.after_blanks(end.checked_add(length)?);
                    self.note('\n', start..end);
                }
                self.next = end;
                return Some(());
            }
            _ => return None,
        };
        self.push(plain, 2);
        Some(())
    }

    /// `\xE9`, `\u00e9`, and a pair of surrogates as JSON has them.
    fn hexadecimal(&mut self, digits: usize) -> Option<()> {
        let read = |at: usize| {
            let digits = self
                .source
                .get(at.checked_add(2)?..at.checked_add(2)?.checked_add(digits)?)?;
            u32::from_str_radix(digits, 16).ok()
        };
        let length = digits.checked_add(2)?;
        let code = read(self.next)?;
        if let Some(c) = char::from_u32(code) {
            self.push(c, length);
            return Some(());
        }
        let low = read(self.next.checked_add(length)?)?;
        let pair = [u16::try_from(code).ok()?, u16::try_from(low).ok()?];
        let c = char::decode_utf16(pair).next()?.ok()?;
        self.push(c, length.checked_mul(2)?);
        Some(())
    }

    /// The lines of a block: `indent` blanks before each are none of it, the first excepted, whose are not here. Folded,
    /// a line break is as in [`Self::flow`], but not next to a line that begins with a blank.
    fn block(&mut self, indent: usize, is_folded: bool) {
        let mut breaks: Vec<Range<usize>> = Vec::new();
        let mut is_begun = false;
        let mut was_indented = false;
        while self.next < self.source.len() {
            let rest = self.source.get(self.next..).unwrap_or_default();
            let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            if !line.is_empty() {
                let is_indented = line.starts_with([' ', '\t']);
                let folds = is_folded && is_begun && !is_indented && !was_indented;
                match (folds, breaks.len()) {
                    (true, 1) => breaks.drain(..).for_each(|at| self.note(' ', at)),
                    (true, _) => breaks.drain(..).skip(1).for_each(|at| self.note('\n', at)),
                    (false, _) => breaks.drain(..).for_each(|at| self.note('\n', at)),
                }
                for c in line.chars() {
                    self.push(c, c.len_utf8());
                }
                (is_begun, was_indented) = (true, is_indented);
            }
            let Some(length) = self.line_break(self.next) else {
                break;
            };
            let after = self.next.saturating_add(length);
            breaks.push(self.next..after);
            let next = self.source.get(after..).unwrap_or_default();
            let blanks = next.len().saturating_sub(next.trim_start_matches(' ').len());
            self.next = after.saturating_add(blanks.min(indent));
        }
        for at in breaks {
            self.note('\n', at);
        }
    }

    fn peek(&self) -> Option<char> {
        self.source.get(self.next..)?.chars().next()
    }

    /// Notes a character that takes `length` bytes of the source, and goes past it.
    fn push(&mut self, c: char, length: usize) {
        let end = self.next.saturating_add(length);
        self.note(c, self.next..end);
        self.next = end;
    }

    fn note(&mut self, c: char, at: Range<usize>) {
        self.pieces.push((self.text.len(), at));
        self.text.push(c);
    }

    fn after_blanks(&self, at: usize) -> usize {
        let rest = self.source.get(at..).unwrap_or_default();
        let blanks = rest.len().saturating_sub(rest.trim_start_matches([' ', '\t']).len());
        at.saturating_add(blanks)
    }

    /// How many bytes the line break at `at` has, if there is one.
    fn line_break(&self, at: usize) -> Option<usize> {
        let rest = self.source.get(at..)?;
        match rest.as_bytes() {
            [b'\r', b'\n', ..] => Some(2),
            [b'\r' | b'\n', ..] => Some(1),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `yaml`, whose one value is a text, and underlines in it where `wanted` of that text stands.
    #[track_caller]
    fn underlined(yaml: &str, wanted: &str) -> String {
        let mut tree = super::super::tree::Tree::default();
        let read = super::super::yaml::read(yaml, 0, &mut tree).unwrap();
        let found = tree.find(read.root, &super::super::tree::steps("k"));
        let item = tree.get(found.value);
        let super::super::tree::What::Scalar { text, style, .. } = &item.what else {
            panic!("a text");
        };
        let text = text.expose();
        let (before, _) = text.split_once(wanted).unwrap();
        let wanted = before.len()..before.len().saturating_add(wanted.len());
        let source = &yaml[item.at.range()];
        let at = source_range(source, *style, text, &wanted).expect("found");
        source[at].to_owned()
    }

    #[test]
    fn a_part_is_found_however_the_text_is_written() {
        for (yaml, wanted, source) in [
            ("k: team-[a-z/*", "[a", "[a"),
            ("k: team\n  -[a\n\n  b", "-[a\nb", "-[a\n\n  b"),
            ("k: 'it''s [x'", "'s [", "''s ["),
            ("k: 'a  b\n   [c'", " [c", "\n   [c"),
            (r#"k: "caf\u00e9 \"[x\"""#, "\u{e9} \"", r#"\u00e9 \""#),
            (r#"k: "\uD834\uDD1E[""#, "\u{1d11e}", r"\uD834\uDD1E"),
            (r#"k: "\x41\U0001F600\t[""#, "\t[", r"\t["),
            ("k: \"a \\\n    b [c\"", "b [", "b ["),
            ("k: \"a\n\n    b [c\"", "\nb", "\n\n    b"),
            ("k: |\n  one\n    two [\n\n  three", "[\n\nthree", "[\n\n  three"),
            ("k: |2-\n    x[\n  y\n", "x[\ny", "x[\n  y"),
            ("k: |\n\n\n  x\n  y[\n", "y[", "y["),
            ("k: >\n  f\n  g [\n\n  h\n   i\n  j\n", "g [", "g ["),
            ("k: >\n  f\n  g [\n\n  h\n   i\n  j\n", "h\n i\nj", "h\n   i\n  j"),
            ("k: >+\n\n  a\r\n  b[\r\n", "a b[", "a\r\n  b["),
        ] {
            assert_eq!(underlined(yaml, wanted), source, "{yaml:?}");
        }
    }

    #[test]
    fn what_cannot_be_found_is_not_guessed() {
        assert_eq!(source_range("abc", Style::Plain, "abd", &(0..1)), None);
        assert_eq!(source_range("", Style::Single, "", &(0..1)), None);
        assert_eq!(source_range("abc", Style::Plain, "abc", &(3..3)), Some(3..3));
        assert_eq!(source_range("abc", Style::Plain, "abc", &(1..1)), Some(1..1));
    }
}
