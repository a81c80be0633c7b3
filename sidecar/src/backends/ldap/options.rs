//! What `ldap_auth` says: docker_auth's keys, and ours beside them.

use std::sync::Arc;
use std::time::Duration;

use registry_auth_core::config::{Node, Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use rustls::ClientConfig;

use super::super::{Limits, TIMEOUTS, is_loopback, required_text, tls};
use super::address::{Address, Security};
use super::filter::{Filter, OwnName};
use super::labels::LabelRules;
use super::spelling::Spelling;
use super::tls::Trust;

/// Of `timeout`, so much is for connecting and for each bind, and so much for the search, if their keys do not say: a
/// server that hangs leaves time for the next one.
const SHARE_TO_CONNECT: f64 = 0.4;
const SHARE_TO_BIND: f64 = 0.4;
const SHARE_TO_SEARCH: f64 = 0.6;

/// The section, read.
#[derive(Debug)]
pub(super) struct Options {
    /// In the order in which they are tried.
    pub(super) servers: Vec<Target>,
    pub(super) searcher: Searcher,
    /// Below which entry is searched.
    pub(super) base: String,
    pub(super) filter: Filter,
    pub(super) spelling: Spelling,
    pub(super) labels: LabelRules,
    pub(super) pace: Pace,
}

/// A server, and what TLS with it goes by; `None` where there is no TLS.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// As whom is searched.
#[derive(Debug)]
pub(super) enum Searcher {
    /// As nobody.
    Anonymous,
    /// As this account: `bind_dn`, `bind_password_file`.
    Service { dn: String, password: Secret<String> },
    /// As whoever signs in: `initial_bind_as_user`.
    Themselves(OwnName),
}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Until a connection is open and encrypted.
    pub(super) connect: Duration,
    pub(super) bind: Duration,
    pub(super) search: Duration,
}

/// A key that may be absent has a value that cannot be: its fault is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrong;

impl Options {
    /// Reads the section, with what all back-ends have in theirs; `None` if something is wrong with it.
    pub(super) fn read(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<(Self, Limits)> {
        let servers = servers(&mut section, sources, problems);
        let searcher = searcher(&mut section, sources, problems);
        let base = section.text("base", problems).unwrap_or_default();
        let filter = filter(&mut section, problems);
        let spelling = spelling(&mut section, filter.as_ref(), problems);
        let labels = LabelRules::read(&mut section, problems);
        let limits = Limits::read(&mut section, problems);
        let pace = Pace::read(&mut section, limits.timeout, problems);
        section.finish(problems);
        let options = Self {
            servers: servers?,
            searcher: searcher?,
            base,
            filter: filter?,
            spelling: spelling?,
            labels,
            pace,
        };
        Some((options, limits))
    }
}

/// `attribute` if it can be one, else it is told of the value at `place`.
pub(super) fn is_attribute(attribute: String, place: &Place, problems: &mut Problems) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';');
    let is_name = attribute.starts_with(|c: char| c.is_ascii_alphanumeric()) && attribute.chars().all(is_part);
    if !is_name {
        problems.error(
            place,
            format_args!("`{attribute}` is no attribute's name, such as `memberOf`"),
        );
    }
    is_name.then_some(attribute)
}

/// The text of a key, of which docker_auth takes an empty one for none.
fn text(section: &mut Section, key: &'static str, problems: &mut Problems) -> Option<String> {
    section.text(key, problems).filter(|text| !text.is_empty())
}

