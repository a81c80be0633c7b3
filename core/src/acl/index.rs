//! Rules, found by what they need: a request is judged by those few that can match it, not by all.
//!
//! A condition implies texts: `team/*` that the name begins with `team/`, `/^(?:a|b)$/` that it is `a` or `b`. Each rule
//! is filed under those of one of its conditions, the one that the fewest other rules share; a rule whose conditions imply
//! none is a candidate always. What a request finds is looked at in the order of the list, so the first rule that matches
//! is the same as if all were.
//!
//! It is the same too where a rule cannot be judged. To pass over a rule is to say that it fails, so a condition counts
//! here only if it makes the rule fail whatever its other conditions are: one without variables, or one with variables
//! that no label has a part in, which always have values and with which the pattern always compiles. A condition with
//! `${labels:…}` never does, since with too many combinations, or a malformed value, the rule is not judged at all.

#[cfg(test)]
mod tests;
mod texts;

use std::cmp::{Ordering, Reverse};
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::hash::BuildHasher;

use super::Asked;
use super::needs::OneOf;
use super::variables::Field;
use crate::memo::Seed;
use texts::{Builder, Texts};

/// The rules of one list.
#[derive(Debug, Default)]
pub(super) struct Index {
    always: Box<[u32]>,
    fields: [Texts; Field::ALL.len()],
    labels: BTreeMap<Box<str>, Texts>,
}

/// One way to find a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filing<'r> {
    pub(super) topic: Topic<'r>,
    /// One of these must be met.
    pub(super) needs: OneOf<'r>,
}

/// What a text is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic<'r> {
    Field(Field),
    /// Any of its values.
    Label(&'r str),
}

/// Rules that may match a request, in the order of the list.
pub(super) struct Candidates<'i> {
    /// The one that begins with the lowest number on top.
    lists: BinaryHeap<List<'i>>,
    last: Option<u32>,
}

/// Ascending numbers. Compared by the first alone: two lists that are alike, since the same rules need one of two texts,
/// would be compared to their ends each time.
struct List<'i>(&'i [u32]);

impl Index {
    /// Of rules that can be found in these ways.
    pub(super) fn of<'r>(rules: impl Iterator<Item = Vec<Filing<'r>>> + Clone) -> Self {
        let shared = Shared::count(rules.clone());
        let mut always = Vec::new();
        let mut fields = [const { Builder::new() }; Field::ALL.len()];
        let mut labels: BTreeMap<Box<str>, Builder> = BTreeMap::new();
        for (rule, filings) in (0..).zip(rules) {
            let Some(best) = shared.rarest(filings) else {
                always.push(rule);
                continue;
            };
            let builder = match best.topic {
                Topic::Field(field) => field.slot(&mut fields),
                Topic::Label(label) => labels.entry(label.into()).or_default(),
            };
            for need in &best.needs {
                builder.add(need, rule);
            }
        }
        Self {
            always: always.into(),
            fields: fields.map(Builder::finish),
            labels: labels
                .into_iter()
                .map(|(label, builder)| (label, builder.finish()))
                .collect(),
        }
    }

    /// The rules that may match.
    pub(super) fn candidates(&self, asked: &Asked<'_>) -> Candidates<'_> {
        let mut lists = vec![List(&self.always)];
        let mut add = |list| lists.push(List(list));
        for field in Field::ALL {
            field.look(&self.fields).find(field.of(asked), &mut add);
        }
        if !self.labels.is_empty() {
            for (label, values) in asked.identity.labels.iter() {
                let texts = self.labels.get(label);
                for (texts, value) in texts
                    .into_iter()
                    .flat_map(|texts| values.iter().map(move |value| (texts, value)))
                {
                    texts.find(value, &mut add);
                }
            }
        }
        lists.retain(|List(list)| !list.is_empty());
        Candidates {
            lists: lists.into(),
            last: None,
        }
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let mut top = self.lists.peek_mut()?;
            let rule = match top.0.split_first() {
                Some((rule, [])) => {
                    PeekMut::pop(top);
                    *rule
                }
                Some((rule, rest)) => {
                    top.0 = rest;
                    *rule
                }
                None => {
                    PeekMut::pop(top);
                    continue;
                }
            };
            // A rule that needs one of several texts can be found by more than one.
            if self.last.replace(rule) != Some(rule) {
                return usize::try_from(rule).ok();
            }
        }
    }
}

impl Ord for List<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.first().cmp(&self.0.first())
    }
}

impl PartialOrd for List<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for List<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for List<'_> {}

/// How many rules share a need, by its hash: two that collide look more common than they are, which costs a little time.
struct Shared {
    counts: HashMap<u64, u32, Seed>,
    seed: Seed,
}

impl Shared {
    fn count<'r>(rules: impl Iterator<Item = Vec<Filing<'r>>>) -> Self {
        // What an operator wrote does not collide on purpose.
        let seed = Seed::new([0; 16]);
        let mut counts: HashMap<u64, u32, Seed> = HashMap::with_hasher(seed);
        for filing in rules.flatten() {
            for need in &filing.needs {
                let count = counts.entry(seed.hash_one((filing.topic, need))).or_default();
                *count = count.saturating_add(1);
            }
        }
        Self { counts, seed }
    }

    /// Of those that the fewest rules share, the one with the fewest texts, and of these the one with the longest.
    fn rarest<'r>(&self, filings: Vec<Filing<'r>>) -> Option<Filing<'r>> {
        filings.into_iter().min_by_key(|filing| {
            let counts = filing.needs.iter().map(|need| {
                let hash = self.seed.hash_one((filing.topic, need));
                self.counts.get(&hash).copied().unwrap_or_default()
            });
            let shortest = filing.needs.iter().map(|need| need.text.len()).min();
            (
                counts.fold(0, u32::saturating_add),
                filing.needs.len(),
                Reverse(shortest),
            )
        })
    }
}
