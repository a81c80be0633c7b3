//! One try to prove an account by a password: what is known of it already, and who computes what is not.

use std::net::IpAddr;

use thiserror::Error;

use super::hash::Hash;
use crate::account::Account;
use crate::secret::Secret;

/// A name and a password, and what the password is to be compared with.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The account as it was typed.
    pub account: &'a Account,
    /// From where.
    pub address: IpAddr,
    /// The account's hash; `None` if there is none, or no such account.
    pub stored: Option<&'a Hash>,
    /// The password as it was typed.
    pub password: &'a Secret<Vec<u8>>,
}

/// What is known of an attempt before any hash is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// This very password was found to fit this very hash.
    Fits,
    /// It was found not to.
    DoesNotFit,
    /// Nothing.
    Unknown,
}

/// Hashes that somebody else is to compute: the one that the password is to fit, and what a failure costs besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// What the password is to fit; `None` if it is known that nothing fits.
    pub stored: Option<Hash>,
    /// What is computed if it does not fit, for the sake of the time alone.
    pub decoys: Vec<Hash>,
}

/// Why a hash was not computed. This is not "wrong".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Withheld {
    /// There was no memory for it.
    #[error("no memory to compute a password hash")]
    NoMemory,
    /// The account failed too often from this address.
    #[error("too many wrong passwords for this account from this address; again in {retry_after} s")]
    Braked {
        /// Seconds, at least one.
        retry_after: u64,
    },
    /// Hashes take all the time that they may, on this worker or for this address.
    #[error("too many password hashes at once; again in {retry_after} s")]
    Busy {
        /// Seconds, at least one.
        retry_after: u64,
    },
}

/// Who finds out whether a password fits: by what was found out before, or by computing the hash.
pub trait Verifier {
    /// What is known of `attempt`. Asked first, and once.
    ///
    /// # Errors
    /// When nothing may be computed for it now.
    fn recall(&mut self, attempt: &Attempt<'_>) -> Result<Recall, Withheld>;

    /// Whether `hash` is computed here. What is not is asked of somebody else, as [`Work`].
    fn computes(&self, hash: &Hash) -> bool;

    /// Whether `password` fits `hash`, by computing it.
    ///
    /// # Errors
    /// When it was not computed.
    fn verify(&mut self, hash: &Hash, password: &Secret<Vec<u8>>) -> Result<bool, Withheld>;

    /// Takes note of what `attempt` came to, of which nothing was known: here, or wherever its account is known.
    fn settle(&mut self, attempt: &Attempt<'_>, fits: bool);

    /// The same under the name that a back-end has for the account, which is another one than was typed: a mail address, or
    /// a spelling that only a directory takes for it. Whoever guesses through all of them meets one brake.
    ///
    /// # Errors
    /// [`Withheld::Braked`], if too much was guessed at that name: then it is told to nobody whether this one is right.
    fn settle_as(&mut self, attempt: &Attempt<'_>, fits: bool) -> Result<(), Withheld>;
}

/// Computes each hash here and now, and remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct InPlace;

impl Verifier for InPlace {
    fn recall(&mut self, _: &Attempt<'_>) -> Result<Recall, Withheld> {
        Ok(Recall::Unknown)
    }

    fn computes(&self, _: &Hash) -> bool {
        true
    }

    fn verify(&mut self, hash: &Hash, password: &Secret<Vec<u8>>) -> Result<bool, Withheld> {
        hash.fits(password.expose())
    }

    fn settle(&mut self, _: &Attempt<'_>, _: bool) {}

    fn settle_as(&mut self, _: &Attempt<'_>, _: bool) -> Result<(), Withheld> {
        Ok(())
    }
}
