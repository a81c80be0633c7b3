//! `registry-auth hash-password`: makes the hash of a password, to be put into `users`.

use std::io;

use clap::{Args, ValueEnum};
use registry_auth_core::authn::attempt::Withheld;
use registry_auth_core::authn::hash::{ADVISED_ARGON2, BCRYPT_KEY_BYTES, Hash, HashError, MAX_BCRYPT_COST};
use registry_auth_core::secret::Secret;
use thiserror::Error;

use super::password::{self, Asking, PasswordError};
use super::{Exit, answer};
use crate::random::{self, NoRandomness};

/// 50 ms of a thread: dear for who guesses, and nothing beside a push. OWASP's least.
const DEFAULT_COST: u32 = 10;

/// `registry-auth hash-password`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(
    after_help = "At a terminal it asks twice, without echo; otherwise the password is standard input, without \
    the line break at its end. The hash alone goes to standard output.\n\n\
    Examples:\n  \
    registry-auth hash-password\n  \
    pass show registry/ada | registry-auth hash-password --cost 5"
)]
pub struct HashPassword {
    #[command(flatten)]
    hashing: Hashing,
}

/// How a password that is asked for is hashed.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Hashing {
    /// How the password is hashed
    #[arg(long, value_name = "NAME", value_enum, default_value_t)]
    algorithm: Algorithm,
    /// What bcrypt costs, 4 to 14, each twice the one before: 10, if nothing is said, takes 50 ms, for which
    /// `registry-auth` has threads. Where the filter has no `registry-auth` beside it, 5: 2 ms of a worker of Envoy
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=i64::from(MAX_BCRYPT_COST)))]
    cost: Option<u32>,
}

/// How a password is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    /// As docker_auth takes it; reads 72 bytes of a password
    #[default]
    Bcrypt,
    /// With 19 MiB of memory, two passes, one lane; docker_auth does not take it
    Argon2id,
}

/// Why there is no hash.
#[derive(Debug, Error)]
pub enum HashPasswordError {
    /// No password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// No such cost.
    #[error("the hash {0}")]
    Cost(#[from] HashError),
    /// A cost that would count for nothing.
    #[error(
        "`--cost` is bcrypt's; argon2id is made with m={}, t={}, p={}, so leave it out",
        ADVISED_ARGON2.memory_kib, ADVISED_ARGON2.passes, ADVISED_ARGON2.lanes
    )]
    CostOfArgon2,
    /// No salt.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Not computed.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The answer cannot be written.
    #[error("cannot write the hash: {0}")]
    Write(#[from] io::Error),
}

/// Asks for a password and prints its hash.
///
/// # Errors
/// See [`HashPasswordError`].
pub fn run(asked: &HashPassword) -> Result<Exit, HashPasswordError> {
    let hash = asked.hashing.ask()?;
    answer(&format!("{}\n", hash.expose()))?;
    Ok(Exit::Yes)
}

impl Hashing {
    /// Asks for a password, and makes its hash.
    pub(super) fn ask(&self) -> Result<Secret<String>, HashPasswordError> {
        // Nobody is asked for a password in vain.
        self.check()?;
        let password = password::read(Asking::Twice)?;
        if let Some(warning) = self.warning(&password) {
            eprintln!("warning: {warning}");
        }
        Ok(self.hash(&password, random::bytes()?)?.to_text())
    }

    fn check(&self) -> Result<(), HashPasswordError> {
        match (self.algorithm, self.cost) {
            (Algorithm::Argon2id, Some(_)) => Err(HashPasswordError::CostOfArgon2),
            (Algorithm::Bcrypt, _) | (Algorithm::Argon2id, None) => Ok(()),
        }
    }

    fn hash(&self, password: &Secret<Vec<u8>>, salt: [u8; 16]) -> Result<Hash, HashPasswordError> {
        let password = password.expose();
        match self.algorithm {
            Algorithm::Bcrypt => Ok(Hash::bcrypt(password, self.cost.unwrap_or(DEFAULT_COST), salt)?),
            Algorithm::Argon2id => Ok(Hash::argon2id(password, salt)?),
        }
    }

    fn warning(&self, password: &Secret<Vec<u8>>) -> Option<String> {
        let bytes = password.expose().len();
        (self.algorithm == Algorithm::Bcrypt && bytes > BCRYPT_KEY_BYTES).then(|| {
            format!(
                "bcrypt reads {BCRYPT_KEY_BYTES} bytes of a password, and this one has {bytes}: whoever knows the \
                 first {BCRYPT_KEY_BYTES} can sign in; choose a shorter one, or `--algorithm argon2id`"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(algorithm: Algorithm, cost: Option<u32>) -> Hashing {
        Hashing { algorithm, cost }
    }

    fn password(text: &str) -> Secret<Vec<u8>> {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn the_hash_is_one_that_a_configuration_takes_and_that_the_password_fits() {
        for (asked, begins) in [
            (asked(Algorithm::Bcrypt, Some(5)), "$2b$05$"),
            (asked(Algorithm::Argon2id, None), "$argon2id$v=19$m=19456,t=2,p=1$"),
            (asked(Algorithm::Bcrypt, None), "$2b$10$"),
        ] {
            let hash = asked.hash(&password("ada-secret"), [9; 16]).unwrap();
            let text = hash.to_text();
            assert!(text.expose().starts_with(begins), "{begins}");
            let read = Hash::parse(text.expose()).unwrap();
            assert!(read.fits(b"ada-secret").unwrap() && !read.fits(b"ada").unwrap());
        }
    }

    #[test]
    fn what_bcrypt_does_not_read_is_told_and_a_cost_that_is_not_is_refused_before_anybody_is_asked() {
        let bcrypt = asked(Algorithm::Bcrypt, None);
        assert_eq!(bcrypt.warning(&password(&"x".repeat(72))), None);
        let warning = bcrypt.warning(&password(&"x".repeat(80))).unwrap();
        assert_eq!(
            asked(Algorithm::Argon2id, None).warning(&password(&"x".repeat(80))),
            None
        );
        let refused = asked(Algorithm::Argon2id, Some(5)).check().unwrap_err();
        insta::assert_snapshot!(format!("{warning}\n{refused}"));
    }
}
