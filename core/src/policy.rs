//! What one generation decides by: a document, compiled.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::acl::Acl;
use crate::authn::StaticUsers;
use crate::authn::hash::MAX_BCRYPT_COST;
use crate::client_address::RealIp;
use crate::config::cache::Cache;
use crate::config::token::KeyHeader;
use crate::config::{Audit, Document, RequestBody, server, token};
use crate::problem::{Place, Problem, Problems};
use crate::reply::Replies;
use crate::request::route::Endpoint;
use crate::service::Service;
use crate::throttle::Settings;
use crate::time::Timestamp;
use crate::token::{Chain, Header, KidForm, Mint, SigningKey};

/// What every client takes a token to live at least.
const SHORTEST_LIFE: i64 = 60;
/// The life of a token of which the configuration says nothing.
const DEFAULT_LIFE: i64 = 900;
/// A year: beyond it a token is a password that cannot be changed.
const LONGEST_LIFE: i64 = 366 * 86_400;

/// From this cost on, a hash holds up a proxy's worker for longer than 2 ms.
const DEAR_BCRYPT_COST: u32 = 6;
/// What one round of bcrypt took inside Envoy, in microseconds: 1,650 for the 32 rounds of cost 5.
const MICROSECONDS_PER_ROUND: u64 = 52;
/// What one KiB of argon2id takes in one pass, in microseconds: an estimate, not measured inside Envoy.
const MICROSECONDS_PER_KIB: u64 = 2;

/// A configuration, ready to decide by.
#[derive(Debug)]
pub struct Policy {
    /// Where token requests are answered.
    pub endpoint: Endpoint,
    /// The header with the client's address, if it is not the connection's.
    pub real_ip: Option<RealIp>,
    /// Who the static users are.
    pub users: StaticUsers,
    /// What accounts may do.
    pub acl: Acl,
    /// The services a token may be minted for; any, if `None`.
    pub services: Option<BTreeSet<Service>>,
    /// What makes tokens.
    pub mint: Mint,
    /// What signs them.
    pub key: SigningKey,
    /// How answers look.
    pub replies: Replies,
    /// What becomes of POST bodies.
    pub request_body: RequestBody,
    /// Where audit records go.
    pub audit: Audit,
    /// What is remembered.
    pub cache: Cache,
    /// How guessing is braked; `None` if it is not.
    pub throttle: Option<Settings>,
    /// What is asked elsewhere.
    pub asks: Asks,
}

/// What is asked elsewhere, since back-ends are configured that know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// Who accounts are that no static user is.
    pub accounts: bool,
    /// What they may do where no rule says so.
    pub scopes: bool,
}

impl Policy {
    /// Compiles `document`, with which `problems` were found so far, as of `now`.
    ///
    /// # Errors
    /// All problems, if one of them is a fault. With the policy come the warnings.
    pub fn compile(
        document: Document,
        now: Timestamp,
        mut problems: Problems,
    ) -> Result<(Self, Vec<Problem>), Problems> {
        let asks = document.program.as_ref().map(|program| Asks {
            accounts: !program.backends.authn.is_empty(),
            scopes: !program.backends.authz.is_empty(),
        });
        let asks = asks.unwrap_or_default();
        let endpoint = Endpoint::compile(&document.server, &mut problems);
        let real_ip = real_ip(&document.server, &mut problems);
        let services = document
            .services
            .as_ref()
            .map(|services| compile_services(services, &mut problems));
        let users = document.users.or_else(|| asks.accounts.then(Vec::new));
        let users = required(users, "users", "write `users: {}` if nobody may sign in", &mut problems)
            .map(|users| StaticUsers::compile(users, &mut problems));
        if let (Some(users), None) = (&users, &document.program) {
            warn_of_dear_hashes(users, &mut problems);
        }
        let rules = document.acl.or_else(|| asks.scopes.then(Vec::new));
        let acl = required(rules, "acl", "write `acl: []` to grant nothing", &mut problems)
            .map(|rules| Acl::compile(&rules, document.acl_options, &mut problems));
        let token = document.token.map(|token| token.or_of_the_server(&document.server));
        let token = required(token, "token", "it needs `issuer` and `key`", &mut problems)
            .and_then(|token| compile_token(token, now, &mut problems));
        let policy = match (users, acl, token) {
            (Some(users), Some(acl), Some(Minting { issuer, mint, key })) => Some(Self {
                endpoint,
                real_ip,
                users,
                acl,
                services,
                mint,
                key,
                replies: Replies::new(&issuer, document.server.hsts),
                request_body: document.request_body,
                audit: document.audit,
                cache: document.cache,
                throttle: document.throttle,
                asks,
            }),
            _ => None,
        };
        problems.or(policy)
    }
}

fn required<T>(section: Option<T>, key: &str, mend: &str, problems: &mut Problems) -> Option<T> {
    if section.is_none() && !problems.is_refusal_at(&Place::root().key(key)) {
        problems.error(&Place::root().key(key), format_args!("is missing; {mend}"));
    }
    section
}

fn real_ip(server: &server::Server, problems: &mut Problems) -> Option<RealIp> {
    let place = Place::root().key("server");
    let header = server.real_ip_header.as_deref().filter(|header| !header.is_empty());
    let Some(header) = header else {
        if server.real_ip_pos.is_some() {
            problems.warn(&place.key("real_ip_pos"), "has no effect without `real_ip_header`");
        }
        return None;
    };
    if !header
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    {
        problems.error(&place.key("real_ip_header"), "must be the name of a header");
    }
    if server.real_ip_pos.is_some_and(|position| position >= 0) {
        problems.warn(
            &place.key("real_ip_pos"),
            "counts from the left, where clients write what they like; count trusted proxies from the right (`-1` is the last)",
        );
    }
    Some(RealIp::new(
        header,
        server.real_ip_pos.unwrap_or(RealIp::DEFAULT_POSITION),
    ))
}

