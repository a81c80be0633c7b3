//! What an account may do: the first rule that matches decides.
//!
//! A rule is docker_auth's: patterns for account, type, name and service, an address or network, and patterns for labels.
//! All that are there must hold; what the rule then grants is its `actions`, cut down to those asked for. Where it means
//! less than docker_auth, a value that somebody else chose would have been a pattern; where it means more, the rule was
//! dead there.
//!
//! A long list costs a request little: rules are found by what they need (see `index`), and expressions are compiled when
//! a request first needs one and kept in a [`PatternMemo`], which each worker has for itself.
//!
//! ```
//! use registry_auth_core::account::{Account, Identity};
//! use registry_auth_core::acl::{Acl, Asked, PatternMemo};
//! use registry_auth_core::config::acl::{Options, read};
//! use registry_auth_core::memo::Seed;
//! use registry_auth_core::problem::{Place, Problems};
//! use registry_auth_core::scope::Scope;
//! use registry_auth_core::service::Service;
//!
//! let mut problems = Problems::default();
//! let written = serde_json::from_str(r#"[{"match": {"name": "${account}/*"}, "actions": ["pull"], "comment": "own"}]"#)?;
//! let rules = read(written, &Place::root().key("acl"), &mut problems);
//! let acl = Acl::compile(&rules, Options::default(), &mut problems);
//! assert!(!problems.is_refusal());
//!
//! let asked = Asked {
//!     identity: &Identity { account: Account::parse("ada")?, ..Identity::default() },
//!     address: "192.0.2.1".parse()?,
//!     service: &Service::parse("registry")?,
//!     scope: &Scope::parse("repository:ada/app:pull,push")?,
//! };
//! let grant = acl.decide(&asked, &mut PatternMemo::new(Seed::new([7; 16])));
//! assert_eq!(grant.actions().to_string(), "pull");
//! assert_eq!(grant.because().to_string(), r#"rule 0 "own""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bearing;
mod builder;
mod captures;
pub mod explain;
pub mod glob;
pub mod go_regex;
mod index;
mod needs;
pub mod network;
mod pattern;
mod patterns;
pub mod relation;
pub mod review;
mod rule;
mod search;
mod variables;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use crate::account::Identity;
use crate::config::acl as written;
use crate::piecemeal::{BuildAsItIs, TextMark};
use crate::problem::Problems;
use crate::scope::{Actions, Scope};
use crate::service::Service;
use index::Index;
use pattern::Verdict;
use rule::Rule;

pub(crate) use builder::{Builder, Remains};
pub use patterns::{PatternMemo, Room};
pub use search::MAX_COMBINATIONS;

/// A list of rules, compiled.
#[derive(Debug, Default)]
pub struct Acl {
    listed: Arc<Listed>,
    index: Index,
}

/// The rules themselves, of which the next list may take over some.
#[derive(Debug, Default)]
struct Listed {
    options: written::Options,
    rules: Vec<Arc<Rule>>,
    by_text: HashSet<ByText, BuildAsItIs>,
}

/// A rule, found by the line that it was read from.
#[derive(Debug)]
struct ByText(Arc<Rule>);

/// All that a rule may look at.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// From where.
    pub address: IpAddr,
    /// For which registry.
    pub service: &'a Service,
    /// What.
    pub scope: &'a Scope,
}

/// What one scope was granted, and the rule that said so. Made by [`Acl::decide`] and of what a back-end answered, nowhere
/// else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    scope: Scope,
    actions: Actions,
    because: Because,
}

/// Why a grant is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// This rule was the first to match.
    Rule {
        /// Its number in the list, from 0.
        index: usize,
        /// The operator's note on it.
        comment: Option<Arc<str>>,
    },
    /// No rule matches: nothing is granted.
    NoRule,
    /// This rule would have needed more than [`MAX_COMBINATIONS`] of label values for this request, or a value makes its
    /// pattern malformed or too large: nothing is granted, and no later rule is asked, since this one may deny.
    CannotJudge {
        /// Its number in the list, from 0.
        index: usize,
        /// The operator's note on it.
        comment: Option<Arc<str>>,
    },
    /// No rule matches, and this back-end says so; named by its key in the configuration.
    Backend(Arc<str>),
}

