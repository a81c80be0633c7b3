use proptest::prelude::*;

use super::*;
use crate::config::{Sources, server, token};
use crate::policy::Assembly;
use crate::time::Timestamp;

const KEY: &str = include_str!("../../token/testdata/p256.pem");
const CERTIFICATE: &str = include_str!("../../token/testdata/certificate/self_p256.pem");

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

/// All of a body, as one document.
fn read(body: &[u8], problems: &mut Problems) -> (Head, Document) {
    let mut lines = body.split(|byte| *byte == b'\n');
    let beginning = head(lines.next().unwrap()).unwrap();
    let mut document = settings(&beginning.settings, problems);
    let mut take = |count: Option<usize>| count.map(|count| lines.by_ref().take(count).collect::<Vec<_>>());
    let (users, rules) = (take(beginning.users), take(beginning.rules));
    assert_eq!(lines.next(), Some(&b""[..]), "each line has an end");
    assert_eq!(lines.next(), None);
    let users = users.map(|lines| {
        lines
            .into_iter()
            .enumerate()
            .map(|(i, line)| user(line, i, problems).unwrap())
            .collect()
    });
    let rules = rules.map(|lines| {
        lines
            .into_iter()
            .enumerate()
            .map(|(i, line)| rule(line, i, problems).unwrap())
            .collect()
    });
    (document.users, document.acl) = (users, rules);
    (beginning.head, document)
}

/// All that a document holds, secrets too.
fn shown(document: &Document) -> String {
    let key = document.token.as_ref().and_then(|token| token.key.as_ref());
    let passwords = document.users.iter().flatten().map(|user| user.password.as_ref());
    let secrets = passwords.chain([key]).map(|secret| secret.map(Secret::expose));
    format!("{document:#?} {:?}", secrets.collect::<Vec<_>>())
}

fn document(json: &serde_json::Value) -> Document {
    let mut problems = Problems::default();
    let node = serde_json::from_value(json.clone()).unwrap();
    let document = Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems);
    assert_eq!(problems.errors(), []);
    document
}

fn small() -> Document {
    document(&serde_json::json!({
        "token": {"issuer": "i", "key": KEY},
        "users": {"ada": {"password": format!("sha256:{}", "5a".repeat(32))}, "bob": {}},
        "acl": [{"match": {"account": "ada"}, "actions": ["*"]}, {"match": {}, "actions": [], "comment": "no"}],
    }))
}

fn text(written: &Written) -> String {
    String::from_utf8(written.body.expose().clone()).unwrap()
}

/// What is said of `body`.
#[track_caller]
fn refused(body: String) -> String {
    let assembly = Assembly::begin(Secret::new(body.into_bytes()), None, now());
    match assembly.map(Assembly::finish) {
        Err(error) => error.to_string(),
        Ok(Err(problems)) => problems.to_string(),
        Ok(Ok(_)) => panic!("it was taken"),
    }
}

proptest! {
    #[test]
    fn what_is_written_and_read_again_is_the_same_document(
        document in testdata::document(),
        accounts in any::<bool>(),
        scopes in any::<bool>(),
        generation in any::<u64>(),
    ) {
        let asks = Asks { accounts, scopes };
        let written = write(&document, asks, generation);
        let mut problems = Problems::default();
        let (head, found) = read(written.body.expose(), &mut problems);
        prop_assert_eq!(problems.errors(), []);
        prop_assert_eq!(shown(&found), shown(&document));
        prop_assert_eq!((head.asks, head.generation), (asks, generation));
        prop_assert_eq!(head.etag, written.etag);
        prop_assert_eq!(head.release, env!("CARGO_PKG_VERSION"));
        let lines = written.body.expose().split(|byte| *byte == b'\n').skip(1);
        for (line, user) in lines.zip(document.users.iter().flatten()) {
            let name = name_of_user(line);
            prop_assert_eq!(name.as_deref(), Some(user.name.as_str()));
        }
    }

    #[test]
    fn the_etag_is_that_of_the_content_alone(one in testdata::document(), other in testdata::document()) {
        let etag = |document, generation| write(document, Asks::default(), generation).etag;
        prop_assert_eq!(etag(&one, 1), etag(&one, 2));
        prop_assert_eq!(etag(&one, 1) == etag(&other, 1), shown(&one) == shown(&other));
    }

    #[test]
    fn any_bytes_are_refused_or_taken_and_never_more(mut body in Just(text(&write(&small(), Asks::default(), 7)).into_bytes()), at in any::<prop::sample::Index>(), byte: u8) {
        *at.get_mut(&mut body) = byte;
        let assembly = Assembly::begin(Secret::new(body), None, now());
        if let Ok(Err(problems)) = assembly.map(Assembly::finish) {
            prop_assert!(problems.is_refusal());
        }
    }
}

#[test]
fn a_key_of_the_server_and_what_stands_before_a_key_are_the_programs() {
    let mut document = small();
    document.server = server::Server {
        key: Some(Secret::new(format!("Bag Attributes\n{KEY}"))),
        certificate: Some(format!("Certificate:\n{CERTIFICATE}")),
        ..server::Server::default()
    };
    document.token = Some(token::Token {
        issuer: Some("i".to_owned()),
        ..token::Token::default()
    });
    let written = write(&document, Asks::default(), 1);
    let (_, found) = read(written.body.expose(), &mut Problems::default());
    let token = found.token.unwrap();
    assert!(token.key.unwrap().expose() == KEY);
    assert_eq!(token.certificate.unwrap(), CERTIFICATE);
    Assembly::begin(written.body, None, now()).unwrap().finish().unwrap();
}

