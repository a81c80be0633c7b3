//! What of a configuration says who may do what: its static users and its rules. Commands that answer by them read no
//! more than that, so that a file is explained also where its keys and certificates are not.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use registry_auth_core::acl::Acl;
use registry_auth_core::config::acl::{Options, Rule};
use registry_auth_core::config::backend::{Backends, Held, Refused};
use registry_auth_core::config::users::User;
use registry_auth_core::policy::{Asks, token_lifetime};
use registry_auth_core::problem::{Place, Problem, Problems};
use registry_auth_core::wire;
use serde::Serialize;

use crate::config::{self, Loaded, Origin};

/// The keys that say nothing of who may do what: what is wrong with them changes no answer. Everything else does, an
/// unknown key too, for it may be a misspelt `acl`.
const BESIDE: [&str; 8] = [
    "admin",
    "audit",
    "cache",
    "filter",
    "request_body",
    "server",
    "throttle",
    "token",
];

/// Static users and rules, as written and compiled.
#[derive(Debug)]
pub struct Rulebook {
    /// Where all of it stands.
    pub origin: Origin,
    /// The static users.
    pub users: Vec<User>,
    /// The rules as written, in their order.
    pub rules: Vec<Rule>,
    /// How their patterns are read.
    pub options: Options,
    /// The rules, compiled.
    pub acl: Acl,
    /// What is asked of back-ends besides, those included that are not here.
    pub asks: Asks,
    /// The back-ends.
    pub backends: Backends,
    /// Those that the file has and that are not here, so that `serve` refuses it.
    pub lacking: Refused,
    /// The services a token may be minted for; any, if `None`.
    pub services: Option<Vec<String>>,
    /// How long a token lives; `None` where nothing is said of tokens, or something that is refused.
    pub lifetime: Option<Duration>,
    /// Keys at the top whose values are refused, so that nothing is known of them.
    pub refused: Vec<Place>,
    /// What names the content of all of the configuration, as in the audit log; `None` where not all of it can be read
    /// here.
    pub etag: Option<String>,
}

/// A rule by where it stands, as commands tell it in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Its number in the list, from 0.
    pub index: usize,
    /// Its file.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<usize>,
    /// The operator's note on it.
    pub comment: Option<String>,
}

impl Rulebook {
    /// The keys of the back-ends that know accounts.
    #[must_use]
    pub fn authenticators(&self) -> Vec<&'static str> {
        let here = self.backends.authn.iter().map(|(backend, _)| backend.key());
        here.chain(self.lacking.accounts.iter().copied()).collect()
    }

    /// The keys of the back-ends that are asked where no rule matches.
    #[must_use]
    pub fn authorizers(&self) -> Vec<&'static str> {
        let lists = self.backends.lists.iter().map(|(list, _)| list.key());
        let here = lists.chain(self.backends.authz.iter().map(|(backend, _)| backend.key()));
        here.chain(self.lacking.rights.iter().copied()).collect()
    }

    /// Where the rule number `index` stands.
    #[must_use]
    pub fn located(&self, index: usize) -> Located {
        let rule = self.rules.get(index);
        let at = rule.and_then(|rule| self.origin.line(&rule.place));
        Located {
            index,
            file: at.map(|(file, _)| file.display().to_string()),
            line: at.map(|(_, line)| line),
            comment: rule.and_then(|rule| rule.comment.clone()),
        }
    }
}

impl Located {
    /// File and line, as in `auth_config.yml:42`.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        Some(format!("{}:{}", self.file.as_ref()?, self.line?))
    }
}

/// `acl[3] "readers may pull"`.
impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acl[{}]", self.index)?;
        match &self.comment {
            Some(comment) => write!(f, " {comment:?}"),
            None => Ok(()),
        }
    }
}

