//! What is asked for: `repository:team/app:pull,push`, parsed, merged and put into canonical form.
//!
//! The grammar is that of the distribution specification, `docs/spec/auth/scope.md`, as the registries and clients
//! use it: `type:name:actions`, where the type ends at the first colon and the actions begin after the last, so that
//! a name may hold a port. The type's class, `repository(plugin)`, is deprecated; it is accepted and dropped.
//!
//! ```
//! # use registry_auth_core::scope::Scopes;
//! let scopes = Scopes::parse(["repository:a:push,pull repository:b:pull", "repository:a:delete"])?;
//! let texts: Vec<String> = scopes.iter().map(ToString::to_string).collect();
//! assert_eq!(texts, ["repository:a:delete,pull,push", "repository:b:pull"]);
//! # Ok::<(), registry_auth_core::scope::ScopeError>(())
//! ```

use std::fmt;

use serde::ser::{Serialize, Serializer};
use thiserror::Error;

/// The most resources that one request may name; docker asks for two, a build of many stages for some ten.
pub const MAX_SCOPES: usize = 64;

/// The longest name of a resource, in bytes: registries end at 255.
pub const MAX_NAME_BYTES: usize = 256;

/// The most actions that one request may ask for on one resource; registries know four.
pub const MAX_ACTIONS: usize = 32;

/// The longest action, in bytes.
pub const MAX_ACTION_BYTES: usize = 32;

/// The longest type of a resource, in bytes; `repository` has ten.
const MAX_TYPE_BYTES: usize = 64;

/// What may be acted on: a type such as `repository` or `registry`, and a name, which may be empty (zot challenges
/// its catalog with `repository::pull`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    kind: String,
    name: String,
}

/// A set of actions, sorted: `pull`, `push`, `delete`, `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actions(Vec<String>);

/// A resource and what is asked for, or granted, on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    resource: Resource,
    actions: Actions,
}

/// The scopes of one request: at most [`MAX_SCOPES`] resources, each once, in the order first named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(Vec<Scope>);

/// Why a text is no scope. Names the scope, so that a client's error tells which of several it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// Fewer than two colons.
    #[error("scope `{0}` is not of the form `type:name:actions`")]
    Form(String),
    /// A type other than `[a-z0-9]+`, with or without a class.
    #[error("the type of scope `{0}` is not made of the letters `a` to `z` and digits")]
    Type(String),
    /// A control character, an empty part between slashes, or a colon that is not that of a port.
    #[error("the name of scope `{0}` is not of the form `[host[:port]/]part[/part...]`")]
    Name(String),
    /// An action other than `[a-z]*` and `*`.
    #[error("the actions of scope `{0}` are not made of the letters `a` to `z`, or `*`")]
    Actions(String),
    /// A name longer than [`MAX_NAME_BYTES`].
    #[error("the name of scope `{0}...` is longer than {MAX_NAME_BYTES} bytes")]
    NameTooLong(String),
    /// More than [`MAX_ACTIONS`] on one resource, or one that is longer than [`MAX_ACTION_BYTES`].
    #[error("scope `{0}` asks for more than {MAX_ACTIONS} actions, or for one of more than {MAX_ACTION_BYTES} bytes")]
    TooManyActions(String),
    /// More than [`MAX_SCOPES`] resources.
    #[error("more than {MAX_SCOPES} scopes in one request")]
    TooMany,
}

