//! A database that tells when something changed: PostgreSQL, whose `NOTIFY` reaches everybody who listens.
//!
//! What is missed costs nothing but time: lists are read again anyhow, and what is remembered of accounts ends.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Mutex;
use tokio::time::sleep;
use tracing::debug;

use super::server::Server;

/// The channel that is listened on.
pub(super) const CHANNEL: &str = "registry_auth";

/// How long after a fault it is listened for again.
const PAUSE: Duration = Duration::from_secs(5);

/// A connection on which nothing is asked.
#[derive(Default)]
pub(super) struct News(Mutex<Option<PgListener>>);

impl News {
    /// Comes back when the database tells of a change, or may have told of one while nobody listened. Where it cannot tell,
    /// it never comes back.
    pub(super) async fn heard(&self, server: &Server) {
        let Server::Postgres(connections) = server else {
            return std::future::pending().await;
        };
        let mut listener = self.0.lock().await;
        loop {
            let mut listening = match listener.take() {
                Some(listening) => listening,
                None => match listen(connections.options()).await {
                    Ok(listening) => listening,
                    Err(error) => {
                        debug!(database = connections.shown(), %error, "cannot listen for changes");
                        sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            match listening.try_recv().await {
                // It goes on listening by itself, and may have missed something between.
                Ok(_) => {
                    *listener = Some(listening);
                    return;
                }
                Err(error) => {
                    debug!(database = connections.shown(), %error, "does not listen for changes any longer");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn listen(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    // A listener takes its connection from a pool, which has no other.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PAUSE);
    let mut listener = PgListener::connect_with(&pool.connect_lazy_with(options.clone())).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

impl std::fmt::Debug for News {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("News")
    }
}
