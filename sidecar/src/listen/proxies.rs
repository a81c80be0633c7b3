//! `server.trusted_proxies`: the peers who may say where a request comes from.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use registry_auth_core::problem::{Place, Problems};
use thiserror::Error;

/// The most networks that are listed: each request is compared with all.
const MOST: usize = 256;

/// Peers whose `X-Forwarded-For` counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// Whether whoever comes over a socket in the file system is one.
    unix: bool,
}

/// Why an entry is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum EntryError {
    #[error("is no address; write one such as `192.0.2.1`, a network such as `10.0.0.0/8`, or `unix`")]
    Address,
    #[error("has a netmask; write its length, such as `/24` for `255.255.255.0`")]
    Netmask,
    #[error("has no length from 0 to {0} after the `/`")]
    Length(u8),
}

impl TrustedProxies {
    /// Reads the list; a faulty entry is noted, and left out.
    #[must_use]
    pub fn read(entries: &[String], place: &Place, problems: &mut Problems) -> Self {
        let mut proxies = Self::default();
        if entries.len() > MOST {
            problems.error(
                place,
                format_args!("holds more than {MOST} entries; write larger networks"),
            );
            return proxies;
        }
        for (i, entry) in entries.iter().enumerate() {
            if entry == "unix" {
                proxies.unix = true;
            } else {
                let place = place.index(i);
                let network = parse_network(entry).map_err(|error| format!("`{entry}` {error}"));
                proxies.networks.extend(problems.keep(&place, network));
            }
        }
        proxies
    }

    /// Whether nobody is one.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether a peer with this address is one; an IPv4-mapped IPv6 address is IPv4.
    #[must_use]
    pub fn hold(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether who comes over a socket in the file system is one.
    #[must_use]
    pub fn hold_unix(&self) -> bool {
        self.unix
    }
}

/// An address or `address/length`; bits beyond the length count for nothing.
fn parse_network(text: &str) -> Result<IpNet, EntryError> {
    let (address, length) = text
        .split_once('/')
        .map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().map_err(|_| EntryError::Address)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => longest,
        Some(mask) if mask.parse::<IpAddr>().is_ok() => return Err(EntryError::Netmask),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| EntryError::Length(longest))?
        }
        Some(_) => return Err(EntryError::Length(longest)),
    };
    let network = IpNet::new(address, length).map_err(|_| EntryError::Length(longest))?;
    Ok(unmapped(network.trunc()))
}

/// A network of IPv4 in IPv6's mapped form is one of IPv4: peers are compared in that form.
fn unmapped(network: IpNet) -> IpNet {
    let mapped = |network: Ipv6Net| {
        let address = Ipv6Addr::to_ipv4_mapped(&network.addr())?;
        Ipv4Net::new(address, network.prefix_len().checked_sub(96)?).ok()
    };
    match network {
        IpNet::V6(v6) => mapped(v6).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[&str]) -> (TrustedProxies, Vec<String>) {
        let mut problems = Problems::default();
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        let proxies = TrustedProxies::read(&entries, &Place::root().key("trusted_proxies"), &mut problems);
        (proxies, problems.errors().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn peers_in_a_listed_network_are_trusted_and_nobody_else() {
        let (proxies, errors) = read(&["10.1.2.3/8", "192.0.2.7", "2001:db8::/32", "::ffff:172.16.0.0/108"]);
        assert_eq!(errors, Vec::<String>::new());
        for address in [
            "10.255.0.1",
            "::ffff:10.0.0.1",
            "192.0.2.7",
            "2001:db8::1",
            "172.31.0.1",
        ] {
            assert!(proxies.hold(address.parse().unwrap()), "{address}");
        }
        for address in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1", "172.32.0.1"] {
            assert!(!proxies.hold(address.parse().unwrap()), "{address}");
        }
        assert!(!proxies.hold_unix());
        assert!(read(&["unix"]).0.hold_unix());
    }

    #[test]
    fn every_faulty_entry_is_named_with_its_place() {
        let (_, errors) = read(&["envoy", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "10.0.0.0/", "UNIX"]);
        insta::assert_snapshot!(errors.join("\n"));
    }
}
