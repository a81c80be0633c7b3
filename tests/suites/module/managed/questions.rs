use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// bcrypt of cost 10 of some password: nobody computes it here.
const DEAR: &str = "$2b$10$LCzJ13o5lkRuC7g4DZ1Yb.w4ZFJcw9BLJAOeCuKFeAIqRHbEu5vFu";
const ARGON2ID: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const ASK: &str = "/token?service=registry&scope=repository:eve/app:pull,push";

fn with_dear(hash: &str) -> Value {
    let mut config = config();
    config["users"]["eve"] = json!({"password": hash});
    config["acl"] = json!([{"match": {"account": "eve", "name": "eve/*"}, "actions": ["pull"]}]);
    config
}

fn record(reply: &Reply) -> Value {
    serde_json::from_str(reply.filter_state("registry_auth_audit").expect("no audit record")).unwrap()
}

#[test]
fn a_dear_hash_is_asked_about_once_and_remembered() {
    let mut module = following(&with_dear(DEAR), NOTHING);
    let stream = held(&mut module, sign_in("eve", "päss").source("192.0.2.9:1"));
    let call = question(&module);
    assert_eq!(
        (call.header(":method"), call.path()),
        ("POST".into(), "/v1/verify".into())
    );
    assert_eq!(call.timeout, seconds(3));
    let asked = call.json();
    assert_eq!(asked["stored"], DEAR);
    assert_eq!(asked["decoys"], json!([]));
    assert_eq!(asked["password"], STANDARD.encode("päss"));
    assert_eq!(
        (&asked["deadline_ms"], &asked["address"]),
        (&json!(3_000), &json!("192.0.2.9"))
    );
    assert_eq!(module.counter("registry_auth.callouts.in_flight"), 1);
    answer(&mut module, &call, &json!({"fits": true}));
    assert_eq!(granted(&module.reply(stream)), json!({"eve/app": ["pull"]}));

    assert_eq!(module.get(ASK).basic("eve", "päss").send().status, 200);
    assert_eq!(module.counter("registry_auth.hashes"), 0);
    assert_eq!(module.counter("registry_auth.callouts.of.verify.result.answered"), 1);
    assert_at_rest(&mut module);
}

#[test]
fn argon2id_is_never_computed_here_and_cheap_hashes_are() {
    let mut module = following(&with_dear(ARGON2ID), NOTHING);
    held(&mut module, sign_in("eve", "pw"));
    assert_eq!(question(&module).json()["stored"], ARGON2ID);
    // A right one of cost 5 needs nobody; a wrong one must cost as much as the other's.
    assert_eq!(
        module.get("/token?service=r").basic("ada", "ada-secret").send().status,
        200
    );
    assert_eq!(module.counter("registry_auth.hashes"), 1);
    held(&mut module, Request::get("/token?service=r").basic("ada", "wrong"));
    let asked = questions(&module).pop().unwrap().json();
    assert_eq!(asked["stored"], Value::Null);
    assert_eq!(asked["decoys"].as_array().unwrap().len(), 1);
}

#[test]
fn wrong_passwords_count_are_known_and_set_the_brake_without_a_call() {
    let mut module = following(&with_dear(DEAR), NOTHING);
    let try_it = |module: &mut Module, password: &str| {
        let stream = held(module, sign_in("eve", password));
        let call = question(module);
        answer(module, &call, &json!({"fits": false}));
        assert_error(&module.reply(stream), 401, "UNAUTHORIZED");
    };
    try_it(&mut module, "wrong-0");
    assert_eq!(
        module.get(ASK).basic("eve", "wrong-0").send().status,
        401,
        "known to be wrong: nobody is asked"
    );
    for number in 1..5 {
        try_it(&mut module, &format!("wrong-{number}"));
    }
    assert_eq!(module.counter("registry_auth.brakes"), 1);
    assert_eq!(module.get(ASK).basic("eve", "wrong-5").send().status, 429);
    assert_eq!(module.get(ASK).basic("eve", "right").send().status, 429);
    let elsewhere = held(&mut module, sign_in("eve", "right").source("198.51.100.1:1"));
    let call = question(&module);
    answer(&mut module, &call, &json!({"fits": true}));
    assert_eq!(module.reply(elsewhere).status, 200);
    assert_at_rest(&mut module);
}

