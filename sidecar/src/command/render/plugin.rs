//! The plugin's configuration of a proxy with nobody beside it: all of the document but its keys, certificates and
//! hashes, which come from the environment.

use std::collections::BTreeMap;

use registry_auth_core::config::{Document, Node, Sources};
use registry_auth_core::policy::Asks;
use registry_auth_core::problem::Problems;
use registry_auth_core::secret::Secret;
use registry_auth_core::wire;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::site::{Pem, Site};
use super::template::{Filled, comment, entry, list};

/// The variables.
pub(super) const KEY: &str = "TOKEN_KEY";
pub(super) const CERTIFICATE: &str = "TOKEN_CERTIFICATE";
pub(super) const USERS: &str = "TOKEN_USERS";

/// All of the plugin's configuration.
pub(super) fn standalone(site: &Site) -> Result<Filled, serde_json::Error> {
    let (mut settings, rules) = written(&site.document)?;
    let (mut without, _) = written(&Document::read(
        Node::Map(Vec::new()),
        Sources::of_a_proxy(&|_| None),
        &mut Problems::default(),
    ))?;
    without.insert("token".to_owned(), json!({"disable_legacy_key_id": false}));
    settings.retain(|key, value| differs(value, without.get(key)));
    let mut out = Filled::default();
    for (key, value) in &settings {
        out = out.and(&match (key.as_str(), value) {
            ("token", Value::Object(token)) => self::token(token, site).below(key),
            _ => entry(key, value),
        });
    }
    let note = format!(
        "The variable that holds the accounts as JSON: no hash is to stand in Envoy's configuration dump. They are the\n\
         `users` of {}, and a change there needs a restart of Envoy.",
        site.names()
    );
    out = out.and(&comment(&note)).and(&entry("users_env", &json!(USERS)));
    let rules = if rules.is_empty() {
        comment("There is no rule, and what none matches is denied.").and(&entry("acl", &json!([])))
    } else {
        comment("The first rule that matches decides; what none matches is denied.").and(&list(&rules).below("acl"))
    };
    Ok(out.and(&rules))
}

/// The variables that the plugin reads.
pub(super) fn variables(site: &Site) -> Vec<&'static str> {
    match site.certificate {
        Pem::Absent => vec![KEY, USERS],
        _ => vec![KEY, CERTIFICATE, USERS],
    }
}

/// The static users, hashes and all, as [`USERS`] is to hold them: on one line, since a variable is.
pub(super) fn users(document: &Document) -> Result<Secret<String>, serde_json::Error> {
    let mut alone = Document::default();
    alone.users.clone_from(&document.users);
    let written = wire::config::write(&alone, Asks::default(), 0);
    let mut out = Secret::new(String::from("{"));
    for line in written.body.expose().split(|byte| *byte == b'\n').skip(1) {
        if line.is_empty() {
            continue;
        }
        let (name, user): (String, &RawValue) = serde_json::from_slice(line)?;
        let name = Value::String(name).to_string();
        let comma = if out.expose().len() > 1 { ", " } else { "" };
        for part in [comma, &name, ": ", user.get()] {
            out.expose_mut().push_str(part);
        }
    }
    out.expose_mut().push('}');
    Ok(out)
}

/// What of a document goes over the wire, which are the keys that a proxy reads: settings, and rules.
fn written(document: &Document) -> Result<(Map<String, Value>, Vec<Value>), serde_json::Error> {
    let mut document = document.clone();
    document.users = None;
    // What a token lacks it would get from the server.
    (document.server.key, document.server.certificate) = (None, None);
    if let Some(token) = &mut document.token {
        (token.key, token.certificate) = (None, None);
    }
    let written = wire::config::write(&document, Asks::default(), 0);
    let mut lines = written
        .body
        .expose()
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let head: BTreeMap<String, Value> = serde_json::from_slice(lines.next().unwrap_or_default())?;
    let settings = match head.into_iter().find(|(key, _)| key == "settings") {
        Some((_, Value::Object(settings))) => settings,
        _ => Map::new(),
    };
    let rules: Result<Vec<Value>, _> = lines.map(serde_json::from_slice).collect();
    Ok((settings, rules?))
}

/// Whether the value is another one than what it is by itself. What it has by itself is taken out of it.
fn differs(value: &mut Value, by_itself: Option<&Value>) -> bool {
    let Some(by_itself) = by_itself else { return true };
    if let (Value::Object(value), Value::Object(by_itself)) = (&mut *value, by_itself) {
        value.retain(|key, value| differs(value, by_itself.get(key)));
        return !value.is_empty();
    }
    value != by_itself
}

fn token(token: &Map<String, Value>, site: &Site) -> Filled {
    let mut out = Filled::default();
    for (key, value) in token {
        let note = match key.as_str() {
            "issuer" => comment("The registry's `issuer`."),
            "expiration" => comment("Seconds. A token is good until it ends, whatever changes here meanwhile."),
            _ => Filled::default(),
        };
        out = out.and(&note).and(&entry(key, value));
    }
    let has_certificate = site.certificate != Pem::Absent;
    let note = if has_certificate {
        "Names of environment variables: a private key in PEM, and its certificate, which the registry trusts."
    } else {
        "The name of an environment variable: a private key in PEM."
    };
    out = out.and(&comment(note)).and(&entry("key_env", &json!(KEY)));
    if has_certificate {
        out = out.and(&entry("certificate_env", &json!(CERTIFICATE)));
    }
    out
}
