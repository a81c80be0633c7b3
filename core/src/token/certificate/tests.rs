use super::super::testdata::{certificates, key, text};
use super::*;

fn at(text: &str) -> Timestamp {
    let seconds = match text {
        "2019-12-31T23:59:59Z" => 1_577_836_799,
        "2020-01-01T00:00:00Z" => 1_577_836_800,
        "2021-01-01T00:00:00Z" => 1_609_459_200,
        "2021-01-01T00:00:01Z" => 1_609_459_201,
        "2024-01-01T00:00:00Z" => 1_704_067_200,
        "2049-01-01T00:00:00Z" => 2_493_072_000,
        other => panic!("{other}"),
    };
    let at = Timestamp::from_seconds(seconds);
    assert_eq!(at.to_string(), text);
    at
}

#[track_caller]
fn chain(names: &[&str]) -> Chain {
    Chain::from_pem(&certificates(names), &key("p256")).unwrap_or_else(|error| panic!("{names:?}: {error}"))
}

#[track_caller]
fn refusal(text: &str) -> String {
    Chain::from_pem(text, &key("p256")).unwrap_err().to_string()
}

#[test]
fn a_chain_of_every_kind_of_issuer_is_read_in_its_order() {
    let names = ["leaf", "rsa", "p521", "ed25519", "p384", "root"];
    let chain = chain(&names);
    assert_eq!(chain.der().count(), 6);
    assert_eq!(chain.validity(at("2024-01-01T00:00:00Z")), Ok(()));
    assert_eq!(chain.valid_until(), at("2049-01-01T00:00:00Z"));
    for (der, name) in chain.der().zip(names) {
        let text = text(&format!("certificate/{name}"));
        assert_eq!(der, pem::blocks(&text).unwrap()[0].decode().unwrap().expose());
    }
}

#[test]
fn a_self_signed_certificate_of_each_kind_of_key_is_a_chain() {
    for name in ["p256", "p384", "p521", "ed25519", "rsa_2048"] {
        let chain = Chain::from_pem(&certificates(&[&format!("self_{name}")]), &key(name)).unwrap();
        assert_eq!(chain.der().count(), 1, "{name}");
    }
}

#[test]
fn the_certificate_of_another_key_is_refused() {
    assert_eq!(
        refusal(&certificates(&["self_p384"])),
        "certificate 1 (`CN=self p384`) is not that of the private key; put the certificate of `token.key` first"
    );
    assert_eq!(
        refusal(&certificates(&["rsa", "leaf"])),
        "certificate 1 (`CN=rsa`) is not that of the private key; put the certificate of `token.key` first"
    );
}

#[test]
fn certificates_out_of_order_are_refused() {
    assert_eq!(
        refusal(&certificates(&["leaf", "p521", "rsa"])),
        "certificate 2 (`CN=p521`) does not follow: certificate 1 (`CN=leaf`) was issued by `CN=rsa`; put the leaf \
         first, and behind each certificate the one that signed it"
    );
    assert!(refusal(&certificates(&["leaf", "rsa", "root"])).starts_with("certificate 3 (`CN=root`) does not follow"));
}

#[test]
fn an_issuer_that_did_not_sign_is_refused() {
    assert_eq!(
        refusal(&certificates(&["leaf", "rsa_of_another_key"])),
        "certificate 1 (`CN=leaf`) was not signed by the key of certificate 2 (`CN=rsa`), though the names fit; that \
         is an older or newer certificate of the issuer"
    );
}

#[test]
fn a_signature_with_one_bit_changed_is_refused_for_each_kind_of_issuer() {
    let names = ["leaf", "rsa", "p521", "ed25519", "p384", "root"];
    let whole = certificates(&names);
    let parsed = parse(&whole).unwrap();
    for pair in parsed.windows(2) {
        let (below, issuer) = (&pair[0], &pair[1]);
        let key = issuer.key.as_ref().unwrap();
        let (signed, algorithm) = (
            signed_part(&below.link.der).unwrap(),
            below.x509.signature_algorithm().oid,
        );
        let mut signature = below.x509.signature().as_bytes().unwrap().to_vec();
        assert_eq!(key.verify(algorithm, signed, &signature), Ok(()));
        *signature.last_mut().unwrap() ^= 1;
        assert_eq!(
            key.verify(algorithm, signed, &signature),
            Err(Unverified::Signature),
            "{}",
            issuer.link.name
        );
    }
}

