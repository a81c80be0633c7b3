//! What is rendered: one configuration, as far as a proxy's own goes by it.
//!
//! Keys and certificates are named in what is rendered, and not needed: the files may be elsewhere.

use std::path::PathBuf;

use registry_auth_core::config::{Document, RequestBody};
use registry_auth_core::policy::Policy;
use registry_auth_core::problem::{Place, Problem, Problems};
use serde_json::json;

use super::options::Target;
use super::template::{entry, shell_word};
use crate::clock;
use crate::config::{self, Loaded, Origin};

/// What a proxy needs no sight of here.
const NOT_NEEDED: [&str; 7] = [
    "token.key",
    "token.key_env",
    "token.certificate",
    "token.certificate_env",
    "server.key",
    "server.certificate",
    "users_env",
];

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The filter alone.
    Standalone,
    /// The filter, which asks `registry-auth`.
    Managed,
}

/// A configuration.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) document: Document,
    pub(super) origin: Origin,
    pub(super) files: Vec<PathBuf>,
    /// What tokens are signed with.
    pub(super) key: Pem,
    pub(super) certificate: Pem,
    /// `server.certificate` and `server.key`.
    pub(super) server: [Pem; 2],
    /// What is wrong so far, and what an operator should know.
    pub(super) problems: Problems,
}

/// Where a configuration has a key or a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pem {
    /// Nowhere.
    Absent,
    /// In a file.
    File(String),
    /// In an environment variable.
    Variable(String),
    /// In itself.
    Written,
}

impl Site {
    /// Reads the configuration in `files`.
    ///
    /// # Errors
    /// What is wrong, as an operator reads it, if nothing can be told of the rest.
    pub(super) fn read(
        files: &[PathBuf],
        mode: Mode,
        target: Target,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let Loaded {
            document,
            mut problems,
            origin,
        } = config::load(files, environment);
        let Some(document) = document else {
            return Err(origin.report(&problems));
        };
        let mut judged = document.clone();
        if mode == Mode::Standalone {
            refuse_backends(&document, &mut problems);
            judged.program = None;
        }
        let bodies_arrive = matches!(target, Target::Envoy | Target::EnvoyManaged);
        if document.request_body == RequestBody::Route && (bodies_arrive || mode == Mode::Standalone) {
            let what = if bodies_arrive {
                "is `route`, by which a POST and its password go to the registry; leave it out, since Envoy hands bodies to the filter here"
            } else {
                "is `route`, by which a POST and its password go to the registry; leave it out, or give `--sidecar`"
            };
            problems.error(&Place::root().key("request_body"), what);
        }
        let (errors, warnings) = match Policy::compile(judged, clock::now(), problems) {
            Ok((_, warnings)) => (Vec::new(), warnings),
            Err(problems) => (problems.errors().to_vec(), problems.warnings().to_vec()),
        };
        let users_are_elsewhere = origin.text(&Place::root().key("users_env")).is_some();
        let is_needed = |problem: &&Problem| {
            let path = problem.place().path();
            !(NOT_NEEDED.contains(&path) || users_are_elsewhere && path == "users")
        };
        let mut problems = Problems::default();
        for problem in errors.iter().filter(is_needed) {
            problems.error(problem.place(), problem.what());
        }
        for problem in warnings.iter().filter(is_needed) {
            problems.warn(problem.place(), problem.what());
        }
        let server = ["certificate", "key"].map(|key| Pem::of(&origin, "server", key, None));
        let mut pair = [("key", "key_env"), ("certificate", "certificate_env")]
            .map(|(key, variable)| Pem::of(&origin, "token", key, Some(variable)));
        if pair == [Pem::Absent, Pem::Absent] {
            let [certificate, key] = server.clone();
            pair = [key, certificate];
        }
        let [key, certificate] = pair;
        Ok(Self {
            document,
            origin,
            files: files.to_vec(),
            key,
            certificate,
            server,
            problems,
        })
    }

    /// The files, as words of a command line.
    pub(super) fn words(&self) -> String {
        let words = self.files.iter().map(|file| shell_word(&file.to_string_lossy()));
        words.collect::<Vec<_>>().join(" ")
    }

    /// The files, in a sentence.
    pub(super) fn names(&self) -> String {
        let names = self.files.iter().map(|file| format!("`{}`", file.display()));
        names.collect::<Vec<_>>().join(" and ")
    }

    /// What tokens have as their issuer. It was judged already.
    pub(super) fn issuer(&self) -> &str {
        let token = self.document.token.as_ref();
        token.and_then(|token| token.issuer.as_deref()).unwrap_or_default()
    }

    /// What the registry calls itself.
    pub(super) fn service(&self) -> &str {
        let services = self.document.services.as_deref().unwrap_or_default();
        services.first().map_or("registry", String::as_str)
    }

    /// What the registry is told, whose clients come to `url`.
    pub(super) fn registry(&self, url: &str) -> String {
        let realm = format!("{url}{}/token", self.prefix());
        let (key, value) = match &self.certificate {
            Pem::Absent => ("jwks", "jwks.json"),
            Pem::File(path) => ("rootcertbundle", path.as_str()),
            Pem::Variable(_) | Pem::Written => ("rootcertbundle", "token.crt"),
        };
        let token = json!({"realm": realm, "service": self.service(), "issuer": self.issuer(), key: value});
        format!(
            "Tell the registry whose tokens it takes (its own configuration, `auth`), and where its clients reach Envoy:\n\n  {}",
            entry("token", &token).as_str()
        )
    }

    /// What stands before `/token`.
    pub(super) fn prefix(&self) -> &str {
        self.document.server.path_prefix.as_deref().unwrap_or_default()
    }
}

impl Pem {
    /// The file with it, as a word of a command line.
    pub(super) fn file(&self, by_default: &str) -> String {
        match self {
            Self::File(path) => shell_word(path),
            Self::Absent | Self::Variable(_) | Self::Written => by_default.to_owned(),
        }
    }

    fn of(origin: &Origin, section: &str, key: &str, variable: Option<&str>) -> Self {
        let text = |key: &str| {
            let text = origin.text(&Place::root().key(section).key(key));
            text.filter(|text| !text.expose().is_empty())
        };
        match (text(key), variable.and_then(text)) {
            (Some(text), _) if text.expose().trim_start().starts_with("-----BEGIN") => Self::Written,
            (Some(path), _) => Self::File(path.expose().clone()),
            (None, Some(name)) => Self::Variable(name.expose().clone()),
            (None, None) => Self::Absent,
        }
    }
}

fn refuse_backends(document: &Document, problems: &mut Problems) {
    let Some(program) = &document.program else { return };
    let backends = &program.backends;
    let of_accounts = backends.authn.iter().map(|(_, section)| section);
    let of_rights = backends.authz.iter().map(|(_, section)| section);
    for section in of_accounts.chain(of_rights) {
        problems.error(
            section.place(),
            "is asked by `registry-auth`, which is not there; render `--for envoy-managed`, or give `--sidecar`",
        );
    }
}
