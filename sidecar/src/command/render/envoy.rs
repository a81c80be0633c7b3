//! Envoy's own files.

mod program;

use std::net::IpAddr;

use registry_auth_core::problem::Place;
use serde_json::json;

use super::files::File;
use super::listener::{At, Listener};
use super::options::{HostPort, Render, Target, Wasm};
use super::site::{Mode, Pem, Site};
use super::template::{Filled, Hole, Misfit, Template, comment, entry, shell_word};
use super::{RenderError, plugin, within};
use program::Program;

const WASM: &str = "target/registry_auth.wasm";
const STANDALONE: &str = "standalone.yaml";
const FILTER: &str = "registry_auth.yaml";
const MANAGED: &str = "managed.yaml";

/// What is asked for.
pub(super) struct Asked<'a> {
    render: &'a Render,
    target: Target,
    registry: &'a HostPort,
    wasm: &'a str,
    listen: Option<At>,
    sidecar: Option<program::At>,
}

impl<'a> Asked<'a> {
    /// # Errors
    /// Options that do not go together.
    pub(super) fn new(render: &'a Render, target: Target, registry: &'a HostPort) -> Result<Self, RenderError> {
        let standalone = target == Target::Envoy;
        if standalone && render.output.is_none() {
            return Err(RenderError::Missing {
                target: target.name(),
                option: "-o DIR",
                why: "there are two files, of which one names the other",
            });
        }
        if standalone && render.sidecar.is_some() {
            return Err(RenderError::Unfit {
                target: target.name(),
                option: "--sidecar",
                why: "its filter asks nobody; `--for envoy-managed` has it ask `registry-auth`",
            });
        }
        let wasm = match &render.wasm {
            None => WASM,
            Some(Wasm::File(path)) => path,
            Some(Wasm::Image(_)) => {
                return Err(RenderError::Unfit {
                    target: target.name(),
                    option: "--wasm oci://…",
                    why: "Envoy reads the filter from a file; name that",
                });
            }
        };
        let wrong = |option| move |why| RenderError::Wrong { option, why };
        let listen = render.listen.as_ref().map(At::of).transpose();
        let sidecar = render.sidecar.as_ref().map(program::At::of).transpose();
        Ok(Self {
            render,
            target,
            registry,
            wasm,
            listen: listen.map_err(wrong("--listen"))?,
            sidecar: sidecar.map_err(wrong("--sidecar"))?,
        })
    }

    pub(super) fn mode(&self) -> Mode {
        match self.target {
            Target::EnvoyManaged => Mode::Managed,
            _ => Mode::Standalone,
        }
    }

    /// All files, the one that is started first; `None` if the configuration is refused.
    pub(super) fn files(&self, site: &mut Site) -> Result<Option<Vec<File>>, RenderError> {
        let listener = self.listener(site);
        if self.target == Target::EnvoyManaged {
            let program = Program::read(site, self.sidecar.as_ref());
            let (Some(listener), Some(program), false) = (listener, program, site.problems.is_refusal()) else {
                return Ok(None);
            };
            return Ok(Some(vec![self.managed(site, &listener, &program)?]));
        }
        let (Some(listener), false) = (listener, site.problems.is_refusal()) else {
            return Ok(None);
        };
        Ok(Some(self.standalone(site, &listener)?))
    }

    fn listener(&self, site: &mut Site) -> Option<Listener> {
        let section = site.document.program.as_ref()?.listener.clone();
        let problems = &mut site.problems;
        let listener = Listener::read(section, &site.server, self.listen.as_ref(), problems);
        let server = &site.document.server;
        let by_header = server
            .real_ip_header
            .as_deref()
            .is_some_and(|header| !header.is_empty());
        let hops = self.render.trusted_hops.unwrap_or_default();
        let place = Place::root().key("server");
        if by_header && hops > 0 {
            problems.error(
                &place.key("real_ip_header"),
                "says where a client's address is, and so does `--trusted-hops`; keep one of them",
            );
        }
        let at_a_socket = listener
            .as_ref()
            .is_some_and(|listener| matches!(listener.at, At::Socket(_)));
        if at_a_socket && !by_header && hops == 0 {
            problems.error(
                &place,
                "listens at a socket, where no client has an address; give `--trusted-hops 1` for a proxy in front that \
                 appends to X-Forwarded-For",
            );
        }
        listener
    }

