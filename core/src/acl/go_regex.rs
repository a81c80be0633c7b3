//! Go's regular expressions, for Rust's `regex` crate.
//!
//! The expressions of `docker_auth` are Go's: RE2's syntax with the flags of `regexp.Compile`. The two languages look alike
//! and differ: `\w \d \s \b` are ASCII in Go, `[` and `&&` are plain inside a class, `{` that is no count is plain,
//! `\Q…\E` and octal escapes exist, `a++`, `(?x)` and `\<` do not. So an expression is parsed by Go's rules and written anew
//! in the part of Rust's syntax that can be read in one way only. Groups keep their numbers; names are checked and dropped.
//!
//! What Go 1.26 refuses is refused. What it takes is taken, with the limits of [`DialectErrorKind::is_limit`]. The tables
//! differ in age: Go 1.26 has Unicode 15, the crate 16. So `\p{…}` differs for characters that have been added in between,
//! and `(?i)` for them and for `ƛ` and `ɤ`, whose capitals are among them.
//!
//! The text may have holes, where a variable stands. A hole is always the literal text of its value, in a class each of
//! its characters. A quantifier behind a hole repeats the value's last character, as if it had been typed there; an empty
//! value takes it along.
//!
//! ```
//! use registry_auth_core::acl::go_regex::Template;
//!
//! let text = r"^${account}-\d+$";
//! let template = Template::from_go(text, &[1..11])?;
//! assert!(template.regex(&["a.b"])?.is_match("a.b-17"));
//! assert!(!template.regex(&["a.b"])?.is_match("axb-17"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod automaton;
mod class;
mod edges;
mod error;
mod escape;
mod exact;
mod parse;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod unicode;
mod write;

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::needs::Needs;
pub use automaton::Automaton;
pub use error::{DialectError, DialectErrorKind, ValuesError};
pub use exact::{Exact, Gaps};
use write::Piece;

/// The most an expression may need when compiled, in bytes: `regex` keeps one program for each direction of search.
pub const COMPILED_LIMIT: usize = 1 << 20;
/// The longest expression, in bytes of its text. Go has no such limit; it bounds the time of a parse, and below it Go's
/// limits on a parse tree that its own factoring has deepened cannot be met.
pub const TEXT_LIMIT: usize = 32 << 10;
/// How deep groups and repetitions may nest. Go's limit is 1000 on a tree counted differently; the compiler behind `regex`
/// recurses, and a wasm stack is small.
pub const NESTING_LIMIT: usize = 100;
/// The crate's own limit: a group with its alternatives, their sequences and a repetition is four levels to it.
const CRATE_NESTING_LIMIT: u32 = 1_000;
/// The longest value an expression must take, in bytes: what a scope's name may have.
pub(super) const VALUE_LENGTH: usize = 256;
/// What the lazy automaton of one expression may keep between searches, in bytes; over it the search is slower, not wrong.
const SEARCH_CACHE: usize = 256 << 10;

/// A Go expression, translated: text for the `regex` crate with holes for values.
#[derive(Debug, Clone)]
pub struct Template {
    pieces: Vec<Piece>,
    holes: usize,
    groups: usize,
    exact: Option<Exact>,
    needs: Needs,
    cost: tree::Cost,
}

impl Template {
    /// Translates `source`; `holes` are the byte ranges of the variables in it, in order.
    ///
    /// # Errors
    ///
    /// Where Go refuses the expression, where a hole stands in a place that is not text, and at the limits of this module.
    pub fn from_go(source: &str, holes: &[Range<usize>]) -> Result<Self, DialectError> {
        let parsed = parse::parse(source, holes)?;
        let refuse = |kind| DialectError {
            at: 0..source.len(),
            kind,
        };
        if tree::floats_on_no_boundary(&parsed.branches) {
            return Err(refuse(DialectErrorKind::LoneNoBoundary));
        }
        let template = Self {
            pieces: write::pieces(&parsed.branches),
            holes: holes.len(),
            groups: parsed.groups,
            exact: exact::exact(&parsed.branches, source.len()),
            needs: edges::needs(&parsed.branches, source.len()),
            cost: tree::cost(&parsed.branches),
        };
        // Most expressions are far below the limit, and compiling them all would take a configuration's whole time.
        if !template.surely_compiles() {
            let sample = "k".repeat(VALUE_LENGTH);
            template
                .regex(&vec![sample.as_str(); holes.len()])
                .map_err(|_| refuse(DialectErrorKind::TooLarge))?;
        }
        Ok(template)
    }

    /// The expression with one value for each hole, in order; not anchored.
    ///
    /// # Errors
    ///
    /// If there are more or fewer values than holes, or the values make the expression too large. An expression without
    /// holes, once translated, always compiles.
    pub fn regex(&self, values: &[&str]) -> Result<Regex, ValuesError> {
        if values.len() != self.holes {
            return Err(ValuesError::Count {
                holes: self.holes,
                values: values.len(),
            });
        }
        compile(&self.filled(values)).map_err(ValuesError::TooLarge)
    }

    /// The text for the `regex` crate, with one value for each hole. It never begins with `)`.
    pub(super) fn filled(&self, values: &[&str]) -> String {
        write::fill(&self.pieces, values)
    }

    /// Whether it is below the limit whatever the values are, each of [`VALUE_LENGTH`] at most.
    pub(super) fn surely_compiles(&self) -> bool {
        self.cost(VALUE_LENGTH) <= COMPILED_LIMIT as u64
    }

    /// An upper bound of what it needs when compiled, with values of up to `length` bytes each, in bytes.
    pub(super) fn cost(&self, length: usize) -> u64 {
        self.cost.with_values(length)
    }

    /// What every text is like in which it is found, whatever the values are.
    pub(super) fn needs(&self) -> &Needs {
        &self.needs
    }

    /// How many groups there are, the whole match, which is number 0, among them.
    #[must_use]
    pub fn captures_len(&self) -> usize {
        self.groups.saturating_add(1)
    }

    /// The test without an expression that decides the same, if there is one; there is none where there are holes.
    #[must_use]
    pub fn exact(&self) -> Option<Exact> {
        self.exact.clone()
    }
}

/// Whether a `^` at the beginning, and a `$` at the end, bind one of several branches only, as in `^a|b$`; `None` if
/// neither does.
pub(super) fn loose_anchors(source: &str, holes: &[Range<usize>]) -> Option<(bool, bool)> {
    let parsed = parse::parse(source, holes).ok()?;
    let anchors = parsed.branches.iter().map(|branch| {
        let (start, _, end) = edges::anchors(branch);
        (start, end)
    });
    let anchors: Vec<(bool, bool)> = anchors.collect();
    let [(start, _), others @ ..] = anchors.as_slice() else {
        return None;
    };
    let is_loose_at_start = *start && others.iter().all(|(start, _)| !start);
    let [before @ .., (_, end)] = anchors.as_slice() else {
        return None;
    };
    let is_loose_at_end = *end && before.iter().all(|(_, end)| !end);
    let is_loose = !others.is_empty() && (is_loose_at_start || is_loose_at_end);
    is_loose.then_some((is_loose_at_start, is_loose_at_end))
}

/// Compiles what [`Template::filled`] wrote.
pub(super) fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(COMPILED_LIMIT)
        .dfa_size_limit(SEARCH_CACHE)
        .nest_limit(CRATE_NESTING_LIMIT)
        .build()
}
