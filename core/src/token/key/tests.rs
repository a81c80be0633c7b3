use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rsa::pkcs1::{RsaPrivateKeyRef, UintRef};
use sec1::EcPrivateKey;
use x509_cert::der::Encode;

use super::super::testdata::{key, text};
use super::*;

/// The DER inside the one block of a file.
fn der(name: &str) -> Vec<u8> {
    let text = text(name);
    pem::blocks(&text).unwrap()[0].decode().unwrap().expose().clone()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

#[track_caller]
fn refusal(text: String) -> String {
    SigningKey::from_pem(&Secret::new(text)).unwrap_err().to_string()
}

#[test]
fn each_kind_of_key_has_its_algorithm_and_the_ids_computed_elsewhere() {
    // Printed by testdata/make.py, which shares no code with this.
    for (name, algorithm, libtrust, thumbprint) in [
        (
            "p256",
            Algorithm::Es256,
            "6GBK:4FLS:PI43:ITMV:5J3T:GQGN:JDSA:DDVA:OXJZ:42WX:LFYU:6TTG",
            "0H9dZSaJOgXcEnJbWCz5sDabvWADKlBlXegEKit_3s8",
        ),
        (
            "p256_short_x",
            Algorithm::Es256,
            "YLTU:FFPX:MBBE:PDBA:6W5P:R2OA:DYLC:HFME:65CG:ZZP3:LW2S:JIDY",
            "VKZHCmj7SyC6bOPuBkkLbdcAaTCjXEjD0gzZoxldZBU",
        ),
        (
            "p384",
            Algorithm::Es384,
            "5YIT:N73J:V6CR:ZDN7:IIBR:ACYQ:HW7P:J4YR:TPGQ:Q4JR:5EXU:B46I",
            "VEztt72W6nYNiZ0tosnLBjmKWonY8zQCRVQaMlVjAS0",
        ),
        (
            "p384_ecparam",
            Algorithm::Es384,
            "ODPY:P6PY:GPQ5:7M6D:LJQP:XXFA:NAJ7:6XPJ:FSOK:WV2Y:QWWC:3EDQ",
            "HXnaNRXraFb2jamG7MtYm0EwrRHbLm2yUOHbc_Tmj2U",
        ),
        (
            "p521",
            Algorithm::Es512,
            "LNL6:MXWB:AE6C:5ZCI:OQMX:SS4W:DU5D:2RMX:MRLO:BUJG:OIW3:55LK",
            "LqxQzEUuDUB5pcjfw4Bq15NwETQaCnE2hqzwnm30cEw",
        ),
        (
            "rsa_2048",
            Algorithm::Rs256,
            "UOG5:C3HJ:EBHJ:VDQ5:AH4D:4FBF:RORG:D5EI:7D4X:Y4IU:OEQ4:VSET",
            "dwpuWwXHSoKEiJywhWY8xUNrpcq_2WIG5sf-rLvcg7I",
        ),
        (
            "rsa_8192",
            Algorithm::Rs256,
            "TVBU:GWTH:FFJL:U35P:EDIS:R47V:KEII:2KGX:L4QJ:Z23M:7XZB:M3ID",
            "5_cjG4IRmRzxykWT-dJiRNUaifsL7UHs9FZbIVUWrCQ",
        ),
        (
            "ed25519",
            Algorithm::EdDsa,
            "KJRJ:WZO2:57GT:MKTD:EWAA:JTAI:GGHA:NA2H:ZIVX:7QLH:QO3N:7G3T",
            "QoYUDt7weuCiSfhP8bm7gmSHzdrrIhXrVfI6gTf2WKs",
        ),
    ] {
        let key = key(name);
        assert_eq!(key.algorithm(), algorithm, "{name}");
        assert_eq!(key.kid(KidForm::Libtrust), libtrust, "{name}");
        assert_eq!(key.kid(KidForm::Thumbprint), thumbprint, "{name}");
    }
}

#[test]
fn a_key_is_the_same_in_every_form_it_may_be_written_in() {
    for (name, other) in [
        ("p256", "p256_sec1"),
        ("p521", "p521_sec1"),
        ("rsa_2048", "rsa_2048_pkcs1"),
    ] {
        let (key, other) = (key(name), key(other));
        assert_eq!(key.public_spki_der(), other.public_spki_der(), "{name}");
        assert_eq!(key.pkcs8_der(), other.pkcs8_der(), "{name}");
    }
}

#[test]
fn a_host_gets_the_pkcs8_that_openssl_writes() {
    for name in ["p256", "p384", "p521", "rsa_2048", "rsa_8192"] {
        assert!(key(name).pkcs8_der().expose() == &der(name), "{name}");
    }
    // For Ed25519 with the public key inside (RFC 5958 version 2), which openssl leaves out.
    let ed25519 = key("ed25519");
    let again = SigningKey::from_pem(&Secret::new(pem("PRIVATE KEY", ed25519.pkcs8_der().expose()))).unwrap();
    assert_eq!(again.public_spki_der(), ed25519.public_spki_der());
}

#[test]
fn a_key_that_cannot_be_used_is_refused_with_what_to_do() {
    const MAKE_EC: &str = "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY`";
    const MAKE_RSA: &str = "`openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out KEY`";
    const ENCRYPTED: &str = "the private key is encrypted, and nobody is there to type its password; decrypt it: \
                             `openssl pkey -in KEY -out PLAIN_KEY`";
    const EXPLICIT: &str = "writes its curve out instead of naming it; name it: \
                            `openssl ec -in KEY -param_enc named_curve -out NAMED_KEY`";
    const PUBLIC: &str =
        "holds a public key, which cannot sign; put the private key here, from `-----BEGIN PRIVATE KEY-----` on";
    for (name, error) in [
        ("encrypted_pkcs8", ENCRYPTED.to_owned()),
        ("encrypted_sec1", ENCRYPTED.to_owned()),
        ("explicit_pkcs8", EXPLICIT.to_owned()),
        ("explicit_sec1", EXPLICIT.to_owned()),
        ("public", PUBLIC.to_owned()),
        ("public_pkcs1", PUBLIC.to_owned()),
        (
            "p224",
            format!("is on the curve `P-224`, which registries do not verify; use P-256: {MAKE_EC}"),
        ),
        (
            "p224_sec1",
            format!("is on the curve `P-224`, which registries do not verify; use P-256: {MAKE_EC}"),
        ),
        (
            "secp256k1",
            format!("is on the curve `secp256k1`, which registries do not verify; use P-256: {MAKE_EC}"),
        ),
        (
            "dsa",
            format!("is a DSA key, for which tokens have no algorithm; make another: {MAKE_EC}"),
        ),
        (
            "dsa_traditional",
            format!("is a DSA key, for which tokens have no algorithm; make another: {MAKE_EC}"),
        ),
        (
            "ed448",
            format!("is a key for `Ed448`, which registries do not verify; use P-256: {MAKE_EC}"),
        ),
        (
            "x25519",
            format!("is a key for `X25519`, which registries do not verify; use P-256: {MAKE_EC}"),
        ),
        (
            "rsa_1024",
            format!("is an RSA key of 1024 bits, and 2048 to 8192 are accepted; make another: {MAKE_RSA}"),
        ),
        (
            "rsa_pss",
            format!(
                "is an RSA key for PSS signatures alone, and tokens are signed with RS256; \
                 make one without that mark: {MAKE_RSA}"
            ),
        ),
        (
            "rsa_3_primes",
            format!("is an RSA key of more than two primes; make another: {MAKE_RSA}"),
        ),
        (
            "parameters_only",
            format!("holds the parameters of a curve and no key; make one: {MAKE_EC}"),
        ),
    ] {
        assert_eq!(refusal(text(&format!("refused/{name}"))), error, "{name}");
    }
}

#[test]
fn a_text_with_something_else_than_one_key_is_refused() {
    let key = text("p256");
    assert_eq!(
        refusal(format!("{key}{key}")),
        "holds 2 private keys; keep the one that signs"
    );
    let certificate = "holds a certificate; put that into `token.certificate`, and the private key alone here";
    assert_eq!(refusal(text("certificate/leaf")), certificate);
    assert_eq!(refusal(format!("{key}{}", text("certificate/leaf"))), certificate);
    assert_eq!(
        refusal(pem("PKCS7", b"x")),
        "holds a PEM block `PKCS7`, which is no private key; it must be `PRIVATE KEY`, `EC PRIVATE KEY` or \
         `RSA PRIVATE KEY`"
    );
    assert_eq!(
        refusal(pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0")),
        "the private key is in OpenSSH's own form; convert a copy of it: `ssh-keygen -p -m PKCS8 -f COPY_OF_KEY`"
    );
    assert_eq!(
        refusal("rubbish".to_owned()),
        "the private key cannot be read: there is no PEM block; the text must begin with `-----BEGIN`, and be the \
         contents of the file, not its name"
    );
}

#[test]
fn contents_that_are_not_what_the_label_says_are_refused() {
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
        let error = format!("the `{label}` is damaged; see what `openssl pkey -in KEY -check -noout` says of the file");
        assert_eq!(refusal(pem(label, b"rubbish")), error);
        assert_eq!(refusal(pem(label, &[0x30, 0])), error);
    }
    assert_eq!(
        refusal(pem("EC PRIVATE KEY", &der("p256"))),
        KeyError::Damaged("EC PRIVATE KEY").to_string()
    );
    assert_eq!(
        refusal(pem("RSA PRIVATE KEY", &der("rsa_2048"))),
        KeyError::Damaged("RSA PRIVATE KEY").to_string()
    );
}

#[test]
fn an_sec1_key_without_a_curve_is_refused() {
    let key = EcPrivateKey {
        private_key: &[1; 32],
        parameters: None,
        public_key: None,
    };
    assert_eq!(
        refusal(pem("EC PRIVATE KEY", &key.to_der().unwrap())),
        "does not say which curve it is on; write it anew from the original: `openssl pkey -in ORIGINAL -out KEY`"
    );
}

#[test]
fn an_rsa_key_above_8192_bits_is_refused_before_any_arithmetic() {
    // Nothing of it fits together: it must not come so far that anybody sees.
    let (modulus, other) = (vec![0x7f; 1025], vec![0x11; 8]);
    let (modulus, other) = (UintRef::new(&modulus).unwrap(), UintRef::new(&other).unwrap());
    let key = RsaPrivateKeyRef {
        modulus,
        public_exponent: other,
        private_exponent: modulus,
        prime1: other,
        prime2: other,
        exponent1: other,
        exponent2: other,
        coefficient: other,
        other_prime_infos: None,
    };
    assert_eq!(
        SigningKey::from_pem(&Secret::new(pem("RSA PRIVATE KEY", &key.to_der().unwrap()))).unwrap_err(),
        KeyError::RsaSize(8199)
    );
}

#[test]
fn a_public_key_that_is_not_the_private_ones_is_refused() {
    for (name, label) in [("p256", "PRIVATE KEY"), ("p521_sec1", "EC PRIVATE KEY")] {
        let mut der = der(name);
        *der.last_mut().unwrap() ^= 1;
        assert_eq!(refusal(pem(label, &der)), KeyError::Damaged(label).to_string());
    }
}

#[test]
fn nothing_of_a_key_is_printed() {
    let key = key("p256");
    assert_eq!(format!("{key:?}"), "SigningKey(ES256)");
    assert_eq!(format!("{:?}", key.pkcs8_der()), "[redacted]");
    let half = text("p256").replace("-----END PRIVATE KEY-----", "");
    let secret: String = half.lines().nth(1).unwrap().chars().take(12).collect();
    let error = SigningKey::from_pem(&Secret::new(half)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&secret));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_damaged_key_is_read_or_refused(
        file in prop::sample::select(vec![("p256", "PRIVATE KEY"), ("p521_sec1", "EC PRIVATE KEY"), ("rsa_2048_pkcs1", "RSA PRIVATE KEY"), ("ed25519", "PRIVATE KEY")]),
        at in any::<prop::sample::Index>(), byte: u8
    ) {
        let (name, label) = file;
        let mut der = der(name);
        let at = at.index(der.len());
        der[at] = byte;
        let _ = SigningKey::from_pem(&Secret::new(pem(label, &der)));
    }
}
