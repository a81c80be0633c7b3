//! Tables of accounts and of rules that an operator changes with `registry-auth users` and `registry-auth acl`.
//!
//! A change is one step: whoever asks the table meanwhile sees it as it was, or as it is afterwards.

use std::collections::BTreeMap;

use registry_auth_core::authn::hash::Hash;
use registry_auth_core::secret::Secret;

use crate::backend::{Asking, Entry};

/// Labels by their names, as they are written.
pub type WrittenLabels = BTreeMap<String, Vec<String>>;

/// An account, as a table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAccount {
    /// Its name.
    pub name: String,
    /// Its labels, or why they are none.
    pub labels: Result<WrittenLabels, String>,
    /// How its password is kept.
    pub password: Password,
    /// An entry of the same name counts in its place.
    pub is_outdone: bool,
}

/// How a password is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// As a hash, of this kind.
    Hash(String),
    /// Not at all: any password lets in.
    Any,
    /// As something that no password fits, and why.
    Unfit(String),
}

impl Password {
    /// What stands for a hash in a table.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match Hash::parse(text) {
            Ok(Hash::Bcrypt(hash)) => Self::Hash(format!("bcrypt {}", hash.cost())),
            Ok(Hash::Argon2id(_)) => Self::Hash("argon2id".to_owned()),
            Ok(Hash::Sha256(_)) => Self::Hash("sha256".to_owned()),
            Ok(Hash::Crypt(_)) => Self::Hash("crypt".to_owned()),
            Err(why) => Self::Unfit(why.to_string()),
        }
    }
}

/// What becomes of an account.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is there from now on.
    Add {
        /// The hash of its password.
        hash: Secret<String>,
        /// Its labels.
        labels: WrittenLabels,
    },
    /// It has another password.
    SetPassword(Secret<String>),
    /// It has other labels.
    SetLabels(WrittenLabels),
    /// It is there no longer.
    Remove,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is made.
    Changed,
    /// There is one of the name already, which stays as it is.
    Exists,
    /// There is none of the name.
    Unknown,
}

/// A table of accounts.
pub trait AccountTable: Send + Sync {
    /// All accounts, by their names.
    fn accounts(&self) -> Asking<'_, Vec<StoredAccount>>;

    /// Changes the account `name`, byte for byte.
    fn change<'a>(&'a self, name: &'a str, change: &'a Change) -> Asking<'a, Outcome>;
}

/// What a list is rewritten to, if it is.
pub type Rewriting<'a> = &'a (dyn Fn(Vec<Entry>) -> Option<Vec<Entry>> + Sync);

/// A table with a list of rules.
pub trait RuleTable: Send + Sync {
    /// All entries in their order.
    fn entries(&self) -> Asking<'_, Vec<Entry>>;

    /// Puts in place of the list what `rewriting` makes of it; each entry then has a `seq`. Nobody else changes it
    /// meanwhile, where the database has a lock for that.
    fn rewrite<'a>(&'a self, rewriting: Rewriting<'a>) -> Asking<'a, ()>;

    /// The SQL that has the database tell of each change of the list, whoever makes it, and of accounts; `None` if it
    /// cannot tell.
    fn telling(&self) -> Option<&'static str> {
        None
    }
}
