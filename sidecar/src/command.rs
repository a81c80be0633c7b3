//! What the program does, one command each.

pub mod health;
pub mod serve;
