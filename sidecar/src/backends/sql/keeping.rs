//! docker_auth's table of accounts as `registry-auth users` changes it.

use registry_auth_core::account::LabelsArePatterns;

use super::labels;
use super::server::Kind;
use super::statement::{Column, Row, Statement};
use super::transaction::{Step, Transaction, json, number, parameter, tell};
use super::{SqlAuthenticator, TableError};
use crate::backend::{Asking, BackendError, Fault};
use crate::tables::{AccountTable, Change, Outcome, Password, StoredAccount, WrittenLabels};

/// What is read of each account.
const COLUMNS: &[Column] = &[
    Column::named("username"),
    Column::named("password_hash"),
    Column::named("labels"),
];

/// What a change goes by.
const ID_AND_NAME: &[Column] = &[Column::named("id"), Column::named("username")];

impl SqlAuthenticator {
    fn own_table(&self) -> Result<&super::Table, BackendError> {
        let own = "has a `query`, so its table is not docker_auth's; change it by your own means";
        self.table.as_ref().ok_or_else(|| self.error(Fault::NotAsked, own))
    }

    async fn stored(&self) -> Result<Vec<StoredAccount>, BackendError> {
        let table = self.own_table()?;
        let all = "SELECT username, password_hash, labels FROM xorm_user ORDER BY id DESC";
        let rows = async {
            table.prepare(&self.server, &self.dearest).await?;
            Ok::<_, TableError>(self.server.rows(&Statement::giving(all, COLUMNS), &[]).await?)
        };
        let rows = rows.await.map_err(|error| self.error(error.fault(), error))?;
        let mut accounts: Vec<StoredAccount> = rows.iter().map(stored).collect();
        // The newest of a name is the first, and stays so.
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut before: Option<String> = None;
        for account in &mut accounts {
            account.is_outdone = before.as_ref() == Some(&account.name);
            before = Some(account.name.clone());
        }
        Ok(accounts)
    }

    async fn changed(&self, name: &str, change: &Change) -> Result<Outcome, BackendError> {
        let table = self.own_table()?;
        let made = table.prepare(&self.server, &self.dearest).await;
        made.map_err(|error| self.error(error.fault(), error))?;
        let kind = self.server.kind();
        let outcome = std::sync::Mutex::new(Outcome::Unknown);
        let decide = |rows: Vec<Row>| {
            let ids = rows.iter().filter(|row| row.bytes(1) == Some(name.as_bytes()));
            let ids: Vec<String> = ids.filter_map(|row| text(row.bytes(0))).collect();
            let (what, steps) = steps(kind, name, change, &ids);
            *crate::lock::held(&outcome) = what;
            steps
        };
        let id = match kind {
            Kind::MySql => "CHAR",
            Kind::Postgres | Kind::Sqlite => "TEXT",
        };
        let lock = match kind {
            Kind::MySql => " FOR UPDATE",
            Kind::Postgres | Kind::Sqlite => "",
        };
        let read = format!(
            "SELECT CAST(id AS {id}) AS id, username FROM xorm_user WHERE username = {} ORDER BY xorm_user.id DESC{lock}",
            parameter(kind, 1)
        );
        let transaction = Transaction {
            lock: (kind == Kind::Postgres)
                .then(|| Statement::plain("LOCK TABLE xorm_user IN SHARE ROW EXCLUSIVE MODE")),
            read: Statement::giving(&read, ID_AND_NAME),
            values: vec![name],
            decide: &decide,
        };
        let done = self.server.in_one_step(&transaction).await;
        done.map_err(|error| self.error(error.fault(), error))?;
        let outcome = *crate::lock::held(&outcome);
        Ok(outcome)
    }
}

impl AccountTable for SqlAuthenticator {
    fn accounts(&self) -> Asking<'_, Vec<StoredAccount>> {
        Box::pin(self.stored())
    }

    fn change<'a>(&'a self, name: &'a str, change: &'a Change) -> Asking<'a, Outcome> {
        Box::pin(self.changed(name, change))
    }
}

fn stored(row: &Row) -> StoredAccount {
    let labels = labels::read(row.bytes(2), LabelsArePatterns::None).map_err(|error| error.to_string());
    let hash = row.bytes(1).map(|hash| std::str::from_utf8(hash).unwrap_or_default());
    StoredAccount {
        name: String::from_utf8_lossy(row.bytes(0).unwrap_or_default()).into_owned(),
        labels: labels.map(|labels| {
            labels
                .iter()
                .map(|(name, values)| (name.to_owned(), values.to_vec()))
                .collect()
        }),
        password: hash.map_or_else(|| Password::Unfit("is not there".to_owned()), Password::of),
        is_outdone: false,
    }
}

/// What is done to the rows with these `ids`, the newest first, which are those of the name.
fn steps(kind: Kind, name: &str, change: &Change, ids: &[String]) -> (Outcome, Option<Vec<Step>>) {
    let step = match (change, ids.first()) {
        (Change::Add { .. }, Some(_)) => return (Outcome::Exists, None),
        (Change::SetPassword(_) | Change::SetLabels(_) | Change::Remove, None) => return (Outcome::Unknown, None),
        (Change::Add { hash, labels }, None) => vec![Step::new(
            &format!(
                "INSERT INTO xorm_user (username, password_hash, labels) VALUES ({}, {}, {})",
                parameter(kind, 1),
                parameter(kind, 2),
                json(kind, 3)
            ),
            vec![Some(name.to_owned()), Some(hash.expose().clone()), written(labels)],
        )],
        (Change::SetPassword(hash), Some(id)) => {
            vec![set(
                kind,
                "password_hash",
                &parameter(kind, 1),
                Some(hash.expose().clone()),
                id,
            )]
        }
        (Change::SetLabels(labels), Some(id)) => vec![set(kind, "labels", &json(kind, 1), written(labels), id)],
        (Change::Remove, Some(_)) => {
            let text = format!("DELETE FROM xorm_user WHERE id = {}", number(kind, 1));
            ids.iter().map(|id| Step::new(&text, vec![Some(id.clone())])).collect()
        }
    };
    (Outcome::Changed, Some(step.into_iter().chain(tell(kind)).collect()))
}

fn set(kind: Kind, column: &str, parameter: &str, value: Option<String>, id: &str) -> Step {
    let text = format!(
        "UPDATE xorm_user SET {column} = {parameter} WHERE id = {}",
        number(kind, 2)
    );
    Step::new(&text, vec![value, Some(id.to_owned())])
}

/// NULL for none, as docker_auth writes them.
fn written(labels: &WrittenLabels) -> Option<String> {
    // Texts in lists in a map: this cannot fail.
    (!labels.is_empty()).then(|| serde_json::to_string(labels).unwrap_or_default())
}

fn text(bytes: Option<&[u8]>) -> Option<String> {
    String::from_utf8(bytes?.to_vec()).ok()
}
