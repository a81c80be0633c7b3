//! Istio: the filter at a gateway, and what it asks.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::files::File;
use super::mesh::{Backend, Mesh, backend, service};
use super::options::{HostPort, Wasm};
use super::site::Site;
use super::template::{Filled, Hole, Misfit, Template, comment, entry, list, shell_word};
use super::{RenderError, mesh, within};
use crate::listen::Address;

const FILE: &str = "istio.yaml";
/// What the mesh calls where the filter asks, whatever it is called elsewhere: so it collides with no service.
const PROGRAM: &str = "filter.registry-auth.internal";
/// Likewise the token endpoint of `registry-auth`, and the registry, where they are no services of the cluster.
const TOKENS: &str = "token.registry-auth.internal";
const REGISTRY: &str = "registry.registry-auth.internal";
/// The port of a socket, which has none.
const PORT_OF_A_SOCKET: u16 = 80;

/// A release of Istio: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(u16, u16);

impl Release {
    /// The first that has `TrafficExtension`, which replaces `WasmPlugin`.
    const WITH_TRAFFIC_EXTENSION: Self = Self(1, 31);

    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let parsed = text.split_once('.').and_then(|(major, minor)| {
            let minor = minor.split('.').next()?;
            Some(Self(major.parse().ok()?, minor.parse().ok()?))
        });
        parsed.ok_or("must be a release, as `1.31`")
    }
}

/// All of it.
pub(super) struct Istio<'a> {
    pub(super) mesh: Mesh<'a>,
    pub(super) release: Option<Release>,
    /// Whether the filter itself is to answer a POST.
    pub(super) post_in_proxy: bool,
    pub(super) output: Option<&'a std::path::PathBuf>,
}

