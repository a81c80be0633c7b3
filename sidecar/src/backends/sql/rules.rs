//! `acl_xorm`: a list of rules in docker_auth's table.

mod entry;

use std::sync::Mutex;
use std::time::Duration;

use registry_auth_core::config::acl::MAX_RULES;
use registry_auth_core::config::backend::RuleList;
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::Problems;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::super::{Untimely, timeout, within};
use super::news::News;
use super::schema::{Schema, TableError};
use super::server::{Kind, Server};
use super::statement::{Column, Row, Statement};
use super::transaction::{Step, Transaction, json, number, tell};
use crate::backend::{Asking, BackendError, Changed, Entry, Fault, RuleSource};
use crate::lock::held;
use crate::tables::{Rewriting, RuleTable};

const SCHEMA: Schema = Schema {
    table: "xorm_acl_entry",
    probe: "SELECT acl_entry, seq FROM xorm_acl_entry WHERE 1 = 0",
    made_by,
};

/// See [`entry::in_order`], which takes these.
const COLUMNS: &[Column] = &[Column::named("seq"), Column::named("acl_entry")];

/// The most bytes of all entries together: the filter takes no more.
const MAX_BYTES: usize = registry_auth_core::wire::config::MAX_CONFIG_BYTES;

/// Has PostgreSQL tell of each change, whoever makes it.
const TELLING: &str = include_str!("rules/telling.sql");

/// `acl_xorm`.
#[derive(Debug)]
pub struct SqlRules {
    server: Server,
    timeout: Duration,
    has_table: OnceCell<()>,
    news: News,
}

impl SqlRules {
    /// Reads what of `acl_xorm` is about the database. Nothing is connected to yet.
    pub fn open(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let timeout = timeout(section, problems);
        let server = Server::read(section, timeout, sources, problems)?;
        Some(Self {
            server,
            timeout,
            has_table: OnceCell::new(),
            news: News::default(),
        })
    }

    async fn entries(&self, deadline: Instant) -> Result<Vec<Entry>, BackendError> {
        let Ok(rows) = timeout_at(within(self.timeout, deadline), self.rows()).await else {
            self.server.forget();
            let silent = Untimely::Silent(self.timeout);
            return Err(self.error(silent.fault(), silent));
        };
        let rows = rows.map_err(|error| self.error(error.fault(), error))?;
        if rows.len() > MAX_RULES {
            return Err(self.error(
                Fault::Useless,
                format_args!(
                    "has more than {MAX_RULES} rows in `{}`; at most so many are taken",
                    SCHEMA.table
                ),
            ));
        }
        let bytes = rows.iter().filter_map(|row| row.bytes(1)).map(<[u8]>::len);
        if bytes.fold(0, usize::saturating_add) > MAX_BYTES {
            return Err(self.error(
                Fault::Useless,
                format_args!(
                    "has more than {MAX_BYTES} bytes in `{}`; at most so many are taken",
                    SCHEMA.table
                ),
            ));
        }
        entry::in_order(rows, self.server.kind()).map_err(|error| self.error(Fault::Useless, error))
    }

    async fn rewritten(&self, rewriting: Rewriting<'_>) -> Result<(), BackendError> {
        let made = self
            .has_table
            .get_or_try_init(|| SCHEMA.make_unless_there(&self.server));
        made.await.map_err(|error| self.error(error.fault(), error))?;
        let kind = self.server.kind();
        let bad = Mutex::new(None);
        let decide = |rows: Vec<Row>| match entry::in_order(rows, kind) {
            Ok(entries) => rewriting(entries).map(|entries| steps(kind, &entries)),
            Err(error) => {
                *held(&bad) = Some(error);
                None
            }
        };
        let lock =
            (kind == Kind::Postgres).then(|| Statement::plain("LOCK TABLE xorm_acl_entry IN SHARE ROW EXCLUSIVE MODE"));
        let mut read = question(kind);
        if kind == Kind::MySql {
            read.push_str(" FOR UPDATE");
        }
        let transaction = Transaction {
            lock,
            read: Statement::giving(&read, COLUMNS),
            values: Vec::new(),
            decide: &decide,
        };
        let done = self.server.in_one_step(&transaction).await;
        done.map_err(|error| self.error(error.fault(), error))?;
        match held(&bad).take() {
            Some(error) => Err(self.error(Fault::Useless, error)),
            None => Ok(()),
        }
    }

