use std::borrow::Cow;

use chrono::DateTime;
use jwt_compact::{Algorithm as JwtAlgorithm, AlgorithmExt, AlgorithmSignature, TimeOptions, UntrustedToken};
use p256::ecdsa::signature::Verifier;
use p256::pkcs8::DecodePublicKey;
use serde_json::{Value, json};

use super::testdata::{decision, grant, key};
use super::*;

const NOW: u64 = 1_700_000_000;

/// One of our algorithms for jwt-compact, whose own would bring older versions of the same crates.
struct Verifying(Algorithm);

struct Bytes(Vec<u8>);

impl AlgorithmSignature for Bytes {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

impl JwtAlgorithm for Verifying {
    type SigningKey = ();
    /// DER `SubjectPublicKeyInfo`.
    type VerifyingKey = Vec<u8>;
    type Signature = Bytes;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
            Algorithm::Rs256 => "RS256",
            Algorithm::EdDsa => "EdDSA",
        })
    }

    fn sign(&self, (): &(), _: &[u8]) -> Bytes {
        unimplemented!("verifies only")
    }

    fn verify_signature(&self, Bytes(signature): &Bytes, spki: &Vec<u8>, message: &[u8]) -> bool {
        match self.0 {
            Algorithm::Es256 => p256::ecdsa::Signature::from_slice(signature).is_ok_and(|it| {
                let key = p256::ecdsa::VerifyingKey::from_public_key_der(spki).unwrap();
                key.verify(message, &it).is_ok()
            }),
            Algorithm::Es384 => p384::ecdsa::Signature::from_slice(signature).is_ok_and(|it| {
                let key = p384::ecdsa::VerifyingKey::from_public_key_der(spki).unwrap();
                key.verify(message, &it).is_ok()
            }),
            Algorithm::Es512 => p521::ecdsa::Signature::from_slice(signature).is_ok_and(|it| {
                let key = p521::ecdsa::VerifyingKey::from_public_key_der(spki).unwrap();
                key.verify(message, &it).is_ok()
            }),
            Algorithm::Rs256 => rsa::pkcs1v15::Signature::try_from(signature.as_slice()).is_ok_and(|it| {
                let key = rsa::PublicKey::from_public_key_der(spki).unwrap();
                rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(key)
                    .verify(message, &it)
                    .is_ok()
            }),
            Algorithm::EdDsa => ed25519_dalek::Signature::from_slice(signature).is_ok_and(|it| {
                let key = ed25519_dalek::VerifyingKey::from_public_key_der(spki).unwrap();
                key.verify(message, &it).is_ok()
            }),
        }
    }
}

fn mint(key: &SigningKey) -> Mint {
    Mint::new(
        "auth.test",
        Duration::from_mins(15),
        Header::new(key, KidForm::Libtrust, None),
    )
}

fn issue(key: &SigningKey, signer: &dyn Signer) -> Result<Token, SignError> {
    let decision = decision(
        "ada",
        "registry.test",
        vec![grant("repository:team/app:pull,push", &["pull"])],
    );
    mint(key).issue(
        &decision,
        Timestamp::from_seconds(NOW),
        &Jti::from_random([7; 16]),
        signer,
    )
}

/// `text` with `change` done to the bytes of its part number `part`.
fn changed(text: &str, part: usize, change: impl Fn(&mut Vec<u8>)) -> String {
    let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
    change(&mut bytes);
    parts[part] = URL_SAFE_NO_PAD.encode(bytes);
    parts.join(".")
}

fn is_accepted(key: &SigningKey, text: &str) -> bool {
    let spki = key.public_spki_der().to_vec();
    UntrustedToken::new(text).is_ok_and(|token| {
        Verifying(key.algorithm())
            .validator::<Value>(&spki)
            .validate(&token)
            .is_ok()
    })
}

