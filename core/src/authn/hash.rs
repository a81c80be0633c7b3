//! Password hashes: bcrypt as docker_auth reads it, argon2id, and SHA-256 for secrets that a machine made.

mod argon2id;
#[cfg(feature = "crypt")]
pub mod crypt;
mod make;

use argon2::Version;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

pub use argon2id::{Argon2Cost, Argon2id, MAX_ARGON2};
pub use make::ADVISED_ARGON2;

use super::attempt::Withheld;
use crate::secret::Secret;

/// The dearest bcrypt cost that a proxy's worker is asked to bear: 0.85 s.
pub const MAX_BCRYPT_COST: u32 = 14;

/// The longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// So many bytes of a password does bcrypt read; those behind them count for nothing.
pub const BCRYPT_KEY_BYTES: usize = 72;

/// The longest salt or digest of an argon2id hash, in bytes.
const LONGEST_PART: usize = 64;

const BCRYPT_SALT_TEXT: usize = 22;
const BCRYPT_DIGEST_TEXT: usize = 31;

/// How long a [`Hash::fingerprint`] is, in bytes.
pub const FINGERPRINT_BYTES: usize = 16 + 2 * LONGEST_PART;

/// What a password is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hash {
    /// bcrypt.
    Bcrypt(Bcrypt),
    /// argon2id, RFC 9106.
    Argon2id(Argon2id),
    /// SHA-256 of the secret: for secrets of at least 128 random bits, where a slow hash buys nothing.
    Sha256([u8; 32]),
    /// SHA-crypt, of files that others write.
    #[cfg(feature = "crypt")]
    Crypt(crypt::Crypt),
}

/// A bcrypt hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    /// As text, for that is what Go compares.
    digest: [u8; BCRYPT_DIGEST_TEXT],
}

/// Why a text is no hash that can be used. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// It begins like none of the known forms.
    #[error(
        "is no password hash; write one of bcrypt (`$2y$...`), argon2id (`$argon2id$...`) or `sha256:` and 64 hex digits"
    )]
    Unknown,
    /// argon2i or argon2d.
    #[error("is an argon2 hash of another kind than argon2id; make one with `argon2id`")]
    OtherArgon2,
    /// Cut off, or a letter out of place.
    #[error("is a malformed {0} hash")]
    Malformed(&'static str),
    /// A cost that bcrypt does not have.
    #[error("has a bcrypt cost of {0}; it goes from 4 to 31")]
    NoBcryptCost(u32),
    /// Above [`MAX_BCRYPT_COST`].
    #[error(
        "has a bcrypt cost of {0}, which would hold up the proxy for seconds; at most {MAX_BCRYPT_COST} is taken, 5 is advised"
    )]
    DearBcrypt(u32),
    /// Above [`MAX_ARGON2`].
    #[error("costs more than argon2id is allowed to: at most m={}, t={}, p={}", MAX_ARGON2.memory_kib, MAX_ARGON2.passes, MAX_ARGON2.lanes)]
    DearArgon2,
    /// Above [`crypt::MAX_CRYPT_ROUNDS`].
    #[cfg(feature = "crypt")]
    #[error("has {0} rounds of SHA-crypt; at most {max} are taken", max = crypt::MAX_CRYPT_ROUNDS)]
    DearCrypt(u32),
}

impl Hash {
    /// Reads a hash.
    ///
    /// # Errors
    /// See [`HashError`].
    pub fn parse(text: &str) -> Result<Self, HashError> {
        if let Some(hex) = text.strip_prefix("sha256:") {
            return parse_hex(hex).map(Self::Sha256).ok_or(HashError::Malformed("SHA-256"));
        }
        if let Some(rest) = text.strip_prefix("$argon2id$") {
            return Argon2id::parse(rest).map(Self::Argon2id);
        }
        if text.starts_with("$argon2") {
            return Err(HashError::OtherArgon2);
        }
        match text.strip_prefix("$2") {
            Some(rest) => Bcrypt::parse(rest).map(Self::Bcrypt),
            None => Err(HashError::Unknown),
        }
    }

