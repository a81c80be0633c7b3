//! What a back-end is asked, and what it answers.
//!
//! "No" and "could not ask" are never of one type: a denial is an answer, a [`BackendError`] ends the request with 503.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

use registry_auth_core::account::{Account, Identity, Labels};
use registry_auth_core::authn::attempt::Work;
use registry_auth_core::config::Node;
use registry_auth_core::decide::Denial;
use registry_auth_core::scope::{Actions, Scope};
use registry_auth_core::secret::Secret;
use registry_auth_core::service::Service;
use tokio::time::Instant;

/// Somebody who says who they are.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The account; `""` for somebody who sent no credentials.
    pub account: &'a Account,
    /// What they prove it by.
    pub password: &'a Secret<Vec<u8>>,
    /// The registry that they want a token for.
    pub service: &'a Service,
    /// From where.
    pub address: IpAddr,
}

/// What somebody who is known asks for.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// The registry that the token is for.
    pub service: &'a Service,
    /// From where.
    pub address: IpAddr,
    /// What.
    pub scope: &'a Scope,
}

/// What a back-end says to a [`Login`].
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This is who it says.
    Accept(Identity),
    /// The back-end knows a hash, and computes none: that is done where all hashes are computed, which are bounded.
    Compare(Comparison),
    /// The account is known here, the password wrong.
    Deny(Denial),
    /// The account is not known here: the next back-end is asked.
    NoMatch,
}

/// A password that is to be compared, and what that decides.
#[derive(Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Who it is if the password fits. `None` is somebody who is not known here; if nobody else lets them in, hashes are
    /// computed all the same, so that the time does not tell.
    pub found: Option<Identity>,
    /// What is to be computed.
    pub work: Work,
}

/// What a back-end says to an [`Access`].
#[derive(Debug, PartialEq, Eq)]
pub enum Ruling {
    /// These actions, which may be none. Of those that were not asked for nothing is granted.
    Grant(Actions),
    /// It has nothing to say: the next back-end is asked.
    NoMatch,
}

/// A back-end could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{backend}: {what}")]
pub struct BackendError {
    /// Its key in the configuration.
    pub backend: &'static str,
    /// What follows for whoever asks next.
    pub fault: Fault,
    /// What went wrong and what to do, for the log alone: it may hold addresses, never secrets.
    pub what: String,
}

/// Whose fault it is that there is no answer: by this a back-end is left alone for a while, or not (see
/// [`crate::circuit`]). What somebody can bring about by a name of theirs must not be [`Fault::Unreached`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be reached, or does not take us: any other question would fare the same.
    Unreached,
    /// It did not answer in time, or broke off, be it that it is down, or that it cannot cope with this question.
    Silent,
    /// It answered, and that answer is of no use. That may be so for one account alone, and holds up nobody.
    Useless,
    /// Nobody waited for as long as it may take.
    Unwaited,
    /// It was not asked: there was no room, or there is no way to say it.
    NotAsked,
}

/// An answer that is waited for.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send + 'a>>;

/// What is waited for until there is news.
pub type Changed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A back-end that knows accounts. Past `deadline` nobody waits for it, and what it does is abandoned: the future is
/// dropped.
pub trait Authenticator: Send + Sync + fmt::Debug {
    /// What can be seen to before anybody asks: done once, when the configuration is in force. `None` if that is nothing.
    fn prepare(&self, _deadline: Instant) -> Option<Asking<'_, ()>> {
        None
    }

    /// Whether it can be asked, for an operator who wonders; nothing is changed. Unless it knows a better way, it is asked
    /// about an account that nobody has.
    fn try_out(&self, deadline: Instant) -> Asking<'_, ()> {
        Box::pin(async move {
            let nobody = Nobody::new();
            self.authenticate(nobody.login(), deadline).await.map(drop)
        })
    }

    /// Comes back when the back-end tells that who accounts are may have changed. `None` if it cannot tell.
    fn changed(&self) -> Option<Changed<'_>> {
        None
    }

    /// Who this is.
    fn authenticate<'a>(&'a self, login: Login<'a>, deadline: Instant) -> Asking<'a, Outcome>;
}

/// A back-end that knows what accounts may do.
pub trait Authorizer: Send + Sync + fmt::Debug {
    /// Whether it can be asked, for an operator who wonders: about an account that nobody has.
    fn try_out(&self, deadline: Instant) -> Asking<'_, ()> {
        Box::pin(async move {
            let nobody = Nobody::new();
            match nobody.scope() {
                Some(scope) => self.authorize(nobody.access(&scope), deadline).await.map(drop),
                None => Ok(()),
            }
        })
    }

    /// What they may do.
    fn authorize<'a>(&'a self, access: Access<'a>, deadline: Instant) -> Asking<'a, Ruling>;
}

/// An entry of a list of rules as a database holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where an operator finds it: `seq 10`, or `id 7` where that says more.
    pub name: String,
    /// Where it stands among the others; `None` if the database does not say.
    pub seq: Option<i64>,
    /// What it says, in the form of an entry of `acl`.
    pub node: Node,
}

/// A database that holds a list of rules.
pub trait RuleSource: Send + Sync + fmt::Debug {
    /// All entries, in the order in which they are to be tried.
    fn read(&self, deadline: Instant) -> Asking<'_, Vec<Entry>>;

    /// As [`Self::read`], and changes nothing: a list that is not there yet is an empty one.
    fn try_out(&self, deadline: Instant) -> Asking<'_, Vec<Entry>> {
        self.read(deadline)
    }

    /// Comes back when the database tells that the list, or who accounts are, may have changed. Where it cannot tell, it
    /// never comes back.
    fn changed(&self) -> Changed<'_> {
        Box::pin(std::future::pending())
    }
}

/// Somebody whom no back-end knows, to see whether one can be asked.
struct Nobody {
    identity: Identity,
    password: Secret<Vec<u8>>,
    service: Service,
}

impl Nobody {
    /// What this account is called, and what it asks for.
    const NAME: &'static str = "registry-auth-check";

    fn new() -> Self {
        let account = Account::parse(Self::NAME).unwrap_or_default();
        // Nobody's password either, should somebody have the name.
        let password = crate::random::bytes::<16>().map_or_else(|_| Vec::new(), |random| random.to_vec());
        let password = password.iter().map(|byte| char::from(b'a'.saturating_add(byte % 26)));
        Self {
            identity: Identity {
                account,
                labels: Labels::default(),
            },
            password: Secret::new(password.collect::<String>().into_bytes()),
            service: Service::default(),
        }
    }

    fn login(&self) -> Login<'_> {
        Login {
            account: &self.identity.account,
            password: &self.password,
            service: &self.service,
            address: Ipv4Addr::LOCALHOST.into(),
        }
    }

    fn scope(&self) -> Option<Scope> {
        Scope::parse(&format!("repository:{}:pull", self.identity.account)).ok()
    }

    fn access<'a>(&'a self, scope: &'a Scope) -> Access<'a> {
        Access {
            identity: &self.identity,
            service: &self.service,
            address: Ipv4Addr::LOCALHOST.into(),
            scope,
        }
    }
}
