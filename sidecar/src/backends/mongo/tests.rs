use std::time::Duration;

use mongodb::bson::{Bson, RawDocumentBuf, doc, rawdoc};
use proptest::prelude::*;
use registry_auth_core::account::Labels;
use registry_auth_core::config::Node;
use registry_auth_core::problem::Place;
use registry_auth_core::secret::Secret;
use registry_auth_core::service::Service;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::account::{Kept, choose};
use super::*;

fn open(section: &Value) -> (Option<MongoAuthenticator>, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_str(&section.to_string()).unwrap();
    let section = Section::open(node, Place::root().key("mongo_auth"), &mut problems).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let files = |path: &str| match path {
        "/password" => Ok(Secret::new(" hunter2\n".to_owned())),
        "/empty" => Ok(Secret::new("\n".to_owned())),
        "/ca.pem" => Ok(Secret::new(certificate.pem())),
        "/client.pem" => Ok(Secret::new(format!("{}{}", certificate.pem(), key.serialize_pem()))),
        _ => Err("no such file".to_owned()),
    };
    let sources = Sources {
        environment: &|_| None,
        files: Some(&files),
    };
    (MongoAuthenticator::open(section, sources, &mut problems), problems)
}

fn told(keys: &Value, section: &Value) -> String {
    let (opened, problems) = open(section);
    assert!(opened.is_some() || problems.is_refusal(), "{keys}: {problems}");
    let errors = problems.errors().iter().map(|problem| format!("  error: {problem}\n"));
    let warnings = problems.warnings().iter();
    let warnings = warnings.map(|problem| format!("  warning: {problem}\n"));
    let told: String = errors.chain(warnings).collect();
    let ours = opened.map(|opened| format!("  {:?}\n", opened.server));
    format!("{keys}\n{told}{}", ours.unwrap_or_default())
}

/// What is said of a map with these keys beside those that it needs.
fn told_of_map(keys: &Value) -> String {
    let mut map = json!({"addrs": ["127.0.0.1"], "database": "accounts"});
    for (key, value) in keys.as_object().unwrap() {
        map[key] = value.clone();
    }
    told(keys, &json!({"dial_info": map, "collection": "users"}))
}

