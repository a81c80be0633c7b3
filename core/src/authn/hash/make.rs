//! Hashes of new passwords. Randomness is an argument here as everywhere: the salt.

use super::super::attempt::Withheld;
use super::{Argon2Cost, Argon2id, BCRYPT_DIGEST_TEXT, Bcrypt, Hash, HashError, MAX_BCRYPT_COST};
use argon2::Version;

/// What argon2id costs unless something else is said: the first choice of OWASP's password storage cheat sheet for
/// argon2id, and as much memory as a proxy's worker may be asked for.
pub const ADVISED_ARGON2: Argon2Cost = Argon2Cost {
    memory_kib: 19_456,
    passes: 2,
    lanes: 1,
};

/// The length of an argon2id digest, in bytes.
const ARGON2_DIGEST: usize = 32;

impl Hash {
    /// Whether bcrypt has that cost, and it is one that is taken.
    pub(super) fn check_bcrypt_cost(cost: u32) -> Result<(), HashError> {
        if !(4..=31).contains(&cost) {
            return Err(HashError::NoBcryptCost(cost));
        }
        if cost > MAX_BCRYPT_COST {
            return Err(HashError::DearBcrypt(cost));
        }
        Ok(())
    }

    /// The bcrypt hash of `password`, of which it reads [`BCRYPT_KEY_BYTES`](super::BCRYPT_KEY_BYTES).
    ///
    /// # Errors
    /// When there is no such cost, or it is above [`MAX_BCRYPT_COST`].
    pub fn bcrypt(password: &[u8], cost: u32, salt: [u8; 16]) -> Result<Self, HashError> {
        Self::check_bcrypt_cost(cost)?;
        let mut hash = Bcrypt {
            cost,
            salt,
            digest: [0; BCRYPT_DIGEST_TEXT],
        };
        let digest = hash.digest_of(password);
        hash.digest = digest
            .as_bytes()
            .try_into()
            .map_err(|_| HashError::Malformed("bcrypt"))?;
        Ok(Self::Bcrypt(hash))
    }

    /// The argon2id hash of `password`, at [`ADVISED_ARGON2`].
    ///
    /// # Errors
    /// [`Withheld::NoMemory`].
    pub fn argon2id(password: &[u8], salt: [u8; 16]) -> Result<Self, Withheld> {
        let mut hash = Argon2id {
            cost: ADVISED_ARGON2,
            version: Version::V0x13,
            salt: salt.to_vec(),
            digest: vec![0; ARGON2_DIGEST],
        };
        hash.digest.clone_from(hash.digest_of(password)?.expose());
        Ok(Self::Argon2id(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &[u8] = b"ada-secret";

    #[test]
    fn a_hash_that_is_made_is_read_back_and_fits_its_password_alone() {
        for hash in [
            Hash::bcrypt(PASSWORD, 4, [7; 16]).unwrap(),
            Hash::argon2id(PASSWORD, [7; 16]).unwrap(),
        ] {
            let read = Hash::parse(hash.to_text().expose()).unwrap();
            assert_eq!(read, hash);
            assert!(read.fits(PASSWORD).unwrap());
            assert!(!read.fits(b"ada-secreT").unwrap());
        }
    }

    #[test]
    fn bcrypt_makes_what_others_make_of_the_same_salt() {
        // The one of `tests.rs`, which the `bcrypt` package of Python made.
        let theirs = "$2b$05$uDKdZk2I3Vqqf1ttynmV1.g2oK16S/n/Xdsvtd7PLQg6QHrX88iOe";
        let Ok(Hash::Bcrypt(read)) = Hash::parse(theirs) else {
            panic!("a bcrypt hash")
        };
        let ours = Hash::bcrypt(PASSWORD, read.cost, read.salt).unwrap();
        assert_eq!(ours.to_text().expose(), theirs);
    }

    #[test]
    fn a_cost_that_is_not_or_that_is_not_taken_is_refused() {
        for (cost, error) in [
            (3, HashError::NoBcryptCost(3)),
            (15, HashError::DearBcrypt(15)),
            (32, HashError::NoBcryptCost(32)),
        ] {
            assert_eq!(Hash::bcrypt(PASSWORD, cost, [0; 16]), Err(error));
        }
    }
}
