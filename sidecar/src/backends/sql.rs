//! `xorm_auth`: accounts in a table of MySQL, MariaDB, PostgreSQL or SQLite, as docker_auth has it.
//!
//! The database says which hash an account has, and no more: that a name is byte for byte the one that was typed is seen
//! to here, since a database's collation lets `BOB` pass for `bob`, and hashes are computed where all hashes are.

mod connections;
mod fault;
mod keeping;
mod labels;
mod mysql;
mod news;
mod percent;
mod postgres;
mod question;
mod rules;
mod schema;
mod server;
mod sqlite;
mod statement;
mod table;
mod transaction;

use std::sync::Mutex;

use registry_auth_core::account::{Account, Identity, LabelsArePatterns};
use registry_auth_core::authn::dearest::Dearest;
use registry_auth_core::config::backend::AuthnBackend;
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::Problems;
use tokio::time::Instant;

use super::{Limits, Untimely, labels_are_patterns, stored};
use crate::backend::{Asking, Authenticator, BackendError, Changed, Fault, Login, Outcome};
use news::News;
use question::{Found, Question};
pub use rules::SqlRules;
use schema::TableError;
use server::{Kind, Server};
use statement::Row;
use table::Table;

/// `xorm_auth`.
#[derive(Debug)]
pub struct SqlAuthenticator {
    server: Server,
    question: Question,
    /// docker_auth's own, unless a `query` asks another one.
    table: Option<Table>,
    limits: Limits,
    labels_are: LabelsArePatterns,
    /// What a failure costs, by the hashes that were seen.
    dearest: Mutex<Dearest>,
    news: News,
}

impl SqlAuthenticator {
    /// Reads `xorm_auth`. Nothing is connected to yet.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let limits = Limits::read(&mut section, problems);
        let server = Server::read(&mut section, limits.timeout, sources, problems);
        let kind = server.as_ref().map(Server::kind);
        let query = Question::read(&mut section, kind, problems);
        let labels_are = labels_are_patterns(&mut section, LabelsArePatterns::Glob, problems);
        section.finish(problems);
        let server = server?;
        let mut dearest = Dearest::default();
        let (question, table) = match query? {
            Some(question) => {
                dearest.note_bcrypt(table::COST_UNLESS_KNOWN);
                (question, None)
            }
            None => (table::question(server.kind()), Some(Table::default())),
        };
        Some(Self {
            server,
            question,
            table,
            limits,
            labels_are,
            dearest: Mutex::new(dearest),
            news: News::default(),
        })
    }

    async fn ask(&self, login: Login<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        if login.account.is_anonymous() || login.password.expose().is_empty() {
            return Ok(Outcome::NoMatch);
        }
        match self.row(login.account, deadline).await? {
            Some(row) => self.known(login.account, &row),
            None => Ok(stored::unknown(&self.dearest)),
        }
    }

    async fn row(&self, account: &Account, deadline: Instant) -> Result<Option<Found>, BackendError> {
        let rows = self.in_turn(self.rows(account), deadline).await?;
        let chosen = self.question.choose(rows, account.as_str());
        chosen.map_err(|error| self.error(Fault::Useless, error))
    }

    /// Asks, as soon as there is room for it and for as long as it may take.
    async fn in_turn<T>(
        &self,
        asking: impl Future<Output = Result<T, TableError>>,
        deadline: Instant,
    ) -> Result<T, BackendError> {
        match self.limits.in_turn(asking, deadline).await {
            Ok(answer) => answer.map_err(|error| self.error(error.fault(), error)),
            Err(untimely) => {
                // A connection that something on the way forgot answers nothing, not even that it is dead, and then they all
                // do so.
                if !matches!(untimely, Untimely::NoRoom(_)) {
                    self.server.forget();
                }
                Err(self.error(untimely.fault(), untimely))
            }
        }
    }

    async fn rows(&self, account: &Account) -> Result<Vec<Row>, TableError> {
        if let Some(table) = &self.table {
            table.prepare(&self.server, &self.dearest).await?;
        }
        let Question {
            statement, parameters, ..
        } = &self.question;
        let values = vec![account.as_str(); *parameters];
        Ok(self.server.rows(statement, &values).await?)
    }

    fn known(&self, account: &Account, row: &Found) -> Result<Outcome, BackendError> {
        let labels = labels::read(row.labels(), self.labels_are);
        let labels =
            labels.map_err(|error| self.error(Fault::Useless, format_args!("holds of `{account}` {error}")))?;
        let hash = std::str::from_utf8(row.password_hash().unwrap_or_default()).unwrap_or_default();
        let identity = Identity {
            account: account.clone(),
            labels,
        };
        let stored = ("password_hash", hash);
        Ok(stored::known(AuthnBackend::Sql.key(), identity, stored, &self.dearest))
    }

    fn error(&self, fault: Fault, what: impl std::fmt::Display) -> BackendError {
        BackendError {
            backend: AuthnBackend::Sql.key(),
            fault,
            what: format!("`{}` {what}", self.server.shown()),
        }
    }
}

impl Authenticator for SqlAuthenticator {
    /// The table is there for whoever is to fill it.
    fn prepare(&self, deadline: Instant) -> Option<Asking<'_, ()>> {
        let table = self.table.as_ref()?;
        let preparing = table.prepare(&self.server, &self.dearest);
        Some(Box::pin(self.in_turn(preparing, deadline)))
    }

    fn try_out(&self, deadline: Instant) -> Asking<'_, ()> {
        Box::pin(async move {
            match &self.table {
                Some(_) => self.in_turn(Table::try_out(&self.server), deadline).await,
                // A query of their own changes nothing, and shows its columns.
                None => self.row(&Account::default(), deadline).await.map(drop),
            }
        })
    }

    fn changed(&self) -> Option<Changed<'_>> {
        (self.server.kind() == Kind::Postgres).then(|| Box::pin(self.news.heard(&self.server)) as _)
    }

    fn authenticate<'a>(&'a self, login: Login<'a>, deadline: Instant) -> Asking<'a, Outcome> {
        Box::pin(self.ask(login, deadline))
    }
}

#[cfg(test)]
mod tests;
