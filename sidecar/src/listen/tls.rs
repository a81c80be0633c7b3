//! How a listener is encrypted: `server`'s certificate, key and TLS keys, and the `tls` of `filter`.

pub(crate) mod names;
mod pinned;

use std::sync::Arc;

use registry_auth_core::config::{Section, Sources, server};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use names::Minimum;
pub(crate) use pinned::dns_names;

/// The most names that are pinned: each certificate is compared with all.
const MOST_NAMES: usize = 256;

/// How handshakes are answered. A listener takes another one without being closed.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What rustls goes by.
    pub config: Arc<ServerConfig>,
    /// Who may connect, if not everybody.
    pub clients: Option<Clients>,
}

/// The clients of mutual TLS. Where they change, connections of the old ones are ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Who signed their certificates.
    authorities: Vec<CertificateDer<'static>>,
    /// One of these must be among the DNS names of a certificate.
    names: Vec<String>,
}

/// What `server` says of TLS beside certificate and key.
struct Wanted {
    minimum: Minimum,
    provider: CryptoProvider,
}

/// TLS of the token endpoint: on with certificate and key, off with neither.
pub(super) fn of_the_token_endpoint(
    section: &mut Section,
    server: &server::Server,
    problems: &mut Problems,
) -> Option<Tls> {
    const KEYS: [&str; 3] = ["tls_min_version", "tls_curve_preferences", "tls_cipher_suites"];
    let given: Vec<&str> = section
        .remaining()
        .filter_map(|key| KEYS.into_iter().find(|k| *k == key))
        .collect();
    let wanted = Wanted::read(section, problems);
    let (certificate_place, key_place) = (section.place_of("certificate"), section.place_of("key"));
    match (&server.certificate, &server.key) {
        (Some(certificate), Some(key)) => {
            let wanted = wanted?;
            let certificates = certificates(certificate, &certificate_place, problems)?;
            let key = private_key(key, &key_place, problems)?;
            let versions: &[&SupportedProtocolVersion] = match wanted.minimum {
                Minimum::Tls12 => &[&TLS13, &TLS12],
                Minimum::Tls13 => &[&TLS13],
            };
            let config = ServerConfig::builder_with_provider(Arc::new(wanted.provider))
                .with_protocol_versions(versions)
                .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key));
            let config = config.map_err(|error| told_of_the_pair(&error));
            problems.keep(&key_place, config).map(|config| Tls {
                config: with_protocols(config),
                clients: None,
            })
        }
        (None, None) => {
            let of_the_pair = [&certificate_place, &key_place];
            if !of_the_pair.into_iter().any(|place| problems.is_refusal_at(place)) {
                for key in given {
                    problems.warn(
                        &section.place_of(key),
                        "has no effect without `server.certificate` and `server.key`",
                    );
                }
            }
            None
        }
        (Some(_), None) => missing(&key_place, "certificate", problems),
        (None, Some(_)) => missing(&certificate_place, "key", problems),
    }
}

