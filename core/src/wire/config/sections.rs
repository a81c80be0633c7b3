//! What is written of a document, section by section: the keys that [`Document::read`] reads.
//!
//! Every type is taken apart with all its fields, so that a new one is either written or left out on purpose.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::config::cache::Cache;
use crate::config::{Document, acl, server, token, users};
use crate::secret::Secret;
use crate::throttle;

/// `settings` of the head.
#[derive(Serialize)]
pub(super) struct Settings<'a> {
    server: Server<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Token<'a>>,
    acl_options: Options,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<&'a [String]>,
    request_body: &'static str,
    audit: &'static str,
    cache: WrittenCache,
    throttle: Throttle,
}

#[derive(Serialize)]
struct Server<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path_prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    real_ip_header: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    real_ip_pos: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<&'a [String]>,
    own_host: bool,
    hsts: bool,
}

#[derive(Serialize)]
struct Token<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_header: Option<&'static str>,
    disable_legacy_key_id: bool,
}

#[derive(Serialize)]
struct Options {
    double_star: bool,
}

#[derive(Serialize)]
struct WrittenCache {
    credentials_ttl: Span,
    decisions_ttl: Span,
    tokens: bool,
}

/// `false` if there is none.
struct Throttle(Option<Braking>);

#[derive(Serialize)]
struct Braking {
    failures: usize,
    window: Span,
    brake: Span,
    brake_max: Span,
    entries: usize,
    hash_share: f64,
}

/// A user's line.
#[derive(Serialize)]
pub(super) struct User<'a>(&'a str, Entry<'a>);

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, Vec<String>>,
}

/// A rule's line.
#[derive(Serialize)]
pub(super) struct Rule<'a> {
    #[serde(rename = "match")]
    matches: Match<'a>,
    actions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

#[derive(Serialize)]
struct Match<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    labels: Labels<'a>,
}

/// A map in its order.
struct Labels<'a>(&'a [(String, String)]);

/// A span of time as Go writes it.
struct Span(Duration);

/// What of a document is for the filter: settings, users, rules.
pub(super) fn of(document: &Document) -> (Settings<'_>, Option<&[users::User]>, Option<&[acl::Rule]>) {
    let Document {
        server,
        token,
        users,
        acl,
        acl_options: acl::Options { double_star },
        services,
        request_body,
        audit,
        cache,
        throttle,
        // What the program does for the filter is `asks`.
        program: _,
    } = document;
    let settings = Settings {
        token: token.as_ref().map(|token| Token::of(token, server)),
        server: Server::of(server),
        acl_options: Options {
            double_star: *double_star,
        },
        services: services.as_deref(),
        request_body: request_body.as_str(),
        audit: audit.as_str(),
        cache: WrittenCache::of(*cache),
        throttle: Throttle(throttle.as_ref().map(Braking::of)),
    };
    (settings, users.as_deref(), acl.as_deref())
}

impl<'a> Server<'a> {
    fn of(server: &'a server::Server) -> Self {
        let server::Server {
            path_prefix,
            real_ip_header,
            real_ip_pos,
            hosts,
            own_host,
            hsts,
            // They are the token's, if it has none.
            certificate: _,
            key: _,
        } = server;
        Self {
            path_prefix: path_prefix.as_deref(),
            real_ip_header: real_ip_header.as_deref(),
            real_ip_pos: *real_ip_pos,
            hosts: hosts.as_deref(),
            own_host: *own_host,
            hsts: *hsts,
        }
    }
}

impl<'a> Token<'a> {
    fn of(token: &'a token::Token, server: &'a server::Server) -> Self {
        let token::Token {
            issuer,
            expiration,
            key: _,
            certificate: _,
            key_header,
            disable_legacy_key_id,
        } = token;
        let (key, certificate) = token.pair_or_of_the_server(server);
        Self {
            issuer: issuer.as_deref(),
            expiration: *expiration,
            key: key.map(Secret::expose).map(|text| pem(text)),
            certificate: certificate.map(pem),
            key_header: key_header.map(token::KeyHeader::as_str),
            disable_legacy_key_id: *disable_legacy_key_id,
        }
    }
}

/// Without what may stand before the first block in a file: whoever reads it takes a text that begins otherwise for a
/// file's name.
fn pem(text: &str) -> &str {
    text.find("-----BEGIN").and_then(|at| text.get(at..)).unwrap_or(text)
}

impl WrittenCache {
    fn of(cache: Cache) -> Self {
        let Cache {
            credentials_ttl,
            decisions_ttl,
            tokens,
        } = cache;
        Self {
            credentials_ttl: Span(credentials_ttl),
            decisions_ttl: Span(decisions_ttl),
            tokens,
        }
    }
}

impl Braking {
    fn of(settings: &throttle::Settings) -> Self {
        let throttle::Settings {
            failures,
            window,
            brake,
            brake_max,
            entries,
            hash_share,
        } = settings;
        Self {
            failures: *failures,
            window: Span(*window),
            brake: Span(*brake),
            brake_max: Span(*brake_max),
            entries: *entries,
            hash_share: hash_share.as_number(),
        }
    }
}

impl<'a> User<'a> {
    pub(super) fn of(user: &'a users::User) -> Self {
        let users::User {
            place: _,
            name,
            password,
            labels,
        } = user;
        let password = password.as_ref().map(|password| password.expose().as_str());
        Self(name, Entry { password, labels })
    }
}

impl<'a> Rule<'a> {
    pub(super) fn of(rule: &'a acl::Rule) -> Self {
        let acl::Rule {
            place: _,
            matches,
            actions,
            comment,
        } = rule;
        let acl::Match {
            account,
            kind,
            name,
            service,
            ip,
            labels,
        } = matches;
        Self {
            matches: Match {
                account: account.as_deref(),
                kind: kind.as_deref(),
                name: name.as_deref(),
                service: service.as_deref(),
                ip: ip.as_deref(),
                labels: Labels(labels),
            },
            actions,
            comment: comment.as_deref(),
        }
    }
}

impl Labels<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, pattern)| (name, pattern)))
    }
}

impl Serialize for Throttle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(braking) => braking.serialize(serializer),
            None => serializer.serialize_bool(false),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0.as_secs(), self.0.subsec_nanos()) {
            (seconds, 0) => serializer.collect_str(&format_args!("{seconds}s")),
            (seconds, nanos) => serializer.collect_str(&format_args!("{seconds}s{nanos}ns")),
        }
    }
}
