//! `conn_string` of PostgreSQL, as lib/pq reads it: `key=value` with quoting, or `postgres://name:password@host:port/database`
//! with keys in its query. What it does not say the environment may: `PGHOST` and its like.

mod spelling;

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use registry_auth_core::config::{Environment, Sources};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::fault::Fault;
use super::server::is_loopback;
use spelling::{Setting, settings};

const PORT: u16 = 5432;

/// What a connection string says, and the environment where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// A name, an address, or the folder of a socket.
    pub(super) host: String,
    pub(super) port: u16,
    /// The name; that of this process's user if nothing is said.
    pub(super) name: Option<String>,
    pub(super) password: Option<Secret<String>>,
    /// The database; that of the name if nothing is said.
    pub(super) database: Option<String>,
    pub(super) mode: Mode,
    pub(super) root: Option<File>,
    pub(super) certificate: Option<File>,
    pub(super) key: Option<File>,
    pub(super) application: Option<String>,
    /// Settings that the server is told.
    pub(super) parameters: Vec<(String, String)>,
    /// `connect_timeout`.
    pub(super) connect_within: Option<Duration>,
}

/// A file that is named, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    path: String,
    at: Range<usize>,
}

/// `sslmode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    /// Whoever the server is; with a root certificate, as libpq has it, like `verify-ca`.
    #[default]
    Require,
    VerifyCa,
    VerifyFull,
}

/// The variables of the environment that stand for keys.
const VARIABLES: [(&str, &str); 11] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGDATABASE", "dbname"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGAPPNAME", "application_name"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
];

/// Settings of the server that may be of use here; the driver would tell it any.
const PARAMETERS: [&str; 9] = [
    "extra_float_digits",
    "geqo",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "role",
    "search_path",
    "statement_timeout",
    "timezone",
    "tcp_user_timeout",
];

/// Reads a connection string.
pub(super) fn read(text: &str, environment: Environment<'_>) -> Result<Found, Fault> {
    let mut found = Found {
        host: "localhost".to_owned(),
        port: PORT,
        name: None,
        password: None,
        database: None,
        mode: Mode::default(),
        root: None,
        certificate: None,
        key: None,
        application: None,
        parameters: Vec::new(),
        connect_within: None,
    };
    for (variable, key) in VARIABLES {
        let Some(value) = environment(variable) else { continue };
        let set = found.set(Setting {
            key: key.to_owned(),
            value,
            at: 0..text.len(),
        });
        set.map_err(|_| {
            let fault = format!("takes `{key}` from the environment variable `{variable}`, which is wrong");
            Fault::new(0..text.len(), fault)
        })?;
    }
    for setting in settings(text)? {
        found.set(setting)?;
    }
    if found.certificate.is_some() != found.key.is_some() {
        let named = found.certificate.as_ref().or(found.key.as_ref());
        let at = named.map_or(0..text.len(), |file| file.at.clone());
        return Err(Fault::new(
            at,
            "`sslcert` and `sslkey` belong together; name both or none",
        ));
    }
    if found.is_socket() {
        // As the driver has it: nothing is encrypted there, and nothing needs to be.
        found.mode = Mode::Disable;
    }
    Ok(found)
}

impl Found {
    fn set(&mut self, setting: Setting) -> Result<(), Fault> {
        let Setting { key, value, at } = setting;
        let text = value.expose().clone();
        let wrong = |what: &str| Err(Fault::new(at.clone(), format_args!("`{key}` {what}")));
        let file = |text: String| {
            (!text.is_empty()).then_some(File {
                path: text,
                at: at.clone(),
            })
        };
        match key.as_str() {
            "host" if text.contains(',') => return wrong("names several hosts, which is not known here"),
            "host" if text.starts_with('@') => return wrong("names an abstract socket, which is not known here"),
            "host" if text.is_empty() => "localhost".clone_into(&mut self.host),
            "host" => self.host = text,
            "port" => match text.parse() {
                Ok(port) if text.bytes().all(|byte| byte.is_ascii_digit()) => self.port = port,
                _ => return wrong("must be a number up to 65535"),
            },
            "user" => self.name = Some(text),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(text),
            "sslmode" => {
                self.mode = match text.as_str() {
                    "" | "require" => Mode::Require,
                    "disable" => Mode::Disable,
                    "verify-ca" => Mode::VerifyCa,
                    "verify-full" => Mode::VerifyFull,
                    _ => return wrong("must be `disable`, `require`, `verify-ca` or `verify-full`"),
                }
            }
            "sslrootcert" => self.root = file(text),
            "sslcert" => self.certificate = file(text),
            "sslkey" => self.key = file(text),
            "application_name" => self.application = Some(text),
            "fallback_application_name" => {
                self.application.get_or_insert(text);
            }
            "connect_timeout" => match text.parse() {
                Ok(0) => self.connect_within = None,
                Ok(seconds) => self.connect_within = Some(Duration::from_secs(seconds)),
                Err(_) => return wrong("must be a number of seconds"),
            },
            "client_encoding" if is_utf8(&text) => {}
            "client_encoding" => return wrong("must be `UTF8`: names are UTF-8 here"),
            "datestyle" => {}
            "sslsni" if text == "1" || text.is_empty() => {}
            "binary_parameters" | "disable_prepared_binary_result" => {
                return wrong("is about how Go's driver works inside; leave it out");
            }
            "options" => {
                return wrong("is not known here; write each setting as a key of its own, as `search_path=registry`");
            }
            "sslinline" | "sslsni" | "krbsrvname" | "krbspn" | "passfile" | "service" | "target_session_attrs" => {
                return wrong("is not known here");
            }
            name if PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => self.parameters.push((key, text)),
            // Its name is not told: of a password with a space or a `?` in it, it may be a part.
            _ => {
                return Err(Fault::new(
                    at,
                    "holds a key here that is not known; see `docs/sql.md` for what is",
                ));
            }
        }
        Ok(())
    }

    fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// As the driver counts it: `require` with a root certificate verifies it.
    fn verifies(&self) -> Mode {
        match self.mode {
            Mode::Require if self.root.is_some() => Mode::VerifyCa,
            mode => mode,
        }
    }

    /// Has the server give up what nobody waits for any longer, unless the operator says when: as with MySQL, it does not
    /// notice that a connection was closed.
    pub(super) fn giving_up_after(&self, timeout: Duration) -> Option<String> {
        let is_said = |(key, _): &(String, String)| key.eq_ignore_ascii_case("statement_timeout");
        let is_said = self.parameters.iter().any(is_said);
        (!is_said).then(|| format!("SET statement_timeout = {}", timeout.as_millis()))
    }

    /// Says what an operator should know.
    pub(super) fn warn(&self, place: &Place, problems: &mut Problems) {
        if self.verifies() == Mode::VerifyCa {
            problems.warn(
                place,
                "takes any certificate for the server that one of the system's authorities or of `sslrootcert` has signed, \
                 whichever host it is for; write `sslmode=verify-full` to have the host name verified",
            );
        }
        if self.mode == Mode::Disable && !self.is_socket() && !is_loopback(&self.host) {
            problems.warn(
                place,
                "has password hashes go in clear over the network; write `sslmode=verify-full`",
            );
        }
    }

    /// As sqlx takes it, with the files that are named.
    pub(super) fn options(
        &self,
        sources: Sources<'_>,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<PgConnectOptions> {
        let mode = match self.verifies() {
            Mode::Disable => PgSslMode::Disable,
            Mode::Require => PgSslMode::Require,
            Mode::VerifyCa => PgSslMode::VerifyCa,
            Mode::VerifyFull => PgSslMode::VerifyFull,
        };
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .ssl_mode(mode)
            .application_name(self.application.as_deref().unwrap_or("registry-auth"));
        if let Some(name) = &self.name {
            options = options.username(name);
        }
        if let Some(password) = &self.password {
            options = options.password(password.expose());
        }
        if let Some(database) = &self.database {
            options = options.database(database);
        }
        if !self.parameters.is_empty() {
            options = options.options(self.parameters.iter().map(|(key, value)| (key, value)));
        }
        if self.mode == Mode::Disable {
            return Some(options);
        }
        if let Some(file) = &self.root {
            let pem = file.read("a list of certificates", is_certificates, sources, place, problems)?;
            options = options.ssl_root_cert_from_pem(pem.expose().clone().into_bytes());
        }
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            let certificate = certificate.read("a list of certificates", is_certificates, sources, place, problems);
            let key = key.read("a private key", is_key, sources, place, problems);
            options = options
                .ssl_client_cert_from_pem(certificate?.expose())
                .ssl_client_key_from_pem(key?.expose());
        }
        Some(options)
    }

    /// Where it is, for logs.
    pub(super) fn shown(&self) -> String {
        let mut shown = self
            .database
            .as_ref()
            .or(self.name.as_ref())
            .cloned()
            .unwrap_or_default();
        let host = &self.host;
        let _ = if self.is_socket() {
            write!(shown, " at {host}")
        } else if host.contains(':') {
            write!(shown, " at [{host}]:{}", self.port)
        } else {
            write!(shown, " at {host}:{}", self.port)
        };
        shown.trim_start().to_owned()
    }
}

impl File {
    /// The file, which must be `what` it is named for.
    fn read(
        &self,
        what: &str,
        is_it: fn(&[u8]) -> bool,
        sources: Sources<'_>,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<Secret<String>> {
        let place = place.bytes(self.at.clone());
        let pem = sources.file(&self.path, &place, problems)?;
        if !is_it(pem.expose().as_bytes()) {
            problems.error(&place, format_args!("`{}` is not {what} in PEM", self.path));
            return None;
        }
        Some(pem)
    }
}

fn is_certificates(pem: &[u8]) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}

fn is_key(pem: &[u8]) -> bool {
    PrivateKeyDer::from_pem_slice(pem).is_ok()
}

fn is_utf8(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let letters: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    letters == "utf8" || letters == "unicode"
}

#[cfg(test)]
mod tests;
