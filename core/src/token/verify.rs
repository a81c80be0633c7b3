//! Whether a token is signed by a key: what who looks at tokens asks, with the public half alone.

use p256::ecdsa::signature::Verifier as _;
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256};

use super::certificate::{self, CertificateError};
use super::key::{Algorithm, KidForm, SigningKey, kid};
use super::public_key::PublicKey;

/// The public half of a key that signs tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(pub(super) PublicKey);

impl VerifyingKey {
    /// That of `key`.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        Self(key.public().clone())
    }

    /// That of the first certificate in a PEM text.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn from_certificate(text: &str) -> Result<Self, CertificateError> {
        certificate::leaf_key(text).map(Self)
    }

    /// What tokens of this key say as `alg`. No other algorithm is verified, whatever a token says.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            PublicKey::P256(_) => Algorithm::Es256,
            PublicKey::P384(_) => Algorithm::Es384,
            PublicKey::P521(_) => Algorithm::Es512,
            PublicKey::Rsa(_) => Algorithm::Rs256,
            PublicKey::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The key's id in the form asked for.
    #[must_use]
    pub fn kid(&self, form: KidForm) -> String {
        match form {
            KidForm::Libtrust => kid::libtrust(&self.0.spki_der().unwrap_or_default()),
            KidForm::Thumbprint => kid::thumbprint(&self.0),
        }
    }

    /// Whether `signature`, in JOSE form (RFC 7518 section 3), is this key's on `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            PublicKey::P256(key) => {
                p256::ecdsa::Signature::from_slice(signature).is_ok_and(|it| key.verify(message, &it).is_ok())
            }
            PublicKey::P384(key) => {
                p384::ecdsa::Signature::from_slice(signature).is_ok_and(|it| key.verify(message, &it).is_ok())
            }
            PublicKey::P521(key) => {
                p521::ecdsa::Signature::from_slice(signature).is_ok_and(|it| key.verify(message, &it).is_ok())
            }
            PublicKey::Rsa(key) => key
                .verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature)
                .is_ok(),
            PublicKey::Ed25519(key) => {
                ed25519_dalek::Signature::from_slice(signature).is_ok_and(|it| key.verify_strict(message, &it).is_ok())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::super::{ModuleSigner, Signer};
    use super::*;

    #[test]
    fn each_kind_of_key_verifies_what_it_signed_and_nothing_else() {
        let names = ["p256", "p384", "p521", "rsa_2048", "ed25519"];
        let keys = names.map(testdata::key);
        for (name, key) in names.iter().zip(&keys) {
            let signature = ModuleSigner::new(key).sign(b"message").unwrap();
            let public = VerifyingKey::of(key);
            assert_eq!(public.algorithm(), key.algorithm());
            for form in [KidForm::Libtrust, KidForm::Thumbprint] {
                assert_eq!(public.kid(form), key.kid(form), "{name}");
            }
            assert!(public.verifies(b"message", &signature), "{name}");
            assert!(!public.verifies(b"massage", &signature), "{name}");
            for cut in [0, 1, signature.len() - 1] {
                assert!(!public.verifies(b"message", &signature[..cut]), "{name}");
            }
            let others = keys.iter().filter(|other| other.algorithm() != key.algorithm());
            for other in others {
                assert!(!VerifyingKey::of(other).verifies(b"message", &signature), "{name}");
            }
        }
    }

    #[test]
    fn the_key_of_a_text_of_certificates_is_that_of_the_first() {
        let text = testdata::certificates(&["self_p256", "self_p384"]);
        let key = VerifyingKey::from_certificate(&text).unwrap();
        assert_eq!(key, VerifyingKey::of(&testdata::key("p256")));
        assert!(VerifyingKey::from_certificate("none").is_err());
    }
}
