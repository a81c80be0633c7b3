//! Whom to take for a back-end's server: the authorities that its certificate may come from, and how TLS is spoken.

use std::sync::Arc;

use registry_auth_core::config::Sources;
use registry_auth_core::problem::{Place, Problems};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The authorities in the file at `path`, which `place` names.
pub(super) fn roots_in_file(
    path: &str,
    place: &Place,
    sources: Sources<'_>,
    problems: &mut Problems,
) -> Option<RootCertStore> {
    let pem = sources.file(path, place, problems)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.expose().as_bytes()) {
        let added = certificate.map_err(|error| error.to_string());
        let added = added.and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        problems.keep(
            place,
            added.map_err(|error| format!("`{path}` is no list of certificates: {error}")),
        )?;
    }
    if roots.is_empty() {
        problems.error(place, format_args!("`{path}` holds no certificate"));
        return None;
    }
    Some(roots)
}

/// The authorities that the system has; where it has none, `key` can name a file with some.
pub(super) fn roots_of_the_system(place: &Place, key: &str, problems: &mut Problems) -> Option<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system may well have some that are too odd to be taken.
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        let why = found
            .errors
            .first()
            .map_or_else(String::new, |error| format!(" ({error})"));
        let mend = format!("install them, or name a file with `{key}`");
        problems.error(
            place,
            format_args!("the system has no certificates of authorities{why}; {mend}"),
        );
        return None;
    }
    Some(roots)
}

/// TLS with whoever has a certificate of one of `roots` for the name that is asked for.
pub(super) fn configured(roots: RootCertStore, place: &Place, problems: &mut Problems) -> Option<ClientConfig> {
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = problems.keep(place, versions)?.with_root_certificates(roots);
    Some(config.with_no_client_auth())
}

/// The one that the whole program has.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
