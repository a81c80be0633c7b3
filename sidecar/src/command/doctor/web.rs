//! How a client reaches registry and token server: one exchange at a time, bounded in time and size.

use std::error::Error as _;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use registry_auth_core::secret::Secret;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url, redirect, retry};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// How long a name, a connection, and a whole exchange may take: clients are not more patient.
const CONNECT: Duration = Duration::from_secs(5);
const EXCHANGE: Duration = Duration::from_secs(10);
/// What an answer may have.
const MOST_BYTES: usize = 256 * 1024;
/// As many redirects as Go's client follows, which most registry clients are.
const REDIRECTS: usize = 10;

/// Asks.
pub(super) struct Web {
    http: reqwest::Client,
}

/// What is answered.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Where it was, after redirects.
    pub(super) url: Url,
}

/// What goes with a request and stands in no text.
pub(super) enum Proof {
    None,
    Basic(Secret<String>),
    Bearer(Secret<String>),
}

/// Why nothing was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// The name has no address.
    NoName(String),
    /// Nobody listens.
    Refused(String),
    /// Too slow.
    Slow(&'static str),
    /// The certificate is not trusted, for this reason.
    Certificate(CertificateFault),
    /// It speaks HTTP where TLS is expected.
    NoTls,
    /// It breaks the connection off, as what expects TLS does.
    Broken(String),
    /// A redirect from `https` to `http`.
    Downgrade(String),
    /// More than [`MOST_BYTES`].
    TooLong,
    /// Anything else.
    Other(String),
}

/// What is wrong with a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CertificateFault {
    UnknownIssuer,
    OtherName,
    Expired,
    NotYet,
    Other(String),
}

/// Why there is nobody who could ask.
#[derive(Debug, Error)]
pub enum WebError {
    /// The file of `--cacert`.
    #[error("`--cacert {path}`: {what}")]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The client cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

impl Web {
    /// A client that trusts the system's authorities, and those of the file `authorities`.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, WebError> {
        let mut roots = RootCertStore::empty();
        // None at all may do: for loopback without TLS, or with a file.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = authorities {
            add(path, &mut roots).map_err(|what| WebError::Authorities {
                path: path.to_owned(),
                what,
            })?;
        }
        let provider = Arc::new(ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| WebError::Tls(error.to_string()))?;
        let mut tls = versions.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("registry-auth/", env!("CARGO_PKG_VERSION"), " (doctor)"))
            .redirect(redirect::Policy::custom(follow))
            .retry(retry::never())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(EXCHANGE)
            // Each step is to meet what a new client meets.
            .pool_max_idle_per_host(0)
            .build();
        let http = http.map_err(|error| WebError::Tls(error.to_string()))?;
        Ok(Self { http })
    }

    pub(super) async fn get(&self, url: &Url, proof: &Proof) -> Result<Answered, Unreachable> {
        self.send(self.http.get(url.clone()), proof).await
    }

    /// Posts a form.
    pub(super) async fn post(&self, url: &Url, form: Secret<String>) -> Result<Answered, Unreachable> {
        let request = self
            .http
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Bytes::from_owner(Wiped(form))), &Proof::None)
            .await
    }

    async fn send(&self, request: reqwest::RequestBuilder, proof: &Proof) -> Result<Answered, Unreachable> {
        let request = match proof.header() {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        };
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let (status, headers, url) = (response.status(), response.headers().clone(), response.url().clone());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if body.len().saturating_add(piece.len()) > MOST_BYTES {
                return Err(Unreachable::TooLong);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answered {
            status,
            headers,
            body,
            url,
        })
    }
}

