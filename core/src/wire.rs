//! What the filter and the program beside the proxy say to each other: the questions of the filter, and their answers.
//!
//! | call | question | answer |
//! |---|---|---|
//! | `GET /v1/config?wait=25s` | `If-None-Match` with the tag of the configuration that is there | the configuration, held back until there is another one; 304 when the wait ends |
//! | `POST /v1/decide` | [`DecideQuestion`] | [`DecideAnswer`] |
//! | `POST /v1/verify` | [`VerifyQuestion`] | [`VerifyAnswer`] |
//!
//! Bodies are JSON, that of a configuration a JSON text on each line ([`config`]). What an answer does not know of a
//! question it passes over, and the other way round, so that the two need not be of one release; [`VERSION`] goes up when
//! that is not enough. An answer other than 200 is no answer: 400 for a question that is none, 401 without the secret, 503
//! with a [`Failure`] when nobody could be asked.

pub mod config;
mod decide;
mod secret;
mod verify;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::account::AccountError;
use crate::authn::hash::HashError;
use crate::scope::ScopeError;
use crate::service::ServiceError;

pub use decide::{DecideAnswer, DecideQuestion, LabelsAre, Who, WireBecause, WireGrant, WireIdentity, WireProof};
pub use secret::{HashText, Password};
pub use verify::{VerifyAnswer, VerifyQuestion};

/// The version of the wire that this release speaks.
pub const VERSION: u32 = 1;

/// Where the configuration is asked for.
pub const CONFIG_PATH: &str = "/v1/config";
/// Where decisions are asked for.
pub const DECIDE_PATH: &str = "/v1/decide";
/// Where passwords are compared with hashes.
pub const VERIFY_PATH: &str = "/v1/verify";
/// The header with the secret that filter and program share, where they do.
pub const SECRET_HEADER: &str = "x-registry-auth-secret";

/// The largest answer to a question, and the largest question, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// Why nobody could be asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The back-end, by its key in the configuration; what it said is in the program's log alone.
    pub backend: String,
}

/// Why a question or an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A name that is none.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A scope that is none, or too many.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A service that is none.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A hash that is none.
    #[error("a hash that {0}")]
    Hash(#[from] HashError),
    /// A version that this release does not speak.
    #[error("version {0} of the wire is not known here, only {VERSION}")]
    Version(u32),
}
