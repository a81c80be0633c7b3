//! Where the program listens: `server.addr`, `filter` and `admin`, as written, and what guards each.
//!
//! A fault is noted with its place, and nothing is opened here: that is [`crate::server`]'s.

pub mod address;
pub mod filter;
pub mod proxies;
pub mod tls;

pub use address::Address;
pub use filter::{Filter, SharedSecret};
pub use proxies::TrustedProxies;
pub use tls::Tls;

use registry_auth_core::config::{Section, choice, server};
use registry_auth_core::problem::{Place, Problems};

/// What one listener is opened by.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where.
    pub address: Address,
    /// How it is encrypted, if it is.
    pub tls: Option<Tls>,
}

/// `server`, as far as it is about the listener of the token endpoint.
#[derive(Clone, Debug)]
pub struct Token {
    /// Where, unless the command line says `--listen none`.
    pub listener: Option<Listener>,
    /// Who may say where a request comes from.
    pub trusted_proxies: TrustedProxies,
}

/// `admin`: health and metrics, without any secret.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where.
    pub listener: Listener,
}

/// What the command line says of the token endpoint's listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    /// Nothing: `server.addr` counts.
    #[default]
    AsConfigured,
    /// It is opened here, whatever the file says.
    At(Address),
    /// It is not opened.
    Nowhere,
}

/// Whether an address is a socket in the file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Net {
    #[default]
    Tcp,
    Unix,
}

impl Net {
    const WORDS: [(&'static str, Self); 2] = [("tcp", Self::Tcp), ("unix", Self::Unix)];
}

impl Token {
    /// Reads what core left of `server`; certificate and key are in what core took.
    pub fn read(
        mut section: Section,
        server: &server::Server,
        listen: &Listen,
        problems: &mut Problems,
    ) -> Option<Self> {
        let addr_place = section.place_of("addr");
        let net = choice(&mut section, "net", problems, &Net::WORDS).unwrap_or_default();
        let addr = section.text("addr", problems).filter(|addr| !addr.is_empty());
        let tls = tls::of_the_token_endpoint(&mut section, server, problems);
        let trusted_proxies = section.texts("trusted_proxies", problems).unwrap_or_default();
        let trusted_proxies = TrustedProxies::read(&trusted_proxies, &section.place_of("trusted_proxies"), problems);
        if let Some(mut letsencrypt) = section.section("letsencrypt", problems) {
            refuse_letsencrypt(&mut letsencrypt, problems);
        }
        section.finish(problems);
        let address = match (listen, addr) {
            (Listen::Nowhere, _) => None,
            (Listen::At(address), _) => Some(address.clone()),
            (Listen::AsConfigured, Some(addr)) => Some(match net {
                Net::Tcp => problems.keep(&addr_place, Address::parse_tcp(&addr))?,
                Net::Unix => Address::Unix {
                    path: addr.into(),
                    mode: None,
                },
            }),
            (Listen::AsConfigured, None) => {
                if !problems.is_refusal_at(&addr_place) {
                    problems.error(
                        &addr_place,
                        "is missing; write `addr: \":5001\"`, or start with `--listen none`",
                    );
                }
                return None;
            }
        };
        Some(Self {
            listener: address.map(|address| Listener { address, tls }),
            trusted_proxies,
        })
    }
}

impl Admin {
    /// Reads `admin`.
    pub fn read(mut section: Section, problems: &mut Problems) -> Option<Self> {
        let address = read_address(&mut section, None, problems);
        section.finish(problems);
        Some(Self {
            listener: Listener {
                address: address?,
                tls: None,
            },
        })
    }
}

/// docker_auth's section with nothing set in it asks for nothing.
fn refuse_letsencrypt(section: &mut Section, problems: &mut Problems) {
    if section.remaining().next().is_some() {
        problems.error(
            section.place(),
            "is not in this release; TLS certificates come from files, `server.certificate` and `server.key`",
        );
    }
}

/// The address of the key `listen`, which must be there.
fn read_address(section: &mut Section, mode: Option<u32>, problems: &mut Problems) -> Option<Address> {
    let place: Place = section.place_of("listen");
    let Some(text) = section.text("listen", problems).filter(|text| !text.is_empty()) else {
        if !problems.is_refusal_at(&place) {
            problems.error(&place, "is missing; write `host:port`, or `unix:` and a path");
        }
        return None;
    };
    Some(match problems.keep(&place, Address::parse(&text))? {
        Address::Unix { path, .. } => Address::Unix { path, mode },
        tcp @ Address::Tcp { .. } => tcp,
    })
}

#[cfg(test)]
mod tests;
