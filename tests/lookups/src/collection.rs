//! MongoDB: the document of the account, and its hash.

use std::rc::Rc;

use anyhow::{Context as _, Result, anyhow, ensure};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use registry_auth_core::authn::hash::Hash;

use crate::{Task, Turns};

pub(crate) async fn look_up(task: Rc<Task>, mut turns: Turns) -> Result<Turns> {
    // Each has a client, and so a connection, of its own.
    let client = Client::with_uri_str(&task.address).await?;
    let database = client.default_database().context("the address names a database")?;
    let accounts = database.collection::<Document>("users");
    while let Some(account) = turns.next() {
        let found = accounts
            .find_one(doc! {"username": account})
            .projection(doc! {"_id": 0, "username": 1, "password": 1, "labels": 1})
            .await?;
        let found = found.context("nobody was found")?;
        let fits = Hash::parse(found.get_str("password")?)?.fits(task.password.as_bytes());
        ensure!(fits.map_err(|_| anyhow!("not computed"))?, "the password does not fit");
    }
    Ok(turns)
}
