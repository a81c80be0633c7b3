//! A list of rules in a collection, as docker_auth keeps it: `{seq, match, actions, comment}`, by ascending `seq`.

mod changes;
mod entry;
mod rewriting;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::doc;
use registry_auth_core::config::acl::MAX_RULES;
use registry_auth_core::config::backend::RuleList;
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::Problems;
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::super::{Untimely, timeout, within};
use super::fault::NoAnswer;
use super::index;
use super::options::Options;
use super::server::Server;
use crate::backend::{Asking, BackendError, Changed, Entry, Fault, RuleSource};
use changes::Changes;
use entry::{BadEntry, Numbered};

/// The key in the configuration.
const KEY: &str = RuleList::Mongo.key();

/// One question reads the list, and one waits for changes.
const MOST_AT_ONCE: usize = 2;

/// The largest list, in bytes: that of a configuration.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// `acl_mongo`: where its rules are.
#[derive(Debug)]
pub struct MongoRules {
    timeout: Duration,
    server: Arc<Server>,
    has_index: OnceCell<()>,
    changes: Changes,
}

/// Why there is no list.
#[derive(Debug, Error)]
enum NoList {
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("holds {0}")]
    Bad(#[from] BadEntry),
    #[error("holds more than {MAX_RULES} rules")]
    TooMany,
    #[error("holds more than {MAX_BYTES} bytes of rules")]
    TooLarge,
    #[error(
        "holds two rules with the `seq` {seq}, the documents with the `_id`s {one} and {other}, so that nobody can say which comes first"
    )]
    SameSeq { seq: i64, one: String, other: String },
}

impl NoList {
    fn fault(&self) -> Fault {
        match self {
            Self::NoAnswer(error) => error.fault(),
            Self::Bad(_) | Self::TooMany | Self::TooLarge | Self::SameSeq { .. } => Fault::Useless,
        }
    }
}

impl MongoRules {
    /// Reads `dial_info`, `collection` and `timeout`, and leaves all else in `section`. Nothing is connected to yet.
    pub fn open(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let timeout = timeout(section, problems);
        let options = Options::read(section, timeout, MOST_AT_ONCE, sources, problems)?;
        let server = Arc::new(Server::new(options));
        Some(Self {
            timeout,
            changes: Changes::of(Arc::clone(&server)),
            server,
            has_index: OnceCell::new(),
        })
    }

    async fn list(&self, deadline: Instant) -> Result<Vec<Entry>, BackendError> {
        let begun = Instant::now();
        let deadline = within(self.timeout, deadline);
        let Ok(list) = timeout_at(deadline, self.entries(deadline)).await else {
            self.server.forget(begun);
            let silent = Untimely::Silent(self.timeout);
            return Err(self.error(silent.fault(), silent));
        };
        list.map_err(|error| self.error(error.fault(), error))
    }

    async fn entries(&self, deadline: Instant) -> Result<Vec<Entry>, NoList> {
        let collection = self.server.collection()?;
        let make_index = || index::make_unique(&self.server, &collection, "seq");
        self.has_index.get_or_try_init(make_index).await?;
        let within = deadline.saturating_duration_since(Instant::now());
        let no_answer = |error| NoList::from(self.server.no_answer(error));
        let mut found = collection.find(doc! {}).max_time(within).await.map_err(no_answer)?;
        let mut entries: Vec<Numbered> = Vec::new();
        let mut bytes = 0_usize;
        while found.advance().await.map_err(no_answer)? {
            let document = found.current();
            bytes = bytes.saturating_add(document.as_bytes().len());
            if bytes > MAX_BYTES {
                return Err(NoList::TooLarge);
            }
            if entries.len() >= MAX_RULES {
                return Err(NoList::TooMany);
            }
            entries.push(Numbered::read(document)?);
        }
        in_order(entries)
    }

    fn error(&self, fault: Fault, what: impl fmt::Display) -> BackendError {
        BackendError {
            backend: KEY,
            fault,
            what: format!("`{}` {what}", self.server.shown()),
        }
    }
}

/// The server is not asked to sort: it would not do it for a large list without the index.
fn in_order(mut entries: Vec<Numbered>) -> Result<Vec<Entry>, NoList> {
    entries.sort_by_key(|entry| entry.seq);
    for pair in entries.windows(2) {
        if let [one, other] = pair
            && one.seq == other.seq
        {
            return Err(NoList::SameSeq {
                seq: one.seq,
                one: one.id.clone(),
                other: other.id.clone(),
            });
        }
    }
    Ok(entries.into_iter().map(Entry::from).collect())
}

impl RuleSource for MongoRules {
    fn read(&self, deadline: Instant) -> Asking<'_, Vec<Entry>> {
        Box::pin(self.list(deadline))
    }

    fn changed(&self) -> Changed<'_> {
        Box::pin(self.changes.next())
    }
}

#[cfg(test)]
mod tests;
