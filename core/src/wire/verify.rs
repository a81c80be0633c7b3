//! `POST /v1/verify`: the question, and its answer.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::secret::{HashText, Password};
use super::{VERSION, WireError};
use crate::authn::attempt::Work;
use crate::authn::hash::Hash;
use crate::secret::Secret;

/// `POST /v1/verify`: does this password fit this hash?
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyQuestion {
    /// [`VERSION`] of whoever asks.
    pub version: u32,
    /// Milliseconds after which nobody waits for the answer.
    pub deadline_ms: u64,
    /// The hash, as in a configuration; absent if it is known that nothing fits.
    #[serde(default)]
    pub stored: Option<HashText>,
    /// Hashes that are computed if it does not fit, so that a failure costs what every other one costs.
    #[serde(default)]
    pub decoys: Vec<HashText>,
    /// The password.
    pub password: Password,
    /// From where it came: no address may take all the time that there is for hashes.
    pub address: IpAddr,
}

/// The answer to a [`VerifyQuestion`].
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyAnswer {
    /// Whether it fits.
    pub fits: bool,
}

impl VerifyQuestion {
    /// Asks for `work` with `password`, which came from `address`.
    #[must_use]
    pub fn about(work: &Work, password: &Secret<Vec<u8>>, address: IpAddr, deadline_ms: u64) -> Self {
        Self {
            version: VERSION,
            deadline_ms,
            stored: work.stored.as_ref().map(|hash| HashText(hash.to_text())),
            decoys: work.decoys.iter().map(|hash| HashText(hash.to_text())).collect(),
            password: Password(password.clone()),
            address,
        }
    }

    /// The hashes, and the password.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn into_work(self) -> Result<(Work, Secret<Vec<u8>>), WireError> {
        if self.version != VERSION {
            return Err(WireError::Version(self.version));
        }
        let parse = |text: HashText| Hash::parse(text.0.expose());
        let work = Work {
            stored: self.stored.map(parse).transpose()?,
            decoys: self.decoys.into_iter().map(parse).collect::<Result<_, _>>()?,
        };
        Ok((work, self.password.0))
    }
}
