//! The program `registry-auth`: serves the filter's calls, and is a whole token server by itself.

pub mod backend;
pub mod backends;
pub mod chain;
pub mod clock;
pub mod hash_pool;
pub mod lock;
pub mod random;
pub mod signer;
pub mod throttle;