/// `addr`, `tls`, and whom to take for the servers.
fn servers(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Vec<Target>> {
    let place = section.place_of("addr");
    let said = said_of_tls(section, problems);
    let written: Vec<(String, Place)> = match section.take("addr") {
        Some(Node::List(list)) => {
            let list = list.into_iter().enumerate();
            let texts = list.map(|(i, node)| (place.index(i), node));
            texts
                .filter_map(|(place, node)| Some((node.into_text(&place, problems)?, place)))
                .collect()
        }
        Some(node) => {
            let text = node.into_text(&place, problems);
            text.map(|text| vec![(text, place.clone())]).unwrap_or_default()
        }
        None => Vec::new(),
    };
    if written.is_empty() && !problems.is_refusal_at(&place) {
        problems.error(
            &place,
            "is missing; write where the directory is, as `ldap.example:636` or `ldaps://ldap.example`",
        );
    }
    let mut addresses = Vec::new();
    for (text, place) in written {
        let Ok(said) = said else { continue };
        let Some(address) = problems.keep(&place, Address::parse(&text, said)) else {
            continue;
        };
        if address.security == Security::Plain && !is_loopback(&address.host) {
            problems.warn(
                &place,
                "sends passwords in clear over the network; use `ldaps://`, or `tls: starttls`",
            );
        }
        addresses.push((address, place));
    }
    let are_encrypted = addresses.iter().any(|(address, _)| address.security != Security::Plain);
    let trust = trust(section, are_encrypted, sources, problems);
    let targets = addresses.into_iter().map(|(address, place)| {
        let tls = match address.security {
            Security::Plain => None,
            Security::Always | Security::StartTls => Some(trust.as_ref()?.with(&address, &place, problems)?),
        };
        Some(Target { address, tls })
    });
    let targets: Option<Vec<Target>> = targets.collect();
    targets.filter(|targets| !targets.is_empty())
}

/// `tls`, if it says something.
fn said_of_tls(section: &mut Section, problems: &mut Problems) -> Result<Option<Security>, Wrong> {
    let place = section.place_of("tls");
    let Some(word) = section.text("tls", problems) else {
        return if problems.is_refusal_at(&place) {
            Err(Wrong)
        } else {
            Ok(None)
        };
    };
    match word.as_str() {
        "" => Ok(None),
        "none" => Ok(Some(Security::Plain)),
        "always" => Ok(Some(Security::Always)),
        "starttls" => Ok(Some(Security::StartTls)),
        _ => {
            problems.unknown(
                &place,
                format_args!("must be one of `none`, `always`, `starttls`, not `{word}`"),
            );
            Err(Wrong)
        }
    }
}

/// `ca_certificate` and `insecure_tls_skip_verify`.
fn trust(section: &mut Section, are_encrypted: bool, sources: Sources<'_>, problems: &mut Problems) -> Option<Trust> {
    let (insecure_place, file_place) = (
        section.place_of("insecure_tls_skip_verify"),
        section.place_of("ca_certificate"),
    );
    let is_insecure = section.flag("insecure_tls_skip_verify", problems).unwrap_or(false);
    let file = text(section, "ca_certificate", problems);
    if !are_encrypted {
        if file.is_some() {
            problems.warn(&file_place, "is not used, since no server of `addr` is asked over TLS");
        }
        return None;
    }
    if is_insecure {
        problems.warn(
            &insecure_place,
            "has passwords sent to whoever answers in the directory's place; name its authority with `ca_certificate` \
             instead",
        );
        return Some(Trust::Anybody);
    }
    let roots = match file {
        Some(path) => tls::roots_in_file(&path, &file_place, sources, problems),
        None => tls::roots_of_the_system(section.place(), "ca_certificate", problems),
    };
    roots.map(Trust::Roots)
}

/// `bind_dn`, `bind_password_file` and `initial_bind_as_user`.
fn searcher(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Searcher> {
    let (place, file_place) = (section.place_of("bind_dn"), section.place_of("bind_password_file"));
    let dn = text(section, "bind_dn", problems);
    let file = text(section, "bind_password_file", problems);
    let as_themselves = section.flag("initial_bind_as_user", problems).unwrap_or(false);
    if file.is_some() && (as_themselves || dn.is_none()) {
        let why = if as_themselves {
            "`initial_bind_as_user` binds with the password of whoever signs in"
        } else {
            "there is no `bind_dn`, so the search is anonymous"
        };
        problems.warn(&file_place, format_args!("is not used: {why}"));
    }
    match (as_themselves, dn) {
        (true, Some(dn)) => {
            let name = OwnName::parse(&dn);
            if name.is_none() {
                problems.error(
                    &place,
                    "has no `${account}`, so `initial_bind_as_user` would bind everybody as one; write it where the name \
                     stands",
                );
            }
            name.map(Searcher::Themselves)
        }
        (true, None) => {
            problems.error(
                &place,
                "is missing; write as whom `initial_bind_as_user` binds, such as \
                 `uid=${account},ou=people,dc=corp,dc=example`",
            );
            None
        }
        (false, None) => Some(Searcher::Anonymous),
        (false, Some(dn)) => {
            if OwnName::parse(&dn).is_some() {
                problems.error(
                    &place,
                    "has `${account}` in it, which works with `initial_bind_as_user: true`",
                );
            }
            let Some(path) = file else {
                problems.error(&file_place, "is missing; name the file with the password of `bind_dn`");
                return None;
            };
            let password = sources.file(&path, &file_place, problems)?;
            let password = Secret::new(password.expose().trim().to_owned());
            if password.expose().is_empty() {
                problems.error(&file_place, format_args!("`{path}` holds no password"));
                return None;
            }
            Some(Searcher::Service { dn, password })
        }
    }
}

fn filter(section: &mut Section, problems: &mut Problems) -> Option<Filter> {
    let place = section.place_of("filter");
    let text = required_text(
        section,
        "filter",
        "write which entry is an account's, as `(uid=${account})`",
        problems,
    )?;
    let written = text.trim();
    let indent = text.len().saturating_sub(text.trim_start().len());
    let parsed = Filter::parse(written).map_err(|error| {
        let place = error.at().map_or_else(
            || place.clone(),
            |at| place.bytes(at.start.saturating_add(indent)..at.end.saturating_add(indent)),
        );
        (place, error)
    });
    parsed.map_err(|(place, error)| problems.error(&place, error)).ok()
}

fn spelling(section: &mut Section, filter: Option<&Filter>, problems: &mut Problems) -> Option<Spelling> {
    let place = section.place_of("account_attribute");
    if let Some(attribute) = text(section, "account_attribute", problems) {
        return is_attribute(attribute, &place, problems).map(Spelling::Attribute);
    }
    let compared = filter?.compared();
    if compared.is_empty() {
        problems.warn(
            &section.place_of("filter"),
            "compares no attribute with `${account}` alone, so nobody can be called what the directory calls them, and \
             every sign-in is refused; name the attribute that holds an account's name with `account_attribute`",
        );
    }
    Some(Spelling::Compared(compared.to_vec()))
}

impl Pace {
    fn read(section: &mut Section, timeout: Duration, problems: &mut Problems) -> Self {
        let mut limit = |key: &'static str, share: f64| {
            let said = section.duration(key, TIMEOUTS, problems);
            if said.is_some_and(|said| said > timeout) {
                problems.error(
                    &section.place_of(key),
                    format_args!("must not be longer than `timeout`, which is {}s", timeout.as_secs()),
                );
            }
            said.unwrap_or_else(|| timeout.mul_f64(share))
        };
        Self {
            connect: limit("connect_timeout", SHARE_TO_CONNECT),
            bind: limit("bind_timeout", SHARE_TO_BIND),
            search: limit("search_timeout", SHARE_TO_SEARCH),
        }
    }
}
