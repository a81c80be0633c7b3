//! Where a request may come from: an address, or a network as `address/length`.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

/// Addresses of one family. A network of IPv4 written in IPv6's mapped form (`::ffff:10.0.0.0/104`) is one of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// Neither an address nor a network.
    #[error("is no address; write one such as `192.0.2.1` or `2001:db8::1`, or a network such as `192.0.2.0/24`")]
    Address,
    /// `10.0.0.0/255.0.0.0`
    #[error("has a netmask; write its length, such as `/24` for `255.255.255.0`")]
    Netmask,
    /// No length, or one that is longer than this.
    #[error("has no length from 0 to {0} after the `/`")]
    Length(u8),
    /// `${account}`
    #[error("takes no variables; write an address, or a network such as `192.0.2.0/24`")]
    Variable,
}

impl Network {
    /// Reads an address or `address/length`; bits beyond the length count for nothing.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        if text.contains("${") {
            return Err(NetworkError::Variable);
        }
        let (address, length) = text
            .split_once('/')
            .map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => longest,
            Some(mask) if mask.parse::<IpAddr>().is_ok() => return Err(NetworkError::Netmask),
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkError::Length(longest))?
            }
            Some(_) => return Err(NetworkError::Length(longest)),
        };
        let network = IpNet::new(address, length).map_err(|_| NetworkError::Length(longest))?;
        Ok(Self(unmapped(network.trunc())))
    }

    /// Whether every address of `other` lies in it.
    pub(super) fn holds_all_of(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (IpNet::V4(this), IpNet::V4(other)) => this.contains(&other),
            (IpNet::V6(this), IpNet::V6(other)) => this.contains(&other),
            _ => false,
        }
    }

    /// Whether `address` lies in it. An IPv4-mapped IPv6 address is IPv4.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// All of them.
    pub(super) fn addresses(self) -> IpNet {
        self.0
    }

    /// Whether its addresses are those of IPv4.
    pub(super) fn is_ipv4(self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }
}

/// A mapped network shorter than 96 is more than IPv4 and stays IPv6, where no mapped address ever arrives.
fn unmapped(network: IpNet) -> IpNet {
    let mapped = |network: ipnet::Ipv6Net| {
        let address = Ipv6Addr::to_ipv4_mapped(&network.addr())?;
        let length = network.prefix_len().checked_sub(96)?;
        Ipv4Net::new(address, length).ok()
    };
    match network {
        IpNet::V6(v6) => mapped(v6).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        Network::parse(network).unwrap().holds(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_addresses_of_its_family_only() {
        assert!(holds("10.1.2.3", "10.1.2.3"));
        assert!(!holds("10.1.2.3", "10.1.2.4"));
        assert!(holds("10.1.2.3/8", "10.200.0.1"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "2001:db8::1"));
        assert!(!holds("::/0", "10.1.2.3"));
        assert!(!holds("::/0", "::ffff:10.1.2.3"));
        assert!(holds("10.0.0.0/08", "10.1.2.3"));
    }

    #[test]
    fn a_mapped_address_is_ipv4_on_both_sides() {
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("::ffff:10.1.2.3", "10.1.2.3"));
        assert!(holds("::ffff:10.9.9.9/104", "10.1.2.3"));
        assert!(!holds("::ffff:10.9.9.9/104", "11.1.2.3"));
        assert!(holds("::ffff:0:0/96", "192.0.2.1"));
        assert!(!holds("::ffff:0:0/96", "2001:db8::1"));
        assert!(!holds("::ffff:0:0/95", "192.0.2.1"));
        assert!(holds("::ffff:0:0/80", "::fffe:0:1"));
    }

    #[test]
    fn what_is_no_network_is_told_apart() {
        for (text, fault) in [
            ("", NetworkError::Address),
            ("10.1.2", NetworkError::Address),
            ("010.1.2.3", NetworkError::Address),
            ("fe80::1%eth0", NetworkError::Address),
            (" 10.1.2.3", NetworkError::Address),
            ("localhost", NetworkError::Address),
            ("10.0.0.0/255.0.0.0", NetworkError::Netmask),
            ("10.0.0.0/33", NetworkError::Length(32)),
            ("10.0.0.0/+8", NetworkError::Length(32)),
            ("10.0.0.0/", NetworkError::Length(32)),
            ("::/129", NetworkError::Length(128)),
            ("::/8/8", NetworkError::Length(128)),
            ("${account}", NetworkError::Variable),
        ] {
            assert_eq!(Network::parse(text), Err(fault), "{text}");
        }
    }
}
