use std::path::Path;

use axum::extract::Extension;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::StatusCode;
use registry_auth_core::config::{Node, Section, Sources, server as config};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::listen::{Filter, Listen, Listener, Token};
use crate::testdata::{Authority, Pair};

const LOOPBACK: &str = "127.0.0.1:0";
const GET: &[u8] = b"GET /name HTTP/1.1\r\nhost: a\r\n\r\n";

/// Short enough to be waited for, where nothing that a test sends must come in time.
const SHORT: Duration = Duration::from_millis(100);

/// Routes that tell who answers, who asks, what was sent; and one that waits.
fn routes(name: &'static str, release: &watch::Sender<bool>) -> Router {
    let release = release.subscribe();
    Router::new()
        .route("/name", get(move || async move { name }))
        .route(
            "/peer",
            get(|Extension(peer): Extension<Peer>| async move { format!("{peer:?}") }),
        )
        .route(
            "/names",
            get(|Extension(names): Extension<PeerNames>| async move { names.0.join(",") }),
        )
        .route(
            "/body",
            post(|body: axum::body::Body| async move {
                match read_body(body, 64 * 1024).await {
                    Ok(bytes) => bytes.len().to_string().into_response(),
                    Err(BodyFault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
                    Err(BodyFault::TooSlow) => StatusCode::REQUEST_TIMEOUT.into_response(),
                    Err(BodyFault::Broken(_)) => StatusCode::BAD_REQUEST.into_response(),
                }
            }),
        )
        .route(
            "/wait",
            get(move || {
                let mut release = release.clone();
                async move {
                    let _ = release.wait_for(|is_released| *is_released).await;
                    "released"
                }
            }),
        )
}

fn endpoint(address: &str, limits: Limits) -> Endpoint {
    named("token", address, limits, &watch::Sender::new(false))
}

fn named(name: &'static str, address: &str, limits: Limits, release: &watch::Sender<bool>) -> Endpoint {
    Endpoint {
        name,
        listener: Listener {
            address: Address::parse(address).unwrap(),
            tls: None,
        },
        router: routes(name, release),
        limits,
    }
}

async fn started(endpoints: Vec<Endpoint>) -> Server {
    let mut server = Server::new(Metrics::new());
    let opened = server.open(endpoints).await.unwrap();
    server.install(opened);
    server
}

fn port(server: &Server) -> SocketAddr {
    match server.bound().remove(0).1 {
        Bound::Tcp(address) => address,
        Bound::Unix(path) => panic!("{path:?}"),
    }
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(port(server)).await.unwrap()
}

/// Sends, and reads one answer.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    answer(stream).await
}

/// Reads one answer with a length; what there is, if the connection ends before.
async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut text = Vec::new();
    loop {
        let so_far = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = so_far.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return so_far;
            }
        }
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => text.extend_from_slice(&buffer[..count]),
            _ => return so_far,
        }
    }
}

/// Whether the other side has ended the connection, having said nothing.
async fn is_ended<S: AsyncRead + Unpin>(stream: &mut S) -> bool {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    rest.is_empty()
}

/// Waits until a line stands among the metrics.
async fn counted(server: &Server, line: &str) {
    while !server.metrics.text().lines().any(|have| have == line) {
        tokio::task::yield_now().await;
    }
}

async fn open_connections(server: &Server, count: usize) {
    counted(
        server,
        &format!("registry_auth_connections{{listener=\"token\"}} {count}"),
    )
    .await;
}

