//! The collection of accounts as `registry-auth users` changes it.

use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};

use super::MongoAuthenticator;
use super::fault::NoAnswer;
use crate::backend::{Asking, BackendError, Fault};
use crate::tables::{AccountTable, Change, Outcome, Password, StoredAccount, WrittenLabels};

/// A name that another document has already, where the index forbids it.
const DUPLICATE: i32 = 11_000;

/// So many accounts are listed.
const MOST: usize = 100_000;

impl MongoAuthenticator {
    fn documents(&self) -> Result<Collection<Document>, BackendError> {
        let collection = self.server.collection();
        let collection = collection.map_err(|error| self.error(error.fault(), error))?;
        Ok(collection.clone_with_type())
    }

    fn no(&self, error: Error) -> BackendError {
        let error = self.server.no_answer(error);
        self.error(error.fault(), error)
    }

    async fn stored(&self) -> Result<Vec<StoredAccount>, BackendError> {
        let mut found = self.documents()?.find(doc! {}).await.map_err(|error| self.no(error))?;
        let mut accounts = Vec::new();
        while found.advance().await.map_err(|error| self.no(error))? {
            let document = found.deserialize_current().map_err(|error| self.no(error))?;
            accounts.push(stored(&document));
            if accounts.len() > MOST {
                let what = format_args!("holds more than {MOST} accounts; list them with MongoDB's own shell");
                return Err(self.error(Fault::Useless, what));
            }
        }
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(accounts)
    }

    async fn changed(&self, name: &str, change: &Change) -> Result<Outcome, BackendError> {
        let collection = self.documents()?;
        // A text, whatever is in it: it is never an operator.
        let named = doc! { "username": Bson::String(name.to_owned()) };
        let set = |fields: Document| async {
            let updated = collection.update_one(named.clone(), doc! { "$set": fields }).await;
            Ok(found(updated.map_err(|error| self.no(error))?.matched_count))
        };
        match change {
            Change::Add { hash, labels } => {
                let there = collection
                    .find_one(named.clone())
                    .await
                    .map_err(|error| self.no(error))?;
                if there.is_some() {
                    return Ok(Outcome::Exists);
                }
                let mut account = named.clone();
                account.insert("password", hash.expose());
                account.insert("labels", written(labels));
                match collection.insert_one(account).await {
                    Ok(_) => Ok(Outcome::Changed),
                    // Somebody else was faster.
                    Err(error) if is_duplicate(&error) => Ok(Outcome::Exists),
                    Err(error) => Err(self.no(error)),
                }
            }
            Change::SetPassword(hash) => set(doc! { "password": hash.expose() }).await,
            Change::SetLabels(labels) => set(doc! { "labels": written(labels) }).await,
            Change::Remove => {
                let removed = collection.delete_many(named.clone()).await;
                Ok(found(removed.map_err(|error| self.no(error))?.deleted_count))
            }
        }
    }
}

impl AccountTable for MongoAuthenticator {
    fn accounts(&self) -> Asking<'_, Vec<StoredAccount>> {
        Box::pin(self.stored())
    }

    fn change<'a>(&'a self, name: &'a str, change: &'a Change) -> Asking<'a, Outcome> {
        Box::pin(async move {
            let ready = self.be_ready().await;
            ready.map_err(|error: NoAnswer| self.error(error.fault(), error))?;
            self.changed(name, change).await
        })
    }
}

fn found(count: u64) -> Outcome {
    if count == 0 { Outcome::Unknown } else { Outcome::Changed }
}

fn is_duplicate(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE,
        ErrorKind::Command(error) => error.code == DUPLICATE,
        _ => false,
    }
}

fn written(labels: &WrittenLabels) -> Document {
    labels
        .iter()
        .map(|(name, values)| (name.clone(), Bson::from(values.clone())))
        .collect()
}

fn stored(document: &Document) -> StoredAccount {
    let name = match document.get("username") {
        Some(Bson::String(name)) => name.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let password = match document.get("password") {
        None | Some(Bson::Null) => Password::Any,
        Some(Bson::String(hash)) => Password::of(hash),
        Some(_) => Password::Unfit("is no text".to_owned()),
    };
    StoredAccount {
        name,
        labels: labels(document),
        password,
        is_outdone: false,
    }
}

fn labels(document: &Document) -> Result<WrittenLabels, String> {
    let labels = match document.get("labels") {
        None | Some(Bson::Null) => return Ok(WrittenLabels::new()),
        Some(labels) => labels,
    };
    let read = labels.as_document().map(|labels| {
        let labels = labels.iter().map(|(name, values)| {
            let values = values.as_array()?.iter().map(|value| value.as_str().map(str::to_owned));
            Some((name.clone(), values.collect::<Option<Vec<_>>>()?))
        });
        labels.collect::<Option<WrittenLabels>>()
    });
    read.flatten()
        .ok_or_else(|| "`labels` that are not lists of texts".to_owned())
}
