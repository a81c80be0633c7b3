//! Requests for tokens as data, for every server that answers them: the filter in Envoy, and the sidecar by itself and
//! behind Envoy.
//!
//! - [`all`] reads `requests/*.toml`: requests, and what each is answered.
//! - [`site`] is the one configuration that they are made for, `requests/site.json`.
//! - [`Case::send`] asks a server, [`Case::faults`] says in what an answer differs from the promise, and
//!   [`canonical`] makes answers comparable with each other.
//!
//! In those files `<<text*count>>` stands for the text so many times, and `#` in it for 0, 1, 2 and so on.

mod answer;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

pub use answer::canonical;

use crate::http::raw::{self, Connection};
use crate::http::{self, Response};
use crate::keys;

/// A request and what it is answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is promised, as a sentence.
    pub name: String,
    /// Method and target: `GET /token?service=registry`.
    pub request: String,
    /// Name and password for HTTP Basic.
    basic: Option<(String, String)>,
    /// More headers, as they are sent.
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// A body of type `application/x-www-form-urlencoded`, percent-encoded already.
    form: Option<String>,
    /// A body of the type that `headers` say.
    body: Option<String>,
    /// The body is sent in chunks and nothing tells its length.
    #[serde(default)]
    chunked: bool,
    token: Option<Granted>,
    error: Option<Refused>,
    /// The status of an answer that has no body.
    bare: Option<u16>,
    /// Members of an answer that is neither a token nor an error.
    json: Option<Map<String, Value>>,
    /// The name of the file without its ending.
    #[serde(skip)]
    pub file: String,
}

/// A token, and what it says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// `""` for the anonymous account.
    pub sub: String,
    #[serde(default = "registry")]
    pub aud: String,
    /// The entries in their order, written as scopes: `repository:a:pull,push repository:b:`.
    pub access: String,
}

/// An error in the registries' form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    pub status: u16,
    pub code: String,
    /// A part of the message.
    #[serde(default)]
    pub says: String,
}

/// What a case promises.
#[derive(Clone, Copy, Debug)]
pub enum Promise<'a> {
    Token(&'a Granted),
    Error(&'a Refused),
    Bare(u16),
    Json(&'a Map<String, Value>),
}

/// Every case, file by file.
#[track_caller]
pub fn all() -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder of requests")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    let cases = files.iter().flat_map(|path| {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let read = read(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        let file = path.file_stem().expect("a file has a name").to_string_lossy();
        read.into_iter().map(move |case| Case {
            file: file.to_string(),
            ..case
        })
    });
    cases.collect()
}

/// The configuration, which both the filter and the sidecar take.
#[track_caller]
pub fn site() -> Value {
    let path = folder().join("site.json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut site: Value = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    site["token"]["key"] = keys::ES256.into();
    site
}

impl Case {
    pub fn promise(&self) -> Promise<'_> {
        let error = self.error.as_ref().map(Promise::Error);
        let token = self.token.as_ref().map(Promise::Token);
        let bare = self.bare.map(Promise::Bare);
        let json = self.json.as_ref().map(Promise::Json);
        error
            .or(token)
            .or(bare)
            .or(json)
            .expect("it was looked for when it was read")
    }

    pub fn method(&self) -> &str {
        self.request.split(' ').next().unwrap_or_default()
    }

    fn target(&self) -> &str {
        self.request.split(' ').nth(1).unwrap_or_default()
    }

    /// Sends it to the server on this port of loopback, over a connection of its own; `None` if that is closed without
    /// an answer.
    #[track_caller]
    pub fn send(&self, port: u16) -> Option<Response> {
        let body = self.form.as_ref().or(self.body.as_ref()).map(String::as_bytes);
        let (basic, length);
        let mut headers: Vec<(&str, &str)> = Vec::new();
        if let Some((account, password)) = &self.basic {
            basic = http::basic(account, password);
            headers.push(("authorization", &basic));
        }
        if self.method() == "HEAD" {
            headers.push(("connection", "close"));
        }
        if self.form.is_some() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        match body {
            Some(_) if self.chunked => headers.push(("transfer-encoding", "chunked")),
            Some(body) => {
                length = body.len().to_string();
                headers.push(("content-length", &length));
            }
            None => {}
        }
        let head = raw::head(self.method(), self.target(), &headers);
        let mut connection = Connection::open(port);
        connection.send(head.as_bytes());
        match body {
            Some(body) if self.chunked => {
                body.chunks(1_000).for_each(|piece| connection.send_chunk(piece));
                connection.send_last_chunk();
            }
            Some(body) => connection.send(body),
            None => {}
        }
        if self.method() == "HEAD" {
            connection.answer_to_head()
        } else {
            connection.answer()
        }
    }

    /// In what the answer is not as promised; nothing if it is.
    pub fn faults(&self, answer: &Response) -> Vec<String> {
        answer::faults(self.promise(), self.method() == "POST", answer)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

fn read(text: &str) -> Result<Vec<Case>, String> {
    let File { cases } = toml::from_str(&expand(text)).map_err(|error| error.to_string())?;
    for case in &cases {
        let promises = [
            case.token.is_some(),
            case.error.is_some(),
            case.bare.is_some(),
            case.json.is_some(),
        ];
        if promises.iter().filter(|there| **there).count() != 1 {
            return Err(format!("`{}` promises not one thing", case.name));
        }
        if case.request.split(' ').count() != 2 {
            return Err(format!("the request of `{}` is not a method and a target", case.name));
        }
        if case.form.is_some() && case.body.is_some() {
            return Err(format!("`{}` has two bodies", case.name));
        }
    }
    Ok(cases)
}

/// Puts the text so many times in the place of `<<text*count>>`.
fn expand(text: &str) -> String {
    let mut pieces = text.split("<<");
    let mut expanded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let repeated = piece.split_once(">>").and_then(|(inner, rest)| {
            let (text, count) = inner.rsplit_once('*')?;
            let count: usize = count.parse().ok()?;
            let copies = (0..count).map(|number| text.replace('#', &number.to_string()));
            Some((copies.collect::<String>(), rest))
        });
        let (repeated, rest) = repeated.unwrap_or_else(|| panic!("not of the form <<text*count>>: {piece}"));
        expanded += &repeated;
        expanded += rest;
    }
    expanded
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("requests")
}

fn registry() -> String {
    "registry".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_repeated_and_numbered() {
        assert_eq!(expand("a<<x*3>>b<<r#:*2>>"), "axxxbr0:r1:");
        assert_eq!(expand("nothing"), "nothing");
    }

    #[test]
    fn a_case_that_cannot_be_meant_is_not_read() {
        let case = |rest: &str| read(&format!("[[case]]\nname = 'n'\n{rest}")).map(|cases| cases.len());
        assert_eq!(case("request = 'GET /token'\nbare = 200"), Ok(1));
        for broken in [
            "request = 'GET /token'",
            "request = 'GET /token'\nbare = 200\njson = {}",
            "request = 'GET /a b'\nbare = 200",
            "request = 'GET /token'\nbare = 200\nunknown = 1",
            "request = 'POST /token'\nform = ''\nbody = ''\nbare = 200",
            "request = 'GET /token'\ntoken = { sub = '', access = '', unknown = 1 }",
        ] {
            assert!(case(broken).is_err(), "{broken}");
        }
    }
}
