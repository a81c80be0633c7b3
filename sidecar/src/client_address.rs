//! Where a request to the token endpoint comes from: its peer, or what somebody trusted wrote into a header.

use std::net::IpAddr;

use http::HeaderMap;
use registry_auth_core::client_address::{AddressError, RealIp};

use crate::listen::TrustedProxies;
use crate::server::Peer;

/// What proxies append the address of their peer to.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address:
///
/// - what `real_ip_header` says, if it is configured, whoever sends it: so docker_auth has it;
/// - else, from a trusted proxy, the last entry of all its `X-Forwarded-For` lines, which that proxy wrote itself;
/// - else the peer's. What the peer writes into headers counts for nothing.
///
/// # Errors
/// [`AddressError`], if the header that counts is missing or cannot be read: the proxy's own address in its place
/// would open the registry to everybody behind it. [`AddressError::NoHeader`] too for a peer without an address, a
/// Unix socket's, that is no trusted proxy.
pub fn client_address(
    peer: Peer,
    headers: &HeaderMap,
    real_ip: Option<&RealIp>,
    trusted: &TrustedProxies,
) -> Result<IpAddr, AddressError> {
    if let Some(real_ip) = real_ip {
        return real_ip.pick(lines(headers, real_ip.header()));
    }
    match peer {
        Peer::Tcp(peer) if !trusted.hold(peer.ip()) => Ok(peer.ip().to_canonical()),
        Peer::Unix if !trusted.hold_unix() => Err(AddressError::NoHeader),
        Peer::Tcp(_) | Peer::Unix => {
            let last = RealIp::new(FORWARDED_FOR, RealIp::DEFAULT_POSITION);
            last.pick(lines(headers, FORWARDED_FOR))
        }
    }
}

fn lines<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(http::HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use registry_auth_core::problem::{Place, Problems};

    use super::*;

    fn trusted(entries: &[&str]) -> TrustedProxies {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        TrustedProxies::read(&entries, &Place::root(), &mut Problems::default())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn tcp(address: &str) -> Peer {
        Peer::Tcp(format!("{address}:4711").parse().unwrap())
    }

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn from_a_trusted_proxy_the_last_entry_counts() {
        let forwarded = headers(&[
            ("x-forwarded-for", "203.0.113.9, 198.51.100.1"),
            ("x-forwarded-for", "198.51.100.2"),
        ]);
        let trusted = trusted(&["10.0.0.0/8", "unix"]);
        assert_eq!(
            client_address(tcp("10.1.1.1"), &forwarded, None, &trusted),
            Ok(ip("198.51.100.2"))
        );
        assert_eq!(
            client_address(Peer::Unix, &forwarded, None, &trusted),
            Ok(ip("198.51.100.2"))
        );
    }

    #[test]
    fn nobody_elses_header_counts() {
        let forwarded = headers(&[("x-forwarded-for", "198.51.100.2")]);
        assert_eq!(
            client_address(tcp("192.0.2.1"), &forwarded, None, &trusted(&["10.0.0.0/8", "unix"])),
            Ok(ip("192.0.2.1"))
        );
        assert_eq!(
            client_address(tcp("[::ffff:192.0.2.1]"), &forwarded, None, &trusted(&[])),
            Ok(ip("192.0.2.1"))
        );
        assert_eq!(
            client_address(Peer::Unix, &forwarded, None, &trusted(&["10.0.0.0/8"])),
            Err(AddressError::NoHeader)
        );
    }

    #[test]
    fn a_configured_header_counts_whoever_sends_it() {
        let sent = headers(&[("x-real-ip", "198.51.100.7"), ("x-forwarded-for", "203.0.113.1")]);
        let real_ip = RealIp::new("X-Real-IP", 0);
        for peer in [tcp("192.0.2.1"), Peer::Unix] {
            assert_eq!(
                client_address(peer, &sent, Some(&real_ip), &trusted(&["unix"])),
                Ok(ip("198.51.100.7"))
            );
        }
        assert_eq!(
            client_address(tcp("192.0.2.1"), &HeaderMap::new(), Some(&real_ip), &trusted(&[])),
            Err(AddressError::NoHeader)
        );
    }

    #[test]
    fn a_trusted_proxy_that_says_nothing_readable_is_no_client() {
        let trusted = trusted(&["10.0.0.0/8"]);
        let peer = tcp("10.0.0.1");
        assert_eq!(
            client_address(peer, &HeaderMap::new(), None, &trusted),
            Err(AddressError::NoHeader)
        );
        assert_eq!(
            client_address(peer, &headers(&[("x-forwarded-for", "unknown")]), None, &trusted),
            Err(AddressError::NoAddress)
        );
    }
}