    /// The hash as a text, which [`Self::parse`] reads back, but for SHA-crypt.
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(match self {
            Self::Bcrypt(hash) => hash.to_text(),
            Self::Argon2id(hash) => hash.to_text(),
            Self::Sha256(digest) => digest
                .iter()
                .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}")),
            #[cfg(feature = "crypt")]
            Self::Crypt(hash) => hash.text().to_owned(),
        })
    }

    /// All that the hash is, in a form that no other hash has, of the same length for each: what is done with it takes
    /// the same time for each.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        match self {
            Self::Bcrypt(hash) => fingerprint(1, [hash.cost, 0, 0], &hash.salt, &hash.digest),
            Self::Argon2id(hash) => {
                let kind = match hash.version {
                    Version::V0x10 => 2,
                    Version::V0x13 => 3,
                };
                let cost = [hash.cost.memory_kib, hash.cost.passes, hash.cost.lanes];
                fingerprint(kind, cost, &hash.salt, &hash.digest)
            }
            Self::Sha256(digest) => fingerprint(4, [0; 3], &[], digest),
            #[cfg(feature = "crypt")]
            Self::Crypt(hash) => hash.fingerprint(),
        }
    }

    /// Whether `password` fits, by computing the hash.
    ///
    /// # Errors
    /// [`Withheld::NoMemory`].
    pub fn fits(&self, password: &[u8]) -> Result<bool, Withheld> {
        Ok(match self {
            Self::Bcrypt(hash) => hash.fits(password),
            Self::Argon2id(hash) => hash.fits(password)?,
            Self::Sha256(digest) => Sha256::digest(password).as_slice().ct_eq(digest).into(),
            #[cfg(feature = "crypt")]
            Self::Crypt(hash) => hash.fits(password),
        })
    }
}

impl Bcrypt {
    /// A hash of that cost that no password fits, for work that must be done all the same.
    pub(crate) fn decoy(cost: u32) -> Self {
        Self {
            cost,
            salt: [0x5a; 16],
            digest: [b'='; BCRYPT_DIGEST_TEXT],
        }
    }

    /// Two to the power of this is the number of rounds.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// What follows `$2`: a letter or none, `$`, two digits of cost, `$`, salt, digest. Bytes after that are passed
    /// over, as Go does, and so are stray bits in the salt's last character.
    fn parse(text: &str) -> Result<Self, HashError> {
        let malformed = HashError::Malformed("bcrypt");
        let text = text.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(text);
        let (cost, rest) = text
            .strip_prefix('$')
            .and_then(|text| text.split_once('$'))
            .ok_or(malformed)?;
        if cost.len() != 2 || !cost.bytes().all(|b| b.is_ascii_digit()) {
            return Err(malformed);
        }
        let cost: u32 = cost.parse().map_err(|_| malformed)?;
        Hash::check_bcrypt_cost(cost)?;
        let (salt, rest) = rest.as_bytes().split_at_checked(BCRYPT_SALT_TEXT).ok_or(malformed)?;
        let digest = rest.first_chunk::<BCRYPT_DIGEST_TEXT>().ok_or(malformed)?;
        let salt = bcrypt_base64()
            .decode(salt)
            .ok()
            .and_then(|salt| salt.try_into().ok())
            .ok_or(malformed)?;
        Ok(Self {
            cost,
            salt,
            digest: *digest,
        })
    }

    fn to_text(&self) -> String {
        let salt = bcrypt_base64().encode(self.salt);
        let digest = String::from_utf8_lossy(&self.digest);
        format!("$2b${:02}${salt}{digest}", self.cost)
    }

    fn fits(&self, password: &[u8]) -> bool {
        self.digest_of(password).as_bytes().ct_eq(&self.digest).into()
    }

    /// What [`Self::digest`] would be of `password`.
    fn digest_of(&self, password: &[u8]) -> String {
        // The key is the password with a NUL, of which bcrypt takes 72 bytes.
        let mut key = Vec::with_capacity(BCRYPT_KEY_BYTES);
        key.extend(password.iter().take(BCRYPT_KEY_BYTES));
        if key.len() < BCRYPT_KEY_BYTES {
            key.push(0);
        }
        let key = Secret::new(key);
        let digest = bcrypt::bcrypt(self.cost, self.salt, key.expose());
        let (digest, _) = digest.split_at(23); // the last byte is dropped, from the first implementation on
        bcrypt_base64().encode(digest)
    }
}

/// Kind, lengths, cost, then salt and digest, each with zeros behind it.
fn fingerprint(kind: u8, cost: [u32; 3], salt: &[u8], digest: &[u8]) -> [u8; FINGERPRINT_BYTES] {
    let length = |text: &[u8]| u8::try_from(text.len()).unwrap_or(u8::MAX);
    let [a, b, c] = cost.map(u32::to_le_bytes);
    let mut fingerprint = [0; FINGERPRINT_BYTES];
    let mut put = |at: usize, part: &[u8]| {
        let place = at.checked_add(part.len()).and_then(|end| fingerprint.get_mut(at..end));
        if let Some(place) = place {
            place.copy_from_slice(part);
        }
    };
    put(0, &[kind, length(salt), length(digest)]);
    put(4, &a);
    put(8, &b);
    put(12, &c);
    put(16, salt);
    put(16 + LONGEST_PART, digest);
    fingerprint
}

fn bcrypt_base64() -> GeneralPurpose {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&alphabet::BCRYPT, CONFIG)
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        let high = char::from(high).to_digit(16)?;
        let low = char::from(low).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
