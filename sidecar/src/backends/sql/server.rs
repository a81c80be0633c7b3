//! Which database it is, and how it is reached: `database_type` and `conn_string`.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use registry_auth_core::config::{Section, Sources, choice};
use registry_auth_core::problem::Problems;
use registry_auth_core::secret::Secret;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::super::required_text;
use super::connections::{Connections, NoAnswer};
use super::statement::{Row, Statement};
use super::transaction::Transaction;
use super::{mysql, postgres, sqlite};

/// The databases that docker_auth knows, as `database_type` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `mysql`: MySQL, and MariaDB.
    MySql,
    /// `postgres`.
    Postgres,
    /// `sqlite3`.
    Sqlite,
}

/// A database, and the connections to it.
pub(super) enum Server {
    MySql(Connections<MySqlConnectOptions>),
    Postgres(Connections<PgConnectOptions>),
    Sqlite(Connections<SqliteConnectOptions>),
}

impl Server {
    /// Reads `database_type` and `conn_string`. Nothing is connected to. A question is waited for within `timeout`.
    pub(super) fn read(
        section: &mut Section,
        timeout: Duration,
        sources: Sources<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        const KINDS: [(&str, Kind); 3] = [
            ("mysql", Kind::MySql),
            ("postgres", Kind::Postgres),
            ("sqlite3", Kind::Sqlite),
        ];
        let place = section.place_of("database_type");
        let kind = choice(section, "database_type", problems, &KINDS);
        if kind.is_none() && !problems.is_refusal_at(&place) {
            problems.error(&place, "is missing; write `mysql`, `postgres` or `sqlite3`");
        }
        let place = section.place_of("conn_string");
        let mend = match kind {
            Some(Kind::MySql) => "write where the database is, as `name:password@tcp(host:3306)/database`",
            Some(Kind::Postgres) => "write where the database is, as `postgres://name:password@host/database`",
            Some(Kind::Sqlite) => "write the path of the database's file",
            None => "write where the database is",
        };
        let text = Secret::new(required_text(section, "conn_string", mend, problems)?);
        let read = match kind? {
            Kind::MySql => mysql::read(text.expose()).map(|found| {
                found.warn(&place, problems);
                let first = Statement::plain(&mysql::giving_up_after(timeout));
                let connections = Connections::new(found.options(), found.shown(), found.connect_within, Some(first));
                Self::MySql(connections)
            }),
            Kind::Postgres => {
                let found = postgres::read(text.expose(), sources.environment);
                let found = found.map_err(|fault| fault.tell(&place, problems)).ok()?;
                found.warn(&place, problems);
                let options = found.options(sources, &place, problems)?;
                return Some(Self::Postgres(Connections::new(
                    options,
                    found.shown(),
                    found.connect_within,
                    found.giving_up_after(timeout).as_deref().map(Statement::plain),
                )));
            }
            Kind::Sqlite => sqlite::read(text.expose()).map(|found| {
                let connections = Connections::new(found.options(), found.shown(), None, None);
                Self::Sqlite(connections)
            }),
        };
        read.map_err(|fault| fault.tell(&place, problems)).ok()
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::MySql(_) => Kind::MySql,
            Self::Postgres(_) => Kind::Postgres,
            Self::Sqlite(_) => Kind::Sqlite,
        }
    }

    /// Where it is, for logs.
    pub(super) fn shown(&self) -> &str {
        match self {
            Self::MySql(connections) => connections.shown(),
            Self::Postgres(connections) => connections.shown(),
            Self::Sqlite(connections) => connections.shown(),
        }
    }

    /// Closes the connections that nobody uses.
    pub(super) fn forget(&self) {
        match self {
            Self::MySql(connections) => connections.forget(),
            Self::Postgres(connections) => connections.forget(),
            Self::Sqlite(connections) => connections.forget(),
        }
    }

    /// What `statement` gives for `values`.
    pub(super) async fn rows(&self, statement: &Statement, values: &[&str]) -> Result<Vec<Row>, NoAnswer> {
        match self {
            Self::MySql(connections) => connections.rows(statement, values).await,
            Self::Postgres(connections) => connections.rows(statement, values).await,
            Self::Sqlite(connections) => connections.rows(statement, values).await,
        }
    }

    /// Does it all, or nothing.
    pub(super) async fn in_one_step(&self, transaction: &Transaction<'_>) -> Result<(), NoAnswer> {
        match self {
            Self::MySql(connections) => connections.in_one_step(transaction).await,
            Self::Postgres(connections) => connections.in_one_step(transaction).await,
            Self::Sqlite(connections) => connections.in_one_step(transaction).await,
        }
    }
}

/// Whether what goes to `host` stays on this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address: Result<IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// How it is reached holds a password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.shown())
    }
}
