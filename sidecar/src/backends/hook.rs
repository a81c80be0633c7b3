//! `http_auth` and `http_authz`: an HTTP hook, which is asked by POST and answers by its status.
//!
//! | status | `http_auth` | `http_authz` |
//! |---|---|---|
//! | 200 | allowed, with the `labels` of the body if it has one | what the body's `actions` and the question have in common |
//! | 401, 403 | denied | 403: nothing |
//! | 404 | no match | no match |
//!
//! All else is an error, redirects too: whoever sends one would get the password.

mod client;

use registry_auth_core::account::{Identity, Labels, LabelsArePatterns};
use registry_auth_core::config::backend::{AuthnBackend, AuthzBackend};
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::decide::Denial;
use registry_auth_core::problem::Problems;
use registry_auth_core::scope::Actions;
use registry_auth_core::secret::Secret;
use reqwest::StatusCode;
use tokio::time::Instant;
use tracing::warn;

use super::{Limits, json, labels_are_patterns};
use crate::backend::{Access, Asking, Authenticator, Authorizer, BackendError, Fault, Login, Outcome, Ruling};
use client::{Client, Response};

/// `http_auth`.
#[derive(Debug)]
pub struct HookAuthenticator {
    hook: Hook,
    labels_are: LabelsArePatterns,
}

/// `http_authz`.
#[derive(Debug)]
pub struct HookAuthorizer {
    hook: Hook,
}

#[derive(Debug)]
struct Hook {
    /// The section's key.
    backend: &'static str,
    client: Client,
    limits: Limits,
}

impl HookAuthenticator {
    /// Reads `http_auth`.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let hook = Hook::read(AuthnBackend::Hook.key(), &mut section, sources, problems);
        let labels_are = labels_are_patterns(&mut section, LabelsArePatterns::None, problems);
        section.finish(problems);
        Some(Self {
            hook: hook?,
            labels_are,
        })
    }

    async fn ask(&self, login: Login<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let question = match json::login(&login) {
            Ok(question) => question,
            Err(why) => {
                warn!(backend = self.hook.backend, account = %login.account, %why, "denied without asking");
                return Ok(Outcome::Deny(Denial::default()));
            }
        };
        let response = self.hook.ask(question, deadline).await?;
        match response.status {
            StatusCode::OK => Ok(Outcome::Accept(Identity {
                account: login.account.clone(),
                labels: self.labels(&response)?,
            })),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(Outcome::Deny(Denial::default())),
            StatusCode::NOT_FOUND => Ok(Outcome::NoMatch),
            status => Err(self.hook.stray(status)),
        }
    }

    fn labels(&self, response: &Response) -> Result<Labels, BackendError> {
        let labels = json::sent_labels(response.body.as_deref(), self.labels_are);
        labels.map_err(|error| self.hook.error(Fault::Useless, format_args!("sent {error}")))
    }
}

impl Authenticator for HookAuthenticator {
    fn authenticate<'a>(&'a self, login: Login<'a>, deadline: Instant) -> Asking<'a, Outcome> {
        Box::pin(self.ask(login, deadline))
    }
}

impl HookAuthorizer {
    /// Reads `http_authz`.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let hook = Hook::read(AuthzBackend::Hook.key(), &mut section, sources, problems);
        section.finish(problems);
        Some(Self { hook: hook? })
    }

    async fn ask(&self, access: Access<'_>, deadline: Instant) -> Result<Ruling, BackendError> {
        let question = json::access(&access).map_err(|error| self.hook.error(Fault::NotAsked, error))?;
        let response = self.hook.ask(question, deadline).await?;
        match response.status {
            StatusCode::OK => {
                let answer = response.body.as_deref().ok_or(json::NoAnswer::TooLong);
                let granted = answer.and_then(json::actions);
                let granted = granted.map_err(|error| self.hook.error(Fault::Useless, format_args!("sent {error}")))?;
                Ok(Ruling::Grant(access.scope.actions().intersection(&granted)))
            }
            StatusCode::FORBIDDEN => Ok(Ruling::Grant(Actions::none())),
            StatusCode::NOT_FOUND => Ok(Ruling::NoMatch),
            status => Err(self.hook.stray(status)),
        }
    }
}

impl Authorizer for HookAuthorizer {
    fn authorize<'a>(&'a self, access: Access<'a>, deadline: Instant) -> Asking<'a, Ruling> {
        Box::pin(self.ask(access, deadline))
    }
}

impl Hook {
    fn read(
        backend: &'static str,
        section: &mut Section,
        sources: Sources<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let client = Client::read(section, sources, problems);
        let limits = Limits::read(section, problems);
        Some(Self {
            backend,
            client: client?,
            limits,
        })
    }

    async fn ask(&self, question: Secret<Vec<u8>>, deadline: Instant) -> Result<Response, BackendError> {
        match self.limits.in_turn(self.client.post(question), deadline).await {
            Ok(answer) => answer.map_err(|error| self.error(error.fault, error)),
            Err(untimely) => Err(self.error(untimely.fault(), untimely)),
        }
    }

    fn stray(&self, status: StatusCode) -> BackendError {
        let note = if status.is_redirection() {
            "; redirects are not followed"
        } else {
            ""
        };
        self.error(
            Fault::Useless,
            format_args!("answered with status {}{note}", status.as_u16()),
        )
    }

    fn error(&self, fault: Fault, what: impl std::fmt::Display) -> BackendError {
        BackendError {
            backend: self.backend,
            fault,
            what: format!("`{}` {what}", self.client.shown()),
        }
    }
}

#[cfg(test)]
mod tests;
