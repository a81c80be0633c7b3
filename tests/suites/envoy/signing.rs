//! Who signs: Envoy, where its crypto takes the key, otherwise the module.

use registry_auth_tests::verify;

use crate::*;

const KEYS: [(&str, &str); 5] = [
    ("ES256", keys::ES256),
    ("ES384", keys::ES384),
    ("ES512", keys::ES512),
    ("RS256", keys::RS256),
    ("EdDSA", keys::EDDSA),
];

#[test]
fn every_key_signs_on_every_release_and_the_counter_names_who_did() {
    for release in EnvoyRelease::ALL {
        let mut setup = setup(&config()).release(release);
        for (algorithm, key) in KEYS {
            setup = setup.env(&format!("{algorithm}_KEY"), key);
        }
        let mut envoy = setup.start();
        for (algorithm, _) in KEYS {
            let way = if release.has_sign() && algorithm != "EdDSA" {
                "host"
            } else {
                "module"
            };
            let config = config_with("token.key_env", json!(format!("{algorithm}_KEY")));
            assert_eq!(envoy.swap_config(&config), Swap::Taken);
            envoy.wait_until("a token by the new key", |envoy| {
                (part(&token(&ask(envoy, "")), 0)["alg"] == algorithm).then_some(())
            });
            assert!(
                envoy.log().contains(&format!("tokens signed by {way}")),
                "{}",
                envoy.log()
            );

            let signed = |envoy: &Envoy| {
                ["host", "module"].map(|by| envoy.counter(&format!("wasmcustom.registry_auth.signatures.by.{by}")))
            };
            let [by_host, by_module] = signed(&envoy);
            let token = token(&ask(&envoy, "repository:ada/app:push"));
            let (message, signature) = token.rsplit_once('.').expect("a token has a signature");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("the signature is base64url");
            assert!(
                verify::fits(algorithm, message.as_bytes(), &signature),
                "{algorithm} on {release:?}: {token}"
            );
            let expected = if way == "host" {
                [by_host + 1, by_module]
            } else {
                [by_host, by_module + 1]
            };
            assert_eq!(signed(&envoy), expected, "{algorithm} on {release:?}");
        }
    }
}
