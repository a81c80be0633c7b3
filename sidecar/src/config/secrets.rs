//! Which values are never shown, not even where their line is the one that is wrong.
//!
//! Better one value too many: what is masked can be read in the file.

use std::ops::Range;

use registry_auth_core::problem::Place;

use super::tree::Step;

/// What stands in place of a secret.
pub(super) const MASK: &str = "***";

/// Parts of the names of keys whose values are secrets.
const NAMES: [&str; 5] = ["password", "passwd", "secret", "conn_string", "bearer_token"];

/// Endings of keys that say where a secret is, and do not hold it.
const POINTERS: [&str; 2] = ["_file", "_env"];

/// What a hash begins with. One that stands where none is wanted is no less a hash.
const HASHES: [&str; 6] = ["$2", "$argon2", "sha256:", "$5$", "$6$", "$apr1$"];

/// A word of a line that could not be read is masked from so many characters on that keys and hashes are made of.
const LONG_WORD: usize = 16;

/// Whether the value of a key of that name is a secret.
pub(super) fn is_name_of_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|part| name.contains(part)) && !POINTERS.iter().any(|ending| name.ends_with(ending))
}

/// Whether the text at the end of `path` is a secret.
pub(super) fn is_secret(path: &[&str], text: &str) -> bool {
    let named = match path {
        ["users", _, key, ..] => is_name_of_secret(key),
        // The names of accounts and labels mean nothing, and where a file is tells nobody what is in it.
        ["users" | "acl", ..] | ["htpasswd_auth", "path"] => false,
        // As an address, `dial_info` may be one whose server was forgotten: then no `@` stands behind its password.
        ["token" | "server", "key", ..] | ["mongo_auth" | "acl_mongo", "dial_info"] => true,
        path => path.iter().any(|key| is_name_of_secret(key)),
    };
    named || looks_secret(text)
}

/// Whether a text is one that holds a secret wherever it stands: a hash, PEM, an address with a password.
fn looks_secret(text: &str) -> bool {
    let has_userinfo = |text: &str| text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    HASHES.iter().any(|start| text.starts_with(start)) || text.contains("-----BEGIN") || has_userinfo(text)
}

/// Whether a key has swallowed a secret, since no space stands after its colon: `{password:"x"}`.
pub(super) fn is_secret_key(key: &str) -> bool {
    key.split_once(':').is_some_and(|(name, _)| is_name_of_secret(name)) || looks_secret(key)
}

/// Whether a secret, of which an error tells as of the path of a file, can only be the secret itself: base64 is long,
/// and has no dots.
pub(super) fn is_no_path(text: &str) -> bool {
    text.len() >= 60 && !text.contains('.')
}

/// The path, in which no key tells a secret.
pub(super) fn shown_path(path: &str, steps: &[Step]) -> String {
    let tells = |step: &Step| matches!(step, Step::Key(key) if is_secret_key(key));
    if !steps.iter().any(tells) {
        return path.to_owned();
    }
    let place = Place::root();
    let place = steps.iter().fold(place, |place, step| match step {
        Step::Key(key) if is_secret_key(key) => place.key(MASK),
        Step::Key(key) => place.key(key),
        Step::Index(index) => place.index(*index),
    });
    place.path().to_owned()
}

/// The bytes of a line to mask, when nothing is known of it, since it could not be read: what follows the name of a
/// secret, and all words that are as long as keys and hashes.
pub(super) fn in_unread_line(line: &str) -> Vec<Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let after_a_name = NAMES.iter().chain(&["key"]).filter_map(|name| {
        let end = lower.find(name)?.saturating_add(name.len());
        let colon = lower.get(end..)?.find(':')?;
        Some(end.saturating_add(colon).saturating_add(1))
    });
    let from = after_a_name.min().unwrap_or(line.len());
    let mut masked: Vec<_> = words(line).filter(|word| word.len() >= LONG_WORD).collect();
    masked.push(from..line.len());
    masked
}

/// The runs of what base64, hashes and their like are written with.
fn words(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/=$._-".contains(c);
    let starts = line.char_indices().filter(move |(at, c)| {
        let before = line.get(..*at).and_then(|before| before.chars().next_back());
        is_part(*c) && !before.is_some_and(is_part)
    });
    starts.map(move |(start, _)| {
        let rest = line.get(start..).unwrap_or_default();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        start..start.saturating_add(length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_key_and_by_their_look() {
        for (path, text) in [
            (&["users", "ada", "password"][..], "x"),
            (&["token", "key"], "/etc/key.pem"),
            (&["http_auth", "client_secret"], "x"),
            (&["mongo_auth", "dial_info", "password"], "x"),
            (&["acl_mongo", "dial_info"], "mongodb://ada:hunter2/accounts"),
            (&["users", "ada", "pasword"], "$2y$05$abcdefghijklmnopqrstuu"),
            (&["token", "certificate"], "-----BEGIN CERTIFICATE-----"),
            (&["redis", "url"], "redis://:hunter2@redis:6379"),
        ] {
            assert!(is_secret(path, text), "{path:?}");
        }
        for path in [
            &["users", "password", "labels", "secret"][..],
            &["acl", "match", "labels", "secret"],
            &["http_auth", "bearer_token_file"],
            &["token", "issuer"],
            &["mongo_auth", "dial_info", "database"],
        ] {
            assert!(!is_secret(path, "plain"), "{path:?}");
        }
    }

    #[test]
    fn of_a_line_that_cannot_be_read_no_secret_is_shown() {
        for (line, shown) in [
            ("  password: \"hunter2", "  password:***"),
            ("MIGHAgEAMBMGByqGSM49", "***"),
            ("  - {match: {account: ada}", "  - {match: {account: ada}"),
        ] {
            let mut masked = in_unread_line(line);
            masked.sort_by_key(|at| at.start);
            let mut text = String::new();
            let mut next = 0;
            for at in masked.into_iter().filter(|at| !at.is_empty()) {
                text += &line[next..at.start];
                text += MASK;
                next = at.end;
            }
            text += &line[next..];
            assert_eq!(text, shown);
        }
    }
}