#[tokio::test]
async fn requests_are_answered_one_after_another_on_one_connection_and_know_their_peer() {
    let server = started(vec![endpoint(LOOPBACK, Limits::CLIENTS)]).await;
    let mut stream = connect(&server).await;
    assert!(ask(&mut stream, GET).await.ends_with("\r\n\r\ntoken"));
    let peer = ask(&mut stream, b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(
        peer.ends_with(&format!("Tcp({})", stream.local_addr().unwrap())),
        "{peer}"
    );
}

#[tokio::test]
async fn http2_is_spoken_without_asking_first() {
    let server = started(vec![endpoint(LOOPBACK, Limits::CLIENTS)]).await;
    let stream = connect(&server).await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), hyper_util::rt::TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..3 {
        let request = http::Request::get("http://a/name")
            .body(axum::body::Body::empty())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    // A stop tells the client, who then ends the connection.
    assert_eq!(server.stop(Duration::from_mins(1)).await, Stopped::Finished);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_sends_nothing_or_half_a_head_or_idles_is_ended() {
    let limits = Limits {
        first_byte: SHORT,
        head: SHORT,
        ..Limits::CLIENTS
    };
    let server = started(vec![endpoint(LOOPBACK, limits)]).await;
    assert!(is_ended(&mut connect(&server).await).await, "nothing");
    for half in [b"GET / HTTP/1.1\r\nhost:".as_slice(), b"PRI * HTTP/2.0"] {
        let mut stream = connect(&server).await;
        stream.write_all(half).await.unwrap();
        assert!(is_ended(&mut stream).await, "half a head");
    }
    counted(
        &server,
        "registry_auth_connections_ended_total{listener=\"token\",reason=\"slow\"} 3",
    )
    .await;
    let limits = Limits {
        idle: SHORT,
        ..Limits::CLIENTS
    };
    let server = started(vec![endpoint(LOOPBACK, limits)]).await;
    let mut stream = connect(&server).await;
    ask(&mut stream, GET).await;
    assert!(is_ended(&mut stream).await, "idle");
    counted(
        &server,
        "registry_auth_connections_ended_total{listener=\"token\",reason=\"idle\"} 1",
    )
    .await;
}

#[tokio::test]
async fn a_slow_body_is_408_and_a_long_one_413_and_who_waits_for_neither_is_served() {
    let limits = Limits {
        body: Duration::from_secs(1),
        ..Limits::CLIENTS
    };
    let server = started(vec![endpoint(LOOPBACK, limits)]).await;
    let mut slow = connect(&server).await;
    slow.write_all(b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n123")
        .await
        .unwrap();
    let mut other = connect(&server).await;
    assert!(ask(&mut other, GET).await.contains("200 OK"));
    assert!(answer(&mut slow).await.starts_with("HTTP/1.1 408"));
    let announced = b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 65537\r\n\r\n";
    assert!(
        ask(&mut connect(&server).await, announced)
            .await
            .starts_with("HTTP/1.1 413")
    );
    let mut chunked = b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n10001\r\n".to_vec();
    chunked.extend(std::iter::repeat_n(b'x', 0x10001));
    chunked.extend(b"\r\n0\r\n\r\n");
    assert!(
        ask(&mut connect(&server).await, &chunked)
            .await
            .starts_with("HTTP/1.1 413")
    );
    let whole = b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n12345";
    assert!(ask(&mut connect(&server).await, whole).await.ends_with("\r\n\r\n5"));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_431() {
    let server = started(vec![endpoint(LOOPBACK, Limits::CLIENTS)]).await;
    let long = format!("GET /name HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(70_000));
    let mut stream = connect(&server).await;
    // It is cut off before all of it is taken.
    let _ = stream.write_all(long.as_bytes()).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 431"));
    let many = format!("GET /name HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    assert!(
        ask(&mut connect(&server).await, many.as_bytes())
            .await
            .starts_with("HTTP/1.1 431")
    );
}

#[tokio::test]
async fn an_answer_that_takes_too_long_ends_the_connection() {
    let release = watch::Sender::new(false);
    let limits = Limits {
        exchange: SHORT,
        ..Limits::CLIENTS
    };
    let server = started(vec![named("token", LOOPBACK, limits, &release)]).await;
    let mut stream = connect(&server).await;
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    assert!(is_ended(&mut stream).await);
    counted(
        &server,
        "registry_auth_connections_ended_total{listener=\"token\",reason=\"stuck\"} 1",
    )
    .await;
}

#[tokio::test]
async fn beyond_the_most_connections_the_one_that_waits_longest_ends() {
    let release = watch::Sender::new(false);
    let limits = Limits {
        connections: 3,
        ..Limits::CLIENTS
    };
    let server = started(vec![named("token", LOOPBACK, limits, &release)]).await;
    let mut working = connect(&server).await;
    working
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    open_connections(&server, 1).await;
    let mut oldest = connect(&server).await;
    oldest.write_all(b"GET /na").await.unwrap();
    open_connections(&server, 2).await;
    let mut idle = connect(&server).await;
    assert!(ask(&mut idle, GET).await.contains("200 OK"));
    assert!(ask(&mut connect(&server).await, GET).await.contains("200 OK"));
    assert!(is_ended(&mut oldest).await);
    assert!(ask(&mut idle, GET).await.contains("200 OK"));
    release.send_replace(true);
    assert!(answer(&mut working).await.ends_with("released"));
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_accepts_nobody() {
    let release = watch::Sender::new(false);
    let server = started(vec![named("token", LOOPBACK, Limits::CLIENTS, &release)]).await;
    let address = port(&server);
    let mut idle = connect(&server).await;
    ask(&mut idle, GET).await;
    let mut working = connect(&server).await;
    working
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    while release.receiver_count() < 2 {
        tokio::task::yield_now().await;
    }
    let stop = tokio::spawn(server.stop(Duration::from_mins(1)));
    assert!(is_ended(&mut idle).await);
    while TcpStream::connect(address).await.is_ok() {}
    release.send_replace(true);
    let answer = answer(&mut working).await;
    assert!(
        answer.contains("connection: close") && answer.ends_with("released"),
        "{answer}"
    );
    assert_eq!(stop.await.unwrap(), Stopped::Finished);
}

#[tokio::test]
async fn a_stop_ends_within_its_bound() {
    let release = watch::Sender::new(false);
    let server = started(vec![named("token", LOOPBACK, Limits::CLIENTS, &release)]).await;
    let mut working = connect(&server).await;
    working
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut half = connect(&server).await;
    ask(&mut half, GET).await;
    half.write_all(b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n1")
        .await
        .unwrap();
    open_connections(&server, 2).await;
    assert!(matches!(
        server.stop(Duration::from_millis(50)).await,
        Stopped::CutOff(1..=2)
    ));
    assert!(is_ended(&mut working).await);
}

#[tokio::test]
async fn a_listener_that_stays_keeps_its_connections_and_one_that_goes_finishes_its_own() {
    let release = watch::Sender::new(false);
    let mut server = started(vec![named("token", LOOPBACK, Limits::CLIENTS, &release)]).await;
    let before = port(&server);
    let mut kept = connect(&server).await;
    ask(&mut kept, GET).await;
    let opened = server
        .open(vec![named("token", LOOPBACK, Limits::CLIENTS, &release)])
        .await
        .unwrap();
    server.install(opened);
    assert_eq!(port(&server), before);
    assert!(ask(&mut kept, GET).await.contains("200 OK"));
    kept.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    while release.receiver_count() < 3 {
        tokio::task::yield_now().await;
    }

    let opened = server
        .open(vec![named("token", "localhost:0", Limits::CLIENTS, &release)])
        .await
        .unwrap();
    assert!(
        TcpStream::connect(before).await.is_ok(),
        "the old one accepts until the new one counts"
    );
    server.install(opened);
    assert!(ask(&mut connect(&server).await, GET).await.contains("200 OK"));
    while TcpStream::connect(before).await.is_ok() {}
    release.send_replace(true);
    assert!(answer(&mut kept).await.ends_with("released"));
    assert!(is_ended(&mut kept).await);
}

#[tokio::test]
async fn the_same_port_moves_between_all_addresses_and_one() {
    let number = std::net::TcpListener::bind(LOOPBACK)
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (all, one) = (format!(":{number}"), format!("127.0.0.1:{number}"));
    let mut server = started(vec![endpoint(&all, Limits::CLIENTS)]).await;
    for address in [&one, &all, &one] {
        let opened = server.open(vec![endpoint(address, Limits::CLIENTS)]).await.unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", number)).await.unwrap();
        server.install(opened);
        assert!(
            ask(&mut stream, GET).await.contains("200 OK"),
            "connected before {address} counted"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", number)).await.unwrap();
        assert!(ask(&mut stream, GET).await.contains("200 OK"), "{address}");
        let second = std::net::TcpListener::bind(("127.0.0.1", number));
        assert!(second.is_err(), "another program gets no part of it");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_opened_changes_nothing() {
    let mut server = started(vec![endpoint(LOOPBACK, Limits::CLIENTS)]).await;
    let taken = std::net::TcpListener::bind(LOOPBACK).unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let held = std::net::TcpListener::bind(&taken);
    let release = watch::Sender::new(false);
    let both = vec![
        named("token", "localhost:0", Limits::CLIENTS, &release),
        named("admin", "unix:/nowhere/a.sock", Limits::ADMIN, &release),
    ];
    let error = server.open(both).await.unwrap_err();
    assert_eq!(error.to_string(), "admin: cannot listen at `unix:/nowhere/a.sock`");
    assert!(ask(&mut connect(&server).await, GET).await.contains("200 OK"));
    let twice = vec![
        named("token", "unix:/a", Limits::CLIENTS, &release),
        named("admin", "/a", Limits::ADMIN, &release),
    ];
    let error = server.open(twice).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "admin: `unix:/a` is token's already; give each its own"
    );
    drop(held);
    let opened = server.open(Vec::new()).await.unwrap();
    server.install(opened);
    assert!(server.bound().is_empty());
}

fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn at_socket(path: &Path, mode: u32) -> Endpoint {
    let mut endpoint = endpoint(LOOPBACK, Limits::FILTER);
    endpoint.listener.address = Address::Unix {
        path: path.to_owned(),
        mode: Some(mode),
    };
    endpoint
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_takes_an_old_ones_place_and_goes_with_its_listener() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("filter.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut server = started(vec![at_socket(&path, 0o600)]).await;
    assert_eq!(mode_of(&path), 0o600);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let peer = ask(&mut stream, b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(peer.ends_with("\r\n\r\nUnix"));
    let opened = server.open(vec![at_socket(&path, 0o660)]).await.unwrap();
    server.install(opened);
    assert_eq!(mode_of(&path), 0o660);
    assert!(ask(&mut stream, GET).await.contains("200 OK"), "the connection is kept");
    assert_eq!(server.stop(Duration::from_mins(1)).await, Stopped::Finished);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth_config.yml");
    std::fs::write(&path, "users: {}").unwrap();
    let server = Server::new(Metrics::new());
    let error = server.open(vec![at_socket(&path, 0o600)]).await.unwrap_err();
    assert!(error.to_string().contains("no socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "users: {}");
}

#[tokio::test]
async fn a_socket_that_another_program_has_put_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("filter.sock");
    let old = started(vec![at_socket(&path, 0o600)]).await;
    let new = started(vec![at_socket(&path, 0o600)]).await;
    old.stop(Duration::from_mins(1)).await;
    let mut stream = UnixStream::connect(&path).await.unwrap();
    assert!(ask(&mut stream, GET).await.contains("200 OK"));
    new.stop(Duration::from_mins(1)).await;
}

fn token_tls(pair: &Pair) -> Listener {
    let server = config::Server {
        certificate: Some(pair.certificate.clone()),
        key: Some(Secret::new(pair.key.clone())),
        ..config::Server::default()
    };
    let mut problems = Problems::default();
    let section = Section::open(Node::Map(Vec::new()), Place::root(), &mut problems).unwrap();
    let at = Listen::At(Address::parse(LOOPBACK).unwrap());
    Token::read(section, &server, &at, &mut problems)
        .unwrap()
        .listener
        .unwrap()
}

fn filter_tls(authority: &Authority, server: &Pair, names: &[&str]) -> Listener {
    let text = |text: &str| Node::Text(text.to_owned());
    let map =
        |pairs: Vec<(&str, Node)>| Node::Map(pairs.into_iter().map(|(key, node)| (key.to_owned(), node)).collect());
    let tls = map(vec![
        ("certificate", text(&server.certificate)),
        ("key", text(&server.key)),
        ("client_ca", text(&authority.pem())),
        (
            "client_names",
            Node::List(names.iter().map(|name| text(name)).collect()),
        ),
    ]);
    let node = map(vec![("listen", text(LOOPBACK)), ("tls", tls)]);
    let mut problems = Problems::default();
    let section = Section::open(node, Place::root(), &mut problems).unwrap();
    let sources = Sources {
        environment: &|_| None,
        files: Some(&|_| Err("no file".to_owned())),
    };
    let filter = Filter::read(section, sources, &mut problems);
    assert!(!problems.is_refusal(), "{problems}");
    filter.unwrap().listener
}

/// What a client trusts and shows.
fn connector(authority: &Authority, client: Option<&Pair>, protocol: &[u8]) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(pair) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn encrypted(
    server: &Server,
    name: &'static str,
    connector: &TlsConnector,
) -> std::io::Result<TlsStream<TcpStream>> {
    connector
        .connect(ServerName::try_from(name).unwrap(), connect(server).await)
        .await
}

fn with_listener(listener: Listener) -> Vec<Endpoint> {
    vec![Endpoint {
        listener,
        ..endpoint(LOOPBACK, Limits::CLIENTS)
    }]
}

#[tokio::test]
async fn a_new_certificate_counts_for_new_handshakes_and_the_listener_stays() {
    let authority = Authority::new();
    let mut server = started(with_listener(token_tls(&authority.sign("old.example")))).await;
    let before = port(&server);
    let client = connector(&authority, None, b"http/1.1");
    let mut old = encrypted(&server, "old.example", &client).await.unwrap();
    assert!(ask(&mut old, GET).await.contains("200 OK"));
    let opened = server
        .open(with_listener(token_tls(&authority.sign("new.example"))))
        .await
        .unwrap();
    server.install(opened);
    assert_eq!(port(&server), before);
    assert!(encrypted(&server, "old.example", &client).await.is_err());
    let mut new = encrypted(&server, "new.example", &client).await.unwrap();
    assert!(ask(&mut new, GET).await.contains("200 OK"));
    assert!(
        ask(&mut old, GET).await.contains("200 OK"),
        "the old connection is kept"
    );
}

#[tokio::test]
async fn http2_is_agreed_on_in_the_handshake() {
    let authority = Authority::new();
    let server = started(with_listener(token_tls(&authority.sign("a.example")))).await;
    let stream = encrypted(&server, "a.example", &connector(&authority, None, b"h2"))
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("https://a.example/name")
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_ended() {
    let authority = Authority::new();
    let mut endpoints = with_listener(token_tls(&authority.sign("a.example")));
    endpoints[0].limits.first_byte = SHORT;
    let server = started(endpoints).await;
    let mut stream = connect(&server).await;
    stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    assert!(is_ended(&mut stream).await);
}

/// Whether `client` gets an answer. With TLS 1.3 it learns of a refusal when it reads.
async fn gets_in(server: &Server, authority: &Authority, client: Option<&Pair>) -> Option<String> {
    let mut stream = encrypted(server, "sidecar.mesh", &connector(authority, client, b"http/1.1"))
        .await
        .ok()?;
    stream.write_all(b"GET /names HTTP/1.1\r\nhost: a\r\n\r\n").await.ok()?;
    let text = answer(&mut stream).await;
    text.split_once("\r\n\r\n").map(|(_, names)| names.to_owned())
}

#[tokio::test]
async fn only_a_client_with_a_pinned_name_gets_in() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let pair = authority.sign("sidecar.mesh");
    let server = started(with_listener(filter_tls(
        &authority,
        &pair,
        &["envoy.mesh", "edge.mesh"],
    )))
    .await;
    for name in ["envoy.mesh", "EDGE.mesh"] {
        let client = authority.sign(name);
        assert_eq!(gets_in(&server, &authority, Some(&client)).await.as_deref(), Some(name));
    }
    for name in ["other.mesh", "*.mesh", "envoy.mesh.example"] {
        let client = authority.sign(name);
        assert_eq!(gets_in(&server, &authority, Some(&client)).await, None, "{name}");
    }
    let foreign = stranger.sign("envoy.mesh");
    assert_eq!(
        gets_in(&server, &authority, Some(&foreign)).await,
        None,
        "of another authority"
    );
    assert_eq!(gets_in(&server, &authority, None).await, None, "without a certificate");
}

#[tokio::test]
async fn a_client_that_is_pinned_no_more_is_ended() {
    let authority = Authority::new();
    let pair = authority.sign("sidecar.mesh");
    let mut server = started(with_listener(filter_tls(&authority, &pair, &["envoy.mesh"]))).await;
    let envoy = authority.sign("envoy.mesh");
    let client = connector(&authority, Some(&envoy), b"http/1.1");
    let mut stream = encrypted(&server, "sidecar.mesh", &client).await.unwrap();
    assert!(ask(&mut stream, GET).await.contains("200 OK"));
    let opened = server
        .open(with_listener(filter_tls(&authority, &pair, &["edge.mesh"])))
        .await
        .unwrap();
    server.install(opened);
    assert!(is_ended(&mut stream).await);
    assert_eq!(gets_in(&server, &authority, Some(&envoy)).await, None);
}

#[test]
fn few_open_files_mean_few_connections() {
    assert_eq!(Limits::CLIENTS.within(1_024).connections, 512);
    assert_eq!(
        Limits::CLIENTS.within(u64::MAX).connections,
        Limits::CLIENTS.connections
    );
    assert!(raise_open_files() > 0);
}
