//! How a directory is asked who somebody is: bind, search, bind as what was found, bind back.

use std::sync::Arc;

use registry_auth_core::account::{Account, Identity};
use registry_auth_core::decide::Denial;
use registry_auth_core::secret::Secret;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::connection::Connection;
use super::fault::{Fault, SUCCESS, Verdict, told};
use super::filter::Filter;
use super::labels::LabelRules;
use super::nested::Groups;
use super::options::{Options, Pace, Searcher, Target};
use super::pool::Pool;
use super::spelling::Spelling;
use crate::backend::{self, Outcome};

/// A directory that can be asked.
#[derive(Debug)]
pub(super) struct Directory {
    /// The section's place.
    backend: &'static str,
    servers: Vec<Target>,
    searcher: Searcher,
    base: String,
    filter: Filter,
    spelling: Spelling,
    labels: LabelRules,
    /// What a search asks for.
    attributes: Vec<String>,
    pace: Pace,
    pool: Pool,
}

/// Why no server could be asked, each told by its address.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Unasked {
    /// That of the server that was asked last.
    pub(super) fault: backend::Fault,
    what: String,
}

/// Who says who they are. The password is a text, and neither is empty.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) account: Account,
    pub(super) password: Secret<String>,
}

impl Directory {
    /// The directory of `options`, of which no more than `most` connections are kept.
    pub(super) fn new(backend: &'static str, options: Options, most: usize) -> Self {
        let mut attributes: Vec<String> = Vec::new();
        let of_spelling = options.spelling.attributes().iter().map(String::as_str);
        for attribute in of_spelling.chain(options.labels.attributes()) {
            if !attributes.iter().any(|known| known.eq_ignore_ascii_case(attribute)) {
                attributes.push(attribute.to_owned());
            }
        }
        Self {
            backend,
            pool: Pool::new(options.servers.len(), most),
            servers: options.servers,
            searcher: options.searcher,
            base: options.base,
            filter: options.filter,
            spelling: options.spelling,
            labels: options.labels,
            attributes,
            pace: options.pace,
        }
    }

    /// Asks who this is: on a connection that is kept, or if that one turns out to be dead, once more on a new one.
    pub(super) async fn ask(self: Arc<Self>, claim: Claim) -> Result<Outcome, Unasked> {
        if let Some(connection) = self.pool.take() {
            let server = connection.server;
            match self.ask_over(connection, &claim).await {
                Err(fault) if fault.is_of_the_connection() => {
                    debug!(backend = self.backend, %fault, "a connection that was kept is dead");
                }
                answer => return answer.map_err(|fault| self.unasked(server, &fault)),
            }
        }
        let connection = self.open().await?;
        let server = connection.server;
        let answer = self.ask_over(connection, &claim).await;
        answer.map_err(|fault| self.unasked(server, &fault))
    }

    /// Opens a connection to the first server that takes one, and binds the service account.
    async fn open(&self) -> Result<Connection, Unasked> {
        let mut failed = Vec::new();
        let mut last = backend::Fault::Unreached;
        for server in self.pool.order(Instant::now()) {
            let Some(target) = self.servers.get(server) else {
                continue;
            };
            match self.open_to(target, server).await {
                Ok(connection) => {
                    self.pool.note(server, false);
                    return Ok(connection);
                }
                Err(fault) => {
                    let told = self.unasked(server, &fault);
                    // What is wrong with the service account is wrong everywhere.
                    if !fault.is_of_the_server() {
                        return Err(told);
                    }
                    last = told.fault;
                    failed.push(told.what);
                }
            }
        }
        Err(Unasked {
            fault: last,
            what: failed.join("; "),
        })
    }

    async fn open_to(&self, target: &Target, server: usize) -> Result<Connection, Fault> {
        let mut connection = Connection::open(target, server, self.pace).await?;
        match &self.searcher {
            Searcher::Service { .. } => self.bind_service(&mut connection).await?,
            Searcher::Anonymous | Searcher::Themselves(_) => connection.greet().await?,
        }
        Ok(connection)
    }

