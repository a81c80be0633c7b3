//! Rules: which account may do what to which resource.

pub mod glob;
pub mod go_regex;
