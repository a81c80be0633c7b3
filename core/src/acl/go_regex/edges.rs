//! The texts that every match begins with, or ends in.

use super::super::needs::{Edge, Need, Needs, OneOf, one_of};
use super::tree::{Assertion, Count, Kind, Member, Node, Sequence, folds};

/// The most characters that a class may hold to be written out.
const CLASS_LIMIT: usize = 4;
/// The most texts that an expression is written out to.
const WAYS_LIMIT: usize = 64;

/// One way a match can begin (or end, then written backwards).
#[derive(Clone, Default)]
pub(super) struct Way {
    chars: Vec<char>,
    /// Whether something follows that is not known.
    cut: bool,
}

/// Writes out what is literal text in an expression.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    backwards: bool,
    /// How many characters all ways together may have, some for each way itself included: a short expression can stand
    /// for very many texts.
    budget: usize,
}

impl Walk {
    /// In the direction of the text, for an expression of `length` bytes.
    pub(super) fn forwards(length: usize) -> Self {
        Self {
            backwards: false,
            budget: length.saturating_mul(4).min(4 << 10),
        }
    }

    /// Against it.
    fn backwards(length: usize) -> Self {
        Self {
            backwards: true,
            ..Self::forwards(length)
        }
    }

    /// All ways that `nodes` can begin with.
    fn sequence(self, nodes: &[Node]) -> Vec<Way> {
        let mut ways = vec![Way::default()];
        let mut nodes: Vec<&Node> = nodes.iter().collect();
        if self.backwards {
            nodes.reverse();
        }
        for node in nodes {
            if ways.iter().all(|way| way.cut) {
                break;
            }
            let longer = match &node.kind {
                // By far the most: nothing is copied.
                Kind::Char { c, fold } => plain(*c, *fold).and_then(|c| self.append(&mut ways, c)),
                _ => self.node(node).and_then(|next| self.product(&mut ways, &next)),
            };
            if longer.is_none() {
                cut(&mut ways);
            }
        }
        ways
    }

    /// `None` where there is no text.
    fn node(self, node: &Node) -> Option<Vec<Way>> {
        let ways = match &node.kind {
            Kind::Char { c, fold } => vec![Way::of(plain(*c, *fold)?)],
            Kind::Class {
                negated: false,
                members,
                fold,
            } => class(members, *fold)?,
            Kind::Group { branches, .. } => branches.iter().flat_map(|branch| self.sequence(branch)).collect(),
            Kind::Repetition { node, count } => self.repetition(node, *count)?,
            Kind::Class { .. } | Kind::Hole { .. } | Kind::Dot { .. } | Kind::Assertion(_) => return None,
        };
        self.affords(&ways).then_some(ways)
    }

    fn repetition(self, node: &Node, count: Count) -> Option<Vec<Way>> {
        match (count.min, count.max) {
            (1, Some(1)) => self.node(node),
            (0, Some(1)) => {
                let mut ways = self.node(node)?;
                ways.push(Way::default());
                Some(ways)
            }
            (0, _) => None,
            _ => {
                let mut ways = self.node(node)?;
                cut(&mut ways);
                Some(ways)
            }
        }
    }

    /// Continues each of `ways` by `c`; `None`, and nothing is changed, where that is too much.
    fn append(self, ways: &mut [Way], c: char) -> Option<()> {
        if !self.affords(ways) {
            return None;
        }
        for way in ways.iter_mut().filter(|way| !way.cut) {
            way.chars.push(c);
        }
        Some(())
    }

    /// Continues each of `ways` by each of `next`; `None`, and nothing is changed, where that is too much.
    fn product(self, ways: &mut Vec<Way>, next: &[Way]) -> Option<()> {
        let open = ways.iter().filter(|way| !way.cut).count();
        if open.saturating_mul(next.len()) > WAYS_LIMIT {
            return None;
        }
        let mut longer = Vec::new();
        for way in &*ways {
            if way.cut {
                longer.push(way.clone());
                continue;
            }
            longer.extend(next.iter().map(|next| Way {
                chars: way.chars.iter().chain(&next.chars).copied().collect(),
                cut: next.cut,
            }));
        }
        *ways = self.affords(&longer).then_some(longer)?;
        Some(())
    }

    fn affords(self, ways: &[Way]) -> bool {
        let spent = ways.iter().map(|way| way.chars.len()).fold(0, usize::saturating_add);
        // One way alone is not more than what was written.
        let each = ways.len().saturating_sub(1).saturating_mul(4);
        ways.len() <= WAYS_LIMIT && spent.saturating_add(each) <= self.budget
    }

