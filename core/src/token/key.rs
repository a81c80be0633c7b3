//! The key that signs tokens: read from PEM, and how a registry names it.

mod kid;

use std::fmt;

use p256::pkcs8::{EncodePrivateKey, PrivateKeyInfoRef, SecretDocument};
use rsa::pkcs1::{RsaPrivateKeyRef, Version};
use sec1::EcPrivateKey;
use thiserror::Error;
use x509_cert::der::asn1::SequenceRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5912, rfc8410};
use x509_cert::der::{Decode, Reader, SliceReader, TagMode, TagNumber};

pub use kid::KidForm;

use super::pem::{self, Block, PemError};
use super::public_key::PublicKey;
use crate::secret::Secret;

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

/// Why a text holds no key to sign with. Nothing of the key is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not PEM.
    #[error("the private key cannot be read: {0}")]
    Pem(#[from] PemError),
    /// Encrypted, in either of openssl's ways.
    #[error(
        "the private key is encrypted, and nobody is there to type its password; decrypt it: `openssl pkey -in KEY -out PLAIN_KEY`"
    )]
    Encrypted,
    /// The public half.
    #[error("holds a public key, which cannot sign; put the private key here, from `-----BEGIN PRIVATE KEY-----` on")]
    PublicKey,
    /// A certificate, alone or beside a key.
    #[error("holds a certificate; put that into `token.certificate`, and the private key alone here")]
    Certificate,
    /// OpenSSH's own form.
    #[error("the private key is in OpenSSH's own form; convert a copy of it: `ssh-keygen -p -m PKCS8 -f COPY_OF_KEY`")]
    OpenSsh,
    /// A PEM block of another kind.
    #[error(
        "holds a PEM block `{0}`, which is no private key; it must be `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`"
    )]
    Block(String),
    /// `EC PARAMETERS` alone, as `openssl ecparam` writes them without `-genkey`.
    #[error(
        "holds the parameters of a curve and no key; make one: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY`"
    )]
    ParametersOnly,
    /// More than one key.
    #[error("holds {0} private keys; keep the one that signs")]
    Several(usize),
    /// A DSA key.
    #[error(
        "is a DSA key, for which tokens have no algorithm; make another: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY`"
    )]
    Dsa,
    /// A curve that registries do not verify.
    #[error(
        "is on the curve `{0}`, which registries do not verify; use P-256: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY`"
    )]
    Curve(String),
    /// A curve written out in numbers.
    #[error(
        "writes its curve out instead of naming it; name it: `openssl ec -in KEY -param_enc named_curve -out NAMED_KEY`"
    )]
    ExplicitCurve,
    /// No curve.
    #[error("does not say which curve it is on; write it anew from the original: `openssl pkey -in ORIGINAL -out KEY`")]
    NoCurve,
    /// Of another algorithm.
    #[error(
        "is a key for `{0}`, which registries do not verify; use P-256: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY`"
    )]
    Kind(String),
    /// An RSA key marked for RSASSA-PSS alone.
    #[error(
        "is an RSA key for PSS signatures alone, and tokens are signed with RS256; make one without that mark: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out KEY`"
    )]
    RsaPss,
    /// An RSA key of three or more primes.
    #[error(
        "is an RSA key of more than two primes; make another: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out KEY`"
    )]
    RsaPrimes,
    /// Below [`MIN_RSA_BITS`] or above [`MAX_RSA_BITS`].
    #[error(
        "is an RSA key of {0} bits, and {MIN_RSA_BITS} to {MAX_RSA_BITS} are accepted; make another: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out KEY`"
    )]
    RsaSize(usize),
    /// The contents are not what the label says, or do not fit each other.
    #[error("the `{0}` is damaged; see what `openssl pkey -in KEY -check -noout` says of the file")]
    Damaged(&'static str),
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

/// How a private key is written.
#[derive(Clone, Copy)]
enum Form {
    Pkcs8,
    Sec1,
    Pkcs1,
}

impl Form {
    fn of(block: &Block<'_>) -> Result<Self, KeyError> {
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

    fn read(self, der: &[u8]) -> Result<PrivateKey, KeyError> {
        match self {
            Self::Pkcs8 => from_pkcs8(der),
            Self::Sec1 => from_sec1(der),
            Self::Pkcs1 => rsa(der, "RSA PRIVATE KEY"),
        }
    }
}

const PKCS8: &str = "PRIVATE KEY";

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
