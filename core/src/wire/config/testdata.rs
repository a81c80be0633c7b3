//! Documents of any content, for tests of what is written and read.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::config::cache::Cache;
use crate::config::{Audit, Document, RequestBody, acl, server, token, users};
use crate::problem::Place;
use crate::secret::Secret;
use crate::throttle::{HashShare, Settings};

/// A document with anything in it that a proxy's configuration can hold.
pub(crate) fn document() -> impl Strategy<Value = Document> {
    let lists = (option::of(users()), option::of(rules()), option::of(vec(text(), 0..3)));
    let words = (
        prop_oneof![Just(RequestBody::Read), Just(RequestBody::Route)],
        prop_oneof![Just(Audit::AccessLog), Just(Audit::Log), Just(Audit::Off)],
        any::<bool>(),
    );
    let parts = (server(), option::of(token()), cache(), option::of(throttle()));
    (parts, lists, words).prop_map(
        |((server, token, cache, throttle), (users, acl, services), (request_body, audit, double_star))| Document {
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
            program: None,
        },
    )
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z/*?]{0,8}", any::<String>(), Just("\"\\\u{0}\n\u{2028}".to_owned())]
}

fn number() -> impl Strategy<Value = i64> {
    -9_007_199_254_740_992..=9_007_199_254_740_992_i64
}

fn server() -> impl Strategy<Value = server::Server> {
    let texts = (option::of(text()), option::of(text()), option::of(vec(text(), 0..3)));
    (texts, option::of(number()), any::<bool>(), any::<bool>()).prop_map(
        |((path_prefix, real_ip_header, hosts), real_ip_pos, own_host, hsts)| server::Server {
            path_prefix,
            real_ip_header,
            real_ip_pos,
            hosts,
            own_host,
            hsts,
            certificate: None,
            key: None,
        },
    )
}

fn pem() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("-----BEGIN {text}"))
}

fn token() -> impl Strategy<Value = token::Token> {
    let header = option::of(prop_oneof![Just(token::KeyHeader::X5c), Just(token::KeyHeader::Kid)]);
    let texts = (option::of(text()), option::of(pem()), option::of(pem()));
    (texts, option::of(number()), header, any::<bool>()).prop_map(
        |((issuer, key, certificate), expiration, key_header, disable_legacy_key_id)| token::Token {
            issuer,
            expiration,
            key: key.map(Secret::new),
            certificate,
            key_header,
            disable_legacy_key_id,
        },
    )
}

fn users() -> impl Strategy<Value = Vec<users::User>> {
    let labels = btree_map(text(), vec(text(), 0..3), 0..3);
    btree_map(text(), (option::of(text()), labels), 0..4).prop_map(|users: BTreeMap<_, _>| {
        let user = |(name, (password, labels)): (String, (Option<String>, _))| users::User {
            place: Place::root().key("users").key(&name),
            name,
            password: password.map(Secret::new),
            labels,
        };
        users.into_iter().map(user).collect()
    })
}

fn rules() -> impl Strategy<Value = Vec<acl::Rule>> {
    let pattern = || option::of(text());
    let fields = (pattern(), pattern(), pattern(), pattern(), pattern());
    let labels = btree_map(text(), text(), 0..3).prop_map(|labels| labels.into_iter().rev().collect());
    let matches = (fields, labels).prop_map(|((account, kind, name, service, ip), labels)| acl::Match {
        account,
        kind,
        name,
        service,
        ip,
        labels,
    });
    vec((matches, vec(text(), 0..3), option::of(text())), 0..4).prop_map(|rules| {
        let rule = |(i, (matches, actions, comment))| acl::Rule {
            place: Place::root().key("acl").index(i),
            matches,
            actions,
            comment,
        };
        rules.into_iter().enumerate().map(rule).collect()
    })
}

fn cache() -> impl Strategy<Value = Cache> {
    let span = |longest: u64| (0..longest).prop_map(Duration::from_nanos);
    (span(86_400_000_000_000), any::<bool>(), span(300_000_000_000)).prop_map(
        |(credentials_ttl, tokens, decisions_ttl)| Cache {
            credentials_ttl,
            decisions_ttl,
            tokens,
        },
    )
}

fn throttle() -> impl Strategy<Value = Settings> {
    let span = || (1_000_000_000..86_400_000_000_000_u64).prop_map(Duration::from_nanos);
    (1..=20_usize, span(), span(), span(), 16..=1_048_576_usize, 1..=1000_u32).prop_map(
        |(failures, window, brake, brake_max, entries, thousandths)| Settings {
            failures,
            window,
            brake: brake.min(brake_max),
            brake_max,
            entries,
            hash_share: HashShare::new(f64::from(thousandths) / 1000.0).unwrap(),
        },
    )
}
