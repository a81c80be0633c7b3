//! What an account may do: the first rule that matches decides.

pub mod glob;
pub mod go_regex;

use std::net::IpAddr;
use std::sync::Arc;

use crate::account::Identity;
use crate::config::acl::{Options, Rule};
use crate::problem::Problems;
use crate::scope::{Actions, Scope};
use crate::service::Service;

/// A list of rules, compiled.
#[derive(Debug, Default)]
pub struct Acl {}

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
    /// This rule would have needed too much work for this request: nothing is granted.
    CannotJudge {
        /// Its number in the list, from 0.
        index: usize,
        /// The operator's note on it.
        comment: Option<Arc<str>>,
    },
}

impl Acl {
    /// Compiles the rules; what is wrong with them is noted in `problems`.
    pub fn compile(_rules: &[Rule], _options: Options, _problems: &mut Problems) -> Self {
        Self {}
    }

    /// What of `asked` is granted.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>) -> Grant {
        Grant {
            scope: asked.scope.clone(),
            actions: Actions::none(),
            because: Because::NoRule,
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
}
