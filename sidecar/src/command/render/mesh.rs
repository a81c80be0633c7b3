//! What Istio and Envoy Gateway have in common: both route by the Gateway API, and neither hands the body of a POST to the
//! filter, which therefore goes to `registry-auth` by a route.

use registry_auth_core::config::{Audit, RequestBody};
use registry_auth_core::problem::Place;
use serde_json::{Value, json};

use super::options::{HostPort, Render, Target, Wasm};
use super::site::{Mode, Pem, Site};
use super::template::{Filled, Hole, Misfit, Template, comment, entry, list};
use super::{RenderError, plugin};
use crate::listen::Address;

/// The variable with what the filter proves itself by.
pub(super) const SECRET: &str = "FILTER_SECRET";

/// The token endpoint, under its own name and docker_auth's.
const TOKEN_PATHS: [&str; 3] = ["/token", "/auth", "/auth/token"];

/// What is asked for.
pub(super) struct Mesh<'a> {
    pub(super) target: Target,
    pub(super) registry: &'a HostPort,
    pub(super) gateway: &'a Gateway,
    pub(super) namespace: Option<&'a str>,
    /// With its scheme, if it is an image.
    pub(super) wasm: &'a Wasm,
    /// Where the filter asks; nowhere, if it has it all.
    pub(super) sidecar: Option<&'a Address>,
    pub(super) hops: u8,
}

/// A `Gateway` and one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    pub(super) name: String,
    pub(super) listener: String,
}

/// Where the route of a POST leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) to: HostPort,
    /// What the configuration says of those who may tell a client's address.
    trusted: Option<Vec<String>>,
    is_routed: bool,
}

/// How a cluster's own service is called, if it is one.
pub(super) enum Backend<'a> {
    /// A `Service`, in its namespace.
    Service { name: &'a str, namespace: Option<&'a str> },
    /// Some other name or address.
    Other,
}

impl Gateway {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_name = |text: &str| {
            let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
            !text.is_empty() && text.len() <= 253 && text.bytes().all(is_part)
        };
        match text.split_once('/') {
            Some((name, listener)) if is_name(name) && is_name(listener) => Ok(Self {
                name: name.to_owned(),
                listener: listener.to_owned(),
            }),
            _ => Err("must be the names of a Gateway and of one of its listeners, as `public/https`"),
        }
    }
}

impl<'a> Mesh<'a> {
    /// # Errors
    /// Options that do not go together.
    pub(super) fn new(render: &'a Render, target: Target, registry: &'a HostPort) -> Result<Self, RenderError> {
        let missing = |option, why| RenderError::Missing {
            target: target.name(),
            option,
            why,
        };
        if render.listen.is_some() {
            return Err(RenderError::Unfit {
                target: target.name(),
                option: "--listen",
                why: "the listener is the Gateway's, which `--gateway` names",
            });
        }
        let gateway = render.gateway.as_ref();
        let wasm = render.wasm.as_ref();
        Ok(Self {
            target,
            registry,
            gateway: gateway
                .ok_or_else(|| missing("--gateway NAME/LISTENER", "the filter and the routes belong to it"))?,
            namespace: render.namespace.as_deref(),
            wasm: wasm.ok_or_else(|| missing("--wasm oci://IMAGE", "the gateway fetches the filter from there"))?,
            sidecar: render.sidecar.as_ref(),
            hops: render.trusted_hops.unwrap_or_default(),
        })
    }

    pub(super) fn mode(&self) -> Mode {
        match self.sidecar {
            Some(_) => Mode::Managed,
            None => Mode::Standalone,
        }
    }

    /// `metadata` of a resource.
    pub(super) fn metadata(&self, name: &str) -> Value {
        match self.namespace {
            Some(namespace) => json!({"name": name, "namespace": namespace}),
            None => json!({"name": name}),
        }
    }

    /// The gateway as a policy names it.
    pub(super) fn target_ref(&self) -> Value {
        json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": self.gateway.name})
    }

