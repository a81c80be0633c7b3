//! The real program, as an operator starts it: its command line, its files, its signals, and what it answers.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is tests: a failed expectation is how they speak, and they wait by the real clock"
)]

mod config_calls;
mod endpoint;
mod process;
mod programs;
mod reloading;
mod secrets;
mod stopping;
mod typing;
