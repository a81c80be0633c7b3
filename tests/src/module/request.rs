//! What a client sends and what it gets back.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Module;
use super::stream::{Standing, Stream, StreamState};
use super::wire::Header;

/// A request, before it is sent. The connection manager's own headers (`:authority`, `:scheme`, `x-request-id`,
/// `x-forwarded-proto`) are added when it is.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: String,
    path: String,
    headers: Vec<Header>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) properties: BTreeMap<String, Vec<u8>>,
}

impl Request {
    /// A request by any method; `path` with its query.
    pub fn new(method: &str, path: &str) -> Self {
        let request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
            properties: BTreeMap::new(),
        };
        request.source("127.0.0.1:40000")
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// One more header line; a value may be any bytes but line breaks and NUL, as Envoy lets through.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    /// `Authorization: Basic`.
    #[must_use]
    pub fn basic(self, account: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{account}:{password}"));
        self.header("authorization", format!("Basic {credentials}"))
    }

    /// `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// A form as the body, with its content type.
    #[must_use]
    pub fn form(self, form: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(form)
    }

    /// A body, with its length as a header.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        let length = body.as_ref().len().to_string();
        self.body = Some(body.as_ref().to_vec());
        self.header("content-length", length)
    }

    /// Who sends it, address and port: the property `source.address`.
    #[must_use]
    pub fn source(self, address: &str) -> Self {
        self.property("source.address", address)
    }

    /// A property, its path joined by dots. Numbers are eight bytes, lowest first.
    #[must_use]
    pub fn property(mut self, path: &str, value: impl AsRef<[u8]>) -> Self {
        self.properties.insert(path.to_owned(), value.as_ref().to_vec());
        self
    }

    /// Whether the header callback is told that nothing follows, when the body is sent step by step.
    pub(super) fn bodyless(&self) -> bool {
        !matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")
    }

    /// The header lines as the filter sees them; what the test set stands.
    pub(super) fn lines(&self, id: u32) -> Vec<Header> {
        let given = |name: &str| self.headers.iter().any(|(key, _)| key == name);
        let mut lines = vec![
            (":method".to_owned(), self.method.clone().into_bytes()),
            (":path".to_owned(), self.path.clone().into_bytes()),
        ];
        let request_id = format!("00000000-0000-4000-8000-{id:012x}");
        let defaults = [
            (":authority", "registry.example"),
            (":scheme", "http"),
            ("x-forwarded-proto", "http"),
            ("x-request-id", &request_id),
        ];
        for (name, value) in defaults.into_iter().filter(|(name, _)| !given(name)) {
            lines.push((name.to_owned(), value.as_bytes().to_vec()));
        }
        lines.extend(self.headers.iter().cloned());
        lines
    }
}

impl StreamState {
    /// A property of the request, its path joined by dots.
    pub(super) fn property(&self, path: &str) -> Option<Vec<u8>> {
        if let Some(given) = self.properties.get(path) {
            return Some(given.clone());
        }
        let header = |name: &str| {
            self.request_headers
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        match path {
            "request.total_size" => Some(self.total_size.to_le_bytes().to_vec()),
            "request.id" => header("x-request-id"),
            "request.path" => header(":path"),
            "request.url_path" => header(":path").map(|path| path.split(|b| *b == b'?').next().unwrap_or(&[]).to_vec()),
            "request.method" => header(":method"),
            "request.host" => header(":authority"),
            "request.scheme" => header(":scheme"),
            "request.protocol" => Some(b"HTTP/1.1".to_vec()),
            "connection.mtls" => Some(vec![0]),
            _ => match path.strip_prefix("request.headers.") {
                Some(name) => header(name),
                None => self.filter_state.get(path).cloned(),
            },
        }
    }
}

/// What the client gets: a local reply of the filter, or what the upstream answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub status: u32,
    /// In order, without `:status`.
    pub headers: Vec<Header>,
    pub body: Vec<u8>,
    /// Envoy's `response_code_details`.
    pub details: String,
    pub(super) filter_state: BTreeMap<String, Vec<u8>>,
}

