//! Globs as Go's `path.Match` reads them, since that is what the rules of `docker_auth` are written in.
//!
//! A glob matches the whole text. `*` is any text without `/`, `?` any character but `/`, `[a-z]` and `[^a]` are classes,
//! and classes do match `/` when they hold it or are negated; `\` makes the next character plain, in classes too. `{a,b}`
//! and `[!a]` mean nothing special. With [`DoubleStar::Spans`], `**` is any text, `/` included.
//!
//! A malformed glob is found when it is parsed. Go says `ErrBadPattern` for the same globs; we refuse one kind more, a
//! class that no character, or every character negated, can satisfy (`[z-a]`): a rule with it is dead.
//!
//! ```
//! use registry_auth_core::acl::glob::{DoubleStar, Glob};
//!
//! let glob = Glob::parse("team-[a-c]/*", DoubleStar::Star)?;
//! assert!(glob.matches("team-b/app"));
//! assert!(!glob.matches("team-b/app/sub"));
//! assert_eq!(glob.literal_prefix(), "team-");
//! # Ok::<(), registry_auth_core::acl::glob::GlobError>(())
//! ```

mod matcher;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use matcher::Matcher;
pub(super) use parse::{Class, Part, parts};

/// One glob, parsed once; matching it allocates nothing unless it holds a `**` that spans `/`.
#[derive(Debug, Clone)]
pub struct Glob {
    /// What every match begins with; all of it where there is no wildcard.
    prefix: Box<str>,
    matcher: Matcher,
}

/// What `**` means in a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DoubleStar {
    /// The same as `*`, as `docker_auth` has it.
    #[default]
    Star,
    /// Any text, `/` included: two stars or more in a row.
    Spans,
}

/// Why a text is no glob, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct GlobError {
    /// The offending part: bytes of the text.
    pub at: Range<usize>,
    /// What is wrong with it.
    pub kind: GlobErrorKind,
}

/// What can be wrong with a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobErrorKind {
    /// `[a-z` up to the end of the text.
    #[error("`[` is never closed; close it with `]`, or write `\\[` for the character")]
    Unclosed,
    /// `[]`, `[^]`, also with more behind: a `]` right after the opening closes, it is no member.
    #[error("the class is empty; write `\\]` if `]` is meant to be in it, or `\\[` for the character `[`")]
    EmptyClass,
    /// `[-a]`, `[a-]`, `[a--]`.
    #[error("`-` stands for a range here and lacks an end; write `\\-` for the character")]
    LooseDash,
    /// `\` as the last character.
    #[error("`\\` at the end escapes nothing; write `\\\\` for the character")]
    TrailingBackslash,
    /// `[z-a]`, or a negated class that leaves nothing over.
    #[error("no character fits this class; put the lower end of a range first, as in `[a-z]`")]
    HoldsNothing,
}

impl Glob {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// Where Go's `path.Match` answers `ErrBadPattern`, and for a class that holds nothing.
    pub fn parse(text: &str, double_star: DoubleStar) -> Result<Self, GlobError> {
        let parts = parse::parts(text, double_star)?;
        let (prefix, matcher) = Matcher::cheapest(parts);
        Ok(Self { prefix, matcher })
    }

    /// Whether the glob matches the whole of `text`. The work is bounded by the product of both lengths.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        text.strip_prefix(&*self.prefix)
            .is_some_and(|rest| self.matcher.matches(rest))
    }

    /// The one text this glob matches, if it has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        matches!(self.matcher, Matcher::Nothing).then_some(&*self.prefix)
    }

    /// The text that every match begins with, up to the first wildcard; may be empty.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        &self.prefix
    }

    /// The text that every match ends in, from the last wildcard on; may be empty.
    #[must_use]
    pub fn literal_suffix(&self) -> Cow<'_, str> {
        match &self.matcher {
            Matcher::Nothing => Cow::Borrowed(&self.prefix),
            matcher => matcher.literal_suffix(),
        }
    }
}

/// Appends `value` to `into` so that a glob takes it literally, outside a class and inside.
///
/// Inside a class, an empty value leaves nothing, and a `-` that the operator wrote beside it still makes a range.
pub fn quote(value: &str, into: &mut String) {
    for c in value.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            into.push('\\');
        }
        into.push(c);
    }
}
