//! Small expressions, followed through the text place by place.
//!
//! A place is one character or class as it is written (Glushkov's construction), and which places can follow one is a word
//! of bits. So there is nothing to compile, a place takes 16 bytes, and a list of very many expressions that no literal
//! text tells apart, such as `(?i)^ada$`, is judged without `regex`. It tells whether there is a match, not where: which of
//! several matches an expression prefers does not matter for that.

#[cfg(test)]
mod tests;

use super::edges::{anchors, plain};
use super::tree::{Count, Kind, Member, Node, Sequence};

/// The most places.
const PLACES_LIMIT: usize = u64::BITS as usize;
/// The most ranges in all classes together.
const RANGES_LIMIT: usize = 256;
/// The most nodes, each counted as often as it is repeated: some have no place.
const NODES_LIMIT: usize = 1_024;

/// A test that decides the same as an expression, in one pass over the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automaton {
    places: Box<[Place]>,
    ranges: Box<[(char, char)]>,
    /// Whether the empty text matches.
    empty: bool,
    /// The places where a match can begin: at the start of the text, and anywhere.
    first: (Places, Places),
    /// The places where a match can end: at the end of the text, and anywhere.
    last: (Places, Places),
}

/// A bit for each place.
type Places = u64;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// What can come next.
    follow: Places,
    set: Set,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    One(char),
    /// These of the ranges.
    Ranges {
        negated: bool,
        start: u16,
        end: u16,
    },
}

impl Automaton {
    /// For an expression that is not too long and has neither variables nor assertions, but for `^` and `$` around a
    /// branch. None for one that every text matches.
    pub(super) fn of(branches: &[Sequence]) -> Option<Self> {
        let mut builder = Builder::default();
        let mut empty = false;
        let (mut first, mut last) = ((0, 0), (0, 0));
        for branch in branches {
            let (start, nodes, end) = anchors(branch);
            let part = builder.sequence(nodes)?;
            if part.empty && !(start && end) {
                return None;
            }
            empty |= part.empty;
            *(if start { &mut first.0 } else { &mut first.1 }) |= part.first;
            *(if end { &mut last.0 } else { &mut last.1 }) |= part.last;
        }
        Some(Self {
            places: builder.places.into(),
            ranges: builder.ranges.into(),
            empty,
            first,
            last,
        })
    }

    /// Whether the expression matches somewhere in `text`. The work is bounded by the text's length times 64.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (first_at_start, first_anywhere) = self.first;
        let (last_at_end, last_anywhere) = self.last;
        let mut next = first_at_start | first_anywhere;
        let mut here = 0;
        for c in text.chars() {
            if next == 0 {
                return false;
            }
            let fitting = self.all(next).filter(|(_, place)| self.holds(place.set, c));
            here = fitting.fold(0, |here, (bit, _)| here | bit);
            if here & last_anywhere != 0 {
                return true;
            }
            next = self
                .all(here)
                .fold(first_anywhere, |next, (_, place)| next | place.follow);
        }
        here & last_at_end != 0 || self.empty && text.is_empty()
    }

    /// The places in `set`, each with its bit.
    fn all(&self, mut set: Places) -> impl Iterator<Item = (Places, &Place)> {
        std::iter::from_fn(move || {
            let rest = set & set.wrapping_sub(1);
            let bit = set ^ rest;
            set = rest;
            let number = usize::try_from(bit.trailing_zeros()).ok()?;
            Some((bit, self.places.get(number)?))
        })
    }

    fn holds(&self, set: Set, c: char) -> bool {
        match set {
            Set::One(wanted) => c == wanted,
            Set::Ranges { negated, start, end } => {
                let ranges = self.ranges.get(start.into()..end.into()).unwrap_or_default();
                ranges.iter().any(|&(low, high)| low <= c && c <= high) != negated
            }
        }
    }
}

/// A part of an expression.
#[derive(Clone, Copy)]
struct Part {
    first: Places,
    last: Places,
    /// Whether the empty text is a match.
    empty: bool,
}

impl Part {
    const NOTHING: Self = Self {
        first: 0,
        last: 0,
        empty: true,
    };

    fn or(self, other: Self) -> Self {
        Self {
            first: self.first | other.first,
            last: self.last | other.last,
            empty: self.empty || other.empty,
        }
    }
}

#[derive(Default)]
struct Builder {
    places: Vec<Place>,
    ranges: Vec<(char, char)>,
    nodes: usize,
}

impl Builder {
    fn sequence(&mut self, nodes: &[Node]) -> Option<Part> {
        nodes.iter().try_fold(Part::NOTHING, |before, node| {
            let next = self.node(node)?;
            Some(self.join(before, next))
        })
    }

