//! A request that is granted more on one side than on the other. None is told that was not decided by both lists.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::acl::relation::Texts;
use registry_auth_core::acl::{Asked, Because, PatternMemo};
use registry_auth_core::config::acl::{Match, Options, Rule};
use registry_auth_core::config::users::User;
use registry_auth_core::memo::Seed;
use registry_auth_core::scope::{Actions, Scope};
use registry_auth_core::service::Service;

use super::candidates::{MAX_VALUES, addresses, asked, names};
use super::texts::{Pattern, Values, texts};
use crate::rulebook::Rulebook;

/// So many requests are tried for one rule.
const MAX_TRIED: usize = 5_000;
/// So many requests are tried in all: some seconds of work.
const MAX_TRIED_IN_ALL: usize = 300_000;
/// What registries ask for.
pub(super) const USUAL: [&str; 3] = ["delete", "pull", "push"];

/// Who asks: the labels that each side knows, or `None` where it does not know the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) account: Account,
    pub(super) from: Option<Labels>,
    pub(super) to: Option<Labels>,
}

/// A rule, how it is read, and from where it takes requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruled<'r> {
    pub(super) rule: &'r Rule,
    pub(super) options: Options,
    pub(super) network: Option<IpNet>,
}

/// One of the two that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    From,
    To,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Rule(usize),
    /// Labels of the account make this rule impossible to judge, so that nothing is granted.
    Unjudged(usize),
    NoRule,
    NoAccount,
    NotServed,
}

/// A request of which `to` grants what `from` does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Example {
    pub(super) who: Who,
    pub(super) address: IpAddr,
    pub(super) service: Service,
    /// With those actions alone that the one side grants, and the other does not.
    pub(super) scope: Scope,
    pub(super) from: Outcome,
    pub(super) to: Outcome,
}

/// Looks for examples of what `to` grants beyond `from`.
pub(super) struct Seeker<'r> {
    pub(super) from: &'r Rulebook,
    pub(super) to: &'r Rulebook,
    users: [HashMap<&'r str, &'r User>; 2],
    patterns: [PatternMemo; 2],
    tried: usize,
}

/// Where a search looks.
#[derive(Clone, Copy)]
pub(super) struct Aim<'a, 'r> {
    /// A rule of `to`.
    pub(super) target: Ruled<'r>,
    /// The number of the rule that is to decide; any may, if `None`.
    pub(super) decider: Option<usize>,
    /// Rules that may take its requests.
    pub(super) near: &'a [Ruled<'r>],
    /// Who asks; whoever the rule is for, if `None`.
    pub(super) whos: Option<&'a [Who]>,
    /// The services to ask for; those that both sides serve, if `None`.
    pub(super) services: Option<&'a [Service]>,
}

impl Who {
    /// The values of a label that are tried.
    pub(super) fn values(&self, label: &str) -> Vec<String> {
        let labels = [&self.to, &self.from].into_iter().flatten();
        let values = labels.flat_map(|labels| labels.get(label)).cloned();
        values.take(MAX_VALUES).collect()
    }
}

/// The labels of a static user.
pub(super) fn labels(user: &User) -> Labels {
    Labels::new(user.labels.clone(), LabelsArePatterns::Glob)
}

/// Whether nobody signs in as this user.
pub(super) fn is_locked(user: &User) -> bool {
    user.password.as_ref().is_some_and(|hash| hash.expose().is_empty())
}

/// Whether a token may be minted for this service.
pub(super) fn serves(rulebook: &Rulebook, service: &Service) -> bool {
    let served = rulebook.services.as_ref();
    served.is_none_or(|served| served.iter().any(|served| served == service.as_str()))
}

impl<'r> Seeker<'r> {
    pub(super) fn new(from: &'r Rulebook, to: &'r Rulebook) -> Self {
        // Nobody outside chooses what is asked here, so the seeds need not be a secret.
        let patterns = || PatternMemo::new(Seed::new([0; 16]));
        Self {
            from,
            to,
            // Of two with the same name the last counts.
            users: [from, to].map(|rulebook| rulebook.users.iter().map(|user| (user.name.as_str(), user)).collect()),
            patterns: [patterns(), patterns()],
            tried: 0,
        }
    }

