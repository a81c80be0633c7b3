//! The key that signs tokens: read from PEM, and how a registry names it.

mod error;
pub(super) mod kid;
mod read;

use std::fmt;

use p256::pkcs8::{EncodePrivateKey, SecretDocument};

pub use error::KeyError;
pub use kid::KidForm;

use super::pem;
use super::public_key::PublicKey;
use crate::secret::Secret;
use read::{Form, PKCS8};

/// The shortest RSA modulus, in bits: shorter ones are within reach of those who want to (NIST SP 800-131A).
pub const MIN_RSA_BITS: usize = 2048;

/// The longest RSA modulus, in bits: a signature takes time with its third power.
pub const MAX_RSA_BITS: usize = 8192;

/// The private key of tokens. Prints as its algorithm; what is secret is wiped on drop.
pub struct SigningKey {
    private: PrivateKey,
    public: PublicKey,
    public_spki_der: Vec<u8>,
    pkcs8_der: Secret<Vec<u8>>,
}

/// What a token's `alg` says (RFC 7518 section 3.1, RFC 8037 section 3.1). Bound to the key, never to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// Ed25519.
    EdDsa,
}

pub(super) enum PrivateKey {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Rsa(Box<rsa::PrivateKey>),
    Ed25519(ed25519_dalek::SigningKey),
}

impl SigningKey {
    /// Reads a PEM text with one private key: PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017), on P-256, P-384,
    /// P-521, of RSA with 2048 to 8192 bits, or Ed25519. The curve parameters that `openssl ecparam -genkey` puts
    /// before a key are passed over.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(text: &Secret<String>) -> Result<Self, KeyError> {
        let blocks = pem::blocks(text.expose())?;
        let keys = blocks
            .iter()
            .filter(|block| block.label != "EC PARAMETERS")
            .map(|block| Form::of(block).map(|form| (form, block)))
            .collect::<Result<Vec<_>, _>>()?;
        match keys.as_slice() {
            [] => Err(KeyError::ParametersOnly),
            [(form, block)] => Self::new(form.read(block.decode()?.expose())?),
            several => Err(KeyError::Several(several.len())),
        }
    }

    fn new(private: PrivateKey) -> Result<Self, KeyError> {
        let public = private.public();
        let damaged = |_| KeyError::Damaged("PRIVATE KEY");
        Ok(Self {
            public_spki_der: public.spki_der().map_err(damaged)?,
            pkcs8_der: private.pkcs8_der()?,
            private,
            public,
        })
    }

    /// What tokens of this key say as `alg`.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.private {
            PrivateKey::P256(_) => Algorithm::Es256,
            PrivateKey::P384(_) => Algorithm::Es384,
            PrivateKey::P521(_) => Algorithm::Es512,
            PrivateKey::Rsa(_) => Algorithm::Rs256,
            PrivateKey::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The key's id in the form asked for.
    #[must_use]
    pub fn kid(&self, form: KidForm) -> String {
        match form {
            KidForm::Libtrust => kid::libtrust(&self.public_spki_der),
            KidForm::Thumbprint => kid::thumbprint(&self.public),
        }
    }

    /// The public key as a JSON Web Key (RFC 7517) with no more members than its kind must have, in the order of their
    /// names: what a thumbprint is made of.
    #[must_use]
    pub fn jwk(&self) -> String {
        kid::members(&self.public)
    }

    /// The public key as DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
    #[must_use]
    pub fn public_spki_der(&self) -> &[u8] {
        &self.public_spki_der
    }

    /// The private key as DER PKCS#8, whatever it was read from: what Envoy's `sign` takes.
    #[must_use]
    pub fn pkcs8_der(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8_der
    }

    pub(super) fn private(&self) -> &PrivateKey {
        &self.private
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

impl Algorithm {
    /// The name, as `alg` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The hash that is signed, by openssl's name; `None` where the message itself is.
    #[must_use]
    pub fn hash(self) -> Option<&'static str> {
        match self {
            Self::Es256 | Self::Rs256 => Some("sha256"),
            Self::Es384 => Some("sha384"),
            Self::Es512 => Some("sha512"),
            Self::EdDsa => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PrivateKey {
    fn public(&self) -> PublicKey {
        match self {
            Self::P256(key) => PublicKey::P256(*key.verifying_key()),
            Self::P384(key) => PublicKey::P384(*key.verifying_key()),
            Self::P521(key) => PublicKey::P521(*key.verifying_key()),
            Self::Rsa(key) => PublicKey::Rsa(key.to_public_key()),
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key()),
        }
    }

    fn pkcs8_der(&self) -> Result<Secret<Vec<u8>>, KeyError> {
        match self {
            Self::P256(key) => key.to_pkcs8_der(),
            Self::P384(key) => key.to_pkcs8_der(),
            Self::P521(key) => key.to_pkcs8_der(),
            Self::Rsa(key) => key.to_pkcs8_der(),
            Self::Ed25519(key) => key.to_pkcs8_der(),
        }
        .map(|document: SecretDocument| Secret::new(document.as_bytes().to_vec()))
        .map_err(|_| KeyError::Damaged(PKCS8))
    }
}

#[cfg(test)]
mod tests;
