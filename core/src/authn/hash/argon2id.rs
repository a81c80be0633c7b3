//! argon2id, RFC 9106.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

use super::{HashError, LONGEST_PART};
use crate::authn::attempt::Withheld;
use crate::secret::Secret;

/// The dearest argon2id: KiB of memory (a module's memory never shrinks again), passes, lanes.
pub const MAX_ARGON2: Argon2Cost = Argon2Cost {
    memory_kib: 19_456,
    passes: 4,
    lanes: 4,
};

/// An argon2id hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Argon2id {
    pub(super) cost: Argon2Cost,
    pub(super) version: Version,
    pub(super) salt: Vec<u8>,
    pub(super) digest: Vec<u8>,
}

/// What an argon2id hash costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes; they are computed one after the other here.
    pub lanes: u32,
}

impl Argon2id {
    /// A hash of that cost that no password fits. `None` if it would cost next to nothing.
    pub(in crate::authn) fn decoy(cost: Argon2Cost) -> Option<Self> {
        Params::new(cost.memory_kib, cost.passes, cost.lanes, None).ok()?;
        Some(Self {
            cost,
            version: Version::V0x13,
            salt: vec![0x5a; 16],
            digest: vec![0; 32],
        })
    }

    /// What it costs.
    #[must_use]
    pub fn cost(&self) -> Argon2Cost {
        self.cost
    }

    /// What follows `$argon2id$`: `[v=19$]m=19456,t=2,p=1$salt$digest`.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let malformed = HashError::Malformed("argon2id");
        let (version, text) = match text.strip_prefix("v=19$") {
            Some(text) => (Version::V0x13, text),
            None => (Version::V0x10, text.strip_prefix("v=16$").unwrap_or(text)),
        };
        let mut parts = text.split('$');
        let (Some(cost), Some(salt), Some(digest), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed);
        };
        let cost = Argon2Cost::parse(cost).ok_or(malformed)?;
        let max = MAX_ARGON2;
        if cost.memory_kib > max.memory_kib || cost.passes > max.passes || cost.lanes > max.lanes {
            return Err(HashError::DearArgon2);
        }
        let salt = STANDARD_NO_PAD.decode(salt).map_err(|_| malformed)?;
        let digest = STANDARD_NO_PAD.decode(digest).map_err(|_| malformed)?;
        if !(8..=LONGEST_PART).contains(&salt.len()) || !(16..=LONGEST_PART).contains(&digest.len()) {
            return Err(malformed);
        }
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(digest.len())).map_err(|_| malformed)?;
        Ok(Self {
            cost,
            version,
            salt,
            digest,
        })
    }

    pub(super) fn to_text(&self) -> String {
        let version = match self.version {
            Version::V0x10 => "",
            Version::V0x13 => "v=19$",
        };
        let Argon2Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        let [salt, digest] = [&self.salt, &self.digest].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        format!("$argon2id${version}m={memory_kib},t={passes},p={lanes}${salt}${digest}")
    }

    pub(super) fn fits(&self, password: &[u8]) -> Result<bool, Withheld> {
        Ok(self.digest_of(password)?.expose().ct_eq(&self.digest).into())
    }

    /// What [`Self::digest`] would be of `password`, in the same length.
    pub(super) fn digest_of(&self, password: &[u8]) -> Result<Secret<Vec<u8>>, Withheld> {
        let Argon2Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, Some(self.digest.len())).map_err(|_| Withheld::NoMemory)?;
        let mut digest = Secret::new(vec![0; self.digest.len()]);
        Argon2::new(Algorithm::Argon2id, self.version, params)
            .hash_password_into(password, &self.salt, digest.expose_mut())
            .map_err(|_| Withheld::NoMemory)?;
        Ok(digest)
    }
}

impl Argon2Cost {
    /// Blocks of 1 KiB that are filled: what the time goes by.
    #[must_use]
    pub fn work(self) -> u32 {
        self.memory_kib.saturating_mul(self.passes)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(',');
        let mut field = |name: &str| -> Option<u32> { fields.next()?.strip_prefix(name)?.parse().ok() };
        let cost = Self {
            memory_kib: field("m=")?,
            passes: field("t=")?,
            lanes: field("p=")?,
        };
        fields.next().is_none().then_some(cost)
    }
}
