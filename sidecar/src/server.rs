//! Listeners and connections: who may connect, for how long, and what becomes of them when things change.
//!
//! A client that is slow, or many, costs nobody else anything: each thing that it can make one wait for has a limit
//! ([`Limits`]), and where there are too many connections, those end first that wait longest for their clients. They
//! lose nothing that they had asked for, while a newcomer turned away would; an attacker's own go first.

mod activity;
mod body;
mod connection;
mod connections;
mod listener;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use thiserror::Error;
use tokio::time::Instant;

pub use body::{BodyFault, read_body};
pub use socket::{BindError, Bound};

use crate::listen::{self, Address, Tls};
use crate::metrics::Metrics;
use activity::Order;
use listener::Running;
use registry_auth_core::wire;
use socket::Listening;

/// Who is at the other end of a connection; in the extensions of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// By the network, from this address.
    Tcp(SocketAddr),
    /// By a socket in the file system.
    Unix,
}

/// The DNS names of the certificate that a client of mutual TLS has proven; in the extensions of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNames(pub Arc<[String]>);

/// What a listener's connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// From the connection to its first byte; a TLS handshake as a whole too.
    pub first_byte: Duration,
    /// From the first byte of a head to its end.
    pub head: Duration,
    /// From the head to the end of the body.
    pub body: Duration,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// From a request's head to the end of its answer.
    pub exchange: Duration,
    /// Without any request.
    pub idle: Duration,
    /// Requests at once on one connection of HTTP/2.
    pub streams: u32,
}

/// One listener as it should be.
#[derive(Debug)]
pub struct Endpoint {
    /// What it is called in logs and metrics.
    pub name: &'static str,
    /// Where, and how it is encrypted.
    pub listener: listen::Listener,
    /// Who answers.
    pub router: Router,
    /// What its connections may take.
    pub limits: Limits,
}

/// Why listeners could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// One of them.
    #[error("{name}: {source}")]
    Bind {
        /// What it is called.
        name: &'static str,
        /// Why.
        source: BindError,
    },
    /// Two of them want the same place.
    #[error("{name}: `{address}` is {other}'s already; give each its own")]
    Twice {
        /// What the second one is called.
        name: &'static str,
        /// The place.
        address: String,
        /// What the first one is called.
        other: &'static str,
    },
}

/// Listeners that are open and accept nobody yet. Dropped, they close again, and nothing has changed.
#[derive(Debug)]
pub struct Opened(Vec<(Endpoint, Option<Listening>)>);

/// All listeners of this process.
#[derive(Debug)]
pub struct Server {
    metrics: Arc<Metrics>,
    running: Vec<Running>,
    /// Those that accept nobody any more, and finish.
    leaving: Vec<Running>,
}

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everybody got their answer.
    Finished,
    /// So many connections were cut off at the bound.
    CutOff(usize),
}

/// What new connections of a listener get.
#[derive(Debug)]
struct Setup {
    name: &'static str,
    router: Router,
    tls: Option<Tls>,
    limits: Limits,
    protocol: auto::Builder<TokioExecutor>,
}

impl Limits {
    /// For the token endpoint, which anybody may reach.
    pub const CLIENTS: Self = Self {
        connections: 4_096,
        first_byte: Duration::from_secs(10),
        head: Duration::from_secs(10),
        body: Duration::from_secs(10),
        // The endpoint takes 64 KiB, and says itself that a longer one is too long.
        body_bytes: 65 * 1024,
        exchange: Duration::from_mins(1),
        // Longer than Envoy keeps an idle connection to what is behind it (an hour), so that it is never this end that
        // closes one on which a request is just coming. Their number is what bounds them.
        idle: Duration::from_mins(65),
        streams: 64,
    };

    /// For the filter: calls of all workers over a few connections, of which some are held open.
    pub const FILTER: Self = Self {
        connections: 1_024,
        body_bytes: wire::MAX_MESSAGE_BYTES + 1024,
        exchange: Duration::from_mins(2),
        streams: 1_024,
        ..Self::CLIENTS
    };

    /// For health and metrics.
    pub const ADMIN: Self = Self {
        connections: 64,
        body_bytes: 1024,
        idle: Duration::from_mins(5),
        ..Self::CLIENTS
    };

    /// With as many connections as `open_files` leaves room for: half of them, since a client's request may open
    /// others to back-ends.
    #[must_use]
    pub fn within(self, open_files: u64) -> Self {
        let half = usize::try_from(open_files / 2).unwrap_or(usize::MAX);
        Self {
            connections: self.connections.min(half).max(1),
            ..self
        }
    }

    /// How often limits are looked at.
    fn tick(&self) -> Duration {
        let shortest = self.first_byte.min(self.head).min(self.exchange).min(self.idle);
        shortest.checked_div(2).unwrap_or(shortest)
    }
}

