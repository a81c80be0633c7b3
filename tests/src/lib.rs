//! The harness.

pub mod go_patterns;