    /// The static user of that name.
    pub(super) fn user(&self, side: Side, name: &str) -> Option<&'r User> {
        let [from, to] = &self.users;
        let users = match side {
            Side::From => from,
            Side::To => to,
        };
        users.get(name).copied()
    }

    /// A request that the target takes, unless a rule above it does, and that is granted more than by `from`.
    pub(super) fn seek(&mut self, aim: Aim<'_, 'r>) -> Option<Example> {
        if self.tried > MAX_TRIED_IN_ALL {
            return None;
        }
        let whos = match aim.whos {
            Some(whos) => whos.to_vec(),
            None => self.whos(aim),
        };
        let matches = &aim.target.rule.matches;
        let near = |field: fn(&Match) -> Option<&str>| -> Vec<Pattern<'r>> {
            let near = aim.near.iter().map(|near| (field(&near.rule.matches), near.options));
            near.filter(|(text, _)| text.is_some()).collect()
        };
        let options = aim.target.options;
        let mut kinds = texts(
            (matches.kind.as_deref(), options),
            &near(|m| m.kind.as_deref()),
            Texts::Kinds,
        );
        if kinds.is_empty() {
            kinds.push("repository".to_owned());
        }
        let services = match aim.services {
            Some(services) => services.to_vec(),
            None => self.services(aim, &near(|m| m.service.as_deref())),
        };
        let addresses = addresses(aim);
        let asked = asked(aim);
        let mut left = MAX_TRIED;
        for who in &whos {
            for kind in &kinds {
                for service in &services {
                    let values = Values {
                        who,
                        kind,
                        service: service.as_str(),
                    };
                    for name in names(aim, values) {
                        let Ok(scope) = Scope::parse(&format!("{kind}:{name}:{}", asked.join(","))) else {
                            continue;
                        };
                        for address in &addresses {
                            left = left.checked_sub(1)?;
                            let found = self.confirmed(who, *address, service, &scope);
                            let is_meant =
                                |found: &Example| aim.decider.is_none_or(|index| found.to == Outcome::Rule(index));
                            if found.as_ref().is_some_and(is_meant) {
                                return found;
                            }
                        }
                    }
                }
            }
        }
        None
    }

    /// What `to` grants of it beyond `from`, if anything.
    fn confirmed(&mut self, who: &Who, address: IpAddr, service: &Service, scope: &Scope) -> Option<Example> {
        self.tried = self.tried.saturating_add(1);
        if self.tried > MAX_TRIED_IN_ALL {
            return None;
        }
        let [from_patterns, to_patterns] = &mut self.patterns;
        let ask = |rulebook: &Rulebook, labels: &Option<Labels>, patterns: &mut PatternMemo| {
            let Some(labels) = labels else {
                return (Actions::none(), Outcome::NoAccount);
            };
            if !serves(rulebook, service) {
                return (Actions::none(), Outcome::NotServed);
            }
            let identity = Identity {
                account: who.account.clone(),
                labels: labels.clone(),
            };
            let asked = Asked {
                identity: &identity,
                address,
                service,
                scope,
            };
            let grant = rulebook.acl.decide(&asked, patterns);
            let outcome = match grant.because() {
                Because::Rule { index, .. } => Outcome::Rule(*index),
                Because::CannotJudge { index, .. } => Outcome::Unjudged(*index),
                Because::NoRule | Because::Backend(_) => Outcome::NoRule,
            };
            (grant.actions().clone(), outcome)
        };
        let (after, to) = ask(self.to, &who.to, to_patterns);
        if after.is_empty() {
            return None;
        }
        let (before, from) = ask(self.from, &who.from, from_patterns);
        // There a back-end decides, and nobody knows how.
        if from == Outcome::NoRule && self.from.asks.scopes {
            return None;
        }
        let gained = after.iter().filter(|action| !before.iter().any(|had| had == *action));
        let gained: Vec<&str> = gained.collect();
        let usual: Vec<&str> = gained.iter().copied().filter(|action| USUAL.contains(action)).collect();
        let gained = if usual.is_empty() { gained } else { usual };
        let actions: Actions = gained.into_iter().collect();
        (!actions.is_empty()).then(|| Example {
            who: who.clone(),
            address,
            service: service.clone(),
            scope: Scope::new(scope.resource().clone(), actions),
            from,
            to,
        })
    }
}
