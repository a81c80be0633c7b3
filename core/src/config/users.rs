//! `users` and `users_env`: the static users as they are written.

use std::collections::BTreeMap;

use super::Sources;
use super::{Node, Section};
use crate::problem::{Place, Problems};
use crate::secret::Secret;

/// One entry of `users`.
#[derive(Clone, Debug)]
pub struct User {
    /// Where it stands: `users.ada`.
    pub place: Place,
    /// The account's name; `""` is the anonymous account.
    pub name: String,
    /// The hash as written; `None` lets the account in with any password.
    pub password: Option<Secret<String>>,
    /// Its labels.
    pub labels: BTreeMap<String, Vec<String>>,
}

/// Reads `users`, or the map of the same form in the variable that `users_env` names.
pub(super) fn read(root: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Vec<User>> {
    let written = root.take("users");
    let Some(variable) = root.text("users_env", problems) else {
        return written.map(|node| users(node, &Place::root().key("users"), problems));
    };
    let place = Place::root().key("users_env");
    if written.is_some() {
        problems.error(&place, "stands beside `users`; keep one of them");
    }
    let text = sources.variable(&variable, &place, problems)?;
    match serde_json::from_str::<Node>(text.expose()) {
        Ok(node) => Some(users(node, &place, problems)),
        Err(error) => {
            // serde_json's own text may quote the value, which holds hashes.
            let (line, column) = (error.line(), error.column());
            problems.error(
                &place,
                format_args!("variable `{variable}` is not JSON (line {line}, column {column}); write a map such as `{{\"ada\": {{\"password\": \"$2y$...\"}}}}`"),
            );
            None
        }
    }
}

fn users(node: Node, place: &Place, problems: &mut Problems) -> Vec<User> {
    let Some(entries) = node.into_map(place, problems) else {
        return Vec::new();
    };
    entries
        .into_iter()
        .filter_map(|(name, node)| user(name, node, place, problems))
        .collect()
}

/// Reads one entry of the map at `users`.
pub(crate) fn user(name: String, node: Node, users: &Place, problems: &mut Problems) -> Option<User> {
    let place = users.key(&name);
    if node == Node::Null {
        problems.warn(
            &place,
            "is no account, since nothing stands after the colon; write `{}` for one without a password",
        );
        return None;
    }
    let mut section = Section::open(node, place.clone(), problems)?;
    let password = match section.take_or_null("password") {
        None => Some(None),
        Some(Node::Null) => {
            problems.error(
                &section.place_of("password"),
                "is empty; write a hash, or `\"\"` to let nobody in, or `{}` for an account that any password lets in",
            );
            None
        }
        // Of a hundred thousand users hardly one needs a place to be told.
        Some(Node::Text(text) | Node::Plain(text)) => Some(Some(Secret::new(text))),
        Some(node) => node
            .into_text(&section.place_of("password"), problems)
            .map(|text| Some(Secret::new(text))),
    };
    let labels = labels(&mut section, problems);
    section.finish(problems);
    Some(User {
        place,
        name,
        password: password?,
        labels,
    })
}

fn labels(section: &mut Section, problems: &mut Problems) -> BTreeMap<String, Vec<String>> {
    let Some(node) = section.take("labels") else {
        return BTreeMap::new();
    };
    let place = section.place_of("labels");
    let Some(entries) = node.into_map(&place, problems) else {
        return BTreeMap::new();
    };
    let read = entries.into_iter().filter_map(|(name, node)| {
        let values = node.into_texts(&place.key(&name), problems)?;
        Some((name, values))
    });
    read.collect()
}
