//! `acl` and `acl_options`: the rules as they are written.

use super::{Node, Section};
use crate::problem::{Place, Problems};

/// The most rules of one list.
pub const MAX_RULES: usize = 100_000;

/// One entry of `acl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands: `acl[3]`.
    pub place: Place,
    /// What a request must be like for the entry to decide.
    pub matches: Match,
    /// What is then granted: `["*"]` all that is asked, a list only those, none nothing.
    pub actions: Vec<String>,
    /// The operator's note.
    pub comment: Option<String>,
}

/// The conditions of an entry; all that are there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Pattern of the account.
    pub account: Option<String>,
    /// Pattern of the resource's type.
    pub kind: Option<String>,
    /// Pattern of the resource's name.
    pub name: Option<String>,
    /// Pattern of the service.
    pub service: Option<String>,
    /// An address, or a network as `address/length`.
    pub ip: Option<String>,
    /// Pattern of each label, in the order written.
    pub labels: Vec<(String, String)>,
}

/// `acl_options`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `double_star`: whether `**` in a glob spans `/`.
    pub double_star: bool,
}

impl Options {
    pub(super) fn read(mut section: Section, problems: &mut Problems) -> Self {
        let double_star = section.flag("double_star", problems).unwrap_or_default();
        section.finish(problems);
        Self { double_star }
    }
}

/// Reads a list of entries. An entry with a fault is left out, and the fault noted: the list is then refused as a
/// whole, for a rule that is passed over may be the one that denies.
pub fn read(node: Node, place: &Place, problems: &mut Problems) -> Vec<Rule> {
    let Some(entries) = node.into_list(place, problems) else {
        return Vec::new();
    };
    if entries.len() > MAX_RULES {
        problems.error(
            place,
            format_args!("has {} rules; at most {MAX_RULES} are taken", entries.len()),
        );
        return Vec::new();
    }
    entries
        .into_iter()
        .enumerate()
        .filter_map(|(i, entry)| rule(entry, place.index(i), problems))
        .collect()
}

/// Reads the entry at `place`; none if it has a fault.
pub fn rule(node: Node, place: Place, problems: &mut Problems) -> Option<Rule> {
    let mut section = Section::open(node, place.clone(), problems)?;
    let matches = needed(
        &mut section,
        "match",
        "write `match: {}` for a rule that holds for everything",
        problems,
    )
    .and_then(|node| Section::open(node, section.place_of("match"), problems))
    .map(|section| conditions(section, problems));
    let actions = needed(
        &mut section,
        "actions",
        "write `actions: []` for a rule that denies",
        problems,
    )
    .and_then(|node| node.into_texts(&section.place_of("actions"), problems));
    let comment = section.text("comment", problems);
    section.finish(problems);
    Some(Rule {
        place,
        matches: matches?,
        actions: actions?,
        comment,
    })
}

fn needed(section: &mut Section, key: &'static str, mend: &str, problems: &mut Problems) -> Option<Node> {
    let node = section.take(key);
    if node.is_none() {
        problems.error(&section.place_of(key), format_args!("is missing; {mend}"));
    }
    node
}

fn conditions(mut section: Section, problems: &mut Problems) -> Match {
    let matches = Match {
        account: condition(&mut section, "account", problems),
        kind: condition(&mut section, "type", problems),
        name: condition(&mut section, "name", problems),
        service: condition(&mut section, "service", problems),
        ip: condition(&mut section, "ip", problems),
        labels: labels(&mut section, problems),
    };
    // To pass over a condition widens the rule, so nothing unknown is let through; two keys are known from
    // docker_auth's guides, where they were ignored and opened the registry to everybody.
    for (key, instead) in [("team", "labels: {teams: ...}"), ("email", "account: ...")] {
        if section.remove(key).is_some() {
            problems.error(
                &section.place_of(key),
                format_args!("is no condition; write `{instead}`"),
            );
        }
    }
    let joined = section.remaining().find_map(mended);
    match joined {
        Some((key, mended)) => {
            problems.error(
                &section.place_of(&key),
                format_args!("a space is missing after the colon; write `{mended}`"),
            );
        }
        None => section.finish(problems),
    }
    matches
}

/// What `{account:"x"}`, which YAML reads as one key, was meant to be.
fn mended(key: &str) -> Option<(String, String)> {
    let (name, value) = key.split_once(':')?;
    let known = ["account", "type", "name", "service", "ip", "labels"].contains(&name);
    known.then(|| (key.to_owned(), format!("{name}: {value}")))
}

fn condition(section: &mut Section, key: &'static str, problems: &mut Problems) -> Option<String> {
    let place = section.place_of(key);
    match section.take_or_null(key)? {
        Node::Null => {
            problems.error(
                &place,
                "is empty; leave the key out for no condition, or write `\"\"` for an empty text",
            );
            None
        }
        node => node.into_text(&place, problems),
    }
}

fn labels(section: &mut Section, problems: &mut Problems) -> Vec<(String, String)> {
    let place = section.place_of("labels");
    let Some(node) = section.take_or_null("labels") else {
        return Vec::new();
    };
    let Some(entries) = node.into_map(&place, problems) else {
        return Vec::new();
    };
    let labels = entries.into_iter().map(|(name, node)| {
        let pattern = node.into_text(&place.key(&name), problems);
        pattern.map(|pattern| (name, pattern))
    });
    labels.collect::<Vec<_>>().into_iter().flatten().collect()
}
