//! All of a configuration but its users and rules, compiled.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::Policy;
use crate::client_address::RealIp;
use crate::config::cache::Cache;
use crate::config::token::KeyHeader;
use crate::config::{Audit, Document, RequestBody, server, token};
use crate::piecemeal::TextMark;
use crate::problem::{Place, Problem, Problems};
use crate::reply::Replies;
use crate::request::route::Endpoint;
use crate::secret::Secret;
use crate::service::Service;
use crate::throttle::Settings as Throttle;
use crate::time::Timestamp;
use crate::token::key::KeyError;
use crate::token::{Chain, Header, KidForm, Mint, SigningKey};

/// What every client takes a token to live at least.
const SHORTEST_LIFE: i64 = 60;
/// The life of a token of which the configuration says nothing.
const DEFAULT_LIFE: i64 = 900;
/// A year: beyond it a token is a password that cannot be changed.
const LONGEST_LIFE: i64 = 366 * 86_400;

/// What a policy has beside users and rules. Cheap to copy, so that the next configuration can take it over.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) endpoint: Endpoint,
    pub(super) real_ip: Option<RealIp>,
    pub(super) services: Option<Arc<BTreeSet<Service>>>,
    pub(super) mint: Mint,
    pub(super) replies: Replies,
    pub(super) request_body: RequestBody,
    pub(super) audit: Audit,
    pub(super) cache: Cache,
    pub(super) throttle: Option<Throttle>,
    pub(super) key: KnownKey,
    pub(super) origin: Origin,
}

/// A key, and the text that it was read from: reading an RSA key takes milliseconds.
#[derive(Clone, Debug)]
pub(super) struct KnownKey {
    pub(super) text: TextMark,
    pub(super) key: Arc<SigningKey>,
}

/// What settings were read from, for as long as that amounts to the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// Nothing, if they did not come over the wire.
    pub(super) text: Option<TextMark>,
    /// When the certificates are valid, if there are any; what was found out about them holds that long.
    pub(super) validity: Option<RangeInclusive<Timestamp>>,
    /// What there was to be warned of, which is told each time.
    pub(super) warnings: Vec<Problem>,
}

/// Where token requests are answered, for whom.
pub(super) struct Served {
    pub(super) endpoint: Endpoint,
    pub(super) real_ip: Option<RealIp>,
    pub(super) services: Option<Arc<BTreeSet<Service>>>,
}

/// What makes tokens.
pub(super) struct Minting {
    issuer: String,
    mint: Mint,
    key: KnownKey,
    validity: Option<RangeInclusive<Timestamp>>,
}

impl Settings {
    /// All of `document` that is no user and no rule.
    pub(super) fn new(document: &Document, served: Served, minting: Minting) -> Self {
        Self {
            endpoint: served.endpoint,
            real_ip: served.real_ip,
            services: served.services,
            replies: Replies::new(&minting.issuer, document.server.hsts),
            mint: minting.mint,
            request_body: document.request_body,
            audit: document.audit,
            cache: document.cache,
            throttle: document.throttle,
            key: minting.key,
            origin: Origin {
                validity: minting.validity,
                ..Origin::default()
            },
        }
    }

    /// Marks that they were read from that text, with these warnings.
    pub(super) fn read_from(mut self, text: TextMark, warnings: &[Problem]) -> Self {
        self.origin.text = Some(text);
        self.origin.warnings = warnings.to_vec();
        self
    }

    /// Those of `policy`, if they were read from that text and still amount to the same at `now`.
    pub(super) fn taken_over(policy: &Policy, text: TextMark, now: Timestamp) -> Option<Self> {
        let origin = &policy.origin;
        let holds = origin.validity.as_ref().is_none_or(|validity| validity.contains(&now));
        (holds && origin.text == Some(text)).then(|| Self {
            endpoint: policy.endpoint.clone(),
            real_ip: policy.real_ip.clone(),
            services: policy.services.clone(),
            mint: policy.mint.clone(),
            replies: policy.replies.clone(),
            request_body: policy.request_body,
            audit: policy.audit,
            cache: policy.cache,
            throttle: policy.throttle,
            key: KnownKey::of(policy),
            origin: origin.clone(),
        })
    }
}

impl KnownKey {
    /// The key of `policy`.
    pub(super) fn of(policy: &Policy) -> Self {
        Self {
            text: policy.key_text,
            key: Arc::clone(&policy.key),
        }
    }

    /// The key of that text: `known`, if it was read from the same.
    pub(super) fn read(pem: &Secret<String>, known: Option<&Self>) -> Result<Self, KeyError> {
        let text = TextMark::of(pem.expose().as_bytes());
        if let Some(known) = known.filter(|known| known.text == text) {
            return Ok(known.clone());
        }
        let key = Arc::new(SigningKey::from_pem(pem)?);
        Ok(Self { text, key })
    }
}

impl Served {
    pub(super) fn compile(document: &Document, problems: &mut Problems) -> Self {
        let services = document.services.as_ref();
        Self {
            endpoint: Endpoint::compile(&document.server, problems),
            real_ip: real_ip(&document.server, problems),
            services: services.map(|services| Arc::new(compile_services(services, problems))),
        }
    }
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

impl Minting {
    /// What `token` says, as of `now`. The key is not read again if it is `known`.
    pub(super) fn compile(
        token: token::Token,
        known: Option<&KnownKey>,
        now: Timestamp,
        problems: &mut Problems,
    ) -> Option<Self> {
        let place = Place::root().key("token");
        let lifetime = lifetime(token.expiration, &place, problems);
        let key = key(token.key.as_ref(), known, &place, problems);
        let issuer = issuer(token.issuer, &place, problems);
        let (key, issuer) = (key?, issuer?);
        let mut validity = None;
        let chain = match (&token.certificate, token.key_header) {
            (Some(text), key_header) => {
                let key_header = key_header.unwrap_or_default();
                let chain = certificate(text, key_header, &key.key, now, problems)?;
                validity = Some(chain.valid_from()..=chain.valid_until());
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
        let header = Header::new(&key.key, form, chain.as_ref());
        Some(Self {
            mint: Mint::new(&issuer, lifetime, header),
            issuer,
            key,
            validity,
        })
    }
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
    counted(seconds)
}

/// So long a token lives with this `token.expiration`; `None` if it would be refused.
#[must_use]
pub fn token_lifetime(expiration: Option<i64>) -> Option<Duration> {
    let seconds = expiration.unwrap_or(DEFAULT_LIFE);
    (1..=LONGEST_LIFE).contains(&seconds).then(|| counted(seconds))
}

fn counted(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(SHORTEST_LIFE).unsigned_abs())
}

fn key(
    pem: Option<&Secret<String>>,
    known: Option<&KnownKey>,
    place: &Place,
    problems: &mut Problems,
) -> Option<KnownKey> {
    let place = place.key("key");
    let Some(pem) = pem else {
        let [token, server] = ["token", "server"].map(|section| Place::root().key(section));
        // Where the server's pair would have counted, its fault is told already.
        let told = [
            &place,
            &token.key("key_env"),
            &server.key("key"),
            &server.key("certificate"),
        ];
        if !told.into_iter().any(|place| problems.is_refusal_at(place)) {
            problems.error(
                &place,
                "is missing; it is what tokens are signed with, or name a variable with `key_env`",
            );
        }
        return None;
    };
    problems.keep(&place, KnownKey::read(pem, known))
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
