use serde_json::json;

use crate::*;

const ASK: &str = "/token?service=registry&scope=repository:ada/app:push,pull,pull&scope=registry:catalog:*";

#[test]
fn claims_are_what_registries_verify() {
    let mut module = start(config_with("cache", json!({"tokens": false})));
    let reply = module.get(ASK).basic("ada", "ada-secret").send();
    let mut claims = claims(&reply);
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 22, "128 random bits: {jti}");
    assert_eq!(
        claims,
        json!({
            "iss": "Acme \"auth\" server", "sub": "ada", "aud": "registry",
            "exp": NOW + 900, "nbf": NOW - 10, "iat": NOW,
            "access": [
                {"type": "repository", "name": "ada/app", "actions": ["pull", "push"]},
                {"type": "registry", "name": "catalog", "actions": []},
            ],
        })
    );
    let again = module.get(ASK).basic("ada", "ada-secret").send();
    assert_ne!(crate::claims(&again)["jti"], jti);
}

#[test]
fn host_and_module_sign_the_same_token() {
    for (key, algorithm) in [
        (keys::ES256, "ES256"),
        (keys::ES384, "ES384"),
        (keys::ES512, "ES512"),
        (keys::RS256, "RS256"),
        (keys::EDDSA, "EdDSA"),
    ] {
        let config = config_with("token.key", json!(key));
        let mut with_sign = start(config.clone());
        let mut without = settings(config).without_sign().start().unwrap();
        let by_host = with_sign.get(ASK).basic("ada", "ada-secret").send();
        let by_module = without.get(ASK).basic("ada", "ada-secret").send();
        assert_eq!(part(&by_host, 0), part(&by_module, 0));
        assert_eq!(part(&by_host, 0)["alg"], algorithm);
        assert_eq!(claims(&by_host)["access"], claims(&by_module)["access"]);
        let way = if algorithm == "EdDSA" { "module" } else { "host" };
        assert_eq!(with_sign.counter(&format!("registry_auth.signatures.by.{way}")), 1);
        assert_eq!(without.counter("registry_auth.signatures.by.module"), 1);
        for reply in [&by_host, &by_module] {
            verify(reply, algorithm);
        }
    }
}

/// Checks the signature with the public half of the key, by another path than the one that signed.
#[track_caller]
fn verify(reply: &Reply, algorithm: &str) {
    use base64::Engine;
    let body = reply.json();
    let token = body["token"].as_str().unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(signature)
        .unwrap();
    assert!(
        registry_auth_tests::verify::fits(algorithm, message.as_bytes(), &signature),
        "{algorithm}"
    );
}

#[test]
fn the_header_names_the_key_in_the_form_that_is_set() {
    let x5c = config_with(
        "token",
        json!({"issuer": "i", "key": keys::ES256, "certificate": keys::ES256_CERTIFICATE}),
    );
    let reply = start(x5c.clone()).get("/token").send();
    assert_eq!(part(&reply, 0)["x5c"].as_array().unwrap().len(), 1);
    assert_eq!(
        part(&reply, 0)["kid"].as_str().unwrap().len(),
        59,
        "libtrust's twelve groups of four"
    );

    let mut kid = x5c;
    kid["token"]["key_header"] = json!("kid");
    kid["token"]["disable_legacy_key_id"] = json!(true);
    let reply = start(kid).get("/token").send();
    assert!(part(&reply, 0).get("x5c").is_none());
    assert_eq!(
        part(&reply, 0)["kid"].as_str().unwrap().len(),
        43,
        "a thumbprint of 256 bits"
    );
}

#[test]
fn a_short_life_counts_as_a_minute() {
    let mut module = start(config_with("token.expiration", json!(5)));
    let reply = module.get("/token").send();
    assert_eq!(reply.json()["expires_in"], 60);
    assert_eq!(claims(&reply)["exp"], NOW + 60);
}
