//! MongoDB: `mongo_auth`, accounts in a collection as docker_auth has it, and the list of rules that is read from one.
//!
//! The database says what stands in an account's document, and no more: that a name is byte for byte the one that was typed
//! is seen to here, and hashes are computed where all hashes are.

mod account;
mod dial_info;
mod fault;
mod index;
mod keeping;
mod options;
mod question;
pub mod rules;
mod server;
mod tls;
mod url;

use std::sync::Mutex;

use registry_auth_core::account::{Account, Identity, LabelsArePatterns};
use registry_auth_core::authn::dearest::Dearest;
use registry_auth_core::config::backend::AuthnBackend;
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::Problems;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tracing::warn;

use super::{Limits, Untimely, labels_are_patterns, stored};
use crate::backend::{Asking, Authenticator, BackendError, Fault, Login, Outcome};
use fault::NoAnswer;
use options::Options;
use server::Server;

/// `mongo_auth`.
#[derive(Debug)]
pub struct MongoAuthenticator {
    server: Server,
    limits: Limits,
    labels_are: LabelsArePatterns,
    is_ready: OnceCell<()>,
    /// What a failure costs, by the hashes that were seen.
    dearest: Mutex<Dearest>,
}

impl MongoAuthenticator {
    /// Reads `mongo_auth`. Nothing is connected to yet.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let limits = Limits::read(&mut section, problems);
        let options = Options::read(&mut section, limits.timeout, limits.gate.most(), sources, problems);
        let labels_are = labels_are_patterns(&mut section, LabelsArePatterns::Glob, problems);
        section.finish(problems);
        Some(Self {
            server: Server::new(options?),
            limits,
            labels_are,
            is_ready: OnceCell::new(),
            dearest: Mutex::default(),
        })
    }

    /// The anonymous account is asked for too, as in docker_auth: the document with the name `""` is its own.
    async fn ask(&self, login: Login<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let account = login.account;
        let asking = async {
            self.be_ready().await?;
            question::documents(&self.server, self.limits.timeout, account.as_str()).await
        };
        let documents = self.in_turn(asking, deadline).await?;
        let kept = account::choose(&documents, account.as_str(), question::MOST.into(), self.labels_are);
        let kept = kept.map_err(|error| self.error(Fault::Useless, format_args!("holds of `{account}` {error}")))?;
        let Some(account::Kept { password, labels }) = kept else {
            return Ok(self.unknown(account));
        };
        let identity = Identity {
            account: account.clone(),
            labels,
        };
        let Some(password) = password else {
            if !account.is_anonymous() {
                warn!(
                    backend = AuthnBackend::Mongo.key(),
                    %account,
                    "any password lets the account in: its document has no `password`"
                );
            }
            return Ok(Outcome::Accept(identity));
        };
        let stored = ("password", password.expose().as_str());
        Ok(stored::known(
            AuthnBackend::Mongo.key(),
            identity,
            stored,
            &self.dearest,
        ))
    }

    async fn be_ready(&self) -> Result<(), NoAnswer> {
        let prepare = || question::prepare(&self.server, self.limits.timeout, &self.dearest);
        self.is_ready.get_or_try_init(prepare).await.copied()
    }

    /// Asks, as soon as there is room for it and for as long as it may take.
    async fn in_turn<T>(
        &self,
        asking: impl Future<Output = Result<T, NoAnswer>>,
        deadline: Instant,
    ) -> Result<T, BackendError> {
        let begun = Instant::now();
        match self.limits.in_turn(asking, deadline).await {
            Ok(answer) => answer.map_err(|error| self.error(error.fault(), error)),
            Err(untimely) => {
                // A connection that something on the way forgot answers nothing, not even that it is dead, and then they all
                // do so.
                if !matches!(untimely, Untimely::NoRoom(_)) {
                    self.server.forget(begun);
                }
                Err(self.error(untimely.fault(), untimely))
            }
        }
    }

    /// Of somebody without a name there is nothing that the time could tell.
    fn unknown(&self, account: &Account) -> Outcome {
        if account.is_anonymous() {
            return Outcome::NoMatch;
        }
        stored::unknown(&self.dearest)
    }

    fn error(&self, fault: Fault, what: impl std::fmt::Display) -> BackendError {
        BackendError {
            backend: AuthnBackend::Mongo.key(),
            fault,
            what: format!("`{}` {what}", self.server.shown()),
        }
    }
}

impl Authenticator for MongoAuthenticator {
    /// The index is made, and what a failure costs is found out.
    fn prepare(&self, deadline: Instant) -> Option<Asking<'_, ()>> {
        Some(Box::pin(self.in_turn(self.be_ready(), deadline)))
    }

    fn authenticate<'a>(&'a self, login: Login<'a>, deadline: Instant) -> Asking<'a, Outcome> {
        Box::pin(self.ask(login, deadline))
    }
}

#[cfg(test)]
mod tests;
