//! Connections to one database, kept for the next question.
//!
//! Each question has a connection of its own while it is asked; how many there are at once is bounded before this. One that
//! was not used to its end (it broke, or nobody waited any longer) is closed and never used again. A kept one may be dead
//! by the time it is taken: the server was restarted, or something on the way forgot it. A question that fails on a kept
//! connection is therefore asked once more, on a new one.
//!
//! sqlx's own pool does not do here. It waits for a ping without limit when a connection is given back, and asks a server
//! that refuses connections again and again until the time is over.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use registry_auth_core::secret::Secret;
use sqlx::error::{BoxDynError, DatabaseError};
use sqlx::mysql::{MySql, MySqlConnectOptions, MySqlDatabaseError, MySqlValueRef};
use sqlx::postgres::{PgConnectOptions, PgValueRef, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteValueRef};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Database, Decode, Row as _, TypeInfo as _, ValueRef as _};
use thiserror::Error;
use tokio::time::timeout;

use super::statement::{Column, Row, Statement};
use super::transaction::{Step, Transaction};
use crate::backend::Fault;
use crate::lock::held;

/// The connections that nobody uses.
pub(super) struct Connections<O: Speaks> {
    options: O,
    /// Where they go, for logs.
    shown: String,
    /// How long opening one may take, if the driver's string says so.
    connect_within: Option<Duration>,
    /// What each one that is opened is told first.
    first: Option<Statement>,
    idle: Mutex<Vec<O::Connection>>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    #[error("could not be connected to: {}", Told(.0))]
    Connect(#[source] sqlx::Error),
    #[error("could not be connected to within {} ms", .0.as_millis())]
    ConnectLate(Duration),
    #[error("could not be asked: {}", Told(.0))]
    Ask(#[source] sqlx::Error),
}

/// What sqlx says, without what it says of itself.
struct Told<'a>(&'a sqlx::Error);

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            sqlx::Error::Database(error) => write!(f, "{error}"),
            sqlx::Error::Io(error) => write!(f, "{error}"),
            sqlx::Error::Tls(error) => write!(f, "TLS: {error}"),
            sqlx::Error::ColumnNotFound(column) => write!(f, "it gave no column `{column}`"),
            sqlx::Error::ColumnDecode { index, source } => write!(f, "column {index}: {source}"),
            error => write!(f, "{error}"),
        }
    }
}

impl NoAnswer {
    /// Whose fault it is. A connection is the same for every account, and what a database says of a question may be due to
    /// the account in it.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Connect(_) | Self::ConnectLate(_) => Fault::Unreached,
            Self::Ask(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) => Fault::Silent,
            Self::Ask(_) => Fault::Useless,
        }
    }

    /// What the database itself says, if it is that.
    pub(super) fn of_the_database(&self) -> Option<&dyn DatabaseError> {
        match self {
            Self::Ask(error) => error.as_database_error(),
            Self::Connect(_) | Self::ConnectLate(_) => None,
        }
    }
}

impl<O: Speaks> Connections<O> {
    /// Those that `options` open, each of which is told `first` then.
    pub(super) fn new(options: O, shown: String, connect_within: Option<Duration>, first: Option<Statement>) -> Self {
        Self {
            first,
            // Its lines would tell nothing that is not told here, and slow ones as often as they come.
            options: options.disable_statement_logging(),
            shown,
            connect_within,
            idle: Mutex::default(),
        }
    }

    pub(super) fn options(&self) -> &O {
        &self.options
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// What `statement` gives for `values`. Where the database cannot so much as write one of them, no row holds it.
    pub(super) async fn rows(&self, statement: &Statement, values: &[&str]) -> Result<Vec<Row>, NoAnswer> {
        let kept = held(&self.idle).pop();
        if let Some(mut connection) = kept {
            match O::fetch(&mut connection, statement, values).await {
                Ok(rows) => return Ok(self.give_back(connection, rows)),
                Err(error) if O::cannot_be_written(&error) => return Ok(self.give_back(connection, Vec::new())),
                // What broke this one broke the others, too.
                Err(error) if error.as_database_error().is_none() => self.forget(),
                Err(_) => {}
            }
        }
        let mut connection = self.connect().await?;
        match O::fetch(&mut connection, statement, values).await {
            Ok(rows) => Ok(self.give_back(connection, rows)),
            Err(error) if O::cannot_be_written(&error) => Ok(self.give_back(connection, Vec::new())),
            Err(error) => Err(NoAnswer::Ask(error)),
        }
    }

    /// Does it all, or nothing, on a new connection.
    pub(super) async fn in_one_step(&self, transaction: &Transaction<'_>) -> Result<(), NoAnswer> {
        let mut connection = self.connect().await?;
        let done = O::in_one_step(&mut connection, transaction).await;
        done.map_err(NoAnswer::Ask)
    }

    /// Closes those that nobody uses.
    pub(super) fn forget(&self) {
        let idle = std::mem::take(&mut *held(&self.idle));
        drop(idle);
    }

    fn give_back<T>(&self, connection: O::Connection, answer: T) -> T {
        held(&self.idle).push(connection);
        answer
    }

    async fn connect(&self) -> Result<O::Connection, NoAnswer> {
        let connecting = self.options.connect();
        let connected = match self.connect_within {
            Some(limit) => timeout(limit, connecting)
                .await
                .map_err(|_| NoAnswer::ConnectLate(limit))?,
            None => connecting.await,
        };
        let mut connection = connected.map_err(NoAnswer::Connect)?;
        if let Some(first) = &self.first {
            O::fetch(&mut connection, first, &[]).await.map_err(NoAnswer::Ask)?;
        }
        Ok(connection)
    }
}

/// A database as it is spoken to.
pub(super) trait Speaks: ConnectOptions<Connection: Sized> {
    /// What `statement` gives for `values`.
    fn fetch(
        connection: &mut Self::Connection,
        statement: &Statement,
        values: &[&str],
    ) -> impl Future<Output = Result<Vec<Row>, sqlx::Error>> + Send;