#[test]
fn whoever_is_no_static_user_is_asked_about_with_all_that_they_ask_for() {
    let mut module = following(&config(), ALL);
    let request = sign_in("eve", "pw")
        .source("192.0.2.7:4711")
        .header("x-request-id", "5f0c");
    let stream = held(&mut module, request);
    let call = question(&module);
    assert_eq!(call.path(), "/v1/decide");
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!(
        call.json(),
        json!({
            "version": 1, "deadline_ms": 3_000, "request_id": "5f0c",
            "who": {"password": {"account": "eve", "password": STANDARD.encode("pw")}},
            "service": "registry", "scopes": ["repository:eve/app:pull,push"], "address": "192.0.2.7",
            "takes_denials": true,
        })
    );
    // Nothing is granted that was not asked for.
    answer(&mut module, &call, &decided("Eve", &[&["pull", "delete"]]));
    let reply = module.reply(stream);
    assert_eq!(claims(&reply)["sub"], "Eve", "as the back-end spells it");
    assert_eq!(granted(&reply), json!({"eve/app": ["pull"]}));
    let record = record(&reply);
    assert_eq!(
        (&record["account"], &record["backend"], &record["proof"]),
        (&json!("Eve"), &json!("ext_auth"), &json!("password"))
    );
    assert_eq!(
        record["labels"],
        json!([{"name": "team", "value": "red", "pattern": false}])
    );
    assert_eq!(record["scopes"][0]["because"], "ext_authz says so");
    assert_eq!(
        module.counter("registry_auth.authentications.method.password.result.accepted"),
        1
    );
    assert_at_rest(&mut module);
}

#[test]
fn who_is_denied_is_braked_like_anybody_else() {
    let mut module = following(&config(), ALL);
    for number in 0..5 {
        let stream = held(&mut module, sign_in("eve", &format!("wrong-{number}")));
        let call = question(&module);
        answer(&mut module, &call, &json!("denied"));
        assert_error(&module.reply(stream), 401, "UNAUTHORIZED");
        if number == 0 {
            assert_eq!(module.get(ASK).basic("eve", "wrong-0").send().status, 401);
        }
    }
    assert_eq!(module.get(ASK).basic("eve", "right").send().status, 429);
    assert_eq!(module.counter("registry_auth.callouts.of.decide.result.answered"), 5);
}

#[test]
fn what_a_back_end_says_of_a_denial_is_recorded_and_counts_under_its_name_too() {
    let mut module = following(&config(), ALL);
    for number in 0..5 {
        let typed = ["eve", "eve@corp.example"][number % 2];
        let stream = held(&mut module, sign_in(typed, &format!("wrong-{number}")));
        let call = question(&module);
        answer(
            &mut module,
            &call,
            &json!({"denied_with": {"account": "eve", "reason": "ldap 49, data 775", "more": 1}}),
        );
        let reply = module.reply(stream);
        assert_error(&reply, 401, "UNAUTHORIZED");
        let record = record(&reply);
        assert_eq!(
            (&record["account"], &record["reason"]),
            (&json!(typed), &json!("ldap 49, data 775"))
        );
    }
    assert_eq!(module.counter("registry_auth.brakes"), 1);
    assert_eq!(module.get(ASK).basic("EVE", "right").send().status, 429);
    // Nor is it told by the other name whether this one is right.
    for said in [json!({"denied_with": {"account": "eve"}}), decided("eve", &[&["pull"]])] {
        let stream = held(&mut module, sign_in("eve@corp.example", &said.to_string()));
        let call = question(&module);
        answer(&mut module, &call, &said);
        assert_error(&module.reply(stream), 429, "TOOMANYREQUESTS");
    }
    // An account of another back-end that has the other name is braked by its own.
    let stream = held(&mut module, sign_in("eve@corp.example", "right"));
    let call = question(&module);
    answer(&mut module, &call, &decided("eve@corp.example", &[&["pull"]]));
    assert_eq!(module.reply(stream).status, 200);
    assert_at_rest(&mut module);
}

#[test]
fn nobody_is_remembered_as_a_static_user_who_is_none() {
    let mut module = following(&config_with("cache", json!({"decisions_ttl": 0})), ALL);
    for _ in 0..2 {
        let stream = held(&mut module, sign_in("eve", "pw"));
        let call = question(&module);
        answer(&mut module, &call, &decided("eve", &[&["pull"]]));
        assert_eq!(module.reply(stream).status, 200);
    }
    module.tick();
    assert_eq!(module.counter("registry_auth.memo.of.credentials"), 0);
}