    /// Where a POST is routed to: the token endpoint of `registry-auth`, if it has one that can be reached. The
    /// configuration is refused if its rules go by an address that would be the gateway's.
    pub(super) fn post(&self, site: &mut Site) -> Option<Post> {
        let Some(Address::Tcp { host, .. }) = self.sidecar else {
            return None;
        };
        let mut section = site.document.program.as_ref()?.listener.clone();
        let problems = &mut site.problems;
        let addr = section.text("addr", problems)?;
        let address = Address::parse_tcp(&addr).ok().filter(|address| !address.is_local())?;
        let Address::Tcp { port: port @ 1.., .. } = address else {
            return None;
        };
        let trusted = section.texts("trusted_proxies", problems);
        if site.server.iter().any(|pem| *pem != Pem::Absent) {
            problems.error(
                &Place::root().key("server").key("certificate"),
                "has `registry-auth` answer by TLS, and the route of a POST comes without; leave it and `key` out, since clients \
                 have their TLS with the gateway, and give `token` its own pair",
            );
        }
        let by_address = site
            .document
            .acl
            .iter()
            .flatten()
            .find(|rule| rule.matches.ip.is_some());
        if let (Some(rule), None) = (by_address, &trusted) {
            let at = site.origin.line(&rule.place);
            let at = at.map_or_else(String::new, |(file, line)| format!(" ({}:{line})", file.display()));
            problems.error(
                &Place::root().key("server").key("trusted_proxies"),
                format_args!(
                    "is missing, and `{}`{at} goes by a client's address: a POST comes to `registry-auth` by the gateway, whose \
                     address it would take for the client's; write the network of the gateway's pods, as \
                     `trusted_proxies: [\"10.244.0.0/16\"]`",
                    rule.place
                ),
            );
        }
        Some(Post {
            to: HostPort {
                host: host.clone(),
                port,
            },
            trusted,
            is_routed: site.document.request_body == RequestBody::Route,
        })
    }

    /// What lets the routes of one namespace lead to a service of another.
    pub(super) fn grants(&self, backends: &[&Value]) -> Result<Filled, Misfit> {
        let Some(here) = self.namespace else {
            return Ok(Filled::default());
        };
        let mut namespaces: Vec<&str> = backends
            .iter()
            .filter_map(|backend| backend.get("namespace")?.as_str())
            .collect();
        namespaces.retain(|namespace| *namespace != here);
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces.into_iter().try_fold(Filled::default(), |grants, namespace| {
            let grant = Template(include_str!("mesh/grant.yaml")).fill(&[
                (
                    "metadata",
                    Hole::Value(json!({"name": format!("registry-auth-{here}"), "namespace": namespace})),
                ),
                ("from", Hole::text(here)),
            ])?;
            Ok(grants.and(&grant))
        })
    }

    /// The plugin's configuration. `cluster` is where Envoy finds `registry-auth`.
    pub(super) fn plugin(&self, site: &Site, cluster: &str) -> Result<Filled, serde_json::Error> {
        let Some(sidecar) = self.sidecar else {
            return plugin::standalone(site);
        };
        let authority = match sidecar {
            Address::Unix { .. } => "registry-auth".to_owned(),
            Address::Tcp { .. } => sidecar.to_string(),
        };
        let managed = if self.variables(site).is_empty() {
            json!({"cluster": cluster, "authority": authority})
        } else {
            json!({"cluster": cluster, "authority": authority, "secret_env": SECRET})
        };
        Ok(comment("All that Envoy knows: where to ask.").and(&entry("managed", &managed)))
    }

    /// What the filter may see of the gateway's environment.
    pub(super) fn variables(&self, site: &Site) -> Vec<&'static str> {
        match self.sidecar {
            None => plugin::variables(site),
            Some(Address::Tcp { .. }) if has_secret(site) => vec![SECRET],
            Some(_) => Vec::new(),
        }
    }

    /// What the configuration must say besides, for the program that serves it.
    pub(super) fn wanted(&self, site: &Site, post: Option<&Post>) -> String {
        let mut lines = String::new();
        let mut add = |line: &Filled| lines = format!("{lines}  {}", line.as_str());
        let has_filter = site
            .document
            .program
            .as_ref()
            .is_some_and(|program| program.filter.is_some());
        match self.sidecar {
            Some(Address::Tcp { port, .. }) if !has_filter => add(&entry(
                "filter",
                &json!({"listen": format!(":{port}"), "plaintext": true, "secret_file": "/secret/filter"}),
            )),
            Some(Address::Unix { path, .. }) if !has_filter => {
                add(&entry("filter", &json!({"listen": format!("unix:{}", path.display())})));
            }
            _ => {}
        }
        if let Some(post) = post {
            if !post.is_routed {
                add(&entry("request_body", &json!("route")));
            }
            let trusted = post.trusted.clone().unwrap_or_else(|| vec!["10.244.0.0/16".to_owned()]);
            add(&entry("server", &json!({"trusted_proxies": trusted})));
        }
        if site.document.audit == Audit::AccessLog {
            // The access log is not ours to set.
            add(&entry("audit", &json!("log")));
        }
        if lines.is_empty() {
            return lines;
        }
        let trusted = post.map_or("", |_| {
            "\n`request_body: route` has the filter let a POST pass to its route. CHANGE: `trusted_proxies` is the network of\n\
             the gateway's pods; those in it, and nobody else, say by X-Forwarded-For who a client is.\n"
        });
        format!(
            "\nThese lines of {} belong to it, beside all others there:\n\n{lines}{trusted}",
            site.names()
        )
    }

    /// The route of the registry, with that of the token endpoint before it.
    pub(super) fn route(&self, site: &Site, post: Option<&Value>, registry: &Value) -> Result<Filled, RenderError> {
        let paths = TOKEN_PATHS.map(|path| {
            let path = format!("{}{path}", site.prefix());
            json!({"method": "POST", "path": {"type": "Exact", "value": path}})
        });
        let hosts = site.document.server.hosts.iter().flatten();
        let hosts: Vec<_> = hosts
            .map(|host| host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name))
            .collect();
        let hostnames = match hosts.as_slice() {
            [] => Filled::default(),
            hosts => entry("hostnames", &json!(hosts)),
        };
        let all_paths =
            TOKEN_PATHS.map(|path| json!({"path": {"type": "Exact", "value": format!("{}{path}", site.prefix())}}));
        let tokens = match self.target {
            Target::EnvoyGateway => Template(include_str!("mesh/tokens.yaml")).fill(&[
                ("paths", list(&all_paths).into()),
                ("backend", Hole::Value(registry.clone())),
            ])?,
            _ => Filled::default(),
        };
        let posts = match post {
            Some(backend) => Template(include_str!("mesh/post.yaml")).fill(&[
                ("paths", list(&paths).into()),
                ("backend", Hole::Value(backend.clone())),
            ])?,
            None => Filled::default(),
        };
        let parent = json!({
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": self.gateway.name,
            "sectionName": self.gateway.listener,
        });
        let route = Template(include_str!("mesh/route.yaml")).fill(&[
            ("metadata", Hole::Value(self.metadata("registry-auth"))),
            ("parent", Hole::Value(parent)),
            ("hostnames", hostnames.into()),
            ("post", posts.into()),
            ("tokens", tokens.into()),
            ("backend", Hole::Value(registry.clone())),
        ])?;
        let backends: Vec<&Value> = post.into_iter().chain([registry]).collect();
        Ok(route.and(&self.grants(&backends)?))
    }
}

