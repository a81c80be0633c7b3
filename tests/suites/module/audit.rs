use registry_auth_tests::module::Level;
use serde_json::{Value, json};

use crate::*;

fn record(reply: &Reply) -> Value {
    serde_json::from_str(reply.filter_state("registry_auth_audit").expect("no audit record")).unwrap()
}

#[test]
fn a_decision_leaves_one_record_with_its_reasons() {
    let mut module = start(config());
    let scopes = "scope=repository:ada/app:pull,push&scope=repository:other:pull&scope=repository:public/x:pull";
    let reply = module
        .get(&format!("/token?service=registry&{scopes}"))
        .basic("ada", "ada-secret")
        .source("192.0.2.7:4711")
        .header("x-request-id", "5f0c")
        .send();
    let mut record = record(&reply);
    let fields = record.as_object_mut().unwrap();
    assert!(fields.remove("took_us").unwrap().is_u64());
    assert_eq!(fields.remove("etag").unwrap().as_str().unwrap().len(), 8);
    assert_eq!(
        record,
        json!({
            "event": "token", "result": "issued", "account": "ada", "address": "192.0.2.7", "service": "registry",
            "labels": [{"name": "team", "value": "blue", "pattern": true}],
            "scopes": [
                {"scope": "repository:ada/app:pull,push", "granted": ["pull", "push"], "rule": 0,
                 "comment": "her own", "because": "rule 0 \"her own\""},
                {"scope": "repository:other:pull", "granted": [], "rule": null, "because": "no rule matches"},
                {"scope": "repository:public/x:pull", "granted": ["pull"], "rule": 2, "because": "rule 2"},
            ],
            "backend": "users", "proof": "password", "jti": claims(&reply)["jti"],
            "generation": NOW * 1_000, "request_id": "5f0c",
        })
    );
    assert_eq!(reply.filter_state("registry_auth_account"), Some("ada"));
    assert_eq!(reply.filter_state("registry_auth_decision"), Some("issued"));
    assert_eq!(module.counter("registry_auth.token_requests.result.issued"), 1);
    assert_eq!(
        module.counter("registry_auth.authentications.method.password.result.accepted"),
        1
    );
}

#[test]
fn refused_credentials_leave_a_record_without_a_token() {
    let mut module = start(config());
    let reply = module
        .get("/token?service=r&scope=repository:a:pull")
        .basic("ada", "wrong")
        .send();
    let record = record(&reply);
    assert_eq!(record["result"], "unauthorized");
    assert_eq!(record["account"], "ada");
    assert_eq!(
        record["scopes"][0],
        json!({"scope": "repository:a:pull", "granted": [], "rule": null, "because": "not asked"})
    );
    assert!(record.get("jti").is_none());
    assert_eq!(module.counter("registry_auth.token_requests.result.unauthorized"), 1);
    assert_eq!(
        module.counter("registry_auth.authentications.method.password.result.refused"),
        1
    );
}

#[test]
fn no_secret_stands_in_record_log_or_answer() {
    let mut config = config_with("audit", json!("log"));
    config["users"]["bob"] = json!({"password": "sha256:".to_owned() + &"f".repeat(64)});
    let mut module = settings(config).log_level(Level::Trace).start().unwrap();
    let mut texts = Vec::new();
    for password in ["ada-secret", "planted-wrong-password"] {
        let reply = module.get("/token?service=r").basic("ada", password).send();
        texts.push(reply.filter_state("registry_auth_audit").unwrap().to_owned());
        if reply.status != 200 {
            texts.push(reply.text().to_owned());
        }
    }
    texts.extend(module.logs().iter().map(|log| log.text.clone()));
    assert!(
        texts.iter().any(|text| text.contains("registry_auth: audit: {")),
        "`audit: log` writes to the log"
    );
    for secret in [
        "ada-secret",
        "planted-wrong-password",
        &keys::ADA_SECRET[7..30],
        "PRIVATE KEY",
        "ffffffffff",
    ] {
        assert!(texts.iter().all(|text| !text.contains(secret)), "{secret} in {texts:?}");
    }
}

#[test]
fn audit_off_leaves_no_line_but_account_and_decision() {
    let mut module = start(config_with("audit", json!("off")));
    let reply = module.get("/token").send();
    assert_eq!(reply.filter_state("registry_auth_audit"), None);
    assert_eq!(reply.filter_state("registry_auth_decision"), Some("issued"));
}

#[test]
fn an_account_with_quotes_and_line_separators_stays_inside_its_field() {
    let name = "a\"b\\c\u{2028}d\u{e9}";
    let mut config = config();
    config["users"][name] = json!({});
    let reply = start(config).get("/token").basic(name, "").send();
    assert_eq!(record(&reply)["account"], name);
    assert_eq!(claims(&reply)["sub"], name);
    assert_eq!(reply.filter_state("registry_auth_audit").unwrap().lines().count(), 1);
}

#[test]
fn metrics_are_defined_once_however_often_the_configuration_changes() {
    let mut module = start(config());
    module.get("/token").send();
    let defined = module.metric_definitions();
    for expiration in 100..110 {
        module
            .reconfigure(config_with("token.expiration", json!(expiration)))
            .unwrap();
        module.get("/token").send();
    }
    assert_eq!(module.metric_definitions(), defined);
    assert_eq!(module.counter("registry_auth.token_requests.result.issued"), 11);
}
