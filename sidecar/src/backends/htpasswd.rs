//! `htpasswd_auth`: accounts in a file that Apache's `htpasswd` writes, a `name:hash` in each line.
//!
//! Taken are bcrypt (`htpasswd -B`) and SHA-crypt (`-5`, `-2`). What the tool writes besides is broken or no hash at all,
//! and refused by its line.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::authn::attempt::Work;
use registry_auth_core::authn::dearest::Dearest;
use registry_auth_core::authn::hash::crypt::Crypt;
use registry_auth_core::authn::hash::{Hash, HashError};
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::Problems;
use thiserror::Error;
use tokio::time::Instant;

use super::required_text;
use crate::backend::{Asking, Authenticator, Comparison, Login, Outcome};

/// The most lines that are told of a file with faults.
const MOST_TOLD: usize = 20;

/// `htpasswd_auth`.
#[derive(Debug)]
pub struct HtpasswdAuthenticator {
    users: Users,
    dearest: Dearest,
}

/// Each with the line where it stands.
#[derive(Default)]
struct Users(HashMap<Account, (usize, Hash)>);

/// Why a line is none. Never holds a hash, nor what may be a password.
#[derive(Debug, PartialEq, Eq, Error)]
enum LineError {
    #[error("has no `:` between a name and its hash")]
    NoColon,
    #[error("has no name")]
    NoName,
    #[error("has a name that is none: {0}")]
    Name(String),
    #[error("names `{0}` again, as line {1} does; keep the one that counts")]
    Twice(Account, usize),
    #[error("of `{account}` holds {what}; make it anew with `htpasswd -B`")]
    Broken { account: Account, what: &'static str },
    #[error("of `{account}` holds what {why}")]
    Hash { account: Account, why: HashError },
}

impl HtpasswdAuthenticator {
    /// Reads `htpasswd_auth`, and the file. Another content of it is another configuration.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let place = section.place_of("path");
        let path = required_text(
            &mut section,
            "path",
            "write the path of a file that `htpasswd` made",
            problems,
        );
        section.finish(problems);
        let path = path?;
        let content = sources.file(&path, &place, problems)?;
        let (users, faults) = read(content.expose());
        for (number, fault) in faults.iter().take(MOST_TOLD) {
            problems.error(&place, format_args!("line {number} of `{path}` {fault}"));
        }
        if let Some(more) = faults.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
            problems.error(&place, format_args!("{more} more lines of `{path}` are wrong"));
        }
        let mut dearest = Dearest::default();
        users.0.values().for_each(|(_, hash)| dearest.note(hash));
        faults.is_empty().then_some(Self { users, dearest })
    }

    fn compare(&self, login: Login<'_>) -> Outcome {
        if login.account.is_anonymous() || login.password.expose().is_empty() {
            return Outcome::NoMatch;
        }
        let stored = self.users.0.get(login.account).map(|(_, hash)| hash);
        Outcome::Compare(Comparison {
            found: stored.map(|_| Identity {
                account: login.account.clone(),
                labels: Labels::new([].into(), LabelsArePatterns::None),
            }),
            work: Work {
                stored: stored.cloned(),
                decoys: self.dearest.decoys(stored),
            },
        })
    }
}

impl Authenticator for HtpasswdAuthenticator {
    fn authenticate<'a>(&'a self, login: Login<'a>, _: Instant) -> Asking<'a, Outcome> {
        Box::pin(std::future::ready(Ok(self.compare(login))))
    }
}

/// All accounts of a file, and what is wrong in which line, counted from 1.
fn read(content: &str) -> (Users, Vec<(usize, LineError)>) {
    let (mut users, mut faults) = (Users::default(), Vec::new());
    for (number, text) in (1..).zip(content.lines()) {
        // As Apache reads it: what stands behind another colon is for people.
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match line(text) {
            Ok((account, hash)) => match users.0.entry(account) {
                Entry::Occupied(known) => {
                    let (first, _) = known.get();
                    faults.push((number, LineError::Twice(known.key().clone(), *first)));
                }
                Entry::Vacant(place) => {
                    place.insert((number, hash));
                }
            },
            Err(fault) => faults.push((number, fault)),
        }
    }
    (users, faults)
}

fn line(text: &str) -> Result<(Account, Hash), LineError> {
    let (name, rest) = text.split_once(':').ok_or(LineError::NoColon)?;
    let account = Account::parse(name).map_err(|error| LineError::Name(error.to_string()))?;
    if account.is_anonymous() {
        return Err(LineError::NoName);
    }
    let hash = rest.split(':').next().unwrap_or_default();
    if let Some(what) = broken(hash) {
        return Err(LineError::Broken { account, what });
    }
    let hash = match Crypt::parse(hash) {
        Some(hash) => hash.map(Hash::Crypt),
        None => Hash::parse(hash),
    };
    match hash {
        Ok(hash) => Ok((account, hash)),
        Err(why) => Err(LineError::Hash { account, why }),
    }
}

/// What the tool writes that is no protection.
fn broken(hash: &str) -> Option<&'static str> {
    if hash.starts_with("$apr1$") || hash.starts_with("$1$") {
        Some("a hash of MD5, which is broken")
    } else if hash.starts_with("{SHA}") {
        Some("a hash of SHA-1 without a salt")
    } else if !hash.starts_with('$') {
        Some("what may be the password itself, or a hash of DES, which reads eight characters of it")
    } else {
        None
    }
}

