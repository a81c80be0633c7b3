//! `token`: what tokens say, and what signs them, as written.

use super::node::Section;
use super::{Environment, choice};
use crate::problem::{Place, Problems};
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
    pub(super) fn read(mut section: Section, environment: Environment, problems: &mut Problems) -> Self {
        let key = pem(&mut section, "key", "key_env", environment, problems);
        let certificate = pem(&mut section, "certificate", "certificate_env", environment, problems);
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

/// The PEM text of `key`, or of the variable that `key_env` names.
fn pem(
    section: &mut Section,
    key: &'static str,
    key_env: &'static str,
    environment: Environment,
    problems: &mut Problems,
) -> Option<Secret<String>> {
    let written = section.text(key, problems).map(Secret::new);
    let Some(name) = section.text(key_env, problems) else {
        let text = written?;
        return inline_pem(text, &section.place_of(key), key_env, problems);
    };
    let place = section.place_of(key_env);
    if written.is_some() {
        problems.error(&place, format_args!("stands beside `{key}`; keep one of them"));
    }
    variable(&name, &place, environment, problems)
}

fn inline_pem(text: Secret<String>, place: &Place, key_env: &str, problems: &mut Problems) -> Option<Secret<String>> {
    if text.expose().trim_start().starts_with("-----BEGIN") {
        return Some(text);
    }
    problems.error(
        place,
        format_args!("must hold PEM text that begins with `-----BEGIN`: no file is read here; or name an environment variable with `{key_env}`"),
    );
    None
}

/// The value of the environment variable `name`, or an error that says how it gets here.
pub(super) fn variable(
    name: &str,
    place: &Place,
    environment: Environment,
    problems: &mut Problems,
) -> Option<Secret<String>> {
    let value = environment(name).filter(|value| !value.expose().is_empty());
    if value.is_none() {
        problems.error(
            place,
            format_args!("environment variable `{name}` is not set; set it for Envoy, and name it in `vm_config.environment_variables.host_env_keys`"),
        );
    }
    value
}
