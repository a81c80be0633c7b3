//! The public halves of keys: what a certificate holds, and whether one certificate's key signed another.

use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey, spki};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5912, rfc8410};

/// A public key of a kind that can sign tokens, or certificates above a token's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Rsa(rsa::PublicKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unverified {
    /// This algorithm is not known here, or does not go with the key.
    Algorithm,
    /// The signature is wrong.
    Signature,
}

enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`; `None` if it is damaged or of another kind.
    pub(super) fn from_spki_der(der: &[u8]) -> Option<Self> {
        // Each decoder looks at the algorithm first, so at most one goes further than that.
        p256::ecdsa::VerifyingKey::from_public_key_der(der)
            .map(Self::P256)
            .or_else(|_| p384::ecdsa::VerifyingKey::from_public_key_der(der).map(Self::P384))
            .or_else(|_| p521::ecdsa::VerifyingKey::from_public_key_der(der).map(Self::P521))
            .or_else(|_| rsa::PublicKey::from_public_key_der(der).map(Self::Rsa))
            .or_else(|_| ed25519_dalek::VerifyingKey::from_public_key_der(der).map(Self::Ed25519))
            .ok()
    }

    /// DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7): points are not compressed, as Go writes them.
    pub(super) fn spki_der(&self) -> spki::Result<Vec<u8>> {
        match self {
            Self::P256(key) => key.to_public_key_der(),
            Self::P384(key) => key.to_public_key_der(),
            Self::P521(key) => key.to_public_key_der(),
            Self::Rsa(key) => key.to_public_key_der(),
            Self::Ed25519(key) => key.to_public_key_der(),
        }
        .map(|document| document.as_bytes().to_vec())
    }

    /// Whether `signature`, as a certificate carries it, is this key's on `message`.
    pub(super) fn verify(
        &self,
        algorithm: ObjectIdentifier,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Unverified> {
        let genuine = match self {
            Self::P256(key) => {
                let hash = Hash::of_ecdsa(algorithm)?.digest(message);
                p256::ecdsa::Signature::from_der(signature)
                    .and_then(|it| key.verify_prehash(&hash, &it))
                    .is_ok()
            }
            Self::P384(key) => {
                let hash = Hash::of_ecdsa(algorithm)?.digest(message);
                p384::ecdsa::Signature::from_der(signature)
                    .and_then(|it| key.verify_prehash(&hash, &it))
                    .is_ok()
            }
            Self::P521(key) => {
                let hash = Hash::of_ecdsa(algorithm)?.digest(message);
                // `p521` refuses a hash shorter than half its field, but openssl signs with SHA-256 unless told
                // otherwise: the same number, with zeros in front (FIPS 186-5 section 6.4.1 takes it as an integer).
                let hash = [&[0; 2], hash.as_slice()].concat();
                p521::ecdsa::Signature::from_der(signature)
                    .and_then(|it| key.verify_prehash(&hash, &it))
                    .is_ok()
            }
            Self::Rsa(key) => {
                let hash = Hash::of_rsa(algorithm)?;
                key.verify(hash.rsa_padding(), &hash.digest(message), signature).is_ok()
            }
            Self::Ed25519(key) if algorithm == rfc8410::ID_ED_25519 => ed25519_dalek::Signature::from_slice(signature)
                .and_then(|it| key.verify_strict(message, &it))
                .is_ok(),
            Self::Ed25519(_) => return Err(Unverified::Algorithm),
        };
        if genuine { Ok(()) } else { Err(Unverified::Signature) }
    }
}

impl Hash {
    fn of_ecdsa(algorithm: ObjectIdentifier) -> Result<Self, Unverified> {
        match algorithm {
            rfc5912::ECDSA_WITH_SHA_256 => Ok(Self::Sha256),
            rfc5912::ECDSA_WITH_SHA_384 => Ok(Self::Sha384),
            rfc5912::ECDSA_WITH_SHA_512 => Ok(Self::Sha512),
            _ => Err(Unverified::Algorithm),
        }
    }

    fn of_rsa(algorithm: ObjectIdentifier) -> Result<Self, Unverified> {
        match algorithm {
            rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Ok(Self::Sha256),
            rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Ok(Self::Sha384),
            rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Ok(Self::Sha512),
            _ => Err(Unverified::Algorithm),
        }
    }

    fn digest(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    fn rsa_padding(&self) -> Pkcs1v15Sign {
        match self {
            Self::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }
}