/// Names are no secret, and hashes are.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use registry_auth_core::config::Node;
    use registry_auth_core::problem::Place;
    use registry_auth_core::secret::Secret;
    use registry_auth_core::service::Service;

    use super::*;

    const BCRYPT: &str = "$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC";
    const CRYPT: &str =
        "$6$rounds=1000$b4Zt$pgXM7s4XagkYi1gQISDPeiKtqxQEGeC0ABslRkn9.3dMKNCUhHcWpZuySgzUZG4iODmQhbP7QOXnBU1nURmJ1/";

    /// What opening a file of this content comes to.
    fn open(content: &str) -> Result<HtpasswdAuthenticator, String> {
        let mut problems = Problems::default();
        let node: Node = serde_json::from_str(r#"{"path": "users"}"#).unwrap();
        let section = Section::open(node, Place::root().key("htpasswd_auth"), &mut problems).unwrap();
        let sources = Sources {
            environment: &|_| None,
            files: Some(&|_| Ok(Secret::new(content.to_owned()))),
        };
        HtpasswdAuthenticator::open(section, sources, &mut problems).ok_or_else(|| problems.to_string())
    }

    fn ask(users: &HtpasswdAuthenticator, account: &str, password: &str) -> Outcome {
        users.compare(Login {
            account: &Account::parse(account).unwrap(),
            password: &Secret::new(password.as_bytes().to_vec()),
            service: &Service::default(),
            address: [192, 0, 2, 7].into(),
        })
    }

    /// Who it would be, whether the hash is fitted, and how many others are computed if it is not.
    fn compared(users: &HtpasswdAuthenticator, account: &str, password: &str) -> Option<(String, bool, usize)> {
        let Outcome::Compare(Comparison { found, work }) = ask(users, account, password) else {
            return None;
        };
        let name = found.map_or(String::new(), |identity| identity.account.as_str().to_owned());
        let fits = work.stored.is_some_and(|hash| hash.fits(password.as_bytes()).unwrap());
        Some((name, fits, work.decoys.len()))
    }

    #[test]
    fn a_line_is_a_name_and_a_hash() {
        let content = format!("# people\n\nada:{BCRYPT}\r\n  bob:{CRYPT}:builds\ngrace:{BCRYPT}");
        let users = open(&content).unwrap();
        // What a failure costs is the same for all: each kind of hash once.
        assert_eq!(compared(&users, "ada", "badmin"), Some(("ada".to_owned(), true, 1)));
        assert_eq!(compared(&users, "ada", "wrong"), Some(("ada".to_owned(), false, 1)));
        assert_eq!(compared(&users, "bob", "ada-secret"), Some(("bob".to_owned(), true, 1)));
        assert_eq!(compared(&users, "eve", "badmin"), Some((String::new(), false, 2)));
        let argon2id =
            open("eve:$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert!(argon2id.is_ok(), "what `hash-password` makes besides");
        for (account, password) in [("", "badmin"), ("ada", "")] {
            assert_eq!(ask(&users, account, password), Outcome::NoMatch);
        }
        assert_eq!(format!("{users:?}").find("$2y$"), None);
    }

    #[test]
    fn every_line_that_cannot_be_used_is_told_without_what_it_holds() {
        let md5 = "$apr1$Zt3mLvC0$qWbKe7Ry5uNsaIgvJQm8E0";
        let content = format!(
            "ada:{BCRYPT}\nbob\n:{BCRYPT}\nada:{BCRYPT}\ngrace:{md5}\nheidi:{{SHA}}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n\
             ivan:planted-secret\njudy:{}\nmallory:$2y$20$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC\n",
            &CRYPT[..20]
        );
        let refused = open(&content).unwrap_err();
        assert_eq!(
            refused,
            "htpasswd_auth.path: line 2 of `users` has no `:` between a name and its hash\n\
             htpasswd_auth.path: line 3 of `users` has no name\n\
             htpasswd_auth.path: line 4 of `users` names `ada` again, as line 1 does; keep the one that counts\n\
             htpasswd_auth.path: line 5 of `users` of `grace` holds a hash of MD5, which is broken; make it anew with `htpasswd -B`\n\
             htpasswd_auth.path: line 6 of `users` of `heidi` holds a hash of SHA-1 without a salt; make it anew with `htpasswd -B`\n\
             htpasswd_auth.path: line 7 of `users` of `ivan` holds what may be the password itself, or a hash of DES, \
             which reads eight characters of it; make it anew with `htpasswd -B`\n\
             htpasswd_auth.path: line 8 of `users` of `judy` holds what is a malformed SHA-crypt hash\n\
             htpasswd_auth.path: line 9 of `users` of `mallory` holds what has a bcrypt cost of 20, which would hold up \
             the proxy for seconds; at most 14 is taken, 5 is advised"
        );
        let many = open(&"x\n".repeat(100)).unwrap_err();
        assert_eq!(many.lines().count(), 21);
        assert!(many.ends_with("80 more lines of `users` are wrong"), "{many}");
    }

    proptest! {
        #[test]
        fn no_file_makes_it_stumble(content in "(?s)([a-c:#$\n]|\\$[256][by]?\\$|rounds=|.){0,40}") {
            let _ = read(&content);
        }
    }
}