    /// Binds whoever searches, if that is not whoever signs in.
    async fn bind_service(&self, connection: &mut Connection) -> Result<(), Fault> {
        let (dn, password) = match &self.searcher {
            Searcher::Anonymous => ("", ""),
            Searcher::Service { dn, password } => (dn.as_str(), password.expose().as_str()),
            Searcher::Themselves(_) => return Ok(()),
        };
        let result = connection.bind(dn, password).await?;
        if result.rc == SUCCESS {
            return Ok(());
        }
        match Verdict::of(&result) {
            Err(fault) => Err(fault),
            Ok(Verdict::Fits | Verdict::DoesNotFit(_)) => Err(Fault::Service {
                dn: dn.to_owned(),
                result: told(&result),
            }),
        }
    }

    async fn ask_over(self: &Arc<Self>, mut connection: Connection, claim: &Claim) -> Result<Outcome, Fault> {
        let account = &claim.account;
        if let Searcher::Themselves(name) = &self.searcher {
            let name = name.of(account.as_str());
            if let Verdict::DoesNotFit(reason) = self.verdict(&mut connection, &name, claim).await? {
                self.give_back(connection);
                return Ok(denied(None, reason));
            }
        }
        let filter = self.filter.of(account.as_str());
        let Some(entry) = connection.find(&self.base, &filter, &self.attributes).await? else {
            self.pool.keep(connection);
            return Ok(Outcome::NoMatch);
        };
        // With an empty name a server would take any password, and call it anonymous.
        if entry.dn.trim().is_empty() {
            return Err(Fault::NoName);
        }
        if let Verdict::DoesNotFit(reason) = self.verdict(&mut connection, &entry.dn, claim).await? {
            self.give_back(connection);
            return Ok(denied(self.spelling.counted(&entry), reason));
        }
        let nested = self.labels.nested();
        let groups = if nested.is_empty() {
            self.give_back(connection);
            Groups::default()
        } else {
            // Somebody's own groups they may not see themselves.
            self.bind_service(&mut connection).await?;
            let groups = Groups::follow(&mut connection, &entry, &nested).await?;
            self.pool.keep(connection);
            groups
        };
        let Some(spelt) = self.spelling.of(account, &entry) else {
            warn!(
                backend = self.backend,
                %account,
                entry = entry.dn,
                "denied: the entry does not say how the account is spelt; set `account_attribute` to the attribute that does"
            );
            return Ok(Outcome::Deny(Denial::default()));
        };
        let labels = self.labels.of(&entry, &groups);
        let labels = labels.map_err(|error| Fault::Labels { dn: entry.dn, error })?;
        Ok(Outcome::Accept(Identity { account: spelt, labels }))
    }

    /// What the server thinks of the password, for `dn`.
    async fn verdict(&self, connection: &mut Connection, dn: &str, claim: &Claim) -> Result<Verdict, Fault> {
        let result = connection.bind(dn, claim.password.expose()).await?;
        let verdict = Verdict::of(&result)?;
        if matches!(verdict, Verdict::DoesNotFit(_)) {
            debug!(
                backend = self.backend,
                account = %claim.account,
                entry = dn,
                result = told(&result),
                "the directory does not let this account in"
            );
        }
        Ok(verdict)
    }

    /// Binds the service account again and keeps the connection. Nobody waits for that, and if it fails, a new connection
    /// is opened when one is needed.
    fn give_back(self: &Arc<Self>, mut connection: Connection) {
        let directory = Arc::clone(self);
        tokio::spawn(async move {
            match directory.bind_service(&mut connection).await {
                Ok(()) => directory.pool.keep(connection),
                Err(fault) => debug!(backend = directory.backend, %fault, "a connection is not kept"),
            }
        });
    }

    /// Tells of a fault by the server's address, and leaves that server alone for a while if it is its own.
    fn unasked(&self, server: usize, fault: &Fault) -> Unasked {
        if fault.is_of_the_server() {
            self.pool.note(server, true);
        }
        let what = match self.servers.get(server) {
            Some(Target { address, .. }) => format!("`{address}` {fault}"),
            None => fault.to_string(),
        };
        Unasked {
            fault: fault.whose(),
            what,
        }
    }
}

/// Somebody is not let in.
fn denied(account: Option<Account>, reason: Box<str>) -> Outcome {
    Outcome::Deny(Denial {
        account,
        reason: Some(reason),
    })
}