#[test]
fn an_issuer_that_is_no_ca_is_refused() {
    for name in ["rsa_no_ca", "rsa_no_constraints"] {
        assert_eq!(
            refusal(&certificates(&["leaf", name])),
            "certificate 2 (`CN=rsa`) is no CA, so registries do not accept what it signed; issue it with \
             `basicConstraints = critical,CA:TRUE`",
            "{name}"
        );
    }
}

#[test]
fn a_signature_algorithm_that_is_not_known_is_named() {
    assert_eq!(
        refusal(&certificates(&["leaf_sha224", "rsa"])),
        "certificate 1 (`CN=leaf`) is signed by the algorithm 1.2.840.113549.1.1.14; issue it anew with SHA-256, \
         SHA-384 or SHA-512, or by an Ed25519 key"
    );
}

#[test]
fn expired_and_not_yet_valid_are_told_apart_with_the_certificate_and_the_date() {
    let says = |names: &[&str], when: &str| chain(names).validity(at(when)).map_err(|error| error.to_string());
    let now = "2024-01-01T00:00:00Z";
    assert_eq!(
        says(&["leaf_2020_2021", "rsa"], now),
        Err("certificate 1 (`CN=leaf`) expired at 2021-01-01T00:00:00Z; renew it".to_owned())
    );
    assert_eq!(
        says(&["leaf_2048_2049", "rsa"], now),
        Err("certificate 1 (`CN=leaf`) is not valid before 2048-01-01T00:00:00Z".to_owned())
    );
    assert_eq!(
        says(&["leaf", "rsa_2020_2021"], now),
        Err("certificate 2 (`CN=rsa`) expired at 2021-01-01T00:00:00Z; renew it".to_owned())
    );
    assert_eq!(
        chain(&["leaf", "rsa_2020_2021"]).valid_until(),
        at("2021-01-01T00:00:00Z")
    );

    // The first and the last second count.
    assert!(says(&["leaf_2020_2021"], "2019-12-31T23:59:59Z").is_err());
    assert_eq!(says(&["leaf_2020_2021"], "2020-01-01T00:00:00Z"), Ok(()));
    assert_eq!(says(&["leaf_2020_2021"], "2021-01-01T00:00:00Z"), Ok(()));
    assert!(says(&["leaf_2020_2021"], "2021-01-01T00:00:01Z").is_err());
}

#[test]
fn a_private_key_among_the_certificates_is_refused() {
    let leaf = certificates(&["leaf"]);
    let error = "holds a private key, and every token carries what stands here; put the key into `token.key` alone";
    for name in ["p256", "p256_sec1", "rsa_2048_pkcs1", "refused/encrypted_pkcs8"] {
        assert_eq!(refusal(&format!("{leaf}{}", text(name))), error, "{name}");
    }
    assert_eq!(
        refusal(&format!("{leaf}{}", text("refused/public"))),
        "holds a PEM block `PUBLIC KEY`; there must be `CERTIFICATE` blocks alone"
    );
}

#[test]
fn a_text_that_is_no_chain_is_refused() {
    assert!(refusal("").starts_with("the certificates cannot be read: there is no PEM block"));
    assert_eq!(
        refusal(&certificates(&["leaf"]).repeat(17)),
        "holds 17 certificates, and 16 are accepted; keep the leaf and those above it"
    );
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(
        refusal(&[certificates(&["leaf"]).as_str(), damaged].concat()),
        "certificate 2 is damaged; see what `openssl x509 -in CERTIFICATE -noout -text` says of it"
    );
}

#[test]
fn a_damaged_certificate_is_read_or_refused() {
    use base64::Engine;
    let leaf = certificates(&["leaf"]);
    let der = pem::blocks(&leaf).unwrap()[0].decode().unwrap().expose().clone();
    let (key, issuer) = (key("p256"), certificates(&["rsa"]));
    for at in 0..der.len() {
        let mut der = der.clone();
        der[at] ^= 0x81;
        let base64 = base64::engine::general_purpose::STANDARD.encode(der);
        let text = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n{issuer}");
        assert!(Chain::from_pem(&text, &key).is_err(), "byte {at}");
    }
}
