//! Where a request comes from: the connection's peer, or what a trusted proxy wrote into a header.
//!
//! What cannot be read as an address is an error, never another address: rules for an `ip` would open or close the
//! registry to the wrong client.

use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

/// Which of the addresses in a header is the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealIp {
    /// The header's name, in lower case.
    header: String,
    /// From 0; negative counts from the end.
    position: i64,
}

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Neither IPv4 nor IPv6.
    #[error("the client's address cannot be read")]
    NoAddress,
    /// The header is not there, or empty.
    #[error("the header with the client's address is missing")]
    NoHeader,
    /// The header holds fewer addresses.
    #[error("the header with the client's address holds too few addresses")]
    TooFew,
}

impl RealIp {
    /// The last address, which the nearest proxy wrote.
    pub const DEFAULT_POSITION: i64 = -1;

    /// The address number `position` of `header`.
    #[must_use]
    pub fn new(header: &str, position: i64) -> Self {
        Self {
            header: header.to_ascii_lowercase(),
            position,
        }
    }

    /// The header's name, in lower case.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Picks the address out of all lines of the header, which are one list.
    ///
    /// # Errors
    /// See [`AddressError`]. A position outside of the list is one, in either direction.
    pub fn pick<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> Result<IpAddr, AddressError> {
        let addresses: Vec<&[u8]> = lines
            .flat_map(|line| line.split(|b| *b == b','))
            .map(<[u8]>::trim_ascii)
            .collect();
        if addresses.iter().all(|address| address.is_empty()) {
            return Err(AddressError::NoHeader);
        }
        let index = match usize::try_from(self.position) {
            Ok(index) => Some(index),
            Err(_) => usize::try_from(self.position.unsigned_abs())
                .ok()
                .and_then(|back| addresses.len().checked_sub(back)),
        };
        let address = index
            .and_then(|index| addresses.get(index))
            .ok_or(AddressError::TooFew)?;
        parse(address)
    }
}

/// Reads an address: `192.0.2.7`, `192.0.2.7:5000`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:5000`. An
/// IPv4-mapped IPv6 address is the IPv4 address.
///
/// # Errors
/// [`AddressError::NoAddress`] for anything else, an IPv6 zone and leading zeros too.
pub fn parse(text: &[u8]) -> Result<IpAddr, AddressError> {
    let text = str::from_utf8(text).map_err(|_| AddressError::NoAddress)?;
    let address = parse_text(text).ok_or(AddressError::NoAddress)?;
    Ok(address.to_canonical())
}

/// An address as far as it tells clients apart: an IPv6 client has a network of 64 bits to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressGroup([u8; 16]);

impl AddressGroup {
    /// The group of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => {
                let mut octets = address.octets();
                if let Some(host) = octets.get_mut(8..) {
                    host.fill(0);
                }
                octets
            }
        })
    }

    /// Sixteen bytes that no other group has.
    #[must_use]
    pub fn octets(self) -> [u8; 16] {
        self.0
    }
}

fn parse_text(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let port_is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port_is_good
            .then(|| address.parse::<Ipv6Addr>().ok())
            .flatten()
            .map(IpAddr::V6);
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => {
            is_port(port).then(|| address.parse().ok()).flatten().map(IpAddr::V4)
        }
        _ => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_in_every_form() {
        for (text, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:0", "192.0.2.7"),
            ("192.0.2.7:65535", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:DB8:0:0::7]", "2001:db8::7"),
            ("[2001:db8::7]:5000", "2001:db8::7"),
            ("::1", "::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("[::ffff:c000:207]:80", "192.0.2.7"),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_an_error_and_never_another_address() {
        for text in [
            "",
            "unknown",
            "192.0.2",
            "192.0.2.07",
            "192.0.2.7:",
            "192.0.2.7:65536",
            "192.0.2.7:+1",
            " 192.0.2.7",
            "[192.0.2.7]",
            "[::1",
            "[::1]x",
            "[::1]:",
            "fe80::1%eth0",
            "::1]:80",
            "/run/envoy.sock",
            "1.2.3.4/32",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(AddressError::NoAddress), "{text}");
        }
        assert_eq!(parse(b"\xff\xfe"), Err(AddressError::NoAddress));
    }

    #[test]
    fn the_position_counts_over_all_lines_of_the_header() {
        let lines: [&[u8]; 2] = [b"192.0.2.1, 192.0.2.2", b"192.0.2.3"];
        for (position, address) in [(0, "192.0.2.1"), (2, "192.0.2.3"), (-1, "192.0.2.3"), (-3, "192.0.2.1")] {
            let picked = RealIp::new("X-Forwarded-For", position).pick(lines.into_iter());
            assert_eq!(picked, Ok(address.parse().unwrap()), "{position}");
        }
        for position in [3, -4, i64::MIN, i64::MAX] {
            assert_eq!(
                RealIp::new("x", position).pick(lines.into_iter()),
                Err(AddressError::TooFew),
                "{position}"
            );
        }
    }

    #[test]
    fn an_absent_or_broken_header_is_an_error() {
        let real_ip = RealIp::new("x-real-ip", -1);
        assert_eq!(real_ip.pick([].into_iter()), Err(AddressError::NoHeader));
        assert_eq!(real_ip.pick([b" ".as_slice()].into_iter()), Err(AddressError::NoHeader));
        assert_eq!(
            real_ip.pick([b"192.0.2.1,".as_slice()].into_iter()),
            Err(AddressError::NoAddress)
        );
    }

    proptest! {
        #[test]
        fn every_address_is_read_back_from_each_way_to_write_it(bits in any::<u128>(), v4 in any::<u32>(), port in any::<u16>()) {
            let v6 = IpAddr::from(bits.to_be_bytes());
            let v4 = IpAddr::from(v4.to_be_bytes());
            for text in [format!("{v6}"), format!("[{v6}]"), format!("[{v6}]:{port}")] {
                prop_assert_eq!(parse(text.as_bytes()), Ok(v6.to_canonical()));
            }
            for text in [format!("{v4}"), format!("{v4}:{port}")] {
                prop_assert_eq!(parse(text.as_bytes()), Ok(v4));
            }
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), position in any::<i64>()) {
            let _ = parse(&bytes);
            let _ = RealIp::new("x", position).pick([bytes.as_slice()].into_iter());
        }
    }
}
