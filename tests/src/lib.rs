//! The harness.

pub mod keys;
pub mod module;
pub mod verify;
pub mod cases;
pub mod go_patterns;
pub mod reference;
