//! Random bytes, for numbers of tokens and seeds of tables.

use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

/// The system has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// `N` bytes that nobody can guess.
///
/// # Errors
/// [`NoRandomness`]: then nothing can be signed.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
