//! Texts, of which those that a value is, begins with or ends in are found by one search each way.

use std::sync::Arc;

use super::super::needs::{Edge, Need};
use super::runs::{Front, Runs};
use crate::piecemeal::Progress;

/// So many entries are put into their place in one step.
const ENTRIES: usize = 128;

/// The texts of one topic, with the rules that need them.
#[derive(Debug, Default)]
pub(super) struct Texts {
    forwards: Sorted,
    /// Each text from its last byte to its first.
    backwards: Sorted,
}

/// Gathers needs for [`Texts`], and makes these in steps.
#[derive(Default)]
pub(super) struct Builder {
    forwards: Side,
    backwards: Side,
}

/// A need as it is filed under.
#[derive(Debug)]
pub(super) struct Key {
    edge: Edge,
    /// From its last byte to its first, if it is an end.
    text: Arc<[u8]>,
}

/// A text and the rule that needs it. In the order of texts; of one text, those that need no more than its beginning come
/// first, and of these the first rules.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    text: Arc<[u8]>,
    whole: bool,
    rule: u32,
}

/// One side of a topic on its way: its entries are sorted first, then placed.
#[derive(Default)]
struct Side {
    entries: Runs<Entry>,
    count: usize,
    bytes: usize,
    placing: Option<Box<Placing>>,
}

/// Entries in their order that become a table.
struct Placing {
    entries: Front<Entry>,
    table: Table,
    /// The text of the last entry, and those that it begins with, each a beginning of the next.
    open: Vec<(u32, Arc<[u8]>)>,
    last: Option<Arc<[u8]>>,
}

/// [`Sorted`], growing.
#[derive(Default)]
struct Table {
    nodes: Vec<Node>,
    texts: Vec<u8>,
    rules: Vec<u32>,
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
            self.backwards.find(&backwards::<Vec<u8>>(value), found);
        }
    }
}

impl Key {
    pub(super) fn of(need: &Need<'_>) -> Self {
        let text = match need.edge {
            Edge::Whole | Edge::Start => need.text.as_bytes().into(),
            Edge::End => backwards(&need.text),
            // Not to be found by; every value begins with nothing.
            Edge::Within => Arc::default(),
        };
        Self { edge: need.edge, text }
    }

    /// How long the text is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

/// `=robot`, `team/…`, `…-x`.
#[cfg(test)]
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self.edge {
            Edge::Whole => write!(f, "={}", text(&self.text)),
            Edge::Start => write!(f, "{}…", text(&self.text)),
            Edge::End => write!(f, "…{}", text(&self.text.iter().rev().copied().collect::<Vec<_>>())),
            Edge::Within => f.write_str("…"),
        }
    }
}

impl Builder {
    /// Files `rule` under `key`.
    pub(super) fn add(&mut self, key: &Key, rule: u32) {
        let side = match key.edge {
            Edge::Whole | Edge::Start | Edge::Within => &mut self.forwards,
            Edge::End => &mut self.backwards,
        };
        side.add(Entry {
            text: Arc::clone(&key.text),
            whole: key.edge == Edge::Whole,
            rule,
        });
    }

    /// Goes on with the sorting.
    pub(super) fn step(&mut self) -> Progress {
        if self.forwards.step() == Progress::More {
            return Progress::More;
        }
        self.backwards.step()
    }

    /// The texts, after the last step.
    pub(super) fn finish(self) -> Texts {
        Texts {
            forwards: self.forwards.finish(),
            backwards: self.backwards.finish(),
        }
    }

    /// All entries, in pieces.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = Vec<Entry>> {
        self.forwards.into_pieces().chain(self.backwards.into_pieces())
    }
}

fn backwards<T: FromIterator<u8>>(text: &str) -> T {
    text.bytes().rev().collect()
}

impl Side {
    fn add(&mut self, entry: Entry) {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(entry.text.len());
        self.entries.push(entry);
    }

    fn step(&mut self) -> Progress {
        if let Some(placing) = &mut self.placing {
            for _ in 0..ENTRIES {
                let Some(entry) = placing.entries.next() else {
                    return Progress::Done;
                };
                placing.place(entry);
            }
        } else if self.entries.step() == Progress::Done {
            // A table that is moved while it grows would take long at once.
            let table = Table {
                nodes: Vec::with_capacity(self.count),
                texts: Vec::with_capacity(self.bytes),
                rules: Vec::with_capacity(self.count),
            };
            self.placing = Some(Box::new(Placing {
                entries: std::mem::take(&mut self.entries).finish(),
                table,
                open: Vec::new(),
                last: None,
            }));
        }
        Progress::More
    }

    fn finish(mut self) -> Sorted {
        while self.step() == Progress::More {}
        self.placing.map(|placing| placing.table.finish()).unwrap_or_default()
    }

    fn into_pieces(self) -> impl Iterator<Item = Vec<Entry>> {
        let placing = self
            .placing
            .into_iter()
            .flat_map(|placing| placing.entries.into_pieces());
        self.entries.into_pieces().chain(placing)
    }
}

impl Placing {
    fn place(&mut self, entry: Entry) {
        let Entry { text, whole, rule } = entry;
        let (nodes, rules) = (&mut self.table.nodes, &mut self.table.rules);
        if self.last.as_ref() != Some(&text) {
            while self.open.pop_if(|(_, shorter)| !text.starts_with(shorter)).is_some() {}
            let number = place(nodes.len());
            self.table.texts.extend_from_slice(&text);
            nodes.push(Node {
                text_end: place(self.table.texts.len()),
                begins_end: place(rules.len()),
                whole_end: place(rules.len()),
                parent: self.open.last().map(|(parent, _)| *parent),
            });
            if !whole {
                self.open.push((number, Arc::clone(&text)));
            }
            self.last = Some(text);
        }
        rules.push(rule);
        if let Some(node) = nodes.last_mut() {
            node.whole_end = place(rules.len());
            if !whole {
                node.begins_end = node.whole_end;
            }
        }
    }
}

impl Table {
    fn finish(self) -> Sorted {
        Sorted {
            nodes: self.nodes.into(),
            texts: self.texts.into(),
            rules: self.rules.into(),
        }
    }
}

impl Sorted {
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
