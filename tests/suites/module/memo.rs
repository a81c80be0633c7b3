use std::time::Duration;

use serde_json::json;

use crate::*;

const ASK: &str = "/token?service=registry&scope=repository:ada/app:pull";

/// A bcrypt hash of cost 5 takes more instructions than anything else of a request by far.
#[track_caller]
fn hashes_for(module: &mut Module, call: impl FnOnce(&mut Module)) -> u64 {
    let before = module.counter("registry_auth.hashes");
    call(module);
    module.counter("registry_auth.hashes") - before
}

fn sign_in(module: &mut Module) -> Reply {
    module.get(ASK).basic("ada", "ada-secret").send()
}

#[test]
fn a_password_is_hashed_once_a_minute() {
    let mut module = start(config());
    let fits = |module: &mut Module| assert_eq!(sign_in(module).status, 200);
    assert_eq!(hashes_for(&mut module, fits), 1);
    assert_eq!(hashes_for(&mut module, fits), 0);
    module.advance(Duration::from_secs(59));
    assert_eq!(hashes_for(&mut module, fits), 0);
    module.advance(Duration::from_secs(1));
    assert_eq!(hashes_for(&mut module, fits), 1);
}

#[test]
fn nothing_is_remembered_where_that_is_turned_off() {
    let mut module = start(config_with("cache", json!({"credentials_ttl": 0, "tokens": false})));
    let first = sign_in(&mut module);
    let hashed = hashes_for(&mut module, |module| {
        assert_ne!(claims(&sign_in(module))["jti"], claims(&first)["jti"]);
    });
    assert_eq!(hashed, 1);
}

#[test]
fn a_remembered_password_lets_in_no_other_one_and_no_other_account() {
    let mut module = start(config_with("users.bob", json!({"password": keys::ADA_SECRET})));
    assert_eq!(sign_in(&mut module).status, 200);
    for (account, password) in [
        ("ada", "ada-secret2"),
        ("ada", ""),
        ("adam", "ada-secret"),
        ("Ada", "ada-secret"),
    ] {
        let hashed = hashes_for(&mut module, |module| {
            assert_eq!(module.get(ASK).basic(account, password).send().status, 401, "{account}");
        });
        assert_eq!(hashed, 1, "{account}");
    }
    // The same password and even the same hash: another account all the same.
    let hashed = hashes_for(&mut module, |module| {
        assert_eq!(module.get(ASK).basic("bob", "ada-secret").send().status, 200);
    });
    assert_eq!(hashed, 1);
}

#[test]
fn a_token_is_handed_out_again_and_says_when_it_ends() {
    let mut module = start(config());
    let first = sign_in(&mut module);
    module.advance(Duration::from_secs(200));
    let again = sign_in(&mut module);
    assert_eq!(again.json()["token"], first.json()["token"]);
    assert_eq!(again.json()["expires_in"], 700);
    assert_eq!(again.json()["issued_at"], "2027-01-15T08:03:20Z");
    assert_eq!(claims(&again)["iat"], NOW);
    assert_eq!(module.counter("registry_auth.remembered.what.token"), 1);
    module.advance(Duration::from_secs(100));
    let new = sign_in(&mut module);
    assert_ne!(claims(&new)["jti"], claims(&first)["jti"]);
    assert_eq!(new.json()["expires_in"], 900);
}

#[test]
fn the_audit_names_the_token_that_was_handed_out() {
    let mut module = start(config());
    for _ in 0..2 {
        let reply = sign_in(&mut module);
        let record: Value = serde_json::from_str(reply.filter_state("registry_auth_audit").unwrap()).unwrap();
        assert_eq!(record["jti"], claims(&reply)["jti"]);
    }
}

#[test]
fn the_address_decides_each_time() {
    let mut module = start(config());
    let ask = "/token?service=registry&scope=repository:office:pull";
    let from = |module: &mut Module, address: &str| granted(&module.get(ask).source(address).send());
    for _ in 0..2 {
        assert_eq!(from(&mut module, "198.51.100.7:1"), json!({"office": ["pull"]}));
        assert_eq!(from(&mut module, "192.0.2.7:1"), json!({"office": []}));
    }
}

#[test]
fn a_new_configuration_hands_on_passwords_and_no_token() {
    let mut module = start(config());
    let first = sign_in(&mut module);
    module.reconfigure(config_with("acl", json!([]))).unwrap();
    let hashed = hashes_for(&mut module, |module| {
        assert_eq!(granted(&sign_in(module)), json!({"ada/app": []}));
    });
    assert_eq!(hashed, 0);
    module.reconfigure(config()).unwrap();
    assert_ne!(claims(&sign_in(&mut module))["jti"], claims(&first)["jti"]);
}

#[test]
fn a_new_hash_ends_what_is_known_of_the_old_one() {
    // Another hash of the same password, then one of another password.
    let other = "$2b$05$tHdN0GPWqkY1Sqwgni2.HewOKLYka8VIjc2c/Fnthzqk2DqhdL3Ry";
    let mut module = start(config());
    assert_eq!(sign_in(&mut module).status, 200);
    module
        .reconfigure(config_with("users.ada", json!({"password": other})))
        .unwrap();
    assert_eq!(sign_in(&mut module).status, 401);
    module
        .reconfigure(config_with("users.ada", json!({"password": ""})))
        .unwrap();
    assert_eq!(sign_in(&mut module).status, 401);
    module.reconfigure(config()).unwrap();
    assert_eq!(sign_in(&mut module).status, 200);
}

#[test]
fn labels_are_those_of_the_configuration_in_force() {
    let ask = "/token?service=registry&scope=repository:red/app:pull";
    let mut module = start(config());
    let red = |module: &mut Module| granted(&module.get(ask).basic("ada", "ada-secret").send());
    assert_eq!(red(&mut module), json!({"red/app": []}));
    let ada = json!({"password": keys::ADA_SECRET, "labels": {"team": ["red"]}});
    module.reconfigure(config_with("users.ada", ada)).unwrap();
    assert_eq!(
        hashes_for(&mut module, |module| assert_eq!(
            red(module),
            json!({"red/app": ["pull"]})
        )),
        0
    );
}
