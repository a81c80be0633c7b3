//! What need not be found out twice.

pub mod table;

pub use table::{Seed, Table};
