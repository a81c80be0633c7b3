//! `server`: where and for which hosts token requests are answered, as written.

use super::Section;
use super::Sources;
use crate::problem::Problems;
use crate::secret::Secret;

/// The `server` section, as far as it means something inside a proxy.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// What stands before every path.
    pub path_prefix: Option<String>,
    /// The header that holds the client's address.
    pub real_ip_header: Option<String>,
    /// Which of the header's addresses it is, from 0; negative counts from the end.
    pub real_ip_pos: Option<i64>,
    /// The hosts to act on; every host if absent.
    pub hosts: Option<Vec<String>>,
    /// Whether no registry stands behind those hosts.
    pub own_host: bool,
    /// Whether answers carry `Strict-Transport-Security`.
    pub hsts: bool,
    /// The listener's certificate, PEM, which counts for tokens too where they have none of their own.
    pub certificate: Option<String>,
    /// Its key, PEM.
    pub key: Option<Secret<String>>,
}

/// Keys of docker_auth's listener: here the proxy has them in its own configuration.
const OF_THE_LISTENER: [&str; 8] = [
    "addr",
    "net",
    "certificate",
    "key",
    "tls_min_version",
    "tls_curve_preferences",
    "tls_cipher_suites",
    "letsencrypt",
];

impl Server {
    /// Reads it for a proxy.
    pub(super) fn read(mut section: Section, problems: &mut Problems) -> Self {
        let server = Self::read_common(&mut section, problems);
        for key in OF_THE_LISTENER {
            if section.take(key).is_some() {
                problems.warn(&section.place_of(key), "has no effect here; the listener is Envoy's");
            }
        }
        section.finish(problems);
        server
    }

    /// Reads it for a program that listens by itself: with it comes what is about the listener alone.
    pub(super) fn read_with_listener(
        mut section: Section,
        sources: Sources<'_>,
        problems: &mut Problems,
    ) -> (Self, Section) {
        let mut server = Self::read_common(&mut section, problems);
        let mut pem = |key| {
            let text = section.text(key, problems).filter(|text| !text.is_empty())?;
            sources.pem(Secret::new(text), &section.place_of(key), key, problems)
        };
        server.certificate = pem("certificate").map(|text| text.expose().clone());
        server.key = pem("key");
        (server, section)
    }

    fn read_common(section: &mut Section, problems: &mut Problems) -> Self {
        Self {
            path_prefix: section.text("path_prefix", problems),
            real_ip_header: section.text("real_ip_header", problems),
            real_ip_pos: section.integer("real_ip_pos", problems),
            hosts: section.texts("hosts", problems),
            own_host: section.flag("own_host", problems).unwrap_or_default(),
            hsts: section.flag("hsts", problems).unwrap_or_default(),
            certificate: None,
            key: None,
        }
    }
}