impl Answered {
    /// All challenges, joined to none.
    pub(super) fn challenges(&self) -> impl Iterator<Item = &str> {
        self.headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// When it was answered, by the clock over there, in seconds since the epoch.
    pub(super) fn date(&self) -> Option<u64> {
        let date = httpdate::parse_http_date(self.header(DATE.as_str())).ok()?;
        date.duration_since(std::time::UNIX_EPOCH)
            .ok()
            .map(|since| since.as_secs())
    }

    /// The body as JSON; null if it is none.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Proof {
    /// Basic, of a name and a password.
    pub(super) fn basic(account: &str, password: &Secret<Vec<u8>>) -> Self {
        let mut pair = Secret::new(account.as_bytes().to_vec());
        pair.expose_mut().push(b':');
        pair.expose_mut().extend_from_slice(password.expose());
        Self::Basic(Secret::new(STANDARD.encode(pair.expose())))
    }

    fn header(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::None => return None,
            Self::Basic(pair) => Secret::new(format!("Basic {}", pair.expose())),
            Self::Bearer(token) => Secret::new(format!("Bearer {}", token.expose())),
        };
        let mut value = HeaderValue::from_str(text.expose()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The addresses that the host of `url` has.
pub(super) async fn addresses(url: &Url) -> Result<Vec<IpAddr>, Unreachable> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let found = timeout(CONNECT, lookup_host((host.as_str(), port))).await;
    let found = found.map_err(|_| Unreachable::Slow("the name server does not answer"))?;
    let found = found.map_err(|error| Unreachable::NoName(error.to_string()))?;
    let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
    addresses.dedup();
    Ok(addresses)
}

/// A pair of a form, encoded.
pub(super) fn form_pair(form: &mut Secret<String>, name: &str, value: &[u8]) {
    let form = form.expose_mut();
    if !form.is_empty() {
        form.push('&');
    }
    form.push_str(name);
    form.push('=');
    for byte in value {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => form.push(char::from(*byte)),
            other => {
                let _ = write!(form, "%{other:02X}");
            }
        }
    }
}

/// A body that is wiped once it is sent.
struct Wiped(Secret<String>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// As Go follows, but never from `https` to `http`: what goes along would be sent in clear.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().last().map(Url::scheme);
    if from == Some("https") && attempt.url().scheme() == "http" {
        let to = attempt.url().to_string();
        return attempt.error(Downgraded(to));
    }
    if attempt.previous().len() > REDIRECTS {
        return attempt.error(TooMany);
    }
    attempt.follow()
}

#[derive(Debug, Error)]
#[error("redirected to `{0}`")]
struct Downgraded(String);

#[derive(Debug, Error)]
#[error("redirected more than {REDIRECTS} times")]
struct TooMany;

/// Why an exchange came to nothing, out of all the errors that stand one inside the other.
fn unreachable(error: &reqwest::Error) -> Unreachable {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<Downgraded>() {
            return Unreachable::Downgrade(error.0.clone());
        }
        if let Some(found) = of_tls(inner) {
            return found;
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return Unreachable::Refused(io.to_string());
        }
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let innermost = causes
        .last()
        .cloned()
        .unwrap_or_else(|| "no reason is given".to_owned());
    if error.is_timeout() {
        return Unreachable::Slow(if error.is_connect() {
            "no connection comes about"
        } else {
            "no answer comes"
        });
    }
    if error.is_connect() || error.is_request() {
        return Unreachable::Broken(innermost);
    }
    Unreachable::Other(innermost)
}

/// What TLS says, which an I/O error may hold in itself.
fn of_tls(error: &(dyn std::error::Error + 'static)) -> Option<Unreachable> {
    // Its `source` would pass over what it holds itself, which may be another one.
    if let Some(within) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        return of_tls(within);
    }
    Some(match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Unreachable::NoTls,
        rustls::Error::InvalidCertificate(fault) => Unreachable::Certificate(match fault {
            CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                CertificateFault::OtherName
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateFault::NotYet,
            other => CertificateFault::Other(other.to_string()),
        }),
        other => Unreachable::Other(format!("TLS: {other}")),
    })
}

fn add(path: &Path, roots: &mut RootCertStore) -> Result<(), String> {
    let pem = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("is no list of certificates: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err("holds no certificate; it must be PEM".to_owned())
    }
}
