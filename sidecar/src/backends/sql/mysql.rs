//! `conn_string` of MySQL and MariaDB, as go-sql-driver/mysql reads it:
//! `[name[:password]@][tcp[(host[:port])]]/database[?key=value&...]`, or `unix(/path)` in place of `tcp(...)`.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use registry_auth_core::config::duration;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use super::fault::{Fault, place_in};
use super::percent::{Plus, decoded, pairs};
use super::server::is_loopback;

const PORT: u16 = 3306;

/// What a connection string says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) password: Option<Secret<String>>,
    pub(super) at: Address,
    pub(super) database: String,
    pub(super) tls: Tls,
    pub(super) cleartext: bool,
    pub(super) collation: Option<String>,
    /// `timeout`.
    pub(super) connect_within: Option<Duration>,
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Socket(PathBuf),
}

/// `tls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tls {
    /// `false`, and without the key.
    #[default]
    Off,
    /// `preferred`: where the server has it, whoever it is.
    Preferred,
    /// `skip-verify`: whoever the server is.
    Unverified,
    /// `true`: the server is who it is by the system's authorities.
    Verified,
}

/// Keys that say how Go's driver works inside, or how it reads times, of which there are none here.
const WITHOUT_MEANING: [&str; 7] = [
    "checkConnLiveness",
    "clientFoundRows",
    "columnsWithAlias",
    "interpolateParams",
    "loc",
    "parseTime",
    "timeTruncate",
];

/// Switches that are known in one position, which is the driver's own.
const SWITCHES: [(&str, bool); 7] = [
    ("allowAllFiles", false),
    ("allowFallbackToPlaintext", false),
    ("allowNativePasswords", true),
    ("allowOldPasswords", false),
    ("compress", false),
    ("multiStatements", false),
    ("rejectReadOnly", false),
];

/// All other keys that the driver has.
const KEYS: [&str; 10] = [
    "allowCleartextPasswords",
    "charset",
    "collation",
    "connectionAttributes",
    "maxAllowedPacket",
    "readTimeout",
    "serverPubKey",
    "timeout",
    "tls",
    "writeTimeout",
];

/// Reads a connection string.
pub(super) fn read(text: &str) -> Result<Found, Fault> {
    // The last one: a password and a path may hold others.
    let Some((before, behind)) = text.rsplit_once('/') else {
        return Err(Fault::new(
            0..text.len(),
            "has no `/` before the name of the database; write `name:password@tcp(host:3306)/database`, and a `/` of a \
             parameter as `%2F`",
        ));
    };
    let (who, at) = match before.rsplit_once('@') {
        Some((who, at)) => (Some(who), at),
        None => (None, before),
    };
    let (name, password) = match who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
        Some((name, password)) => (name, Some(password).filter(|password| !password.is_empty())),
        None => ("", None),
    };
    let (database, query) = behind.split_once('?').unwrap_or((behind, ""));
    let at = address(text, at)?;
    let mut found = Found {
        name: name.to_owned(),
        password: password.map(|password| Secret::new(password.to_owned())),
        at,
        database: decoded(database, Plus::Plain)
            .ok_or_else(|| Fault::new(place_in(text, database), "has a broken `%` in the name of the database"))?,
        tls: Tls::default(),
        cleartext: false,
        collation: None,
        connect_within: None,
    };
    if found.database.is_empty() {
        return Err(Fault::new(
            text.len()..text.len(),
            "names no database; write its name after the `/`",
        ));
    }
    for (key, value) in pairs(query) {
        found.set(key, value, place_in(text, key))?;
    }
    if found.tls == Tls::Verified && matches!(found.at, Address::Socket(_)) {
        let fault = "has `tls=true` for a socket, where there is no host name to verify; leave it out";
        return Err(Fault::new(place_in(text, query), fault));
    }
    if found.cleartext && matches!(found.tls, Tls::Off | Tls::Preferred) {
        let fault = "has `allowCleartextPasswords=true`, which needs `tls=true` beside it";
        return Err(Fault::new(place_in(text, query), fault));
    }
    Ok(found)
}

/// Has a server give up what nobody waits for any longer: when a connection is closed it does not notice while it waits for
/// a lock, and would have no place for others in the end. MySQL and MariaDB have no limit in common but that.
pub(super) fn giving_up_after(timeout: Duration) -> String {
    format!("SET SESSION lock_wait_timeout = {}", timeout.as_secs().max(1))
}

/// `tcp(host:port)`, `unix(/path)`, or less.
fn address(text: &str, at: &str) -> Result<Address, Fault> {
    let (network, address) = at.split_once('(').unwrap_or((at, ")"));
    let Some(address) = address.strip_suffix(')') else {
        let fault = "has an address that does not end in `)`; write it as `tcp(host:3306)` or `unix(/path)`";
        return Err(Fault::new(place_in(text, at), fault));
    };
    match network {
        "" | "tcp" => host_and_port(text, address),
        "unix" if address.is_empty() => Ok(Address::Socket("/tmp/mysql.sock".into())),
        "unix" => Ok(Address::Socket(address.into())),
        other => Err(Fault::new(
            place_in(text, other),
            "names a network that is not known here; write `tcp(host:3306)` or `unix(/path)`, and the `@` between the \
             password and it",
        )),
    }
}

