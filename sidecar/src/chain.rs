//! The back-ends of one configuration, asked in their order: the first that has something to say decides.
//!
//! An error ends the request. The next back-end is not asked then: the same name may mean somebody else there.

mod watch;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use registry_auth_core::acl::Because;
use registry_auth_core::authn::Proof;
use registry_auth_core::authn::attempt::Work;
use registry_auth_core::config::Sources;
use registry_auth_core::config::backend::{AuthnBackend, AuthzBackend, Backends};
use registry_auth_core::decide::{Answer, Denial, Known};
use registry_auth_core::problem::Problems;
use registry_auth_core::scope::{Actions, Scope};
use registry_auth_core::service::Service;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backend::{Access, Authenticator, Authorizer, BackendError, Comparison, Login, Outcome, Ruling};
#[cfg(feature = "bench")]
use crate::backends::bench;
use crate::backends::{casbin, hook, htpasswd, ldap, mongo, program, sql};
use crate::lists::News;
use watch::Watch;
pub use watch::{Asked, Observer, Unobserved};

/// The back-ends in their order.
#[derive(Debug)]
pub struct Chain {
    authn: Vec<(Watch, Box<dyn Authenticator>)>,
    authz: Vec<(Watch, Box<dyn Authorizer>)>,
}

impl Chain {
    /// Opens each back-end; what is wrong with one is noted in `problems`, and the chain is then not to be used. Each
    /// question is told to `observer`.
    pub fn open(
        backends: Backends,
        sources: Sources<'_>,
        observer: &Arc<dyn Observer>,
        problems: &mut Problems,
    ) -> Self {
        let accounts = backends.authn.into_iter().filter_map(|(backend, section)| {
            let opened: Box<dyn Authenticator> = match backend {
                AuthnBackend::Htpasswd => Box::new(htpasswd::HtpasswdAuthenticator::open(section, sources, problems)?),
                AuthnBackend::Program => Box::new(program::ProgramAuthenticator::open(section, sources, problems)?),
                AuthnBackend::Ldap(place) => {
                    Box::new(ldap::LdapAuthenticator::open(place, section, sources, problems)?)
                }
                AuthnBackend::Mongo => Box::new(mongo::MongoAuthenticator::open(section, sources, problems)?),
                AuthnBackend::Sql => Box::new(sql::SqlAuthenticator::open(section, sources, problems)?),
                AuthnBackend::Hook => Box::new(hook::HookAuthenticator::open(section, sources, problems)?),
                #[cfg(feature = "bench")]
                AuthnBackend::Bench => Box::new(bench::Bench::open(section, problems)),
            };
            Some((Watch::new(backend.key(), observer), opened))
        });
        let authn = accounts.collect();
        let rights = backends.authz.into_iter().filter_map(|(backend, section)| {
            let opened: Box<dyn Authorizer> = match backend {
                AuthzBackend::Program => Box::new(program::ProgramAuthorizer::open(section, sources, problems)?),
                AuthzBackend::Hook => Box::new(hook::HookAuthorizer::open(section, sources, problems)?),
                AuthzBackend::Casbin => Box::new(casbin::CasbinAuthorizer::open(section, sources, problems)?),
            };
            Some((Watch::new(backend.key(), observer), opened))
        });
        Self {
            authn,
            authz: rights.collect(),
        }
    }

    /// Whether each back-end can be asked, by its key, in their order.
    pub async fn try_out(&self, deadline: Instant) -> Vec<(&'static str, Result<(), BackendError>)> {
        let mut tried = Vec::new();
        for (watch, backend) in &self.authn {
            tried.push((watch.key(), backend.try_out(deadline).await));
        }
        for (watch, backend) in &self.authz {
            tried.push((watch.key(), backend.try_out(deadline).await));
        }
        tried
    }

    /// Has each back-end see to what it can before anybody asks.
    pub async fn prepare(&self, deadline: Instant) {
        for (watch, backend) in &self.authn {
            if let Some(preparing) = backend.prepare(deadline) {
                watch.over_preparing(preparing, deadline).await;
            }
        }
    }

