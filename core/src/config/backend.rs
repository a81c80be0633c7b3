//! The back-ends that a configuration names: their order, their keys, and what they are called in logs and metrics.
//!
//! Here stands which there are; what the keys of one mean is known where it is opened, in the program beside the proxy.

use super::{Node, Section};
use crate::problem::{Place, Problems};

/// A back-end that knows accounts. In the order in which they are asked, after the static users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthnBackend {
    /// `htpasswd_auth`: a file of Apache's `htpasswd`.
    Htpasswd,
    /// `ext_auth`: an external program.
    Program,
    /// `ldap_auth`: a directory, by its place: the key, or the key and its number in a list.
    Ldap(&'static str),
    /// `mongo_auth`: a collection in MongoDB.
    Mongo,
    /// `xorm_auth`: a table in an SQL database.
    Sql,
    /// `http_auth`: an HTTP hook.
    Hook,
    /// `bench_auth`: accounts that are known in memory, to measure everything but a back-end.
    #[cfg(feature = "bench")]
    Bench,
}

/// A list of rules that a database holds. In the order in which they are tried, after the static rules and before any other
/// back-end that knows what accounts may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleList {
    /// `acl_mongo`: a collection in MongoDB.
    Mongo,
    /// `acl_xorm`: a table in an SQL database.
    Sql,
}

/// A back-end that knows what accounts may do. In the order in which they are asked, after the static rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthzBackend {
    /// `ext_authz`: an external program.
    Program,
    /// `http_authz`: an HTTP hook.
    Hook,
    /// `casbin_authz`: a model and a policy of Casbin.
    Casbin,
}

/// The back-ends of one configuration, each with its section as written.
#[derive(Clone, Debug, Default)]
pub struct Backends {
    /// Those that know accounts, in their order.
    pub authn: Vec<(AuthnBackend, Section)>,
    /// Lists of rules, in their order, that are not among those of `acl`.
    pub lists: Vec<(RuleList, Section)>,
    /// Those that know rights, in their order.
    pub authz: Vec<(AuthzBackend, Section)>,
    /// What they decide by, as far as it stands in the configuration and its files.
    pub held: Held,
}

/// What back-ends decide by: their sections, and the files that these name. What was answered by others is not to be
/// remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// There are no back-ends.
    #[default]
    Nothing,
    /// The same for the same content.
    Known(String),
    /// One of the files cannot be read.
    Unknown,
}

/// The key of directories.
const LDAP: &str = "ldap_auth";

/// What the directories of a list are called; more than these it cannot have.
const LDAP_IN_LIST: [&str; 16] = [
    "ldap_auth[0]",
    "ldap_auth[1]",
    "ldap_auth[2]",
    "ldap_auth[3]",
    "ldap_auth[4]",
    "ldap_auth[5]",
    "ldap_auth[6]",
    "ldap_auth[7]",
    "ldap_auth[8]",
    "ldap_auth[9]",
    "ldap_auth[10]",
    "ldap_auth[11]",
    "ldap_auth[12]",
    "ldap_auth[13]",
    "ldap_auth[14]",
    "ldap_auth[15]",
];

/// docker_auth's sections of back-ends that are not here yet.
pub(super) const NOT_YET: [&str; 4] = ["github_auth", "gitlab_auth", "google_auth", "oidc_auth"];

/// docker_auth's sections of Go plugins, and what stands in for them.
pub(super) const PLUGINS: [(&str, &str); 2] = [("plugin_authn", "http_auth"), ("plugin_authz", "http_authz")];

/// The sections of back-ends that are not here, by what they would have known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Who accounts are.
    pub accounts: Vec<&'static str>,
    /// What they may do.
    pub rights: Vec<&'static str>,
}

impl Refused {
    /// Those of which `problems` has that they are refused.
    #[must_use]
    pub fn among(problems: &Problems) -> Self {
        let plugins = PLUGINS.into_iter().map(|(key, _)| key);
        let refused = NOT_YET.into_iter().chain(plugins);
        let refused = refused.filter(|key| problems.is_refusal_at(&Place::root().key(key)));
        let (rights, accounts) = refused.partition(|key| is_of_rights(key));
        Self { accounts, rights }
    }
}

fn is_of_rights(key: &str) -> bool {
    key.starts_with("acl_") || key.ends_with("_authz")
}

impl AuthnBackend {
    /// All, in the order in which they are asked.
    pub const ALL: &'static [Self] = &[
        Self::Htpasswd,
        Self::Program,
        Self::Ldap(LDAP),
        Self::Mongo,
        Self::Sql,
        Self::Hook,
        #[cfg(feature = "bench")]
        Self::Bench,
    ];

    /// Its key in the configuration, which is also its name in logs and metrics. In a list its number goes with it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Htpasswd => "htpasswd_auth",
            Self::Program => "ext_auth",
            Self::Ldap(place) => place,
            Self::Mongo => "mongo_auth",
            Self::Sql => "xorm_auth",
            Self::Hook => "http_auth",
            #[cfg(feature = "bench")]
            Self::Bench => "bench_auth",
        }
    }
}