fn host_and_port(text: &str, address: &str) -> Result<Address, Fault> {
    let is_bare_v6 = address.starts_with('[') && address.ends_with(']');
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !is_bare_v6 => {
            let number = port
                .parse()
                .ok()
                .filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()));
            let fault = || Fault::new(place_in(text, port), "has a port that is no number up to 65535");
            (host, number.ok_or_else(fault)?)
        }
        Some(_) | None => (address, PORT),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(if host.is_empty() { "127.0.0.1" } else { host });
    Ok(Address::Tcp {
        host: host.to_owned(),
        port,
    })
}

impl Found {
    fn set(&mut self, key: &str, value: Option<&str>, place: Range<usize>) -> Result<(), Fault> {
        if !is_known(key) {
            // Its name is not told: where the rest is wrong, it may be a part of the password.
            return Err(Fault::new(
                place,
                "holds a key here that is not known; see `docs/sql.md` for what is",
            ));
        }
        // Go's driver passes over what has no `=`.
        let Some(value) = value else {
            return Err(Fault::new(
                place,
                format_args!("`{key}` has no value; write `{key}=...` or leave it out"),
            ));
        };
        let value = decoded(value, Plus::Space)
            .ok_or_else(|| Fault::new(place.clone(), format_args!("`{key}` has a broken `%` in its value")))?;
        if let Some((_, known)) = SWITCHES.iter().find(|(name, _)| *name == key) {
            if switch(key, &value, place.clone())? != *known {
                let fault = format!("`{key}={value}` is not known here; leave it out");
                return Err(Fault::new(place, fault));
            }
            return Ok(());
        }
        match key {
            "tls" => self.tls = tls(&value, place)?,
            "timeout" => {
                let limit = duration::parse(&value);
                let limit = limit.map_err(|error| Fault::new(place, format_args!("`timeout` {error}")))?;
                self.connect_within = Some(limit).filter(|limit| !limit.is_zero());
            }
            "allowCleartextPasswords" => self.cleartext = switch(key, &value, place)?,
            "collation" => {
                let is_name = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if !is_name || !value.starts_with("utf8mb4_") {
                    let fault = "`collation` must be one of `utf8mb4`; it has no bearing on which names are equal, which \
                                 is by their bytes";
                    return Err(Fault::new(place, fault));
                }
                self.collation = Some(value);
            }
            "charset" if !value.split(',').all(|one| one == "utf8mb4" || one == "utf8") => {
                let fault = "`charset` must be `utf8mb4` or `utf8`: names are UTF-8 here";
                return Err(Fault::new(place, fault));
            }
            "readTimeout" | "writeTimeout" => {
                let fault = format!("`{key}` is not known here; `timeout` of the section bounds each question");
                return Err(Fault::new(place, fault));
            }
            "connectionAttributes" | "maxAllowedPacket" | "serverPubKey" => {
                return Err(Fault::new(
                    place,
                    format_args!("`{key}` is not known here; leave it out"),
                ));
            }
            // What has no meaning here.
            _ => {}
        }
        Ok(())
    }

    /// Says what an operator should know.
    pub(super) fn warn(&self, place: &Place, problems: &mut Problems) {
        let is_clear = matches!(self.tls, Tls::Off | Tls::Preferred);
        if is_clear && matches!(&self.at, Address::Tcp { host, .. } if !is_loopback(host)) {
            problems.warn(
                place,
                "has password hashes go in clear over the network; add `tls=true`",
            );
        }
    }

    /// As sqlx takes it.
    pub(super) fn options(&self) -> MySqlConnectOptions {
        let mode = match self.tls {
            Tls::Off => MySqlSslMode::Disabled,
            Tls::Preferred => MySqlSslMode::Preferred,
            Tls::Unverified => MySqlSslMode::Required,
            Tls::Verified => MySqlSslMode::VerifyIdentity,
        };
        let mut options = MySqlConnectOptions::new()
            .username(&self.name)
            .database(&self.database)
            .ssl_mode(mode)
            .enable_cleartext_plugin(self.cleartext)
            // What the server has is as good: nothing here depends on them.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None);
        if let Some(password) = &self.password {
            options = options.password(password.expose());
        }
        if let Some(collation) = &self.collation {
            options = options.collation(collation);
        }
        match &self.at {
            Address::Tcp { host, port } => options.host(host).port(*port),
            Address::Socket(path) => options.socket(path),
        }
    }

    /// Where it is, for logs.
    pub(super) fn shown(&self) -> String {
        format!("{} at {}", self.database, self.at)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

fn is_known(key: &str) -> bool {
    let is_switch = SWITCHES.iter().any(|(name, _)| *name == key);
    is_switch || WITHOUT_MEANING.contains(&key) || KEYS.contains(&key)
}

fn tls(value: &str, place: Range<usize>) -> Result<Tls, Fault> {
    match value.to_lowercase().as_str() {
        "true" | "1" => Ok(Tls::Verified),
        "false" | "0" => Ok(Tls::Off),
        "skip-verify" => Ok(Tls::Unverified),
        "preferred" => Ok(Tls::Preferred),
        _ => Err(Fault::new(
            place,
            "`tls` must be `true`, `false`, `skip-verify` or `preferred`; a configuration by name is Go code, which is not \
             here",
        )),
    }
}

fn switch(key: &str, value: &str, place: Range<usize>) -> Result<bool, Fault> {
    match value {
        "1" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Fault::new(place, format_args!("`{key}` must be `true` or `false`"))),
    }
}

#[cfg(test)]
mod tests;