#[test]
fn what_is_wrong_with_a_map_is_told_and_what_it_hardly_means() {
    let mut text = String::new();
    for keys in [
        json!({}),
        json!({"addrs": ["a.example:27018", "[::1]"], "enable_tls": true, "timeout": "10s", "failfast": true}),
        json!({"addrs": ["db.example"]}),
        json!({"addrs": []}),
        json!({"addrs": "127.0.0.1"}),
        json!({"addrs": ["mongodb://db.example", "ada:hunter2@127.0.0.1", "127.0.0.1:port", ""]}),
        json!({"database": ""}),
        json!({"database": "a.b"}),
        json!({"username": "", "password_file": "", "password": null, "source": ""}),
        json!({"username": "ada", "password": "hunter2", "password_file": "/password", "source": "accounts"}),
        json!({"username": "ada"}),
        json!({"username": "ada", "password_file": "/empty"}),
        json!({"username": "ada", "password_file": "/nowhere"}),
        json!({"password": "hunter2"}),
        json!({"username": "ada", "password": "hunter2", "mechanism": "PLAIN"}),
        json!({"username": "ada", "password": "hunter2", "mechanism": "MONGODB-CR"}),
        json!({"username": "ada", "password": "hunter2", "mechanism": "GSSAPI", "service": "mongodb"}),
        json!({"username": "ada", "password": "hunter2", "mechanism": "scram"}),
        json!({"mechanism": "MONGODB-X509"}),
        json!({"mechanism": "MONGODB-X509", "enable_tls": true, "client_certificate": "/client.pem"}),
        json!({"mechanism": "", "service": "mongodb", "poollimit": 4}),
        json!({"ca_certificate": "/ca.pem"}),
        json!({"enable_tls": true, "ca_certificate": "/ca.pem", "client_certificate": "/client.pem"}),
        json!({"enable_tls": true, "ca_certificate": "/password", "client_certificate": "/ca.pem"}),
        json!({"enable_tls": true, "ca_certificate": "/nowhere"}),
        json!({"direct": true, "addrs": ["a.example", "b.example"], "enable_tls": true}),
        json!({"direct": true, "replicasetname": "rs0"}),
        json!({"timeout": "10"}),
        json!({"user": "ada", "pasword": "hunter2"}),
    ] {
        text.push_str(&told_of_map(&keys));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_wrong_with_an_address_is_told_without_its_password() {
    let mut text = String::new();
    for url in [
        "mongodb://127.0.0.1/accounts",
        "mongodb://ada:hunter2@a.example,b.example:27018/accounts?replicaSet=rs0&tls=true&authSource=admin",
        "mongodb://ada:hunter2@db.example/accounts",
        "mongodb://127.0.0.1",
        "mongodb+srv://ada:hunter2@db.example/accounts",
        "postgres://ada:hunter2@db.example/accounts",
        "127.0.0.1",
        "mongodb://ada:hun@ter2@127.0.0.1/accounts",
        "mongodb://ada:hun/ter2@127.0.0.1/accounts",
        "mongodb://ada:hun%ter2@127.0.0.1/accounts",
        "mongodb://ada:hun%üter2@127.0.0.1/accounts",
        "mongodb://ada:hunter2@127.0.0.1:port/accounts",
        "mongodb://ada:hunter2@/accounts",
        "mongodb://ada:hunter2/accounts",
        "mongodb://ada:hunter2@127.0.0.1/a.b",
        "mongodb://ada:hunter2@127.0.0.1/accounts?timeout=5",
        "mongodb://ada:hunter2@127.0.0.1/accounts?socketTimeoutMS=5",
        "mongodb://ada:hunter2@127.0.0.1/accounts?connectTimeoutMS=soon",
        "mongodb://127.0.0.1/accounts?heartbeatFrequencyMS=5",
        "mongodb://127.0.0.1/accounts?tls=true&tlsCAFile=/ca.pem&tlsCertificateKeyFile=/client.pem",
        "mongodb://127.0.0.1/accounts?tls=true&tlsCAFile=/nowhere",
        "mongodb://127.0.0.1/accounts?tls=true&tlsCertificateKeyFile=/ca.pem",
        "mongodb://127.0.0.1/accounts?tls=true&tlsInsecure=true",
        "mongodb://a.example,b.example/accounts?directConnection=true&tls=true",
        "mongodb://",
        "mongodb://%",
        "mongodb://?",
    ] {
        let shown = url.replace("hunter2", "***");
        text.push_str(&told(&json!(shown), &json!({"dial_info": url, "collection": "users"})));
    }
    insta::assert_snapshot!(text);
    assert!(!text.contains("hunter2") && !text.contains("ter2`"), "{text}");
}

proptest! {
    #[test]
    fn no_address_makes_it_stumble_and_no_fault_tells_its_password(
        behind in "(@|[a/:?&=%,.\\[\\]]|%[0-9a-f]{2}|tls=|true|authSource=|.){0,16}",
    ) {
        for url in [format!("mongodb://ada:hunter2{behind}"), format!("mongodb://{behind}@127.0.0.1/accounts")] {
            let (opened, problems) = open(&json!({"dial_info": url, "collection": "users"}));
            prop_assert!(opened.is_some() || problems.is_refusal());
            prop_assert!(!problems.to_string().contains("hunter2"), "{problems}");
        }
    }

    #[test]
    fn no_server_makes_it_stumble(text in "([a.:@/%0-9\\[\\]]|.){0,12}") {
        let map = json!({"addrs": [text], "database": "accounts"});
        let (opened, problems) = open(&json!({"dial_info": map, "collection": "users"}));
        prop_assert!(opened.is_some() || problems.is_refusal());
    }
}

#[test]
fn what_is_wrong_with_the_section_is_told() {
    let mut text = String::new();
    for section in [
        json!({}),
        json!({"dial_info": null, "collection": ""}),
        json!({"dial_info": [1], "collection": "system.users"}),
        json!({"dial_info": "mongodb://127.0.0.1/a", "collection": "a$b", "cache_ttl": "1m", "timeout": "0s"}),
        json!({"dial_info": "mongodb://127.0.0.1/a", "collection": "users", "labels_are_patterns": "yes"}),
    ] {
        text.push_str(&told(&section, &section));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_drivers_limits_are_within_ours() {
    for dial_info in [
        json!({"addrs": ["127.0.0.1"], "database": "a", "timeout": "10s"}),
        json!({"addrs": ["127.0.0.1"], "database": "a", "timeout": "0", "failfast": true}),
        json!("mongodb://127.0.0.1/a?connectTimeoutMS=0&serverSelectionTimeoutMS=60000&heartbeatFrequencyMS=90000"),
    ] {
        let (opened, problems) = open(&json!({"dial_info": dial_info, "collection": "users", "timeout": "1s"}));
        let options = opened.unwrap_or_else(|| panic!("{problems}")).server.options().clone();
        let second = Duration::from_secs(1);
        for limit in [options.connect_timeout, options.server_selection_timeout] {
            assert!(
                limit.is_some_and(|limit| !limit.is_zero() && limit < second),
                "{dial_info}: {limit:?}"
            );
        }
        assert!(
            options.heartbeat_freq.is_some_and(|often| often <= 2 * second),
            "{dial_info}"
        );
    }
}

fn documents(documents: &[Bson]) -> Vec<RawDocumentBuf> {
    let documents = documents.iter().map(|document| document.as_document().unwrap());
    documents
        .map(|document| RawDocumentBuf::try_from(document).unwrap())
        .collect()
}

fn chosen(found: &[Bson]) -> Result<Option<Kept>, String> {
    let chosen = choose(&documents(found), "ada", 4, LabelsArePatterns::Glob);
    chosen.map_err(|error| error.to_string())
}

#[test]
fn an_account_is_the_one_document_whose_name_is_that_text() {
    let kept = |password: Option<&str>, labels: &[(&str, &[&str])]| {
        let labels = labels.iter().map(|(name, values)| {
            let values = values.iter().map(ToString::to_string);
            ((*name).to_owned(), values.collect())
        });
        Ok(Some(Kept {
            password: password.map(|password| Secret::new(password.to_owned())),
            labels: Labels::new(labels.collect(), LabelsArePatterns::Glob),
        }))
    };
    let document = |document| Bson::Document(document);
    assert_eq!(chosen(&[]), Ok(None));
    for other in [
        doc! {"username": ["ada"]},
        doc! {"username": "ADA"},
        doc! {"username": {"$ne": null}},
        doc! {"username": Bson::Symbol("ada".to_owned())},
        doc! {"password": "x"},
    ] {
        assert_eq!(chosen(&[document(other.clone())]), Ok(None), "{other}");
    }
    let ada = document(doc! {"username": "ada", "password": "hash", "labels": {"team": ["a*", ""], "none": null}});
    let found = kept(Some("hash"), &[("none", &[]), ("team", &["a*", ""])]);
    assert_eq!(chosen(&[document(doc! {"username": "Ada"}), ada.clone()]), found);
    assert_eq!(
        chosen(&[document(doc! {"username": "ada", "password": null, "labels": null})]),
        kept(None, &[])
    );
    assert_eq!(chosen(&[document(doc! {"username": "ada"})]), kept(None, &[]));
    let several = "2 documents, so that nobody can say which one counts; delete the others";
    assert_eq!(chosen(&[ada.clone(), ada]), Err(several.to_owned()));
    let others = vec![document(doc! {"username": "Ada"}); 4];
    assert_eq!(
        chosen(&others),
        Err("more documents than can be looked through; see its collation".to_owned())
    );
}

#[test]
fn what_is_no_account_is_an_error_and_lets_nobody_in() {
    for (fields, expected) in [
        (doc! {"password": 5}, "a `password` that is no text"),
        (doc! {"password": {"$ne": null}}, "a `password` that is no text"),
        (doc! {"password": [null]}, "a `password` that is no text"),
        (
            doc! {"labels": []},
            "`labels` that are not of the form `{name: [\"value\"]}`",
        ),
        (
            doc! {"labels": {"team": "a"}},
            "`labels` that are not of the form `{name: [\"value\"]}`",
        ),
        (
            doc! {"labels": {"team": [1]}},
            "`labels` that are not of the form `{name: [\"value\"]}`",
        ),
        (
            doc! {"labels": {"team": ["x".repeat(70_000)]}},
            "`labels` of more than 65536 bytes",
        ),
    ] {
        let mut document = doc! {"username": "ada"};
        document.extend(fields);
        assert_eq!(chosen(&[document.into()]), Err(expected.to_owned()));
    }
    let mut twice = rawdoc! {"username": "ada", "password": "hash"};
    twice.append(mongodb::bson::cstr!("password"), mongodb::bson::RawBson::Null);
    let error = choose(&[twice], "ada", 4, LabelsArePatterns::Glob).unwrap_err();
    assert_eq!(error.to_string(), "the field `password` twice in one document");
}

async fn ask(section: &Value, account: &str) -> Result<Outcome, String> {
    let (backend, problems) = open(section);
    let backend = backend.unwrap_or_else(|| panic!("{problems}"));
    let login = Login {
        account: &Account::parse(account).unwrap(),
        password: &Secret::new(b"secret".to_vec()),
        service: &Service::default(),
        address: [192, 0, 2, 7].into(),
    };
    let deadline = Instant::now().checked_add(Duration::from_mins(1)).unwrap();
    let answer = backend.authenticate(login, deadline).await;
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_is_an_error_within_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    for (address, why) in [
        (silent.as_str(), ""),
        (
            "127.0.0.1:1",
            "could not be connected to: 127.0.0.1:1: Connection refused",
        ),
    ] {
        for dial_info in [
            json!({"addrs": [address], "database": "a", "username": "ada", "password": "hunter2"}),
            json!(format!(
                "mongodb://ada:hunter2@{address}/a?serverSelectionTimeoutMS=60000&connectTimeoutMS=60000"
            )),
        ] {
            let section = json!({"dial_info": dial_info, "collection": "users", "timeout": "1s"});
            let begun = Instant::now();
            for account in ["grace", ""] {
                let error = ask(&section, account).await.unwrap_err();
                assert!(
                    error.starts_with(&format!("mongo_auth: `users of a at {address}` {why}")),
                    "{error}"
                );
                assert!(!error.contains("hunter2"), "{error}");
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        }
    }
}

#[test]
fn nothing_that_can_be_printed_holds_the_password() {
    for dial_info in [
        json!({"addrs": ["db.example"], "database": "a", "username": "ada", "password": "hunter2"}),
        json!("mongodb://ada:hunter2@db.example/a"),
    ] {
        let (backend, _) = open(&json!({"dial_info": dial_info, "collection": "users"}));
        let backend = backend.unwrap();
        let texts = format!("{backend:?} {}", backend.error(Fault::Useless, "is broken"));
        assert!(
            !texts.contains("hunter2") && texts.contains("users of a at db.example:27017"),
            "{texts}"
        );
    }
}
