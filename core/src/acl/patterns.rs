//! Compiled expressions, as many as fit into a bounded memory.
//!
//! An expression is found by its whole text, with all values in it: on nothing else does it depend what it matches. So it
//! serves every rule that is written alike, and could serve other lists too.

use regex::Regex;

use crate::memo::{Seed, Table};

/// The longest text that is remembered, in bytes; only values of labels can make one longer.
const LONGEST_TEXT: usize = 64 << 10;

/// Compiled expressions, each found by its text. One for each worker.
///
/// They lie on shelves by size, so that many small ones never make room for one that is large, nor the other way round.
/// Whoever brings ever new values makes old ones fall out, and costs no memory.
#[derive(Debug)]
pub struct PatternMemo {
    shelves: [Shelf; 3],
    compiled: u64,
}

/// How many expressions are kept of each size. Measured with `regex` 1.13, in use: a small one takes 12 to 50 KiB, a
/// middling one up to 200 KiB, a large one up to 600 KiB, and then 2 MiB if it is as large as can be.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Such as `^${account}-[0-9]+$`.
    pub small: usize,
    /// With several of `\p{L}` or some 40 letters in any case.
    pub middling: usize,
    /// With many counted repetitions.
    pub large: usize,
}

#[derive(Debug)]
struct Shelf {
    /// The highest cost, as the parser bounds it, in bytes.
    cost: u64,
    /// `None` if it cannot be compiled.
    known: Table<Box<str>, Option<Regex>>,
}

/// What became of a text.
pub(super) struct Compiled {
    pub(super) regex: Option<Regex>,
    /// An upper bound of what it needs, in bytes.
    pub(super) cost: u64,
}

/// Together some 6 MiB when all are in use.
impl Default for Room {
    fn default() -> Self {
        Self {
            small: 192,
            middling: 8,
            large: 2,
        }
    }
}

impl PatternMemo {
    /// An empty one, with room for some 6 MiB.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self::with_room(Room::default(), seed)
    }

    /// An empty one.
    #[must_use]
    pub fn with_room(room: Room, seed: Seed) -> Self {
        let shelf = |cost, capacity| Shelf {
            cost,
            known: Table::new(capacity, seed),
        };
        Self {
            shelves: [
                shelf(32 << 10, room.small),
                shelf(256 << 10, room.middling),
                shelf(u64::MAX, room.large),
            ],
            compiled: 0,
        }
    }

    /// Asks the expression `text`, which `compile` makes if it is not known. `None` if it cannot be compiled.
    pub(super) fn ask<T>(
        &mut self,
        text: &str,
        compile: impl FnOnce() -> Compiled,
        question: impl FnOnce(&Regex) -> T,
    ) -> Option<T> {
        for shelf in &mut self.shelves {
            if let Some(known) = shelf.known.get(text) {
                return known.as_ref().map(question);
            }
        }
        self.compiled = self.compiled.saturating_add(1);
        let Compiled { regex, cost } = compile();
        let answer = regex.as_ref().map(question);
        let size = cost.saturating_add(text.len() as u64);
        let fitting = self.shelves.iter_mut().find(|shelf| size <= shelf.cost);
        if let Some(fitting) = fitting.filter(|_| text.len() <= LONGEST_TEXT) {
            fitting.known.insert(text.into(), regex);
        }
        answer
    }

    /// How many expressions are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shelves
            .iter()
            .map(|shelf| shelf.known.len())
            .fold(0, usize::saturating_add)
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there can be.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let all = self.shelves.iter().map(|shelf| shelf.known.capacity());
        all.fold(0, usize::saturating_add)
    }

    /// How many expressions have been compiled.
    #[must_use]
    pub fn compiled(&self) -> u64 {
        self.compiled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str, cost: u64) -> Compiled {
        let regex = Regex::new(text).ok();
        Compiled { regex, cost }
    }

    /// Whether `text` matches `subject`.
    fn ask(patterns: &mut PatternMemo, text: &str, cost: u64, subject: &str) -> Option<bool> {
        patterns.ask(text, || compile(text, cost), |regex| regex.is_match(subject))
    }

    #[test]
    fn large_expressions_do_not_make_small_ones_fall_out() {
        let mut patterns = PatternMemo::new(Seed::new([7; 16]));
        assert_eq!(ask(&mut patterns, "^a$", 1, "a"), Some(true));
        for number in 0..1_000 {
            for cost in [100 << 10, 10 << 20] {
                ask(&mut patterns, &format!("^{cost}-{number}$"), cost, "a");
            }
        }
        let compiled = patterns.compiled();
        assert_eq!(ask(&mut patterns, "^a$", 1, "b"), Some(false));
        assert_eq!(patterns.compiled(), compiled);
        assert_eq!(patterns.len(), 11);
        for number in 0..1_000 {
            ask(&mut patterns, &format!("^{number}$"), 1, "a");
            assert!(patterns.len() <= patterns.capacity());
        }
        ask(&mut patterns, "^a$", 1, "a");
        assert_eq!(patterns.compiled(), compiled + 1_001);
    }

    #[test]
    fn what_cannot_be_compiled_is_remembered_and_has_no_answer() {
        let mut patterns = PatternMemo::new(Seed::new([7; 16]));
        for _ in 0..2 {
            assert_eq!(ask(&mut patterns, "(", 1, "("), None);
        }
        assert_eq!(patterns.compiled(), 1);
        let long = "a".repeat(LONGEST_TEXT + 1);
        for _ in 0..2 {
            let answer = patterns.ask(&long, || compile("a", 1), |regex| regex.is_match("a"));
            assert_eq!(answer, Some(true));
        }
        assert_eq!((patterns.compiled(), patterns.len()), (3, 1));
    }
}
