//! docker_auth's table of accounts.

use std::sync::Mutex;

use registry_auth_core::authn::dearest::Dearest;
use tokio::sync::OnceCell;

use super::question::{COLUMNS, Question, Rows};
use super::schema::{Schema, TableError};
use super::server::{Kind, Server};
use super::statement::{Column, Statement};
use crate::lock::held;

/// What a failure costs where no hash was seen yet: the cost that most tools give.
pub(super) const COST_UNLESS_KNOWN: u32 = 10;

const SCHEMA: Schema = Schema {
    table: "xorm_user",
    probe: "SELECT id, username, password_hash, labels FROM xorm_user WHERE 1 = 0",
    made_by,
};

/// The dearest of the usual hashes, `$2y$10$...`, of which two digits say what they cost.
const DEAREST: &str =
    "SELECT MAX(SUBSTR(password_hash, 5, 2)) AS cost FROM xorm_user WHERE password_hash LIKE '$2_$__$%'";

/// What is done once, before the first account is asked for.
#[derive(Debug, Default)]
pub(super) struct Table {
    is_ready: OnceCell<()>,
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
        statement: Statement::giving(&text, COLUMNS),
        parameters: 1,
        rows: Rows::Table,
    }
}

impl Table {
    /// Asks for the table, and makes none.
    pub(super) async fn try_out(server: &Server) -> Result<(), TableError> {
        SCHEMA.is_there(server).await?;
        Ok(())
    }

    /// Sees to it that the table is there, and to what a failure has to cost.
    pub(super) async fn prepare(&self, server: &Server, dearest: &Mutex<Dearest>) -> Result<(), TableError> {
        const COST: &[Column] = &[Column::named("cost")];
        let prepared = self.is_ready.get_or_try_init(|| async {
            SCHEMA.make_unless_there(server).await?;
            let rows = server.rows(&Statement::giving(DEAREST, COST), &[]).await?;
            let costs = rows.iter().filter_map(|row| std::str::from_utf8(row.bytes(0)?).ok());
            for cost in costs.filter_map(|cost| cost.parse().ok()) {
                held(dearest).note_bcrypt(cost);
            }
            Ok(())
        });
        prepared.await.copied()
    }
}

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
