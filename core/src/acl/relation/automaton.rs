//! A pattern as steps that are followed character by character, several at once, and the walk over two of them.
//!
//! Globs are followed as Go follows them: there a star steps over bytes, so that what follows it may meet the tail of a
//! character, as one that is no character.

use std::collections::{HashMap, HashSet, VecDeque};

use super::super::glob::{Class, Part};
use super::Texts;

/// The most steps of one automaton.
const MAX_STEPS: usize = u128::BITS as usize;
/// The most states of a walk: it then takes some milliseconds.
const MAX_STATES: usize = 20_000;

/// A set of steps, a bit for each.
type Steps = u128;

/// What comes next, step by step; several patterns may stand one behind the other, each with its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Automaton {
    steps: Vec<Step>,
    starts: Steps,
    ends: Steps,
    /// The steps that stay where they are.
    stars: Steps,
    /// Whether a star steps over bytes.
    by_bytes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Char(char),
    /// Any character but `/`.
    Some,
    /// Any character at all.
    Any,
    Class(Class),
    /// Any text without `/`.
    Star,
    /// Any text.
    Span,
    End,
}

/// How a walk went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// It came to such a text.
    Text(String),
    /// There is none.
    Nothing,
    /// It would have been too long.
    TooLong,
}

/// Where in a text one is, as far as [`Texts`] asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Where {
    Start,
    BehindSlash,
    Inside,
}

/// A state of a walk: one step of the one pattern, all that are possible of the other.
type State = (usize, Steps, Where);

impl Step {
    /// Whether the step may take `c` and stay.
    fn stays(&self, c: char) -> bool {
        match self {
            Self::Star => c != '/',
            Self::Span => true,
            _ => false,
        }
    }

    /// Whether the step takes `c` and is then done.
    fn passes(&self, c: char) -> bool {
        match self {
            Self::Char(wanted) => c == *wanted,
            Self::Some => c != '/',
            Self::Any => true,
            Self::Class(class) => class.holds(c),
            Self::Star | Self::Span | Self::End => false,
        }
    }

    /// Whether the step takes one byte out of the middle of a character.
    fn passes_inside(&self) -> bool {
        match self {
            Self::Some => true,
            Self::Class(class) => class.holds(char::REPLACEMENT_CHARACTER),
            _ => false,
        }
    }
}

impl Automaton {
    /// Each of `patterns` is one way. `None` if they are too long together.
    pub(super) fn new(patterns: Vec<Vec<Step>>, by_bytes: bool) -> Option<Self> {
        let mut automaton = Self {
            by_bytes,
            ..Self::nothing()
        };
        for pattern in patterns {
            automaton.starts |= bit(automaton.steps.len());
            automaton.steps.extend(pattern);
            automaton.steps.push(Step::End);
        }
        if automaton.steps.len() > MAX_STEPS {
            return None;
        }
        for (i, step) in automaton.steps.iter().enumerate() {
            match step {
                Step::Star | Step::Span => automaton.stars |= bit(i),
                Step::End => automaton.ends |= bit(i),
                _ => {}
            }
        }
        automaton.starts = automaton.closed(automaton.starts);
        Some(automaton)
    }

    /// Takes no text.
    pub(super) fn nothing() -> Self {
        Self {
            steps: Vec::new(),
            starts: 0,
            ends: 0,
            stars: 0,
            by_bytes: false,
        }
    }

    /// The steps of a glob.
    pub(super) fn glob_steps(parts: Vec<Part>) -> Vec<Step> {
        let mut steps = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => steps.extend(text.chars().map(Step::Char)),
                Part::AnyChar => steps.push(Step::Some),
                Part::Class(class) => steps.push(Step::Class(class)),
                Part::Star => steps.push(Step::Star),
                Part::Span => steps.push(Step::Span),
            }
        }
        steps
    }

    /// Whether it takes the whole of `text`.
    pub(super) fn takes(&self, text: &str) -> bool {
        let last = text.chars().fold(self.starts, |set, c| self.next(set, c));
        last & self.ends != 0
    }

    /// With each star also what follows it, since it may be empty.
    fn closed(&self, mut set: Steps) -> Steps {
        let mut left = set & self.stars;
        while left != 0 {
            let lowest = left & left.wrapping_neg();
            let next = lowest.wrapping_shl(1);
            set |= next;
            left = (left & !lowest) | (next & self.stars);
        }
        set
    }

    fn next(&self, set: Steps, c: char) -> Steps {
        let mut next = 0;
        for (i, step) in self.of(set) {
            if step.stays(c) {
                next |= bit(i);
            }
            if step.passes(c) {
                next |= bit(i.saturating_add(1));
            }
        }
        if self.by_bytes {
            next |= self.through(set, c.len_utf8());
        }
        self.closed(next)
    }

    /// Where one is behind a character of so many bytes whose first byte a star took.
    fn through(&self, set: Steps, bytes: usize) -> Steps {
        let mut set = set & self.stars;
        for _ in 1..bytes {
            let here = self.closed(set);
            set = here & self.stars;
            for (i, step) in self.of(here) {
                if step.passes_inside() {
                    set |= bit(i.saturating_add(1));
                }
            }
        }
        if bytes > 1 { set } else { 0 }
    }

    fn of(&self, set: Steps) -> impl Iterator<Item = (usize, &Step)> {
        let steps = self.steps.iter().enumerate();
        steps.filter(move |(i, _)| set & bit(*i) != 0)
    }

    /// Whether all steps of `set` take `c` alike, as bits: equal bits, equal fate.
    fn fate(&self, c: char) -> Steps {
        let taking = self.steps.iter().enumerate().filter(|(_, step)| step.passes(c));
        taking.fold(0, |bits, (i, _)| bits | bit(i))
    }

    fn edges(&self, edges: &mut Vec<u32>) {
        let mut edge = |low: char, high: char| {
            edges.push(u32::from(low));
            edges.push(u32::from(high).saturating_add(1));
        };
        for step in &self.steps {
            match step {
                Step::Char(c) => edge(*c, *c),
                Step::Class(class) => class.ranges().for_each(|(low, high)| edge(low, high)),
                _ => {}
            }
        }
    }
}

