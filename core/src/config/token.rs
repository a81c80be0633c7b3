//! `token`: what tokens say, and what signs them, as written.

use super::node::Section;
use super::server::Server;
use super::{Sources, choice};
use crate::problem::Problems;
use crate::secret::Secret;

/// The `token` section.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// Claim `iss`, and the realm of the Basic challenge.
    pub issuer: Option<String>,
    /// Seconds a token lives.
    pub expiration: Option<i64>,
    /// The private key, PEM.
    pub key: Option<Secret<String>>,
    /// The key's certificate and the chain above it, PEM.
    pub certificate: Option<String>,
    /// How a registry finds the key; `x5c` if absent and there is a certificate.
    pub key_header: Option<KeyHeader>,
    /// Whether `kid` is the RFC 7638 thumbprint instead of libtrust's form.
    pub disable_legacy_key_id: bool,
}

/// `token.key_header`: what the token's header says of the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyHeader {
    /// The certificate chain, and `kid`.
    #[default]
    X5c,
    /// `kid` alone.
    Kid,
}

impl KeyHeader {
    const WORDS: [(&'static str, Self); 2] = [("x5c", Self::X5c), ("kid", Self::Kid)];
}

impl Token {
    /// With the server's key and certificate, if it has none of its own.
    pub(crate) fn or_of_the_server(mut self, server: &Server) -> Self {
        if self.key.is_none() && self.certificate.is_none() {
            self.key.clone_from(&server.key);
            self.certificate.clone_from(&server.certificate);
        }
        self
    }

    pub(super) fn read(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Self {
        let key = pem(&mut section, "key", "key_env", sources, problems);
        let certificate = pem(&mut section, "certificate", "certificate_env", sources, problems);
        let token = Self {
            issuer: section.text("issuer", problems),
            expiration: section.integer("expiration", problems),
            key,
            certificate: certificate.map(|text| text.expose().clone()),
            key_header: choice(&mut section, "key_header", problems, &KeyHeader::WORDS),
            disable_legacy_key_id: section.flag("disable_legacy_key_id", problems).unwrap_or_default(),
        };
        section.finish(problems);
        token
    }
}

/// The PEM text of `key`, which holds it or names a file with it, or of the variable that `key_env` names.
fn pem(
    section: &mut Section,
    key: &'static str,
    key_env: &'static str,
    sources: Sources<'_>,
    problems: &mut Problems,
) -> Option<Secret<String>> {
    let written = section.text(key, problems).map(Secret::new);
    let Some(name) = section.text(key_env, problems) else {
        return sources.pem(written?, &section.place_of(key), key_env, problems);
    };
    let place = section.place_of(key_env);
    if written.is_some() {
        problems.error(&place, format_args!("stands beside `{key}`; keep one of them"));
    }
    sources.variable(&name, &place, problems)
}
