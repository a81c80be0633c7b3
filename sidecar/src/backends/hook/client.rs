//! How a hook is reached: its address, whom we take for it, what it takes us for, and one exchange.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use super::super::{MAX_ANSWER_BYTES, is_loopback, required_text, tls};
use crate::backend::Fault;

/// How long a connection that nobody uses is kept: less than the five seconds after which Node.js closes one, so that no
/// question meets its end.
const IDLE: Duration = Duration::from_secs(4);

/// Reaches one hook.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    /// The address without its query, where some put a secret.
    shown: String,
}

/// What a hook answers.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    /// `None` if it is longer than [`MAX_ANSWER_BYTES`].
    pub(super) body: Option<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[error("could not be asked: {}", Causes(.error))]
pub(super) struct Unreachable {
    pub(super) fault: Fault,
    error: reqwest::Error,
}

impl Client {
    /// Reads `url`, `tls` and `bearer_token_file`.
    pub(super) fn read(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let url = read_url(section, problems);
        let tls = section.section("tls", problems);
        let is_https = url.as_ref().map(|url| url.scheme() == "https");
        let tls = match (tls, is_https) {
            (Some(tls), Some(false)) => {
                problems.error(tls.place(), "is for `https://` addresses only");
                None
            }
            (Some(tls), _) => with_tls(tls, sources, problems),
            (None, Some(true)) => with_roots_of_the_system(&section.place_of("tls"), problems),
            (None, _) => configured(RootCertStore::empty(), &section.place_of("url"), problems),
        };
        let headers = read_token(section, sources, problems);
        let (url, tls, headers) = (url?, tls?, headers?);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .default_headers(headers)
            .user_agent(concat!("registry-auth/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // An answer that is lost may have been counted there as one try of a password.
            .retry(retry::never())
            // What goes here holds passwords: it goes where the configuration says, whatever the environment says.
            .no_proxy()
            .pool_idle_timeout(IDLE)
            .build();
        let client = client.map_err(|error| Causes(&error).to_string());
        Some(Self {
            http: problems.keep(section.place(), client)?,
            shown: shown(&url),
            url,
        })
    }

    /// The address, for logs.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Asks once.
    pub(super) async fn post(&self, question: Secret<Vec<u8>>) -> Result<Response, Unreachable> {
        let request = self.http.post(self.url.clone());
        let request = request.body(Bytes::from_owner(Wiped(question)));
        let sent = request.send().await.map_err(|error| {
            // A hook that falls over one account closes the connection, and answers others.
            let fault = if error.is_connect() {
                Fault::Unreached
            } else {
                Fault::Silent
            };
            Unreachable::new(fault, error)
        });
        let mut response = sent?;
        let status = response.status();
        let mut body = Vec::new();
        let broken_off = |error| Unreachable::new(Fault::Useless, error);
        while let Some(piece) = response.chunk().await.map_err(broken_off)? {
            if body.len().saturating_add(piece.len()) > MAX_ANSWER_BYTES {
                return Ok(Response { status, body: None });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Response {
            status,
            body: Some(body),
        })
    }
}

impl Unreachable {
    fn new(fault: Fault, error: reqwest::Error) -> Self {
        let error = error.without_url();
        Self { fault, error }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.shown)
    }
}

/// A question that is wiped once it is sent.
struct Wiped(Secret<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// An error with all that caused it, of which reqwest tells the outermost alone.
struct Causes<'a>(&'a reqwest::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn read_url(section: &mut Section, problems: &mut Problems) -> Option<Url> {
    let place = section.place_of("url");
    let text = required_text(
        section,
        "url",
        "write where the hook is, as `https://host/path`",
        problems,
    )?;
    if !text.starts_with("https://") && !text.starts_with("http://") {
        problems.error(&place, "must begin with `https://` or `http://`");
        return None;
    }
    let url = problems.keep(
        &place,
        Url::parse(&text).map_err(|error| format!("is no address: {error}")),
    )?;
    if !url.username().is_empty() || url.password().is_some() {
        problems.error(&place, "must not hold a name or a password; use `bearer_token_file`");
        return None;
    }
    if url.scheme() == "http" && !is_loopback(url.host_str().unwrap_or_default()) {
        problems.warn(&place, "sends passwords in clear over the network; use `https://`");
    }
    Some(url)
}

fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// What goes with each question, the token of `bearer_token_file` among it.
fn read_token(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<HeaderMap> {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::from_iter([(ACCEPT, JSON), (CONTENT_TYPE, JSON)]);
    let place = section.place_of("bearer_token_file");
    let Some(path) = section.text("bearer_token_file", problems) else {
        return Some(headers);
    };
    let token = sources.file(&path, &place, problems)?;
    let token = token.expose().trim();
    let value = Secret::new(format!("Bearer {token}"));
    let value = HeaderValue::from_str(value.expose()).ok();
    let Some(mut value) = value.filter(|_| !token.is_empty()) else {
        problems.error(&place, format_args!("`{path}` holds no token, which is one line"));
        return None;
    };
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Some(headers)
}

/// `tls`: whom to take for the hook.
fn with_tls(mut tls: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<ClientConfig> {
    let place = tls.place_of("ca_certificate");
    let path = tls.text("ca_certificate", problems);
    let whole = tls.place().clone();
    tls.finish(problems);
    let Some(path) = path else {
        return with_roots_of_the_system(&whole, problems);
    };
    let roots = tls::roots_in_file(&path, &place, sources, problems)?;
    configured(roots, &place, problems)
}

fn with_roots_of_the_system(place: &Place, problems: &mut Problems) -> Option<ClientConfig> {
    let roots = tls::roots_of_the_system(place, "tls.ca_certificate", problems)?;
    configured(roots, place, problems)
}

fn configured(roots: RootCertStore, place: &Place, problems: &mut Problems) -> Option<ClientConfig> {
    let mut config = tls::configured(roots, place, problems)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Some(config)
}
