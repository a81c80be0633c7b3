//! `--connect`: what the databases hold now, and what the back-ends say, in place of what is not known from the file.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use registry_auth_core::acl::explain::Explanation;
use registry_auth_core::acl::{Acl, Because};
use registry_auth_core::authn::Proof;
use registry_auth_core::config::Section;
use registry_auth_core::config::backend::{Backends, RuleList};
use registry_auth_core::decide::{Known, USERS};
use registry_auth_core::problem::Problems;
use registry_auth_core::scope::{Actions, Scope};
use tokio::time::Instant;

use super::question::Question;
use super::{Answered, ExplainError};
use crate::backend::BackendError;
use crate::chain::{Chain, Observer, Unobserved};
use crate::lists::{Lists, Refusal, judge};
use crate::rulebook::Rulebook;

/// How long all of it may take: somebody waits at a terminal.
const PATIENCE: Duration = Duration::from_secs(30);

/// What back-ends said of scopes that no rule decides.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<(Scope, Actions, Because)>);

impl Said {
    pub(super) fn of(&self, explanation: &Explanation) -> Option<(&Actions, &Because)> {
        let wanted = explanation.grant().scope();
        let said = self.0.iter().find(|(scope, ..)| scope == wanted)?;
        Some((&said.1, &said.2))
    }
}

/// Makes the rules that databases hold a part of the rulebook.
pub(super) async fn read_lists(
    rulebook: &mut Rulebook,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ExplainError> {
    let sections: Vec<(RuleList, Section)> = std::mem::take(&mut rulebook.backends.lists);
    let lists = opened(rulebook, environment, |rulebook, sources, problems| {
        Lists::open(&sections, rulebook.options, sources, &observer(), problems)
    })?;
    for (which, read) in lists.try_out(deadline()).await {
        let key = which.key();
        let (rules, _) = judge(key, rulebook.options, read.map_err(ExplainError::Backend)?)
            .map_err(|Refusal { why, .. }| ExplainError::List(why))?;
        rulebook.rules.extend(rules);
    }
    let mut problems = Problems::default();
    rulebook.acl = Acl::compile(&rulebook.rules, rulebook.options, &mut problems);
    rulebook.asks.scopes = !rulebook.backends.authz.is_empty() || !rulebook.lacking.rights.is_empty();
    Ok(())
}

/// Asks about each scope that no rule decides.
pub(super) async fn ask(
    rulebook: &mut Rulebook,
    question: &Question,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Said, ExplainError> {
    let open: Vec<Scope> = Answered::to(rulebook, question, &Said::default())
        .open()
        .cloned()
        .collect();
    // Those that know accounts are not asked: nobody signs in here.
    let backends = Backends {
        authz: rulebook.backends.authz.clone(),
        ..Backends::default()
    };
    if open.is_empty() || backends.authz.is_empty() {
        return Ok(Said::default());
    }
    let chain = opened(rulebook, environment, |_, sources, problems| {
        Chain::open(backends, sources, &observer(), problems)
    })?;
    let known = Known {
        identity: question.identity.clone(),
        proof: Proof::Password,
        backend: Cow::Borrowed(USERS),
    };
    let said = chain.authorize(&known, &question.service, question.address, &open, deadline());
    let said = said.await?.into_iter();
    let said = open
        .into_iter()
        .zip(said)
        .map(|(scope, (actions, because))| (scope, actions, because));
    Ok(Said(said.collect()))
}

fn opened<T>(
    rulebook: &mut Rulebook,
    environment: &dyn Fn(&str) -> Option<String>,
    open: impl FnOnce(&Rulebook, registry_auth_core::config::Sources<'_>, &mut Problems) -> T,
) -> Result<T, ExplainError> {
    let mut problems = Problems::default();
    let mut origin = std::mem::take(&mut rulebook.origin);
    let opened = origin.with_sources(environment, |sources| open(rulebook, sources, &mut problems));
    rulebook.origin = origin;
    if problems.is_refusal() {
        return Err(ExplainError::Rulebook(rulebook.origin.report(&problems)));
    }
    Ok(opened)
}

fn observer() -> Arc<dyn Observer> {
    Arc::new(Unobserved)
}

fn deadline() -> Instant {
    let now = Instant::now();
    now.checked_add(PATIENCE).unwrap_or(now)
}

impl From<BackendError> for ExplainError {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}
