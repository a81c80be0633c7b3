//! What a collection of accounts is asked.
//!
//! What a client sends is a value of the type text, whatever is written in it: the driver sends BSON, in which an operator
//! is a document.

use std::sync::Mutex;
use std::time::Duration;

use mongodb::Collection;
use mongodb::bson::{Bson, RawDocumentBuf, doc};
use mongodb::error::Error;
use registry_auth_core::authn::dearest::Dearest;
use tracing::warn;

use super::fault::{NoAnswer, refusal, told};
use super::index;
use super::server::Server;
use crate::lock::held;

/// What a failure costs where no hash was seen yet: the cost that most tools give.
pub(super) const COST_UNLESS_KNOWN: u32 = 10;

/// So many documents are looked through for the one that has the name, byte for byte.
pub(super) const MOST: u8 = 32;

/// Sees to the index, and to what a failure has to cost.
pub(super) async fn prepare(server: &Server, within: Duration, dearest: &Mutex<Dearest>) -> Result<(), NoAnswer> {
    let collection = server.collection()?;
    index::make_unique(server, &collection, "username").await?;
    match costs(&collection, within).await {
        Ok(costs) => {
            for cost in costs {
                held(dearest).note_bcrypt(cost);
            }
        }
        Err(error) if refusal(&error).is_some() => {
            let error = told(&error);
            warn!(collection = server.shown(), %error, "what its hashes cost is not known, so a failure costs as one of the usual cost");
            held(dearest).note_bcrypt(COST_UNLESS_KNOWN);
        }
        Err(error) => return Err(server.no_answer(error)),
    }
    Ok(())
}

/// The costs of the usual hashes, `$2y$10$...`, of which two digits say what they cost.
async fn costs(collection: &Collection<RawDocumentBuf>, within: Duration) -> Result<Vec<u32>, Error> {
    let usual = doc! {"$match": {"password": {"$regex": r"^\$2[a-z]\$[0-9][0-9]\$"}}};
    let each = doc! {"$group": {"_id": {"$substrBytes": ["$password", 4, 2]}}};
    let mut found = collection.aggregate([usual, each]).max_time(within).await?;
    let mut costs = Vec::new();
    while found.advance().await? {
        let cost = found.current().get_str("_id").ok();
        costs.extend(cost.and_then(|cost| cost.parse::<u32>().ok()));
    }
    Ok(costs)
}

/// The documents whose name equals `account` as the database has it, at most [`MOST`].
pub(super) async fn documents(
    server: &Server,
    within: Duration,
    account: &str,
) -> Result<Vec<RawDocumentBuf>, NoAnswer> {
    let collection = server.collection()?;
    let asked = async {
        let name = Bson::String(account.to_owned());
        let mut found = collection
            .find(doc! {"username": name})
            .projection(doc! {"_id": 0, "username": 1, "password": 1, "labels": 1})
            .limit(i64::from(MOST))
            .max_time(within)
            .await?;
        let mut documents = Vec::new();
        while found.advance().await? {
            documents.push(found.current().to_owned());
        }
        Ok(documents)
    };
    asked.await.map_err(|error| server.no_answer(error))
}
