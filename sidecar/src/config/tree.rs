//! What the files hold, value by value, each with its place in the source.
//!
//! An alias is the very value that it names, so that a tree of aliases takes no more room than its text.

use std::ops::Range;

use registry_auth_core::secret::Secret;

/// A part of the sources, which lie end to end: bytes, from the first one's beginning on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// One value of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u32);

/// All values of all files.
#[derive(Debug, Default)]
pub(super) struct Tree {
    items: Vec<Item>,
}

/// A value, and where it stands.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) at: Span,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum What {
    /// `~`, `null` or nothing.
    Null,
    /// A text, or what is a text only where a text is wanted.
    Scalar {
        /// The text, decoded.
        text: Secret<String>,
        /// Whether it may also be a number or a truth value.
        is_plain: bool,
        /// How it is written.
        style: Style,
    },
    /// A list.
    List(Vec<Id>),
    /// A map in the order written, a key perhaps twice.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Span,
    pub(super) value: Id,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`, with so many spaces before each line.
    Literal { indent: usize },
    /// `>`, likewise.
    Folded { indent: usize },
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The value of a key.
    Key(String),
    /// The entry of a list, from 0.
    Index(usize),
}

/// How far a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The value at its end or, if there is none, the last one on the way.
    pub(super) value: Id,
    /// The key of that value.
    pub(super) key: Option<Span>,
    /// Whether the path leads to its end.
    pub(super) is_exact: bool,
}

impl Span {
    /// The bytes `range` of what begins at `base`. Sources are bound to 32 MB, so that none is out of reach.
    pub(super) fn new(base: u32, range: &Range<usize>) -> Self {
        let at = |offset: usize| base.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        Self {
            start: at(range.start),
            end: at(range.end),
        }
    }

    /// The same, as a place tells it.
    pub(super) fn range(self) -> Range<usize> {
        let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        at(self.start)..at(self.end)
    }
}

impl Tree {
    /// Adds a value.
    pub(super) fn add(&mut self, what: What, at: Span) -> Id {
        let id = Id(u32::try_from(self.items.len()).unwrap_or(u32::MAX));
        self.items.push(Item { what, at });
        id
    }

    /// The value of that name.
    pub(super) fn get(&self, id: Id) -> &Item {
        const NONE: &Item = &Item {
            what: What::Null,
            at: Span { start: 0, end: 0 },
        };
        let at = usize::try_from(id.0).unwrap_or(usize::MAX);
        self.items.get(at).unwrap_or(NONE)
    }

    /// Follows `path` from `root` on. Of a key that stands twice the last one counts.
    pub(super) fn find(&self, root: Id, path: &[Step]) -> Found {
        let mut found = Found {
            value: root,
            key: None,
            is_exact: true,
        };
        for step in path {
            let next = match (&self.get(found.value).what, step) {
                (What::Map(entries), Step::Key(name)) => entries
                    .iter()
                    .rfind(|entry| entry.key == *name)
                    .map(|entry| (entry.value, Some(entry.at))),
                (What::List(values), Step::Index(index)) => values.get(*index).map(|value| (*value, None)),
                _ => None,
            };
            let Some((value, key)) = next else {
                found.is_exact = false;
                break;
            };
            (found.value, found.key) = (value, key);
        }
        found
    }
}

/// The steps of a path as `Place` writes it, such as `users["a.b"].labels.team[0]`; as far as it can be read.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, after) = if let Some(quoted) = rest.strip_prefix("[\"") {
            let Some((name, after)) = unquoted(quoted) else { break };
            (Step::Key(name), after)
        } else if let Some(number) = rest.strip_prefix('[') {
            let Some((number, after)) = number.split_once(']') else {
                break;
            };
            let Ok(index) = number.parse() else { break };
            (Step::Index(index), after)
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            (Step::Key(name.to_owned()), after)
        };
        steps.push(step);
        rest = after;
    }
    steps
}

/// What stood in quotes as Rust prints a text, and what follows `"]`.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((name, chars.as_str().strip_prefix(']')?)),
            '\\' => name.push(match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (digits, after) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    chars = after.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                other => other,
            }),
            other => name.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use registry_auth_core::problem::Place;

    use super::*;

    proptest! {
        #[test]
        fn a_path_reads_back_as_it_was_made(path in prop::collection::vec(step(), 0..5)) {
            let place = path.iter().fold(Place::root(), |place, step| match step {
                Step::Key(name) => place.key(name),
                Step::Index(index) => place.index(*index),
            });
            prop_assert_eq!(steps(place.path()), path);
        }

        #[test]
        fn any_text_is_taken_for_a_path(path in "[a\\[\\]\".\\\\u{}0-9\u{e9}]{0,20}") {
            let _ = steps(&path);
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<String>().prop_map(Step::Key),
            "[a-z_-]{1,8}".prop_map(Step::Key),
            (0..1_000_usize).prop_map(Step::Index),
        ]
    }
}
