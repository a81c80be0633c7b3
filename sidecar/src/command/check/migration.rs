//! What of a file that was written for docker_auth is read otherwise here, entry by entry.

use registry_auth_core::acl::review::{Stands, variables};
use registry_auth_core::config::Document;
use registry_auth_core::config::backend::{AuthnBackend, AuthzBackend};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::token::Algorithm;

use crate::prepared::Prepared;

pub(super) fn warn(document: &Document, prepared: Option<&Prepared>, problems: &mut Problems) {
    address(document, problems);
    token(document, prepared, problems);
    rules(document, problems);
    programs(document, problems);
    databases(document, problems);
    directories(document, problems);
}

/// docker_auth takes what the client wrote, unless told otherwise.
fn address(document: &Document, problems: &mut Problems) {
    let server = &document.server;
    if server.real_ip_header.is_some() && server.real_ip_pos.is_none() {
        problems.warn(
            &Place::root().key("server").key("real_ip_header"),
            "is read from its end, where your proxy writes; docker_auth takes the first address of it, which clients write \
             themselves; leave it so, or say with `real_ip_pos` which one it is (`-2` behind two proxies)",
        );
    }
}

fn token(document: &Document, prepared: Option<&Prepared>, problems: &mut Problems) {
    let Some(token) = &document.token else { return };
    let place = Place::root().key("token");
    let (_, certificate) = token.pair_or_of_the_server(&document.server);
    if certificate.is_some() && token.key_header.is_none() {
        problems.warn(
            &place,
            "each one carries its certificate (`x5c`) besides `kid`, and an expired certificate is refused; docker_auth \
             writes `kid` alone; registries take both, and `key_header: kid` is as it was there",
        );
    }
    let algorithm = prepared.map(|prepared| prepared.generation.policy.key.algorithm());
    let is_ec = matches!(algorithm, Some(Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512));
    if is_ec && token.disable_legacy_key_id {
        problems.warn(
            &place.key("disable_legacy_key_id"),
            "gives this key its own `kid`; docker_auth gives all keys of a curve the same, so a `jwks` file with that one \
             fits no longer; make it anew",
        );
    }
}

/// Values that others choose are text here.
fn rules(document: &Document, problems: &mut Problems) {
    let program = document.program.as_ref();
    let backends = program.map_or(&[][..], |program| &program.backends.authn);
    // A back-end that says itself how its labels are meant has said it for this program.
    let mut silent = backends
        .iter()
        .filter(|(_, section)| !section.remaining().any(|key| key == "labels_are_patterns"))
        // What an operator writes into a database keeps its wildcards.
        .filter(|(backend, _)| !matches!(backend, AuthnBackend::Mongo | AuthnBackend::Sql));
    let silent = silent.next();
    for rule in document.acl.iter().flatten() {
        for (place, variable, stands) in variables(rule) {
            match (stands, silent) {
                (Stands::Capture, _) => problems.warn(
                    &place,
                    format_args!(
                        "`{variable}` is plain text; in docker_auth an account or name with `*` in it would be a pattern \
                         here; leave it so, unless you relied on that"
                    ),
                ),
                (Stands::Label, Some((backend, _))) => problems.warn(
                    &place,
                    format_args!(
                        "`{variable}` is plain text where the label comes from `{0}`; docker_auth takes it for a pattern; if \
                         you rely on that, write `labels_are_patterns: glob` into `{0}`",
                        backend.key()
                    ),
                ),
                _ => {}
            }
        }
    }
}

/// docker_auth takes the account as it was typed.
fn directories(document: &Document, problems: &mut Problems) {
    let backends = document.program.iter().flat_map(|program| &program.backends.authn);
    for (_, section) in backends.filter(|(backend, _)| matches!(backend, AuthnBackend::Ldap(_))) {
        problems.warn(
            section.place(),
            "lets each account in under the name that its entry has, whatever case and spaces were typed; docker_auth takes \
             what was typed, so rules that name accounts must have the directory's spelling",
        );
    }
}

/// docker_auth lets programs run as long and as many as may be.
fn programs(document: &Document, problems: &mut Problems) {
    let Some(program) = &document.program else { return };
    let accounts = program.backends.authn.iter();
    let accounts = accounts.filter_map(|(backend, section)| (*backend == AuthnBackend::Program).then_some(section));
    let rights = program.backends.authz.iter();
    let rights = rights.filter_map(|(backend, section)| (*backend == AuthzBackend::Program).then_some(section));
    for section in accounts.chain(rights) {
        if !section.remaining().any(|key| key == "timeout") {
            problems.warn(
                section.place(),
                "is ended when it runs for longer than 5 s, and 16 run at once; docker_auth has no limits; set `timeout` and \
                 `parallel` if it needs more",
            );
        }
    }
    for (backend, section) in &program.backends.authn {
        if *backend == AuthnBackend::Program && !section.remaining().any(|key| key == "format") {
            problems.warn(
                section.place(),
                "is not asked about accounts with white space in their names, which its input cannot tell from the password; \
                 set `format: json` if you have such",
            );
        }
    }
}

/// docker_auth leaves it to the database which names are equal.
fn databases(document: &Document, problems: &mut Problems) {
    let Some(program) = &document.program else { return };
    for (backend, section) in &program.backends.authn {
        if *backend == AuthnBackend::Sql && section.is("database_type", "mysql") {
            problems.warn(
                section.place(),
                "lets an account in only under its very name; in docker_auth MySQL takes `BOB` for `bob`, and passes over \
                 spaces behind it, so that rules for `bob` do not hold for `BOB`; tell who signs in by another spelling",
            );
        }
    }
}