/// The `tls` of `filter`: mutual, with the names of the clients pinned.
pub(super) fn mutual(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Tls> {
    let certificate = required_pem(&mut section, "certificate", sources, problems);
    let key = required_pem(&mut section, "key", sources, problems);
    let client_ca = required_pem(&mut section, "client_ca", sources, problems);
    let names = pinned_names(&mut section, problems);
    let place = |key| section.place_of(key);
    let (certificate_place, key_place, ca_place) = (place("certificate"), place("key"), place("client_ca"));
    section.finish(problems);
    let certificate = certificate.and_then(|pem| certificates(pem.expose(), &certificate_place, problems));
    let key = key.and_then(|pem| private_key(&pem, &key_place, problems));
    let authorities = client_ca.and_then(|pem| certificates(pem.expose(), &ca_place, problems))?;
    let clients = Clients {
        authorities,
        names: names?,
    };
    let provider = Arc::new(ring::default_provider());
    let verifier = pinned::Pinned::new(&clients, Arc::clone(&provider));
    let verifier = problems.keep(&ca_place, verifier)?;
    let (certificate, key) = (certificate?, key?);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .and_then(|builder| {
            builder
                .with_client_cert_verifier(Arc::new(verifier))
                .with_single_cert(certificate, key)
        });
    let config = config.map_err(|error| told_of_the_pair(&error));
    problems.keep(&key_place, config).map(|config| Tls {
        config: with_protocols(config),
        clients: Some(clients),
    })
}

impl Wanted {
    /// Reads docker_auth's three keys; Go's names and numbers for versions, curves and suites.
    fn read(section: &mut Section, problems: &mut Problems) -> Option<Self> {
        let min_place = section.place_of("tls_min_version");
        let minimum = section
            .text("tls_min_version", problems)
            .filter(|text| !text.is_empty());
        let minimum = match &minimum {
            Some(text) => names::minimum(text, &min_place, problems),
            None => (!problems.is_refusal_at(&min_place)).then_some(Minimum::Tls12),
        };
        let mut provider = ring::default_provider();
        let curves_place = section.place_of("tls_curve_preferences");
        let curves = section.texts("tls_curve_preferences", problems);
        if let Some(curves) = curves.filter(|curves| !curves.is_empty()) {
            provider.kx_groups = names::curves(&curves, &curves_place, problems)?;
        }
        let suites_place = section.place_of("tls_cipher_suites");
        let suites = section.texts("tls_cipher_suites", problems);
        let minimum = minimum?;
        if let Some(suites) = suites.filter(|suites| !suites.is_empty()) {
            if minimum == Minimum::Tls13 {
                problems.error(
                    &suites_place,
                    "cannot be chosen with `tls_min_version: TLS13`; leave them out",
                );
                return None;
            }
            let of_tls12 = names::suites(&suites, &suites_place, problems)?;
            // As in Go, the list is about TLS 1.2; those of 1.3 are always offered.
            let of_tls13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
            provider.cipher_suites.retain(of_tls13);
            provider.cipher_suites.extend(of_tls12);
        }
        Some(Self { minimum, provider })
    }
}

fn with_protocols(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

fn missing(place: &Place, beside: &str, problems: &mut Problems) -> Option<Tls> {
    if !problems.is_refusal_at(place) {
        problems.error(
            place,
            format_args!("is missing beside `{beside}`; give both or neither"),
        );
    }
    None
}

fn told_of_the_pair(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "does not fit `certificate`".to_owned(),
        other => format!("cannot be used for TLS with `certificate`: {other}"),
    }
}

fn certificates(pem: &str, place: &Place, problems: &mut Problems) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let certificates = match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("holds no certificate; it must have a `-----BEGIN CERTIFICATE-----`".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("cannot be read as PEM: {error}")),
    };
    problems.keep(place, certificates)
}

fn private_key(pem: &Secret<String>, place: &Place, problems: &mut Problems) -> Option<PrivateKeyDer<'static>> {
    // What the reader says of a key that it cannot read stays here: it might quote it.
    let key = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes());
    let key = key.map_err(|_| "holds no private key in PEM form that is not encrypted");
    problems.keep(place, key)
}

fn required_pem(
    section: &mut Section,
    key: &'static str,
    sources: Sources<'_>,
    problems: &mut Problems,
) -> Option<Secret<String>> {
    let place = section.place_of(key);
    match section.text(key, problems).filter(|text| !text.is_empty()) {
        Some(text) if text.trim_start().starts_with("-----BEGIN") => Some(Secret::new(text)),
        Some(path) => sources.file(&path, &place, problems),
        None => {
            if !problems.is_refusal_at(&place) {
                problems.error(&place, "is missing; name a PEM file, or write PEM text");
            }
            None
        }
    }
}

fn pinned_names(section: &mut Section, problems: &mut Problems) -> Option<Vec<String>> {
    let place = section.place_of("client_names");
    let names = section.texts("client_names", problems).unwrap_or_default();
    if problems.is_refusal_at(&place) {
        return None;
    }
    if names.is_empty() || names.len() > MOST_NAMES {
        problems.error(
            &place,
            format_args!("must list from 1 to {MOST_NAMES} DNS names, one of which a client's certificate has"),
        );
        return None;
    }
    let mut all_are_names = true;
    for (i, name) in names.iter().enumerate() {
        if rustls::pki_types::DnsName::try_from(name.as_str()).is_err() {
            problems.error(
                &place.index(i),
                format_args!("`{name}` is no DNS name; write it as the certificate has it, without wildcards"),
            );
            all_are_names = false;
        }
    }
    all_are_names.then_some(names)
}
