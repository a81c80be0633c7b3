//! Whom to take for a directory, server by server.

use std::sync::Arc;

use registry_auth_core::problem::{Place, Problems};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, IpAddr, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::super::tls;
use super::address::Address;

/// Who signs the certificates of the servers.
pub(super) enum Trust {
    /// These.
    Roots(RootCertStore),
    /// Whoever: `insecure_tls_skip_verify`.
    Anybody,
}

impl Trust {
    /// What TLS with the server at `address` goes by.
    pub(super) fn with(&self, address: &Address, place: &Place, problems: &mut Problems) -> Option<Arc<ClientConfig>> {
        let name = problems.keep(place, ServerName::try_from(address.host.clone()))?;
        let config = match (self, name) {
            (Self::Anybody, _) => with_verifier(Arc::new(Unverified(tls::provider())), place, problems),
            (Self::Roots(roots), ServerName::IpAddress(address)) => {
                let roots = Arc::new(roots.clone());
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, tls::provider()).build();
                let verifier = problems.keep(place, verifier)?;
                with_verifier(Arc::new(ByAddress { verifier, address }), place, problems)
            }
            (Self::Roots(roots), _) => tls::configured(roots.clone(), place, problems),
        };
        let mut config = config?;
        // An address is no name that could be asked for (RFC 6066 section 3).
        config.enable_sni = address.is_name();
        Some(Arc::new(config))
    }
}

impl Address {
    /// Whether the host is a name, and not an IP address.
    fn is_name(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_err()
    }

    /// The URL that the client crate is given, which connects to nothing, as it gets an open stream. It takes the name of
    /// the TLS from there, and an address of version 6 with its brackets, which no certificate holds: so an address is
    /// kept away from it, and [`ByAddress`] knows it.
    pub(super) fn url(&self, scheme: &str) -> String {
        let host = if self.is_name() { &self.host } else { "address.invalid" };
        format!("{scheme}://{host}:{}", self.port)
    }
}

fn with_verifier(
    verifier: Arc<dyn ServerCertVerifier>,
    place: &Place,
    problems: &mut Problems,
) -> Option<ClientConfig> {
    let config = tls::configured(RootCertStore::empty(), place, problems);
    config.map(|mut config| {
        config.dangerous().set_certificate_verifier(verifier);
        config
    })
}

/// Verifies a certificate for an IP address, whatever name is asked for.
#[derive(Debug)]
struct ByAddress {
    verifier: Arc<WebPkiServerVerifier>,
    address: IpAddr,
}

impl ServerCertVerifier for ByAddress {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let name = ServerName::IpAddress(self.address);
        self.verifier
            .verify_server_cert(end_entity, intermediates, &name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Takes every certificate, as long as its owner shows that it is theirs.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::super::address::Security;
    use super::*;

    /// What a client of `host` makes of a server with a certificate for `name`.
    async fn meet(host: &str, name: &str) -> Result<(), String> {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let certificate = certificate.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let server = ServerConfig::builder_with_provider(tls::provider());
        let server = server
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let server = server.with_single_cert(vec![certificate], key).unwrap();
        let address = Address {
            host: host.to_owned(),
            port: 636,
            security: Security::Always,
        };
        let client = Trust::Roots(roots)
            .with(&address, &Place::root(), &mut Problems::default())
            .unwrap();
        // The name that the client crate takes from the URL.
        let url = address.url("ldaps");
        let asked = url.trim_start_matches("ldaps://").trim_end_matches(":636").to_owned();
        let (near, far) = tokio::io::duplex(1 << 16);
        let accepting = TlsAcceptor::from(Arc::new(server)).accept(far);
        let connecting = TlsConnector::from(client).connect(ServerName::try_from(asked).unwrap(), near);
        let (accepted, connected) = tokio::join!(accepting, connecting);
        drop(accepted);
        connected.map(drop).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_server_has_a_certificate_for_the_name_or_address_that_was_written() {
        for host in ["ldap.example", "192.0.2.7", "2001:db8::7"] {
            assert_eq!(meet(host, host).await, Ok(()), "{host}");
            let error = meet(host, "other.example").await.unwrap_err();
            assert!(error.contains("not valid for name"), "{host}: {error}");
        }
        assert!(meet("2001:db8::7", "2001:db8::8").await.is_err());
        assert!(meet("192.0.2.7", "address.invalid").await.is_err());
    }
}