    fn standalone(&self, site: &Site, listener: &Listener) -> Result<Vec<File>, RenderError> {
        let folder = self.render.output.as_ref();
        let filter = within(folder, FILTER);
        let watched = folder.map_or_else(|| ".".to_owned(), |folder| super::path_text(folder));
        let discovery = Template(include_str!("envoy/discovery.yaml"))
            .fill(&[("path", Hole::text(&filter)), ("folder", Hole::text(watched))])?;
        let node = comment("Envoy wants a name before it watches a file.")
            .and(&entry(
                "node",
                &json!({"id": "registry-auth", "cluster": "registry-auth"}),
            ))
            .and(&Template("\n").fill(&[])?);
        let opening = self.standalone_opening(site, listener, &filter);
        let bootstrap = self.bootstrap(site, listener, [opening, node, discovery, Filled::default()])?;
        let about = format!(
            "The filter of `{}`: the module, and all that {} has it decide by. Envoy watches this\n\
             file: replace it by a rename (`cp`, edit, `mv` back) and it is in force within milliseconds; an edit in place is\n\
             not seen.\n\n\
             Lines to change carry the word CHANGE.",
            within(folder, STANDALONE),
            site.names()
        );
        let filter = Template(include_str!("envoy/filter.yaml")).fill(&[
            ("opening", comment(&about).into()),
            ("wasm", Hole::text(self.wasm)),
            ("variables", Hole::Value(json!(plugin::variables(site)))),
            ("plugin", plugin::standalone(site)?.into()),
        ])?;
        Ok(vec![File::new(STANDALONE, &bootstrap), File::new(FILTER, &filter)])
    }

    fn managed(&self, site: &Site, listener: &Listener, program: &Program) -> Result<File, RenderError> {
        let filter = Template(include_str!("envoy/managed_filter.yaml")).fill(&[
            ("wasm", Hole::text(self.wasm)),
            ("environment", program.environment().into()),
            ("plugin", Hole::Value(program.plugin())),
        ])?;
        let file = within(self.render.output.as_ref(), MANAGED);
        let opening = comment(&format!(
            "Envoy in front of one registry, with a filter that asks the program `registry-auth` for its configuration, and\n\
             for what a proxy cannot do itself. Users, rules and keys are nowhere in Envoy: `registry-auth` serves them from\n\
             {}, and hands over each change, no request lost.\n\n\
             {}\n\
             \x20 envoy -c {} --file-flush-interval-msec 1000\n{}\n\
             Either may start first, and either may restart: the filter waits for its first configuration, and keeps the\n\
             last good one while `registry-auth` is away. What only `registry-auth` can answer is 503 for that time.\n\n\
             {}\n\
             Lines to change carry the word CHANGE: where Envoy listens (and TLS there), where the registry is, where\n\
             `registry-auth` is, and where the filter's own file lies.\n\n\
             {SEEN}",
            site.names(),
            program.start(&site.words()),
            shell_word(&file),
            program.wanted(&site.names()),
            site.registry(&listener.url(site.document.server.hosts.as_deref())),
        ));
        let cluster = program.cluster()?;
        let bootstrap = self.bootstrap(site, listener, [opening, Filled::default(), filter, cluster])?;
        Ok(File::new(MANAGED, &bootstrap))
    }

    /// What the two have in common.
    fn bootstrap(
        &self,
        site: &Site,
        listener: &Listener,
        [opening, node, filter, program]: [Filled; 4],
    ) -> Result<Filled, Misfit> {
        let HostPort { host, port } = self.registry;
        let is_address = host.parse::<IpAddr>().is_ok();
        Template(include_str!("envoy/bootstrap.yaml")).fill(&[
            ("opening", opening.into()),
            ("node", node.into()),
            ("listen", listener.address().into()),
            ("tls", listener.tls()?.into()),
            ("address", self.address(site)?.into()),
            ("filter", filter.into()),
            ("hsts", hsts(site)?.into()),
            ("found", Hole::text(if is_address { "STATIC" } else { "STRICT_DNS" })),
            ("registry_host", Hole::text(host)),
            ("registry_port", Hole::Value(json!(port))),
            ("program", program.into()),
        ])
    }