impl Istio<'_> {
    /// The file; `None` if the configuration is refused.
    pub(super) fn files(&self, site: &mut Site) -> Result<Option<Vec<File>>, RenderError> {
        if let Wasm::File(path) = self.mesh.wasm
            && !path.starts_with('/')
        {
            return Err(RenderError::Wrong {
                option: "--wasm",
                why: "must begin with `/`, since it is a file in the gateway's container; or give `oci://IMAGE`",
            });
        }
        let post = if self.post_in_proxy { None } else { self.mesh.post(site) };
        mesh::judge(site);
        if site.problems.is_refusal() {
            return Ok(None);
        }
        let mut entries = Filled::default();
        if let Some(sidecar) = self.mesh.sidecar {
            let asked = match sidecar {
                Address::Unix { path, .. } => (format!("unix://{}", path.display()), PORT_OF_A_SOCKET),
                Address::Tcp { host, port } => (host.clone(), *port),
            };
            let note = "Where the filter asks `registry-auth`. HTTP/2, so that one connection of a worker carries all its calls.";
            entries = entries.and(&self.service_entry(
                "registry-auth-filter",
                PROGRAM,
                (&asked.0, asked.1),
                "HTTP2",
                note,
            )?);
        }
        let mut reach = |name: &str, host: &str, to: &HostPort, note: &str| -> Result<Value, Misfit> {
            if let Backend::Service { name, namespace } = backend(&to.host) {
                return Ok(service(name, namespace, to.port));
            }
            let entry = self.service_entry(name, host, (&to.host, to.port), "HTTP", note)?;
            entries = std::mem::take(&mut entries).and(&entry);
            Ok(json!({"group": "networking.istio.io", "kind": "Hostname", "name": host, "port": to.port}))
        };
        let registry = reach("registry", REGISTRY, self.mesh.registry, "The registry.")?;
        let posts = post.as_ref().map(|post| {
            reach(
                "registry-auth-token",
                TOKENS,
                &post.to,
                "The token endpoint of `registry-auth`.",
            )
        });
        let posts = posts.transpose()?;
        let plugin = self.mesh.plugin(site, &self.cluster())?;
        let filter = if self.post_in_proxy {
            self.envoy_filter(site, &plugin)?
        } else {
            self.extension(site, &plugin)?
        };
        let route = self.mesh.route(site, posts.as_ref(), &registry)?;
        let address = Template(include_str!("istio/address.yaml")).fill(&[
            ("metadata", Hole::Value(self.mesh.metadata("registry-auth-address"))),
            ("target", Hole::Value(self.mesh.target_ref())),
            ("hops", Hole::Value(json!(self.mesh.hops))),
        ])?;
        let all = self
            .opening(site, post.as_ref())
            .and(&filter)
            .and(&address)
            .and(&entries)
            .and(&route);
        Ok(Some(vec![File::new(FILE, &all)]))
    }

    /// What Istio calls the cluster of the program.
    fn cluster(&self) -> String {
        let port = match self.mesh.sidecar {
            Some(Address::Tcp { port, .. }) => *port,
            _ => PORT_OF_A_SOCKET,
        };
        format!("outbound|{port}||{PROGRAM}")
    }

    fn extension(&self, site: &Site, plugin: &Filled) -> Result<Filled, Misfit> {
        let variables = self.mesh.variables(site).into_iter();
        let variables: Vec<_> = variables
            .map(|name| json!({"name": name, "valueFrom": "HOST"}))
            .collect();
        let environment = if variables.is_empty() {
            Filled::default()
        } else {
            comment("From the gateway's own environment, and in no configuration dump.")
                .and(&list(&variables).below("env").below("vmConfig"))
        };
        let wasm = Template(include_str!("istio/wasm.yaml")).fill(&[
            ("url", Hole::text(self.url())),
            ("environment", environment.into()),
            ("plugin", plugin.below("pluginConfig").into()),
        ])?;
        let is_new = self
            .release
            .is_some_and(|release| release >= Release::WITH_TRAFFIC_EXTENSION);
        let (kind, wasm) = if is_new {
            ("TrafficExtension", wasm.below("wasm"))
        } else {
            ("WasmPlugin", wasm)
        };
        Template(include_str!("istio/extension.yaml")).fill(&[
            ("kind", Hole::text(kind)),
            ("metadata", Hole::Value(self.mesh.metadata("registry-auth"))),
            ("target", Hole::Value(self.mesh.target_ref())),
            ("wasm", wasm.into()),
        ])
    }

    /// The filter with what an extension of Istio's cannot set.
    fn envoy_filter(&self, site: &Site, plugin: &Filled) -> Result<Filled, Misfit> {
        let variables = self.mesh.variables(site);
        let environment = if variables.is_empty() {
            Filled::default()
        } else {
            entry("environment_variables", &json!({"host_env_keys": variables}))
        };
        let code = match self.mesh.wasm {
            Wasm::File(path) => json!({"local": {"filename": path}}),
            Wasm::Image(image) => json!({"remote": {"http_uri": {"uri": image, "timeout": "30s"}}}),
        };
        Template(include_str!("istio/envoy_filter.yaml")).fill(&[
            ("metadata", Hole::Value(self.mesh.metadata("registry-auth"))),
            ("target", Hole::Value(self.mesh.target_ref())),
            ("code", Hole::Value(code)),
            ("environment", environment.into()),
            ("plugin", plugin.clone().into()),
        ])
    }

    fn url(&self) -> String {
        match self.mesh.wasm {
            Wasm::File(path) => format!("file://{path}"),
            Wasm::Image(image) => image.clone(),
        }
    }

    fn service_entry(
        &self,
        name: &str,
        host: &str,
        (address, port): (&str, u16),
        protocol: &str,
        note: &str,
    ) -> Result<Filled, Misfit> {
        let is_fixed = address.starts_with("unix://") || address.parse::<IpAddr>().is_ok();
        let port_name = protocol.to_ascii_lowercase();
        Template(include_str!("istio/service_entry.yaml")).fill(&[
            ("note", comment(note).into()),
            ("metadata", Hole::Value(self.mesh.metadata(name))),
            ("host", Hole::text(host)),
            (
                "port",
                Hole::Value(json!({"number": port, "name": port_name, "protocol": protocol})),
            ),
            ("resolution", Hole::text(if is_fixed { "STATIC" } else { "DNS" })),
            ("address", Hole::text(address)),
        ])
    }

    fn opening(&self, site: &Site, post: Option<&mesh::Post>) -> Filled {
        let file = shell_word(&within(self.output, FILE));
        let gateway = &self.mesh.gateway.name;
        let secret = format!("{gateway}-registry-auth");
        let of = |namespace: Option<&str>| {
            namespace.map_or_else(String::new, |namespace| format!(" -n {}", shell_word(namespace)))
        };
        let namespace = of(self.mesh.namespace);
        let variables = self.mesh.variables(site);
        let environment = if variables.is_empty() {
            String::new()
        } else {
            let from = mesh::secret_command(site, &variables, &secret, &namespace);
            format!("{from}  kubectl set env{namespace} deployment/{gateway}-istio --from=secret/{secret}\n")
        };
        let post_text = match (post, self.post_in_proxy) {
            (_, true) => {
                "The filter answers a POST itself, since it stands in an EnvoyFilter: no extension of Istio's has Envoy hand over a\n\
                 body."
            }
            (Some(_), false) => {
                "A POST goes to `registry-auth` by a route: no extension of Istio's has Envoy hand its body to the filter\n\
                 (`--post-in-proxy` renders an EnvoyFilter that does)."
            }
            (None, false) => {
                "A POST is answered 404, on which clients go on to GET: no extension of Istio's has Envoy hand its body to the\n\
                 filter (`--post-in-proxy` renders an EnvoyFilter that does)."
            }
        };
        let serve = match self.mesh.sidecar {
            None => String::new(),
            Some(address) => format!(
                "`registry-auth serve {}` is to run where {address} leads.\n",
                site.words()
            ),
        };
        comment(&format!(
            "The filter at the Gateway `{gateway}` of Istio, in front of one registry.\n\
             {serve}\n\
             Apply it:\n\n{environment}  kubectl apply{namespace} -f {file}\n{}\n\
             {post_text}\n\n\
             CHANGE: `{gateway}-istio` is what Istio calls the deployment of a Gateway that it made itself.\n\n\
             {}",
            self.mesh.wanted(site, post),
            mesh::registry(site, "Istio"),
        ))
    }
}
