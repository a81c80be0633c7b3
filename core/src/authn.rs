//! Who it is: the static users.
//!
//! Nothing that a stranger can measure tells whether a name exists: an unknown account and every wrong password cost
//! as much as a wrong password of the dearest hash that is configured.

pub mod attempt;
mod builder;
pub mod dearest;
pub mod hash;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash as Hashed, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use attempt::{Attempt, Recall, Verifier, Withheld, Work};
use dearest::Dearest;
use hash::Hash;

pub(crate) use builder::{Builder, Remains};

use crate::account::{Account, Identity};
use crate::config::users::User;
use crate::piecemeal::TextMark;
use crate::problem::Problems;
use crate::secret::Secret;

/// The most static users.
pub const MAX_USERS: usize = 500_000;

/// The static users, and what a failure has to cost.
#[derive(Debug, Default)]
pub struct StaticUsers {
    /// The next configuration may take over some.
    users: Arc<HashSet<ByName>>,
    dearest: Dearest,
}

#[derive(Debug)]
struct StaticUser {
    identity: Identity,
    password: Password,
    /// The line of the wire that it was read from.
    mark: Option<TextMark>,
}

/// A user, found by name.
#[derive(Debug)]
struct ByName(Arc<StaticUser>);

/// What lets an account in.
#[derive(Debug)]
enum Password {
    /// Any password, and none.
    Any,
    /// One that fits.
    Hashed(Hash),
    /// None: docker_auth's `password: ""`.
    Nothing,
}

/// What asking for an account came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This is who it says.
    Accept(Identity, Proof),
    /// The account is known, the password wrong.
    Deny,
    /// The account is not known here.
    NoMatch,
    /// Whether the password fits is to be found out elsewhere.
    Verify(Work),
}

/// What becomes of accounts that are not among the static users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// Nobody knows them: they cost what a wrong password costs.
    AreRefused,
    /// Somebody else is asked, which takes its own time.
    AreAskedElsewhere,
}

/// What an account was let in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A password that fits its hash.
    Password,
    /// Nothing: the account has no password.
    Open,
}

/// How an account would get in, for who explains and lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// As this, by that.
    Known(&'a Identity, Proof),
    /// Not at all: it is known, and no password fits.
    Closed,
    /// It is no static user.
    Unknown,
}

/// What comparing came to.
enum Computed {
    Here { fits: bool },
    Elsewhere(Work),
}

impl StaticUsers {
    /// Compiles the `users` map; what is wrong with it is noted in `problems`.
    pub fn compile(users: Vec<User>, problems: &mut Problems) -> Self {
        if users.len() > MAX_USERS {
            let place = crate::problem::Place::root().key("users");
            problems.error(
                &place,
                format_args!("has {} users; at most {MAX_USERS} are taken", users.len()),
            );
            return Self::default();
        }
        let mut builder = Builder::new(users.len(), None);
        for user in users {
            builder.add(user, None, problems);
        }
        builder.finish()
    }

    /// How often each user is held.
    #[cfg(test)]
    pub(crate) fn holders(&self) -> Vec<usize> {
        self.users.iter().map(|ByName(user)| Arc::strong_count(user)).collect()
    }

    /// Begins to take them apart; users that another configuration took over stay with that one.
    pub(crate) fn dismantle(self) -> Remains {
        Remains::new(Arc::into_inner(self.users))
    }

    fn user(&self, account: &Account) -> Option<&StaticUser> {
        self.users.get(account.as_str()).map(|ByName(user)| user.as_ref())
    }

    /// Whether the static users know `account`.
    #[must_use]
    pub fn knows(&self, account: &Account) -> bool {
        self.user(account).is_some()
    }

