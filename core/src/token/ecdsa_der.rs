//! ECDSA signatures from the form that a host's native crypto gives them, to that of a token.

use thiserror::Error;

use super::key::Algorithm;

/// Why bytes are no signature of the key's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EcdsaDerError {
    /// Signatures of this algorithm have no ASN.1 form.
    #[error("signatures of {0} are not ECDSA")]
    NotEcdsa(Algorithm),
    /// Not strict DER, or a number out of the curve's range.
    #[error("the bytes are no DER signature of {0}")]
    Malformed(Algorithm),
}

/// `r || s`, each in the full length of the curve's field (RFC 7518 section 3.4), of a DER `ECDSA-Sig-Value`
/// (RFC 3279 section 2.2.3).
///
/// ```
/// # use registry_auth_core::token::{Algorithm, ecdsa_der};
/// let jose = ecdsa_der::to_jose(Algorithm::Es256, &[0x30, 6, 2, 1, 5, 2, 1, 7])?;
/// assert_eq!((jose.len(), jose[31], jose[63]), (64, 5, 7));
/// # Ok::<(), ecdsa_der::EcdsaDerError>(())
/// ```
///
/// # Errors
/// See [`EcdsaDerError`]. Any bytes may be given: they come from a host.
pub fn to_jose(algorithm: Algorithm, der: &[u8]) -> Result<Vec<u8>, EcdsaDerError> {
    match algorithm {
        Algorithm::Es256 => p256::ecdsa::Signature::from_der(der).map(|signature| signature.to_vec()),
        Algorithm::Es384 => p384::ecdsa::Signature::from_der(der).map(|signature| signature.to_vec()),
        Algorithm::Es512 => p521::ecdsa::Signature::from_der(der).map(|signature| signature.to_vec()),
        Algorithm::Rs256 | Algorithm::EdDsa => return Err(EcdsaDerError::NotEcdsa(algorithm)),
    }
    .map_err(|_| EcdsaDerError::Malformed(algorithm))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ECDSA: [(Algorithm, usize); 3] = [(Algorithm::Es256, 32), (Algorithm::Es384, 48), (Algorithm::Es512, 66)];

    /// A DER integer: the shortest form, written by hand.
    fn integer(number: &[u8]) -> Vec<u8> {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        let mut digits = number[start..].to_vec();
        if digits.first().is_none_or(|byte| *byte > 0x7f) {
            digits.insert(0, 0);
        }
        [vec![2, u8::try_from(digits.len()).unwrap()], digits].concat()
    }

    fn sequence(r: &[u8], s: &[u8]) -> Vec<u8> {
        let body = [integer(r), integer(s)].concat();
        let length = u8::try_from(body.len()).unwrap();
        let head = if length > 0x7f {
            vec![0x30, 0x81, length]
        } else {
            vec![0x30, length]
        };
        [head, body].concat()
    }

    #[test]
    fn what_p256_writes_as_der_comes_back_as_it_writes_jose() {
        use p256::ecdsa::signature::Signer;
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        for message in 0..200_u8 {
            let signature: p256::ecdsa::Signature = key.sign(&[message]);
            let jose = to_jose(Algorithm::Es256, signature.to_der().as_bytes());
            assert_eq!(jose, Ok(signature.to_bytes().to_vec()));
        }
    }

    #[test]
    fn der_that_is_not_strict_is_refused() {
        for (what, der) in [
            ("nothing", vec![]),
            ("a sequence of nothing", vec![0x30, 0]),
            ("one number", vec![0x30, 3, 2, 1, 5]),
            ("three numbers", vec![0x30, 9, 2, 1, 5, 2, 1, 7, 2, 1, 9]),
            ("bytes behind it", vec![0x30, 6, 2, 1, 5, 2, 1, 7, 0]),
            ("cut short", vec![0x30, 6, 2, 1, 5, 2, 1]),
            ("a negative number", vec![0x30, 6, 2, 1, 0x85, 2, 1, 7]),
            ("a zero in front", vec![0x30, 7, 2, 2, 0, 5, 2, 1, 7]),
            ("a long length", vec![0x30, 0x81, 6, 2, 1, 5, 2, 1, 7]),
            ("an indefinite length", vec![0x30, 0x80, 2, 1, 5, 2, 1, 7, 0, 0]),
            ("r of zero", vec![0x30, 6, 2, 1, 0, 2, 1, 7]),
            ("s of zero", vec![0x30, 6, 2, 1, 5, 2, 1, 0]),
            ("another type", vec![0x30, 6, 4, 1, 5, 2, 1, 7]),
            ("a number above the curve's order", sequence(&[0xff; 32], &[7])),
            ("a number longer than the field", sequence(&[1; 33], &[7])),
        ] {
            assert_eq!(
                to_jose(Algorithm::Es256, &der),
                Err(EcdsaDerError::Malformed(Algorithm::Es256)),
                "{what}"
            );
        }
        assert_eq!(
            to_jose(Algorithm::Rs256, &[]),
            Err(EcdsaDerError::NotEcdsa(Algorithm::Rs256))
        );
        assert_eq!(
            to_jose(Algorithm::EdDsa, &[]),
            Err(EcdsaDerError::NotEcdsa(Algorithm::EdDsa))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(der in prop::collection::vec(any::<u8>(), 0..160)) {
            for (algorithm, _) in ECDSA {
                let _ = to_jose(algorithm, &der);
            }
        }

        #[test]
        fn a_damaged_signature_is_read_or_refused(r in any::<[u8; 32]>(), s in any::<[u8; 32]>(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut der = sequence(&r, &s);
            let at = at.index(der.len());
            der[at] = byte;
            for (algorithm, size) in ECDSA {
                if let Ok(jose) = to_jose(algorithm, &der) {
                    prop_assert_eq!(jose.len(), size.saturating_mul(2));
                }
            }
        }

        #[test]
        fn numbers_are_padded_to_the_length_of_the_field(
            r in prop::collection::vec(any::<u8>(), 1..31), s in prop::collection::vec(any::<u8>(), 1..31)
        ) {
            prop_assume!(r.iter().any(|byte| *byte != 0) && s.iter().any(|byte| *byte != 0));
            for (algorithm, size) in ECDSA {
                let jose = to_jose(algorithm, &sequence(&r, &s)).unwrap();
                let padded = |number: &[u8]| [vec![0; size.saturating_sub(number.len())], number.to_vec()].concat();
                prop_assert_eq!(jose, [padded(&r), padded(&s)].concat());
            }
        }
    }
}
