//! Envoy's foreign function `sign`: signatures made natively, with a key the module hands over.
//!
//! The message is `SignArguments`: 1 the hash's name, 2 a PKCS#8 key as DER, 3 the text, 4 a PEM key instead of 2.
//! The answer is `SignResult`: 1 whether it worked, 2 the signature (ECDSA as ASN.1 DER), 3 the error.

use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::pkcs8::der::pem::PemLabel as _;
use p256::pkcs8::{DecodePrivateKey as _, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use super::status::Status;
use super::wire;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Answers one call. A key that cannot be read, two keys or none are `BadArgument`; a key of a kind that does not
/// sign over a hash (Ed25519), or a hash that is not known, is an answer that says so.
pub(super) fn sign(arguments: &[u8]) -> Result<Vec<u8>, Status> {
    let (mut hash, mut der, mut text, mut pem) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, bytes) in wire::fields(arguments).ok_or(Status::BadArgument)? {
        match number {
            1 => hash = bytes,
            2 => der = bytes,
            3 => text = bytes,
            4 => pem = bytes,
            _ => {}
        }
    }
    let key = match (der.is_empty(), pem.is_empty()) {
        (false, true) => der,
        (true, false) => unarmour(&pem).ok_or(Status::BadArgument)?,
        _ => return Err(Status::BadArgument),
    };
    let mut answer = Vec::new();
    match signature(&key, &String::from_utf8_lossy(&hash).to_ascii_lowercase(), &text)? {
        Ok(signature) => {
            wire::put_varint(&mut answer, 1, 1);
            wire::put_bytes(&mut answer, 2, &signature);
        }
        Err(error) => wire::put_bytes(&mut answer, 3, error.as_bytes()),
    }
    Ok(answer)
}

fn unarmour(pem: &[u8]) -> Option<Vec<u8>> {
    let (label, document) = SecretDocument::from_pem(std::str::from_utf8(pem).ok()?).ok()?;
    (label == PrivateKeyInfoRef::PEM_LABEL).then(|| document.as_bytes().to_vec())
}

fn signature(key: &[u8], hash: &str, text: &[u8]) -> Result<Result<Vec<u8>, String>, Status> {
    let algorithm = PrivateKeyInfoRef::try_from(key)
        .map_err(|_| Status::BadArgument)?
        .algorithm;
    let digest = match hash {
        "sha224" => Sha224::digest(text).to_vec(),
        "sha256" => Sha256::digest(text).to_vec(),
        "sha384" => Sha384::digest(text).to_vec(),
        "sha512" => Sha512::digest(text).to_vec(),
        other => return Ok(Err(format!("{other} is not supported."))),
    };
    // A digest shorter than half the curve's order is refused by the crates and taken by Envoy: zeros in front do
    // not change the number it stands for.
    let wide = |width: usize| [vec![0; width.saturating_sub(digest.len())], digest.clone()].concat();
    let unreadable = |_| Status::BadArgument;
    Ok(match (algorithm.oid, algorithm.parameters_oid().ok()) {
        (EC, Some(P256)) => {
            let key = p256::ecdsa::SigningKey::from_pkcs8_der(key).map_err(unreadable)?;
            key.sign_prehash(&wide(32))
                .map(|made: p256::ecdsa::Signature| made.to_der().as_bytes().to_vec())
        }
        (EC, Some(P384)) => {
            let key = p384::ecdsa::SigningKey::from_pkcs8_der(key).map_err(unreadable)?;
            key.sign_prehash(&wide(48))
                .map(|made: p384::ecdsa::Signature| made.to_der().as_bytes().to_vec())
        }
        (EC, Some(P521)) => {
            let key = p521::ecdsa::SigningKey::from_pkcs8_der(key).map_err(unreadable)?;
            key.sign_prehash(&wide(66))
                .map(|made: p521::ecdsa::Signature| made.to_der().as_bytes().to_vec())
        }
        (RSA, _) => {
            let key = rsa::PrivateKey::from_pkcs8_der(key).map_err(unreadable)?;
            let padding = match hash {
                "sha224" => rsa::Pkcs1v15Sign::new::<Sha224>(),
                "sha384" => rsa::Pkcs1v15Sign::new::<Sha384>(),
                "sha512" => rsa::Pkcs1v15Sign::new::<Sha512>(),
                _ => rsa::Pkcs1v15Sign::new::<Sha256>(),
            };
            return Ok(key.sign(padding, &digest).map_err(|error| error.to_string()));
        }
        _ => return Ok(Err("Failed to initialize digest sign.".to_owned())),
    }
    .map_err(|error| error.to_string()))
}
