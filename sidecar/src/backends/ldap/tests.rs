use std::net::SocketAddr;
use std::time::Duration;

use registry_auth_core::account::Account;
use registry_auth_core::config::Node;
use registry_auth_core::problem::Place;
use registry_auth_core::service::Service;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn open(section: &Value) -> (Option<LdapAuthenticator>, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_str(&section.to_string()).unwrap();
    let section = Section::open(node, Place::root().key("ldap_auth"), &mut problems).unwrap();
    let files = |path: &str| match path {
        "/password" => Ok(Secret::new(" secret\n".to_owned())),
        "/empty" => Ok(Secret::new("\n".to_owned())),
        _ => Err("no such file".to_owned()),
    };
    let sources = Sources {
        environment: &|_| None,
        files: Some(&files),
    };
    let opened = LdapAuthenticator::open("ldap_auth", section, sources, &mut problems);
    (opened, problems)
}

/// What is said of a section with these keys beside those that it needs.
fn told(keys: &Value) -> String {
    let mut section = json!({"addr": "127.0.0.1", "filter": "(uid=${account})"});
    for (key, value) in keys.as_object().unwrap() {
        section[key] = value.clone();
    }
    let (opened, problems) = open(&section);
    assert!(opened.is_some() || problems.is_refusal(), "{keys}: {problems}");
    let errors = problems.errors().iter().map(|problem| format!("  error: {problem}\n"));
    let warnings = problems
        .warnings()
        .iter()
        .map(|problem| format!("  warning: {problem}\n"));
    let told: String = errors.chain(warnings).collect();
    format!("{keys}\n{told}")
}

#[test]
fn what_is_wrong_with_a_section_is_told_and_what_it_hardly_means() {
    let (_, nothing) = open(&json!({}));
    let mut text = format!("{nothing}\n\n");
    for keys in [
        json!({"addr": "127.0.0.1:389", "tls": "", "bind_dn": null, "bind_password_file": null, "ca_certificate": ""}),
        json!({"addr": ["ldap://ldap1.example", "ldaps://["], "timeout": "10s"}),
        json!({"addr": []}),
        json!({"addr": 389}),
        json!({"tls": "ssl"}),
        json!({"addr": "127.0.0.1:636", "insecure_tls_skip_verify": true}),
        json!({"ca_certificate": "/nowhere"}),
        json!({"tls": "always", "ca_certificate": "/nowhere"}),
        json!({"tls": "always", "ca_certificate": "/password"}),
        json!({"bind_dn": "cn=reader", "bind_password_file": "/password"}),
        json!({"bind_dn": "cn=reader"}),
        json!({"bind_dn": "cn=reader", "bind_password_file": "/empty"}),
        json!({"bind_dn": "uid=${account}", "bind_password_file": "/password"}),
        json!({"bind_password_file": "/password"}),
        json!({"initial_bind_as_user": true}),
        json!({"initial_bind_as_user": true, "bind_dn": "cn=reader"}),
        json!({"initial_bind_as_user": true, "bind_dn": "${account}@corp.example", "bind_password_file": "/password"}),
        json!({"filter": "(uid=${Account})"}),
        json!({"filter": "(mail=${account}@corp.example)"}),
        json!({"filter": "(mail=${account}@corp.example)", "account_attribute": "uid"}),
        json!({"account_attribute": "u id"}),
        json!({"timeout": "2s", "search_timeout": "3s", "bind_timeout": "2s"}),
        json!({"connect_timeout": "5"}),
        json!({"labels_are_patterns": "yes", "bind_pasword_file": "/password"}),
    ] {
        text.push_str(&told(&keys));
    }
    insta::assert_snapshot!(text);
}

async fn ask(addr: SocketAddr, account: &str, password: &[u8]) -> Result<Outcome, String> {
    let keys = json!({"addr": addr.to_string(), "filter": "(uid=${account})", "timeout": "1s"});
    let (directory, _) = open(&keys);
    let password = Secret::new(password.to_vec());
    let login = Login {
        account: &Account::parse(account).unwrap(),
        password: &password,
        service: &Service::parse("registry").unwrap(),
        address: "192.0.2.7".parse().unwrap(),
    };
    let deadline = Instant::now().checked_add(Duration::from_secs(20)).unwrap();
    let answer = directory.unwrap().authenticate(login, deadline).await;
    answer.map_err(|error| error.to_string())
}

/// A server that answers the first question with `answer`, and no other.
async fn answering(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 1_024];
            let _ = stream.read(&mut question).await;
            let _ = stream.write_all(answer).await;
            open.push(stream);
        }
    });
    address
}

#[tokio::test]
async fn nobody_is_asked_without_a_name_or_a_password_that_is_text() {
    let closed: SocketAddr = "127.0.0.1:1".parse().unwrap();
    assert_eq!(ask(closed, "", b"secret").await, Ok(Outcome::NoMatch));
    assert_eq!(ask(closed, "ada", b"").await, Ok(Outcome::NoMatch));
    assert_eq!(ask(closed, "ada", b"a\0b").await, Ok(Outcome::Deny(Denial::default())));
    assert_eq!(ask(closed, "ada", b"\xff").await, Ok(Outcome::Deny(Denial::default())));
    let error = ask(closed, "ada", b"secret").await.unwrap_err();
    assert!(
        error.starts_with("ldap_auth: `127.0.0.1:1` could not be reached: "),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_answer_is_a_fault_and_nothing_more() {
    for (answer, expected) in [
        // By LDAP's reading the beginning of a longer message.
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
            "did not answer a bind within 400 ms",
        ),
        // A message whose number is a text, one without anything in it, and one of an operation that was not asked for.
        (b"\x30\x05\x04\x01\x01\x05\x00", "broke off the connection"),
        (b"\x30\x00", "broke off the connection"),
        (b"\x30\x05\x02\x01\x01\x05\x00", "broke off the connection"),
        (b"", "did not answer a bind within 400 ms"),
        // The answer to the greeting, and no other.
        (
            b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
            "did not answer a search within 600 ms; see `search_timeout`",
        ),
    ] {
        let error = ask(answering(answer).await, "ada", b"secret").await.unwrap_err();
        assert!(error.contains(expected), "{answer:?}: {error}");
    }
}
