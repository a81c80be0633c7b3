//! What can be wrong with an expression, and how to mend it.

use std::ops::Range;

/// Why an expression is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct DialectError {
    /// The offending part: bytes of the expression.
    pub at: Range<usize>,
    /// What is wrong with it.
    pub kind: DialectErrorKind,
}

/// What can be wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectErrorKind {
    /// A class up to the end of the text.
    #[error("`[` is never closed; close it with `]`, or write `\\[` for the character")]
    UnclosedClass,
    /// A group up to the end of the text.
    #[error("`(` is never closed; close it with `)`, or write `\\(` for the character")]
    UnclosedGroup,
    /// A closing parenthesis too many.
    #[error("`)` closes nothing; write `\\)` for the character")]
    UnopenedGroup,
    /// `\` as the last character.
    #[error("`\\` at the end escapes nothing; write `\\\\` for the character")]
    TrailingBackslash,
    /// `\Z`, `\<`, `\1`, `\x{110000}` and the like.
    #[error("`{escape}` means nothing here; {help}")]
    UnknownEscape {
        /// The escape as written.
        escape: String,
        /// What to write instead.
        help: &'static str,
    },
    /// `[z-a]`
    #[error("the range `{range}` runs backwards; put the lower character first")]
    ReversedRange {
        /// The range as written.
        range: String,
    },
    /// `[[:letters:]]`
    #[error(
        "`{class}` is no class; the names are alnum, alpha, ascii, blank, cntrl, digit, graph, lower, print, punct, space, \
         upper, word and xdigit"
    )]
    UnknownClass {
        /// The class as written.
        class: String,
    },
    /// `\p{Letters}`
    #[error(
        "`{property}` is no category or script that Go knows; write one such as `\\pL`, `\\p{{Lu}}` or `\\p{{Greek}}`"
    )]
    UnknownProperty {
        /// The property as written.
        property: String,
    },
    /// `*a`, `(+)`, `a|?`
    #[error("`{operator}` has nothing to repeat; put something before it, or `\\` for the character")]
    NothingToRepeat {
        /// The operator as written.
        operator: String,
    },
    /// `a**`, `a++`
    #[error("`{operators}` repeats a repetition; keep one of them, or put what is to be repeated in `(?:…)`")]
    RepeatedRepetition {
        /// Both operators as written.
        operators: String,
    },
    /// `a{1001}`, `a{2,1}`, `(a{50}){50}`
    #[error("`{count}` is out of bounds; the lower number stands first, and nested counts multiply to 1000 at most")]
    RepeatCount {
        /// The count as written.
        count: String,
    },
    /// `(?=a)`, `(?x)`, `(?i`
    #[error("`{group}` is no group; write `(?:…)`, `(?P<name>…)` or flags out of `imsU`, and `\\(` for the character")]
    UnknownGroup {
        /// As much of the group as was understood, and what was not.
        group: String,
    },
    /// `(?P<a b>…)`
    #[error("`{group}` is no name for a group; use letters, digits and `_`, and close it with `>`")]
    GroupName {
        /// The opening of the group as written.
        group: String,
    },
    /// A variable in an escape, as the end of a range, or in a name.
    #[error("a variable is literal text and cannot be part of an escape, a range or a name; move it out")]
    VariableInSyntax,
    /// A limit: the text has more than [`TEXT_LIMIT`](super::TEXT_LIMIT) bytes.
    #[error("the expression is longer than 32 KiB; split the rule")]
    TooLong,
    /// A limit: nested deeper than [`NESTING_LIMIT`](super::NESTING_LIMIT).
    #[error("groups and repetitions nest more than 100 deep here; take out what only groups")]
    TooDeep,
    /// A limit: needs more than [`COMPILED_LIMIT`](super::COMPILED_LIMIT) bytes when compiled.
    #[error("the expression needs more than 1 MiB when compiled; lower its counts, or split the rule")]
    TooLarge,
    /// A limit: `\x{D800}` to `\x{DFFF}` are no characters, and Rust has no expression for them.
    #[error("`{escape}` is half of a surrogate pair, which no text can hold; write the character it belongs to")]
    Surrogate {
        /// The escape as written.
        escape: String,
    },
    /// A limit: an expression that can match nothing at all, in a place of which only `\B` says where it is. `regex` sees
    /// such a place inside a character too (`\B` between the two bytes of `é` in `aéa`), and then may miss the others.
    #[error("`\\B` alone says where this matches, which cannot be tested here; write a character or `.` next to it")]
    LoneNoBoundary,
    /// The ranges given as holes overlap, are out of order, or do not lie in the text: a fault of the caller.
    #[error("the variables of this expression are not where they were said to be")]
    Holes,
}

impl DialectErrorKind {
    /// Whether Go takes such an expression, and only we do not.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::TooLong | Self::TooDeep | Self::TooLarge | Self::Surrogate { .. } | Self::LoneNoBoundary
        )
    }
}

/// Why values cannot be put into an expression.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ValuesError {
    /// Not one value for each hole.
    #[error("the expression has {holes} variables and was given {values} values")]
    Count {
        /// Holes in the expression.
        holes: usize,
        /// Values given.
        values: usize,
    },
    /// With these values the expression needs more than [`COMPILED_LIMIT`](super::COMPILED_LIMIT).
    #[error("with these values the expression is too large")]
    TooLarge(#[source] regex::Error),
}
