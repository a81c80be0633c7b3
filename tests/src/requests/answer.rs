//! What an answer says, against what was promised and against another one.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::Regex;
use registry_auth_core::time::Timestamp;
use serde_json::{Value, json};

use super::{Granted, Promise, Refused};
use crate::http::Response;
use crate::verify;

/// `token.issuer` of the site, and how it is quoted in a challenge.
const ISSUER: &str = r#"Acme "auth" server"#;
const CHALLENGE: &str = r#"Basic realm="Acme \"auth\" server""#;
/// `token.expiration` of the site.
const EXPIRATION: u64 = 900;
/// Clients take less for a fault of the server, and some then count on 60 seconds.
const LEAST_LIFE: u64 = 60;
/// Headers of whoever carries the answer.
const CARRIERS: [&str; 6] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
];
/// Headers that come with some statuses and no others.
const OF_A_STATUS: [&str; 3] = ["www-authenticate", "allow", "retry-after"];

/// The answer with all that is the product's own, as text: status, headers by name, body, and a token's two parts. What
/// must differ from one answer to the next, times and numbers of tokens, stands there by its name.
pub fn canonical(answer: &Response) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !CARRIERS.contains(&name.as_str()) && !name.starts_with("x-envoy-"))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    let mut lines = vec![answer.status.to_string()];
    lines.extend(headers);
    lines.push(varying(
        r#""(?<key>token|access_token|issued_at|expires_in)":("[^"]*"|\d+)"#,
        &answer.text(),
    ));
    if let Some(token) = token(answer) {
        let parts = token.split('.').take(2).map(|part| {
            let json = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
            String::from_utf8_lossy(&json).into_owned()
        });
        lines.extend(parts.map(|part| varying(r#""(?<key>exp|nbf|iat|jti)":("[^"]*"|\d+)"#, &part)));
    }
    lines.join("\n")
}

/// In what the answer is not as promised.
pub(super) fn faults(promise: Promise<'_>, is_post: bool, answer: &Response) -> Vec<String> {
    let mut faults = Faults(Vec::new());
    match promise {
        Promise::Token(granted) => {
            faults.status(answer, 200);
            faults.token(answer, granted, is_post);
        }
        Promise::Error(refused) => {
            faults.status(answer, refused.status);
            faults.error(answer, refused);
        }
        Promise::Bare(status) => {
            faults.status(answer, status);
            faults.equal("the body", answer.text(), String::new());
        }
        Promise::Json(members) => {
            faults.status(answer, 200);
            let body = body(answer);
            for (name, value) in members {
                faults.equal(name, body[name].clone(), value.clone());
            }
        }
    }
    faults.headers(answer);
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn status(&mut self, answer: &Response, status: u16) {
        self.equal("the status", answer.status, status);
    }

    #[expect(clippy::needless_pass_by_value, reason = "most values are made for this very call")]
    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, is: T, wanted: T) {
        self.holds(is == wanted, || format!("{what} is {is:?}, not {wanted:?}"));
    }

    fn holds(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.0.push(otherwise());
        }
    }

    /// The headers that every answer has, and those that its status demands or forbids.
    fn headers(&mut self, answer: &Response) {
        for (name, value) in [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("pragma", "no-cache"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ] {
            self.equal(name, answer.header(name), Some(value));
        }
        for name in OF_A_STATUS {
            let is = answer.header(name);
            match (name, answer.status) {
                ("www-authenticate", 401) => self.equal(name, is, Some(CHALLENGE)),
                ("allow", 405) => self.equal(name, is, Some("GET, HEAD, POST")),
                ("retry-after", 429 | 503) => self.holds(is.is_some(), || "no `retry-after`".to_owned()),
                _ => self.equal(name, is, None),
            }
        }
    }

    fn error(&mut self, answer: &Response, refused: &Refused) {
        let body = body(answer);
        self.equal("the body", names(&body), set(&["errors"]));
        let errors = body["errors"].as_array().map_or(0, Vec::len);
        self.equal("the number of errors", errors, 1);
        let error = &body["errors"][0];
        self.equal("the error", names(error), set(&["code", "message", "detail"]));
        self.equal("the code", error["code"].clone(), json!(refused.code));
        let message = error["message"].as_str().unwrap_or_default();
        self.holds(!message.is_empty() && message.contains(&refused.says), || {
            format!("the message `{message}` does not say `{}`", refused.says)
        });
    }

    fn token(&mut self, answer: &Response, granted: &Granted, is_post: bool) {
        let body = body(answer);
        let mut members = set(&["token", "access_token", "expires_in", "issued_at"]);
        if is_post {
            members.insert("scope".to_owned());
            self.equal("`scope`", body["scope"].clone(), json!(without_empty(&granted.access)));
        }
        self.equal("the body", names(&body), members);
        let Some(token) = token(answer) else {
            return self.0.push("there is no token".to_owned());
        };
        self.equal("`access_token`", body["access_token"].clone(), json!(token));
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return self.0.push(format!("the token has not three parts: {token}"));
        };
        let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        self.holds(verify::fits("ES256", signed.as_bytes(), &signature), || {
            "the signature is not the key's".to_owned()
        });
        let (header, claims) = (part(header), part(claims));
        self.equal("the token's header", names(&header), set(&["typ", "alg", "kid"]));
        self.equal("`typ`", header["typ"].clone(), json!("JWT"));
        self.equal("`alg`", header["alg"].clone(), json!("ES256"));
        self.claims(&claims, granted);
        self.times(&claims, &body);
    }

    fn claims(&mut self, claims: &Value, granted: &Granted) {
        let all = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "access"];
        self.equal("the claims", names(claims), set(&all));
        self.equal("`iss`", claims["iss"].clone(), json!(ISSUER));
        self.equal("`sub`", claims["sub"].clone(), json!(granted.sub));
        self.equal("`aud`", claims["aud"].clone(), json!(granted.aud));
        self.equal("`access`", claims["access"].clone(), access(&granted.access));
        let jti = claims["jti"].as_str().unwrap_or_default();
        self.holds(jti.len() >= 16, || format!("`jti` can be guessed: `{jti}`"));
    }

    /// `issued_at` and `expires_in` make the token's `exp`, also of a token handed out again.
    fn times(&mut self, claims: &Value, body: &Value) {
        let time = |name: &str| claims[name].as_u64().unwrap_or_default();
        self.equal("`exp` - `iat`", time("exp").saturating_sub(time("iat")), EXPIRATION);
        self.holds((1..=time("iat")).contains(&time("nbf")), || {
            format!("`nbf` is after `iat`: {claims}")
        });
        let expires_in = body["expires_in"].as_u64().unwrap_or_default();
        self.holds((LEAST_LIFE..=EXPIRATION).contains(&expires_in), || {
            format!("`expires_in` is {expires_in}")
        });
        let issued_at = Timestamp::from_seconds(time("exp").saturating_sub(expires_in)).to_string();
        self.equal("`issued_at`", body["issued_at"].clone(), json!(issued_at));
    }
}

