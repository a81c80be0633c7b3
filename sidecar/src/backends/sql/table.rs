//! docker_auth's table of accounts: made as it makes it where it is not there, and never altered.

use std::sync::Mutex;

use registry_auth_core::authn::dearest::Dearest;
use thiserror::Error;
use tokio::sync::OnceCell;
use tracing::{info, warn};

use super::connections::NoAnswer;
use super::question::{Question, Rows, Statement};
use super::server::{Kind, Server};
use crate::backend::Fault;
use crate::lock::held;

/// What a failure costs where no hash was seen yet: the cost that most tools give.
pub(super) const COST_UNLESS_KNOWN: u32 = 10;

/// Asks for what is read, and finds nothing.
const PROBE: &str = "SELECT id, username, password_hash, labels FROM xorm_user WHERE 1 = 0";

/// The dearest of the usual hashes, `$2y$10$...`, of which two digits say what they cost.
const DEAREST: &str = "SELECT MAX(SUBSTR(password_hash, 5, 2)) AS password_hash, NULL AS labels FROM xorm_user \
                       WHERE password_hash LIKE '$2_$__$%'";

/// What is done once, before the first account is asked for.
#[derive(Debug, Default)]
pub(super) struct Table {
    is_ready: OnceCell<()>,
}

/// Why the table cannot be used.
#[derive(Debug, Error)]
pub(super) enum TableError {
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("has no table `xorm_user`, and making one failed: it {0}; make it by hand, or give the right to")]
    Missing(#[source] NoAnswer),
}

impl TableError {
    /// Whose fault it is.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::NoAnswer(error) | Self::Missing(error) => error.fault(),
        }
    }
}

/// What is asked of the table, of a database of that kind: all rows of the name, the newest first.
pub(super) fn question(kind: Kind) -> Question {
    let account = match kind {
        Kind::Postgres => "$1",
        Kind::MySql | Kind::Sqlite => "?",
    };
    let text =
        format!("SELECT username, password_hash, labels FROM xorm_user WHERE username = {account} ORDER BY id DESC");
    Question {
        statement: Statement {
            text: text.into(),
            parameters: 1,
        },
        rows: Rows::Table,
    }
}

impl Table {
    /// Sees to it that the table is there, and to what a failure has to cost.
    pub(super) async fn prepare(&self, server: &Server, dearest: &Mutex<Dearest>) -> Result<(), TableError> {
        let prepared = self.is_ready.get_or_try_init(|| async {
            make_unless_there(server).await?;
            let rows = server.rows(&Statement::plain(DEAREST), "").await?;
            let costs = rows.iter().filter_map(|row| row.password_hash.as_ref());
            let costs = costs.filter_map(|cost| std::str::from_utf8(cost.expose()).ok()?.parse().ok());
            for cost in costs {
                held(dearest).note_bcrypt(cost);
            }
            Ok(())
        });
        prepared.await.copied()
    }
}

async fn make_unless_there(server: &Server) -> Result<(), TableError> {
    let Err(error) = server.rows(&Statement::plain(PROBE), "").await else {
        return Ok(());
    };
    if !is_of_a_missing_table(&error, server.kind()) {
        return Err(error.into());
    }
    let made = server.rows(&Statement::plain(made_by(server.kind())), "").await;
    if let Err(error) = made {
        // Another one may have made it just now.
        if server.rows(&Statement::plain(PROBE), "").await.is_err() {
            return Err(TableError::Missing(error));
        }
        warn!(%error, "the table `xorm_user` is there, and could not be made");
        return Ok(());
    }
    info!(
        database = server.shown(),
        "made the table `xorm_user`, which was not there"
    );
    Ok(())
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

/// As xorm makes it for docker_auth.
fn made_by(kind: Kind) -> &'static str {
    match kind {
        Kind::MySql => {
            "CREATE TABLE IF NOT EXISTS `xorm_user` (`id` BIGINT(20) PRIMARY KEY AUTO_INCREMENT NOT NULL, \
             `username` VARCHAR(128) NOT NULL, `password_hash` VARCHAR(128) NOT NULL, `labels` TEXT NULL)"
        }
        Kind::Postgres => {
            "CREATE TABLE IF NOT EXISTS \"xorm_user\" (\"id\" BIGSERIAL PRIMARY KEY NOT NULL, \
             \"username\" VARCHAR(128) NOT NULL, \"password_hash\" VARCHAR(128) NOT NULL, \"labels\" JSON NULL)"
        }
        Kind::Sqlite => {
            "CREATE TABLE IF NOT EXISTS `xorm_user` (`id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, \
             `username` TEXT NOT NULL, `password_hash` TEXT NOT NULL, `labels` TEXT NULL)"
        }
    }
}
