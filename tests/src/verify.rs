//! Whether a signature is that of one of the [`keys`](crate::keys): checked with the public half alone.

use p256::ecdsa::signature::Verifier;
use p256::pkcs8::DecodePrivateKey;
use sha2::Sha256;

use crate::keys;

/// Whether `signature`, in the form of RFC 7518 section 3, is that of `message` by the test key of `algorithm`.
pub fn fits(algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        "ES256" => {
            let key = p256::ecdsa::SigningKey::from_pkcs8_pem(keys::ES256).unwrap();
            p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verifying_key().verify(message, &signature).is_ok())
        }
        "ES384" => {
            let key = p384::ecdsa::SigningKey::from_pkcs8_pem(keys::ES384).unwrap();
            p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verifying_key().verify(message, &signature).is_ok())
        }
        "ES512" => {
            let key = p521::ecdsa::SigningKey::from_pkcs8_pem(keys::ES512).unwrap();
            p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verifying_key().verify(message, &signature).is_ok())
        }
        "RS256" => {
            let key = rsa::PrivateKey::from_pkcs8_pem(keys::RS256).unwrap().to_public_key();
            let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key);
            rsa::pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
        }
        "EdDSA" => {
            let key = ed25519_dalek::SigningKey::from_pkcs8_pem(keys::EDDSA)
                .unwrap()
                .verifying_key();
            ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
        }
        other => panic!("unknown algorithm {other}"),
    }
}
