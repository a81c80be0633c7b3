//! The program `registry-auth`: serves the filter's calls, and is a whole token server by itself.

pub mod backend;
pub mod clock;
pub mod config;
pub mod lock;
pub mod random;
pub mod signer;
pub mod throttle;