    /// Whose address a client's is.
    fn address(&self, site: &Site) -> Result<Filled, Misfit> {
        let header = site.document.server.real_ip_header.as_deref().unwrap_or_default();
        let more = if header.eq_ignore_ascii_case("x-forwarded-for") {
            comment(
                "`server.real_ip_header` is this header, as the proxy in front wrote it: Envoy must not append to it before\n\
                 the filter has counted.",
            )
            .and(&entry("skip_xff_append", &json!(true)))
        } else {
            Filled::default()
        };
        Template(include_str!("envoy/address.yaml")).fill(&[
            ("hops", Hole::Value(json!(self.render.trusted_hops.unwrap_or_default()))),
            ("more", more.into()),
        ])
    }

    fn standalone_opening(&self, site: &Site, listener: &Listener, filter: &str) -> Filled {
        let file = within(self.render.output.as_ref(), STANDALONE);
        let (key, certificate) = (
            value_of(&site.key, "token.key"),
            value_of(&site.certificate, "token.crt"),
        );
        let (key_file, certificate_file) = (site.key.file("token.key"), site.certificate.file("token.crt"));
        let (make, export) = if site.certificate == Pem::Absent {
            (
                format!("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key_file}"),
                format!("export {}={key}", plugin::KEY),
            )
        } else {
            (
                format!(
                    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=registry-auth \\\n\
                     \x20   -keyout {key_file} -out {certificate_file}"
                ),
                format!("export {}={key} {}={certificate}", plugin::KEY, plugin::CERTIFICATE),
            )
        };
        let make = match &site.key {
            Pem::File(_) | Pem::Absent => {
                format!(". The first command makes a key, if there is none yet:\n\n  {make}\n")
            }
            Pem::Variable(_) => ":\n\n".to_owned(),
            Pem::Written => format!(
                ". Put the key into `{key_file}` first, as it stands in {}:\n\n",
                site.names()
            ),
        };
        comment(&format!(
            "Envoy in front of one registry, with the token server inside it: no further program.\n\n\
             Run it, from the folder in which all paths begin{make}\
             \x20 {export}\n\
             \x20 export {}=\"$(registry-auth render {} --users)\"\n\
             \x20 envoy -c {} --file-flush-interval-msec 1000\n\n\
             {}\n\
             Lines to change carry the word CHANGE: where Envoy listens (and TLS there), where the registry is. Rules and the\n\
             filter's own file stand in `{filter}`; replace that file by a rename (`mv new.yaml\n\
             {}`) and it is in force within milliseconds, no request lost. A file that is wrong is refused, with the reason\n\
             in Envoy's log, and the last good one serves on; wrong from the start, every path answers 500.\n\n\
             {SEEN}",
            plugin::USERS,
            site.words(),
            shell_word(&file),
            site.registry(&listener.url(site.document.server.hosts.as_deref())),
            shell_word(filter),
        ))
    }
}

const SEEN: &str = "What one sees: a line of JSON on stdout for each token asked for (the audit record), Envoy's own log on stderr, and\n\
    counters for Prometheus at http://127.0.0.1:9901/stats/prometheus.";

/// The header that keeps browsers on TLS, on all answers: the registry's too.
fn hsts(site: &Site) -> Result<Filled, Misfit> {
    if site.document.server.hsts {
        Template(include_str!("envoy/hsts.yaml")).fill(&[])
    } else {
        Ok(Filled::default())
    }
}

/// What a shell reads the content of it by.
fn value_of(pem: &Pem, by_default: &str) -> String {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match pem {
        Pem::Variable(name) if is_name(name) => format!("\"${name}\""),
        _ => format!("\"$(cat {})\"", pem.file(by_default)),
    }
}
