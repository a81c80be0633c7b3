//! Where Envoy's filter asks `registry-auth`, and by what it proves itself.

use std::net::IpAddr;

use registry_auth_core::problem::Place;
use serde_json::{Value, json};

use super::super::site::Site;
use super::super::socket;
use super::super::template::{Filled, Hole, Misfit, Template, comment, entry, shell_word};
use crate::listen::Address;

/// The variable with what the filter proves itself by, where the socket is not proof enough.
const SECRET: &str = "FILTER_SECRET";

/// `filter` of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Program {
    at: At,
    /// Whether the configuration says so.
    is_configured: bool,
    /// The file with the secret.
    secret: Option<String>,
    /// `client_ca` of mutual TLS.
    tls: Option<String>,
}

/// Where it can be asked.
#[derive(Clone, Debug)]
pub(super) enum At {
    /// A socket in the file system.
    Socket(String),
    /// A port.
    Tcp {
        /// A name or an address.
        host: String,
        /// Not 0.
        port: u16,
    },
}

impl Program {
    /// `sidecar` is the command line's word, which counts before `filter.listen`.
    pub(super) fn read(site: &mut Site, sidecar: Option<&At>) -> Option<Self> {
        let problems = &mut site.problems;
        let section = site.document.program.as_ref()?.filter.clone();
        let is_configured = section.is_some();
        let (mut listen, mut secret, mut tls) = (None, None, None);
        if let Some(mut section) = section {
            listen = section.text("listen", problems);
            secret = section.text("secret_file", problems);
            tls = section
                .section("tls", problems)
                .map(|mut tls| tls.text("client_ca", problems).unwrap_or_else(|| "ca.crt".to_owned()));
        }
        let place = Place::root().key("filter");
        let at = match (sidecar, listen) {
            (Some(at), _) => Some(at.clone()),
            (None, Some(text)) => {
                let place = place.key("listen");
                let address = problems.keep(&place, Address::parse(&text));
                address.and_then(|address| problems.keep(&place, At::of(&address)))
            }
            (None, None) => {
                if !problems.is_refusal_at(&place) {
                    problems.error(
                        &place,
                        "is missing, and is where the filter asks; write `filter: {listen: \"unix:/run/registry-auth/filter.sock\"}`, \
                         or give `--sidecar`",
                    );
                }
                None
            }
        };
        let at = at?;
        if !is_configured && matches!(at, At::Tcp { .. }) {
            secret = Some("filter.secret".to_owned());
        }
        Some(Self {
            at,
            is_configured,
            secret,
            tls,
        })
    }

    /// How `registry-auth` is started, and what Envoy needs of it.
    pub(super) fn start(&self, files: &str) -> String {
        let account = match (&self.at, &self.secret) {
            (At::Socket(_), None) => "Run it: start both under one account, since the socket is its alone:",
            _ => "Run it:",
        };
        let secret = self.secret.as_ref().map(|file| {
            let file = shell_word(file);
            format!("\n  export {SECRET}=\"$(cat {file})\"")
        });
        format!(
            "{account}\n\n  registry-auth serve --listen none {files}{}",
            secret.unwrap_or_default()
        )
    }

    /// What the configuration lacks, to be written there.
    pub(super) fn wanted(&self, names: &str) -> String {
        let filter = match &self.at {
            _ if self.is_configured => return String::new(),
            At::Socket(path) => json!({"listen": format!("unix:{path}")}),
            At::Tcp { port, .. } => {
                json!({"listen": format!(":{port}"), "secret_file": "filter.secret", "plaintext": true})
            }
        };
        let clear = match &self.at {
            At::Socket(_) => "",
            At::Tcp { .. } => {
                "\n(`plaintext` is for a network that encrypts by itself; elsewhere it is `tls`, or 127.0.0.1 with the secret\n\
                 alone, which `openssl rand -hex 32 > filter.secret` makes.)\n"
            }
        };
        format!(
            "\nwith this line in {names}:\n\n  {}{clear}",
            entry("filter", &filter).as_str()
        )
    }

    /// The plugin's configuration.
    pub(super) fn plugin(&self) -> Value {
        let managed = match self.secret {
            Some(_) => json!({"cluster": "registry-auth", "secret_env": SECRET}),
            None => json!({"cluster": "registry-auth"}),
        };
        json!({"managed": managed})
    }

    /// What the module may see of Envoy's environment.
    pub(super) fn environment(&self) -> Filled {
        if self.secret.is_none() {
            return Filled::default();
        }
        comment("What the module may see of Envoy's environment, and nobody in its configuration dump.")
            .and(&entry("environment_variables", &json!({"host_env_keys": [SECRET]})))
    }

    /// The cluster.
    pub(super) fn cluster(&self) -> Result<Filled, Misfit> {
        let (found, note, address) = match &self.at {
            At::Socket(path) => (
                "STATIC",
                "CHANGE: `filter.listen` of its configuration. Its account alone can open the socket, so Envoy runs as\n\
                 the same.",
                json!({"pipe": {"path": path}}),
            ),
            At::Tcp { host, port } => (
                if host.parse::<IpAddr>().is_ok() {
                    "STATIC"
                } else {
                    "STRICT_DNS"
                },
                "CHANGE: `filter.listen` of its configuration, as Envoy reaches it.",
                json!({"socket_address": {"address": host, "port_value": port}}),
            ),
        };
        Template(include_str!("program.yaml")).fill(&[
            ("found", Hole::text(found)),
            ("tls", self.tls()?.into()),
            ("note", comment(note).into()),
            ("address", Hole::Value(address)),
        ])
    }

    fn tls(&self) -> Result<Filled, Misfit> {
        let (Some(authority), At::Tcp { host, .. }) = (&self.tls, &self.at) else {
            return Ok(Filled::default());
        };
        let is_address = host.parse::<IpAddr>().is_ok();
        let sni = if is_address {
            Filled::default()
        } else {
            entry("sni", &json!(host))
        };
        Template(include_str!("program_tls.yaml")).fill(&[
            ("sni", sni.into()),
            ("authority", Hole::Value(json!({"filename": authority}))),
            ("kind", Hole::text(if is_address { "IP_ADDRESS" } else { "DNS" })),
            ("host", Hole::text(host)),
        ])
    }
}

impl At {
    /// What Envoy can connect to.
    pub(super) fn of(address: &Address) -> Result<Self, &'static str> {
        match address {
            Address::Unix { path, .. } => socket(path).map(Self::Socket),
            Address::Tcp { port: 0, .. } => Err("has port 0, which nobody can ask; choose one"),
            Address::Tcp { host, port } => match host.as_str() {
                "" | "0.0.0.0" | "::" => {
                    Err("is every address of a machine, and Envoy must know one; give `--sidecar HOST:PORT`")
                }
                host => Ok(Self::Tcp {
                    host: host.to_owned(),
                    port: *port,
                }),
            },
        }
    }
}
