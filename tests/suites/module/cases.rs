use std::net::SocketAddr;

use registry_auth_tests::cases::{self, Case, LabelValues};
use serde_json::json;

use crate::*;

/// The module with the rules of a case, and each of its accounts without a password.
fn with_rules(case: &Case) -> Module {
    let mut users = serde_json::Map::new();
    for ask in &case.asks {
        users.insert(ask.account.clone(), json!({"labels": case.labels(&ask.account)}));
    }
    start(json!({
        "token": {"issuer": "i", "key": keys::ES256},
        "users": users,
        "acl": case.acl,
        "acl_options": {"double_star": case.double_star},
    }))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| format!("%{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn the_shipped_module_decides_every_case_as_core_does() {
    let mut decisions = 0;
    let mut broken = Vec::new();
    for case in cases::decisions()
        .iter()
        .filter(|case| case.label_values == LabelValues::Glob)
    {
        let mut module = with_rules(case);
        // A name with a colon cannot stand in Basic: the first colon ends it.
        for ask in case.asks.iter().filter(|ask| !ask.account.contains(':')) {
            let path = format!("/token?service={}&scope={}", encoded(&ask.service), encoded(&ask.scope));
            let call = module
                .get(&path)
                .source(&SocketAddr::new(ask.address, 4711).to_string());
            let call = if ask.account.is_empty() {
                call
            } else {
                call.basic(&ask.account, "")
            };
            let reply = call.send();
            let record: Value =
                serde_json::from_str(reply.filter_state("registry_auth_audit").unwrap_or("{}")).unwrap();
            let scope = &record["scopes"][0];
            if scope["granted"] != json!(ask.grant) || scope["because"] != json!(ask.because) {
                broken.push(format!(
                    "{}: {}\n  {ask:?}\n  gets {}",
                    case.file,
                    case.name,
                    reply.text()
                ));
            }
            decisions += 1;
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(decisions >= 150, "only {decisions} decisions were asked");
}
