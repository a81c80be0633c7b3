//! The two ways of writing a connection string: `key=value ...`, and an address.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use registry_auth_core::secret::Secret;

use super::super::fault::{Fault, place_in};
use super::super::percent::{Plus, decoded, pairs};

/// A key with its value, and where the key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Secret<String>,
    pub(super) at: Range<usize>,
}

/// The settings of `text`, in their order; of equal ones the last counts.
pub(super) fn settings(text: &str) -> Result<Vec<Setting>, Fault> {
    let address = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match address {
        Some(address) => of_address(text, address),
        None => of_pairs(text),
    }
}

fn of_address(text: &str, address: &str) -> Result<Vec<Setting>, Fault> {
    let (address, query) = address.split_once('?').unwrap_or((address, ""));
    let (authority, database) = address.split_once('/').unwrap_or((address, ""));
    let (who, host) = match authority.rsplit_once('@') {
        Some((who, host)) => (Some(who), host),
        None => (None, authority),
    };
    let mut settings = Vec::new();
    let mut add = |key: &str, written: &str, place: &str, plus| {
        let value = decoded(written, plus)
            .ok_or_else(|| Fault::new(place_in(text, place), "has a broken `%` in the value here"))?;
        settings.push(Setting {
            key: key.to_owned(),
            value: Secret::new(value),
            at: place_in(text, place),
        });
        Ok::<(), Fault>(())
    };
    if let Some(who) = who {
        let (name, password) = match who.split_once(':') {
            Some((name, password)) => (name, Some(password)),
            None => (who, None),
        };
        add("user", name, name, Plus::Plain)?;
        if let Some(password) = password {
            add("password", password, password, Plus::Plain)?;
        }
    }
    let (host, port) = host_and_port(host);
    if !host.is_empty() {
        add("host", host, host, Plus::Plain)?;
    }
    if let Some(port) = port.filter(|port| !port.is_empty()) {
        add("port", port, port, Plus::Plain)?;
    }
    if !database.is_empty() {
        add("dbname", database, database, Plus::Plain)?;
    }
    for (key, value) in pairs(query) {
        let name = decoded(key, Plus::Space);
        let name = name.ok_or_else(|| Fault::new(place_in(text, key), "has a broken `%` in a key"))?;
        add(&name, value.unwrap_or_default(), key, Plus::Space)?;
    }
    Ok(settings)
}

/// `[v6]:port`, `host:port`, or less.
fn host_and_port(text: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

fn of_pairs(text: &str) -> Result<Vec<Setting>, Fault> {
    let mut settings = Vec::new();
    let mut rest = text.char_indices().peekable();
    loop {
        skip_spaces(&mut rest);
        let Some(&(start, _)) = rest.peek() else {
            return Ok(settings);
        };
        let mut key = String::new();
        while let Some((_, c)) = rest.next_if(|(_, c)| !c.is_whitespace() && *c != '=') {
            key.push(c);
        }
        let at = start..start.saturating_add(key.len());
        skip_spaces(&mut rest);
        if rest.next_if(|(_, c)| *c == '=').is_none() {
            // What stands there may be a part of a password with a space in it.
            let fault = "has no `=` behind what begins here; quote a value with spaces: `'...'`";
            return Err(Fault::new(at, fault));
        }
        skip_spaces(&mut rest);
        let value = value(&mut rest, &at)?;
        settings.push(Setting { key, value, at });
    }
}

fn value(rest: &mut Peekable<CharIndices<'_>>, at: &Range<usize>) -> Result<Secret<String>, Fault> {
    let mut value = Secret::new(String::new());
    if rest.next_if(|(_, c)| *c == '\'').is_none() {
        while let Some((_, c)) = rest.next_if(|(_, c)| !c.is_whitespace()) {
            let escaped = if c == '\\' {
                rest.next().map(|(_, c)| c)
            } else {
                Some(c)
            };
            let Some(c) = escaped else {
                return Err(Fault::new(
                    at.clone(),
                    "ends in a `\\`, behind which something must stand",
                ));
            };
            value.expose_mut().push(c);
        }
        return Ok(value);
    }
    loop {
        let c = match rest.next().map(|(_, c)| c) {
            Some('\'') => return Ok(value),
            Some('\\') => rest.next().map(|(_, c)| c),
            c => c,
        };
        let Some(c) = c else {
            return Err(Fault::new(at.clone(), "has a value whose quote `'` is never closed"));
        };
        value.expose_mut().push(c);
    }
}

fn skip_spaces(rest: &mut Peekable<CharIndices<'_>>) {
    while rest.next_if(|(_, c)| c.is_whitespace()).is_some() {}
}
