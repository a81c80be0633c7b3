//! `ldap_auth`: a directory, asked as docker_auth asks it.
//!
//! The service account searches for the entry of whoever signs in, and the password is right if the server lets that entry
//! bind with it. What the directory calls the account is what it is called from then on (see `spelling`).
//!
//! Nobody is looked for without a name or a password: a server takes a bind without a password for one that asks for
//! nothing, and says yes (RFC 4513 section 5.1.2).

mod address;
mod connection;
mod directory;
mod dn;
mod entry;
mod fault;
mod filter;
mod labels;
mod nested;
mod options;
mod pool;
mod spelling;
mod tls;

use std::fmt;
use std::sync::Arc;

use registry_auth_core::config::{Section, Sources};
use registry_auth_core::decide::Denial;
use registry_auth_core::problem::Problems;
use registry_auth_core::secret::Secret;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

use super::Limits;
use crate::backend::{Asking, Authenticator, BackendError, Fault, Login, Outcome};
use directory::{Claim, Directory};
use options::Options;

/// One directory.
#[derive(Debug)]
pub struct LdapAuthenticator {
    /// The section's place: the key, or the key and its number in a list.
    backend: &'static str,
    directory: Arc<Directory>,
    limits: Limits,
}

impl LdapAuthenticator {
    /// Reads the section at `backend`. Nobody is asked yet, so that a directory that is away holds up no start.
    pub fn open(
        backend: &'static str,
        section: Section,
        sources: Sources<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let (options, limits) = Options::read(section, sources, problems)?;
        let most = limits.gate.most();
        Some(Self {
            backend,
            directory: Arc::new(Directory::new(backend, options, most)),
            limits,
        })
    }

    async fn ask(&self, login: Login<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        if login.account.is_anonymous() || login.password.expose().is_empty() {
            return Ok(Outcome::NoMatch);
        }
        // RFC 4513 section 5.1.3 has passwords as text; some servers end one at a NUL, which leaves none of it.
        let password = std::str::from_utf8(login.password.expose()).ok();
        let Some(password) = password.filter(|password| !password.contains('\0')) else {
            warn!(backend = self.backend, account = %login.account, "denied without asking: the password is no text");
            return Ok(Outcome::Deny(Denial::default()));
        };
        let claim = Claim {
            account: login.account.clone(),
            password: Secret::new(password.to_owned()),
        };
        // A task of its own: the client crate panics at an answer that is none of LDAP's. It ends when dropped.
        let mut tasks = JoinSet::new();
        let directory = Arc::clone(&self.directory);
        let asking = async {
            tasks.spawn(directory.ask(claim));
            tasks.join_next().await
        };
        match self.limits.in_turn(asking, deadline).await {
            Ok(Some(Ok(answer))) => answer.map_err(|error| self.error(error.fault, error)),
            Ok(Some(Err(_)) | None) => Err(self.error(Fault::Useless, "the directory sent what is no answer of LDAP")),
            Err(untimely) => Err(self.error(untimely.fault(), format_args!("the directory {untimely}"))),
        }
    }

    fn error(&self, fault: Fault, what: impl fmt::Display) -> BackendError {
        BackendError {
            backend: self.backend,
            fault,
            what: what.to_string(),
        }
    }
}

impl Authenticator for LdapAuthenticator {
    fn authenticate<'a>(&'a self, login: Login<'a>, deadline: Instant) -> Asking<'a, Outcome> {
        Box::pin(self.ask(login, deadline))
    }
}

#[cfg(test)]
mod tests;
