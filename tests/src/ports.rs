//! Ports on loopback that belong to one test.
//!
//! A port is held by a socket of its name, so that two tests, of this process or another, never get the same one, also in
//! the time between choosing it and the program binding it. They lie below the range from which the kernel
//! takes ports for outgoing connections: one of those cannot take the port away either.
//!
//! ```
//! use registry_auth_tests::ports::Port;
//!
//! let (one, other) = (Port::free(), Port::free());
//! assert_ne!(one.number(), other.number());
//! ```

use std::fmt;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Linux takes ports for outgoing connections from 32768 up; what services listen on by habit lies below 20000.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A free TCP port on 127.0.0.1, until it is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: UnixListener,
}

impl Port {
    /// Some free port.
    #[track_caller]
    pub fn free() -> Self {
        // Each process starts somewhere else, only to meet fewer ports that are held.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let start = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(COUNT)).unwrap_or(0);
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
            if let Some(port) = Self::take(FIRST + (start + step) % COUNT) {
                return port;
            }
        }
        panic!("no port from {FIRST} on is free");
    }

    /// This very port, or `None` if somebody has it.
    pub fn take(number: u16) -> Option<Self> {
        // An abstract name belongs to one socket at a time and goes with it, whatever becomes of the process.
        let name = SocketAddr::from_abstract_name(format!("registry-auth-tests/port/{number}")).ok()?;
        let held = UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self { number, _held: held })
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_held_or_bound_is_not_given_out_again() {
        let port = Port::free();
        assert!(Port::take(port.number()).is_none());
        let number = port.number();
        let listener = TcpListener::bind(("127.0.0.1", number)).unwrap();
        drop(port);
        assert!(Port::take(number).is_none());
        drop(listener);
        assert!(Port::take(number).is_some());
    }
}
