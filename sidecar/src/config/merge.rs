//! Several files, made one: maps are merged key by key, `acl` is appended, and nothing else may stand twice.

use std::collections::HashMap;

use super::tree::{Entry, Id, Span, Tree, What};

/// A key of two files whose values cannot both count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Twice {
    /// The keys that lead there.
    pub(super) path: Vec<String>,
    pub(super) first: Span,
    pub(super) second: Span,
}

/// The tree of all files, given the root of each, and what stands in two of them.
pub(super) fn merge(tree: &mut Tree, roots: impl IntoIterator<Item = Id>) -> (Option<Id>, Vec<Twice>) {
    let mut merging = Merging {
        tree,
        path: Vec::new(),
        twice: Vec::new(),
    };
    let merged = roots.into_iter().reduce(|first, second| merging.maps(first, second));
    (merged, merging.twice)
}

struct Merging<'t> {
    tree: &'t mut Tree,
    path: Vec<String>,
    twice: Vec<Twice>,
}

impl Merging<'_> {
    /// A new map, since the old one may also stand elsewhere, by an alias.
    fn maps(&mut self, first: Id, second: Id) -> Id {
        let at = self.tree.get(first).at;
        let mut entries = self.entries(first);
        // Of a key that stands twice in one file, the last one counts.
        let known = entries.iter().enumerate().map(|(i, entry)| (entry.key.clone(), i));
        let known: HashMap<String, usize> = known.collect();
        for entry in self.entries(second) {
            let before = known.get(&entry.key).and_then(|at| entries.get_mut(*at));
            match before {
                Some(before) => self.values(before, &entry),
                None => entries.push(entry),
            }
        }
        self.tree.add(What::Map(entries), at)
    }

    /// Adds to an entry what another file has under the same key.
    fn values(&mut self, first: &mut Entry, second: &Entry) {
        let is_account = matches!(&*self.path, [section] if section == "users");
        let is_rules = self.path.is_empty() && first.key == "acl";
        match (&self.tree.get(first.value).what, &self.tree.get(second.value).what) {
            (_, What::Null) => {}
            (What::Null, _) => *first = second.clone(),
            (What::Map(_), What::Map(_)) if !is_account => {
                self.path.push(first.key.clone());
                first.value = self.maps(first.value, second.value);
                self.path.pop();
            }
            (What::List(rules), What::List(more)) if is_rules => {
                let rules = rules.iter().chain(more).copied().collect();
                let at = self.tree.get(first.value).at;
                first.value = self.tree.add(What::List(rules), at);
            }
            _ => {
                let mut path = self.path.clone();
                path.push(first.key.clone());
                self.twice.push(Twice {
                    path,
                    first: first.at,
                    second: second.at,
                });
            }
        }
    }

    fn entries(&self, map: Id) -> Vec<Entry> {
        match &self.tree.get(map).what {
            What::Map(entries) => entries.clone(),
            _ => Vec::new(),
        }
    }
}
