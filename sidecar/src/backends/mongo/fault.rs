//! Why a database gave no answer, in words for the log.

use mongodb::error::{Error, ErrorKind};
use thiserror::Error;

use crate::backend::Fault;

/// Codes of a server that is about to stop, or is not the one that can be asked any longer: another time it may answer.
const OF_A_CHANGE: [i32; 7] = [91, 189, 10_107, 11_600, 11_602, 13_435, 13_436];

/// The server was told to give up after so long, and did.
const MAX_TIME_EXPIRED: i32 = 50;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// Each server with what became of the last try.
    #[error("could not be connected to: {0}")]
    Connect(String),
    #[error("has no server that can be asked: all are there, and none is a primary")]
    NoPrimary,
    #[error("did not let us in, see `dial_info`: {}", told(.0))]
    SignIn(#[source] Error),
    #[error("could not be asked: {}", told(.0))]
    Ask(#[source] Error),
    #[error("cannot be reached as `dial_info` says: {}", told(.0))]
    Make(#[source] Error),
}

impl NoAnswer {
    /// Whose fault it is.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Connect(_) | Self::NoPrimary | Self::SignIn(_) | Self::Make(_) => Fault::Unreached,
            Self::Ask(error) if refusal(error).is_some() => Fault::Useless,
            Self::Ask(_) => Fault::Silent,
        }
    }
}

/// What the driver says, without what it says of itself.
pub(super) fn told(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::InvalidArgument { message, .. }
        | ErrorKind::Authentication { message, .. }
        | ErrorKind::InvalidTlsConfig { message, .. }
        | ErrorKind::DnsResolve { message, .. } => message.clone(),
        ErrorKind::Command(error) => format!("{} ({} {})", error.message, error.code, error.code_name),
        kind => kind.to_string(),
    }
}

/// The code of the server's own "no", if it is one that will be the same next time.
pub(super) fn refusal(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) if error.code != MAX_TIME_EXPIRED && !OF_A_CHANGE.contains(&error.code) => {
            Some(error.code)
        }
        _ => None,
    }
}
