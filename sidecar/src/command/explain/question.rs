//! What is explained: who asks, from where, for which registry, and what.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::config::users::User;
use registry_auth_core::scope::{Scope, Scopes};
use registry_auth_core::service::Service;

use super::audit_line::Recorded;
use super::{Explain, ExplainError};
use crate::rulebook::Rulebook;

/// A request for a token, once it is known who asks.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) identity: Identity,
    pub(super) address: IpAddr,
    pub(super) service: Service,
    pub(super) scopes: Vec<Scope>,
    /// What of it nobody said.
    pub(super) assumed: Assumed,
    /// What the audit log has of it.
    pub(super) recorded: Option<Recorded>,
}

/// What was taken for granted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Assumed {
    pub(super) address: bool,
    pub(super) service: bool,
}

impl Question {
    /// The request that the command line describes.
    pub(super) fn of_arguments(explain: &Explain, rulebook: &Rulebook) -> Result<Self, ExplainError> {
        let account = explain.account.clone().unwrap_or_default();
        let user = user(rulebook, &account);
        let mut labels = user.map(|user| user.labels.clone()).unwrap_or_default();
        add(&mut labels, &explain.label);
        let mut labels = Labels::new(labels, LabelsArePatterns::Glob);
        for (name, value) in &explain.claim {
            labels = labels.with_claim(name, value);
        }
        let first = rulebook.services.iter().flatten().next();
        let served = first.and_then(|service| Service::parse(service).ok());
        let is_only = rulebook.services.as_ref().is_some_and(|services| services.len() == 1);
        Ok(Self {
            identity: Identity { account, labels },
            address: explain.ip.unwrap_or(Ipv4Addr::LOCALHOST.into()).to_canonical(),
            assumed: Assumed {
                address: explain.ip.is_none(),
                service: explain.service.is_none() && !is_only,
            },
            service: explain.service.clone().or(served).unwrap_or_default(),
            scopes: scopes(&explain.scope)?,
            recorded: None,
        })
    }

    /// The request that an audit record is of.
    pub(super) fn of_record(recorded: Recorded) -> Self {
        Self {
            identity: recorded.identity.clone(),
            address: recorded.address,
            service: recorded.service.clone(),
            scopes: recorded.scopes.iter().map(|recorded| recorded.scope.clone()).collect(),
            assumed: Assumed::default(),
            recorded: Some(recorded),
        }
    }

    /// Whether the file serves other registries alone, so that no token is minted whatever the rules say.
    pub(super) fn is_refused_service(&self, rulebook: &Rulebook) -> bool {
        let services = rulebook.services.as_ref();
        services.is_some_and(|services| !services.iter().any(|service| service == self.service.as_str()))
    }
}

/// The static user of that name; of two with the same name the last counts.
pub(super) fn user<'r>(rulebook: &'r Rulebook, account: &Account) -> Option<&'r User> {
    rulebook.users.iter().rfind(|user| user.name == account.as_str())
}

fn add(labels: &mut BTreeMap<String, Vec<String>>, pairs: &[(String, String)]) {
    for (name, value) in pairs {
        labels.entry(name.clone()).or_default().push(value.clone());
    }
}

/// Merged as in a request.
fn scopes(texts: &[String]) -> Result<Vec<Scope>, ExplainError> {
    match Scopes::parse(texts.iter().map(String::as_str)) {
        Ok(scopes) => Ok(scopes.iter().cloned().collect()),
        Err(error) => Err(ExplainError::Scope {
            mend: texts
                .iter()
                .find(|text| Scope::parse(text).is_err())
                .and_then(|text| mended(text)),
            error,
        }),
    }
}

/// The scope that was perhaps meant by an image's name, or by a scope without actions.
pub(in crate::command) fn mended(text: &str) -> Option<String> {
    let without_tag = text.rsplit_once(':').map_or(text, |(name, _)| name);
    let candidates = [
        format!("{text}:pull"),
        format!("repository:{text}"),
        format!("repository:{text}:pull"),
        format!("repository:{without_tag}:pull"),
    ];
    let known = |text: &String| {
        let scope = Scope::parse(text).ok()?;
        let actions = scope.actions();
        let is_usual = scope.resource().kind() == "repository" && !actions.is_empty();
        let are_known = actions
            .iter()
            .all(|action| ["pull", "push", "delete", "*"].contains(&action));
        (is_usual && are_known).then_some(())
    };
    candidates.into_iter().find(|candidate| known(candidate).is_some())
}
