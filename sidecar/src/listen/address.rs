//! An address to listen at: `host:port`, `:port`, or a socket's path.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Where one listens, and where one asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`.
    Tcp {
        /// A name or an address; empty for every address of the machine.
        host: String,
        /// From 0, which is any free port.
        port: u16,
    },
    /// A socket in the file system.
    Unix {
        /// Where.
        path: PathBuf,
        /// Who may use it, as `chmod` has it; what the process's umask leaves, if `None`.
        mode: Option<u32>,
    },
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Neither form.
    #[error("is no address; write `host:port`, `:port`, or `unix:` and a path")]
    Form,
    /// The port is no number up to 65535.
    #[error("ends in no port; write a number from 0 to 65535 after the last colon")]
    Port,
    /// IPv6 without brackets: where the port begins cannot be told.
    #[error("holds an IPv6 address without brackets; write `[::1]:5001`")]
    Brackets,
}

impl Address {
    /// Reads any form; a path begins with `unix:` or with `/`.
    ///
    /// # Errors
    /// See [`ParseError`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let path = text
            .strip_prefix("unix:")
            .or_else(|| text.starts_with('/').then_some(text));
        match path {
            Some("") => Err(ParseError::Form),
            Some(path) => Ok(Self::Unix {
                path: path.into(),
                mode: None,
            }),
            None => Self::parse_tcp(text),
        }
    }

    /// Reads `host:port` or `:port`.
    ///
    /// # Errors
    /// See [`ParseError`].
    pub fn parse_tcp(text: &str) -> Result<Self, ParseError> {
        let (host, port) = text.rsplit_once(':').ok_or(ParseError::Form)?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten().ok_or(ParseError::Port)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or(ParseError::Form)?,
            None if host.contains(':') => return Err(ParseError::Brackets),
            None => host,
        };
        if host.contains(['/', '[', ']', ' ']) {
            return Err(ParseError::Form);
        }
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
        })
    }

    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix { .. } => true,
            Self::Tcp { host, .. } => {
                host == "localhost"
                    || host
                        .parse()
                        .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
            }
        }
    }

    /// Whether one who listens at both listens twice at the same place; a socket's mode can be changed later.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix { path, .. }, Self::Unix { path: other, .. }) => path == other,
            _ => self == other,
        }
    }
}

/// As it is written in a configuration.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_or_a_path() {
        for (text, host, port) in [
            (":5001", "", 5001),
            ("127.0.0.1:0", "127.0.0.1", 0),
            ("[::1]:443", "::1", 443),
            ("localhost:65535", "localhost", 65535),
            ("auth.internal:5001", "auth.internal", 5001),
        ] {
            let address = Address::Tcp {
                host: host.to_owned(),
                port,
            };
            assert_eq!(Address::parse(text), Ok(address.clone()), "{text}");
            assert_eq!(address.to_string(), text);
        }
        for text in ["unix:/run/a.sock", "/run/a.sock"] {
            let parsed = Address::parse(text).unwrap();
            assert_eq!(parsed.to_string(), "unix:/run/a.sock");
        }
    }

    #[test]
    fn what_is_no_address_says_what_is_wrong_with_it() {
        for (text, error) in [
            ("", ParseError::Form),
            ("5001", ParseError::Form),
            ("unix:", ParseError::Form),
            ("localhost:http", ParseError::Port),
            ("localhost:", ParseError::Port),
            (":65536", ParseError::Port),
            (":+1", ParseError::Port),
            ("::1:5001", ParseError::Brackets),
            ("[::1:5001", ParseError::Form),
            ("http://a:80", ParseError::Brackets),
            ("a/b:80", ParseError::Form),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn only_loopback_and_sockets_are_local() {
        for text in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "localhost:1",
            "unix:/a",
        ] {
            assert!(Address::parse(text).unwrap().is_local(), "{text}");
        }
        for text in [
            ":1",
            "0.0.0.0:1",
            "[::]:1",
            "10.0.0.1:1",
            "auth:1",
            "localhost.example:1",
        ] {
            assert!(!Address::parse(text).unwrap().is_local(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(text in "\\PC{0,40}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
            }
        }
    }
}