impl Scopes {
    /// Reads the values of all `scope` parameters. A value holds any number of scopes joined by U+0020; the same
    /// resource twice is one with the actions of both.
    ///
    /// # Errors
    /// See [`ScopeError`]; the first one found.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut scopes = Self::default();
        for text in values
            .into_iter()
            .flat_map(|value| value.split(' '))
            .filter(|text| !text.is_empty())
        {
            scopes.add(Scope::parse(text)?)?;
        }
        Ok(scopes)
    }

    fn add(&mut self, scope: Scope) -> Result<(), ScopeError> {
        if let Some(known) = self.0.iter_mut().find(|known| known.resource == scope.resource) {
            // One by one: a request may name the same resource some thousand times.
            let all_fit = scope.actions.iter().all(|action| known.actions.insert(action));
            return if all_fit {
                Ok(())
            } else {
                Err(ScopeError::TooManyActions(shown(&known.to_string())))
            };
        }
        if self.0.len() >= MAX_SCOPES {
            return Err(ScopeError::TooMany);
        }
        self.0.push(scope);
        Ok(())
    }

    /// The scopes in the order first named.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// Whether nothing was asked for, as at `docker login`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Scopes {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Scope {
    /// A scope of parts that were parsed before.
    #[must_use]
    pub fn new(resource: Resource, actions: Actions) -> Self {
        Self { resource, actions }
    }

    /// Reads one scope.
    ///
    /// # Errors
    /// See [`ScopeError`].
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let (kind, rest) = text.split_once(':').ok_or_else(|| ScopeError::Form(shown(text)))?;
        let (name, actions) = rest.rsplit_once(':').ok_or_else(|| ScopeError::Form(shown(text)))?;
        let kind = type_without_class(kind).ok_or_else(|| ScopeError::Type(shown(text)))?;
        if name.len() > MAX_NAME_BYTES {
            return Err(ScopeError::NameTooLong(shown(text)));
        }
        if !is_name(name) {
            return Err(ScopeError::Name(shown(text)));
        }
        let is_letters = |action: &str| action == "*" || action.bytes().all(|b| b.is_ascii_lowercase());
        if !actions.split(',').all(is_letters) {
            return Err(ScopeError::Actions(shown(text)));
        }
        let actions = Actions::parse(actions).ok_or_else(|| ScopeError::TooManyActions(shown(text)))?;
        Ok(Self {
            resource: Resource {
                kind: kind.to_owned(),
                name: name.to_owned(),
            },
            actions,
        })
    }

    /// What is to be acted on.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The actions.
    #[must_use]
    pub fn actions(&self) -> &Actions {
        &self.actions
    }
}

impl Resource {
    /// The type: `repository`, `registry`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name, such as `team/app`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Actions {
    /// No action.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads a list joined by commas; empty ones count for nothing. `None` if there are more than [`MAX_ACTIONS`], or
    /// one is longer than [`MAX_ACTION_BYTES`].
    fn parse(text: &str) -> Option<Self> {
        let mut set = Self::none();
        text.split(',')
            .filter(|action| !action.is_empty())
            .all(|action| set.insert(action))
            .then_some(set)
    }

    /// Adds an action that may be there already. Whether it is there now: not if it is too long, or one too many.
    fn insert(&mut self, action: &str) -> bool {
        let Err(at) = self.0.binary_search_by(|known| known.as_str().cmp(action)) else {
            return true;
        };
        let fits = self.0.len() < MAX_ACTIONS && action.len() <= MAX_ACTION_BYTES;
        if fits {
            self.0.insert(at, action.to_owned());
        }
        fits
    }

    /// Those of `self` that are in `allowed`, by name alone: `*` is a name like others.
    #[must_use]
    pub fn intersection(&self, allowed: &Self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|action| allowed.0.contains(action))
                .cloned()
                .collect(),
        )
    }

    /// The actions in alphabetical order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Sorts and drops duplicates. Any text is an action here: a rule may name one that no request can ask for.
impl<S: Into<String>> FromIterator<S> for Actions {
    fn from_iter<I: IntoIterator<Item = S>>(actions: I) -> Self {
        let mut actions: Vec<String> = actions.into_iter().map(Into::into).collect();
        actions.sort_unstable();
        actions.dedup();
        Self(actions)
    }
}

/// A list of texts.
impl Serialize for Actions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

/// The canonical text, `type:name:action,action`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Each audit record has some: piece by piece, without an argument of a format.
        for piece in [&self.resource.kind, ":", &self.resource.name, ":"] {
            f.write_str(piece)?;
        }
        self.actions.fmt(f)
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, action) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(action)?;
        }
        Ok(())
    }
}

/// `type = word ["(" word ")"]`, `word = [a-z0-9]+`: the first word.
fn type_without_class(text: &str) -> Option<&str> {
    let kind = match text.strip_suffix(')') {
        Some(open) => {
            let (kind, class) = open.split_once('(')?;
            is_word(class).then_some(kind)?
        }
        None => text,
    };
    is_word(kind).then_some(kind)
}

fn is_word(text: &str) -> bool {
    (1..=MAX_TYPE_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// `name = [host[":" port] "/"] part *("/" part)`, or nothing.
fn is_name(name: &str) -> bool {
    if name.is_empty() {
        return true;
    }
    let (first, rest) = name
        .split_once('/')
        .map_or((name, None), |(first, rest)| (first, Some(rest)));
    let first_is_good = match (first.split_once(':'), rest) {
        (None, _) => is_part(first),
        (Some((host, port)), Some(_)) => is_part(host) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()),
        (Some(_), None) => false,
    };
    first_is_good && rest.is_none_or(|rest| rest.split('/').all(|part| is_part(part) && !part.contains(':')))
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && !part.chars().any(char::is_control)
}

/// The beginning of a text that a client sent, fit for an error: bounded, and nothing in it moves the cursor.
fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
