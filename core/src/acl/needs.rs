//! What a text must be like for a pattern to hold: cheap to test, and what rules are found by.

use std::borrow::Cow;

/// A text, and where it must stand in what is matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Need<'p> {
    pub(super) edge: Edge,
    pub(super) text: Cow<'p, str>,
}

/// Where a text must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Edge {
    /// It is all there is.
    Whole,
    /// What is matched begins with it.
    Start,
    /// What is matched ends in it.
    End,
    /// It stands somewhere in what is matched.
    Within,
}

impl<'p> Need<'p> {
    pub(super) fn new(edge: Edge, text: impl Into<Cow<'p, str>>) -> Self {
        Self {
            edge,
            text: text.into(),
        }
    }

    pub(super) fn admits(&self, text: &str) -> bool {
        match self.edge {
            Edge::Whole => text == self.text,
            Edge::Start => text.starts_with(&*self.text),
            Edge::End => text.ends_with(&*self.text),
            Edge::Within => text.contains(&*self.text),
        }
    }

    pub(super) fn borrowed(&self) -> Need<'_> {
        Need::new(self.edge, &*self.text)
    }

    /// Whether every text meets it.
    pub(super) fn is_idle(&self) -> bool {
        self.text.is_empty() && self.edge != Edge::Whole
    }
}

/// One of these must be met; none says nothing.
pub(super) type OneOf<'p> = Vec<Need<'p>>;

/// What an expression needs: at the start, at the end, and anywhere.
pub(super) type Needs = [Box<[Need<'static>]>; 3];

/// Whether `text` meets one of each list; an empty list says nothing.
pub(super) fn admits(needs: &Needs, text: &str) -> bool {
    let met = |one_of: &[Need<'_>]| one_of.is_empty() || one_of.iter().any(|need| need.admits(text));
    needs.iter().all(|one_of| met(one_of))
}

/// Those of them that rules can be found by.
pub(super) fn findable(needs: &Needs) -> Vec<OneOf<'_>> {
    let [starts, ends, _] = needs;
    [starts, ends]
        .map(|one_of| one_of.iter().map(Need::borrowed).collect())
        .into()
}

/// A list of alternatives that says something, and not twice.
pub(super) fn one_of<'p>(needs: impl IntoIterator<Item = Need<'p>>) -> OneOf<'p> {
    let mut needs: OneOf<'p> = needs.into_iter().collect();
    if needs.iter().any(Need::is_idle) {
        return Vec::new();
    }
    needs.sort_unstable();
    needs.dedup();
    needs
}
