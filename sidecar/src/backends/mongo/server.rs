//! The client of one section: made when somebody asks for the first time, and made anew when it stays silent.
//!
//! It looks after its servers and connections itself: what breaks is closed, a question that meets a dead connection is
//! asked once more, and servers that are back are found.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use mongodb::bson::RawDocumentBuf;
use mongodb::error::{Error, ErrorKind};
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection};
use tokio::time::Instant;

use super::fault::{NoAnswer, told};
use super::options::{Options, shown};
use crate::lock::held;

/// What became of the last try to reach each server that could not be.
type Unreached = Arc<Mutex<BTreeMap<String, String>>>;

/// A collection, and the client that reaches it.
pub(super) struct Server {
    options: ClientOptions,
    database: String,
    collection: String,
    shown: String,
    client: Mutex<Option<(Client, Instant)>>,
    unreached: Unreached,
}

impl Server {
    pub(super) fn new(options: Options) -> Self {
        let Options {
            client: mut options,
            database,
            collection,
            shown,
        } = options;
        let unreached = Unreached::default();
        let noted = Arc::clone(&unreached);
        options.sdam_event_handler = Some(EventHandler::callback(move |event| note(&noted, event)));
        Self {
            options,
            database,
            collection,
            shown,
            client: Mutex::default(),
            unreached,
        }
    }

    /// What it is called in logs.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// What the driver is told.
    #[cfg(test)]
    pub(super) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// The collection, of the client that there is.
    pub(super) fn collection(&self) -> Result<Collection<RawDocumentBuf>, NoAnswer> {
        let mut kept = held(&self.client);
        let client = if let Some((client, _)) = &*kept {
            client.clone()
        } else {
            let client = Client::with_options(self.options.clone()).map_err(NoAnswer::Make)?;
            *kept = Some((client.clone(), Instant::now()));
            client
        };
        drop(kept);
        Ok(client.database(&self.database).collection(&self.collection))
    }

    /// Closes the connections of a client that stayed silent since `begun`. One that was made since then is another one.
    pub(super) fn forget(&self, begun: Instant) {
        let silent = held(&self.client).take_if(|(_, made)| *made <= begun);
        drop(silent);
    }

    /// Why there is no answer, by what the driver says.
    pub(super) fn no_answer(&self, error: Error) -> NoAnswer {
        match &*error.kind {
            ErrorKind::ServerSelection { .. } => {
                let unreached = held(&self.unreached);
                let each: Vec<_> = unreached
                    .iter()
                    .map(|(server, why)| format!("{server}: {why}"))
                    .collect();
                if each.is_empty() {
                    NoAnswer::NoPrimary
                } else {
                    NoAnswer::Connect(each.join("; "))
                }
            }
            ErrorKind::Authentication { .. } => NoAnswer::SignIn(error),
            _ => NoAnswer::Ask(error),
        }
    }
}

fn note(unreached: &Unreached, event: SdamEvent) {
    match event {
        SdamEvent::ServerHeartbeatFailed(event) => {
            held(unreached).insert(shown(&event.server_address), told(&event.failure));
        }
        SdamEvent::ServerHeartbeatSucceeded(event) => {
            held(unreached).remove(&shown(&event.server_address));
        }
        SdamEvent::ServerClosed(event) => {
            held(unreached).remove(&shown(&event.address));
        }
        _ => {}
    }
}

/// How it is reached holds a password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.shown)
    }
}
