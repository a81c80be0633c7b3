//! Where a directory is: what `addr` and `tls` say, in docker_auth's form and as a URL.

use std::fmt;
use std::net::Ipv6Addr;

use rustls::pki_types::ServerName;
use thiserror::Error;

/// The port of LDAP, and the one where TLS begins with the first byte.
const PLAIN_PORT: u16 = 389;
const TLS_PORT: u16 = 636;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// A name, or an IP address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Not at all.
    Plain,
    /// From the first byte.
    Always,
    /// After the server was asked for it (RFC 4511 section 4.14), before anything else is said.
    StartTls,
}

/// Why a text is no address.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum AddressError {
    #[error("begins with `{0}://`; write `ldap://` or `ldaps://`")]
    Scheme(String),
    #[error("names no host; write `ldap.example`, `ldap.example:389` or `ldaps://ldap.example`")]
    NoHost,
    #[error("`{0}` is no host")]
    Host(String),
    #[error("`{0}` is no port; write a number from 1 to 65535")]
    Port(String),
    #[error("has colons outside of brackets; write an address of version 6 as `[2001:db8::1]:636`")]
    Brackets,
    #[error("must not hold a name or a password; use `bind_dn` and `bind_password_file`")]
    UserInfo,
    #[error("goes on with `{0}` behind the host; what to look for is said by `base` and `filter`")]
    Path(String),
    #[error("has TLS from the first byte by `ldaps://`, and `tls` says otherwise; leave `tls` out, or write `ldap://`")]
    NotTls,
    #[error("has no TLS from the first byte by `ldap://`, and `tls: always` asks for it; write `ldaps://`")]
    NotPlain,
}

impl Address {
    /// Reads one entry of `addr`, beside which `tls` stands.
    pub(super) fn parse(text: &str, tls: Option<Security>) -> Result<Self, AddressError> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(AddressError::UserInfo);
        }
        if !matches!(path, "" | "/") {
            return Err(AddressError::Path(path.to_owned()));
        }
        let (host, port) = host_and_port(authority)?;
        let security = match (scheme.as_deref(), tls) {
            (Some("ldaps"), None | Some(Security::Always)) => Security::Always,
            (Some("ldaps"), Some(Security::Plain | Security::StartTls)) => return Err(AddressError::NotTls),
            (Some("ldap"), Some(Security::Always)) => return Err(AddressError::NotPlain),
            (Some("ldap") | None, Some(said)) => said,
            (None, None) if port == Some(TLS_PORT) => Security::Always,
            (Some("ldap") | None, None) => Security::Plain,
            (Some(scheme), _) => return Err(AddressError::Scheme(scheme.to_owned())),
        };
        let usual = if security == Security::Always {
            TLS_PORT
        } else {
            PLAIN_PORT
        };
        let host = host.to_owned();
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(AddressError::Host(host));
        }
        Ok(Self {
            host,
            port: port.unwrap_or(usual),
            security,
        })
    }
}

/// As it is told in logs.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), AddressError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (host, behind) = inside.split_once(']').ok_or(AddressError::Brackets)?;
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(AddressError::Host(host.to_owned()));
            }
            match behind.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if behind.is_empty() => (host, None),
                None => return Err(AddressError::Brackets),
            }
        }
        None => match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(AddressError::Brackets),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err(AddressError::NoHost);
    }
    let port = port.map(|text| {
        let port: Option<u16> = text.parse().ok();
        port.filter(|port| *port != 0)
            .ok_or_else(|| AddressError::Port(text.to_owned()))
    });
    Ok((host, port.transpose()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, tls: Option<Security>) -> String {
        match Address::parse(text, tls) {
            Ok(address) => format!("{address} {:?}", address.security),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_read_as_docker_auth_does_and_as_a_url() {
        for (text, tls, expected) in [
            ("ldap.example:389", None, "ldap.example:389 Plain"),
            ("ldap.example:636", None, "ldap.example:636 Always"),
            ("ldap.example:636", Some(Security::Plain), "ldap.example:636 Plain"),
            (
                "ldap.example:636",
                Some(Security::StartTls),
                "ldap.example:636 StartTls",
            ),
            ("ldap.example", None, "ldap.example:389 Plain"),
            ("ldap.example", Some(Security::Always), "ldap.example:636 Always"),
            ("ldap://ldap.example", None, "ldap.example:389 Plain"),
            ("LDAP://ldap.example:636/", None, "ldap.example:636 Plain"),
            (
                "ldap://ldap.example",
                Some(Security::StartTls),
                "ldap.example:389 StartTls",
            ),
            ("ldaps://ldap.example", None, "ldap.example:636 Always"),
            ("ldaps://[2001:db8::1]", None, "[2001:db8::1]:636 Always"),
            (
                "[2001:db8::1]:1636",
                Some(Security::Always),
                "[2001:db8::1]:1636 Always",
            ),
            ("192.0.2.7:389", Some(Security::StartTls), "192.0.2.7:389 StartTls"),
        ] {
            assert_eq!(shown(text, tls), expected, "{text} {tls:?}");
        }
    }

    #[test]
    fn what_is_no_address_says_what_to_write() {
        let wrong = [
            ("", None),
            (":389", None),
            ("https://ldap.example", None),
            ("ldap.example:ldap", None),
            ("ldap.example:0", None),
            ("2001:db8::1", None),
            ("[2001:db8::1", None),
            ("[ldap.example]:389", None),
            ("ldap example:389", None),
            ("ldap://admin:secret@ldap.example", None),
            ("ldap://ldap.example/ou=people?uid", None),
            ("ldaps://ldap.example", Some(Security::StartTls)),
            ("ldap://ldap.example", Some(Security::Always)),
        ];
        let told = wrong.map(|(text, tls)| format!("{text}: {}", shown(text, tls)));
        insta::assert_snapshot!(told.join("\n"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(text in "(ldaps?|://|[:@/?#.\\[\\]0-9a]|.){0,20}") {
            if let Ok(address) = Address::parse(&text, None) {
                // What is told of it in logs is an address again.
                let again = Address::parse(&address.to_string(), Some(address.security));
                prop_assert_eq!(again, Ok(address));
            }
        }
    }
}
