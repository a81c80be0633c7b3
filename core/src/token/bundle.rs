//! The certificates that a registry believes, its `rootcertbundle`, as seen from the key that signs tokens.

use super::certificate::{self, CertificateError, Parsed};
use super::key::SigningKey;

/// A registry's `rootcertbundle`.
#[derive(Debug)]
pub struct Bundle {
    certificates: Vec<Parsed>,
}

/// By what a registry with a bundle believes a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A certificate of the key itself is in the bundle: by `kid` and by `x5c`.
    Key,
    /// The bundle has one of the certificates above the key's, or one that signed such: by `x5c` alone.
    Chain,
    /// Not at all.
    Nothing,
}

impl Bundle {
    /// Reads a PEM text as registries do: of any number of certificates, passing over blocks of other kinds.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let certificates = certificate::parse_bundle(text)?;
        Ok(Self { certificates })
    }

    /// Whether a certificate in it is of a key with this id, in either form.
    #[must_use]
    pub fn has_id(&self, kid: &str) -> bool {
        self.certificates.iter().any(|certificate| certificate.has_id(kid))
    }

    /// Whether it has one of the certificates of the PEM text `chain`, or one that signed such.
    #[must_use]
    pub fn believes(&self, chain: &str) -> bool {
        let is_known = |link: &Parsed| {
            let mut bundle = self.certificates.iter();
            bundle.any(|root| root.is_same(link) || root.has_issued(link))
        };
        certificate::parse(chain).is_ok_and(|chain| chain.iter().any(is_known))
    }

    /// By what a token of `key` is believed that carries the certificates of the PEM text `chain`, if it carries any.
    #[must_use]
    pub fn trust(&self, key: &SigningKey, chain: Option<&str>) -> Trust {
        if self.certificates.iter().any(|certificate| certificate.is_of(key)) {
            return Trust::Key;
        }
        if chain.is_some_and(|chain| self.believes(chain)) {
            Trust::Chain
        } else {
            Trust::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::token::{KidForm, VerifyingKey};

    const KEY: &str = include_str!("testdata/p256.pem");
    const OTHER: &str = include_str!("testdata/p384.pem");
    const LEAF: &str = include_str!("testdata/certificate/leaf.pem");
    const ISSUER: &str = include_str!("testdata/certificate/rsa.pem");
    const STRANGER: &str = include_str!("testdata/certificate/self_p384.pem");

    fn trust(bundle: &str, key: &str, chain: Option<&str>) -> Trust {
        let key = SigningKey::from_pem(&Secret::new(key.to_owned())).unwrap();
        Bundle::from_pem(bundle).unwrap().trust(&key, chain)
    }

    #[test]
    fn a_bundle_believes_its_own_certificates_and_what_they_signed() {
        assert_eq!(trust(LEAF, KEY, None), Trust::Key);
        assert_eq!(trust(ISSUER, KEY, Some(LEAF)), Trust::Chain);
        assert_eq!(trust(ISSUER, KEY, None), Trust::Nothing);
        assert_eq!(trust(STRANGER, KEY, Some(LEAF)), Trust::Nothing);
        assert_eq!(trust(LEAF, OTHER, None), Trust::Nothing);
    }

    #[test]
    fn a_bundle_may_be_as_long_as_that_of_a_system_and_hold_other_blocks() {
        let others = STRANGER.repeat(200);
        let bundle = format!("{others}-----BEGIN TRUST-----\nQUJD\n-----END TRUST-----\n{LEAF}");
        assert_eq!(trust(&bundle, KEY, None), Trust::Key);
    }

    #[test]
    fn a_key_is_known_by_either_form_of_its_id() {
        let key = VerifyingKey::from_certificate(LEAF).unwrap();
        for form in [KidForm::Libtrust, KidForm::Thumbprint] {
            assert!(Bundle::from_pem(LEAF).unwrap().has_id(&key.kid(form)));
            assert!(!Bundle::from_pem(STRANGER).unwrap().has_id(&key.kid(form)));
        }
    }
}
