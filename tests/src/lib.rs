//! The harness.

pub mod cases;
pub mod go_patterns;
pub mod reference;
