//! Keys and certificates of every kind but the right one, out of `core/src/token/testdata`.

use std::fs;

use registry_auth_tests::parts;

use super::super::hostile::Target;
use super::{Given, Refused, Swapper};
use crate::*;

/// A file of `core`'s own tests of keys.
#[track_caller]
fn file(name: &str) -> String {
    let path = parts::checkout().join(format!("core/src/token/testdata/{name}.pem"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}

fn files(names: &[&str]) -> String {
    names.iter().map(|name| file(name)).collect()
}

/// [`config`] with a key in it, and its certificate.
fn signed_by(key: &str, certificate: Option<&str>) -> Value {
    let mut token = json!({"issuer": "registry-auth", "key": key});
    if let Some(certificate) = certificate {
        token["certificate"] = json!(certificate);
    }
    config_with("token", token)
}

pub(super) fn wrong() -> Vec<Refused> {
    keys().into_iter().chain(certificates()).collect()
}

fn keys() -> Vec<Refused> {
    let key = |name: &str, pem: &str, fault: &str| {
        let given = Given::Text(signed_by(pem, None).to_string());
        Refused::new(name, given, &[&format!("token.key: {fault}")])
    };
    let of = |name: &str, fault: &str| key(name, &file(&format!("refused/{name}")), fault);
    let p256 = file("p256");
    let half = &p256[..p256.len() / 2];
    let encrypted = "the private key is encrypted, and nobody is there to type its password";
    vec![
        of("encrypted_pkcs8", encrypted),
        of("encrypted_sec1", encrypted),
        of("dsa", "is a DSA key, for which tokens have no algorithm"),
        of("dsa_traditional", "is a DSA key, for which tokens have no algorithm"),
        of("public", "holds a public key, which cannot sign"),
        of("public_pkcs1", "holds a public key, which cannot sign"),
        of("rsa_1024", "is an RSA key of 1024 bits, and 2048 to 8192 are accepted"),
        of("rsa_pss", "is an RSA key for PSS signatures alone"),
        of("rsa_3_primes", "is an RSA key of more than two primes"),
        of("p224", "is on the curve `P-224`, which registries do not verify"),
        of(
            "secp256k1",
            "is on the curve `secp256k1`, which registries do not verify",
        ),
        of("explicit_pkcs8", "writes its curve out instead of naming it"),
        of("ed448", "is a key for `Ed448`, which registries do not verify"),
        of("x25519", "is a key for `X25519`, which registries do not verify"),
        of("parameters_only", "holds the parameters of a curve and no key"),
        key(
            "two keys",
            &files(&["p256", "p384"]),
            "holds 2 private keys; keep the one that signs",
        ),
        key(
            "a key and its certificate",
            &files(&["p256", "certificate/leaf"]),
            "holds a certificate; put that into `token.certificate`",
        ),
        key("no text", "", "must hold PEM text that begins with `-----BEGIN`"),
        key("rubbish", "rubbish", "must hold PEM text that begins with `-----BEGIN`"),
        key(
            "the name of a file",
            "/etc/token.pem",
            "must hold PEM text that begins with `-----BEGIN`",
        ),
        key(
            "half a key",
            half,
            "the private key cannot be read: the `PRIVATE KEY` block of line 1 has no `-----END PRIVATE KEY-----`",
        ),
        key(
            "a key of rubbish",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "the `PRIVATE KEY` is damaged",
        ),
        key(
            "a key that is not base64",
            "-----BEGIN PRIVATE KEY-----\n\0\n-----END PRIVATE KEY-----\n",
            "the private key cannot be read: the `PRIVATE KEY` block of line 1 is not base64",
        ),
        key(
            "a key of a megabyte",
            &format!("{p256}{}", " ".repeat(1 << 20)),
            "the private key cannot be read: the PEM text is longer than 65536 bytes",
        ),
        key(
            "dashes without end",
            &"-----BEGIN ".repeat(5_000),
            "the private key cannot be read: line 1 is no PEM boundary",
        ),
    ]
}

fn certificates() -> Vec<Refused> {
    let chain = |name: &str, pem: &str, fault: &str| {
        let given = Given::Text(signed_by(&file("p256"), Some(pem)).to_string());
        Refused::new(name, given, &[&format!("token.certificate: {fault}")])
    };
    let of = |name: &str, files_: &[&str], fault: &str| {
        let names: Vec<_> = files_.iter().map(|name| format!("certificate/{name}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        chain(name, &files(&names), fault)
    };
    vec![
        of(
            "an expired certificate",
            &["leaf_2020_2021", "rsa"],
            "certificate 1 (`CN=leaf`) expired at 2021-01-01T00:00:00Z; renew it",
        ),
        of(
            "an expired issuer",
            &["leaf", "rsa_2020_2021"],
            "certificate 2 (`CN=rsa`) expired at 2021-01-01T00:00:00Z; renew it",
        ),
        of(
            "a certificate of the future",
            &["leaf_2048_2049", "rsa"],
            "certificate 1 (`CN=leaf`) is not valid before 2048-01-01T00:00:00Z",
        ),
        of(
            "the certificate of another key",
            &["self_p384"],
            "certificate 1 (`CN=self p384`) is not that of the private key",
        ),
        of(
            "a chain upside down",
            &["rsa", "leaf"],
            "certificate 1 (`CN=rsa`) is not that of the private key",
        ),
        of(
            "a chain out of order",
            &["leaf", "p521", "rsa"],
            "certificate 2 (`CN=p521`) does not follow: certificate 1 (`CN=leaf`) was issued by `CN=rsa`",
        ),
        of(
            "a chain with a gap",
            &["leaf", "rsa", "root"],
            "certificate 3 (`CN=root`) does not follow",
        ),
        of(
            "an issuer of the same name",
            &["leaf", "rsa_of_another_key"],
            "certificate 1 (`CN=leaf`) was not signed by the key of certificate 2 (`CN=rsa`)",
        ),
        of(
            "an issuer that is no CA",
            &["leaf", "rsa_no_ca"],
            "certificate 2 (`CN=rsa`) is no CA",
        ),
        of(
            "a signature of an unknown kind",
            &["leaf_sha224", "rsa"],
            "certificate 1 (`CN=leaf`) is signed by the algorithm 1.2.840.113549.1.1.14",
        ),
        of(
            "seventeen certificates",
            &["leaf"; 17],
            "holds 17 certificates, and 16 are accepted",
        ),
        chain(
            "a private key as a certificate",
            &file("p256"),
            "holds a private key, and every token carries what stands here",
        ),
        chain(
            "a public key as a certificate",
            &file("refused/public"),
            "holds a PEM block `PUBLIC KEY`",
        ),
        chain(
            "a certificate of rubbish",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 is damaged",
        ),
        chain("no certificate", "", "must hold PEM text that begins with `-----BEGIN`"),
    ]
}

/// With `key_header: kid` the registry has the key from elsewhere, and the certificate is of no account.
#[track_caller]
pub(super) fn assert_an_expired_certificate_is_taken_where_no_token_carries_it(target: &mut Target, swap: &Swapper) {
    let expired = files(&["certificate/leaf_2020_2021", "certificate/rsa"]);
    let mut config = signed_by(&file("p256"), Some(&expired));
    config["token"]["key_header"] = json!("kid");
    config["token"]["expiration"] = json!(1_000);
    assert_eq!(
        swap.hand_over(&mut target.envoy, &Given::Text(config.to_string())),
        Swap::Taken
    );
    wait_for_expiration(&mut target.envoy, 1_000);
    let warning =
        "registry_auth: configuration: token.certificate: certificate 1 (`CN=leaf`) expired at 2021-01-01T00:00:00Z";
    assert!(target.envoy.log().contains(warning), "{}", target.envoy.log());
    let header = part(&token(&ask(&target.envoy, "")), 0);
    assert!(header["x5c"].is_null(), "{header}");
    target.pass_over_canaries();
    target.assert_unharmed("a certificate that no token carries");
}
