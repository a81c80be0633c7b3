//! The foreign function `sign`, called as the module calls it.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::pkcs8::DecodePrivateKey as _;
use sha2::{Digest as _, Sha256};

use crate::module::sign::sign;
use crate::module::status::Status;
use crate::module::wire;

/// Made for this test and used for nothing else.
const RSA_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCgZ7W55IQxVxAF
wZdFiYtT6CnKIbZkhPEYcF0YoBYr+kmhjWlZzGKaiO/haamrc+ACKFRtBN5FntUj
Ceq/H0iOG7fFDBDIG1n9VcP+3oWhYdd1HRJFld9iqL9339E9G6Eg2pdix5gd0bNP
eD81eoAUnTTy2VLV/xsgmGIm3a1SfzR0vFr3/xM5hrWs7XoSZAiilbo6FFFTvpTq
ySw5yUOLf33UIHLFH9CEfP/rHXJhI5Te7b9EM1st0u0KCA0kSoI5UJBpXkSMcmzW
/Vl/N88X6WPKRz8KJFOWV/2cOwynuTXbcnjY/OpaXwJyYlcMEUCwZLAVQVhrs8yA
rJcQNeTZAgMBAAECggEAT4quJHTrkpYERX521445z41wb6IhEp6T+dT6bVQxOnSe
X6TCqbt+5/fg0Ew3zWQkIJ3EI92GpUp6kaoAxO6r6YBYNDfj+H8LtGL70p6g8GKW
16XnYidMQ12/uJ994EobsDGFYX/tcFgFDXLpEUliSxab45MeDy02VAcMoQ5LPP06
+Sy1WPJLmCofeCfFl3piR8NMt4k96rhFdbebRJCj6QaDw+ntS1rs4VaV/9J0LJCf
Aezg0ZWeyOoOEtKKxUViABfKav7WbTVGEoDo41xzKZQ3KmyNNRBCbsBIQ17Oql31
kNOGrbGu3A/ucPYbCNmTi4nU9lLRgJlX58rvvGOsQwKBgQDXcfFS7/sVJIT2s/jh
h+UpeROL3VE1rbLU4ogNU0oiNwdTa6CgRdO1dgeW1qps8HLYYGwhljOotEgbJZLx
/sBbZJCEQLpPJ6rDAqpscu8xYd5cS5a9MVqaafMBaOrntzRiyxLUe/UNaSTDQyq5
xbbYnYl8efCJY73ZE9dBV7jQTwKBgQC+mXPgfHHYSoT7A9D7D2zMmB7pZOFIRhRR
twHs39NEhz858VmSjBaY7PHqjDlL6QaB8CAQzXYP80h2M6adMrufcsEjbxK9zKLt
7SU5CbyT0SdapHmhCjvlkdkpx/oCg7BwBkcz5cwZADAp8rgk5f5NXGJB9jqpwKMW
9F4Db5bGVwKBgQCdvDCBFm5v5lLrBI0dIg+ns5uZ9Sl18XxS3J/bkbVfI4bbjpsF
fNopqwaXawdPxyNuQ/onBP9Bbuyz42iYgHl48EHWckV1moctS5BW4jc5onvYewcb
8TxyfUuLJrOFft59zkw1AaRCc06VH2HyrUzXf0+fsO9ox3vBqQMaNg17hQKBgEp7
GMcemjZVWIXmxeF186Q3xcyauVZO3F3aUAxKovpih5iS8dfMmoAEB70KMtGxK/PW
7BDk2T/+Z9CY+oDvdFYot8SrAP3eW8TyKNuTLHfvAZvwLf96SlG5ns0u8knNQENm
kKh9Ijaa1jduO/tfTPLaKSNxnxb6ykCMGbjqAFddAoGAZ5+Go9RsYrxvx/T0DXFM
XMG23vSVuF4p4jGn9YWiQ9l4w6Abj6O0gGUbjSH5K8NX3FpEX77Ca7zd2NA9p0XM
g6gyYrARKJbTERFnm22KfLkDsuNobmSyKN0nAWJcBoTJXhpSdvaZLVcYJOB/aTv4
+ixGvyExz5fRzbWARUMc4p4=
-----END PRIVATE KEY-----
";

fn message(hash: &str, key: (u64, &[u8])) -> Vec<u8> {
    let mut out = Vec::new();
    wire::put_bytes(&mut out, 1, hash.as_bytes());
    wire::put_bytes(&mut out, key.0, key.1);
    wire::put_bytes(&mut out, 3, b"text");
    out
}

/// The signature, or the error, by its field's number.
fn ask(hash: &str, key: (u64, &[u8])) -> Result<(u64, Vec<u8>), Status> {
    sign(&message(hash, key)).map(|answer| wire::fields(&answer).unwrap().remove(0))
}

#[test]
fn a_p256_key_signs_as_der_or_pem() {
    let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let verifier = p256::ecdsa::VerifyingKey::from(p256::ecdsa::SigningKey::from(&key));
    let der = key.to_pkcs8_der().unwrap();
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    for key in [(2, der.as_bytes()), (4, pem.as_bytes())] {
        let (2, signature) = ask("sha256", key).unwrap() else {
            panic!("no signature")
        };
        let signature = p256::ecdsa::Signature::from_der(&signature).unwrap();
        verifier.verify_prehash(&Sha256::digest(b"text"), &signature).unwrap();
    }
}

#[test]
fn p384_and_p521_keys_sign_any_hash() {
    let p384 = p384::SecretKey::from_slice(&[7; 48]).unwrap().to_pkcs8_der().unwrap();
    let mut scalar = [7; 66];
    scalar[0] = 0;
    let p521 = p521::SecretKey::from_slice(&scalar).unwrap().to_pkcs8_der().unwrap();
    for key in [&p384, &p521] {
        for hash in ["sha256", "sha384", "SHA512"] {
            assert_eq!(ask(hash, (2, key.as_bytes())).unwrap().0, 2, "{hash}");
        }
    }
}

#[test]
fn an_rsa_key_signs_as_pkcs1_v15() {
    let (2, signature) = ask("sha256", (4, RSA_KEY.as_bytes())).unwrap() else {
        panic!("no signature")
    };
    let key = rsa::PrivateKey::from_pkcs8_pem(RSA_KEY).unwrap().to_public_key();
    key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(b"text"), &signature)
        .unwrap();
}

#[test]
fn an_ed25519_key_and_an_unknown_hash_are_answers_that_say_no() {
    let mut ed25519 = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    ed25519.extend([7; 32]);
    assert_eq!(ask("sha256", (2, &ed25519)).unwrap().0, 3);
    let p256 = p256::SecretKey::from_slice(&[7; 32]).unwrap().to_pkcs8_der().unwrap();
    assert_eq!(
        ask("md5", (2, p256.as_bytes())),
        Ok((3, b"md5 is not supported.".to_vec()))
    );
}

#[test]
fn no_key_two_keys_and_what_is_no_key_are_bad_arguments() {
    assert_eq!(ask("sha256", (9, b"")), Err(Status::BadArgument));
    assert_eq!(ask("sha256", (2, b"no key")), Err(Status::BadArgument));
    let mut two = message("sha256", (2, b"one"));
    wire::put_bytes(&mut two, 4, b"two");
    assert_eq!(sign(&two), Err(Status::BadArgument));
}
