//! The program `registry-auth`: serves the filter's calls, and is a whole token server by itself.

pub mod backend;
pub mod cli;
pub mod client_address;
pub mod command;
pub mod health;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod server;
#[cfg(test)]
mod testdata;