    /// How `account` would get in.
    #[must_use]
    pub fn standing(&self, account: &Account) -> Standing<'_> {
        match self.user(account) {
            None => Standing::Unknown,
            Some(user) => match user.password {
                Password::Any => Standing::Known(&user.identity, Proof::Open),
                Password::Hashed(_) => Standing::Known(&user.identity, Proof::Password),
                Password::Nothing => Standing::Closed,
            },
        }
    }

    /// Whether `password`, sent from `address`, lets `account` in.
    ///
    /// # Errors
    /// When a hash was not computed.
    pub fn authenticate(
        &self,
        account: &Account,
        password: &Secret<Vec<u8>>,
        address: IpAddr,
        strangers: Strangers,
        verifier: &mut dyn Verifier,
    ) -> Result<Outcome, Withheld> {
        let user = self.user(account);
        if let Some(user) = user
            && matches!(user.password, Password::Any)
        {
            return Ok(Outcome::Accept(user.identity.clone(), Proof::Open));
        }
        let attempt = self.attempt(account, password, address);
        if account.is_anonymous() && attempt.stored.is_none() {
            // There is no name to keep secret, and nothing that a hash could bring to light.
            return Ok(Outcome::NoMatch);
        }
        let fits = match verifier.recall(&attempt)? {
            Recall::Fits => true,
            // Whom somebody else knows is known to be wrong here, and not asked about again.
            Recall::DoesNotFit if user.is_none() && strangers == Strangers::AreAskedElsewhere => {
                return Ok(Outcome::Deny);
            }
            Recall::DoesNotFit => false,
            Recall::Unknown if user.is_none() && strangers == Strangers::AreAskedElsewhere => {
                return Ok(Outcome::NoMatch);
            }
            Recall::Unknown => match self.compute(&attempt, verifier)? {
                Computed::Here { fits } => {
                    verifier.settle(&attempt, fits);
                    fits
                }
                Computed::Elsewhere(work) => return Ok(Outcome::Verify(work)),
            },
        };
        Ok(self.outcome(account, fits))
    }

    /// What it comes to that somebody else found out about the password of `account`.
    pub fn verified(
        &self,
        account: &Account,
        password: &Secret<Vec<u8>>,
        address: IpAddr,
        fits: bool,
        verifier: &mut dyn Verifier,
    ) -> Outcome {
        verifier.settle(&self.attempt(account, password, address), fits);
        self.outcome(account, fits)
    }

    /// One try of `account`, with what its password is to fit.
    pub(crate) fn attempt<'a>(
        &'a self,
        account: &'a Account,
        password: &'a Secret<Vec<u8>>,
        address: IpAddr,
    ) -> Attempt<'a> {
        let user = self.user(account);
        Attempt {
            account,
            address,
            stored: user.and_then(StaticUser::stored),
            password,
        }
    }

    fn outcome(&self, account: &Account, fits: bool) -> Outcome {
        match self.user(account) {
            Some(user) if fits => Outcome::Accept(user.identity.clone(), Proof::Password),
            Some(_) => Outcome::Deny,
            None => Outcome::NoMatch,
        }
    }

    /// Compares, and has a failure cost what every other one costs.
    fn compute(&self, attempt: &Attempt<'_>, verifier: &mut dyn Verifier) -> Result<Computed, Withheld> {
        let here = attempt.stored.filter(|hash| verifier.computes(hash));
        if let Some(hash) = here
            && verifier.verify(hash, attempt.password)?
        {
            return Ok(Computed::Here { fits: true });
        }
        // What is not computed here is asked elsewhere, with all that a failure costs.
        let stored = attempt.stored.filter(|_| here.is_none()).cloned();
        let decoys = self.dearest.decoys(attempt.stored);
        if stored.is_some() || !decoys.iter().all(|decoy| verifier.computes(decoy)) {
            return Ok(Computed::Elsewhere(Work { stored, decoys }));
        }
        for decoy in decoys {
            verifier.verify(&decoy, attempt.password)?;
        }
        Ok(Computed::Here { fits: false })
    }

    /// The dearest bcrypt cost, and the most work of an argon2id hash in KiB, if there is one of that kind.
    #[must_use]
    pub fn dearest(&self) -> (Option<u32>, Option<u32>) {
        self.dearest.costs()
    }
}

impl StaticUser {
    /// What a password is to fit; `None` if none does.
    fn stored(&self) -> Option<&Hash> {
        match &self.password {
            Password::Hashed(hash) => Some(hash),
            Password::Any | Password::Nothing => None,
        }
    }
}

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        self.0.identity.account.as_str()
    }
}

impl Hashed for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.identity.account.as_str().hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.identity.account == other.0.identity.account
    }
}

impl Eq for ByName {}

#[cfg(test)]
mod tests;
