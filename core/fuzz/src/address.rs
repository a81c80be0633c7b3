//! The client's address: a position, then the lines of a header.

use std::net::IpAddr;

use registry_auth_core::client_address::{AddressError, AddressGroup, RealIp, parse};

use crate::lines;

pub(crate) fn run(data: &[u8]) {
    check(parse(data));
    let [position, header] = lines(data);
    let Some(position) = str::from_utf8(position).ok().and_then(|text| text.parse::<i64>().ok()) else {
        return;
    };
    let lines = || header.split(|b| *b == b'\n');
    let picked = RealIp::new("X-Forwarded-For", position).pick(lines());
    check(picked);
    let entries: Vec<&[u8]> = header
        .split(|b| matches!(b, b',' | b'\n'))
        .map(<[u8]>::trim_ascii)
        .collect();
    let count = i128::try_from(entries.len()).expect("few");
    let from_left = i128::from(position) + if position < 0 { count } else { 0 };
    let expected = match usize::try_from(from_left).ok().and_then(|index| entries.get(index)) {
        _ if entries.iter().all(|entry| entry.is_empty()) => Err(AddressError::NoHeader),
        Some(entry) => parse(entry),
        None => Err(AddressError::TooFew),
    };
    assert_eq!(picked, expected);
}

fn check(address: Result<IpAddr, AddressError>) {
    let Ok(address) = address else { return };
    assert_eq!(address, address.to_canonical(), "IPv4 has one form");
    for text in [
        address.to_string(),
        std::net::SocketAddr::new(address, 5000).to_string(),
    ] {
        assert_eq!(parse(text.as_bytes()), Ok(address), "{text}");
    }
    let _ = AddressGroup::of(address);
}