fn compile_services(services: &[String], problems: &mut Problems) -> BTreeSet<Service> {
    let place = Place::root().key("services");
    if services.is_empty() {
        problems.error(
            &place,
            "lists no service, so no token could be minted; leave it out to allow any",
        );
    }
    let parsed = services.iter().enumerate();
    parsed
        .filter_map(|(i, service)| problems.keep(&place.index(i), Service::parse(service)))
        .collect()
}

fn warn_of_dear_hashes(users: &StaticUsers, problems: &mut Problems) {
    let (bcrypt_cost, argon2_kib) = users.dearest();
    let bcrypt = bcrypt_cost.filter(|cost| (DEAR_BCRYPT_COST..=MAX_BCRYPT_COST).contains(cost));
    let bcrypt = bcrypt.map(|cost| (1_u64 << cost).saturating_mul(MICROSECONDS_PER_ROUND));
    let argon2 = argon2_kib.map(|kib| u64::from(kib).saturating_mul(MICROSECONDS_PER_KIB));
    if let Some(microseconds) = bcrypt.max(argon2) {
        problems.warn(
            &Place::root().key("users"),
            format_args!(
                "hold a hash that stops a worker of the proxy for about {} ms at each sign-in; bcrypt of cost 5 takes 2 ms",
                microseconds / 1_000
            ),
        );
    }
}

struct Minting {
    issuer: String,
    mint: Mint,
    key: SigningKey,
}

fn compile_token(token: token::Token, now: Timestamp, problems: &mut Problems) -> Option<Minting> {
    let place = Place::root().key("token");
    let lifetime = lifetime(token.expiration, &place, problems);
    let key = key(token.key.as_ref(), &place, problems);
    let issuer = issuer(token.issuer, &place, problems);
    let (key, issuer) = (key?, issuer?);
    let chain = match (&token.certificate, token.key_header) {
        (Some(text), key_header) => {
            let key_header = key_header.unwrap_or_default();
            let chain = certificate(text, key_header, &key, now, problems)?;
            (key_header == KeyHeader::X5c).then_some(chain)
        }
        (None, Some(KeyHeader::X5c)) => {
            problems.error(&place.key("key_header"), "is `x5c`, which needs `certificate`");
            return None;
        }
        (None, _) => None,
    };
    let form = if token.disable_legacy_key_id {
        KidForm::Thumbprint
    } else {
        KidForm::Libtrust
    };
    let header = Header::new(&key, form, chain.as_ref());
    Some(Minting {
        mint: Mint::new(&issuer, lifetime, header),
        issuer,
        key,
    })
}

fn issuer(issuer: Option<String>, place: &Place, problems: &mut Problems) -> Option<String> {
    let place = place.key("issuer");
    match issuer {
        Some(issuer) if issuer.is_empty() => problems.error(&place, "is empty"),
        Some(issuer) if issuer.chars().any(char::is_control) => {
            problems.error(&place, "must not contain control characters");
        }
        Some(issuer) => return Some(issuer),
        None => problems.error(&place, "is missing; registries know it as `auth.token.issuer`"),
    }
    None
}

fn lifetime(expiration: Option<i64>, place: &Place, problems: &mut Problems) -> Duration {
    let place = place.key("expiration");
    let seconds = expiration.unwrap_or(DEFAULT_LIFE);
    if !(1..=LONGEST_LIFE).contains(&seconds) {
        problems.error(
            &place,
            format_args!("must be a number of seconds from 1 to {LONGEST_LIFE}, not {seconds}"),
        );
    } else if seconds < SHORTEST_LIFE {
        problems.warn(
            &place,
            format_args!("counts as {SHORTEST_LIFE}: no client takes a token to live shorter"),
        );
    }
    Duration::from_secs(seconds.max(SHORTEST_LIFE).unsigned_abs())
}

fn key(pem: Option<&crate::secret::Secret<String>>, place: &Place, problems: &mut Problems) -> Option<SigningKey> {
    let place = place.key("key");
    let Some(pem) = pem else {
        if !problems.is_refusal_at(&place) && !problems.is_refusal_at(&Place::root().key("token").key("key_env")) {
            problems.error(
                &place,
                "is missing; it is what tokens are signed with, or name a variable with `key_env`",
            );
        }
        return None;
    };
    problems.keep(&place, SigningKey::from_pem(pem))
}

/// The chain, if it fits the key and is valid as far as `key_header` needs it to be.
fn certificate(
    text: &str,
    key_header: KeyHeader,
    key: &SigningKey,
    now: Timestamp,
    problems: &mut Problems,
) -> Option<Chain> {
    let place = Place::root().key("token").key("certificate");
    let chain = problems.keep(&place, Chain::from_pem(text, key))?;
    match (chain.validity(now), key_header) {
        (Ok(()), _) => {}
        (Err(not_valid), KeyHeader::X5c) => {
            problems.error(&place, not_valid);
            return None;
        }
        (Err(not_valid), KeyHeader::Kid) => problems.warn(&place, not_valid),
    }
    Some(chain)
}

#[cfg(test)]
mod tests;
