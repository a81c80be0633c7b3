//! A new key, and the certificate that it signs for itself.

use ed25519_dalek::pkcs8::KeypairBytes;
use p256::elliptic_curve::Generate;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Algorithm, SigningKey};
use rsa::signature::{Keypair, Signer};
use sha2::Sha256;
use thiserror::Error;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::der::asn1::GeneralizedTime;
use x509_cert::der::pem::LineEnding as Breaks;
use x509_cert::der::{self, Decode, EncodePem};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    DynSignatureAlgorithmIdentifier, EncodePublicKey, SignatureBitStringEncoding, SubjectPublicKeyInfo,
    SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use crate::random::{self, NoRandomness};

/// What 2,048 bits cost is what a proxy's worker can bear: a signature takes time with the third power.
const RSA_BITS: usize = 2048;

/// Who the certificate is of. Registries do not look at it; who reads a bundle does.
const SUBJECT: &str = "CN=registry-auth";

/// Why there is no key or no certificate.
#[derive(Debug, Error)]
pub enum PairError {
    /// No randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The arithmetic or the encoding failed; what a library says of it.
    #[error("the key cannot be made: {0}")]
    Key(String),
    /// The same of the certificate.
    #[error("the certificate cannot be made: {0}")]
    Certificate(String),
}

/// A new private key: PKCS#8 in PEM, as `openssl` writes it.
pub(super) fn generate(algorithm: Algorithm) -> Result<Secret<String>, PairError> {
    let random = &mut random::Stream;
    let pem = match algorithm {
        Algorithm::Es256 => p256::ecdsa::SigningKey::try_generate_from_rng(random)?.to_pkcs8_pem(LineEnding::LF),
        Algorithm::Es384 => p384::ecdsa::SigningKey::try_generate_from_rng(random)?.to_pkcs8_pem(LineEnding::LF),
        Algorithm::Es512 => p521::ecdsa::SigningKey::try_generate_from_rng(random)?.to_pkcs8_pem(LineEnding::LF),
        Algorithm::Rs256 => {
            let key = rsa::PrivateKey::new(random, RSA_BITS);
            key.map_err(|error| PairError::Key(error.to_string()))?
                .to_pkcs8_pem(LineEnding::LF)
        }
        // Without the public half, which `openssl` does not expect there.
        Algorithm::EdDsa => KeypairBytes {
            secret_key: random::bytes()?,
            public_key: None,
        }
        .to_pkcs8_pem(LineEnding::LF),
    };
    let pem = pem.map_err(|error| PairError::Key(error.to_string()))?;
    Ok(Secret::new(pem.as_str().to_owned()))
}

/// A certificate of `key`, signed by itself, for the span from `from` to `until`: PEM.
pub(super) fn certify(key: &SigningKey, from: Timestamp, until: Timestamp) -> Result<String, PairError> {
    let der = key.pkcs8_der().expose();
    let to_be_signed = to_be_signed(key, from, until)?;
    let damaged = |error: p256::pkcs8::Error| PairError::Certificate(error.to_string());
    match key.algorithm() {
        Algorithm::Es256 => {
            let key = p256::ecdsa::SigningKey::from_pkcs8_der(der).map_err(damaged)?;
            sign::<_, p256::ecdsa::DerSignature>(to_be_signed, &key)
        }
        Algorithm::Es384 => {
            let key = p384::ecdsa::SigningKey::from_pkcs8_der(der).map_err(damaged)?;
            sign::<_, p384::ecdsa::DerSignature>(to_be_signed, &key)
        }
        Algorithm::Es512 => {
            let key = p521::ecdsa::SigningKey::from_pkcs8_der(der).map_err(damaged)?;
            sign::<_, p521::ecdsa::DerSignature>(to_be_signed, &key)
        }
        Algorithm::Rs256 => {
            let key = rsa::PrivateKey::from_pkcs8_der(der).map_err(damaged)?;
            sign::<_, rsa::pkcs1v15::Signature>(to_be_signed, &rsa::pkcs1v15::SigningKey::<Sha256>::new(key))
        }
        Algorithm::EdDsa => {
            let key = ed25519_dalek::SigningKey::from_pkcs8_der(der).map_err(damaged)?;
            sign::<_, ed25519_dalek::Signature>(to_be_signed, &key)
        }
    }
    .map_err(|error| PairError::Certificate(error.to_string()))
}

fn to_be_signed(
    key: &SigningKey,
    from: Timestamp,
    until: Timestamp,
) -> Result<CertificateBuilder<OfItself>, PairError> {
    let mut serial: [u8; 16] = random::bytes()?;
    // A number above zero that needs all of its bytes.
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    let made = || -> builder::Result<_> {
        let validity = Validity::new(time(from)?, time(until)?);
        let public = SubjectPublicKeyInfo::from_der(key.public_spki_der())?;
        CertificateBuilder::new(
            OfItself(SUBJECT.parse()?),
            SerialNumber::new(&serial)?,
            validity,
            public,
        )
    };
    made().map_err(|error| PairError::Certificate(error.to_string()))
}

fn time(at: Timestamp) -> der::Result<Time> {
    GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(at.seconds())).map(Time::GeneralTime)
}

fn sign<S, G>(to_be_signed: CertificateBuilder<OfItself>, key: &S) -> builder::Result<String>
where
    S: Signer<G> + Keypair + DynSignatureAlgorithmIdentifier,
    S::VerifyingKey: EncodePublicKey,
    G: SignatureBitStringEncoding,
{
    Ok(to_be_signed.build::<_, G>(key)?.to_pem(Breaks::LF)?)
}

/// A certificate that signs tokens and nothing else, other certificates least of all.
struct OfItself(Name);

impl BuilderProfile for OfItself {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        to_be_signed: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let constraints = BasicConstraints {
            ca: false,
            path_len_constraint: None,
        };
        let usage = KeyUsage(KeyUsages::DigitalSignature.into());
        let subject = to_be_signed.subject();
        Ok(vec![
            constraints.to_extension(subject, &[])?,
            usage.to_extension(subject, &[])?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use registry_auth_core::token::Chain;

    use super::*;

    #[test]
    fn each_algorithm_has_a_key_and_a_certificate_that_core_takes_together() {
        for algorithm in [
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::EdDsa,
            Algorithm::Rs256,
        ] {
            let pem = generate(algorithm).unwrap();
            assert!(pem.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"), "{algorithm}");
            assert_ne!(generate(Algorithm::Es256).unwrap(), pem);
            let key = SigningKey::from_pem(&pem).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            // One that ends before the year 2050 and one after it are written in different ways.
            for until in [1_900_000_000, 4_000_000_000] {
                let [from, until] = [1_700_000_000, until].map(Timestamp::from_seconds);
                let certificate = certify(&key, from, until).unwrap();
                let chain = Chain::from_pem(&certificate, &key).unwrap();
                assert_eq!((chain.valid_from(), chain.valid_until()), (from, until), "{algorithm}");
            }
        }
    }
}
