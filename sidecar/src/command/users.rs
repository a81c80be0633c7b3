//! `registry-auth users`: the accounts of a database, so that nobody writes hashes or JSON by hand.

mod report;

use std::io;

use clap::{Args, Subcommand};
use registry_auth_core::account::{Account, AccountError};
use registry_auth_core::config::backend::AuthnBackend;
use thiserror::Error;

use super::hash_password::{HashPasswordError, Hashing};
use super::target::{Environment, Found, List, TargetError, Where};
use super::{Exit, answer};
use crate::backend::BackendError;
use crate::backends::mongo::MongoAuthenticator;
use crate::backends::sql::SqlAuthenticator;
use crate::tables::{AccountTable, Change, Outcome, WrittenLabels};

/// `registry-auth users`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(
    after_help = "A password is asked for at the terminal, without echo; otherwise it is standard input, without the line \
    break at its end. It never stands on the command line.\n\n\
    Examples:\n  \
    registry-auth users add auth_config.yml ada --label team=blue\n  \
    registry-auth users list auth_config.yml --json"
)]
pub struct Users {
    #[command(subcommand)]
    what: What,
}

/// What becomes of the accounts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
enum What {
    /// Lists them: exit code 0 some, 1 none, 2 could not tell
    #[command(
        after_help = "With --json: [{\"name\", \"password\", \"labels\": {...} or null, \"fault\": ... or null, \"outdone\"}].\n\n\
        Examples:\n  \
        registry-auth users list auth_config.yml\n  \
        registry-auth users list auth_config.yml --in xorm_auth --json"
    )]
    List(List),
    /// Adds one, with a password: exit code 0 added, 1 there is one of that name, 2 could not
    #[command(after_help = "Examples:\n  \
        registry-auth users add auth_config.yml ada --label team=blue --label team=red\n  \
        pass show registry/ada | registry-auth users add auth_config.yml ada")]
    Add(Add),
    /// Removes one: exit code 0 removed, 1 there is none of that name, 2 could not
    #[command(after_help = "Examples:\n  \
        registry-auth users remove auth_config.yml ada\n  \
        registry-auth users remove auth_config.yml ada --in xorm_auth")]
    Remove(Named),
    /// Gives one another password: exit code 0 changed, 1 there is none of that name, 2 could not
    #[command(after_help = "Examples:\n  \
        registry-auth users set-password auth_config.yml ada\n  \
        pass show registry/ada | registry-auth users set-password auth_config.yml ada")]
    SetPassword(SetPassword),
    /// Gives one these labels in place of those it has: exit code 0 changed, 1 there is none of that name, 2 could not
    #[command(after_help = "Examples:\n  \
        registry-auth users set-labels auth_config.yml ada --label team=blue --label team=red\n  \
        registry-auth users set-labels auth_config.yml ada")]
    SetLabels(SetLabels),
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Named {
    #[command(flatten)]
    place: Where,
    /// The account, byte for byte
    #[arg(value_name = "ACCOUNT")]
    name: String,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Add {
    #[command(flatten)]
    account: Named,
    #[command(flatten)]
    hashing: Hashing,
    /// A label; may be given several times, also with one name and several values
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::explain::pair)]
    label: Vec<(String, String)>,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct SetPassword {
    #[command(flatten)]
    account: Named,
    #[command(flatten)]
    hashing: Hashing,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct SetLabels {
    #[command(flatten)]
    account: Named,
    /// A label; may be given several times, also with one name and several values. Without any there are none afterwards
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::explain::pair)]
    label: Vec<(String, String)>,
}

/// Why nothing was done.
#[derive(Debug, Error)]
pub enum UsersError {
    /// No database.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It could not be asked.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// No hash.
    #[error(transparent)]
    Password(#[from] HashPasswordError),
    /// Nobody can have this name.
    #[error("`{name}` cannot be an account: {error}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        error: AccountError,
    },
    /// Nobody signs in without a name.
    #[error(
        "the name is empty, and nobody could sign in by it; for the anonymous account write `users: {{\"\": {{}}}}`"
    )]
    NoName,
    /// The answer cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Does it, and says so.
