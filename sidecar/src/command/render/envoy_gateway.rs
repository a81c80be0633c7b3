//! Envoy Gateway: the filter on the routes of the registry, and what it asks.

use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::files::File;
use super::mesh::{self, Backend, Mesh, Post, backend, service};
use super::options::{HostPort, Wasm};
use super::site::Site;
use super::template::{Filled, Hole, Misfit, Template, comment, entry, list, shell_word};
use super::{RenderError, within};
use crate::listen::Address;

const FILE: &str = "envoy_gateway.yaml";
/// What the filter calls the cluster, which an `EnvoyPatchPolicy` adds.
const CLUSTER: &str = "registry-auth";

/// All of it.
pub(super) struct EnvoyGateway<'a> {
    pub(super) mesh: Mesh<'a>,
    pub(super) output: Option<&'a PathBuf>,
}

impl EnvoyGateway<'_> {
    /// The file; `None` if the configuration is refused.
    pub(super) fn files(&self, site: &mut Site) -> Result<Option<Vec<File>>, RenderError> {
        let Wasm::Image(image) = self.mesh.wasm else {
            return Err(RenderError::Unfit {
                target: self.mesh.target.name(),
                option: "--wasm PATH",
                why: "Envoy Gateway fetches images alone; give `--wasm oci://IMAGE`",
            });
        };
        let post = self.mesh.post(site);
        mesh::judge(site);
        if site.problems.is_refusal() {
            return Ok(None);
        }
        let mut backends = Filled::default();
        let mut reach = |name: &str, to: &HostPort| -> Result<Value, Misfit> {
            if let Backend::Service { name, namespace } = backend(&to.host) {
                return Ok(service(name, namespace, to.port));
            }
            let endpoint = if to.host.parse::<IpAddr>().is_ok() {
                json!({"ip": {"address": to.host, "port": to.port}})
            } else {
                json!({"fqdn": {"hostname": to.host, "port": to.port}})
            };
            let written = Template(include_str!("envoy_gateway/backend.yaml")).fill(&[
                ("metadata", Hole::Value(self.mesh.metadata(name))),
                ("endpoint", Hole::Value(endpoint)),
            ])?;
            backends = std::mem::take(&mut backends).and(&written);
            Ok(json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": name}))
        };
        let registry = reach("registry", self.mesh.registry)?;
        let posts = post
            .as_ref()
            .map(|post| reach("registry-auth-token", &post.to))
            .transpose()?;
        let route = self.mesh.route(site, posts.as_ref(), &registry)?;
        let all = self
            .opening(site, post.as_ref())
            .and(&self.extension(site, image)?)
            .and(&self.environment(site)?)
            .and(&self.cluster()?)
            .and(&self.addresses()?)
            .and(&backends)
            .and(&route);
        Ok(Some(vec![File::new(FILE, &all)]))
    }

    fn extension(&self, site: &Site, image: &str) -> Result<Filled, RenderError> {
        let variables = self.mesh.variables(site);
        let environment = if variables.is_empty() {
            Filled::default()
        } else {
            comment("From Envoy's own environment, which the EnvoyProxy below fills.")
                .and(&entry("env", &json!({"hostKeys": variables})))
        };
        let target = json!({"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "registry-auth"});
        Ok(Template(include_str!("envoy_gateway/extension.yaml")).fill(&[
            ("metadata", Hole::Value(self.mesh.metadata("registry-auth"))),
            ("target", Hole::Value(target)),
            ("image", Hole::text(image.strip_prefix("oci://").unwrap_or(image))),
            ("environment", environment.into()),
            ("plugin", self.mesh.plugin(site, CLUSTER)?.below("config").into()),
        ])?)
    }

    /// Where Envoy has its variables from.
    fn environment(&self, site: &Site) -> Result<Filled, Misfit> {
        let variables = self.mesh.variables(site);
        if variables.is_empty() {
            return Ok(Filled::default());
        }
        let values = variables
            .into_iter()
            .map(|name| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": self.secret(), "key": name}}}));
        Template(include_str!("envoy_gateway/environment.yaml")).fill(&[
            ("metadata", Hole::Value(self.mesh.metadata("registry-auth"))),
            ("variables", list(&values.collect::<Vec<_>>()).into()),
        ])
    }

    fn cluster(&self) -> Result<Filled, Misfit> {
        let (found, address) = match self.mesh.sidecar {
            None => return Ok(Filled::default()),
            Some(Address::Unix { path, .. }) => ("STATIC", json!({"pipe": {"path": path.to_string_lossy()}})),
            Some(Address::Tcp { host, port }) => (
                if host.parse::<IpAddr>().is_ok() {
                    "STATIC"
                } else {
                    "STRICT_DNS"
                },
                json!({"socket_address": {"address": host, "port_value": port}}),
            ),
        };
        Template(include_str!("envoy_gateway/cluster.yaml")).fill(&[
            ("metadata", Hole::Value(self.mesh.metadata("registry-auth"))),
            ("target", Hole::Value(self.mesh.target_ref())),
            ("found", Hole::text(found)),
            ("address", Hole::Value(address)),
        ])
    }

    /// Whose address a client's is. Envoy Gateway sets `use_remote_address` itself, so that is not patched.
    fn addresses(&self) -> Result<Filled, Misfit> {
        let hops = match self.mesh.hops {
            0 => comment(
                "CHANGE: behind proxies of yours that append to X-Forwarded-For, their number:\n\
                 clientIPDetection: {xForwardedFor: {numTrustedHops: 1}}",
            ),
            hops => entry("clientIPDetection", &json!({"xForwardedFor": {"numTrustedHops": hops}})),
        };
        let target = json!({
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": self.mesh.gateway.name,
            "sectionName": self.mesh.gateway.listener,
        });
        Template(include_str!("envoy_gateway/addresses.yaml")).fill(&[
            ("metadata", Hole::Value(self.mesh.metadata("registry-auth"))),
            ("target", Hole::Value(target)),
            ("hops", hops.into()),
        ])
    }

    fn secret(&self) -> String {
        format!("{}-registry-auth", self.mesh.gateway.name)
    }

    fn opening(&self, site: &Site, post: Option<&Post>) -> Filled {
        let gateway = &self.mesh.gateway.name;
        let namespace = self
            .mesh
            .namespace
            .map_or_else(String::new, |namespace| format!(" -n {}", shell_word(namespace)));
        let variables = self.mesh.variables(site);
        let environment = if variables.is_empty() {
            String::new()
        } else {
            format!(
                "{}  kubectl patch gateway {gateway}{namespace} --type merge --patch \\\n    \
                 '{{\"spec\": {{\"infrastructure\": {{\"parametersRef\": {{\"group\": \"gateway.envoyproxy.io\", \"kind\": \"EnvoyProxy\", \
                 \"name\": \"registry-auth\"}}}}}}}}'\n",
                mesh::secret_command(site, &variables, &self.secret(), &namespace)
            )
        };
        let enabled = match self.mesh.sidecar {
            None => String::new(),
            Some(address) => format!(
                "`registry-auth serve {}` is to run where {address} leads. The cluster comes by an EnvoyPatchPolicy, which\n\
                 Envoy Gateway leaves out unless its own configuration says `extensionApis: {{enableEnvoyPatchPolicy: true}}`; with its\n\
                 chart that is\n\n  helm upgrade eg CHART --reuse-values --set config.envoyGateway.extensionApis.enableEnvoyPatchPolicy=true\n\n\
                 and `enableBackend` beside it where a Backend stands below.\n",
                site.words()
            ),
        };
        let post_text = if post.is_some() {
            "A POST goes to `registry-auth` by a route: no policy of Envoy Gateway's has Envoy hand its body to the filter."
        } else {
            "A POST is answered 404, on which clients go on to GET: no policy of Envoy Gateway's has Envoy hand its body to the\n\
             filter."
        };
        comment(&format!(
            "The filter at the listener `{}` of the Gateway `{gateway}` of Envoy Gateway, in front of one registry.\n\
             {enabled}\n\
             Apply it:\n\n{environment}  kubectl apply{namespace} -f {}\n{}\n\
             {post_text}\n\n\
             {}",
            self.mesh.gateway.listener,
            shell_word(&within(self.output, FILE)),
            self.mesh.wanted(site, post),
            mesh::registry(site, "the Gateway"),
        ))
    }
}
