//! `server`: where Envoy listens, in place of docker_auth.

use std::net::IpAddr;

use registry_auth_core::config::{Section, choice};
use registry_auth_core::problem::Problems;
use serde_json::json;

use super::site::Pem;
use super::socket;
use super::template::{Filled, Misfit, Template, comment, entry};
use super::tls::Tls;
use crate::listen::{Address, TrustedProxies};

/// Envoy's listener.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) at: At,
    pub(super) tls: Option<Tls>,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// An address of the machine, or all of them.
    Ip(IpAddr, u16),
    /// A socket in the file system.
    Socket(String),
}

#[derive(Clone, Copy)]
enum Net {
    Tcp,
    Unix,
}

const NETS: [(&str, Net); 2] = [("tcp", Net::Tcp), ("unix", Net::Unix)];

impl Listener {
    /// Reads what core left of `server`. `listen` is the command line's word, which counts before `server.addr`.
    pub(super) fn read(
        mut section: Section,
        pair: &[Pem; 2],
        listen: Option<&At>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let addr_place = section.place_of("addr");
        let net = choice(&mut section, "net", problems, &NETS).unwrap_or(Net::Tcp);
        let addr = section.text("addr", problems).filter(|addr| !addr.is_empty());
        let tls = Tls::read(&mut section, pair, problems);
        // It is of no meaning to Envoy, and wrong all the same.
        let trusted = section.texts("trusted_proxies", problems).unwrap_or_default();
        let _ = TrustedProxies::read(&trusted, &section.place_of("trusted_proxies"), problems);
        if let Some(letsencrypt) = section.section("letsencrypt", problems)
            && letsencrypt.remaining().next().is_some()
        {
            problems.error(
                letsencrypt.place(),
                "is nothing that Envoy does; name the files that an ACME client keeps, `server.certificate` and `server.key`",
            );
        }
        section.finish(problems);
        let at = match (listen, addr, net) {
            (Some(at), _, _) => Some(at.clone()),
            (None, Some(path), Net::Unix) => Some(At::Socket(path)),
            (None, Some(addr), Net::Tcp) => {
                let address = problems.keep(&addr_place, Address::parse_tcp(&addr))?;
                problems.keep(&addr_place, At::of(&address))
            }
            (None, None, _) => {
                if !problems.is_refusal_at(&addr_place) {
                    problems.error(
                        &addr_place,
                        "is missing; write `addr: \":5001\"`, or give `--listen :5001`",
                    );
                }
                None
            }
        };
        Some(Self { at: at?, tls })
    }

    /// The address, with what there is to be said of it.
    pub(super) fn address(&self) -> Filled {
        let note = match (&self.at, &self.tls) {
            (At::Socket(_), _) => "Whoever may write to the socket is served.",
            (At::Ip(address, _), None) if address.is_loopback() => {
                "CHANGE: 0.0.0.0 serves the network. Passwords travel here, so turn TLS on then, below."
            }
            (At::Ip(address, _), None) if address.is_unspecified() => {
                "CHANGE: all addresses are right in a container whose port is published on loopback. Elsewhere this serves\n\
                 the network: passwords travel here, so write 127.0.0.1, or turn TLS on, below."
            }
            (At::Ip(..), None) => "CHANGE: this serves the network. Passwords travel here: turn TLS on, below.",
            (At::Ip(..), Some(_)) => "CHANGE: 0.0.0.0 is every IPv4 address of the machine.",
        };
        let value = match &self.at {
            At::Ip(address, port) => json!({"socket_address": {"address": address.to_string(), "port_value": port}}),
            At::Socket(path) => json!({"pipe": {"path": path}}),
        };
        comment(note).and(&entry("address", &value))
    }

    /// How it is encrypted, or how it would be.
    pub(super) fn tls(&self) -> Result<Filled, Misfit> {
        match &self.tls {
            Some(tls) => tls.lines(),
            None => Template(include_str!("envoy/no_tls.yaml")).fill(&[]),
        }
    }

    /// Where a client reaches it, as far as that can be told here.
    pub(super) fn url(&self, hosts: Option<&[String]>) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let named = hosts.and_then(|hosts| hosts.first());
        let (name, port) = match (&self.at, named) {
            (At::Socket(_), None) => return format!("{scheme}://registry.example"),
            (At::Socket(_), Some(host)) => return format!("{scheme}://{host}"),
            // It says its port itself.
            (_, Some(host)) if host.contains(':') => return format!("{scheme}://{host}"),
            (At::Ip(_, port), Some(host)) => (host.clone(), *port),
            (At::Ip(address, port), None) if address.is_unspecified() => ("127.0.0.1".to_owned(), *port),
            (At::Ip(IpAddr::V6(address), port), None) => (format!("[{address}]"), *port),
            (At::Ip(address, port), None) => (address.to_string(), *port),
        };
        format!("{scheme}://{name}:{port}")
    }
}

impl At {
    /// What Envoy can listen at: it asks for no names.
    pub(super) fn of(address: &Address) -> Result<Self, &'static str> {
        match address {
            Address::Unix { path, .. } => socket(path).map(Self::Socket),
            Address::Tcp { port: 0, .. } => Err("has port 0, which no client would find; choose one"),
            Address::Tcp { host, port } => match (host.as_str(), host.parse()) {
                ("", _) => Ok(Self::Ip(IpAddr::from([0, 0, 0, 0]), *port)),
                ("localhost", _) => Ok(Self::Ip(IpAddr::from([127, 0, 0, 1]), *port)),
                (_, Ok(address)) => Ok(Self::Ip(address, *port)),
                (_, Err(_)) => {
                    Err("holds a name, and Envoy listens at addresses alone; write one, such as `0.0.0.0:5001`")
                }
            },
        }
    }
}