    fn text(self, way: &Way) -> String {
        if self.backwards {
            way.chars.iter().rev().collect()
        } else {
            way.chars.iter().collect()
        }
    }
}

impl Way {
    fn of(c: char) -> Self {
        Self {
            chars: vec![c],
            cut: false,
        }
    }
}

fn cut(ways: &mut [Way]) {
    for way in ways {
        way.cut = true;
    }
}

/// A branch without the `^` it begins with and the `$` it ends in, and whether they were there.
pub(super) fn anchors(nodes: &[Node]) -> (bool, &[Node], bool) {
    let is = |node: &Node, wanted: Assertion| matches!(node.kind, Kind::Assertion(found) if found == wanted);
    let (start, nodes) = match nodes {
        [first, rest @ ..] if is(first, Assertion::TextStart) => (true, rest),
        nodes => (false, nodes),
    };
    match nodes {
        [rest @ .., last] if is(last, Assertion::TextEnd) => (start, rest, true),
        nodes => (start, nodes, false),
    }
}

/// The character, if it is not one of several cases.
pub(super) fn plain(c: char, fold: bool) -> Option<char> {
    (!fold || !folds(c)).then_some(c)
}

fn class(members: &[Member], fold: bool) -> Option<Vec<Way>> {
    let mut ways = Vec::new();
    for member in members {
        let Member::Range(low, high) = member else { return None };
        for c in *low..=*high {
            if ways.len() == CLASS_LIMIT {
                return None;
            }
            ways.push(Way::of(plain(c, fold)?));
        }
    }
    // What holds nothing matches nothing, and says nothing here.
    (!ways.is_empty()).then_some(ways)
}

/// What every text is like in which the expression, of `length` bytes, is found.
pub(super) fn needs(branches: &[Sequence], length: usize) -> Needs {
    let starts = edges(branches, Walk::forwards(length), Edge::Start);
    // Whole texts have no other end.
    let all_whole = !starts.is_empty() && starts.iter().all(|need| need.edge == Edge::Whole);
    let ends = if all_whole {
        Vec::new()
    } else {
        edges(branches, Walk::backwards(length), Edge::End)
    };
    [
        starts,
        ends,
        one_of(branches.iter().map(|branch| Need::new(Edge::Within, longest(branch)))),
    ]
    .map(Into::into)
}

/// The longest text that stands in every match.
fn longest(nodes: &[Node]) -> String {
    let mut runs = Runs::default();
    runs.nodes(nodes);
    runs.end();
    runs.longest
}

#[derive(Default)]
struct Runs {
    current: String,
    longest: String,
}

impl Runs {
    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match &node.kind {
                Kind::Char { c, fold } => match plain(*c, *fold) {
                    Some(c) => self.current.push(c),
                    None => self.end(),
                },
                Kind::Group { branches, .. } => match branches.as_slice() {
                    [nodes] => self.nodes(nodes),
                    _ => self.end(),
                },
                // Holds no text, and what is on both sides stands together.
                Kind::Assertion(_) => {}
                _ => self.end(),
            }
        }
    }

    fn end(&mut self) {
        if self.current.len() > self.longest.len() {
            self.longest.clone_from(&self.current);
        }
        self.current.clear();
    }
}

fn edges(branches: &[Sequence], walk: Walk, edge: Edge) -> OneOf<'static> {
    let mut needs = Vec::new();
    for branch in branches {
        let (start, nodes, end) = anchors(branch);
        let here = if edge == Edge::Start { start } else { end };
        if !here {
            return Vec::new();
        }
        needs.extend(walk.sequence(nodes).iter().map(|way| {
            let whole = start && end && !way.cut;
            Need::new(if whole { Edge::Whole } else { edge }, walk.text(way))
        }));
        if needs.len() > WAYS_LIMIT {
            return Vec::new();
        }
    }
    one_of(needs)
}

/// All texts that `nodes` stand for, if these are few and nothing else is possible.
pub(super) fn texts(nodes: &[Node], length: usize) -> Option<Vec<String>> {
    let walk = Walk::forwards(length);
    let ways = walk.sequence(nodes);
    let all = ways.iter().all(|way| !way.cut);
    all.then(|| ways.iter().map(|way| walk.text(way)).collect())
}
