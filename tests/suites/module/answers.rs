use registry_auth_tests::module::Request;
use serde_json::json;

use crate::*;

#[test]
fn a_token_answer_has_every_field_that_a_client_reads() {
    let mut module = start(config());
    let reply = module
        .get("/token?service=registry&scope=repository:ada/app:push,pull")
        .basic("ada", "ada-secret")
        .send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    assert_eq!(body["token"], body["access_token"]);
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["issued_at"], "2027-01-15T08:00:00Z");
    assert!(body.get("refresh_token").is_none() && body.get("scope").is_none());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
}

#[test]
fn a_post_is_told_the_scope_that_it_got() {
    let mut module = start(config());
    let form = "grant_type=password&username=ada&password=ada-secret&service=r&access_type=offline\
                &scope=repository:ada/app:pull,push&scope=repository:other:pull+repository:blue/x:delete,pull";
    let reply = module.post("/token").form(form).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.json()["scope"],
        "repository:ada/app:pull,push repository:blue/x:pull"
    );
    assert!(reply.json().get("refresh_token").is_none());
}

#[test]
fn no_or_partial_permission_is_never_an_error() {
    let mut module = start(config());
    let scopes = "scope=repository:ada/app:pull&scope=repository:other:pull,push&scope=repository:public/x:pull,push";
    let reply = module
        .get(&format!("/token?service=r&{scopes}"))
        .basic("ada", "ada-secret")
        .send();
    assert_eq!(
        granted(&reply),
        json!({"ada/app": ["pull"], "other": [], "public/x": ["pull"]})
    );
}

#[test]
fn nobody_is_the_anonymous_account() {
    let mut module = start(config());
    for reply in [
        module
            .get("/token?service=r&scope=repository:public/x:pull&account=ada")
            .send(),
        module
            .get("/token?service=r&scope=repository:public/x:pull")
            .header("authorization", "Basic Og==")
            .send(),
        module
            .post("/auth")
            .form("service=r&scope=repository:public/x:pull")
            .send(),
    ] {
        assert_eq!(claims(&reply)["sub"], "");
        assert_eq!(granted(&reply), json!({"public/x": ["pull"]}));
    }
    let mut closed = start(config_with("users", json!({"ada": {"password": keys::ADA_SECRET}})));
    assert_error(&closed.get("/token").send(), 401, "UNAUTHORIZED");
}

