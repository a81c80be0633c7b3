//! Accounts whose hash a database keeps: it is compared where all hashes are computed, and a name that nobody has costs as
//! much.

use std::sync::Mutex;

use registry_auth_core::account::Identity;
use registry_auth_core::authn::attempt::Work;
use registry_auth_core::authn::dearest::Dearest;
use registry_auth_core::authn::hash::Hash;
use tracing::warn;

use crate::backend::{Comparison, Outcome};
use crate::lock::held;

/// `identity` is in the database of `backend`, where this stands as `field` in the place of a hash.
pub(super) fn known(
    backend: &'static str,
    identity: Identity,
    (field, hash): (&'static str, &str),
    dearest: &Mutex<Dearest>,
) -> Outcome {
    // As in docker_auth, no password fits what is no hash.
    let stored = Hash::parse(hash)
        .inspect_err(|why| {
            let account = &identity.account;
            warn!(backend, %account, %why, "no password lets the account in: its `{field}`");
        })
        .ok();
    let mut dearest = held(dearest);
    if let Some(hash) = &stored {
        dearest.note(hash);
    }
    Outcome::Compare(Comparison {
        work: Work {
            decoys: dearest.decoys(stored.as_ref()),
            stored,
        },
        found: Some(identity),
    })
}

/// Nobody of that name is in the database.
pub(super) fn unknown(dearest: &Mutex<Dearest>) -> Outcome {
    Outcome::Compare(Comparison {
        found: None,
        work: Work {
            stored: None,
            decoys: held(dearest).decoys(None),
        },
    })
}
