//! What one generation decides by: a document, compiled.

mod assembly;
mod remains;
mod settings;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use assembly::Assembly;
pub use remains::Remains;
pub use settings::token_lifetime;

use crate::acl::Acl;
use crate::authn::StaticUsers;
use crate::authn::hash::MAX_BCRYPT_COST;
use crate::client_address::RealIp;
use crate::config::backend::Refused;
use crate::config::cache::Cache;
use crate::config::{Audit, Document, RequestBody, token};
pub use crate::piecemeal::Progress;
use crate::piecemeal::TextMark;
use crate::problem::{Place, Problem, Problems};
use crate::reply::Replies;
use crate::request::route::Endpoint;
use crate::service::Service;
use crate::throttle::Settings as Throttle;
use crate::time::Timestamp;
use crate::token::{Mint, SigningKey};
use settings::{KnownKey, Minting, Origin, Served, Settings};

/// From this cost on, a hash holds up a proxy's worker for longer than 2 ms.
const DEAR_BCRYPT_COST: u32 = 6;
/// What one round of bcrypt took inside Envoy, in microseconds: 1,650 for the 32 rounds of cost 5.
const MICROSECONDS_PER_ROUND: u64 = 52;
/// What one KiB of argon2id takes in one pass, in microseconds: an estimate, not measured inside Envoy.
const MICROSECONDS_PER_KIB: u64 = 2;

const NO_USERS: &str = "write `users: {}` if nobody may sign in";
const NO_RULES: &str = "write `acl: []` to grant nothing";

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
    pub services: Option<Arc<BTreeSet<Service>>>,
    /// What makes tokens.
    pub mint: Mint,
    /// What signs them.
    pub key: Arc<SigningKey>,
    /// How answers look.
    pub replies: Replies,
    /// What becomes of POST bodies.
    pub request_body: RequestBody,
    /// Where audit records go.
    pub audit: Audit,
    /// What is remembered.
    pub cache: Cache,
    /// How guessing is braked; `None` if it is not.
    pub throttle: Option<Throttle>,
    /// What is asked elsewhere.
    pub asks: Asks,
    key_text: TextMark,
    origin: Origin,
}

/// What is asked elsewhere, since back-ends are configured that know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// Who accounts are that no static user is.
    pub accounts: bool,
    /// What they may do where no rule says so.
    pub scopes: bool,
}

impl Asks {
    /// What the back-ends of `document` are asked for.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let backends = document.program.as_ref().map(|program| &program.backends);
        Self {
            accounts: backends.is_some_and(|backends| !backends.authn.is_empty()),
            scopes: backends.is_some_and(|backends| !backends.lists.is_empty() || !backends.authz.is_empty()),
        }
    }
}

impl Policy {
    /// Compiles `document`, with which `problems` were found so far, as of `now`.
    ///
    /// # Errors
    /// All problems, if one of them is a fault. With the policy come the warnings.
    pub fn compile(
        mut document: Document,
        now: Timestamp,
        mut problems: Problems,
    ) -> Result<(Self, Vec<Problem>), Problems> {
        let asks = Asks::of(&document);
        let served = Served::compile(&document, &mut problems);
        // A section that is refused by name is not told again as what it would have stood for.
        let refused = Refused::among(&problems);
        let users = document
            .users
            .take()
            .or_else(|| (asks.accounts || !refused.accounts.is_empty()).then(Vec::new));
        let users =
            required(users, "users", NO_USERS, &mut problems).map(|users| StaticUsers::compile(users, &mut problems));
        if let (Some(users), None) = (&users, &document.program) {
            warn_of_dear_hashes(users, &mut problems);
        }
        let rules = document
            .acl
            .take()
            .or_else(|| (asks.scopes || !refused.rights.is_empty()).then(Vec::new));
        let acl = required(rules, "acl", NO_RULES, &mut problems)
            .map(|rules| Acl::compile(&rules, document.acl_options, &mut problems));
        let token = document
            .token
            .take()
            .map(|token| token.or_of_the_server(&document.server));
        let token =
            required_token(token, &mut problems).and_then(|token| Minting::compile(token, None, now, &mut problems));
        let policy = match (users, acl, token) {
            (Some(users), Some(acl), Some(minting)) => {
                let settings = Settings::new(&document, served, minting);
                Some(Self::of(settings, users, acl, asks))
            }
            _ => None,
        };
        problems.or(policy)
    }

    fn of(settings: Settings, users: StaticUsers, acl: Acl, asks: Asks) -> Self {
        let Settings {
            endpoint,
            real_ip,
            services,
            mint,
            replies,
            request_body,
            audit,
            cache,
            throttle,
            key: KnownKey { text: key_text, key },
            origin,
        } = settings;
        Self {
            endpoint,
            real_ip,
            users,
            acl,
            services,
            mint,
            key,
            replies,
            request_body,
            audit,
            cache,
            throttle,
            asks,
            key_text,
            origin,
        }
    }

    /// Whether tokens are signed with the same key as those of `other`, so that what signs them can stay.
    #[must_use]
    pub fn same_key(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.key, &other.key) || self.key.pkcs8_der() == other.key.pkcs8_der()
    }

    /// Begins to take the policy apart: to free all users and rules at once would take many milliseconds. What another
    /// policy took over stays with that one.
    pub fn dismantle(self) -> Remains {
        Remains::of(self.users.dismantle(), self.acl.dismantle())
    }
}

fn required_token(token: Option<token::Token>, problems: &mut Problems) -> Option<token::Token> {
    required(token, "token", "it needs `issuer` and `key`", problems)
}

fn required<T>(section: Option<T>, key: &str, mend: &str, problems: &mut Problems) -> Option<T> {
    if section.is_none() && !problems.is_refusal_at(&Place::root().key(key)) {
        problems.error(&Place::root().key(key), format_args!("is missing; {mend}"));
    }
    section
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

#[cfg(test)]
mod tests;
