//! What signs tokens: the host's native crypto where there is one, otherwise this.

use std::convert::Infallible;
use std::fmt;

use p256::ecdsa::signature::Signer as _;
use rsa::Pkcs1v15Sign;
use rsa::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::ecdsa_der::EcdsaDerError;
use super::key::{PrivateKey, SigningKey};
use crate::secret::Secret;

/// Signs with one key, whose algorithm the token's header names.
pub trait Signer {
    /// The signature of `message` in JOSE form (RFC 7518 section 3): `r || s` of ECDSA, in the full length of the
    /// curve's field; the bytes of RSA and Ed25519 as they are.
    ///
    /// # Errors
    /// See [`SignError`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The host did not sign, for the reason it gave.
    #[error("the host cannot sign: {0}")]
    Host(String),
    /// What the host gave is no signature.
    #[error("the host's signature cannot be used: {0}")]
    Malformed(#[from] EcdsaDerError),
    /// The arithmetic came out wrong, and nothing of it leaves the program; a fault of memory or processor.
    #[error("the signature did not verify against the key that made it")]
    Arithmetic,
    /// The claims did not become JSON.
    #[error("the claims cannot be written: {0}")]
    Claims(String),
}

/// Signs in this program, without randomness: ECDSA by RFC 6979, RSA by PKCS#1 v1.5 with SHA-256, Ed25519.
pub struct ModuleSigner(Key);

enum Key {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Rsa(Box<rsa::PrivateKey>, BlindingSecret),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl ModuleSigner {
    /// A signer with its own copy of `key`, wiped on drop.
    #[must_use]
    pub fn new(key: &SigningKey) -> Self {
        Self(match key.private() {
            PrivateKey::P256(it) => Key::P256(it.clone()),
            PrivateKey::P384(it) => Key::P384(it.clone()),
            PrivateKey::P521(it) => Key::P521(it.clone()),
            PrivateKey::Rsa(it) => Key::Rsa(it.clone(), BlindingSecret::of(key)),
            PrivateKey::Ed25519(it) => Key::Ed25519(Box::new(it.clone())),
        })
    }
}

impl Signer for ModuleSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let arithmetic = |_| SignError::Arithmetic;
        match &self.0 {
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(arithmetic)?;
                Ok(signature.to_vec())
            }
            Key::P384(key) => {
                let signature: p384::ecdsa::Signature = key.try_sign(message).map_err(arithmetic)?;
                Ok(signature.to_vec())
            }
            Key::P521(key) => {
                let signature: p521::ecdsa::Signature = key.try_sign(message).map_err(arithmetic)?;
                Ok(signature.to_vec())
            }
            Key::Rsa(key, blinding) => {
                let hash = Sha256::digest(message);
                key.sign_with_rng(&mut blinding.stream(&hash), Pkcs1v15Sign::new::<Sha256>(), &hash)
                    .map_err(|_| SignError::Arithmetic)
            }
            Key::Ed25519(key) => key
                .try_sign(message)
                .map(|signature| signature.to_vec())
                .map_err(arithmetic),
        }
    }
}

impl fmt::Debug for ModuleSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModuleSigner")
    }
}

/// What RSA's blinding factors are made of.
///
/// Blinding hides from a clock what the private exponent is multiplied with: who measures sees the time of a random
/// number, not that of the message. It asks for numbers that nobody else can tell, not for fresh ones, so they are
/// computed from the private key and the message, as RFC 6979 does for ECDSA. `rsa` computes in constant time besides,
/// and checks each result against the public key; this is the second fence, which the crate puts up by itself where it
/// finds randomness, and a wasm runtime may need it. It costs: 2,048 bits take 4.3 ms natively, 2.4 without.
struct BlindingSecret(Secret<[u8; 32]>);

impl BlindingSecret {
    fn of(key: &SigningKey) -> Self {
        let mut hash = Sha256::new_with_prefix(b"RSA blinding\0");
        hash.update(key.pkcs8_der().expose());
        Self(Secret::new(hash.finalize().into()))
    }

    fn stream(&self, message_hash: &[u8]) -> Blinding {
        let mut seeded = Sha256::new_with_prefix(self.0.expose());
        seeded.update(message_hash);
        Blinding { seeded, counter: 0 }
    }
}

/// SHA-256 of secret, message and counter: the numbers that blind one signature. Each input has a fixed length.
struct Blinding {
    seeded: Sha256,
    counter: u64,
}

impl Blinding {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.counter = self.counter.wrapping_add(1);
            let block = self.seeded.clone().chain_update(self.counter.to_le_bytes()).finalize();
            for (byte, random) in chunk.iter_mut().zip(block) {
                *byte = random;
            }
        }
    }
}

impl TryRng for Blinding {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.next()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.next()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Blinding {}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::testdata::key;
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    #[test]
    fn ecdsa_signs_as_rfc_6979_says() {
        // RFC 6979 appendix A.2.5: P-256, SHA-256, "sample".
        let secret: [u8; 32] = [
            0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93, 0x4e, 0x50,
            0xc3, 0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21,
        ];
        let signer = ModuleSigner(Key::P256(p256::ecdsa::SigningKey::from_slice(&secret).unwrap()));
        assert_eq!(
            hex(&signer.sign(b"sample").unwrap()),
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
        );
    }

    #[test]
    fn rsa_signs_as_openssl_does() {
        // openssl dgst -sha256 -sign rsa_2048.pem | sha256sum, of "sample".
        let signature = ModuleSigner::new(&key("rsa_2048")).sign(b"sample").unwrap();
        assert_eq!(
            hex(&Sha256::digest(&signature)),
            "4b10b4978883ae821c1bdd0c439f8b4e4d868a77a43441e140f3463d8b632e0f"
        );
        assert_eq!(ModuleSigner::new(&key("rsa_8192")).sign(b"sample").unwrap().len(), 1024);
    }

    #[test]
    fn ed25519_signs_as_openssl_does() {
        // openssl pkeyutl -sign -rawin -inkey ed25519.pem, of "sample".
        assert_eq!(
            hex(&ModuleSigner::new(&key("ed25519")).sign(b"sample").unwrap()),
            "aa6e375de854b216faf32c73fccb335d3f3a28140585c45f91ae0eeb1953cf00\
             699c8754ba562f7ad20231e3e1a850913ad45dca9b680fac76c4701dadb73201"
        );
    }

    #[test]
    fn the_numbers_that_blind_differ_by_key_and_message_and_do_not_repeat() {
        let secret = BlindingSecret::of(&key("rsa_2048"));
        let numbers = |secret: &BlindingSecret, message: &[u8]| {
            let mut bytes = [0; 64];
            secret.stream(&Sha256::digest(message)).fill(&mut bytes);
            bytes
        };
        let first = numbers(&secret, b"a");
        assert_ne!(first[..32], first[32..]);
        assert_eq!(first, numbers(&secret, b"a"));
        assert_ne!(first, numbers(&secret, b"b"));
        assert_ne!(first, numbers(&BlindingSecret::of(&key("rsa_8192")), b"a"));
    }
}