///
/// # Errors
/// See [`UsersError`].
pub async fn run(users: &Users, environment: Environment<'_>) -> Result<Exit, UsersError> {
    match &users.what {
        What::List(List { place, json }) => {
            let (table, _) = table(place, environment)?;
            let accounts = table.accounts().await?;
            answer(&report::listed(&accounts, *json))?;
            Ok(if accounts.is_empty() { Exit::No } else { Exit::Yes })
        }
        What::Add(add) => {
            let name = add.account.checked()?;
            let (table, found) = table(&add.account.place, environment)?;
            let change = Change::Add {
                hash: add.hashing.ask()?,
                labels: labels(&add.label),
            };
            changed(&*table, &found, name, &change, "added").await
        }
        What::Remove(account) => {
            let (table, found) = table(&account.place, environment)?;
            changed(&*table, &found, &account.name, &Change::Remove, "removed").await
        }
        What::SetPassword(SetPassword { account, hashing }) => {
            let name = account.checked()?;
            let (table, found) = table(&account.place, environment)?;
            let change = Change::SetPassword(hashing.ask()?);
            changed(&*table, &found, name, &change, "has another password").await
        }
        What::SetLabels(SetLabels { account, label }) => {
            let (table, found) = table(&account.place, environment)?;
            let change = Change::SetLabels(labels(label));
            changed(&*table, &found, &account.name, &change, "has other labels").await
        }
    }
}

async fn changed(
    table: &dyn AccountTable,
    found: &Found,
    name: &str,
    change: &Change,
    done: &str,
) -> Result<Exit, UsersError> {
    match table.change(name, change).await? {
        Outcome::Changed => {
            let told = found.tell().await;
            answer(&format!("`{name}` {done}\n"))?;
            eprintln!("{told}");
            Ok(Exit::Yes)
        }
        Outcome::Exists => {
            eprintln!("there is a `{name}` already; `set-password` and `set-labels` change it");
            Ok(Exit::No)
        }
        Outcome::Unknown => {
            eprintln!("there is no `{name}`; `registry-auth users list` tells who there is");
            Ok(Exit::No)
        }
    }
}

/// The table of accounts, and the configuration that names it.
fn table(place: &Where, environment: Environment<'_>) -> Result<(Box<dyn AccountTable>, Found), UsersError> {
    let mut found = place.files.read(environment)?;
    let backends = found.document.program.as_ref().map(|program| &program.backends);
    let sections = backends.into_iter().flat_map(|backends| backends.authn.iter());
    let tables = sections.filter_map(|(backend, section)| match backend {
        AuthnBackend::Mongo | AuthnBackend::Sql => Some((backend.key(), (*backend, section.clone()))),
        _ => None,
    });
    let tables = tables.collect();
    let (backend, section) = found.choose(
        tables,
        place.key.as_deref(),
        "`xorm_auth` and no `mongo_auth`",
        "accounts",
    )?;
    let table = found.open(environment, |sources, problems| -> Option<Box<dyn AccountTable>> {
        match backend {
            AuthnBackend::Mongo => {
                MongoAuthenticator::open(section, sources, problems).map(|table| Box::new(table) as _)
            }
            _ => SqlAuthenticator::open(section, sources, problems).map(|table| Box::new(table) as _),
        }
    })?;
    Ok((table, found))
}

impl Named {
    /// The name, if somebody could sign in by it.
    fn checked(&self) -> Result<&str, UsersError> {
        let account = Account::parse(&self.name).map_err(|error| UsersError::Name {
            name: self.name.escape_debug().to_string(),
            error,
        })?;
        if account.is_anonymous() {
            return Err(UsersError::NoName);
        }
        Ok(&self.name)
    }
}

fn labels(pairs: &[(String, String)]) -> WrittenLabels {
    let mut labels = WrittenLabels::new();
    for (name, value) in pairs {
        labels.entry(name.clone()).or_default().push(value.clone());
    }
    labels
}