#[test]
fn wrong_credentials_are_401_with_a_challenge_and_never_a_token() {
    let mut module = start(config());
    let replies = [
        module.get("/token?service=r").basic("ada", "wrong").send(),
        module.get("/token?service=r").basic("ada", "").send(),
        module.get("/token?service=r").basic("nobody", "wrong").send(),
        module.get("/token?service=r").basic("token", "REFRESH").send(),
        module.get("/token?service=r").bearer("abc").send(),
        module
            .get("/token?service=r")
            .header("authorization", "Basic ???")
            .send(),
        module
            .post("/token")
            .form("grant_type=refresh_token&refresh_token=x&service=r")
            .send(),
        module.post("/token").form("username=ada&password=wrong").send(),
    ];
    for reply in &replies {
        assert_error(reply, 401, "UNAUTHORIZED");
        assert_eq!(
            reply.header("www-authenticate"),
            Some(r#"Basic realm="Acme \"auth\" server""#)
        );
        assert_eq!(reply.body, replies[0].body, "all refusals read alike");
    }
}

#[test]
fn an_account_without_a_password_needs_none() {
    let mut module = start(config());
    for password in ["", "anything"] {
        let reply = module.get("/token?service=r").basic("open", password).send();
        assert_eq!(claims(&reply)["sub"], "open");
    }
}

#[test]
fn malformed_requests_are_400_in_the_registries_form() {
    let mut module = start(config());
    for (path, code) in [
        ("/token?scope=x", "UNSUPPORTED_VALUE"),
        ("/token?scope=%", "UNSUPPORTED_VALUE"),
        ("/token?service=a&service=b", "UNSUPPORTED_VALUE"),
        ("/token?offline_token=maybe", "BAD_TOKEN_OPTION"),
        ("/token?password=x", "UNSUPPORTED"),
    ] {
        assert_error(&module.get(path).send(), 400, code);
    }
    assert_error(
        &module.post("/token").form("grant_type=password").send(),
        400,
        "MISSING_REQUIRED_FIELD",
    );
    assert_error(
        &module.post("/token").form("grant_type=magic").send(),
        400,
        "UNSUPPORTED_VALUE",
    );
    let named = module
        .get("/token?scope=repository:good:pull&scope=repository:A%20b")
        .send();
    assert!(
        named.text().contains("repository:A"),
        "the scope is named: {}",
        named.text()
    );
}

#[test]
fn head_is_answered_without_a_body_and_other_methods_with_what_is_allowed() {
    let mut module = start(config());
    let head = module.request(Request::new("HEAD", "/token?service=r")).send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    for method in ["PUT", "DELETE", "OPTIONS", "get"] {
        let reply = module.request(Request::new(method, "/token")).send();
        assert_error(&reply, 405, "UNSUPPORTED");
        assert_eq!(reply.header("allow"), Some("GET, HEAD, POST"));
    }
}

#[test]
fn header_values_may_be_any_bytes() {
    let mut module = start(config());
    let reply = module
        .get("/token?service=r")
        .header("x-odd", [0xff, 0xfe, b'a'])
        .header("user-agent", [0x80])
        .send();
    assert_eq!(reply.status, 200);
    let reply = module
        .get("/token?service=r")
        .header("authorization", [b'B', 0xff, 0xff, b' ', 1, 2, 3])
        .send();
    assert_error(&reply, 401, "UNAUTHORIZED");
}

#[test]
fn two_authorization_headers_are_400_however_they_arrive() {
    let mut module = start(config());
    let joined = module
        .get("/token")
        .header("authorization", "Basic YTpi,Basic YTpi")
        .send();
    assert_error(&joined, 400, "UNSUPPORTED");
    let lines = module
        .get("/token")
        .basic("ada", "ada-secret")
        .header("authorization", "Basic YTpi")
        .send();
    assert_error(&lines, 400, "UNSUPPORTED");
}

#[test]
fn a_service_that_is_not_listed_gets_no_token() {
    let mut module = start(config_with("services", json!(["registry"])));
    assert_eq!(module.get("/token?service=registry").send().status, 200);
    assert_error(&module.get("/token?service=other").send(), 400, "UNSUPPORTED_VALUE");
    assert_error(&module.get("/token").send(), 400, "UNSUPPORTED_VALUE");
    let refused = module.counter("registry_auth.authentications.method.anonymous.result.refused");
    assert_eq!(refused, 0, "nobody was asked who they are");
}

#[test]
fn the_address_is_the_connections_unless_a_header_is_named() {
    let ask = "/token?service=r&scope=repository:office:pull";
    let mut module = start(config());
    let inside = module.get(ask).source("198.51.100.7:4711").send();
    assert_eq!(granted(&inside), json!({"office": ["pull"]}));
    let mapped = module.get(ask).source("[::ffff:198.51.100.7]:4711").send();
    assert_eq!(granted(&mapped), json!({"office": ["pull"]}));
    let lied = module
        .get(ask)
        .source("192.0.2.7:4711")
        .header("x-forwarded-for", "198.51.100.7")
        .send();
    assert_eq!(granted(&lied), json!({"office": []}));
    assert_error(&module.get(ask).source("/run/envoy.sock").send(), 400, "UNSUPPORTED");

    let mut module = start(config_with("server", json!({"real_ip_header": "X-Real-IP"})));
    let lines = module
        .get(ask)
        .header("x-real-ip", "192.0.2.1, 192.0.2.2")
        .header("x-real-ip", "198.51.100.7")
        .send();
    assert_eq!(
        granted(&lines),
        json!({"office": ["pull"]}),
        "all lines are one list, and the last one counts"
    );
    assert_error(
        &module.get(ask).header("x-real-ip", "unknown").send(),
        400,
        "UNSUPPORTED",
    );
    assert_error(&module.get(ask).send(), 400, "UNSUPPORTED");

    let mut module = start(config_with(
        "server",
        json!({"real_ip_header": "X-Real-IP", "real_ip_pos": -3}),
    ));
    assert_error(
        &module.get(ask).header("x-real-ip", "198.51.100.7, 198.51.100.8").send(),
        400,
        "UNSUPPORTED",
    );
}