/// Reads the configuration in `paths`.
///
/// # Errors
/// What is wrong with users, rules, and whatever else bears on who may do what, as an operator reads it.
pub fn read(paths: &[PathBuf], environment: &dyn Fn(&str) -> Option<String>) -> Result<Rulebook, String> {
    let Loaded {
        document,
        problems: found,
        origin,
    } = config::load(paths, environment);
    let mut problems = Problems::default();
    let lacking = Refused::among(&found);
    let beside = || BESIDE.iter().chain(&lacking.accounts).chain(&lacking.rights);
    let matter = |place: &Place| !beside().any(|key| is_below(place.path(), key));
    for problem in found.errors().iter().filter(|problem| matter(problem.place())) {
        problems.error(problem.place(), problem.what());
    }
    let Some(mut document) = document else {
        return Err(origin.report(&found));
    };
    let refused = found.errors().iter().map(Problem::place);
    let refused = refused.filter(|place| !place.path().is_empty() && !place.path().contains(['.', '[']));
    let refused = refused.cloned().collect();
    let mut asks = Asks::of(&document);
    let held = document.program.as_ref().map(|program| &program.backends.held);
    let is_whole = !found.is_refusal() && held != Some(&Held::Unknown);
    let etag = is_whole.then(|| wire::config::write(&document, asks, 0).etag);
    asks.accounts |= !lacking.accounts.is_empty();
    asks.scopes |= !lacking.rights.is_empty();
    let rules = document.acl.take().unwrap_or_default();
    let options = document.acl_options;
    let acl = Acl::compile(&rules, options, &mut problems);
    if problems.is_refusal() {
        return Err(origin.report(&problems));
    }
    Ok(Rulebook {
        origin,
        users: document.users.take().unwrap_or_default(),
        rules,
        options,
        acl,
        asks,
        backends: document
            .program
            .take()
            .map(|program| program.backends)
            .unwrap_or_default(),
        lacking,
        services: document.services.take(),
        lifetime: document
            .token
            .as_ref()
            .and_then(|token| token_lifetime(token.expiration)),
        refused,
        etag,
    })
}

/// Whether `path` is that of `key` at the top, or of something in it.
fn is_below(path: &str, key: &str) -> bool {
    let rest = path.strip_prefix(key);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rulebook, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auth.yml");
        std::fs::write(&file, text).unwrap();
        super::read(&[file], &|_| None)
    }

    #[test]
    fn a_file_is_read_where_its_keys_are_not() {
        let text = "token: {issuer: i, expiration: 900, key: /nowhere/key.pem, certificate: /nowhere/certificate.pem}\n\
                    users:\n  ada: {}\nacl:\n  - {match: {account: ada}, actions: ['*']}\n  - match: {}\n    actions: []\n";
        let rulebook = read(text).unwrap();
        assert_eq!((rulebook.users.len(), rulebook.rules.len()), (1, 2));
        let lines: Vec<_> = rulebook
            .rules
            .iter()
            .map(|rule| rulebook.origin.line(&rule.place))
            .collect();
        assert!(matches!(lines[..], [Some((_, 5)), Some((_, 6))]), "{lines:?}");
    }

    #[test]
    fn a_fault_of_the_rules_is_told_and_others_are_not() {
        let report = read("token: {isuer: i}\nacl: [{match: {name: '['}, actions: []}]\n").unwrap_err();
        assert!(report.contains("auth.yml:2:23"), "{report}");
        assert!(!report.contains("isuer"), "{report}");
        assert!(read("a: [").is_err());
    }

    #[test]
    fn what_may_bear_on_rights_is_told_and_never_passed_over() {
        for (wrong, place) in [
            ("acls: []\n", "1:1"),
            ("acl: []\nservices: registry\n", "2:11"),
            ("acl: []\nservices: [1, {}]\n", "2:15"),
            ("acl: []\next_authz: program\n", "2:12"),
        ] {
            let report = read(wrong).unwrap_err();
            assert!(report.contains(&format!("auth.yml:{place}\n")), "{report}");
        }
    }

    #[test]
    fn a_back_end_that_is_not_here_counts_as_one() {
        let rulebook =
            read("acl: []\ngoogle_auth: {client_id: a}\nplugin_authz: {}\next_auth: {command: a}\n").unwrap();
        assert!(rulebook.asks.accounts && rulebook.asks.scopes);
        assert_eq!(rulebook.authenticators(), ["ext_auth", "google_auth"]);
        assert_eq!(rulebook.authorizers(), ["plugin_authz"]);
        assert_eq!(rulebook.etag, None);
    }
}
