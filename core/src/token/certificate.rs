//! The certificates of a key, as a token carries them: leaf first, each followed by the one that signed it.

mod name;

use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::time::Time;

use super::key::{KidForm, SigningKey};
use super::pem::{self, PemError};
use super::public_key::{PublicKey, Unverified};
use super::verify::VerifyingKey;
use crate::time::Timestamp;

/// The most certificates of a chain: real ones have two to four, and every token carries them all.
pub const MAX_CERTIFICATES: usize = 16;

/// The certificate of a signing key, and those above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    links: Vec<Link>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    der: Vec<u8>,
    name: CertificateName,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Which certificate of a text is meant: `certificate 2 (CN=example)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateName {
    number: usize,
    subject: String,
}

/// Why a text is no chain of a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Not PEM.
    #[error("the certificates cannot be read: {0}")]
    Pem(#[from] PemError),
    /// A private key, which every token would give away.
    #[error("holds a private key, and every token carries what stands here; put the key into `token.key` alone")]
    PrivateKey,
    /// A PEM block of another kind.
    #[error("holds a PEM block `{0}`; there must be `CERTIFICATE` blocks alone")]
    Block(String),
    /// More than [`MAX_CERTIFICATES`].
    #[error("holds {0} certificates, and {MAX_CERTIFICATES} are accepted; keep the leaf and those above it")]
    TooMany(usize),
    /// Not DER, or not of X.509.
    #[error("certificate {0} is damaged; see what `openssl x509 -in CERTIFICATE -noout -text` says of it")]
    Damaged(usize),
    /// The leaf is that of another key.
    #[error("{0} is not that of the private key; put the certificate of `token.key` first")]
    OtherKey(CertificateName),
    /// A certificate that did not issue the one before it.
    #[error(
        "{found} does not follow: {of} was issued by `{issuer}`; put the leaf first, and behind each certificate the one that signed it"
    )]
    Order {
        /// The one out of place.
        found: CertificateName,
        /// The one before it.
        of: CertificateName,
        /// Whose certificate should stand there.
        issuer: String,
    },
    /// An issuer's key of a kind that is not known here.
    #[error(
        "{0} has a key other than P-256, P-384, P-521, Ed25519, or RSA of 1024 to 8192 bits; issue the chain anew with one of those"
    )]
    IssuerKey(CertificateName),
    /// An issuer that may not issue: registries refuse the chain.
    #[error(
        "{0} is no CA, so registries do not accept what it signed; issue it with `basicConstraints = critical,CA:TRUE`"
    )]
    NotCa(CertificateName),
    /// A signature of an algorithm that is not known here, such as one with SHA-1.
    #[error(
        "{of} is signed by the algorithm {oid}; issue it anew with SHA-256, SHA-384 or SHA-512, or by an Ed25519 key"
    )]
    Algorithm {
        /// The one that is signed.
        of: CertificateName,
        /// The algorithm's object identifier.
        oid: String,
    },
    /// The issuer of that name has another key.
    #[error(
        "{of} was not signed by the key of {by}, though the names fit; that is an older or newer certificate of the issuer"
    )]
    Signature {
        /// The one that is signed.
        of: CertificateName,
        /// The one whose key should have signed.
        by: CertificateName,
    },
}

/// Why a chain does not serve at a moment: registries refuse `x5c` then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotValid {
    /// A certificate begins later.
    #[error("{name} is not valid before {from}")]
    NotYet {
        /// Which.
        name: CertificateName,
        /// Its first second.
        from: Timestamp,
    },
    /// A certificate ended.
    #[error("{name} expired at {at}; renew it")]
    Expired {
        /// Which.
        name: CertificateName,
        /// Its last second.
        at: Timestamp,
    },
}

impl Chain {
    /// Reads a PEM text of certificates: first that of `key`, then each with the key that signed the one before. The
    /// root may be left out. Whether they are valid now is [`Chain::validity`]'s to say.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn from_pem(text: &str, key: &SigningKey) -> Result<Self, CertificateError> {
        Self::certifying(key.public(), text)
    }

    /// The same of a key of which no more than the public half is known.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn of(key: &VerifyingKey, text: &str) -> Result<Self, CertificateError> {
        Self::certifying(&key.0, text)
    }

    fn certifying(key: &PublicKey, text: &str) -> Result<Self, CertificateError> {
        let parsed = parse(text)?;
        let mut certificates = parsed.iter();
        let mut below = certificates.next().ok_or(PemError::Nothing)?;
        if below.key.as_ref() != Some(key) {
            return Err(CertificateError::OtherKey(below.link.name.clone()));
        }
        for issuer in certificates {
            issuer.issued(below)?;
            below = issuer;
        }
        let links = parsed.into_iter().map(|certificate| certificate.link).collect();
        Ok(Self { links })
    }

    /// Whether every certificate is valid at `now`; if not, the first that is not.
    ///
    /// # Errors
    /// See [`NotValid`].
    pub fn validity(&self, now: Timestamp) -> Result<(), NotValid> {
        self.links.iter().try_for_each(|link| link.validity(now))
    }

    /// The first second at which every certificate is valid.
    #[must_use]
    pub fn valid_from(&self) -> Timestamp {
        let begins = self.links.iter().map(|link| link.not_before);
        begins.max().unwrap_or(Timestamp::from_seconds(0))
    }

    /// The last second at which every certificate is valid.
    #[must_use]
    pub fn valid_until(&self) -> Timestamp {
        let ends = self.links.iter().map(|link| link.not_after);
        ends.min().unwrap_or(Timestamp::from_seconds(0))
    }

    /// The certificates in DER, leaf first; at least one.
    pub fn der(&self) -> impl Iterator<Item = &[u8]> {
        self.links.iter().map(|link| link.der.as_slice())
    }
}

impl Link {
    fn validity(&self, now: Timestamp) -> Result<(), NotValid> {
        let name = || self.name.clone();
        if now < self.not_before {
            return Err(NotValid::NotYet {
                name: name(),
                from: self.not_before,
            });
        }
        if now > self.not_after {
            return Err(NotValid::Expired {
                name: name(),
                at: self.not_after,
            });
        }
        Ok(())
    }
}

impl std::fmt::Display for CertificateName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "certificate {} (`{}`)", self.number, self.subject)
    }
}

/// A certificate with what is needed to judge its neighbours.
#[derive(Debug)]
pub(super) struct Parsed {
    link: Link,
    x509: Certificate,
    /// `None` if it is of a kind that is not known here.
    key: Option<PublicKey>,
}

/// The key of the first certificate in a PEM text.
pub(super) fn leaf_key(text: &str) -> Result<PublicKey, CertificateError> {
    let leaf = parse(text)?.into_iter().next().ok_or(PemError::Nothing)?;
    leaf.key.ok_or(CertificateError::IssuerKey(leaf.link.name))
}

pub(super) fn parse(text: &str) -> Result<Vec<Parsed>, CertificateError> {
    let blocks = pem::blocks(text)?;
    for block in &blocks {
        match block.label {
            "CERTIFICATE" => {}
            label if label.ends_with("PRIVATE KEY") => return Err(CertificateError::PrivateKey),
            label => return Err(CertificateError::Block(label.to_owned())),
        }
    }
    if blocks.len() > MAX_CERTIFICATES {
        return Err(CertificateError::TooMany(blocks.len()));
    }
    each_of(blocks.iter())
}

/// The certificates of a registry's bundle, of which there may be any number: it passes over blocks of other kinds.
pub(super) fn parse_bundle(text: &str) -> Result<Vec<Parsed>, CertificateError> {
    let blocks = pem::blocks_of_any_length(text)?;
    each_of(blocks.iter().filter(|block| block.label == "CERTIFICATE"))
}

fn each_of<'t>(blocks: impl Iterator<Item = &'t pem::Block<'t>>) -> Result<Vec<Parsed>, CertificateError> {
    let numbered = blocks.zip(1..);
    let parsed = numbered.map(|(block, number)| {
        let der = block.decode()?.expose().clone();
        Parsed::new(der, number).ok_or(CertificateError::Damaged(number))
    });
    parsed.collect()
}

impl Parsed {
    fn new(der: Vec<u8>, number: usize) -> Option<Self> {
        let x509 = Certificate::from_der(&der).ok()?;
        let tbs = x509.tbs_certificate();
        // Only one of the two is signed, and they must be equal (RFC 5280 section 4.1.1.2).
        (x509.signature_algorithm() == tbs.signature()).then_some(())?;
        let key = tbs.subject_public_key_info().to_der().ok()?;
        let link = Link {
            der,
            name: CertificateName {
                number,
                subject: name::text(tbs.subject()),
            },
            not_before: timestamp(tbs.validity().not_before),
            not_after: timestamp(tbs.validity().not_after),
        };
        Some(Self {
            key: PublicKey::from_spki_der(&key),
            link,
            x509,
        })
    }

    /// Whether it is a certificate of `key`.
    pub(super) fn is_of(&self, key: &SigningKey) -> bool {
        self.key.as_ref() == Some(key.public())
    }

    /// Whether its key has this id, in either form.
    pub(super) fn has_id(&self, kid: &str) -> bool {
        let key = self.key.clone().map(VerifyingKey);
        key.is_some_and(|key| {
            [KidForm::Libtrust, KidForm::Thumbprint]
                .iter()
                .any(|form| key.kid(*form) == kid)
        })
    }

    /// Whether it is the very same certificate.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.link.der == other.link.der
    }

    /// Whether this certificate issued `below`.
    pub(super) fn has_issued(&self, below: &Self) -> bool {
        self.issued(below).is_ok()
    }

    /// Whether this certificate issued `below`, as registries will ask.
    fn issued(&self, below: &Self) -> Result<(), CertificateError> {
        let (this, of) = (|| self.link.name.clone(), || below.link.name.clone());
        let issuer = below.x509.tbs_certificate().issuer();
        if self.x509.tbs_certificate().subject() != issuer {
            return Err(CertificateError::Order {
                found: this(),
                of: of(),
                issuer: name::text(issuer),
            });
        }
        if !self.is_ca() {
            return Err(CertificateError::NotCa(this()));
        }
        let key = self.key.as_ref().ok_or_else(|| CertificateError::IssuerKey(this()))?;
        below.verify(key).map_err(|unverified| match unverified {
            Unverified::Algorithm => CertificateError::Algorithm {
                of: of(),
                oid: below.x509.signature_algorithm().oid.to_string(),
            },
            Unverified::Signature => CertificateError::Signature { of: of(), by: this() },
        })
    }

    fn is_ca(&self) -> bool {
        let constraints = self.x509.tbs_certificate().get_extension::<BasicConstraints>();
        matches!(constraints, Ok(Some((_, BasicConstraints { ca: true, .. }))))
    }

    fn verify(&self, issuer: &PublicKey) -> Result<(), Unverified> {
        let signed = signed_part(&self.link.der).map_err(|_| Unverified::Signature)?;
        let signature = self.x509.signature().as_bytes().ok_or(Unverified::Signature)?;
        issuer.verify(self.x509.signature_algorithm().oid, signed, signature)
    }
}

/// The bytes of `tbsCertificate` as they were signed: writing what was parsed may give others.
fn signed_part(der: &[u8]) -> x509_cert::der::Result<&[u8]> {
    SliceReader::new(der)?.sequence(|reader| {
        let signed = reader.tlv_bytes()?;
        reader.drain(reader.remaining_len())?;
        Ok(signed)
    })
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_seconds(time.to_unix_duration().as_secs())
}

#[cfg(test)]
mod tests;
