//! What a configuration lacks for the place where it is to run.

use clap::ValueEnum;
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::config::{Document, RequestBody};
use registry_auth_core::problem::{Place, Problems};

use crate::prepared::Listeners;

/// Where it is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// Envoy with all of it in the plugin's configuration
    Envoy,
    /// Envoy, and `registry-auth` beside it
    EnvoyManaged,
    /// Istio's gateway, and `registry-auth` beside it
    Istio,
    /// Envoy Gateway, and `registry-auth` beside it
    EnvoyGateway,
}

/// From this cost on, bcrypt holds up a worker of Envoy for longer than 2 ms.
const DEAR_BCRYPT_COST: u32 = 6;
/// What one round of bcrypt takes there, in microseconds.
const MICROSECONDS_PER_ROUND: u64 = 52;
/// What one KiB of argon2id takes there in one pass, in microseconds.
const MICROSECONDS_PER_KIB: u64 = 2;

impl Target {
    /// The name of what stands in front.
    fn proxy(self) -> &'static str {
        match self {
            Self::Envoy | Self::EnvoyManaged => "Envoy",
            Self::Istio => "Istio's gateway",
            Self::EnvoyGateway => "Envoy Gateway",
        }
    }

    /// Whether POSTs go to `registry-auth` past the filter: the filter cannot be given their bodies there.
    fn routes_posts(self, document: &Document) -> bool {
        match self {
            Self::Envoy => false,
            Self::EnvoyManaged => document.request_body == RequestBody::Route,
            Self::Istio | Self::EnvoyGateway => true,
        }
    }
}

pub(super) fn warn(target: Target, document: &Document, listeners: Option<&Listeners>, problems: &mut Problems) {
    if target == Target::Envoy {
        dear_hashes(document, problems);
        back_ends(document, problems);
    } else if document
        .program
        .as_ref()
        .is_some_and(|program| program.filter.is_none())
    {
        problems.warn(
            &Place::root().key("filter"),
            format_args!(
                "is missing, and the filter in {} asks there; write `filter: {{listen: \"unix:/run/registry-auth/filter.sock\"}}`, \
                 or an address with what guards it",
                target.proxy()
            ),
        );
    }
    if let Some(listeners) = listeners {
        addresses(target, document, listeners, problems);
        encryption(target, listeners, problems);
    }
}

/// In a proxy without a program beside it, hashes are computed where all requests pass.
fn dear_hashes(document: &Document, problems: &mut Problems) {
    let dear = document.users.iter().flatten().filter_map(|user| {
        let hash = Hash::parse(user.password.as_ref()?.expose()).ok()?;
        let microseconds = match hash {
            Hash::Bcrypt(bcrypt) if bcrypt.cost() >= DEAR_BCRYPT_COST => {
                1_u64.checked_shl(bcrypt.cost())?.saturating_mul(MICROSECONDS_PER_ROUND)
            }
            Hash::Argon2id(argon2) => u64::from(argon2.cost().work()).saturating_mul(MICROSECONDS_PER_KIB),
            Hash::Bcrypt(_) | Hash::Sha256(_) | Hash::Crypt(_) => return None,
        };
        Some((user, microseconds))
    });
    for (user, microseconds) in dear {
        problems.warn(
            &user.place.key("password"),
            format_args!(
                "stops a worker of Envoy for about {} ms at each sign-in, and all requests with it; hash it anew with bcrypt \
                 of cost 5, which takes 2 ms, or run `registry-auth` beside Envoy (`--for envoy-managed`)",
                microseconds / 1_000
            ),
        );
    }
}

fn back_ends(document: &Document, problems: &mut Problems) {
    let Some(program) = &document.program else { return };
    let accounts = program.backends.authn.iter().map(|(_, section)| section);
    let rights = program.backends.authz.iter().map(|(_, section)| section);
    for section in accounts.chain(rights) {
        problems.warn(
            section.place(),
            "cannot be asked by Envoy itself, which refuses this section; run `registry-auth` beside it \
             (`--for envoy-managed`), or leave it out",
        );
    }
}

/// Whether rules with addresses see those of the clients.
fn addresses(target: Target, document: &Document, listeners: &Listeners, problems: &mut Problems) {
    let mut rules = document.acl.iter().flatten().filter(|rule| rule.matches.ip.is_some());
    let Some(rule) = rules.next().filter(|_| target.routes_posts(document)) else {
        return;
    };
    let Some(token) = &listeners.token else { return };
    if document.server.real_ip_header.is_none() && token.trusted_proxies.are_none() {
        problems.warn(
            &rule.place.key("match").key("ip"),
            format_args!(
                "is compared with the address of {} where a client asks by POST, since its bodies go past the filter to \
                 `registry-auth`; write the addresses of the proxy into `server.trusted_proxies`",
                target.proxy()
            ),
        );
    }
}

/// Whether passwords pass through a network in the clear.
fn encryption(target: Target, listeners: &Listeners, problems: &mut Problems) {
    let Some(listener) = listeners.token.as_ref().and_then(|token| token.listener.as_ref()) else {
        return;
    };
    if listener.tls.is_some() || listener.address.is_local() {
        return;
    }
    let place = Place::root().key("server").key("addr");
    let address = &listener.address;
    match target {
        Target::Envoy => problems.warn(
            &place,
            format_args!(
                "`{address}` can be reached from elsewhere without TLS, and passwords pass there in the clear; give Envoy's \
                 listener `server.certificate` and `server.key`, or let it listen on loopback behind what has them"
            ),
        ),
        Target::EnvoyManaged | Target::Istio | Target::EnvoyGateway => problems.warn(
            &place,
            format_args!(
                "`{address}` can be reached from elsewhere without TLS and past {}, and passwords pass there in the clear; \
                 add `server.certificate` and `server.key`, listen on loopback, start with `--listen none`, or see that the \
                 mesh encrypts",
                target.proxy()
            ),
        ),
    }
}