impl Reply {
    /// The value of the first line of that name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        let (_, value) = self.headers.iter().find(|(key, _)| *key == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the reply's body is text")
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let body = || String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in the reply `{}`", body()))
    }

    /// What the filter set as a property of the request: `%FILTER_STATE(wasm.NAME:PLAIN)%` of the access log.
    pub fn filter_state(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.filter_state.get(name)?).ok()
    }

    /// What Envoy adds to a local reply.
    pub(super) fn complete(&mut self) {
        if self.body.is_empty() {
            self.headers
                .retain(|(name, _)| name != "content-type" && name != "content-length");
            return;
        }
        let length = self.body.len().to_string().into_bytes();
        self.headers.retain(|(name, _)| name != "content-length");
        self.headers.push(("content-length".to_owned(), length));
        if !self.headers.iter().any(|(name, _)| name == "content-type") {
            self.headers.push(("content-type".to_owned(), b"text/plain".to_vec()));
        }
    }

    /// Why this cannot be sent as a local reply.
    pub(super) fn unsendable(&self) -> Option<String> {
        if !(200..600).contains(&self.status) {
            return Some(format!("status {}", self.status));
        }
        let broken = |bytes: &[u8]| bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        let bad = self
            .headers
            .iter()
            .find(|(name, value)| name.is_empty() || broken(name.as_bytes()) || broken(value));
        bad.map(|(name, _)| format!("a line break or NUL in header `{}`", name.escape_debug()))
    }
}

/// A request that was let go on, as the upstream sees it.
#[derive(Clone, Debug)]
pub struct Forwarded {
    pub headers: Vec<Header>,
}

impl Forwarded {
    /// The value of the first line of that name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// A request to one module, written from left to right: `module.get("/token").basic("ada", "pw").send()`.
#[must_use = "a request does nothing until it is sent"]
pub struct Call<'m> {
    pub(super) module: &'m mut Module,
    pub(super) request: Request,
}

macro_rules! same_as_request {
    ($($name:ident($($argument:ident: $kind:ty),+);)+) => {$(
        #[doc = concat!("As [`Request::", stringify!($name), "`].")]
        pub fn $name(self, $($argument: $kind),+) -> Self {
            Self { request: self.request.$name($($argument),+), ..self }
        }
    )+};
}

impl<'m> Call<'m> {
    same_as_request! {
        header(name: &str, value: impl AsRef<[u8]>);
        basic(account: &str, password: &str);
        bearer(token: &str);
        form(form: &str);
        body(body: impl AsRef<[u8]>);
        source(address: &str);
        property(path: &str, value: impl AsRef<[u8]>);
    }

    /// Sends all of it and gives the reply. Panics where the filter lets the request pass or still waits.
    #[track_caller]
    pub fn send(self) -> Reply {
        let (module, stream) = self.run();
        match module.standing(stream).0 {
            Standing::Replied(reply) => reply,
            other => panic!("no reply but {}; the log:\n{}", other.name(), module.log_text()),
        }
    }

    /// Sends all of it and gives what goes upstream, which answers 200. Panics where it does not go there.
    #[track_caller]
    pub fn pass(self) -> Forwarded {
        let (module, stream) = self.run();
        match module.standing(stream) {
            (Standing::Continued, headers) => {
                module.upstream(stream, 200, &[], b"");
                Forwarded { headers }
            }
            (other, _) => panic!("not let pass but {}; the log:\n{}", other.name(), module.log_text()),
        }
    }

    fn run(self) -> (&'m mut Module, Stream) {
        let nothing_follows = self.request.body.is_none();
        let stream = self.module.begin(self.request, nothing_follows);
        (self.module, stream)
    }

    /// As [`Module::open`].
    pub fn open(self) -> Stream {
        self.module.open(self.request)
    }
}
