//! What the program does, one command each.
//!
//! A command writes its answer to standard output and all else to standard error, and ends with the code of an [`Exit`].

pub mod about;
pub mod acl;
pub mod check;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod hash_password;
pub mod health;
mod jwt;
pub mod keygen;
mod password;
mod registry;
pub mod render;
pub mod serve;
mod shown;
mod span;
mod target;
pub mod token;
pub mod users;
pub mod who;
mod yaml;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// How a command that answers a question ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Yes: code 0.
    Yes,
    /// No: code 1.
    No,
    /// It could not tell: code 2.
    CouldNotTell,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Yes => 0,
            Exit::No => 1,
            Exit::CouldNotTell => 2,
        })
    }
}

/// Writes a command's answer to standard output. Who reads no further, as `head` does, has read enough.
///
/// # Errors
/// When it cannot be written.
pub fn answer(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