impl Server {
    /// Without any listener.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            running: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Opens what is not open yet, and changes nothing of what is; [`Self::install`] makes it count.
    ///
    /// # Errors
    /// The first one that cannot be opened; those opened before it are closed again.
    pub async fn open(&self, endpoints: Vec<Endpoint>) -> Result<Opened, OpenError> {
        for (i, endpoint) in endpoints.iter().enumerate() {
            let address = &endpoint.listener.address;
            let mut before = endpoints.iter().take(i);
            if let Some(other) = before.find(|other| other.listener.address.is_same_place(address)) {
                return Err(OpenError::Twice {
                    name: endpoint.name,
                    address: address.to_string(),
                    other: other.name,
                });
            }
        }
        let is_kept = |running: &&Running| {
            let mut wanted = endpoints.iter().map(|endpoint| &endpoint.listener.address);
            wanted.any(|address| address.is_same_place(running.address()))
        };
        let closing = || self.running.iter().filter(|running| !is_kept(running));
        let mut listening = Vec::with_capacity(endpoints.len());
        for endpoint in &endpoints {
            let address = &endpoint.listener.address;
            if self
                .running
                .iter()
                .any(|running| running.address().is_same_place(address))
            {
                listening.push(None);
                continue;
            }
            let overlapping: Vec<_> = closing()
                .filter(|running| has_same_port(running.address(), address))
                .filter_map(Running::as_fd)
                .collect();
            let opened = Listening::open(address, &overlapping).await;
            let opened = opened.map_err(|source| OpenError::Bind {
                name: endpoint.name,
                source,
            })?;
            listening.push(Some(opened));
        }
        Ok(Opened(endpoints.into_iter().zip(listening).collect()))
    }

    /// Makes `opened` count: new listeners accept; those that stay give new connections the new routes, certificates
    /// and limits; all others close, and what they have in flight is finished.
    pub fn install(&mut self, opened: Opened) {
        let mut before = std::mem::take(&mut self.running);
        for (endpoint, listening) in opened.0 {
            let address = endpoint.listener.address.clone();
            let setup = Setup::new(endpoint);
            let place = before
                .iter()
                .position(|running| running.address().is_same_place(&address));
            match (place, listening) {
                (Some(place), _) => {
                    let mut running = before.remove(place);
                    running.change(address, setup);
                    self.running.push(running);
                }
                (None, Some(listening)) => {
                    let metrics = Arc::clone(&self.metrics);
                    self.running.push(Running::start(address, listening, setup, metrics));
                }
                // It was open when `opened` was made, and nobody else closes any.
                (None, None) => tracing::error!(listener = setup.name, %address, "lost a listener"),
            }
        }
        self.leaving.retain(|running| !running.is_over());
        for mut running in before {
            tracing::info!(listener = running.name(), address = %running.address(), "no longer listening");
            running.close();
            running.order(Order::Finish);
            self.leaving.push(running);
        }
    }

    /// Where each listener is in effect, by its name.
    #[must_use]
    pub fn bound(&self) -> Vec<(&'static str, Bound)> {
        let running = self.running.iter();
        running
            .map(|running| (running.name(), running.bound().clone()))
            .collect()
    }

    /// Accepts nobody any more, and waits until what is in flight is answered, at most `within`.
    pub async fn stop(self, within: Duration) -> Stopped {
        let deadline = Instant::now().checked_add(within).unwrap_or_else(Instant::now);
        let mut all: Vec<Running> = self.running.into_iter().chain(self.leaving).collect();
        for running in &mut all {
            running.close();
        }
        for running in &mut all {
            running.closed(deadline).await;
            running.order(Order::Finish);
        }
        let mut cut_off = 0_usize;
        for running in &all {
            if !running.emptied(deadline).await {
                cut_off = cut_off.saturating_add(running.order(Order::End));
            }
        }
        match cut_off {
            0 => Stopped::Finished,
            cut_off => Stopped::CutOff(cut_off),
        }
    }
}

impl Setup {
    fn new(endpoint: Endpoint) -> Arc<Self> {
        Arc::new(Self {
            name: endpoint.name,
            router: endpoint.router,
            tls: endpoint.listener.tls,
            protocol: connection::protocol(&endpoint.limits),
            limits: endpoint.limits,
        })
    }
}

fn has_same_port(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Tcp { port: one, .. }, Address::Tcp { port: other, .. }) => one == other,
        _ => false,
    }
}

/// Raises the number of files that this process may open to what the system lets it, and says how many that are.
///
/// Most systems give 1,024 to a program that does not ask, and each connection is one.
#[must_use]
pub fn raise_open_files() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let now = if setrlimit(Resource::Nofile, limit).is_ok() {
        limit.current
    } else {
        before
    };
    now.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
