//! Private keys as PEM blocks hold them: PKCS#8 (RFC 5958), SEC1 (RFC 5915), PKCS#1 (RFC 8017).

use p256::pkcs8::PrivateKeyInfoRef;
use rsa::pkcs1::{RsaPrivateKeyRef, Version};
use sec1::EcPrivateKey;
use x509_cert::der::asn1::SequenceRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5912, rfc8410};
use x509_cert::der::{Decode, Reader, SliceReader, TagMode, TagNumber};

use super::{KeyError, MAX_RSA_BITS, MIN_RSA_BITS, PrivateKey};
use crate::token::pem::Block;

/// How a private key is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Pkcs8,
    Sec1,
    Pkcs1,
}

impl Form {
    pub(super) fn of(block: &Block<'_>) -> Result<Self, KeyError> {
        let form = match block.label {
            "PRIVATE KEY" => Self::Pkcs8,
            "EC PRIVATE KEY" => Self::Sec1,
            "RSA PRIVATE KEY" => Self::Pkcs1,
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            "DSA PRIVATE KEY" => return Err(KeyError::Dsa),
            "OPENSSH PRIVATE KEY" => return Err(KeyError::OpenSsh),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(KeyError::PublicKey),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => return Err(KeyError::Certificate),
            other => return Err(KeyError::Block(other.to_owned())),
        };
        if block.is_encrypted() {
            return Err(KeyError::Encrypted);
        }
        Ok(form)
    }

    pub(super) fn read(self, der: &[u8]) -> Result<PrivateKey, KeyError> {
        match self {
            Self::Pkcs8 => from_pkcs8(der),
            Self::Sec1 => from_sec1(der),
            Self::Pkcs1 => rsa(der, "RSA PRIVATE KEY"),
        }
    }
}

pub(super) const PKCS8: &str = "PRIVATE KEY";

fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let damaged = |_| KeyError::Damaged(PKCS8);
    let info = PrivateKeyInfoRef::from_der(der).map_err(damaged)?;
    let inner = info.private_key.as_bytes();
    match info.algorithm.oid {
        rfc5912::ID_EC_PUBLIC_KEY => {
            let curve = info
                .algorithm
                .parameters
                .filter(|it| !it.is_null())
                .ok_or(KeyError::NoCurve)?;
            let curve = ObjectIdentifier::try_from(curve).map_err(|_| KeyError::ExplicitCurve)?;
            let key = EcPrivateKey::from_der(inner).map_err(damaged)?;
            elliptic(curve, key, PKCS8)
        }
        rfc5912::RSA_ENCRYPTION => rsa(inner, PKCS8),
        rfc8410::ID_ED_25519 => ed25519_dalek::SigningKey::try_from(info)
            .map(PrivateKey::Ed25519)
            .map_err(|_| KeyError::Damaged(PKCS8)),
        rfc5912::ID_RSASSA_PSS => Err(KeyError::RsaPss),
        rfc5912::ID_DSA => Err(KeyError::Dsa),
        rfc8410::ID_ED_448 => Err(KeyError::Kind("Ed448".to_owned())),
        rfc8410::ID_X_25519 => Err(KeyError::Kind("X25519".to_owned())),
        rfc8410::ID_X_448 => Err(KeyError::Kind("X448".to_owned())),
        other => Err(KeyError::Kind(other.to_string())),
    }
}

fn from_sec1(der: &[u8]) -> Result<PrivateKey, KeyError> {
    const SEC1: &str = "EC PRIVATE KEY";
    let key = EcPrivateKey::from_der(der).map_err(|_| {
        if writes_its_curve_out(der) {
            KeyError::ExplicitCurve
        } else {
            KeyError::Damaged(SEC1)
        }
    })?;
    let curve = key
        .parameters
        .and_then(sec1::EcParameters::named_curve)
        .ok_or(KeyError::NoCurve)?;
    elliptic(curve, key, SEC1)
}

fn elliptic(curve: ObjectIdentifier, key: EcPrivateKey<'_>, label: &'static str) -> Result<PrivateKey, KeyError> {
    let damaged = |_| KeyError::Damaged(label);
    match curve {
        rfc5912::SECP_256_R_1 => {
            let key = p256::SecretKey::try_from(key).map_err(damaged)?;
            Ok(PrivateKey::P256(key.into()))
        }
        rfc5912::SECP_384_R_1 => {
            let key = p384::SecretKey::try_from(key).map_err(damaged)?;
            Ok(PrivateKey::P384(key.into()))
        }
        rfc5912::SECP_521_R_1 => {
            let key = p521::SecretKey::try_from(key).map_err(damaged)?;
            Ok(PrivateKey::P521(key.into()))
        }
        rfc5912::SECP_224_R_1 => Err(KeyError::Curve("P-224".to_owned())),
        SECP_256_K_1 => Err(KeyError::Curve("secp256k1".to_owned())),
        other => Err(KeyError::Curve(other.to_string())),
    }
}

const SECP_256_K_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");

/// Whether the SEC1 key `der` has the parameters of its curve where others have its name.
fn writes_its_curve_out(der: &[u8]) -> bool {
    let parameters = |reader: &mut SliceReader<'_>| {
        let _version = reader.tlv_bytes()?;
        let _private_key = reader.tlv_bytes()?;
        let written_out = reader
            .context_specific::<&SequenceRef>(TagNumber(0), TagMode::Explicit)?
            .is_some();
        reader.drain(reader.remaining_len())?;
        Ok::<_, x509_cert::der::Error>(written_out)
    };
    SliceReader::new(der)
        .and_then(|mut reader| reader.sequence(parameters))
        .unwrap_or(false)
}

fn rsa(der: &[u8], label: &'static str) -> Result<PrivateKey, KeyError> {
    let key = RsaPrivateKeyRef::from_der(der).map_err(|_| KeyError::Damaged(label))?;
    if key.version() != Version::TwoPrime {
        return Err(KeyError::RsaPrimes);
    }
    // Before any arithmetic: what an oversized number would cost is not paid.
    let bits = bit_length(key.modulus.as_bytes());
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(KeyError::RsaSize(bits));
    }
    rsa::PrivateKey::try_from(key)
        .map(|key| PrivateKey::Rsa(Box::new(key)))
        .map_err(|_| KeyError::Damaged(label))
}

/// Of a big-endian number without leading zeros.
fn bit_length(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    number.len().saturating_mul(8).saturating_sub(unused)
}
