//! The service a token is for: its audience.

use std::fmt;

use thiserror::Error;

/// The longest service name, in bytes.
pub const MAX_SERVICE_BYTES: usize = 256;

/// The name of a registry as it stands in its challenge, and in the token as `aud`; `""` when none was named.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service(String);

/// Why a text cannot be a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ServiceError {
    /// A control character.
    #[error("`service` must not contain control characters")]
    ControlCharacter,
    /// More than [`MAX_SERVICE_BYTES`].
    #[error("`service` must not be longer than {MAX_SERVICE_BYTES} bytes")]
    TooLong,
}

impl Service {
    /// Reads a service's name.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub fn parse(text: &str) -> Result<Self, ServiceError> {
        if text.len() > MAX_SERVICE_BYTES {
            return Err(ServiceError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(ServiceError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