impl RuleList {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::Mongo, Self::Sql];

    /// Its key in the configuration, which is also its name in logs and metrics.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Mongo => "acl_mongo",
            Self::Sql => "acl_xorm",
        }
    }
}

impl AuthzBackend {
    /// All, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Program, Self::Hook, Self::Casbin];

    /// Its key in the configuration, which is also its name in logs and metrics.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Program => "ext_authz",
            Self::Hook => "http_authz",
            Self::Casbin => "casbin_authz",
        }
    }
}

impl Backends {
    /// Takes the sections of all back-ends; those that are not here yet are refused by name.
    pub(super) fn read(root: &mut Section, problems: &mut Problems) -> Self {
        let mut backends = Self::default();
        for &backend in AuthnBackend::ALL {
            if let AuthnBackend::Ldap(_) = backend {
                backends.authn.extend(directories(root, problems));
                continue;
            }
            let section = root.section(backend.key(), problems);
            backends.authn.extend(section.map(|section| (backend, section)));
        }
        for list in RuleList::ALL {
            let section = root.section(list.key(), problems);
            backends.lists.extend(section.map(|section| (list, section)));
        }
        for backend in AuthzBackend::ALL {
            let section = root.section(backend.key(), problems);
            backends.authz.extend(section.map(|section| (backend, section)));
        }
        for key in NOT_YET {
            if root.remove(key).is_some() {
                problems.error(&root.place_of(key), "is a back-end that this release does not have yet");
            }
        }
        for (key, instead) in PLUGINS {
            if root.remove(key).is_some() {
                problems.error(
                    &root.place_of(key),
                    format_args!(
                        "is for plugins of docker_auth, which cannot be loaded; write an HTTP hook, `{instead}`"
                    ),
                );
            }
        }
        backends
    }

    /// Refuses the sections of all back-ends.
    pub(super) fn refuse(root: &mut Section, problems: &mut Problems) {
        let accounts = AuthnBackend::ALL.iter().map(|backend| backend.key());
        let lists = RuleList::ALL.into_iter().map(RuleList::key);
        let rights = AuthzBackend::ALL.into_iter().map(AuthzBackend::key);
        let rights = lists.chain(rights);
        let plugins = PLUGINS.into_iter().map(|(key, _)| key);
        for key in accounts.chain(rights).chain(NOT_YET).chain(plugins) {
            if root.remove(key).is_some() {
                problems.error(
                    &root.place_of(key),
                    "a proxy cannot do this by itself; only `users` and `acl` work here",
                );
            }
        }
    }
}

/// `ldap_auth`: a directory, or a list of them, each a back-end of its own.
fn directories(root: &mut Section, problems: &mut Problems) -> Vec<(AuthnBackend, Section)> {
    let place = root.place_of(LDAP);
    let list = match root.take(LDAP) {
        None => return Vec::new(),
        Some(Node::List(list)) => list,
        Some(node) => {
            let section = Section::open(node, place, problems);
            return section
                .map(|section| (AuthnBackend::Ldap(LDAP), section))
                .into_iter()
                .collect();
        }
    };
    let most = LDAP_IN_LIST.len();
    if list.is_empty() || list.len() > most {
        let count = list.len();
        problems.error(
            &place,
            format_args!("must name from 1 to {most} directories, not {count}"),
        );
    }
    let named = list.into_iter().zip(LDAP_IN_LIST).enumerate();
    let sections = named.filter_map(|(i, (node, name))| {
        let section = Section::open(node, place.index(i), problems)?;
        Some((AuthnBackend::Ldap(name), section))
    });
    sections.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ldap: &str) -> (Vec<&'static str>, String) {
        let mut problems = Problems::default();
        let node: Node = serde_json::from_str(&format!("{{\"ldap_auth\": {ldap}}}")).unwrap();
        let mut root = Section::open(node, Place::root(), &mut problems).unwrap();
        let backends = Backends::read(&mut root, &mut problems);
        let keys = backends.authn.iter().map(|(backend, _)| backend.key());
        (keys.collect(), problems.to_string())
    }

    #[test]
    fn directories_of_a_list_are_back_ends_of_their_own_named_by_their_place() {
        assert_eq!(read("{}"), (vec!["ldap_auth"], String::new()));
        assert_eq!(read("[{}, {}]"), (vec!["ldap_auth[0]", "ldap_auth[1]"], String::new()));
        assert_eq!(read("null").0, [""; 0]);
        let none = "ldap_auth: must name from 1 to 16 directories, not 0";
        assert_eq!(read("[]"), (vec![], none.to_owned()));
        assert!(read(&format!("[{}{{}}]", "{},".repeat(16))).1.ends_with("not 17"));
        assert_eq!(read("[1]").1, "ldap_auth[0]: must be a map, not a number");
    }
}
