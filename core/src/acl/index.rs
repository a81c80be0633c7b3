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

mod runs;
#[cfg(test)]
mod tests;
mod texts;

use std::cmp::{Ordering, Reverse};
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque, btree_map};
use std::hash::BuildHasher;
use std::sync::Arc;

use super::Asked;
use super::needs::OneOf;
use super::rule::Rule;
use super::search::Subject;
use super::variables::Field;
use crate::memo::Seed;
use crate::piecemeal::{BuildAsItIs, Progress};
use texts::{Builder, Entry, Key, Texts};

/// So many rules are counted or filed in one step.
const RULES: usize = 32;

/// The rules of one list.
#[derive(Debug, Default)]
pub(super) struct Index {
    always: Box<[u32]>,
    fields: [Texts; Field::ALL.len()],
    labels: BTreeMap<Box<str>, Texts>,
}

/// One way to find a rule.
#[derive(Debug)]
pub(super) struct Filing {
    topic: Subject,
    /// One of these must be met. With each goes what stands for it and the topic when rules are counted.
    needs: Box<[(u64, Key)]>,
}

/// An [`Index`] that is made in steps.
pub(super) struct Indexing {
    stage: Stage,
    shared: Shared,
    always: Vec<u32>,
    fields: [Builder; Field::ALL.len()],
    labels: BTreeMap<Box<str>, Builder>,
    made: BTreeMap<Box<str>, Texts>,
}

enum Stage {
    /// How many rules share a need is counted, from this rule on.
    Counting(usize),
    /// Rules are filed, from this one on.
    Filing(usize),
    /// What was filed is put into order, topic by topic.
    Sorting,
}

/// What is left of an index, or of the making of one.
pub(super) struct Remains {
    pieces: VecDeque<Vec<Entry>>,
    builders: btree_map::IntoIter<Box<str>, Builder>,
    labels: btree_map::IntoIter<Box<str>, Texts>,
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

impl Filing {
    pub(super) fn new(topic: Subject, needs: &OneOf<'_>) -> Self {
        // What an operator wrote does not collide on purpose.
        let seed = Seed::new([0; 16]);
        let needs = needs.iter().map(|need| (seed.hash_one((&topic, need)), Key::of(need)));
        Self {
            needs: needs.collect(),
            topic,
        }
    }

    /// How many needs it has.
    pub(super) fn len(&self) -> usize {
        self.needs.len()
    }
}

impl Indexing {
    /// Begins to index rules that can be found in so many ways together.
    pub(super) fn new(ways: usize) -> Self {
        Self {
            stage: Stage::Counting(0),
            shared: Shared::with_capacity(ways),
            always: Vec::new(),
            fields: Default::default(),
            labels: BTreeMap::new(),
            made: BTreeMap::new(),
        }
    }

    /// Goes on with `rules`, which must be the same each time.
    pub(super) fn step(&mut self, rules: &[Arc<Rule>]) -> Progress {
        match self.stage {
            Stage::Counting(from) => {
                let Some(some) = some(rules, from) else {
                    self.stage = Stage::Filing(0);
                    return Progress::More;
                };
                for rule in some {
                    self.shared.count(rule.filings());
                }
                self.stage = Stage::Counting(from.saturating_add(RULES));
            }
            Stage::Filing(from) => {
                let Some(some) = some(rules, from) else {
                    self.stage = Stage::Sorting;
                    return Progress::More;
                };
                for (number, rule) in (from..).zip(some) {
                    self.file(u32::try_from(number).unwrap_or(u32::MAX), rule);
                }
                self.stage = Stage::Filing(from.saturating_add(RULES));
            }
            Stage::Sorting => return self.sort(),
        }
        Progress::More
    }

    fn file(&mut self, number: u32, rule: &Rule) {
        let Some(best) = self.shared.rarest(rule.filings()) else {
            self.always.push(number);
            return;
        };
        let builder = match &best.topic {
            Subject::Field(field) => field.slot(&mut self.fields),
            Subject::Label(label) => self.labels.entry(label.clone()).or_default(),
        };
        for (_, key) in &best.needs {
            builder.add(key, number);
        }
    }

    fn sort(&mut self) -> Progress {
        for builder in &mut self.fields {
            if builder.step() == Progress::More {
                return Progress::More;
            }
        }
        let Some(mut first) = self.labels.first_entry() else {
            return Progress::Done;
        };
        if first.get_mut().step() == Progress::Done {
            let (label, builder) = first.remove_entry();
            self.made.insert(label, builder.finish());
        }
        Progress::More
    }

    /// The index, after the last step.
    pub(super) fn finish(self) -> Index {
        Index {
            always: self.always.into(),
            fields: self.fields.map(Builder::finish),
            labels: self.made,
        }
    }

    /// Begins to take it apart.
    pub(super) fn dismantle(self) -> Remains {
        Remains {
            pieces: self.fields.into_iter().flat_map(Builder::into_pieces).collect(),
            builders: self.labels.into_iter(),
            labels: self.made.into_iter(),
        }
    }
}

/// The rules of one step.
fn some(rules: &[Arc<Rule>], from: usize) -> Option<impl Iterator<Item = &Rule>> {
    let some = rules.get(from..).filter(|some| !some.is_empty())?;
    Some(some.iter().take(RULES).map(Arc::as_ref))
}

impl Remains {
    /// Frees a part of it.
    pub(super) fn step(&mut self) -> Progress {
        if self.pieces.pop_front().is_some() {
            return Progress::More;
        }
        if let Some((_, builder)) = self.builders.next() {
            self.pieces.extend(builder.into_pieces());
            return Progress::More;
        }
        match self.labels.by_ref().take(RULES).last() {
            Some(_) => Progress::More,
            None => Progress::Done,
        }
    }
}

impl Index {
    /// Begins to take it apart. What is one piece of memory is freed here and now.
    pub(super) fn dismantle(self) -> Remains {
        Remains {
            pieces: VecDeque::new(),
            builders: BTreeMap::new().into_iter(),
            labels: self.labels.into_iter(),
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
struct Shared(HashMap<u64, u32, BuildAsItIs>);

impl Shared {
    /// A table that grew would move all at once.
    fn with_capacity(needs: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(needs, BuildAsItIs::default()))
    }

    fn count(&mut self, filings: &[Filing]) {
        for (hash, _) in filings.iter().flat_map(|filing| &filing.needs) {
            let count = self.0.entry(*hash).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Of those that the fewest rules share, the one with the fewest texts, and of these the one with the longest.
    fn rarest<'r>(&self, filings: &'r [Filing]) -> Option<&'r Filing> {
        filings.iter().min_by_key(|filing| {
            let needs = filing.needs.iter();
            let counts = needs.map(|(hash, _)| self.0.get(hash).copied().unwrap_or_default());
            let shortest = filing.needs.iter().map(|(_, key)| key.len()).min();
            (
                counts.fold(0, u32::saturating_add),
                filing.needs.len(),
                Reverse(shortest),
            )
        })
    }
}
