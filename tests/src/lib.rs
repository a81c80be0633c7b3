//! The harness.

pub mod keys;
pub mod module;
pub mod verify;
