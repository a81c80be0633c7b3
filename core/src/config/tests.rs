use super::*;
use crate::secret::Secret;

fn read(json: &str) -> (Document, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_str(json).unwrap();
    let environment = |name: &str| (name == "SET").then(|| Secret::new(r#"{"ada": {}}"#.to_owned()));
    (
        Document::read(node, Sources::of_a_proxy(&environment), &mut problems),
        problems,
    )
}

#[test]
fn a_document_is_read_as_docker_auth_names_it() {
    let (document, problems) = read(
        r#"{
            "server": {"addr": ":5001", "path_prefix": "/r", "real_ip_header": "X-Real-IP", "real_ip_pos": -2, "hsts": true},
            "token": {"issuer": "i", "expiration": 900, "key": "-----BEGIN X", "certificate": null},
            "users": {"ada": {"password": "$2y$x", "labels": {"team": ["a", "b"]}}, "": {}},
            "acl": [{"match": {"account": "ada", "labels": {"team": "a"}}, "actions": ["*"], "comment": "hers"},
                    {"match": {}, "actions": []}],
            "services": ["registry"], "request_body": "route", "audit": "log", "acl_options": {"double_star": true}
        }"#,
    );
    assert_eq!(problems.errors(), []);
    let warnings: Vec<String> = problems.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["server.addr: has no effect here; the listener is Envoy's"]);
    assert_eq!(document.server.real_ip_pos, Some(-2));
    assert!(document.server.hsts && document.acl_options.double_star);
    let token = document.token.unwrap();
    assert_eq!((token.issuer.as_deref(), token.expiration), (Some("i"), Some(900)));
    let users = document.users.unwrap();
    assert_eq!(users[0].labels["team"], ["a", "b"]);
    assert!(users[1].password.is_none());
    let acl = document.acl.unwrap();
    assert_eq!(acl[0].matches.labels, [("team".to_owned(), "a".to_owned())]);
    assert_eq!(acl[0].comment.as_deref(), Some("hers"));
    assert_eq!(document.request_body, RequestBody::Route);
    assert_eq!(document.audit, Audit::Log);
}

#[test]
fn every_wrong_key_is_named_with_its_place_and_what_to_do() {
    let (_, problems) = read(
        r#"{
            "sever": {}, "realm": "x", "letsencrypt": {}, "ldap_auth": {}, "audit": "file", "services": "registry",
            "server": {"path_prefx": "/x", "real_ip_pos": 1.5, "hsts": "yes"},
            "token": {"issuer": 5, "expiration": "900", "key": "/etc/key.pem", "certificate_env": "UNSET", "key_header": "jwk"},
            "acl": [{"match": {"acount": "x"}, "actions": ["*"]}, {"actions": ["*"]}, {"match": {}},
                    {"match": {"account": null, "team": "x", "labels": ["x"]}, "actions": "*"},
                    {"match": {"account:\"x\"": null}, "actions": []}, "text"]
        }"#,
    );
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn users_come_from_a_variable_where_it_is_named() {
    let (document, problems) = read(r#"{"users_env": "SET"}"#);
    assert_eq!(problems.errors(), []);
    assert_eq!(document.users.unwrap()[0].name, "ada");
    let (_, problems) = read(r#"{"users_env": "SET", "users": {}}"#);
    assert_eq!(
        problems.to_string(),
        "users_env: stands beside `users`; keep one of them"
    );
    let (_, problems) = read(r#"{"users_env": "UNSET"}"#);
    assert!(problems.to_string().contains("`UNSET` is not set"), "{problems}");
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let (document, problems) = read(r#"{"token": {"issuer": "a", "issuer": "b"}}"#);
    assert_eq!(document.token.unwrap().issuer.as_deref(), Some("b"));
    assert_eq!(
        problems.warnings()[0].to_string(),
        "token.issuer: stands twice; the last one counts"
    );
}

#[test]
fn more_rules_than_can_be_held_are_refused() {
    let mut problems = Problems::default();
    let entry = Node::Map(vec![
        ("match".to_owned(), Node::Map(Vec::new())),
        ("actions".to_owned(), Node::List(Vec::new())),
    ]);
    let list = Node::List(vec![entry; config_acl::MAX_RULES + 1]);
    assert!(config_acl::read(list, &Place::root().key("acl"), &mut problems).is_empty());
    assert_eq!(problems.to_string(), "acl: has 100001 rules; at most 100000 are taken");
}

use super::acl as config_acl;
