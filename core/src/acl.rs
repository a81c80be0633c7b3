//! What an account may do: the first rule that matches decides.
//!
//! A rule is docker_auth's: patterns for account, type, name and service, an address or network, and patterns for labels.
//! All that are there must hold; what the rule then grants is its `actions`, cut down to those asked for. Where it means
//! less than docker_auth, a value that somebody else chose would have been a pattern; where it means more, the rule was
//! dead there.
//!
//! ```
//! use registry_auth_core::account::{Account, Identity};
//! use registry_auth_core::acl::{Acl, Asked};
//! use registry_auth_core::config::acl::{Options, read};
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
//! let grant = acl.decide(&Asked {
//!     identity: &Identity { account: Account::parse("ada")?, ..Identity::default() },
//!     address: "192.0.2.1".parse()?,
//!     service: &Service::parse("registry")?,
//!     scope: &Scope::parse("repository:ada/app:pull,push")?,
//! });
//! assert_eq!(grant.actions().to_string(), "pull");
//! assert_eq!(grant.because().to_string(), r#"rule 0 "own""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod captures;
pub mod glob;
pub mod go_regex;
mod network;
mod pattern;
mod rule;
mod search;
mod variables;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::account::Identity;
use crate::config::acl as written;
use crate::problem::Problems;
use crate::scope::{Actions, Scope};
use crate::service::Service;
use pattern::Verdict;
use rule::Rule;

pub use search::MAX_COMBINATIONS;

/// A list of rules, compiled.
#[derive(Debug, Default)]
pub struct Acl {
    rules: Box<[Rule]>,
}

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

/// What one scope was granted, and the rule that said so. Made by [`Acl::decide`], nowhere else.
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
}

impl Acl {
    /// Compiles the rules; everything that is wrong with any of them is noted in `problems`. With a fault noted, the list
    /// is not to be used: rules are missing from it.
    pub fn compile(rules: &[written::Rule], options: written::Options, problems: &mut Problems) -> Self {
        let rules = rules.iter().filter_map(|rule| Rule::compile(rule, options, problems));
        Self { rules: rules.collect() }
    }

    /// What of `asked` is granted. Where nothing is asked nothing is, and the rule is told all the same.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>) -> Grant {
        let (actions, because) = self.first(asked);
        Grant {
            scope: asked.scope.clone(),
            actions,
            because,
        }
    }

    fn first(&self, asked: &Asked<'_>) -> (Actions, Because) {
        for (index, rule) in self.rules.iter().enumerate() {
            match rule.judge(asked) {
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
