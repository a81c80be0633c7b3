use registry_auth_core::config::{Node, Sources};
use registry_auth_core::secret::Secret;

use super::*;
use crate::testdata::{Authority, Pair};

/// The section `name` as written in JSON, whose texts are read as YAML's plain words.
fn section(name: &'static str, json: &str) -> Section {
    let node: Node = serde_json::from_str(json).unwrap();
    let root = Node::Map(vec![(name.to_owned(), plain(node))]);
    let mut problems = Problems::default();
    let mut root = Section::open(root, Place::root(), &mut problems).unwrap();
    root.section(name, &mut problems).unwrap()
}

fn plain(node: Node) -> Node {
    match node {
        Node::Text(text) => Node::Plain(text),
        Node::List(list) => Node::List(list.into_iter().map(plain).collect()),
        Node::Map(map) => Node::Map(map.into_iter().map(|(key, node)| (key, plain(node))).collect()),
        other => other,
    }
}

/// Errors and warnings, one a line.
fn told(problems: &Problems) -> String {
    let errors = problems.errors().iter().map(|problem| format!("error: {problem}"));
    let warnings = problems.warnings().iter().map(|problem| format!("warning: {problem}"));
    errors.chain(warnings).collect::<Vec<_>>().join("\n")
}

fn token_of(json: &str, server: &server::Server, listen: &Listen) -> (Option<Token>, String) {
    let mut problems = Problems::default();
    let token = Token::read(section("server", json), server, listen, &mut problems);
    (token, told(&problems))
}

fn token(json: &str) -> (Option<Token>, String) {
    token_of(json, &server::Server::default(), &Listen::AsConfigured)
}

fn with_pair(pair: &Pair) -> server::Server {
    server::Server {
        certificate: Some(pair.certificate.clone()),
        key: Some(Secret::new(pair.key.clone())),
        ..server::Server::default()
    }
}

fn files(path: &str) -> Result<Secret<String>, String> {
    match path {
        "/secret" => Ok("0123456789abcdef\n"),
        "/short" => Ok("0123456789\n"),
        "/two-lines" => Ok("0123456789abcdef\n0123456789abcdef\n"),
        _ => Err("no such file"),
    }
    .map(|text| Secret::new(text.to_owned()))
    .map_err(str::to_owned)
}

fn filter(json: &str) -> (Option<Filter>, String) {
    let sources = Sources {
        environment: &|_| None,
        files: Some(&files),
    };
    let mut problems = Problems::default();
    let filter = Filter::read(section("filter", json), sources, &mut problems);
    (filter, told(&problems))
}

