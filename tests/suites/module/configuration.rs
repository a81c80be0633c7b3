use serde_json::json;

use crate::*;

#[test]
fn the_three_forms_of_a_configuration_are_read_alike() {
    for settings in [settings(config()), settings(config()).as_struct()] {
        let mut module = settings.start().unwrap();
        let reply = module
            .get("/token?service=r&scope=repository:ada/x:push")
            .basic("ada", "ada-secret")
            .send();
        assert_eq!(granted(&reply), json!({"ada/x": ["push"]}));
        assert_eq!(reply.json()["expires_in"], 900);
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_every_wrong_key() {
    let mut config = config();
    config["token"] = json!({"issuer": "", "key": "/etc/key.pem", "expiration": 0});
    config["users"]["bob"] = json!({"password": "plain-secret"});
    config["acl"][0]["match"]["name"] = json!("team-[a");
    config["acl"][1]["match"]["nmae"] = json!("x");
    config["gcs"] = json!({});
    let refused = refusal(settings(config));
    for place in [
        "token.issuer",
        "token.key",
        "token.expiration",
        "users.bob.password",
        "acl[0].match.name",
        "acl[1].match.nmae",
        "gcs",
    ] {
        assert!(
            refused.contains(&format!("registry_auth: configuration refused: {place}: ")),
            "{place} in {refused}"
        );
    }
    assert!(!refused.contains("plain-secret"), "{refused}");
}

#[test]
fn no_configuration_and_rubbish_are_refused() {
    for text in ["", "{", "[]", "null", "\"x\"", "server: {}"] {
        let refused = refusal(settings(json!(text)));
        assert!(refused.contains("configuration"), "{text}: {refused}");
    }
}

#[test]
fn key_and_users_may_come_from_the_environment() {
    let mut config = config();
    config["token"] = json!({"issuer": "i", "key_env": "TOKEN_KEY", "certificate_env": "TOKEN_CERTIFICATE"});
    config.as_object_mut().unwrap().remove("users");
    config["users_env"] = json!("USERS");
    let users = json!({"ada": {"password": keys::ADA_SECRET}}).to_string();
    let with_environment = || {
        settings(config.clone())
            .env("TOKEN_KEY", keys::ES256)
            .env("TOKEN_CERTIFICATE", keys::ES256_CERTIFICATE)
    };
    let mut module = with_environment().env("USERS", &users).start().unwrap();
    let reply = module.get("/token").basic("ada", "ada-secret").send();
    assert_eq!(part(&reply, 0)["x5c"].as_array().unwrap().len(), 1);

    let refused = refusal(with_environment());
    assert!(
        refused.contains("users_env: environment variable `USERS` is not set"),
        "{refused}"
    );
    let refused = refusal(with_environment().env("USERS", r#"{"ada": planted-secret}"#));
    assert!(
        refused.contains("users_env: variable `USERS` is not JSON (line 1, column 9)"),
        "{refused}"
    );
    assert!(!refused.contains("planted-secret"), "{refused}");
}

#[test]
fn a_new_configuration_takes_over_and_a_bad_one_does_not() {
    let mut module = start(config());
    let mut with_bob = config();
    with_bob["users"]["bob"] = json!({"password": keys::ADA_SECRET});
    assert_eq!(module.get("/token").basic("bob", "ada-secret").send().status, 401);
    module.reconfigure(with_bob).unwrap();
    assert_eq!(module.get("/token").basic("bob", "ada-secret").send().status, 200);
    let refused = module
        .reconfigure(config_with("acl", json!([{"actions": []}])))
        .unwrap_err();
    assert!(
        refused.text().contains("acl[0].match: is missing"),
        "{}",
        refused.text()
    );
    assert_eq!(module.get("/token").basic("bob", "ada-secret").send().status, 200);
}

#[test]
fn dear_hashes_are_taken_with_a_warning() {
    let dear = keys::ADA_SECRET.replace("$05$", "$10$");
    let module = start(config_with("users", json!({"ada": {"password": dear}})));
    assert!(
        module
            .logs()
            .iter()
            .any(|log| log.text.contains("users: hold a hash that stops a worker")),
        "{:?}",
        module.logs()
    );
}
