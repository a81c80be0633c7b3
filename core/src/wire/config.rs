//! The configuration, as the program hands it to the filter: lines of JSON, so that it can be read a few lines at a time.
//!
//! ```json
//! {"version":1,"release":"0.1.0","generation":1700000000000,"etag":"…","asks":{…},"settings":{…},"users":1,"acl":1}
//! ["ada",{"password":"$2y$…","labels":{"team":["blue"]}}]
//! {"match":{"account":"ada"},"actions":["pull"],"comment":"…"}
//! ```
//!
//! The head, then each user, then each rule. `settings` has the keys of a proxy's configuration without `users` and
//! `acl`; keys and certificates are PEM. A head's field that is not known is passed over. An unknown key of settings,
//! users or rules is a fault: to pass over a condition would widen a rule. [`crate::policy::Assembly`] reads it.

mod body;
mod sections;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub(crate) use body::Body;

use super::VERSION;
use crate::authn::MAX_USERS;
use crate::config::acl::MAX_RULES;
use crate::config::backend::Held;
use crate::config::{Document, Node, acl, users};
use crate::policy::Asks;
use crate::problem::{Place, Problems};
use crate::secret::Secret;
use body::Growing;
use sections::{Rule, Settings, User};

/// The largest body, in bytes.
pub const MAX_CONFIG_BYTES: usize = 32 * 1024 * 1024;

/// What is known of a configuration before anything of it is compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The version of the wire; [`VERSION`].
    pub version: u32,
    /// The release of the program that wrote it.
    pub release: String,
    /// Milliseconds since the epoch when the program loaded it, at least one more than of the one before.
    pub generation: u64,
    /// The same for the same content, whatever its generation.
    pub etag: String,
    /// What is to be asked of the program.
    pub asks: Asks,
}

/// A configuration as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Written {
    /// Holds the key and all hashes.
    pub body: Secret<Vec<u8>>,
    /// The first 32 hex digits of SHA-256 of the content; what HTTP calls an entity tag, without its quotes.
    pub etag: String,
}

/// Why a body is no configuration at all. Never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireConfigError {
    /// More than [`MAX_CONFIG_BYTES`].
    #[error("the configuration has {0} bytes; at most {MAX_CONFIG_BYTES} are taken")]
    TooLarge(usize),
    /// The first line is not what a configuration begins with.
    #[error("the answer does not begin like a configuration (line 1, column {column})")]
    NoHead {
        /// From 1; 0 if the line ends too early.
        column: usize,
    },
    /// It is of a version that is not known here.
    #[error(
        "the configuration is in version {found} of the wire, and this filter reads version {VERSION}; bring filter and program to the same release"
    )]
    Version {
        /// That of the configuration.
        found: u32,
    },
    /// More users than are taken.
    #[error("the configuration has {0} users; at most {MAX_USERS} are taken")]
    Users(usize),
    /// More rules than are taken.
    #[error("the configuration has {0} rules; at most {MAX_RULES} are taken")]
    Rules(usize),
}

/// The first line.
#[derive(Serialize)]
struct Envelope<'a> {
    version: u32,
    release: &'a str,
    /// With the next one left out where the content alone is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    asks: WireAsks,
    /// Tells apart what back-ends decide by, so that a filter forgets what they answered before.
    #[serde(skip_serializing_if = "Option::is_none")]
    backends: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u64>,
    settings: &'a Settings<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acl: Option<usize>,
}

/// [`Asks`] on the wire.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct WireAsks {
    accounts: bool,
    scopes: bool,
}

/// What of the first line tells whether the rest can be read.
#[derive(Deserialize)]
struct VersionAlone {
    version: u32,
}

#[derive(Deserialize)]
struct Opened<'a> {
    release: String,
    generation: u64,
    etag: String,
    #[serde(default)]
    asks: WireAsks,
    #[serde(borrow)]
    settings: &'a RawValue,
    users: Option<usize>,
    acl: Option<usize>,
}

/// The head, and what the rest is to be.
pub(crate) struct Beginning {
    pub(crate) head: Head,
    pub(crate) settings: Secret<String>,
    /// How many users there are; `None` if there is not even an empty map.
    pub(crate) users: Option<usize>,
    /// The same of rules.
    pub(crate) rules: Option<usize>,
}

/// Writes what of `document` is the filter's, which asks what `asks` says.
#[must_use]
pub fn write(document: &Document, asks: Asks, generation: u64) -> Written {
    write_marked(document, asks, generation, None)
}