impl Acl {
    /// Compiles the rules; everything that is wrong with any of them is noted in `problems`. With a fault noted, the list
    /// is not to be used: rules are missing from it.
    pub fn compile(rules: &[written::Rule], options: written::Options, problems: &mut Problems) -> Self {
        let mut builder = Builder::new(options, rules.len(), None);
        for rule in rules {
            builder.add(rule, None, problems);
        }
        builder.finish()
    }

    /// How the patterns of its rules are read.
    pub(crate) fn options(&self) -> written::Options {
        self.listed.options
    }

    /// How often each rule is held, in the order of the list.
    #[cfg(test)]
    pub(crate) fn holders(&self) -> Vec<usize> {
        self.listed.rules.iter().map(Arc::strong_count).collect()
    }

    /// Begins to take it apart; rules that another list took over stay with that one.
    pub(crate) fn dismantle(self) -> Remains {
        Remains::new(Arc::into_inner(self.listed), self.index.dismantle())
    }

    /// What of `asked` is granted. Where nothing is asked nothing is, and the rule is told all the same. Expressions that
    /// are needed are taken from `patterns`, or compiled and left there; what is decided does not depend on it.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Grant {
        let (actions, because) = self.first(asked, patterns);
        Grant {
            scope: asked.scope.clone(),
            actions,
            because,
        }
    }

    fn first(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> (Actions, Because) {
        let candidates = self.index.candidates(asked);
        for (index, rule) in candidates.filter_map(|index| Some((index, self.listed.rules.get(index)?))) {
            match rule.judge(asked, patterns) {
                Verdict::Fails => {}
                Verdict::Holds => {
                    let comment = rule.comment();
                    return (rule.grant(asked.scope.actions()), Because::Rule { index, comment });
                }
                Verdict::Unknown => {
                    let comment = rule.comment();
                    return (Actions::none(), Because::CannotJudge { index, comment });
                }
            }
        }
        (Actions::none(), Because::NoRule)
    }
}

impl Borrow<Option<TextMark>> for ByText {
    fn borrow(&self) -> &Option<TextMark> {
        &self.0.mark
    }
}

impl Hash for ByText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.mark.hash(state);
    }
}

impl PartialEq for ByText {
    fn eq(&self, other: &Self) -> bool {
        self.0.mark == other.0.mark
    }
}

impl Eq for ByText {}

/// `rule 3 "readers may pull"`, `rule 3 cannot be judged`, `no rule matches`.
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = |f: &mut fmt::Formatter<'_>, index: &usize, comment: &Option<Arc<str>>| match comment {
            Some(comment) => write!(f, "rule {index} {comment:?}"),
            None => write!(f, "rule {index}"),
        };
        match self {
            Self::Rule { index, comment } => rule(f, index, comment),
            Self::NoRule => f.write_str("no rule matches"),
            Self::CannotJudge { index, comment } => {
                rule(f, index, comment)?;
                f.write_str(" cannot be judged")
            }
            Self::Backend(name) => write!(f, "{name} says so"),
        }
    }
}

impl Grant {
    /// What was asked.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What of it is granted.
    #[must_use]
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// Why.
    #[must_use]
    pub fn because(&self) -> &Because {
        &self.because
    }

    /// What a back-end says, where no rule matches.
    pub(crate) fn found_elsewhere(scope: Scope, actions: Actions, because: Because) -> Self {
        Self {
            scope,
            actions,
            because,
        }
    }

    /// A grant for tests of what comes after it.
    #[cfg(test)]
    pub(crate) fn for_test(scope: Scope, actions: Actions, because: Because) -> Self {
        Self {
            scope,
            actions,
            because,
        }
    }
}
