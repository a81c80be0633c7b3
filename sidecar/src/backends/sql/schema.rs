//! docker_auth's tables: made as it makes them where they are not there, and never altered.

use thiserror::Error;
use tracing::{info, warn};

use super::connections::NoAnswer;
use super::server::{Kind, Server};
use super::statement::Statement;
use crate::backend::Fault;

/// A table, as it is looked for and as it is made.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) table: &'static str,
    /// Asks for what is read, and finds nothing.
    pub(super) probe: &'static str,
    /// As xorm makes it for docker_auth.
    pub(super) made_by: fn(Kind) -> &'static str,
}

/// Why a table cannot be used.
#[derive(Debug, Error)]
pub(super) enum TableError {
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("has no table `{0}`, and making one failed: it {1}; make it by hand, or give the right to")]
    Missing(&'static str, #[source] NoAnswer),
}

impl TableError {
    /// Whose fault it is.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::NoAnswer(error) | Self::Missing(_, error) => error.fault(),
        }
    }
}

impl Schema {
    /// Whether the table is there, with the columns that are read.
    pub(super) async fn is_there(&self, server: &Server) -> Result<bool, NoAnswer> {
        match server.rows(&Statement::plain(self.probe), &[]).await {
            Ok(_) => Ok(true),
            Err(error) if is_of_a_missing_table(&error, server.kind()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sees to it that the table is there.
    pub(super) async fn make_unless_there(&self, server: &Server) -> Result<(), TableError> {
        let table = self.table;
        let Err(error) = server.rows(&Statement::plain(self.probe), &[]).await else {
            return Ok(());
        };
        if !is_of_a_missing_table(&error, server.kind()) {
            return Err(error.into());
        }
        let made = Statement::plain((self.made_by)(server.kind()));
        if let Err(error) = server.rows(&made, &[]).await {
            // Another one may have made it just now.
            if server.rows(&Statement::plain(self.probe), &[]).await.is_err() {
                return Err(TableError::Missing(table, error));
            }
            warn!(%error, "the table `{table}` is there, and could not be made");
            return Ok(());
        }
        info!(
            database = server.shown(),
            "made the table `{table}`, which was not there"
        );
        Ok(())
    }
}

fn is_of_a_missing_table(error: &NoAnswer, kind: Kind) -> bool {
    let Some(error) = error.of_the_database() else {
        return false;
    };
    let code = error.code();
    let code = code.as_deref().unwrap_or_default();
    match kind {
        Kind::MySql => code == "42S02",
        Kind::Postgres => code == "42P01",
        Kind::Sqlite => error.message().starts_with("no such table"),
    }
}
