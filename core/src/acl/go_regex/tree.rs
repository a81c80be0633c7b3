//! An expression, parsed.

use super::VALUE_LENGTH;
use super::unicode::Property;

/// What is between two `|`.
pub(super) type Sequence = Vec<Node>;

/// A node, and what the limits need to know of it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Levels of groups and repetitions, this one included.
    pub(super) depth: usize,
    /// How often nested counts repeat what is innermost.
    pub(super) repeats: u32,
    cost: Cost,
    empty: Empty,
}

/// An upper bound of what an expression needs when compiled, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    fixed: u64,
    /// The share of the values, if each has [`VALUE_LENGTH`].
    values: u64,
}

/// Whether a match can be empty with nothing that ties it to the edge of a character, as every assertion but `\B` does.
#[derive(Debug, Clone, Copy)]
struct Empty {
    possible: bool,
    /// The same, by way of a `\B`.
    no_boundary: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Char {
        c: char,
        fold: bool,
    },
    Hole {
        index: usize,
        fold: bool,
    },
    Class {
        negated: bool,
        members: Vec<Member>,
        fold: bool,
    },
    /// `.`
    Dot {
        newline: bool,
    },
    Assertion(Assertion),
    Group {
        captures: bool,
        branches: Vec<Sequence>,
    },
    Repetition {
        node: Box<Node>,
        count: Count,
    },
}

#[derive(Debug)]
pub(super) enum Member {
    Range(char, char),
    /// One of the named ASCII classes.
    Ascii {
        ranges: &'static [(char, char)],
        negated: bool,
    },
    Property {
        property: Property,
        negated: bool,
    },
    Hole(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) min: u32,
    /// None is without end.
    pub(super) max: Option<u32>,
    pub(super) greedy: bool,
}

impl Count {
    /// How often the node is copied when compiled.
    pub(super) fn copies(self) -> u32 {
        self.max.unwrap_or(self.min).max(1)
    }
}

impl Node {
    pub(super) fn leaf(kind: Kind) -> Self {
        let cost = match &kind {
            Kind::Char { c, fold } => Cost::fixed(char_cost(*c, *fold)),
            Kind::Hole { fold, .. } => Cost::value(char_cost('k', *fold)),
            Kind::Class { members, .. } => members
                .iter()
                .map(Member::cost)
                .fold(Cost::fixed(CLASS_COST), Cost::plus),
            Kind::Dot { .. } => Cost::fixed(CLASS_COST),
            Kind::Assertion(_) | Kind::Group { .. } | Kind::Repetition { .. } => Cost::fixed(STATE_COST),
        };
        let no_boundary = matches!(kind, Kind::Assertion(Assertion::NoWordBoundary));
        // A value may be empty.
        let possible = no_boundary || matches!(kind, Kind::Hole { .. });
        let empty = Empty { possible, no_boundary };
        Self {
            kind,
            depth: 1,
            repeats: 1,
            cost,
            empty,
        }
    }

    pub(super) fn group(captures: bool, branches: Vec<Sequence>) -> Self {
        let depth = deepest(&branches).saturating_add(1);
        let repeats = branches.iter().flatten().map(|node| node.repeats).max().unwrap_or(1);
        let cost = cost(&branches).plus(Cost::fixed(2 * STATE_COST));
        let empty = Empty::of(&branches);
        Self {
            kind: Kind::Group { captures, branches },
            depth,
            repeats,
            cost,
            empty,
        }
    }

    pub(super) fn repetition(node: Self, count: Count) -> Self {
        let copies = count.copies();
        // Go does not look into `x{0}`.
        let repeats = if count.max == Some(0) {
            1
        } else {
            node.repeats.saturating_mul(copies)
        };
        let cost = node.cost.plus(Cost::fixed(2 * STATE_COST)).times(copies.into());
        let depth = node.depth.saturating_add(1);
        let empty = Empty {
            possible: node.empty.possible || count.min == 0,
            no_boundary: node.empty.no_boundary && count.max != Some(0),
        };
        Self {
            kind: Kind::Repetition {
                node: Box::new(node),
                count,
            },
            depth,
            repeats,
            cost,
            empty,
        }
    }
}

impl Empty {
    fn of(branches: &[Sequence]) -> Self {
        let mut any = Self {
            possible: false,
            no_boundary: false,
        };
        for branch in branches
            .iter()
            .filter(|branch| branch.iter().all(|node| node.empty.possible))
        {
            any.possible = true;
            any.no_boundary |= branch.iter().any(|node| node.empty.no_boundary);
        }
        any
    }
}

/// Whether the expression can match where nothing but a `\B` holds the match.
pub(super) fn floats_on_no_boundary(branches: &[Sequence]) -> bool {
    Empty::of(branches).no_boundary
}

impl Member {
    fn cost(&self) -> Cost {
        match self {
            Self::Range(..) => Cost::fixed(RANGE_COST),
            Self::Ascii { .. } => Cost::fixed(8 * RANGE_COST),
            Self::Property { .. } => Cost::fixed(PROPERTY_COST),
            Self::Hole(_) => Cost::value(RANGE_COST),
        }
    }
}

impl Cost {
    fn fixed(bytes: u64) -> Self {
        Self {
            fixed: bytes,
            values: 0,
        }
    }

    /// Of a value whose every byte needs `bytes`.
    fn value(bytes: u64) -> Self {
        Self {
            fixed: 0,
            values: bytes.saturating_mul(VALUE_LENGTH as u64),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            fixed: self.fixed.saturating_add(other.fixed),
            values: self.values.saturating_add(other.values),
        }
    }

    fn times(self, copies: u64) -> Self {
        Self {
            fixed: self.fixed.saturating_mul(copies),
            values: self.values.saturating_mul(copies),
        }
    }

    /// With values of up to `length` bytes each.
    pub(super) fn with_values(self, length: usize) -> u64 {
        let share = self.values.checked_div(VALUE_LENGTH as u64).unwrap_or_default();
        self.fixed.saturating_add(share.saturating_mul(length as u64))
    }
}

// Measured on `regex` 1.13 with room to spare; a test holds that what is below the limit by these compiles.
const STATE_COST: u64 = 64;
/// A class of everything but a few characters: the ways UTF-8 writes one.
const CLASS_COST: u64 = 40 * STATE_COST;
/// A range may need several sequences of bytes, more when its characters fold.
const RANGE_COST: u64 = 40 * STATE_COST;
/// The largest table, `\p{Cn}`, takes 52 KiB.
const PROPERTY_COST: u64 = 96 << 10;

fn char_cost(c: char, fold: bool) -> u64 {
    let bytes = if fold { 12 } else { c.len_utf8() as u64 };
    bytes.saturating_mul(STATE_COST)
}

pub(super) fn cost(branches: &[Sequence]) -> Cost {
    let nodes = branches.iter().flatten().map(|node| node.cost);
    nodes
        .chain(branches.iter().map(|_| Cost::fixed(STATE_COST)))
        .fold(Cost::fixed(0), Cost::plus)
}

pub(super) fn deepest(branches: &[Sequence]) -> usize {
    branches.iter().flatten().map(|node| node.depth).max().unwrap_or(0)
}

/// Whether the character may have another case; only said of ASCII, where it is sure.
pub(super) fn folds(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphabetic()
}
