//! Why a text holds no key to sign with, and what to do about it.

use thiserror::Error;

use super::{MAX_RSA_BITS, MIN_RSA_BITS};
use crate::token::pem::PemError;

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
