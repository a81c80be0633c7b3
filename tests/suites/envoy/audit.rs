//! What an operator sees: audit records, Envoy's own access log, counters, and the address by which was decided.

use std::collections::BTreeSet;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::http::upstream::{self, Upstream};

use crate::*;

#[test]
fn the_shipped_files_serve_a_token_a_record_and_counters() {
    let key = Certified::self_signed(Algorithm::Es256);
    for release in EnvoyRelease::ALL {
        let mut envoy = Envoy::as_shipped().release(release).signed_by(&key).start();
        let url = format!(
            "{}/token?service=registry&scope=repository:public/app:pull",
            envoy.url()
        );
        let answer = http::get(&url, &[]);
        assert_eq!(granted(&answer), json!({"public/app": ["pull"]}));
        let ada = [("authorization", http::basic("ada", "lovelace"))];
        let answer = http::get(&url, &ada.each_ref().map(|(name, value)| (*name, value.as_str())));
        assert_eq!(subject(&answer), "ada");
        let form = "grant_type=password&service=registry&client_id=test&username=ada&password=lovelace";
        let answer = http::post_form(&format!("{}/token", envoy.url()), &[], form);
        assert_eq!(subject(&answer), "ada");
        let records = envoy.wait_for_audit_lines(3);
        let accounts: Vec<_> = records.iter().map(|record| &record["account"]).collect();
        assert_eq!(accounts, ["", "ada", "ada"]);
        let prometheus = envoy.admin("/stats/prometheus");
        let by_method = |method| [("method", method), ("result", "accepted")];
        assert_eq!(counted(&prometheus, "token_requests", &[("result", "issued")]), 3);
        assert_eq!(counted(&prometheus, "authentications", &by_method("anonymous")), 1);
        assert_eq!(counted(&prometheus, "authentications", &by_method("password")), 2);
        let signatures = ["host", "module"].map(|by| counted(&prometheus, "signatures", &[("by", by)]));
        assert_eq!(signatures.iter().sum::<u64>(), 3);
    }
}

/// A counter with these tags, in whatever order Envoy writes them; zero if there is none.
#[track_caller]
fn counted(prometheus: &str, name: &str, tags: &[(&str, &str)]) -> u64 {
    let tags: BTreeSet<_> = tags.iter().map(|(tag, value)| format!("{tag}=\"{value}\"")).collect();
    let value = prometheus.lines().find_map(|line| {
        let (found, value) = line
            .strip_prefix("registry_auth_")?
            .strip_prefix(name)?
            .strip_prefix('{')?
            .split_once("} ")?;
        (found.split(',').map(str::to_owned).collect::<BTreeSet<_>>() == tags).then_some(value)
    });
    value.map_or(0, |value| value.parse().expect("a counter is a number"))
}

#[test]
fn each_decision_leaves_one_record_and_nothing_else_does() {
    let registry = Upstream::start();
    let format = "%REQ(:METHOD)% %PATH(NQ)% %RESPONSE_CODE% account=%FILTER_STATE(wasm.registry_auth_account:PLAIN)% \
                  decision=%FILTER_STATE(wasm.registry_auth_decision:PLAIN)%";
    let setup = setup(&config()).registry(registry.port()).access_log(format);
    let mut envoy = setup.start();
    let scopes = "repository:ada/app:pull,push%20repository:other:pull";
    let issued = ask(&envoy, scopes);
    let url = envoy.url();
    let request = |method: &str, path: &str, headers: &[(&str, &str)]| {
        http::request(method, &format!("{url}{path}"), headers, b"").status
    };
    let wrong = http::basic("ada", "wrong");
    assert_eq!(request("GET", "/token", &[("authorization", &wrong)]), 401);
    // No decisions: malformed, another method, a path that is none, what is the registry's.
    assert_eq!(request("GET", "/token?scope=x", &[]), 400);
    assert_eq!(request("PUT", "/token", &[]), 405);
    assert_eq!(request("GET", "/token/x", &[]), 404);
    assert_eq!(request("GET", "/v2/", &[]), 200);
    assert_eq!(request("GET", "/token", &[]), 200);

    let lines = envoy.wait_for_access_log_lines(7);
    assert_eq!(
        lines,
        [
            "GET /token 200 account=ada decision=issued",
            "GET /token 401 account=ada decision=unauthorized",
            "GET /token 400 account=- decision=-",
            "PUT /token 405 account=- decision=-",
            "GET /token/x 404 account=- decision=-",
            "GET /v2/ 200 account=- decision=-",
            // The anonymous account's name is empty.
            "GET /token 200 account= decision=issued",
        ]
    );
    let records = envoy.wait_for_audit_lines(3);
    let results: Vec<_> = records.iter().map(|record| record["result"].as_str()).collect();
    assert_eq!(results, [Some("issued"), Some("unauthorized"), Some("issued")]);
    let claims = part(&token(&issued), 1);
    assert_eq!(records[0]["jti"], claims["jti"]);
    assert_eq!(records[0]["address"], "127.0.0.1");
    assert_eq!(records[0]["scopes"][0]["because"], "rule 0 \"her own\"");
    assert_eq!(records[0]["scopes"][1]["because"], "no rule matches");
    assert_eq!(
        records[0]["request_id"].as_str().map(str::len),
        Some(36),
        "Envoy made it: {}",
        records[0]
    );
    for (name, count) in [
        ("token_requests.result.issued", 2),
        ("token_requests.result.unauthorized", 1),
        ("token_requests.result.malformed", 1),
        ("token_requests.result.method", 1),
        ("token_requests.result.not_found", 1),
        ("authentications.method.password.result.accepted", 1),
        ("authentications.method.password.result.refused", 1),
        ("authentications.method.anonymous.result.accepted", 1),
    ] {
        assert_eq!(
            envoy.counter(&format!("wasmcustom.registry_auth.{name}")),
            count,
            "{name}"
        );
    }
}

