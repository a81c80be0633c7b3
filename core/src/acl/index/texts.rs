//! Texts, of which those that a value is, begins with or ends in are found by one search each way.

use super::super::needs::{Edge, Need};

/// The texts of one topic, with the rules that need them.
#[derive(Debug, Default)]
pub(super) struct Texts {
    forwards: Sorted,
    /// Each text from its last byte to its first.
    backwards: Sorted,
}

/// Gathers needs for [`Texts`].
#[derive(Default)]
pub(super) struct Builder {
    forwards: Vec<Entry>,
    backwards: Vec<Entry>,
}

/// A text and the rule that needs it. In the order of texts; of one text, those that need no more than its beginning come
/// first, and of these the first rules.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    text: Box<[u8]>,
    whole: bool,
    rule: u32,
}

/// Texts in their order. Of those that a value begins with, the last is the one before the value's own place, or is a
/// beginning of that one: so each knows the next shorter text that it begins with.
#[derive(Debug, Default)]
struct Sorted {
    nodes: Box<[Node]>,
    /// All texts, one behind the other.
    texts: Box<[u8]>,
    /// All rules, ascending for each text: those that need its beginning, and those that need it whole.
    rules: Box<[u32]>,
}

/// One text. Where its parts end is where those of the next one begin.
#[derive(Clone, Copy, Debug)]
struct Node {
    text_end: u32,
    begins_end: u32,
    whole_end: u32,
    /// The next shorter text that this one begins with, which is the beginning of something.
    parent: Option<u32>,
}

impl Texts {
    /// Calls `found` with the rules of each text that `value` is, begins with or ends in.
    pub(super) fn find<'i>(&'i self, value: &str, found: &mut impl FnMut(&'i [u32])) {
        self.forwards.find(value.as_bytes(), found);
        if !self.backwards.nodes.is_empty() {
            self.backwards.find(&backwards(value), found);
        }
    }
}

impl Builder {
    pub(super) const fn new() -> Self {
        Self {
            forwards: Vec::new(),
            backwards: Vec::new(),
        }
    }

    /// Files `rule` under `need`.
    pub(super) fn add(&mut self, need: &Need<'_>, rule: u32) {
        let (side, text) = match need.edge {
            Edge::Whole | Edge::Start => (&mut self.forwards, need.text.as_bytes().into()),
            Edge::End => (&mut self.backwards, backwards(&need.text)),
            // Not to be found by; every value begins with nothing.
            Edge::Within => (&mut self.forwards, Box::default()),
        };
        side.push(Entry {
            text,
            whole: need.edge == Edge::Whole,
            rule,
        });
    }

    pub(super) fn finish(self) -> Texts {
        Texts {
            forwards: Sorted::of(self.forwards),
            backwards: Sorted::of(self.backwards),
        }
    }
}

fn backwards(text: &str) -> Box<[u8]> {
    text.bytes().rev().collect()
}

impl Sorted {
    fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        let (mut nodes, mut texts, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        // The texts that the current one may begin with, each a beginning of the next.
        let mut open: Vec<(u32, &[u8])> = Vec::new();
        for group in entries.chunk_by(|a, b| a.text == b.text) {
            let Some(Entry { text, .. }) = group.first() else {
                continue;
            };
            while open.pop_if(|(_, shorter)| !text.starts_with(shorter)).is_some() {}
            let number = place(nodes.len());
            let parent = open.last().map(|(parent, _)| *parent);
            texts.extend_from_slice(text);
            let (begins, whole) = group.split_at(group.partition_point(|entry| !entry.whole));
            rules.extend(begins.iter().map(|entry| entry.rule));
            let begins_end = place(rules.len());
            rules.extend(whole.iter().map(|entry| entry.rule));
            nodes.push(Node {
                text_end: place(texts.len()),
                begins_end,
                whole_end: place(rules.len()),
                parent,
            });
            if !begins.is_empty() {
                open.push((number, text));
            }
        }
        Self {
            nodes: nodes.into(),
            texts: texts.into(),
            rules: rules.into(),
        }
    }

    fn find<'i>(&'i self, value: &[u8], found: &mut impl FnMut(&'i [u32])) {
        let behind = self.place_behind(value);
        let mut next = behind.checked_sub(1);
        while let Some((at, node)) = next.and_then(|at| Some((at, self.nodes.get(at)?))) {
            let text = self.text(at);
            if value.starts_with(text) {
                let (start, _) = self.starts(at);
                found(part(&self.rules, start, node.begins_end));
                if value.len() == text.len() {
                    found(part(&self.rules, node.begins_end, node.whole_end));
                }
            }
            next = node.parent.and_then(|parent| usize::try_from(parent).ok());
        }
    }

    /// How many texts are not greater than `value`.
    fn place_behind(&self, value: &[u8]) -> usize {
        let (mut low, mut high) = (0_usize, self.nodes.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.text(middle) <= value {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    fn text(&self, at: usize) -> &[u8] {
        let end = self.nodes.get(at).map_or(0, |node| node.text_end);
        part(&self.texts, self.starts(at).1, end)
    }

    /// Where the rules and the text of a node begin.
    fn starts(&self, at: usize) -> (u32, u32) {
        let before = at.checked_sub(1).and_then(|before| self.nodes.get(before));
        before.map_or((0, 0), |node| (node.whole_end, node.text_end))
    }
}

/// A place in one of the tables: a configuration is far below 4 GiB.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn part<T>(all: &[T], start: u32, end: u32) -> &[T] {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range.and_then(|(start, end)| all.get(start..end)).unwrap_or_default()
}
