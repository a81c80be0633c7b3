//! Random bytes, for numbers of tokens and seeds of tables.

use ring::rand::{SecureRandom, SystemRandom};
use rsa::rand_core::{TryCryptoRng, TryRng};
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

/// The same for what makes keys and wants a stream.
#[derive(Clone, Copy, Debug)]
pub struct Stream;

impl TryRng for Stream {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        bytes().map(u32::from_le_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        bytes().map(u64::from_le_bytes)
    }

    fn try_fill_bytes(&mut self, place: &mut [u8]) -> Result<(), NoRandomness> {
        SystemRandom::new().fill(place).map_err(|_| NoRandomness)
    }
}

impl TryCryptoRng for Stream {}