    /// Whether there are no back-ends.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.authn.is_empty() && self.authz.is_empty()
    }

    /// Hands on to `news` what back-ends tell, for as long as `tasks` live.
    pub fn hear(self: &Arc<Self>, news: &Arc<News>, tasks: &mut JoinSet<()>) {
        for index in 0..self.authn.len() {
            let (chain, news) = (Arc::clone(self), Arc::clone(news));
            tasks.spawn(async move {
                let Some((_, backend)) = chain.authn.get(index) else {
                    return;
                };
                while let Some(changed) = backend.changed() {
                    changed.await;
                    news.told();
                }
            });
        }
    }

    /// Who this is: [`Answer::Accepted`], or [`Answer::Denied`] if nobody knows them or the password is wrong. Hashes are
    /// computed by `compare`, which answers whether the login's password fits.
    ///
    /// # Errors
    /// When a back-end could not be asked, or a hash was not computed.
    pub async fn authenticate<E, F>(
        &self,
        login: Login<'_>,
        deadline: Instant,
        compare: impl Fn(Work) -> F,
    ) -> Result<Answer, E>
    where
        E: From<BackendError>,
        F: Future<Output = Result<bool, E>>,
    {
        let mut owed = Vec::new();
        let answer = self.find(login, deadline, &compare, &mut owed).await?;
        if matches!(answer, Answer::Denied(_)) {
            // What is computed for nobody is for failures alone: whoever is let in does not wait for it.
            for work in owed {
                compare(work).await?;
            }
        }
        Ok(answer)
    }

    /// Who this is, if somebody lets them in; what a failure has to cost besides goes to `owed`.
    async fn find<E, F>(
        &self,
        login: Login<'_>,
        deadline: Instant,
        compare: &impl Fn(Work) -> F,
        owed: &mut Vec<Work>,
    ) -> Result<Answer, E>
    where
        E: From<BackendError>,
        F: Future<Output = Result<bool, E>>,
    {
        for (watch, backend) in &self.authn {
            let identity = match watch
                .over(login.account, backend.authenticate(login, deadline), deadline)
                .await?
            {
                Outcome::NoMatch => continue,
                Outcome::Deny(denial) => return Ok(Answer::Denied(denial)),
                Outcome::Accept(identity) => identity,
                Outcome::Compare(Comparison { found: None, work }) => {
                    owed.push(work);
                    continue;
                }
                Outcome::Compare(Comparison {
                    found: Some(identity),
                    work,
                }) => {
                    if !compare(work).await? {
                        return Ok(Answer::Denied(Denial::default()));
                    }
                    identity
                }
            };
            let proof = if login.account.is_anonymous() {
                Proof::Open
            } else {
                Proof::Password
            };
            let backend = Cow::Borrowed(watch.key());
            return Ok(Answer::Accepted(Known {
                identity,
                proof,
                backend,
            }));
        }
        Ok(Answer::Denied(Denial::default()))
    }

    /// What `known`, at `address`, may do of `scopes` on `service`, one answer for each in their order. Where no back-end
    /// has something to say nothing is granted.
    ///
    /// # Errors
    /// When a back-end could not be asked, about any of the scopes.
    pub async fn authorize(
        &self,
        known: &Known,
        service: &Service,
        address: IpAddr,
        scopes: &[Scope],
        deadline: Instant,
    ) -> Result<Vec<(Actions, Because)>, BackendError> {
        let mut found = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let access = Access {
                identity: &known.identity,
                service,
                address,
                scope,
            };
            found.push(self.rule(access, deadline).await?);
        }
        Ok(found)
    }

    async fn rule(&self, access: Access<'_>, deadline: Instant) -> Result<(Actions, Because), BackendError> {
        for (watch, backend) in &self.authz {
            let asking = backend.authorize(access, deadline);
            match watch.over(&access.identity.account, asking, deadline).await? {
                Ruling::NoMatch => {}
                Ruling::Grant(actions) => {
                    let granted = access.scope.actions().intersection(&actions);
                    return Ok((granted, Because::Backend(watch.name())));
                }
            }
        }
        Ok((Actions::none(), Because::NoRule))
    }

    /// The back-ends that could not be asked the last time, by key.
    #[must_use]
    pub fn down(&self) -> Vec<&'static str> {
        let accounts = self.authn.iter().map(|(watch, _)| watch);
        let rights = self.authz.iter().map(|(watch, _)| watch);
        accounts
            .chain(rights)
            .filter(|watch| watch.is_down())
            .map(Watch::key)
            .collect()
    }
}

#[cfg(test)]
mod tests;
