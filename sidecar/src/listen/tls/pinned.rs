//! Clients of mutual TLS: a certificate that one of the authorities signed, and that bears one of the names.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use thiserror::Error as ThisError;
use webpki::EndEntityCert;

use super::Clients;

/// Ends the handshake of everybody else: no byte of theirs is read as HTTP.
#[derive(Debug)]
pub(super) struct Pinned {
    chain: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

/// Why nobody could ever be verified.
#[derive(Debug, ThisError)]
pub(super) enum PinError {
    #[error("holds a certificate that cannot be one of an authority: {0}")]
    Authority(Error),
    #[error("cannot verify clients: {0}")]
    Verifier(VerifierBuilderError),
}

impl Pinned {
    pub(super) fn new(clients: &Clients, provider: Arc<CryptoProvider>) -> Result<Self, PinError> {
        let mut roots = RootCertStore::empty();
        for certificate in &clients.authorities {
            roots.add(certificate.clone()).map_err(PinError::Authority)?;
        }
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self {
            chain: chain.map_err(PinError::Verifier)?,
            names: clients.names.clone(),
        })
    }
}

/// The DNS names of a certificate, wildcards as they are written.
pub(crate) fn dns_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    EndEntityCert::try_from(certificate)
        .map(|certificate| certificate.valid_dns_names().map(str::to_owned).collect())
        .unwrap_or_default()
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        // Compared whole: a certificate for `*.mesh` is not one for a name that somebody pinned below it.
        let is_pinned = |name: &String| self.names.iter().any(|pinned| pinned.eq_ignore_ascii_case(name));
        if dns_names(end_entity).iter().any(is_pinned) {
            Ok(verified)
        } else {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
