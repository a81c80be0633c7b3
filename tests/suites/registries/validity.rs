//! What else of a token registries look at: its chain, its time, its service, its signature.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::envoy::{Envoy, Swap};
use registry_auth_tests::module::Module;
use registry_auth_tests::registry::{Registry, RegistryRelease};
use registry_auth_tests::{http, keys};
use serde_json::{Value, json};

use crate::{ask, asked, is_taken, shown, token};

/// Registries go by a clock that may be so many seconds off.
const LEEWAY: u64 = 60;
const EXPIRATION: u64 = 900;

#[test]
fn a_leaf_of_an_authority_in_the_bundle_is_taken_and_so_is_the_next_one() {
    let keys = Algorithm::ALL.map(Certified::by_authority);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.pem");
    // The authorities alone, whose keys are all on P-256.
    let roots = keys.iter().map(|key| fs::read_to_string(key.root_file()).unwrap());
    fs::write(&bundle, roots.collect::<String>()).unwrap();
    let registries = RegistryRelease::ALL.map(|release| (release, trusting(release, &bundle)));
    let mut envoy = Envoy::standalone(&config(&keys[0].key(), &keys[0].certificate())).start();
    for turn in ["the first leaf", "the next leaf"] {
        for key in &keys {
            let token = swapped(&mut envoy, key);
            for (release, registry) in &registries {
                // Registry 2.8 cannot verify a signature of Ed25519.
                let expected = (*release, key.algorithm()) != (RegistryRelease::V2_8, Algorithm::EdDsa);
                let seen = is_taken(&shown(registry, &token));
                assert_eq!(seen, expected, "{turn}, {release:?}, {:?}", key.algorithm());
            }
            key.renew();
        }
    }
}

#[test]
fn a_token_is_good_until_it_expires_and_for_the_leeway() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("certificate.pem");
    fs::write(&bundle, keys::ES256_CERTIFICATE).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // The module that ships, on a host whose clock is behind; its certificate was valid then too.
    let mut config = config(keys::ES256, keys::ES256_CERTIFICATE);
    // Each answer is to have a token of its own time.
    config["cache"] = json!({"tokens": false});
    let settings = Module::with(config).clock(now - EXPIRATION - LEEWAY - 1);
    let mut module = settings.start().unwrap_or_else(|refused| panic!("{refused}"));
    let too_late = token(&module.get(&ask("registry")).send().json());
    module.advance(Duration::from_secs(LEEWAY));
    let late = token(&module.get(&ask("registry")).send().json());
    for release in RegistryRelease::ALL {
        let registry = trusting(release, &bundle);
        assert!(is_taken(&shown(&registry, &late)), "{release:?}");
        assert!(!is_taken(&shown(&registry, &too_late)), "{release:?}");
        assert!(
            registry.log().contains("token not to be used after"),
            "{}",
            registry.log()
        );
    }
}

#[test]
fn a_token_for_another_service_or_by_another_key_opens_nothing() {
    let [key, foreign] = [(); 2].map(|()| Certified::self_signed(Algorithm::Es256));
    let mut envoy = Envoy::as_shipped().signed_by(&key).start();
    let mut tokens = Vec::new();
    for (service, expected) in [("registry", true), ("another", false), ("", false)] {
        let answer = http::get(&format!("{}{}", envoy.url(), ask(service)), &[]).json();
        tokens.push((token(&answer), expected));
    }
    tokens.push((swapped(&mut envoy, &foreign), false));
    for release in RegistryRelease::ALL {
        let registry = trusting(release, &key.root_file());
        for (token, expected) in &tokens {
            assert_eq!(is_taken(&shown(&registry, token)), *expected, "{release:?} {token}");
        }
    }
}

/// A token by this key, which the filter is told to sign with.
#[track_caller]
fn swapped(envoy: &mut Envoy, key: &Certified) -> String {
    assert_eq!(envoy.swap_config(&config(&key.key(), &key.certificate())), Swap::Taken);
    // The worker takes it a moment after Envoy has it.
    envoy.wait_until("a token by the new key", |envoy| {
        Some(token(&asked(envoy))).filter(|token| is_by(token, key))
    })
}

/// Whether a token carries the certificate in force of this key.
fn is_by(token: &str, key: &Certified) -> bool {
    let header = token
        .split('.')
        .next()
        .and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header: Value = serde_json::from_slice(&header.unwrap_or_default()).unwrap_or_default();
    let leaf = header["x5c"][0].as_str().unwrap_or_default();
    // PEM has the same text, in lines.
    !leaf.is_empty() && key.certificate().replace('\n', "").contains(leaf)
}

fn config(key: &str, certificate: &str) -> Value {
    json!({
        "token": {"issuer": "registry-auth", "expiration": EXPIRATION, "key": key, "certificate": certificate},
        "users": {"": {}},
        "acl": [{"match": {"name": "public/*"}, "actions": ["pull"]}],
    })
}

#[track_caller]
fn trusting(release: RegistryRelease, bundle: &Path) -> Registry {
    Registry::of(release)
        .realm("http://127.0.0.1:1/token")
        .root(bundle)
        .start()
}
