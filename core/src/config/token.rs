//! `token`: what tokens say, and what signs them, as written.

use super::server::Server;
use super::{Node, Section, Sources, choice, duration, scalar};
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
            expiration: expiration(&mut section, problems),
            key,
            certificate: certificate.map(|text| text.expose().clone()),
            key_header: choice(&mut section, "key_header", problems, &KeyHeader::WORDS),
            disable_legacy_key_id: section.flag("disable_legacy_key_id", problems).unwrap_or_default(),
        };
        section.finish(problems);
        token
    }
}

/// Seconds as docker_auth wants them, or a span of time such as `15m`.
fn expiration(section: &mut Section, problems: &mut Problems) -> Option<i64> {
    let place = section.place_of("expiration");
    let node = section.take("expiration")?;
    let text = match &node {
        Node::Text(text) => text,
        Node::Plain(text) if scalar::number(text).is_none() => text,
        _ => return node.into_integer(&place, problems),
    };
    let span = duration::parse(text).ok().filter(|span| span.subsec_nanos() == 0);
    let seconds = span.and_then(|span| i64::try_from(span.as_secs()).ok());
    if seconds.is_none() {
        problems.error(
            &place,
            "must be whole seconds, or a span of time; write `900` or `15m` for 15 minutes",
        );
    }
    seconds
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;

    fn read(value: Node) -> Result<Option<i64>, String> {
        let mut problems = Problems::default();
        let map = Node::Map(vec![("expiration".to_owned(), value)]);
        let mut section = Section::open(map, Place::root(), &mut problems).unwrap();
        let seconds = expiration(&mut section, &mut problems);
        if problems.is_refusal() {
            return Err(problems.to_string());
        }
        Ok(seconds)
    }

    #[test]
    fn a_life_is_seconds_or_a_span_of_time() {
        for (value, seconds) in [
            (Node::Number(900.0), Some(900)),
            (Node::Plain("0x384".to_owned()), Some(900)),
            (Node::Plain("15m".to_owned()), Some(900)),
            (Node::Text("1h30m".to_owned()), Some(5_400)),
            (Node::Null, None),
        ] {
            assert_eq!(read(value), Ok(seconds));
        }
        for value in [
            Node::Text("900".to_owned()),
            Node::Plain("15 minutes".to_owned()),
            Node::Plain("1500ms".to_owned()),
            Node::Plain("-15m".to_owned()),
        ] {
            let error = read(value.clone()).unwrap_err();
            assert!(
                error.contains("must be whole seconds, or a span of time"),
                "{value:?}: {error}"
            );
        }
        assert!(read(Node::Number(1.5)).unwrap_err().contains("without a fraction"));
    }
}