    async fn rows(&self) -> Result<Vec<Row>, TableError> {
        let made = self
            .has_table
            .get_or_try_init(|| SCHEMA.make_unless_there(&self.server));
        made.await?;
        let statement = Statement::giving(&question(self.server.kind()), COLUMNS);
        Ok(self.server.rows(&statement, &[]).await?)
    }

    fn error(&self, fault: Fault, what: impl std::fmt::Display) -> BackendError {
        BackendError {
            backend: RuleList::Sql.key(),
            fault,
            what: format!("`{}` {what}", self.server.shown()),
        }
    }
}

impl RuleTable for SqlRules {
    fn entries(&self) -> Asking<'_, Vec<Entry>> {
        let now = Instant::now();
        let deadline = now.checked_add(self.timeout).unwrap_or(now);
        Box::pin(self.entries(deadline))
    }

    fn rewrite<'a>(&'a self, rewriting: Rewriting<'a>) -> Asking<'a, ()> {
        Box::pin(self.rewritten(rewriting))
    }

    fn telling(&self) -> Option<&'static str> {
        (self.server.kind() == Kind::Postgres).then_some(TELLING)
    }
}

impl RuleSource for SqlRules {
    fn read(&self, deadline: Instant) -> Asking<'_, Vec<Entry>> {
        Box::pin(self.entries(deadline))
    }

    fn try_out(&self, deadline: Instant) -> Asking<'_, Vec<Entry>> {
        Box::pin(async move {
            let is_there = timeout_at(within(self.timeout, deadline), SCHEMA.is_there(&self.server)).await;
            match is_there {
                Ok(Ok(false)) => Ok(Vec::new()),
                // What else is wrong, reading finds again.
                _ => self.entries(deadline).await,
            }
        })
    }

    fn changed(&self) -> Changed<'_> {
        Box::pin(self.news.heard(&self.server))
    }
}

/// Puts these entries in place of all rows.
fn steps(kind: Kind, entries: &[Entry]) -> Vec<Step> {
    let text = format!(
        "INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES ({}, {})",
        number(kind, 1),
        json(kind, 2)
    );
    let all = Step::new("DELETE FROM xorm_acl_entry", Vec::new());
    let added = entries.iter().map(|entry| {
        let seq = entry.seq.map(|seq| seq.to_string());
        Step::new(&text, vec![seq, Some(entry::as_xorm_writes_it(&entry.node))])
    });
    std::iter::once(all).chain(added).chain(tell(kind)).collect()
}

/// All rows, and one more than there may be. Their order is made here: databases differ in where NULL is, and in which text
/// comes first.
fn question(kind: Kind) -> String {
    let text = match kind {
        Kind::MySql => "CHAR",
        Kind::Postgres | Kind::Sqlite => "TEXT",
    };
    let most = MAX_RULES.saturating_add(1);
    format!("SELECT CAST(seq AS {text}) AS seq, acl_entry FROM xorm_acl_entry LIMIT {most}")
}

fn made_by(kind: Kind) -> &'static str {
    match kind {
        Kind::MySql => "CREATE TABLE IF NOT EXISTS `xorm_acl_entry` (`acl_entry` TEXT NULL, `seq` BIGINT(20) NULL)",
        Kind::Postgres => {
            "CREATE TABLE IF NOT EXISTS \"xorm_acl_entry\" (\"acl_entry\" JSON NULL, \"seq\" BIGINT NULL)"
        }
        Kind::Sqlite => "CREATE TABLE IF NOT EXISTS `xorm_acl_entry` (`acl_entry` TEXT NULL, `seq` INTEGER NULL)",
    }
}

#[cfg(test)]
mod tests;
