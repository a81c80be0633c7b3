//! A configuration as it is written: docker_auth's keys, and ours beside them, without any meaning yet.
//!
//! Reading takes a [`Node`] apart and collects every fault; [`crate::policy::Policy`] is what a document amounts to.

pub mod acl;
pub mod backend;
pub mod cache;
pub mod duration;
pub mod node;
mod scalar;
mod section;
pub mod server;
pub mod sources;
mod throttle;
pub mod token;
pub mod users;

pub use node::Node;
pub use section::Section;
pub use sources::{Environment, Sources};

use crate::problem::{Place, Problems};
use crate::throttle::Settings;

/// All that a configuration can say.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Where and for which hosts token requests are answered.
    pub server: server::Server,
    /// What tokens say, and what signs them.
    pub token: Option<token::Token>,
    /// The static users; `None` if there is no such key.
    pub users: Option<Vec<users::User>>,
    /// The rules, in their order; `None` if there is no such key.
    pub acl: Option<Vec<acl::Rule>>,
    /// How patterns are read.
    pub acl_options: acl::Options,
    /// The services a token may be minted for; any, if absent.
    pub services: Option<Vec<String>>,
    /// What becomes of POST bodies.
    pub request_body: RequestBody,
    /// Where audit records go.
    pub audit: Audit,
    /// What is remembered.
    pub cache: cache::Cache,
    /// How guessing is braked; `None` if it is not.
    pub throttle: Option<Settings>,
    /// What only the program beside the proxy has; `None` in a proxy.
    pub program: Option<Program>,
}

/// What the program beside the proxy has: sections as written, for it to read.
#[derive(Clone, Debug)]
pub struct Program {
    /// The keys of `server` that are about its listener.
    pub listener: Section,
    /// `filter`: where the filter asks.
    pub filter: Option<Section>,
    /// `admin`: health and metrics.
    pub admin: Option<Section>,
    /// The back-ends.
    pub backends: backend::Backends,
}

/// `request_body`: who reads the body of a POST to the token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestBody {
    /// The filter, where Envoy hands it over.
    #[default]
    Read,
    /// Whatever the route leads to: POSTs pass untouched.
    Route,
}

/// `audit`: where the record of each decision goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audit {
    /// To filter state, from where Envoy's access log prints it.
    #[default]
    AccessLog,
    /// To Envoy's own log as well, at level `info`, where the access log is not ours to set.
    Log,
    /// Nowhere.
    Off,
}

/// Keys that are easily written at the top, though they belong into a section.
const MISPLACED: [(&str, &str); 13] = [
    ("addr", "server.addr"),
    ("certificate_env", "token.certificate_env"),
    ("disable_legacy_key_id", "token.disable_legacy_key_id"),
    ("double_star", "acl_options.double_star"),
    ("expiration", "token.expiration"),
    ("hosts", "server.hosts"),
    ("issuer", "token.issuer"),
    ("key_env", "token.key_env"),
    ("key_header", "token.key_header"),
    ("letsencrypt", "server.letsencrypt"),
    ("path_prefix", "server.path_prefix"),
    ("real_ip_header", "server.real_ip_header"),
    ("real_ip_pos", "server.real_ip_pos"),
];

impl Document {
    /// Reads a configuration; what is wrong with it is noted in `problems`, and then reads as absent.
    pub fn read(node: Node, sources: Sources<'_>, problems: &mut Problems) -> Self {
        let Some(mut root) = Section::open(node, Place::root(), problems) else {
            return Self::default();
        };
        let mut document = Self::default();
        let server = root.section("server", problems);
        if sources.files.is_some() {
            let server = server.unwrap_or_else(|| Section::empty(root.place_of("server")));
            let (server, listener) = server::Server::read_with_listener(server, sources, problems);
            document.server = server;
            document.program = Some(Program {
                listener,
                filter: root.section("filter", problems),
                admin: root.section("admin", problems),
                backends: backend::Backends::default(),
            });
        } else {
            document.server = server.map_or_else(Default::default, |section| server::Server::read(section, problems));
        }
        document.token = root
            .section("token", problems)
            .map(|section| token::Token::read(section, sources, problems));
        document.users = users::read(&mut root, sources, problems);
        document.acl = root
            .take("acl")
            .map(|node| acl::read(node, &Place::root().key("acl"), problems));
        if let Some(section) = root.section("acl_options", problems) {
            document.acl_options = acl::Options::read(section, problems);
        }
        document.services = root.texts("services", problems);
        document.request_body = choice(&mut root, "request_body", problems, &RequestBody::WORDS).unwrap_or_default();
        document.audit = choice(&mut root, "audit", problems, &Audit::WORDS).unwrap_or_default();
        if let Some(section) = root.section("cache", problems) {
            document.cache = cache::Cache::read(section, problems);
        }
        document.throttle = throttle::read(&mut root, problems);
        match &mut document.program {
            Some(program) => program.backends = backend::Backends::read(&mut root, problems),
            None => backend::Backends::refuse(&mut root, problems),
        }
        for (key, place) in MISPLACED {
            if root.remove(key).is_some() {
                problems.error(
                    &Place::root().key(key),
                    format_args!("stands at the top; move it to `{place}`"),
                );
            }
        }
        root.finish(problems);
        document
    }
}

impl RequestBody {
    const WORDS: [(&'static str, Self); 2] = [(Self::Read.as_str(), Self::Read), (Self::Route.as_str(), Self::Route)];

    /// The word for it in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Route => "route",
        }
    }
}

impl Audit {
    const WORDS: [(&'static str, Self); 3] = [
        (Self::AccessLog.as_str(), Self::AccessLog),
        (Self::Log.as_str(), Self::Log),
        (Self::Off.as_str(), Self::Off),
    ];

    /// The word for it in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessLog => "access_log",
            Self::Log => "log",
            Self::Off => "off",
        }
    }
}

/// The meaning of one of a few words; another one is an error.
pub fn choice<T: Copy>(
    section: &mut Section,
    key: &'static str,
    problems: &mut Problems,
    words: &[(&'static str, T)],
) -> Option<T> {
    let text = section.text(key, problems)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        problems.unknown(
            &section.place_of(key),
            format_args!("must be one of {}, not `{text}`", section::listed(&names)),
        );
    }
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests;
