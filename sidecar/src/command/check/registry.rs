//! Whether a registry believes the tokens of a configuration, by the registry's own file.

use std::path::Path;

use http::Uri;
use registry_auth_core::config::Document;
use registry_auth_core::config::token::KeyHeader;
use registry_auth_core::problem::Problems;
use registry_auth_core::request::route::{Endpoint, Route};
use registry_auth_core::token::SigningKey;
use registry_auth_core::token::bundle::{Bundle, Trust};

use super::super::registry::TokenAuth;
use super::report::Part;
use crate::config::{self, Other};

/// What tokens are like.
pub(super) struct Tokens<'a> {
    pub(super) document: &'a Document,
    /// Where they are asked for, and what signs them; `None` if the configuration is not right.
    pub(super) signed: Option<(&'a Endpoint, &'a SigningKey)>,
}

/// Compares the registry's file at `path` with the tokens that it will be shown.
pub(super) fn compare(path: &Path, tokens: &Tokens<'_>) -> Part {
    let Other {
        node,
        mut problems,
        mut origin,
    } = config::load_other(path);
    if let Some(node) = node {
        match TokenAuth::read(node, &mut problems) {
            Some(registry) => {
                compare_names(&registry, tokens, &mut problems);
                compare_realm(&registry, tokens, &mut problems);
                compare_bundle(&registry, tokens, &mut origin, &mut problems);
            }
            None if problems.is_refusal() => {}
            None => lacks(tokens, &mut problems),
        }
    }
    Part { origin, problems }
}

fn lacks(tokens: &Tokens<'_>, problems: &mut Problems) {
    let issuer = tokens.issuer().unwrap_or("registry-auth");
    problems.error(
        &TokenAuth::place(),
        format_args!(
            "is missing, so the registry asks nobody for a token; write `auth: {{token: {{realm: \
             \"https://registry.example/token\", service: registry, issuer: {issuer}, rootcertbundle: \
             /etc/registry/token.crt}}}}`"
        ),
    );
}

/// Issuer and service: what both sides must call alike.
fn compare_names(registry: &TokenAuth, tokens: &Tokens<'_>, problems: &mut Problems) {
    let place = TokenAuth::place().key("issuer");
    match (&registry.issuer, tokens.issuer()) {
        (None, Some(ours)) => problems.error(&place, format_args!("is missing; write `issuer: {ours}`")),
        (Some(theirs), Some(ours)) if theirs != ours => problems.error(
            &place,
            format_args!(
                "is `{theirs}`, and tokens say `{ours}` (`token.issuer`), so the registry refuses every token; write \
                 `{ours}` here, or `{theirs}` there"
            ),
        ),
        _ => {}
    }
    let place = TokenAuth::place().key("service");
    match (&registry.service, &tokens.document.services) {
        (None, _) => problems.error(
            &place,
            "is missing; write the name by which tokens are for this registry, such as `registry`",
        ),
        (Some(theirs), Some(ours)) if !ours.contains(theirs) => problems.error(
            &place,
            format_args!(
                "is `{theirs}`, which is not among `services`, so no token is made for this registry; add it there"
            ),
        ),
        _ => {}
    }
}

/// Whether clients are sent to where tokens are.
fn compare_realm(registry: &TokenAuth, tokens: &Tokens<'_>, problems: &mut Problems) {
    let place = TokenAuth::place().key("realm");
    let Some(realm) = &registry.realm else {
        // With `autoredirect` it sends clients to its own host.
        if !registry.redirects {
            problems.error(
                &place,
                "is missing; write where clients ask for tokens, such as `https://registry.example/token`",
            );
        }
        return;
    };
    let uri: Option<Uri> = realm.parse().ok();
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    let Some(uri) = uri else {
        problems.error(
            &place,
            format_args!(
                "`{realm}` is no address that clients can ask; write it whole, as `https://registry.example/token`"
            ),
        );
        return;
    };
    if let Some((endpoint, _)) = tokens.signed
        && endpoint.route(b"", uri.path().as_bytes()) != Route::Token
    {
        let prefix = tokens.document.server.path_prefix.as_deref().unwrap_or_default();
        problems.error(
            &place,
            format_args!(
                "leads to `{}`, where no tokens are; let it end in `{prefix}/token`, or `{prefix}/auth` as in docker_auth",
                uri.path()
            ),
        );
    }
    let is_loopback = uri
        .host()
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if uri.scheme_str() == Some("http") && !is_loopback {
        problems.warn(
            &place,
            "has clients send their passwords in the clear; write `https://`, with TLS where tokens are asked for",
        );
    }
}

/// Whether the registry knows the key.
fn compare_bundle(registry: &TokenAuth, tokens: &Tokens<'_>, origin: &mut config::Origin, problems: &mut Problems) {
    let place = TokenAuth::place().key("rootcertbundle");
    let Some(path) = &registry.bundle else {
        if registry.key_set.is_none() {
            problems.error(
                &place,
                "is missing, so the registry believes no token; name a file with the certificate of `token.key`",
            );
        }
        return;
    };
    let text = origin.with_sources(&|_| None, |sources| sources.file(path, &place, problems));
    let Some(text) = text else { return };
    let Some(bundle) = problems.keep(&place, Bundle::from_pem(text.expose())) else {
        return;
    };
    let Some((_, key)) = tokens.signed else { return };
    let certificate = tokens.certificate();
    let trust = bundle.trust(key, certificate.filter(|_| tokens.carry_certificates()));
    // With a `jwks` file, the key may be in that.
    if trust == Trust::Nothing && registry.key_set.is_none() {
        let mend = if certificate.is_some() {
            "write the file of `token.certificate` here, or add that certificate to this file"
        } else {
            "make a certificate of `token.key`, name it as `token.certificate`, and write its file here"
        };
        problems.error(
            &place,
            format_args!(
                "`{path}` holds no certificate of the key that signs tokens, nor of one that signed its certificate, so \
                 the registry refuses every token; {mend}"
            ),
        );
    }
}

impl<'a> Tokens<'a> {
    fn issuer(&self) -> Option<&'a str> {
        self.document.token.as_ref()?.issuer.as_deref()
    }

    fn certificate(&self) -> Option<&'a str> {
        let token = self.document.token.as_ref()?;
        token.pair_or_of_the_server(&self.document.server).1
    }

    fn carry_certificates(&self) -> bool {
        let header = self.document.token.as_ref().and_then(|token| token.key_header);
        header.unwrap_or_default() == KeyHeader::X5c
    }
}
