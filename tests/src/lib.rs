//! The harness.

pub mod module;