#[test]
fn the_anonymous_account_is_asked_about_where_it_is_no_user() {
    let mut config = config();
    config["users"].as_object_mut().unwrap().remove("");
    let mut module = following(&config, ALL);
    let stream = held(&mut module, Request::get(ASK));
    let call = question(&module);
    assert_eq!(call.json()["who"], "anonymous");
    answer(&mut module, &call, &json!("denied"));
    assert_eq!(module.reply(stream).status, 401);
}

#[test]
fn scopes_that_no_rule_decides_are_asked_about_for_who_is_known() {
    let mut module = following(&config(), ALL);
    let ask =
        "/token?service=registry&scope=repository:ada/app:pull&scope=repository:x:push,pull&scope=repository:y:pull";
    let stream = held(&mut module, Request::get(ask).basic("ada", "ada-secret"));
    let call = question(&module);
    let asked = call.json();
    assert_eq!(asked["scopes"], json!(["repository:x:pull,push", "repository:y:pull"]));
    assert_eq!(
        asked["who"],
        json!({"identity": {"account": "ada", "labels": {"team": ["blue"]}, "labels_are": "glob", "proof": "password", "backend": "users"}})
    );
    assert!(!asked.to_string().contains("ada-secret"), "the password stays here");
    answer(&mut module, &call, &decided("somebody else", &[&["push"], &[]]));
    let reply = module.reply(stream);
    assert_eq!(claims(&reply)["sub"], "ada", "who it is was settled here");
    assert_eq!(granted(&reply), json!({"ada/app": ["pull"], "x": ["push"], "y": []}));
    assert_eq!(record(&reply)["scopes"][0]["rule"], 0);
    assert_at_rest(&mut module);
}

#[test]
fn a_dear_hash_and_an_open_scope_are_two_questions() {
    let mut module = following(&with_dear(DEAR), ALL);
    let stream = held(
        &mut module,
        Request::get("/token?service=r&scope=repository:x:pull").basic("eve", "pw"),
    );
    let call = question(&module);
    answer(&mut module, &call, &json!({"fits": true}));
    let call = question(&module);
    assert_eq!(call.json()["who"]["identity"]["account"], "eve");
    answer(&mut module, &call, &decided("eve", &[&["pull"]]));
    assert_eq!(granted(&module.reply(stream)), json!({"x": ["pull"]}));
    assert_at_rest(&mut module);
}

#[test]
fn a_form_is_asked_about_too() {
    let mut module = following(&config(), ALL);
    let form = "grant_type=password&username=eve&password=pw&service=registry&scope=repository:a:pull";
    let stream = held(&mut module, Request::post("/token").form(form));
    let call = question(&module);
    assert_eq!(call.json()["who"]["password"]["account"], "eve");
    answer(&mut module, &call, &decided("eve", &[&["pull"]]));
    let reply = module.reply(stream);
    assert_eq!(reply.json()["scope"], "repository:a:pull");
    assert_at_rest(&mut module);
}

#[test]
fn static_users_whom_rules_decide_never_wait() {
    let mut module = following(&config(), ALL);
    let reply = module
        .get("/token?service=r&scope=repository:ada/app:pull")
        .basic("ada", "ada-secret")
        .send();
    assert_eq!(reply.status, 200);
    let reply = module.get("/token?service=r&scope=repository:public/x:pull").send();
    assert_eq!(granted(&reply), json!({"public/x": ["pull"]}));
    assert!(questions(&module).is_empty());
}

#[test]
fn no_secret_is_logged() {
    let mut module = following(&with_dear(DEAR), ALL);
    for heard in ["[\"planted-password\"", "<html>", "{\"fits\": \"planted\"}"] {
        held(&mut module, sign_in("eve", "planted-password"));
        for call in questions(&module) {
            module.answer(call.id, 200, &[], heard);
        }
        after(&mut module, seconds(3));
    }
    let log = logged(&module);
    for secret in [
        "planted",
        &STANDARD.encode("planted-password"),
        &DEAR[7..30],
        "PRIVATE KEY",
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