/// Refuses what a gateway spoils.
pub(super) fn judge(site: &mut Site) {
    let header = site.document.server.real_ip_header.as_deref().unwrap_or_default();
    if header.eq_ignore_ascii_case("x-forwarded-for") {
        site.problems.error(
            &Place::root().key("server").key("real_ip_header"),
            "is what the gateway appends to before the filter sees it, so that another address would count; leave it out, and \
             give `--trusted-hops` with the number of proxies in front of the gateway",
        );
    }
}

/// Whether the filter must prove itself by a secret: by the configuration or, if that says nothing, as it should.
fn has_secret(site: &Site) -> bool {
    let filter = site
        .document
        .program
        .as_ref()
        .and_then(|program| program.filter.clone());
    filter.is_none_or(|mut filter| filter.take("secret_file").is_some())
}

/// What `host` is in a cluster.
pub(super) fn backend(host: &str) -> Backend<'_> {
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [name] if *name != "localhost" && host.parse::<std::net::IpAddr>().is_err() => {
            Backend::Service { name, namespace: None }
        }
        [name, namespace, "svc"] | [name, namespace, "svc", "cluster", "local"] => Backend::Service {
            name,
            namespace: Some(namespace),
        },
        _ => Backend::Other,
    }
}

/// A `Service` as a route names it.
pub(super) fn service(name: &str, namespace: Option<&str>, port: u16) -> Value {
    match namespace {
        Some(namespace) => json!({"name": name, "namespace": namespace, "port": port}),
        None => json!({"name": name, "port": port}),
    }
}

/// The command that makes the secret with these variables.
pub(super) fn secret_command(site: &Site, variables: &[&str], secret: &str, namespace: &str) -> String {
    let is_standalone = variables.contains(&plugin::USERS);
    let users = if is_standalone {
        format!("  registry-auth render {} --users > users.json\n", site.words())
    } else {
        String::new()
    };
    let files = variables.iter().map(|name| {
        let file = match *name {
            plugin::KEY => site.key.file("token.key"),
            plugin::CERTIFICATE => site.certificate.file("token.crt"),
            plugin::USERS => "users.json".to_owned(),
            _ => "filter.secret".to_owned(),
        };
        format!(" \\\n    --from-file={name}={file}")
    });
    let files: Vec<_> = files.collect();
    format!(
        "{users}  kubectl create secret generic{namespace} {secret}{}\n",
        files.concat()
    )
}

/// What the registry is told.
pub(super) fn registry(site: &Site, whose: &str) -> String {
    let hosts = site.document.server.hosts.as_deref().unwrap_or_default();
    let host = hosts.first().map_or("registry.example", String::as_str);
    format!(
        "{}\nThe realm is where clients reach {whose}, by its own name.",
        site.registry(&format!("https://{host}"))
    )
}