/// A text that `one` takes, and `other` too if `wanted`, or else not.
pub(super) fn walk(one: &Automaton, other: &Automaton, wanted: bool, texts: Texts) -> Walk {
    let symbols = symbols(one, other, texts);
    let mut before: HashMap<State, (State, char)> = HashMap::new();
    let mut seen: HashSet<State> = HashSet::new();
    let mut queue: VecDeque<State> = VecDeque::new();
    for (step, _) in one.of(one.starts) {
        let state = (step, other.starts, Where::Start);
        seen.insert(state);
        queue.push_back(state);
    }
    while let Some(state) = queue.pop_front() {
        let (step, set, place) = state;
        let is_end = one.ends & bit(step) != 0 && place.may_end(texts);
        if is_end && (set & other.ends != 0) == wanted {
            return Walk::Text(read_back(state, &before));
        }
        if wanted && set == 0 {
            continue;
        }
        if seen.len() > MAX_STATES {
            return Walk::TooLong;
        }
        for &c in &symbols {
            let Some(place) = place.behind(c, texts) else { continue };
            let after = one.next(one.closed(bit(step)), c);
            if after == 0 {
                continue;
            }
            let set = other.next(set, c);
            for (step, _) in one.of(after) {
                let next = (step, set, place);
                if seen.insert(next) {
                    before.insert(next, (state, c));
                    queue.push_back(next);
                }
            }
        }
    }
    Walk::Nothing
}

fn read_back(mut state: State, before: &HashMap<State, (State, char)>) -> String {
    let mut text = Vec::new();
    while let Some((earlier, c)) = before.get(&state) {
        text.push(*c);
        state = *earlier;
    }
    text.into_iter().rev().collect()
}

impl Where {
    /// Where one is behind `c`, if `c` may stand here.
    fn behind(self, c: char, texts: Texts) -> Option<Self> {
        match (texts, c) {
            (Texts::Names, '/') => (self == Self::Inside).then_some(Self::BehindSlash),
            _ => Some(Self::Inside),
        }
    }

    fn may_end(self, texts: Texts) -> bool {
        match texts {
            Texts::Any => true,
            Texts::Kinds => self != Self::Start,
            Texts::Names => self != Self::BehindSlash,
        }
    }
}

/// A character for each kind of them that the patterns tell apart; letters first, so that examples are easily read.
fn symbols(one: &Automaton, other: &Automaton, texts: Texts) -> Vec<char> {
    // Where UTF-8 takes a byte more, and where control characters end.
    let mut edges = vec![0x20, 0x7f, 0x80, 0xa0, 0x800, 0x1_0000];
    for (low, high) in [('a', 'z'), ('0', '9'), ('A', 'Z'), ('/', '/')] {
        edges.push(u32::from(low));
        edges.push(u32::from(high).saturating_add(1));
    }
    one.edges(&mut edges);
    other.edges(&mut edges);
    edges.sort_unstable();
    edges.dedup();
    let chars = edges.into_iter().filter_map(|edge| match edge {
        // The first character behind the surrogates.
        0xd800..=0xdfff => Some('\u{e000}'),
        edge => char::from_u32(edge),
    });
    let mut chars: Vec<char> = chars.filter(|c| texts.may_hold(*c)).collect();
    chars.sort_by_key(|c| {
        (
            !c.is_ascii_lowercase(),
            !c.is_ascii_digit(),
            !c.is_ascii_alphabetic(),
            *c,
        )
    });
    let mut known = HashSet::new();
    chars.retain(|c| known.insert((one.fate(*c), other.fate(*c), *c == '/', c.len_utf8())));
    chars
}

/// None for a step beyond the last there can be.
fn bit(step: usize) -> Steps {
    let shift = u32::try_from(step).unwrap_or(u32::MAX);
    1_u128.checked_shl(shift).unwrap_or(0)
}