#[test]
fn the_address_is_the_connections_whatever_a_client_writes() {
    let scopes = "scope=repository:office:pull&scope=repository:elsewhere:pull";
    let told = ["203.0.113.7", "127.0.0.1, 203.0.113.7", "203.0.113.7:80, , x", "::1"];
    let mut envoy = setup(&config()).start();
    let url = format!("{}/token?service=registry&{scopes}", envoy.url());
    let ask = |forwarded: &str| {
        let headers = ["x-forwarded-for", "x-real-ip", "forwarded"].map(|name| (name, forwarded));
        granted(&http::get(&url, &headers))
    };
    for forwarded in told {
        assert_eq!(
            ask(forwarded),
            json!({"office": ["pull"], "elsewhere": []}),
            "{forwarded}"
        );
    }
    let records = envoy.wait_for_audit_lines(told.len());
    assert!(
        records.iter().all(|record| record["address"] == "127.0.0.1"),
        "{records:?}"
    );

    // Envoy appends the connection's address to the header, and the last one counts. For a client on loopback it
    // appends the address of its own machine, which is somewhere else on each.
    let mut config = config_with("server", json!({"real_ip_header": "X-Forwarded-For"}));
    config["token"]["expiration"] = json!(1_000);
    assert_eq!(envoy.swap_config(&config), Swap::Taken);
    wait_for_expiration(&mut envoy, 1_000);
    let before = envoy.wait_for_audit_lines(told.len() + 1).len();
    for forwarded in told {
        assert_eq!(ask(forwarded)["elsewhere"], json!([]), "{forwarded}");
    }
    let records = envoy.wait_for_audit_lines(before + told.len());
    let without_header = &records[before - 1]["address"];
    assert!(
        records[before..]
            .iter()
            .all(|record| record["address"] == *without_header),
        "{records:?}"
    );
}

#[test]
fn other_hosts_are_not_touched() {
    let other = Upstream::start();
    let config = config_with("server", json!({"hosts": ["registry.example.test"]}));
    let mut envoy = setup(&config).registry(other.port()).start();
    let url = format!("{}/token?service=registry", envoy.url());
    let credentials = http::basic("ada", "ada-secret");
    let headers = [("authorization", credentials.as_str())];
    let ours = http::get(&url, &[headers[0], ("host", "Registry.Example.test:5001")]);
    assert_eq!(subject(&ours), "ada");
    assert!(other.received().is_empty());

    let theirs = [headers[0], ("host", "other.example.test")];
    assert_eq!(http::get(&url, &theirs).text(), upstream::ANSWER);
    let posted = http::post_form(&url, &theirs, "username=ada&password=ada-secret");
    assert_eq!(posted.text(), upstream::ANSWER);
    let [get, post] = <[_; 2]>::try_from(other.requests()).expect("two requests");
    assert!(
        get.head.contains(&format!("authorization: {credentials}")),
        "{}",
        get.head
    );
    assert_eq!(post.body, b"username=ada&password=ada-secret");
    let records = envoy.wait_for_audit_lines(1);
    assert_eq!(records.len(), 1, "what was not ours left a record: {records:?}");
}
