//! The cheapest exact test for a glob.

use std::borrow::Cow;

use super::parse::{Class, Part};

/// What must follow the literal prefix.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// Nothing: the glob is a literal.
    Nothing,
    /// `*` alone.
    Star,
    /// `**` alone, where it spans `/`.
    Span,
    /// Anything else without a spanning `**`.
    Chunks(Box<[Chunk]>),
    /// Anything else.
    Steps(Box<[Step]>),
}

/// What stands between two stars.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    after_star: bool,
    atoms: Vec<Atom>,
}

#[derive(Debug, Clone)]
enum Atom {
    Text(String),
    AnyChar,
    Class(Class),
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Char(char),
    AnyChar,
    Class(Class),
    Star,
    Span,
}

impl Matcher {
    /// The text every match begins with, and the test for what is behind it.
    pub(super) fn cheapest(parts: Vec<Part>) -> (Box<str>, Self) {
        let mut parts = parts.into_iter().peekable();
        let prefix = match parts.next_if(|part| matches!(part, Part::Text(_))) {
            Some(Part::Text(text)) => text.into_boxed_str(),
            _ => Box::default(),
        };
        let rest: Vec<Part> = parts.collect();
        let matcher = match rest.as_slice() {
            [] => Self::Nothing,
            [Part::Star] => Self::Star,
            [Part::Span] => Self::Span,
            _ if rest.contains(&Part::Span) => Self::Steps(steps(rest)),
            _ => Self::Chunks(chunks(rest)),
        };
        (prefix, matcher)
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Nothing => text.is_empty(),
            Self::Star => !text.contains('/'),
            Self::Span => true,
            Self::Chunks(chunks) => chunks_match(chunks, text),
            Self::Steps(steps) => steps_match(steps, text),
        }
    }
}

impl Matcher {
    /// The text behind the last wildcard; none if there is none.
    pub(super) fn literal_suffix(&self) -> Cow<'_, str> {
        match self {
            Self::Nothing | Self::Star | Self::Span => Cow::default(),
            Self::Chunks(chunks) => match chunks.last().and_then(|chunk| chunk.atoms.last()) {
                Some(Atom::Text(text)) => Cow::Borrowed(text),
                _ => Cow::default(),
            },
            Self::Steps(steps) => {
                let chars = steps.iter().rev().map_while(|step| match step {
                    Step::Char(c) => Some(*c),
                    _ => None,
                });
                Cow::Owned(chars.collect::<Vec<_>>().into_iter().rev().collect())
            }
        }
    }
}

fn chunks(parts: Vec<Part>) -> Box<[Chunk]> {
    let mut chunks = Vec::new();
    let mut chunk = Chunk {
        after_star: false,
        atoms: Vec::new(),
    };
    for part in parts {
        match part {
            Part::Text(text) => chunk.atoms.push(Atom::Text(text)),
            Part::AnyChar => chunk.atoms.push(Atom::AnyChar),
            Part::Class(class) => chunk.atoms.push(Atom::Class(class)),
            Part::Star | Part::Span => {
                let done = std::mem::replace(
                    &mut chunk,
                    Chunk {
                        after_star: true,
                        atoms: Vec::new(),
                    },
                );
                if done.after_star || !done.atoms.is_empty() {
                    chunks.push(done);
                }
            }
        }
    }
    chunks.push(chunk);
    chunks.into()
}

/// Go's way, kept exactly: each chunk takes the first place where it fits and is never moved again, and a star steps over
/// bytes, so that what follows it can meet the tail of a character as one that is no character (U+FFFD). Hence `*??`
/// matches `€` and `*[^x]*c` does not match `a/bc`, here as there.
fn chunks_match(chunks: &[Chunk], text: &str) -> bool {
    let mut at = 0;
    let mut chunks = chunks.iter().peekable();
    while let Some(chunk) = chunks.next() {
        let last = chunks.peek().is_none();
        if chunk.atoms.is_empty() {
            // Only the last can be empty: stars in a row are one.
            return !tail(text, at).contains(&b'/');
        }
        let Some(end) = chunk.find(text, at, last) else {
            return false;
        };
        at = end;
    }
    at == text.len()
}

impl Chunk {
    /// Where the chunk ends at the first place where it fits, at or behind `from`. The last one must reach the end.
    fn find(&self, text: &str, from: usize, last: bool) -> Option<usize> {
        let fits = |at| self.fits(text, at).filter(|&end| !last || end == text.len());
        fits(from).or_else(|| {
            let skippable = if self.after_star { tail(text, from) } else { &[] };
            (from..)
                .zip(skippable)
                .take_while(|&(_, &byte)| byte != b'/')
                .find_map(|(at, _)| fits(at.checked_add(1)?))
        })
    }

    /// Where the chunk ends if it stands at byte `at`.
    fn fits(&self, text: &str, mut at: usize) -> Option<usize> {
        for atom in &self.atoms {
            let width = match atom {
                Atom::Text(wanted) => tail(text, at).starts_with(wanted.as_bytes()).then_some(wanted.len())?,
                Atom::AnyChar => character(text, at).filter(|&(c, _)| c != '/')?.1,
                Atom::Class(class) => character(text, at).filter(|&(c, _)| class.holds(c))?.1,
            };
            at = at.checked_add(width)?;
        }
        Some(at)
    }
}

fn tail(text: &str, at: usize) -> &[u8] {
    text.as_bytes().get(at..).unwrap_or_default()
}

/// The character at byte `at` and its width; inside a character it is what Go decodes there.
fn character(text: &str, at: usize) -> Option<(char, usize)> {
    match text.get(at..) {
        Some(rest) => rest.chars().next().map(|c| (c, c.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

fn steps(parts: Vec<Part>) -> Box<[Step]> {
    let mut steps = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => steps.extend(text.chars().map(Step::Char)),
            Part::AnyChar => steps.push(Step::AnyChar),
            Part::Class(class) => steps.push(Step::Class(class)),
            Part::Star => steps.push(Step::Star),
            Part::Span => steps.push(Step::Span),
        }
    }
    steps.into()
}

/// Keeps every step that could come next, so that the work is bounded by the product of both lengths: with two kinds of
/// stars, trying one place after the other would be cubic.
fn steps_match(steps: &[Step], text: &str) -> bool {
    // `now` holds for each step whether it may come next; what is behind the last step is `done`.
    let mut now = vec![false; steps.len()];
    let mut done = enter(steps, &mut now, std::iter::once(true));
    for c in text.chars() {
        let mut moved = Vec::with_capacity(steps.len().saturating_add(1));
        moved.push(false);
        let mut next = vec![false; steps.len()];
        for ((step, &here), stays) in steps.iter().zip(&now).zip(&mut next) {
            let passes = match step {
                Step::Char(wanted) => c == *wanted,
                Step::AnyChar => c != '/',
                Step::Class(class) => class.holds(c),
                Step::Star | Step::Span => {
                    *stays = here && (c != '/' || matches!(step, Step::Span));
                    false
                }
            };
            moved.push(here && passes);
        }
        done = enter(steps, &mut next, moved.into_iter());
        now = next;
    }
    done
}

/// Marks the steps that `entered` names, and what a star that may be empty leads on to; answers whether the end is reached.
fn enter(steps: &[Step], marks: &mut [bool], mut entered: impl Iterator<Item = bool>) -> bool {
    let mut passed = false;
    for (step, mark) in steps.iter().zip(marks) {
        *mark |= passed | entered.next().unwrap_or(false);
        passed = *mark && matches!(step, Step::Star | Step::Span);
    }
    passed | entered.next().unwrap_or(false)
}