/// As [`write`]. A `mark` makes it another configuration than the same without: whoever has the one takes the other, and
/// with it forgets what was remembered under the one before.
#[must_use]
pub fn write_marked(document: &Document, asks: Asks, generation: u64, mark: Option<u64>) -> Written {
    let (settings, users, rules) = sections::of(document);
    let Asks { accounts, scopes } = asks;
    let backends = document
        .program
        .as_ref()
        .and_then(|program| match &program.backends.held {
            Held::Known(content) => Some(content.as_str()),
            Held::Nothing | Held::Unknown => None,
        });
    let envelope = Envelope {
        version: VERSION,
        release: env!("CARGO_PKG_VERSION"),
        generation: None,
        etag: None,
        asks: WireAsks { accounts, scopes },
        backends,
        mark,
        settings: &settings,
        users: users.map(<[_]>::len),
        acl: rules.map(<[_]>::len),
    };
    let mut lines = Growing::default();
    for user in users.unwrap_or_default() {
        lines.line(&User::of(user));
    }
    for rule in rules.unwrap_or_default() {
        lines.line(&Rule::of(rule));
    }
    let lines = lines.finish();
    let mut content = Growing::default();
    content.line(&envelope);
    let hash = Sha256::new()
        .chain_update(content.finish().expose())
        .chain_update(lines.expose())
        .finalize();
    let digest = hash.first_chunk().map_or(0, |digest| u128::from_be_bytes(*digest));
    let etag = format!("{digest:032x}");
    let mut body = Growing::default();
    body.line(&Envelope {
        generation: Some(generation),
        etag: Some(&etag),
        ..envelope
    });
    body.append(lines.expose());
    Written {
        body: body.finish(),
        etag,
    }
}

/// Reads the first line.
pub(crate) fn head(line: &[u8]) -> Result<Beginning, WireConfigError> {
    let no_head = |error: serde_json::Error| WireConfigError::NoHead { column: error.column() };
    let VersionAlone { version } = serde_json::from_slice(line).map_err(no_head)?;
    if version != VERSION {
        return Err(WireConfigError::Version { found: version });
    }
    let opened: Opened = serde_json::from_slice(line).map_err(no_head)?;
    if let Some(count) = opened.users.filter(|count| *count > MAX_USERS) {
        return Err(WireConfigError::Users(count));
    }
    if let Some(count) = opened.acl.filter(|count| *count > MAX_RULES) {
        return Err(WireConfigError::Rules(count));
    }
    let WireAsks { accounts, scopes } = opened.asks;
    Ok(Beginning {
        settings: Secret::new(opened.settings.get().to_owned()),
        users: opened.users,
        rules: opened.acl,
        head: Head {
            version,
            release: opened.release,
            generation: opened.generation,
            etag: opened.etag,
            asks: Asks { accounts, scopes },
        },
    })
}

/// Reads the settings, as a document without users and rules.
pub(crate) fn settings(text: &Secret<String>, problems: &mut Problems) -> Document {
    // Everything was put in by the program, which has files and environment.
    let nothing = crate::config::Sources::of_a_proxy(&|_| None);
    let place = Place::root().key("settings");
    let node: Option<Node> = not_json(serde_json::from_str(text.expose()), &place, problems);
    let document = Document::read(node.unwrap_or(Node::Map(Vec::new())), nothing, problems);
    if document.users.is_some() || document.acl.is_some() {
        problems.error(&place, "hold users or rules, which have lines of their own");
    }
    document
}

/// The name in a user's line, which can be told without reading the line.
pub(crate) fn name_of_user(line: &[u8]) -> Option<Cow<'_, str>> {
    let rest = line.strip_prefix(b"[")?;
    let text = rest.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = text.iter().position(|byte| match byte {
        b'"' => !std::mem::take(&mut escaped),
        b'\\' => {
            escaped = !escaped;
            false
        }
        _ => {
            escaped = false;
            false
        }
    })?;
    let name = text.get(..end)?;
    if !name.contains(&b'\\') {
        return str::from_utf8(name).ok().map(Cow::Borrowed);
    }
    let quoted = rest.get(..end.saturating_add(2))?;
    serde_json::from_slice(quoted).ok().map(Cow::Owned)
}

/// Reads a user's line.
pub(crate) fn user(line: &[u8], number: usize, problems: &mut Problems) -> Option<users::User> {
    let place = Place::root().key("users");
    let read: Option<(String, Node)> = not_json(serde_json::from_slice(line), &place.index(number), problems);
    let (name, node) = read?;
    users::user(name, node, &place, problems)
}

/// Reads the line of rule `number`.
pub(crate) fn rule(line: &[u8], number: usize, problems: &mut Problems) -> Option<acl::Rule> {
    let place = Place::root().key("acl").index(number);
    let node = not_json(serde_json::from_slice(line), &place, problems)?;
    acl::rule(node, place, problems)
}

/// `serde_json`'s own text may quote a value, which may be a secret.
fn not_json<T>(read: serde_json::Result<T>, place: &Place, problems: &mut Problems) -> Option<T> {
    let read = read.map_err(|error| format!("cannot be read (column {})", error.column()));
    problems.keep(place, read)
}

#[cfg(test)]
pub(crate) mod testdata;
#[cfg(test)]
mod tests;
