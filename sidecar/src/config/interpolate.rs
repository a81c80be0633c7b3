//! The tree as the `Node` that `core` reads: aliases written out, `${ENV:NAME}` replaced.
//!
//! On the way it is noted which parts of the sources are secrets, for whoever shows a line of them.

use std::ops::Range;

use registry_auth_core::config::Node;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;

use super::secrets;
use super::tree::{Id, Span, Tree, What};

const OPENS: &str = "${ENV:";

/// So long must a value be to be taken out of an error text wherever it stands; a shorter one only in backticks.
const TELLING: usize = 4;

/// The sections in which `${…}` is something else, or nothing.
const UNTOUCHED: [&str; 2] = ["users", "acl"];

/// What a tree became.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) node: Node,
    /// Where secrets stand, in order.
    pub(super) secrets: Vec<Span>,
    /// What came from the environment.
    pub(super) replaced: Vec<Replaced>,
    /// The paths of what lacks a variable, and is therefore not what was meant.
    pub(super) lacking: Vec<String>,
}

/// A text with values out of the environment.
#[derive(Debug)]
pub(super) struct Replaced {
    /// Where it stands.
    path: String,
    written: String,
    value: Secret<String>,
}

/// Expands the tree from `root` on. A variable that is not set is an error, and the text then stays as it is written.
pub(super) fn expand(
    tree: &Tree,
    root: Id,
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Expanded {
    let mut expansion = Expansion {
        tree,
        environment,
        problems,
        keys: Vec::new(),
        steps: Vec::new(),
        secrets: Vec::new(),
        replaced: Vec::new(),
        lacking: Vec::new(),
    };
    let node = expansion.node(root);
    let mut secrets = expansion.secrets;
    secrets.sort_unstable();
    secrets.dedup();
    Expanded {
        node,
        secrets,
        replaced: expansion.replaced,
        lacking: expansion.lacking,
    }
}

/// The text, in which nothing is told that came from the environment.
pub(super) fn without_values(what: &str, replaced: &[Replaced]) -> String {
    replaced
        .iter()
        .fold(what.to_owned(), |what, Replaced { written, value, .. }| {
            let value = value.expose();
            if value.len() >= TELLING {
                what.replace(value.as_str(), written)
            } else {
                what.replace(&format!("`{value}`"), &format!("`{written}`"))
            }
        })
}

/// Whether the text at `path` came from the environment, in part at least.
pub(super) fn is_replaced(replaced: &[Replaced], path: &str) -> bool {
    replaced.iter().any(|text| text.path == path)
}

/// What the text at `path` became, if it is one with values out of the environment.
pub(super) fn value<'r>(replaced: &'r [Replaced], path: &str) -> Option<&'r Secret<String>> {
    replaced.iter().find(|text| text.path == path).map(|text| &text.value)
}

struct Expansion<'t, 'a> {
    tree: &'t Tree,
    environment: &'a dyn Fn(&str) -> Option<String>,
    problems: &'a mut Problems,
    keys: Vec<&'t str>,
    steps: Vec<At<'t>>,
    secrets: Vec<Span>,
    replaced: Vec<Replaced>,
    lacking: Vec<String>,
}

/// A step of the path, of which nothing is copied.
#[derive(Clone, Copy)]
enum At<'t> {
    Key(&'t str),
    Index(usize),
}

impl Expansion<'_, '_> {
    fn node(&mut self, id: Id) -> Node {
        let item = self.tree.get(id);
        match &item.what {
            What::Null => Node::Null,
            What::Scalar { text, is_plain, .. } => {
                if secrets::is_secret(&self.keys, text.expose()) {
                    self.secrets.push(item.at);
                }
                self.scalar(text.expose(), *is_plain)
            }
            What::List(values) => Node::List(self.list(values)),
            What::Map(entries) => {
                let entries = entries.iter().map(|entry| {
                    if secrets::is_secret_key(&entry.key) {
                        self.secrets.push(entry.at);
                    }
                    self.keys.push(&entry.key);
                    self.steps.push(At::Key(&entry.key));
                    let node = self.node(entry.value);
                    self.steps.pop();
                    self.keys.pop();
                    (entry.key.clone(), node)
                });
                Node::Map(entries.collect())
            }
        }
    }

    fn list(&mut self, values: &[Id]) -> Vec<Node> {
        let values = values.iter().enumerate().map(|(i, value)| {
            self.steps.push(At::Index(i));
            let node = self.node(*value);
            self.steps.pop();
            node
        });
        values.collect()
    }

    fn scalar(&mut self, text: &str, is_plain: bool) -> Node {
        let is_touched = !self.keys.first().is_some_and(|section| UNTOUCHED.contains(section));
        if is_touched && text.contains(OPENS) {
            return Node::Text(self.replace(text));
        }
        if is_plain {
            Node::Plain(text.to_owned())
        } else {
            Node::Text(text.to_owned())
        }
    }

    fn replace(&mut self, text: &str) -> String {
        let path = self.place().path().to_owned();
        let mut faults = Vec::new();
        let value = replaced(text, self.environment, &mut faults);
        if faults.is_empty() {
            self.replaced.push(Replaced {
                path,
                written: text.to_owned(),
                value: value.clone(),
            });
            return value.expose().clone();
        }
        for (at, what) in faults {
            self.problems.error(&self.place().bytes(at), what);
        }
        self.lacking.push(path);
        text.to_owned()
    }

    fn place(&self) -> Place {
        self.steps.iter().fold(Place::root(), |place, at| match at {
            At::Key(key) => place.key(key),
            At::Index(index) => place.index(*index),
        })
    }
}

/// The text with the values of its variables, in one pass: a value that looks like a variable is none.
fn replaced(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    faults: &mut Vec<(Range<usize>, String)>,
) -> Secret<String> {
    let mut value = Secret::new(String::new());
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once(OPENS) {
        value.expose_mut().push_str(before);
        let end = text.len().saturating_sub(opened.len());
        let start = end.saturating_sub(OPENS.len());
        let Some((name, after)) = opened.split_once('}') else {
            let what = format!("`{OPENS}` is never closed; close it with `}}`");
            faults.push((start..end, what));
            return value;
        };
        let at = start..text.len().saturating_sub(after.len());
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match environment(name).filter(|value| is_name && !value.is_empty()) {
            Some(found) => value.expose_mut().push_str(Secret::new(found).expose()),
            None if is_name => faults.push((at, format!("environment variable `{name}` is not set"))),
            None => {
                let what = "this names no environment variable; write letters, digits and `_`, as in `${ENV:NAME}`";
                faults.push((at, what.to_owned()));
            }
        }
        rest = after;
    }
    value.expose_mut().push_str(rest);
    value
}
