//! Databases: the row of the account, and its hash.

use std::rc::Rc;

use anyhow::{Result, anyhow, ensure};
use registry_auth_core::authn::hash::Hash;
use sqlx::{ColumnIndex, Connection, Database, Decode, Encode, Executor, IntoArguments, Row, Type};
pub(crate) use sqlx::{MySql, Postgres, Sqlite};

use crate::{Task, Turns};

/// A database of sqlx, with what stands in a statement for the name.
pub(crate) trait Kind: Database {
    const STATEMENT: &'static str;
}

impl Kind for MySql {
    const STATEMENT: &'static str =
        "SELECT username, password_hash, labels FROM xorm_user WHERE username = ? ORDER BY id DESC";
}

impl Kind for Sqlite {
    const STATEMENT: &'static str = <MySql as Kind>::STATEMENT;
}

impl Kind for Postgres {
    const STATEMENT: &'static str =
        "SELECT username, password_hash, labels FROM xorm_user WHERE username = $1 ORDER BY id DESC";
}

pub(crate) async fn look_up<K>(task: Rc<Task>, mut turns: Turns) -> Result<Turns>
where
    K: Kind,
    for<'c> &'c mut K::Connection: Executor<'c, Database = K>,
    K::Arguments: IntoArguments<K>,
    for<'q> String: Encode<'q, K> + Type<K>,
    for<'r> &'r str: Decode<'r, K> + Type<K>,
    usize: ColumnIndex<K::Row>,
{
    let mut connection = K::Connection::connect(&task.address).await?;
    while let Some(account) = turns.next() {
        let rows = sqlx::query(K::STATEMENT)
            .bind(account)
            .fetch_all(&mut connection)
            .await?;
        let [row] = &*rows else {
            anyhow::bail!("{} rows were found", rows.len());
        };
        let hash = Hash::parse(row.try_get::<&str, _>(1)?)?;
        let fits = hash
            .fits(task.password.as_bytes())
            .map_err(|_| anyhow!("not computed"))?;
        ensure!(fits, "the password does not fit");
    }
    Ok(turns)
}
