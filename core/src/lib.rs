//! The map of this crate.

pub mod acl;