#[test]
fn docker_auths_addresses_are_taken() {
    for (json, address) in [
        (r#"{"addr": ":5001"}"#, ":5001"),
        (r#"{"addr": "127.0.0.1:5001", "net": "tcp"}"#, "127.0.0.1:5001"),
        (r#"{"addr": "/run/auth.sock", "net": "unix"}"#, "unix:/run/auth.sock"),
    ] {
        let (token, problems) = token(json);
        assert_eq!(problems, "", "{json}");
        let listener = token.unwrap().listener.unwrap();
        assert_eq!(listener.address.to_string(), address);
        assert!(listener.tls.is_none());
    }
}

#[test]
fn the_command_line_overrides_the_address() {
    let server = server::Server::default();
    let at = Listen::At(Address::parse(":1").unwrap());
    let (token, problems) = token_of(r#"{"addr": ":5001"}"#, &server, &at);
    assert_eq!(
        (
            token.unwrap().listener.unwrap().address.to_string().as_str(),
            problems.as_str()
        ),
        (":1", "")
    );
    let (token, problems) = token_of("{}", &server, &Listen::Nowhere);
    assert!(token.unwrap().listener.is_none());
    assert_eq!(problems, "");
}

#[test]
fn faults_of_the_listener_are_told_with_their_place() {
    let mut all = Vec::new();
    for json in [
        "{}",
        r#"{"addr": "5001"}"#,
        r#"{"addr": ":5001", "net": "udp"}"#,
        r#"{"addr": ":5001", "letsencrypt": {"email": "a@example.com"}}"#,
        r#"{"addr": ":5001", "trusted_proxies": ["10.0.0.0/8", "proxy"]}"#,
        r#"{"addr": ":5001", "adr": "x"}"#,
        r#"{"addr": ":5001", "tls_min_version": "TLS12"}"#,
        r#"{"addr": ":5001", "tls_min_version": "TLS14"}"#,
    ] {
        all.push(format!("{json}\n{}", token(json).1));
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn tls_is_on_with_certificate_and_key_that_fit() {
    let authority = Authority::new();
    let (pair, other) = (authority.sign("auth.example"), authority.sign("auth.example"));
    let json = r#"{"addr": ":5001"}"#;
    let (token, problems) = token_of(json, &with_pair(&pair), &Listen::AsConfigured);
    assert_eq!(problems, "");
    let tls = token.unwrap().listener.unwrap().tls.unwrap();
    assert_eq!(tls.config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    let wrong = [
        with_pair(&Pair {
            certificate: pair.certificate.clone(),
            key: other.key,
        }),
        server::Server {
            key: None,
            ..with_pair(&pair)
        },
        server::Server {
            certificate: None,
            ..with_pair(&pair)
        },
        with_pair(&Pair {
            certificate: "no PEM".to_owned(),
            key: pair.key.clone(),
        }),
        with_pair(&Pair {
            certificate: pair.certificate.clone(),
            key: "hunter2".to_owned(),
        }),
    ];
    let told: Vec<String> = wrong
        .iter()
        .map(|server| token_of(json, server, &Listen::AsConfigured).1)
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn gos_names_and_numbers_choose_versions_curves_and_suites() {
    let pair = Authority::new().sign("auth.example");
    let server = with_pair(&pair);
    let mut all = Vec::new();
    for keys in [
        r#""tls_min_version": "TLS10""#,
        r#""tls_min_version": "0x0302""#,
        r#""tls_min_version": "TLS13""#,
        r#""tls_min_version": "0x0304", "tls_cipher_suites": ["TLS_AES_128_GCM_SHA256"]"#,
        r#""tls_curve_preferences": ["P521", "P256", "29", "P256"]"#,
        r#""tls_curve_preferences": ["P521"]"#,
        r#""tls_curve_preferences": ["p256"]"#,
        r#""tls_cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "0xc02f", "0xc014", "TLS_RSA_WITH_RC4_128_SHA"]"#,
        r#""tls_cipher_suites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]"#,
        r#""tls_cipher_suites": ["TLS_AES_128_GCM_SHA256"]"#,
        r#""tls_cipher_suites": ["ECDHE-RSA-AES128-GCM-SHA256", "0x1_0"]"#,
    ] {
        let json = format!(r#"{{"addr": ":5001", {keys}}}"#);
        let (token, problems) = token_of(&json, &server, &Listen::AsConfigured);
        let tls = token.and_then(|token| token.listener).and_then(|listener| listener.tls);
        let provider = tls.as_ref().map(|tls| tls.config.crypto_provider());
        let suites = provider.map_or(0, |provider| provider.cipher_suites.len());
        let curves: Vec<String> = provider
            .map(|provider| {
                provider
                    .kx_groups
                    .iter()
                    .map(|group| format!("{:?}", group.name()))
                    .collect()
            })
            .unwrap_or_default();
        all.push(format!(
            "{keys}\n{suites} suites, curves {}\n{problems}",
            curves.join(" ")
        ));
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn the_filter_listens_behind_a_mode_a_secret_or_mutual_tls() {
    let (socket, problems) = filter(r#"{"listen": "unix:/run/f.sock"}"#);
    let socket = socket.unwrap();
    assert_eq!(problems, "");
    assert!(matches!(
        socket.listener.address,
        Address::Unix { mode: Some(0o600), .. }
    ));
    for mode in ["0660", "660", "0o660"] {
        let (socket, problems) = filter(&format!(r#"{{"listen": "/run/f.sock", "socket_mode": "{mode}"}}"#));
        assert_eq!(problems, "");
        let address = socket.unwrap().listener.address;
        assert!(matches!(address, Address::Unix { mode: Some(0o660), .. }), "{mode}");
    }
    let (loopback, problems) = filter(r#"{"listen": "127.0.0.1:9001", "secret_file": "/secret"}"#);
    assert_eq!(problems, "");
    assert!(loopback.unwrap().secret.is_some());
}

#[test]
fn every_unguarded_way_to_the_filters_calls_is_refused() {
    let mut all = Vec::new();
    for json in [
        "{}",
        r#"{"listen": "127.0.0.1:9001"}"#,
        r#"{"listen": ":9001", "secret_file": "/secret"}"#,
        r#"{"listen": "10.0.0.1:9001", "plaintext": true}"#,
        r#"{"listen": "10.0.0.1:9001", "plaintext": true, "secret_file": "/secret"}"#,
        r#"{"listen": "10.0.0.1:9001", "tls": {}}"#,
        r#"{"listen": "10.0.0.1:9001", "tls": {"client_names": ["*.mesh"]}, "plaintext": true}"#,
        r#"{"listen": "unix:/a", "plaintext": true, "socket_mode": "0666"}"#,
        r#"{"listen": "unix:/a", "socket_mode": "0400"}"#,
        r#"{"listen": "unix:/a", "socket_mode": "rw"}"#,
        r#"{"listen": "unix:/a", "secret_file": "/short"}"#,
        r#"{"listen": "unix:/a", "secret_file": "/two-lines"}"#,
        r#"{"listen": "127.0.0.1:1", "secret_file": "/none"}"#,
    ] {
        all.push(format!("{json}\n{}", filter(json).1));
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn a_call_is_admitted_with_the_secret_and_nothing_else() {
    let (filter, _) = filter(r#"{"listen": "unix:/a", "secret_file": "/secret"}"#);
    let secret = filter.unwrap().secret.unwrap();
    let with = |values: &[&str]| {
        let mut headers = http::HeaderMap::new();
        for value in values {
            headers.append(registry_auth_core::wire::SECRET_HEADER, value.parse().unwrap());
        }
        headers
    };
    assert!(secret.admits(&with(&["0123456789abcdef"])));
    for values in [
        &[][..],
        &["0123456789abcdeX"],
        &["0123456789abcdef0"],
        &[""],
        &["0123456789abcdef"; 2],
    ] {
        assert!(!secret.admits(&with(values)), "{values:?}");
    }
    assert!(!format!("{secret:?}").contains("0123456789"));
}

#[test]
fn the_admin_listener_is_an_address() {
    let mut problems = Problems::default();
    let admin = Admin::read(section("admin", r#"{"listen": "127.0.0.1:9002"}"#), &mut problems);
    assert_eq!(admin.unwrap().listener.address.to_string(), "127.0.0.1:9002");
    assert!(Admin::read(section("admin", r#"{"listen": 9002}"#), &mut problems).is_none());
    insta::assert_snapshot!(told(&problems));
}