#[test]
fn a_jwt_library_accepts_the_token_of_each_algorithm_and_reads_what_was_granted() {
    for name in ["p256", "p384", "p521", "rsa_2048", "ed25519"] {
        let key = key(name);
        let token = issue(&key, &ModuleSigner::new(&key)).unwrap();
        let text = token.text().expose();
        let spki = key.public_spki_der().to_vec();

        let untrusted = UntrustedToken::new(text).unwrap();
        assert_eq!(untrusted.header().key_id, Some(key.kid(KidForm::Libtrust)), "{name}");
        assert_eq!(untrusted.header().token_type.as_deref(), Some("JWT"), "{name}");
        let read = Verifying(key.algorithm())
            .validator::<Value>(&spki)
            .validate(&untrusted)
            .unwrap();
        let at = |seconds: u64| {
            let moment = DateTime::from_timestamp(i64::try_from(seconds).unwrap(), 0).unwrap();
            TimeOptions::new(chrono::Duration::zero(), move || moment)
        };
        let claims = read.claims();
        assert!(claims.validate_maturity(&at(NOW - 10)).is_ok(), "{name}");
        assert!(claims.validate_maturity(&at(NOW - 11)).is_err(), "{name}");
        assert!(claims.validate_expiration(&at(NOW + 900)).is_ok(), "{name}");
        assert!(claims.validate_expiration(&at(NOW + 901)).is_err(), "{name}");
        assert_eq!(
            claims.custom,
            json!({
                "iss": "auth.test", "sub": "ada", "aud": "registry.test", "jti": "07070707070707070707070707070707",
                "access": [{"type": "repository", "name": "team/app", "actions": ["pull"]}],
            }),
            "{name}"
        );
    }
}

#[test]
fn a_token_with_one_bit_changed_is_refused() {
    for name in ["p256", "p384", "p521", "rsa_2048", "ed25519"] {
        let key = key(name);
        let token = issue(&key, &ModuleSigner::new(&key)).unwrap();
        let text = token.text().expose();
        assert!(is_accepted(&key, text), "{name}");
        assert!(
            !is_accepted(&key, &changed(text, 0, |header| *header.last_mut().unwrap() = b' ')),
            "{name}"
        );
        // Still JSON, with another account: `ada` becomes `ade`.
        let other_account = changed(text, 1, |claims| {
            let at = claims.windows(5).position(|window| window == br#""ada""#).unwrap() + 3;
            claims[at] ^= 4;
        });
        assert!(
            UntrustedToken::new(&other_account)
                .unwrap()
                .deserialize_claims_unchecked::<Value>()
                .is_ok()
        );
        assert!(!is_accepted(&key, &other_account), "{name}");
        let length = URL_SAFE_NO_PAD.decode(text.rsplit('.').next().unwrap()).unwrap().len();
        for at in (0..length).step_by(9).chain([length - 1]) {
            assert!(
                !is_accepted(&key, &changed(text, 2, |it| it[at] ^= 1)),
                "{name}, byte {at}"
            );
        }
        assert!(
            !is_accepted(&key, &changed(text, 2, |signature| signature.truncate(length - 1))),
            "{name}"
        );
    }
}

#[test]
fn a_token_knows_when_it_was_issued_and_when_it_ends() {
    let key = key("p256");
    let token = issue(&key, &ModuleSigner::new(&key)).unwrap();
    assert_eq!(token.issued_at(), Timestamp::from_seconds(NOW));
    assert_eq!(token.expires_at(), Timestamp::from_seconds(NOW + 900));
    assert_eq!(token.jti().to_string(), "07".repeat(16));
}

#[test]
fn a_token_is_written_without_being_moved_and_prints_as_redacted() {
    for name in ["p256", "p384", "p521", "ed25519"] {
        let key = key(name);
        let token = issue(&key, &ModuleSigner::new(&key)).unwrap();
        let text = token.text().expose();
        let (head, _) = text.rsplit_once('.').unwrap();
        assert!(
            text.capacity() <= head.len() + 1 + 176,
            "{name}: grew to {}",
            text.capacity()
        );
        assert!(!format!("{token:?}").contains(text.as_str()), "{name}");
        assert!(format!("{token:?}").contains("[redacted]"), "{name}");
    }
}

#[test]
fn a_signature_that_a_host_made_fits_into_the_token() {
    /// A host's crypto: gives ASN.1.
    struct Host(p256::ecdsa::SigningKey);

    impl Signer for Host {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            use p256::ecdsa::signature::Signer;
            let signature: p256::ecdsa::DerSignature = self.0.sign(message);
            Ok(ecdsa_der::to_jose(Algorithm::Es256, signature.as_bytes())?)
        }
    }

    let key = key("p256");
    let native = p256::pkcs8::DecodePrivateKey::from_pkcs8_der(key.pkcs8_der().expose()).unwrap();
    let token = issue(&key, &Host(native)).unwrap();
    assert!(is_accepted(&key, token.text().expose()));
}

#[test]
fn there_is_no_token_without_a_signature() {
    struct Broken;

    impl Signer for Broken {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError::Host("no such function".to_owned()))
        }
    }

    let error = issue(&key("p256"), &Broken).unwrap_err();
    assert_eq!(error.to_string(), "the host cannot sign: no such function");
}
