//! How a registry finds the key of a token: its `kid`, in either of two forms.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};

use super::super::public_key::PublicKey;

/// The form of a key id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KidForm {
    /// libtrust's, which registries up to 2.8 compute of each certificate they trust: the first 240 bits of the
    /// SHA-256 of the DER public key, in base32, as twelve groups of four joined by colons.
    #[default]
    Libtrust,
    /// The thumbprint of RFC 7638, base64url: what registries from 3.0 compute.
    Thumbprint,
}

/// The key id in libtrust's form, of a DER `SubjectPublicKeyInfo`.
pub(in crate::token) fn libtrust(spki_der: &[u8]) -> String {
    let digest = Sha256::digest(spki_der);
    let mut id = String::with_capacity(59);
    // Twenty bits are a group; 30 bytes are six times two groups.
    for (i, bytes) in digest.chunks_exact(5).take(6).enumerate() {
        let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for (place, shift) in [35, 30, 25, 20, 15, 10, 5, 0].into_iter().enumerate() {
            if place == 4 || place == 0 && i > 0 {
                id.push(':');
            }
            id.push(base32_digit(bits.wrapping_shr(shift)));
        }
    }
    id
}

/// The digit of the lowest five bits (RFC 4648 section 6).
fn base32_digit(bits: u64) -> char {
    const DIGITS: [char; 32] = [
        'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V',
        'W', 'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7',
    ];
    let [low, ..] = bits.to_le_bytes();
    DIGITS.get(usize::from(low & 0x1f)).copied().unwrap_or_default()
}

/// The SHA-256 thumbprint: of the members that a JWK of this kind must have (RFC 7638 section 3).
pub(in crate::token) fn thumbprint(key: &PublicKey) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(members(key)))
}

/// A JWK with the members that its kind must have, in the order of their names, without white space (RFC 7638 section
/// 3.2; RFC 8037 section 2 for Ed25519).
pub(super) fn members(key: &PublicKey) -> String {
    match key {
        PublicKey::P256(key) => elliptic("P-256", key.to_sec1_point(false).as_bytes()),
        PublicKey::P384(key) => elliptic("P-384", key.to_sec1_point(false).as_bytes()),
        PublicKey::P521(key) => elliptic("P-521", key.to_sec1_point(false).as_bytes()),
        PublicKey::Rsa(key) => {
            let (e, n) = (
                URL_SAFE_NO_PAD.encode(key.e_bytes()),
                URL_SAFE_NO_PAD.encode(key.n_bytes()),
            );
            format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
        }
        PublicKey::Ed25519(key) => {
            let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
        }
    }
}

/// The members of a key whose `point` is 4, x, y: both numbers in the full length of the field (RFC 7518 section 6.2.1).
fn elliptic(curve: &str, point: &[u8]) -> String {
    let numbers = point.get(1..).unwrap_or_default();
    let (x, y) = numbers.split_at(numbers.len().div_euclid(2));
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#)
}

#[cfg(test)]
mod tests {
    use rsa::BoxedUint;

    use super::*;

    fn decoded(base64url: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(base64url).unwrap()
    }

    #[test]
    fn the_examples_of_the_rfcs_have_the_thumbprints_given_there() {
        // RFC 7638 section 3.1.
        let n = decoded(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok\
             njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHz\
             u6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg\
             U8awapJzKnqDKgw",
        );
        let n = BoxedUint::from_be_slice_vartime(&n);
        let rsa = PublicKey::Rsa(rsa::PublicKey::new(n, BoxedUint::from(65_537_u64)).unwrap());
        assert_eq!(thumbprint(&rsa), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");

        // RFC 8037 appendix A.3.
        let x: [u8; 32] = decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .try_into()
            .unwrap();
        let ed25519 = PublicKey::Ed25519(ed25519_dalek::VerifyingKey::from_bytes(&x).unwrap());
        assert_eq!(thumbprint(&ed25519), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
