//! What the database tells of changes: a change stream, where the server has them.
//!
//! It is listened to in a task of its own, so that nobody who stops waiting stops it in the middle of an answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::Document;
use mongodb::error::Error;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

use super::super::fault::{NoAnswer, refusal, told};
use super::super::server::Server;
use super::KEY;

/// How long the server waits for a change before it says that there was none.
const WAIT: Duration = Duration::from_secs(10);

/// How long it may take beyond that.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Before it is tried again to listen.
const PAUSE: Duration = Duration::from_secs(3);

/// Changes that come so close upon each other are told once: a list is written entry by entry.
const SETTLE: Duration = Duration::from_millis(200);

/// Hears of changes, once somebody waits for one.
#[derive(Debug)]
pub(super) struct Changes {
    server: Arc<Server>,
    heard: Arc<Notify>,
    /// The task that listens; it ends with this.
    listening: Mutex<Option<JoinSet<()>>>,
}

/// Why nobody listens any longer.
enum Ended {
    /// The server has no such thing, or not for us.
    NotHere(String),
    /// What can be tried again.
    Lost(String),
}

impl Changes {
    pub(super) fn of(server: Arc<Server>) -> Self {
        Self {
            server,
            heard: Arc::default(),
            listening: Mutex::default(),
        }
    }

    /// Comes back when something may have changed since it came back the last time.
    pub(super) async fn next(&self) {
        self.listening.lock().await.get_or_insert_with(|| {
            let mut task = JoinSet::new();
            task.spawn(follow(Arc::clone(&self.server), Arc::clone(&self.heard)));
            task
        });
        self.heard.notified().await;
    }
}

async fn follow(server: Arc<Server>, heard: Arc<Notify>) {
    let changed = Notify::new();
    tokio::select! {
        () = listen_again(&server, &changed) => {}
        never = tell(&changed, &heard) => match never {},
    }
}

async fn listen_again(server: &Server, changed: &Notify) {
    loop {
        match listen(server, changed).await {
            Err(Ended::NotHere(why)) => {
                info!(
                    backend = KEY,
                    collection = server.shown(),
                    %why,
                    "the server does not tell of changes; they are found when the list is read again"
                );
                return;
            }
            Err(Ended::Lost(why)) => {
                debug!(backend = KEY, collection = server.shown(), %why, "changes are not heard of");
            }
            Ok(never) => match never {},
        }
        sleep(PAUSE).await;
    }
}

/// Tells of changes when they have settled.
async fn tell(changed: &Notify, heard: &Notify) -> Infallible {
    loop {
        changed.notified().await;
        sleep(SETTLE).await;
        heard.notify_one();
    }
}

async fn listen(server: &Server, changed: &Notify) -> Result<Infallible, Ended> {
    let silent = |_| Ended::Lost("the server is silent".to_owned());
    let collection = server.collection().map_err(|error| Ended::Lost(error.to_string()))?;
    let watching = collection.watch().max_await_time(WAIT).into_future();
    let stream = timeout(TIMEOUT, watching).await.map_err(silent)?;
    let mut stream = stream.map_err(|error| ended(server, error))?.with_type::<Document>();
    // Of what changed before this nobody was told.
    changed.notify_one();
    loop {
        let begun = Instant::now();
        let event = timeout(WAIT.saturating_add(TIMEOUT), stream.next_if_any()).await;
        match event.map_err(silent)? {
            Ok(Some(_)) => changed.notify_one(),
            Ok(None) if !stream.is_alive() => return Err(Ended::Lost("the stream has ended".to_owned())),
            // A server that does not wait is not asked again and again.
            Ok(None) if begun.elapsed() < SETTLE => sleep(SETTLE).await,
            Ok(None) => {}
            Err(error) => return Err(Ended::Lost(server.no_answer(error).to_string())),
        }
    }
}

/// Why it cannot be listened: what the server refuses once it refuses always.
fn ended(server: &Server, error: Error) -> Ended {
    if refusal(&error).is_some() {
        return Ended::NotHere(told(&error));
    }
    match server.no_answer(error) {
        NoAnswer::Ask(error) if matches!(&*error.kind, mongodb::error::ErrorKind::IncompatibleServer { .. }) => {
            Ended::NotHere(told(&error))
        }
        other => Ended::Lost(other.to_string()),
    }
}
