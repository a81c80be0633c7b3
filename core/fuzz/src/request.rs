//! A whole request: method, content type, `Authorization` and query, a line each, then the body.

use registry_auth_core::client_address::AddressError;
use registry_auth_core::reply::Replies;
use registry_auth_core::request::form::{MAX_PAIRS, Pairs};
use registry_auth_core::request::{Credentials, Head, Method};
use registry_auth_core::scope::Scopes;
use registry_auth_core::secret::Secret;

use crate::lines;

/// `-` stands for a header that is not there.
pub(crate) fn run(data: &[u8]) {
    let [method, content_type, authorization, query, body] = lines(data);
    check_pairs(query);
    check_pairs(body);
    let Some(method) = Method::parse(method) else { return };
    let header = |value: &[u8]| (value != b"-").then(|| value.to_vec());
    let head = Head {
        method,
        query: query.to_vec(),
        authorization: header(authorization).map(Secret::new),
        content_type: header(content_type),
        address: "192.0.2.7".parse().map_err(|_| AddressError::NoAddress),
    };
    let request = match head.with_body(body) {
        Ok(request) => request,
        Err(refusal) => {
            let reply = Replies::new("auth.test", true).refusal(&refusal);
            assert!((400..=503).contains(&reply.status) && reply.status != 403, "{reply:?}");
            let body: serde_json::Value = serde_json::from_str(&reply.body).expect("an error is JSON");
            let message = body["errors"][0]["message"].as_str().expect("with a message");
            assert!(!message.chars().any(char::is_control), "{message:?}");
            assert!(reply.body.len() < 4_096, "{}", reply.body.len());
            return;
        }
    };
    if method == Method::Get {
        let without_body = head.with_body(b"").expect("a body counts for a POST alone");
        assert_eq!(format!("{without_body:?}"), format!("{request:?}"));
    }
    if let Credentials::Password { account, password } = &request.credentials {
        assert!(!account.is_anonymous());
        assert!(!account.as_str().chars().any(char::is_control));
        assert!(password.expose().len() <= 1_024);
    }
    let canonical: Vec<String> = request.scopes.iter().map(ToString::to_string).collect();
    let again = Scopes::parse(canonical.iter().map(String::as_str));
    assert_eq!(again, Ok(request.scopes));
}

/// The pairs are those that a plainer reader finds.
fn check_pairs(text: &[u8]) {
    let mut pairs = Pairs::default();
    let read = pairs.add(text).is_ok();
    let plain: Option<Vec<(String, String)>> = text
        .split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(plain_pair)
        .collect();
    let plain = plain.filter(|plain| plain.len() <= MAX_PAIRS);
    assert_eq!(read, plain.is_some());
    let plain = plain.unwrap_or_default();
    for (name, _) in &plain {
        let values = plain.iter().filter(|(known, _)| known == name);
        assert!(pairs.all(name).eq(values.map(|(_, value)| value.as_str())), "{name:?}");
    }
}

fn plain_pair(pair: &[u8]) -> Option<(String, String)> {
    let end = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
    Some((
        plain_text(&pair[..end])?,
        plain_text(pair.get(end + 1..).unwrap_or_default())?,
    ))
}

fn plain_text(text: &[u8]) -> Option<String> {
    let mut plain = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'%' {
            let digits = text.get(at + 1..at + 3)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            plain.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            at += 3;
        } else {
            plain.push(if text[at] == b'+' { b' ' } else { text[at] });
            at += 1;
        }
    }
    String::from_utf8(plain).ok()
}
