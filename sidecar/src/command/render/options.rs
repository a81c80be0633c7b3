//! What `render` is told on the command line.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::istio::Release;
use super::mesh::Gateway;
use crate::listen::Address;
use crate::listen::address::ParseError;

/// `registry-auth render`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Render {
    /// What to write it for
    #[arg(long = "for", value_name = "TARGET", value_enum, required_unless_present = "users")]
    pub(super) target: Option<Target>,
    /// The registry, as the proxy reaches it
    #[arg(long, value_name = "HOST:PORT", value_parser = HostPort::parse, required_unless_present = "users")]
    pub(super) registry: Option<HostPort>,
    /// The folder to write into, which is made if it is not there. A file in it is replaced only if `render` wrote it
    /// and nobody has changed it since; else nothing is written. Without it, one file goes to standard output
    #[arg(short = 'o', value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// The filter: a file as Envoy finds it (`target/registry_auth.wasm` if not given), or an image
    #[arg(long, value_name = "PATH|oci://IMAGE", value_parser = Wasm::parse)]
    pub(super) wasm: Option<Wasm>,
    /// Where the filter asks `registry-auth`, in place of `filter.listen` of the configuration
    #[arg(long, value_name = "unix:PATH|HOST:PORT", value_parser = Address::parse)]
    pub(super) sidecar: Option<Address>,
    /// Where Envoy listens, in place of `server.addr` of the configuration
    #[arg(long, value_name = "ADDR", value_parser = Address::parse)]
    pub(super) listen: Option<Address>,
    /// The namespace of the Gateway; whatever `kubectl` says if not given
    #[arg(long, value_name = "NAME")]
    pub(super) namespace: Option<String>,
    /// The Gateway and its listener, in Istio and Envoy Gateway
    #[arg(long, value_name = "NAME/LISTENER", value_parser = Gateway::parse)]
    pub(super) gateway: Option<Gateway>,
    /// The release of Istio; from 1.31 on a `TrafficExtension` is written, before that a `WasmPlugin`
    #[arg(long, value_name = "RELEASE", value_parser = Release::parse)]
    pub(super) istio: Option<Release>,
    /// With Istio, have the filter answer POST itself, by an `EnvoyFilter` in place of extension and route
    #[arg(long)]
    pub(super) post_in_proxy: bool,
    /// How many proxies in front append to X-Forwarded-For and are to be believed
    #[arg(long, value_name = "N")]
    pub(super) trusted_hops: Option<u8>,
    /// Print the static users as JSON, hashes and all, for the environment variable that a proxy without
    /// `registry-auth` reads them from; nothing else is done
    #[arg(long, conflicts_with_all = ["target", "registry", "output", "json"])]
    pub(super) users: bool,
    /// Answer in JSON: {"files": [{"path", "state"}]} with `-o` (written, replaced or unchanged), else {"files": [{"path", "text"}]}
    #[arg(long)]
    pub(super) json: bool,
    /// The configuration: docker_auth's YAML. Of several files the sections are merged, and the rules appended
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
}

/// What a configuration is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Envoy with all of it in the filter: no other program
    Envoy,
    /// Envoy with a filter that asks `registry-auth`
    EnvoyManaged,
    /// A Gateway of Istio
    Istio,
    /// A Gateway of Envoy Gateway
    EnvoyGateway,
}

/// Somebody to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address.
    pub(super) host: String,
    /// Not 0.
    pub(super) port: u16,
}

/// The filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wasm {
    /// A file.
    File(String),
    /// An image in a registry, with its `oci://`.
    Image(String),
}

impl Target {
    /// As it is written on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::EnvoyManaged => "envoy-managed",
            Self::Istio => "istio",
            Self::EnvoyGateway => "envoy-gateway",
        }
    }
}

impl HostPort {
    fn parse(text: &str) -> Result<Self, ParseError> {
        let Address::Tcp { host, port } = Address::parse_tcp(text)? else {
            return Err(ParseError::Form);
        };
        match (host.is_empty(), port) {
            (true, _) => Err(ParseError::Form),
            (false, 0) => Err(ParseError::Port),
            (false, port) => Ok(Self { host, port }),
        }
    }
}

/// As a client writes it.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

impl Wasm {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once("://") {
            Some(("oci", image)) if !image.is_empty() => Ok(Self::Image(text.to_owned())),
            Some(_) => Err("is neither a path nor an image; write `oci://registry.example/registry-auth:1`"),
            None if text.is_empty() => Err("is empty; name the file"),
            None => Ok(Self::File(text.to_owned())),
        }
    }
}
