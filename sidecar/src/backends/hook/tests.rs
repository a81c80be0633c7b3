use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use registry_auth_core::account::Account;
use registry_auth_core::config::Node;
use registry_auth_core::problem::Place;
use registry_auth_core::scope::Scope;
use registry_auth_core::service::Service;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::lock::held;

/// A hook. What it answers stands in the path that it is asked at: `/STATUS/BODY`, or `/never`.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

/// What the hook was asked.
#[derive(Debug)]
struct Seen {
    head: http::request::Parts,
    body: String,
}

impl Server {
    async fn start(tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let (connections, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, note) = (Arc::clone(&connections), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let note = Arc::clone(&note);
                let service = service_fn(move |request| answer(request, Arc::clone(&note)));
                let tls = tls.clone();
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    match tls {
                        None => drop(builder.serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            drop(builder.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                });
            }
        });
        Self {
            address,
            connections,
            seen,
            task,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: http::Request<hyper::body::Incoming>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = head.uri.path().to_owned();
    let body = String::from_utf8(body.to_vec()).unwrap();
    held(&seen).push(Seen { head, body });
    if path == "/never" {
        std::future::pending::<()>().await;
    }
    let (status, body) = path.trim_start_matches('/').split_once('/').unwrap();
    let body = match body {
        "huge" => "x".repeat(1_000_000),
        body => percent_decoded(body),
    };
    let response = http::Response::builder().status(status).header("location", "/200/");
    Ok(response.body(Full::from(body)).unwrap())
}

fn percent_decoded(text: &str) -> String {
    let text = text.replace("%7B", "{").replace("%7D", "}").replace("%22", "\"");
    text.replace("%20", " ").replace("%5B", "[").replace("%5D", "]")
}

const NO_FILES: [(&str, &str); 0] = [];

fn opened<T>(
    section: &Value,
    files: &[(&str, &str)],
    open: impl FnOnce(Section, Sources<'_>, &mut Problems) -> Option<T>,
) -> (Option<T>, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_value(section.clone()).unwrap();
    let section = Section::open(node, Place::root().key("hook"), &mut problems).unwrap();
    let files: HashMap<&str, &str> = files.iter().copied().collect();
    let file = |path: &str| match files.get(path) {
        Some(content) => Ok(Secret::new((*content).to_owned())),
        None => Err("there is none".to_owned()),
    };
    let sources = Sources {
        environment: &|_| None,
        files: Some(&file),
    };
    (open(section, sources, &mut problems), problems)
}

#[track_caller]
fn authenticator(section: &Value, files: &[(&str, &str)]) -> HookAuthenticator {
    let (opened, problems) = opened(section, files, HookAuthenticator::open);
    opened.unwrap_or_else(|| panic!("{problems}"))
}

fn far() -> Instant {
    Instant::now().checked_add(Duration::from_mins(1)).unwrap()
}

async fn login(backend: &HookAuthenticator, password: &[u8]) -> Result<Outcome, String> {
    let login = Login {
        account: &Account::parse("ada").unwrap(),
        password: &Secret::new(password.to_vec()),
        service: &Service::parse("registry").unwrap(),
        address: [192, 0, 2, 7].into(),
    };
    let answer = backend.authenticate(login, far()).await;
    answer.map_err(|error| error.to_string())
}

async fn login_at(url: &str) -> Result<Outcome, String> {
    login(&authenticator(&json!({ "url": url }), &NO_FILES), b"secret").await
}

async fn access_at(url: &str) -> Result<Ruling, String> {
    let (backend, problems) = opened(&json!({ "url": url }), &NO_FILES, HookAuthorizer::open);
    let backend = backend.unwrap_or_else(|| panic!("{problems}"));
    let access = Access {
        identity: &Identity {
            account: Account::parse("ada").unwrap(),
            ..Identity::default()
        },
        service: &Service::parse("registry").unwrap(),
        address: [192, 0, 2, 7].into(),
        scope: &Scope::parse("repository:team/app:push,pull").unwrap(),
    };
    let ruling = backend.authorize(access, far()).await;
    ruling.map_err(|error| error.to_string())
}

fn accepted(labels: &[(&str, &[&str])], are: LabelsArePatterns) -> Outcome {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let labels = labels.iter().map(|(name, values)| ((*name).to_owned(), texts(values)));
    Outcome::Accept(Identity {
        account: Account::parse("ada").unwrap(),
        labels: Labels::new(labels.collect(), are),
    })
}

#[tokio::test]
async fn the_status_is_the_answer_and_redirects_are_not_followed() {
    let server = Server::start(None).await;
    let none = LabelsArePatterns::None;
    assert_eq!(login_at(&server.url("/200/")).await, Ok(accepted(&[], none)));
    assert_eq!(
        login_at(&server.url(r#"/200/{"labels":{"teams":["a"]}}"#)).await,
        Ok(accepted(&[("teams", &["a"])], none))
    );
    assert_eq!(
        login_at(&server.url("/401/no")).await,
        Ok(Outcome::Deny(Denial::default()))
    );
    assert_eq!(
        login_at(&server.url("/403/")).await,
        Ok(Outcome::Deny(Denial::default()))
    );
    assert_eq!(login_at(&server.url("/404/huge")).await, Ok(Outcome::NoMatch));
    let asked = held(&server.seen).len();
    for status in [201, 204, 301, 302, 307, 308, 400, 429, 500, 503] {
        let error = login_at(&server.url(&format!("/{status}/"))).await.unwrap_err();
        let expected = format!(
            "http_auth: `{}` answered with status {status}",
            server.url(&format!("/{status}/"))
        );
        assert!(error.starts_with(&expected), "{error}");
    }
    assert_eq!(held(&server.seen).len(), asked + 10);
}

#[tokio::test]
async fn a_login_is_posted_as_json_with_the_token_of_the_hook() {
    let server = Server::start(None).await;
    let section = json!({"url": server.url("/200/?key=hidden"), "bearer_token_file": "token",
        "labels_are_patterns": "regex"});
    let backend = authenticator(&section, &[("token", " t0ken\n")]);
    assert_eq!(
        login(&backend, b"a \"b\"").await,
        Ok(accepted(&[], LabelsArePatterns::Regex))
    );
    let seen = held(&server.seen).remove(0);
    assert_eq!(
        seen.body,
        r#"{"Account":"ada","Password":"a \"b\"","Service":"registry","IP":"192.0.2.7"}"#
    );
    assert_eq!(
        (seen.head.method.as_str(), seen.head.uri.query()),
        ("POST", Some("key=hidden"))
    );
    assert_eq!(seen.head.headers["authorization"], "Bearer t0ken");
    assert_eq!(seen.head.headers["content-type"], "application/json");
    for secret in ["t0ken", "hidden"] {
        let text = format!("{backend:?}");
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_password_that_is_no_text_is_denied_without_asking() {
    let server = Server::start(None).await;
    let backend = authenticator(&json!({"url": server.url("/200/")}), &NO_FILES);
    assert_eq!(login(&backend, b"\xff").await, Ok(Outcome::Deny(Denial::default())));
    assert_eq!(held(&server.seen).len(), 0);
}

#[tokio::test]
async fn an_authorizer_grants_what_it_names_of_what_was_asked() {
    let server = Server::start(None).await;
    let grant = |actions: &[&str]| Ok(Ruling::Grant(actions.iter().copied().collect()));
    assert_eq!(
        access_at(&server.url(r#"/200/{"actions":["pull","delete","*"]}"#)).await,
        grant(&["pull"])
    );
    assert_eq!(access_at(&server.url(r#"/200/{"actions":[]}"#)).await, grant(&[]));
    assert_eq!(access_at(&server.url("/403/")).await, grant(&[]));
    assert_eq!(access_at(&server.url("/404/")).await, Ok(Ruling::NoMatch));
    assert!(access_at(&server.url("/401/")).await.is_err());
    for body in ["", "{}", "huge", r#"{"actions":"pull"}"#] {
        let error = access_at(&server.url(&format!("/200/{body}"))).await.unwrap_err();
        assert!(error.contains(" sent an answer "), "{error}");
    }
    assert_eq!(
        held(&server.seen)[0].body,
        r#"{"Account":"ada","Type":"repository","Name":"team/app","Service":"registry","IP":"192.0.2.7","Actions":["pull","push"],"Labels":null}"#
    );
}

#[tokio::test]
async fn a_body_that_is_nonsense_or_too_long_is_an_error() {
    let server = Server::start(None).await;
    let error = login_at(&server.url("/200/huge")).await.unwrap_err();
    assert!(error.ends_with(" sent an answer of more than 65536 bytes"), "{error}");
    let error = login_at(&server.url("/200/welcome")).await.unwrap_err();
    assert!(error.contains(" sent an answer that is not JSON: "), "{error}");
}

#[tokio::test]
async fn a_hook_that_is_slow_closes_or_is_not_there_is_an_error() {
    let server = Server::start(None).await;
    let mut backend = authenticator(&json!({"url": server.url("/never")}), &NO_FILES);
    backend.hook.limits.timeout = Duration::from_millis(200);
    let error = login(&backend, b"").await.unwrap_err();
    assert!(
        error.ends_with(" did not answer within 200 ms; see `timeout`"),
        "{error}"
    );

    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a?key=hidden", closing.local_addr().unwrap());
    let (error, ()) = tokio::join!(login_at(&url), async {
        drop(closing.accept().await.unwrap());
    });
    let error = error.unwrap_err();
    assert!(
        error.contains(" could not be asked: ") && !error.contains("hidden"),
        "{error}"
    );

    drop(closing);
    let error = login_at(&url).await.unwrap_err();
    assert!(error.contains("refused") && !error.contains("hidden"), "{error}");
}

#[tokio::test]
async fn connections_are_used_again_whatever_was_answered() {
    let server = Server::start(None).await;
    for path in ["/200/", "/401/no", "/404/"] {
        let before = server.connections.load(Ordering::Relaxed);
        let backend = authenticator(&json!({"url": server.url(path)}), &NO_FILES);
        for _ in 0..10 {
            assert!(login(&backend, b"secret").await.is_ok());
        }
        assert_eq!(server.connections.load(Ordering::Relaxed), before + 1, "{path}");
    }
}

#[tokio::test]
async fn so_many_are_asked_at_once_and_who_leaves_makes_room() {
    let server = Server::start(None).await;
    let section = json!({"url": server.url("/never"), "parallel": 1});
    let backend = Arc::new(authenticator(&section, &NO_FILES));
    let ask = || {
        let backend = Arc::clone(&backend);
        tokio::spawn(async move { login(&backend, b"").await })
    };
    let asking: Vec<_> = (0..5).map(|_| ask()).collect();
    tokio::task::yield_now().await;
    let error = ask().await.unwrap().unwrap_err();
    assert!(
        error.ends_with(" was not asked: 1 run and 4 wait already; see `parallel`"),
        "{error}"
    );
    for asked in asking {
        asked.abort();
        assert!(asked.await.is_err());
    }
    assert!(backend.hook.limits.gate.turn(far()).await.is_ok());
}

/// An authority, and a certificate of it for 127.0.0.1.
struct Authority {
    pem: String,
    server: ServerConfig,
}

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = rcgen::Issuer::new(params, key);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { pem, server }
    }
}

#[tokio::test]
async fn over_tls_the_hook_must_be_certified_by_the_authority_that_is_named() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Server::start(Some(ours.server)).await;
    let url = format!("https://{}/200/", server.address);
    let section = json!({"url": url, "tls": {"ca_certificate": "ca.pem"}});
    let both = format!("{}{}", other.pem, ours.pem);
    for pem in [&ours.pem, &both] {
        let backend = authenticator(&section, &[("ca.pem", pem.as_str())]);
        for _ in 0..3 {
            assert!(matches!(login(&backend, b"").await, Ok(Outcome::Accept(_))));
        }
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
    assert_eq!(held(&server.seen)[0].head.version, http::Version::HTTP_2);

    let asked = held(&server.seen).len();
    let backend = authenticator(&section, &[("ca.pem", other.pem.as_str())]);
    let error = login(&backend, b"").await.unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
    assert_eq!(held(&server.seen).len(), asked);
}

#[test]
fn what_is_wrong_with_a_hook_is_told_in_its_place() {
    let problems_of = |section: Value, files: &[(&str, &str)]| {
        let (_, problems) = opened(&section, files, HookAuthenticator::open);
        problems
    };
    let wrong = [
        (
            json!({}),
            "hook.url: is missing; write where the hook is, as `https://host/path`",
        ),
        (
            json!({"url": "hook"}),
            "hook.url: must begin with `https://` or `http://`",
        ),
        (
            json!({"url": "ftp://a/"}),
            "hook.url: must begin with `https://` or `http://`",
        ),
        (
            json!({"url": "https://a:b@c/"}),
            "hook.url: must not hold a name or a password; use `bearer_token_file`",
        ),
        (
            json!({"url": "http://127.0.0.1/", "tls": {}}),
            "hook.tls: is for `https://` addresses only",
        ),
        (
            json!({"url": "https://a/", "tls": {"ca_certificate": "none"}}),
            "hook.tls.ca_certificate: cannot read `none`: there is none",
        ),
        (
            json!({"url": "https://a/", "tls": {"ca_certificate": "empty"}}),
            "hook.tls.ca_certificate: `empty` holds no certificate",
        ),
        (
            json!({"url": "http://127.0.0.1/", "bearer_token_file": "empty"}),
            "hook.bearer_token_file: `empty` holds no token, which is one line",
        ),
        (
            json!({"url": "http://127.0.0.1/", "bearer_token_file": "lines"}),
            "hook.bearer_token_file: `lines` holds no token, which is one line",
        ),
        (
            json!({"url": "http://127.0.0.1/", "time_out": "1s"}),
            "hook.time_out: unknown key; did you mean `timeout`?",
        ),
    ];
    for (section, expected) in wrong {
        let problems = problems_of(section, &[("empty", " \n"), ("lines", "a\nb")]);
        assert_eq!(problems.to_string(), expected);
    }
    for (url, warns) in [
        ("http://127.0.0.1:80/", false),
        ("http://[::1]/", false),
        ("http://localhost/", false),
        ("http://hook.example/", true),
        ("http://192.0.2.1/", true),
    ] {
        let problems = problems_of(json!({ "url": url }), &NO_FILES);
        assert_eq!(!problems.warnings().is_empty(), warns, "{url}");
    }
}
