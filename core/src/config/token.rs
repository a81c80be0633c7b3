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
    const WORDS: [(&'static str, Self); 2] = [(Self::X5c.as_str(), Self::X5c), (Self::Kid.as_str(), Self::Kid)];

    /// The word for it in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X5c => "x5c",
            Self::Kid => "kid",
        }
    }
}

impl Token {
    /// With the server's key and certificate, if it has none of its own.
    #[must_use]
    pub fn or_of_the_server(mut self, server: &Server) -> Self {
        let (key, certificate) = self.pair_or_of_the_server(server);
        (self.key, self.certificate) = (key.cloned(), certificate.map(str::to_owned));
        self
    }

    /// Its key and certificate, or those of the server if it has neither.
    #[must_use]
    pub fn pair_or_of_the_server<'a>(&'a self, server: &'a Server) -> (Option<&'a Secret<String>>, Option<&'a str>) {
        if self.key.is_none() && self.certificate.is_none() {
            return (server.key.as_ref(), server.certificate.as_deref());
        }
        (self.key.as_ref(), self.certificate.as_deref())
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
