//! Whom to take for a server of MongoDB: the files that the driver is to read, which are looked at before.

use std::path::PathBuf;

use mongodb::options::{ClientOptions, Tls, TlsOptions};
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::super::tls::roots_in_file;

/// Whether servers are reached by TLS.
pub(super) fn is_on(client: &ClientOptions) -> bool {
    matches!(client.tls, Some(Tls::Enabled(_)))
}

/// Whether the section, of which nothing was read yet, names a certificate of ours.
pub(super) fn is_with_certificate(section: &Section) -> bool {
    section.remaining().any(|key| key == "client_certificate")
}

/// `enable_tls`, `ca_certificate`, `client_certificate`.
#[expect(
    clippy::option_option,
    reason = "no TLS is an answer, and so is that something is wrong"
)]
pub(super) fn read(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Option<Tls>> {
    let is_enabled = section.flag("enable_tls", problems).unwrap_or(false);
    let mut options = TlsOptions::default();
    let [root, certificate] = ["ca_certificate", "client_certificate"].map(|key| {
        let place = section.place_of(key);
        let path = section.text(key, problems).filter(|path| !path.is_empty());
        if path.is_some() && !is_enabled {
            problems.error(&place, "has no effect without TLS; write `enable_tls: true` beside it");
        }
        if problems.is_refusal_at(&place) {
            Err(())
        } else {
            Ok((path, place))
        }
    });
    if problems.is_refusal_at(&section.place_of("enable_tls")) {
        return None;
    }
    let (root, root_place) = root.ok()?;
    let (certificate, certificate_place) = certificate.ok()?;
    if !is_enabled {
        return Some(None);
    }
    options.ca_file_path = roots(root, &root_place, sources, problems)?;
    if let Some(path) = certificate {
        are_certificate_and_key(&path, &certificate_place, sources, problems)?;
        options.cert_key_file_path = Some(PathBuf::from(path));
    }
    Some(Some(Tls::Enabled(options)))
}

/// The same of an address at `place`: `tlsCAFile`, `tlsCertificateKeyFile`.
pub(super) fn checked(
    mut options: TlsOptions,
    place: &Place,
    sources: Sources<'_>,
    problems: &mut Problems,
) -> Option<TlsOptions> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let root = options.ca_file_path.as_ref().map(text);
    options.ca_file_path = roots(root, place, sources, problems)?;
    if let Some(path) = options.cert_key_file_path.as_ref().map(text) {
        are_certificate_and_key(&path, place, sources, problems)?;
    }
    if options.allow_invalid_certificates == Some(true) {
        problems.warn(
            place,
            "takes whoever answers for the server, with whatever certificate; name its authority with `tlsCAFile`",
        );
    }
    Some(options)
}

/// The file with the authorities: the one that is named, else that of the system. Where it has none the driver goes by
/// Mozilla's list, which it carries.
#[expect(
    clippy::option_option,
    reason = "no file is an answer, and so is that something is wrong"
)]
fn roots(
    path: Option<String>,
    place: &Place,
    sources: Sources<'_>,
    problems: &mut Problems,
) -> Option<Option<PathBuf>> {
    let Some(path) = path else {
        return Some(openssl_probe::probe().cert_file);
    };
    let _ = roots_in_file(&path, place, sources, problems)?;
    Some(Some(PathBuf::from(path)))
}

fn are_certificate_and_key(path: &str, place: &Place, sources: Sources<'_>, problems: &mut Problems) -> Option<()> {
    let pem = sources.file(path, place, problems)?;
    let pem = pem.expose().as_bytes();
    let has_certificate = CertificateDer::pem_slice_iter(pem)
        .next()
        .is_some_and(|first| first.is_ok());
    let what = if !has_certificate {
        "no certificate"
    } else if PrivateKeyDer::from_pem_slice(pem).is_err() {
        "no private key"
    } else {
        return Some(());
    };
    problems.error(
        place,
        format_args!(
            "`{path}` holds {what}; the file must hold the certificate and its key, one behind the other, in PEM"
        ),
    );
    None
}