/// `access` of scopes in canonical form.
fn access(scopes: &str) -> Value {
    let entries = scopes.split(' ').filter(|scope| !scope.is_empty()).map(|scope| {
        let (kind, rest) = scope.split_once(':').expect("a scope has a type");
        let (name, actions) = rest.rsplit_once(':').expect("a scope has actions");
        let actions: Vec<&str> = actions.split(',').filter(|action| !action.is_empty()).collect();
        json!({"type": kind, "name": name, "actions": actions})
    });
    entries.collect()
}

/// The scopes of which something was granted.
fn without_empty(scopes: &str) -> String {
    let granted = scopes
        .split(' ')
        .filter(|scope| !scope.is_empty() && !scope.ends_with(':'));
    granted.collect::<Vec<_>>().join(" ")
}

fn body(answer: &Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn token(answer: &Response) -> Option<String> {
    body(answer)["token"].as_str().map(str::to_owned)
}

fn part(part: &str) -> Value {
    let json = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_default()
}

fn names(value: &Value) -> BTreeSet<String> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The text with the members that `pattern` finds named, and not told.
fn varying(pattern: &str, text: &str) -> String {
    let pattern = Regex::new(pattern).expect("the pattern is ours");
    pattern.replace_all(text, r#""$key":[$key]"#).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Response {
            status,
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn answers_that_differ_in_time_alone_are_equal_and_others_are_not() {
        let at = |second: u64, sub: &str| {
            let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{second},"sub":"{sub}","jti":"{second:032x}"}}"#));
            let body = format!(r#"{{"token":"e30.{claims}.c2ln","expires_in":{second},"issued_at":"{second}"}}"#);
            let date = second.to_string();
            canonical(&answer(
                200,
                &[("date", &date), ("pragma", "no-cache"), ("x-envoy-a", &date)],
                &body,
            ))
        };
        assert_eq!(at(1, "ada"), at(2, "ada"));
        assert_ne!(at(1, "ada"), at(1, "bob"));
        assert_eq!(
            at(1, "ada"),
            "200\npragma: no-cache\n{\"token\":[token],\"expires_in\":[expires_in],\"issued_at\":[issued_at]}\n{}\n\
             {\"exp\":[exp],\"sub\":\"ada\",\"jti\":[jti]}"
        );
        let refused = |headers: &[(&str, &str)]| canonical(&answer(405, headers, "{}"));
        assert_ne!(refused(&[("allow", "GET")]), refused(&[("allow", "POST")]));
    }

    #[test]
    fn every_difference_from_the_promise_is_told() {
        let refused = Refused {
            status: 401,
            code: "UNAUTHORIZED".to_owned(),
            says: "failed".to_owned(),
        };
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("pragma", "no-cache"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            ("www-authenticate", CHALLENGE),
        ];
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"it failed","detail":null}]}"#;
        let told = |answer: &Response| faults(Promise::Error(&refused), false, answer);
        assert!(told(&answer(401, &headers, body)).is_empty());
        assert_eq!(told(&answer(401, &headers[..4], body)).len(), 1);
        assert_eq!(told(&answer(400, &headers, body)).len(), 2);
        assert_eq!(told(&answer(401, &headers, &body.replace("failed", "worked"))).len(), 1);
        assert_eq!(told(&answer(401, &headers, "<html>")).len(), 5);
    }

    #[test]
    fn access_is_written_as_scopes() {
        let scopes = "repository:host:5000/a:pull,push registry:catalog: repository::pull";
        assert_eq!(
            access(scopes),
            json!([
                {"type": "repository", "name": "host:5000/a", "actions": ["pull", "push"]},
                {"type": "registry", "name": "catalog", "actions": []},
                {"type": "repository", "name": "", "actions": ["pull"]},
            ])
        );
        assert_eq!(
            without_empty(scopes),
            "repository:host:5000/a:pull,push repository::pull"
        );
    }
}