    fn node(&mut self, node: &Node) -> Option<Part> {
        self.nodes = self.nodes.checked_add(1).filter(|nodes| *nodes <= NODES_LIMIT)?;
        let set = match &node.kind {
            Kind::Char { c, fold } => match plain(*c, *fold) {
                Some(c) => Set::One(c),
                None => self.set(false, &[(*c, *c)], true)?,
            },
            Kind::Class { negated, members, fold } => self.class(*negated, members, *fold)?,
            Kind::Dot { newline: true } => self.set(true, &[], false)?,
            Kind::Dot { newline: false } => self.set(true, &[('\n', '\n')], false)?,
            Kind::Group { branches, .. } => return self.branches(branches),
            Kind::Repetition { node, count } => return self.repetition(node, *count),
            Kind::Hole { .. } | Kind::Assertion(_) => return None,
        };
        self.place(set)
    }

    fn branches(&mut self, branches: &[Sequence]) -> Option<Part> {
        let mut parts = branches.iter().map(|branch| self.sequence(branch));
        let first = parts.next()??;
        parts.try_fold(first, |all, part| Some(all.or(part?)))
    }

    /// A copy for each time it may come; without end, the last may follow itself.
    fn repetition(&mut self, node: &Node, Count { min, max, .. }: Count) -> Option<Part> {
        let mut all = Part::NOTHING;
        let copies = max.unwrap_or(min.max(1));
        for copy in 1..=copies {
            let mut next = self.node(node)?;
            next.empty |= copy > min;
            if max.is_none() && copy == copies {
                self.link(next.last, next.first);
            }
            all = self.join(all, next);
        }
        Some(all)
    }

    fn join(&mut self, before: Part, next: Part) -> Part {
        self.link(before.last, next.first);
        Part {
            first: before.first | if before.empty { next.first } else { 0 },
            last: next.last | if next.empty { before.last } else { 0 },
            empty: before.empty && next.empty,
        }
    }

    /// Lets each of `next` follow each of `before`.
    fn link(&mut self, before: Places, next: Places) {
        for (number, place) in (0_u32..).zip(&mut self.places) {
            if before.unbounded_shr(number) & 1 == 1 {
                place.follow |= next;
            }
        }
    }

    fn place(&mut self, set: Set) -> Option<Part> {
        if self.places.len() == PLACES_LIMIT {
            return None;
        }
        let bit = Places::checked_shl(1, u32::try_from(self.places.len()).ok()?)?;
        self.places.push(Place { follow: 0, set });
        Some(Part {
            first: bit,
            last: bit,
            empty: false,
        })
    }

    fn class(&mut self, negated: bool, members: &[Member], fold: bool) -> Option<Set> {
        if let ([Member::Ascii { ranges, negated: true }], false) = (members, fold) {
            return self.set(!negated, ranges, false);
        }
        let mut ranges = Vec::new();
        for member in members {
            match member {
                Member::Range(low, high) => ranges.push((*low, *high)),
                Member::Ascii {
                    ranges: named,
                    negated: false,
                } => ranges.extend_from_slice(named),
                Member::Ascii { negated: true, .. } | Member::Property { .. } | Member::Hole(_) => return None,
            }
        }
        self.set(negated, &ranges, fold)
    }

    /// With `fold`, only of ASCII, where the other cases of each character are sure.
    fn set(&mut self, negated: bool, ranges: &[(char, char)], fold: bool) -> Option<Set> {
        let start = self.ranges.len();
        for &(low, high) in ranges {
            self.ranges.push((low, high));
            if fold {
                self.other_cases(low, high)?;
            }
        }
        if self.ranges.len() > RANGES_LIMIT {
            return None;
        }
        Some(Set::Ranges {
            negated,
            start: u16::try_from(start).ok()?,
            end: u16::try_from(self.ranges.len()).ok()?,
        })
    }

    fn other_cases(&mut self, low: char, high: char) -> Option<()> {
        if !high.is_ascii() {
            return None;
        }
        let lower = (low.max('a'), high.min('z'));
        let upper = (low.max('A'), high.min('Z'));
        let found = [
            (lower, (lower.0.to_ascii_uppercase(), lower.1.to_ascii_uppercase())),
            (upper, (upper.0.to_ascii_lowercase(), upper.1.to_ascii_lowercase())),
        ];
        let holds = |c: char| low <= c && c <= high;
        let beyond_ascii = [('k', '\u{212A}'), ('s', '\u{17F}')];
        let kelvins = beyond_ascii
            .into_iter()
            .filter(|(c, _)| holds(*c) || holds(c.to_ascii_uppercase()));
        self.ranges.extend(kelvins.map(|(_, other)| (other, other)));
        let ranges = found.into_iter().filter(|((first, last), _)| first <= last);
        self.ranges.extend(ranges.map(|(_, other)| other));
        Some(())
    }
}