#[test]
fn what_the_head_says_more_is_passed_over() {
    let body = text(&write(&small(), Asks::default(), 7));
    let body = body.replacen(r#"{"version":1,"#, r#"{"later":{"a":[1]},"version":1,"#, 1);
    let body = body.replacen(r#""asks":{"#, r#""asks":{"moods":true,"#, 1);
    let assembly = Assembly::begin(Secret::new(body.into_bytes()), None, now()).unwrap();
    assert_eq!(assembly.head().generation, 7);
    assembly.finish().unwrap();
}

#[test]
fn another_version_is_refused_whole() {
    let body = text(&write(&small(), Asks::default(), 7));
    for rest in ["", r#""settings":["#] {
        let body = body.replacen(r#"{"version":1,"#, &format!(r#"{{"version":2,{rest}"#), 1);
        // What does not read as JSON has no version either.
        let expected = if rest.is_empty() {
            "version 2 of the wire, and this filter reads version 1"
        } else {
            "does not begin"
        };
        assert!(refused(body).contains(expected));
    }
}

#[test]
fn a_word_that_is_not_known_is_named_with_the_release_that_knows_it() {
    let here = env!("CARGO_PKG_VERSION");
    let body = text(&write(&small(), Asks::default(), 7));
    let newer = body.replacen(&format!(r#""release":"{here}""#), r#""release":"9.9.0""#, 1);
    let releases = format!("; the configuration is of release 9.9.0, this filter of {here}");
    for (from, to, key) in [
        (
            r#"{"account":"ada"}"#,
            r#"{"account":"ada","ip_country":"AQ"}"#,
            "acl[0].match.ip_country: unknown key; ",
        ),
        (r#""comment":"no""#, r#""note":"no""#, "acl[1].note: unknown key; "),
        (
            r#"["bob",{}]"#,
            r#"["bob",{"shell":"sh"}]"#,
            "users.bob.shell: unknown key; ",
        ),
        (
            r#""issuer":"#,
            r#""audience":"a","issuer":"#,
            "token.audience: unknown key; ",
        ),
        (r#""server":{"#, r#""guard":{},"server":{"#, "guard: unknown key; "),
        (
            r#""audit":"access_log""#,
            r#""audit":"stdout""#,
            "audit: must be one of ",
        ),
    ] {
        let said = refused(newer.replacen(from, to, 1));
        assert!(said.starts_with(key) && said.ends_with(&releases), "{said}");
        let said = refused(body.replacen(from, to, 1));
        assert!(said.starts_with(key) && !said.contains("release"), "{said}");
    }
}

#[test]
fn a_damaged_configuration_says_where_and_quotes_nothing() {
    let body = text(&write(&small(), Asks::default(), 7));
    let secret = "5a5a";
    let cut = |lines: usize| body.split_inclusive('\n').take(lines).collect::<String>();
    for (body, says) in [
        (
            String::new(),
            "the answer does not begin like a configuration (line 1, column 0)",
        ),
        (
            "<html>".to_owned(),
            "the answer does not begin like a configuration (line 1, column 1)",
        ),
        (
            cut(2),
            "users: ends after 1 of 2; the configuration was cut short on its way",
        ),
        (
            cut(4),
            "acl: ends after 1 of 2; the configuration was cut short on its way",
        ),
        (
            format!("{body}{{}}"),
            "the configuration: goes on behind its last rule; it was damaged on its way",
        ),
        (
            body.replacen(r#"["ada",{"#, r#"["ada",["#, 1),
            "users[0]: cannot be read (column ",
        ),
        (
            body.replacen(r#"["bob",{}]"#, r#"["ada",{}]"#, 1),
            "users.ada: stands twice",
        ),
        (
            body.replacen(r#"{"match":{},"#, r#"{"match":[],"#, 1),
            "acl[1].match: must be a map, not a list",
        ),
        (
            body.replacen(r#"{"match":{},"#, "", 1),
            "acl[1]: cannot be read (column 10)",
        ),
        (
            body.replacen(r#""acl":2"#, r#""acl":100001"#, 1),
            "the configuration has 100001 rules; at most 100000 are taken",
        ),
        (
            body.replacen(r#""users":2"#, r#""users":500001"#, 1),
            "the configuration has 500001 users; at most 500000 are taken",
        ),
        (
            body.replacen(r#""token":{"#, r#""users":{},"token":{"#, 1),
            "settings: hold users or rules, which have lines of their own",
        ),
    ] {
        let said = refused(body);
        assert!(said.starts_with(says), "{said}");
        assert!(!said.contains(secret));
    }
    let long = format!("{body}{}", " ".repeat(MAX_CONFIG_BYTES));
    assert!(refused(long).contains("at most 33554432 are taken"));
}

#[test]
fn a_promise_of_many_users_takes_no_memory() {
    let body = text(&write(&small(), Asks::default(), 7)).replacen(r#""users":2"#, r#""users":500000"#, 1);
    assert!(refused(body).contains("ends after"));
}

mod recorded;
