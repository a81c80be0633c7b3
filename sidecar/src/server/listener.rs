//! A listener that runs: its accept loop, and what becomes of it.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::activity::{Activity, Order};
use super::connections::Connections;
use super::socket::{Bound, Listening, Socket};
use super::{Peer, Setup, connection};
use crate::listen::Address;
use crate::metrics::Metrics;

/// So long nothing is accepted after the system had no file, or no memory, for one more; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A listener and its connections.
#[derive(Debug)]
pub(super) struct Running {
    address: Address,
    bound: Bound,
    shared: Arc<Shared>,
    /// Closed with its last holder: the accept loop has one, this the other.
    listening: Option<Arc<Listening>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    setup: Mutex<Arc<Setup>>,
    connections: Arc<Connections>,
    closing: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl Running {
    pub(super) fn start(address: Address, listening: Listening, setup: Arc<Setup>, metrics: Arc<Metrics>) -> Self {
        let bound = listening.bound();
        tracing::info!(listener = setup.name, address = %bound, tls = setup.tls.is_some(), "listening");
        let shared = Arc::new(Shared {
            setup: Mutex::new(setup),
            connections: Arc::default(),
            closing: watch::Sender::new(false),
            metrics,
        });
        let listening = Arc::new(listening);
        let task = tokio::spawn(accept(Arc::clone(&listening), Arc::clone(&shared)));
        Self {
            address,
            bound,
            shared,
            listening: Some(listening),
            task,
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn bound(&self) -> &Bound {
        &self.bound
    }

    pub(super) fn name(&self) -> &'static str {
        self.shared.setup().name
    }

    /// Its socket, unless it is closed.
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.listening.as_deref().map(Listening::as_fd)
    }

    /// Gives new connections another setup. Those there are stay as they are, unless who may connect has changed, or
    /// the listener is now another one's: then they finish.
    pub(super) fn change(&mut self, address: Address, setup: Arc<Setup>) {
        let clients = |setup: &Setup| setup.tls.as_ref().map(|tls| tls.clients.clone());
        let name = setup.name;
        let after = clients(&setup);
        let before = {
            let mut current = self.shared.setup.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, setup)
        };
        if before.name != name || clients(&before) != after {
            self.order(Order::Finish);
        }
        if self.address != address {
            if let (Address::Unix { mode, .. }, Some(Listening::Unix(_, file))) = (&address, self.listening.as_deref())
                && let Err(error) = file.set_mode(*mode)
            {
                tracing::error!(listener = name, %address, %error, "cannot change the socket's mode");
            }
            self.address = address;
        }
    }

    /// Begins to close: who waits to be accepted still is.
    pub(super) fn close(&mut self) {
        self.listening = None;
        self.shared.closing.send_replace(true);
    }

    /// Waits until nobody is accepted any more.
    pub(super) async fn closed(&mut self, deadline: Instant) {
        if timeout_at(deadline, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }

    /// Tells all connections; how many there are.
    pub(super) fn order(&self, order: Order) -> usize {
        self.shared.connections.order(order)
    }

    pub(super) async fn emptied(&self, deadline: Instant) -> bool {
        self.shared.connections.emptied(deadline).await
    }

    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished() && self.shared.connections.is_empty()
    }
}

impl Shared {
    fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves a connection, in a task of its own.
    fn welcome(self: &Arc<Self>, socket: Socket, peer: Peer) {
        let activity = Activity::new(Instant::now());
        let most = self.setup().limits.connections;
        let place = self.connections.admit(&activity, most);
        // Read with the place taken: whoever changes it tells those that have one.
        let setup = self.setup();
        if *self.closing.borrow() {
            activity.order(Order::Finish);
        }
        let Some(place) = place else {
            tracing::debug!(listener = setup.name, most, "turned a connection away: all others work");
            self.metrics.connection_ended(setup.name, "refused");
            return;
        };
        let counted = self.metrics.connection(setup.name);
        let metrics = Arc::clone(&self.metrics);
        tokio::spawn(async move {
            let name = setup.name;
            let ended = connection::serve(socket, peer, activity, setup).await;
            metrics.connection_ended(name, ended.word());
            drop((place, counted));
        });
    }
}

async fn accept(listening: Arc<Listening>, shared: Arc<Shared>) {
    let mut closing = shared.closing.subscribe();
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = listening.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                pause = FIRST_PAUSE;
                shared.welcome(socket, peer);
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(listener = shared.setup().name, %error, "cannot accept connections; raise the limit of open files");
                // Each that ends is a file less.
                shared.connections.make_room();
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = closing.wait_for(|closing| *closing) => break,
                }
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
    }
    // Who is connected already, as they see it, gets an answer.
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listening.accept() => accepted,
            () = std::future::ready(()) => break,
        };
        match accepted {
            Ok((socket, peer)) => shared.welcome(socket, peer),
            Err(error) if is_of_the_connection(&error) => {}
            Err(_) => break,
        }
    }
}

/// The one who wanted to connect is gone; the next may be accepted at once.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