    /// Does it all, or nothing.
    fn in_one_step(
        connection: &mut Self::Connection,
        transaction: &Transaction<'_>,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Whether the error says that a value has a character which the database has not.
    fn cannot_be_written(error: &sqlx::Error) -> bool;
}

/// The same words for each database: its types differ, and nothing else.
macro_rules! speaks {
    ($options:ty, $database:ty, $begin:literal, $bytes:path, $cannot_be_written:path) => {
        impl Speaks for $options {
            async fn fetch(
                connection: &mut Self::Connection,
                statement: &Statement,
                values: &[&str],
            ) -> Result<Vec<Row>, sqlx::Error> {
                // It is written here or by the operator; what a client sends is a parameter.
                let mut query = sqlx::query::<$database>(AssertSqlSafe(Arc::clone(&statement.text)));
                for value in values {
                    query = query.bind((*value).to_owned());
                }
                let rows = query.fetch_all(connection).await?;
                let cell = |row: &<$database as Database>::Row, column: &Column| {
                    let value = match row.try_get_raw(column.name) {
                        Err(sqlx::Error::ColumnNotFound(_)) if column.may_lack => return Ok(None),
                        value => value?,
                    };
                    if value.is_null() {
                        return Ok(None);
                    }
                    let bytes = $bytes(value).map_err(|source| sqlx::Error::ColumnDecode {
                        index: format!("`{}`", column.name),
                        source,
                    });
                    bytes.map(|bytes| Some(Secret::new(bytes)))
                };
                let rows = rows
                    .iter()
                    .map(|row| statement.columns.iter().map(|column| cell(row, column)).collect());
                rows.collect()
            }

            async fn in_one_step(
                connection: &mut Self::Connection,
                transaction: &Transaction<'_>,
            ) -> Result<(), sqlx::Error> {
                let mut begun = connection.begin_with($begin).await?;
                if let Some(lock) = &transaction.lock {
                    Self::fetch(&mut begun, lock, &[]).await?;
                }
                let rows = Self::fetch(&mut begun, &transaction.read, &transaction.values).await?;
                for Step { text, values } in (transaction.decide)(rows).into_iter().flatten() {
                    let mut query = sqlx::query::<$database>(AssertSqlSafe(text));
                    for value in values {
                        query = query.bind(value);
                    }
                    query.execute(&mut *begun).await?;
                }
                begun.commit().await
            }

            fn cannot_be_written(error: &sqlx::Error) -> bool {
                error.as_database_error().is_some_and($cannot_be_written)
            }
        }
    };
}

speaks!(
    MySqlConnectOptions,
    MySql,
    "START TRANSACTION",
    mysql_bytes,
    mysql_has_no_such_character
);
speaks!(
    PgConnectOptions,
    Postgres,
    "BEGIN",
    postgres_bytes,
    postgres_has_no_such_character
);
speaks!(
    SqliteConnectOptions,
    Sqlite,
    "BEGIN IMMEDIATE",
    sqlite_bytes,
    sqlite_has_no_such_character
);

fn mysql_bytes(value: MySqlValueRef<'_>) -> Result<Vec<u8>, BoxDynError> {
    Decode::<MySql>::decode(value)
}

/// 1267 is an illegal mix of collations, 3854 a text that cannot be converted to another character set.
fn mysql_has_no_such_character(error: &dyn DatabaseError) -> bool {
    let error = error.try_downcast_ref::<MySqlDatabaseError>();
    error.is_some_and(|error| matches!(error.number(), 1267 | 3854))
}

/// As text, whichever type has one; in front of that of `jsonb` stands its version.
fn postgres_bytes(value: PgValueRef<'_>) -> Result<Vec<u8>, BoxDynError> {
    const TEXTS: [&str; 8] = ["TEXT", "VARCHAR", "CHAR", "NAME", "CITEXT", "JSON", "BYTEA", "UNKNOWN"];
    let kind = value.type_info().name().to_ascii_uppercase();
    let bytes: Vec<u8> = Decode::<Postgres>::decode(value)?;
    match kind.as_str() {
        "JSONB" => Ok(bytes.get(1..).unwrap_or_default().to_vec()),
        kind if TEXTS.contains(&kind) => Ok(bytes),
        kind => Err(format!("is of the type {kind}, which is no text; cast it to `text`").into()),
    }
}

/// 22P05 is a character that the database's encoding has not, 22021 one that none has.
fn postgres_has_no_such_character(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "22P05" || code == "22021")
}

fn sqlite_bytes(value: SqliteValueRef<'_>) -> Result<Vec<u8>, BoxDynError> {
    Decode::<Sqlite>::decode(value)
}

fn sqlite_has_no_such_character(_: &dyn DatabaseError) -> bool {
    false
}
