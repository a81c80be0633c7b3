//! The program `registry-auth`: serves the filter's calls, and is a whole token server by itself.
//!
//! [`command::serve`] reads the configuration ([`config`]), opens its listeners ([`listen`], [`server`]) and back-ends
//! ([`chain`], [`backends`]), and puts the outcome, a [`generation`], in force; what outlives it is the [`state`].
//! Requests come in by the [`token_endpoint`], which clients reach, and by the [`api`] of the filter's three calls.
//! Rules that databases hold are read by [`lists`], and are a part of the next generation.
//! Both decide by core, and ask the chain, where a [`circuit`] leaves alone what fails, and the [`hash_pool`] what core
//! cannot know.
//! What `serve` and `check` both do with a configuration is in [`prepared`].
//! Commands that explain a configuration read its [`rulebook`], and serve nothing.

pub mod api;
pub mod audit;
pub mod backend;
pub mod backends;
pub mod chain;
pub mod circuit;
pub mod cli;
pub mod client_address;
pub mod clock;
pub mod command;
pub mod config;
pub mod generation;
pub mod hash_pool;
pub mod health;
pub mod listen;
pub mod lists;
pub mod lock;
pub mod logging;
pub mod metrics;
pub mod prepared;
pub mod random;
pub mod rulebook;
pub mod server;
pub mod signer;
pub mod state;
pub mod tables;
pub mod throttle;
pub mod token_endpoint;

#[cfg(test)]
mod testdata;
