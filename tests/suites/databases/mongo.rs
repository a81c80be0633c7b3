//! `mongo_auth`: who is let in.

use registry_auth_tests::databases::{Collection, Mongo};

use crate::*;

/// A server, and the program that asks it.
pub(super) struct Site {
    pub(super) server: Mongo,
    pub(super) program: Sidecar,
}

impl Site {
    #[track_caller]
    pub(super) fn start() -> Self {
        let server = Mongo::start();
        let program = serve_mongo(&section(&server.dial_info()));
        Self { server, program }
    }

    pub(super) fn users(&self) -> Collection<'_> {
        self.server.collection("users")
    }
}

/// `mongo_auth` by this `dial_info`.
pub(super) fn section(dial_info: &Value) -> Value {
    json!({"dial_info": dial_info, "collection": "users"})
}

/// The configuration of this suite with this section.
pub(super) fn config_of(section: &Value) -> Value {
    let mut config = config(&Value::Null);
    config["mongo_auth"] = section.clone();
    config
}

/// The program, which has asked the database once.
#[track_caller]
pub(super) fn serve_mongo(section: &Value) -> Sidecar {
    let program = Sidecar::serve(&config_of(section));
    assert_eq!(status(&program, "nobody", "x"), 401, "{}", program.log());
    program
}

/// An account's document.
pub(super) fn account(name: &str, password: &str) -> Value {
    json!({"username": name, "password": hash_of(password)})
}

/// The status by a form, since HTTP Basic ends a name at its first colon.
#[track_caller]
fn status_by_form(program: &Sidecar, account: &str, password: &str) -> u16 {
    let escaped = |text: &str| {
        text.bytes()
            .fold(String::new(), |text, byte| format!("{text}%{byte:02x}"))
    };
    let (account, password) = (escaped(account), escaped(password));
    let form = format!("grant_type=password&service=registry&username={account}&password={password}");
    http::post_form(&format!("{}/token", program.url()), &[], &form).status
}

/// The status for somebody who sends no credentials.
#[track_caller]
fn anonymous(program: &Sidecar) -> u16 {
    let url = format!("{}/token?service=registry&scope=repository:any:pull", program.url());
    http::get(&url, &[]).status
}

#[test]
fn accounts_are_let_in_as_their_documents_have_them() {
    let site = Site::start();
    let Site { program, .. } = &site;
    assert_eq!(site.users().unique_fields(), ["username"]);
    let mut grace = account("grace", "secret");
    grace["labels"] = json!({"teams": ["blue", "red*"]});
    site.users().insert_all(&[grace, account("eve", "secret")]);
    assert_eq!(
        granted(program, "grace", "secret", "blue/app:pull,push"),
        json!(["pull"])
    );
    assert_eq!(granted(program, "grace", "secret", "redder/app:pull"), json!(["pull"]));
    assert_eq!(granted(program, "grace", "secret", "green/app:pull"), json!([]));
    assert_eq!(
        granted(program, "eve", "secret", "eve/app:pull,push"),
        json!(["pull", "push"])
    );
    for (name, password) in [
        ("eve", "wrong"),
        ("eve", ""),
        ("nobody", "secret"),
        ("EVE", "secret"),
        ("eve ", "secret"),
    ] {
        assert_eq!(status(program, name, password), 401, "{name} {password}");
    }
    assert_eq!(status(program, "ada", "ada-secret"), 200);
    // What changes there counts at once.
    site.users()
        .set(&json!({"username": "eve"}), &json!({"password": hash_of("new")}));
    assert_eq!(status(program, "eve", "secret"), 401);
    assert_eq!(status(program, "eve", "new"), 200);
    site.users().delete(&json!({"username": "eve"}));
    assert_eq!(status(program, "eve", "new"), 401);
}

#[test]
fn names_and_passwords_are_data() {
    let long = "x".repeat(1024);
    let passwords = [
        "a\0b",
        "a\nb",
        "'",
        "\"",
        "%",
        "' OR 1=1 --",
        "\\",
        "{\"$ne\": null}",
        "{\"$gt\": \"\"}",
        "$2y$04$",
        "ü\u{1f600}",
        " secret ",
        &long,
    ];
    let names = [
        "{\"$ne\": null}",
        "{\"$gt\": \"\"}",
        "{\"$regex\": \".*\"}",
        "[\"bob\"]",
        "$where",
        "$ne",
        "/^bob/",
        "/.*/",
        "null",
        "bob.a",
        "' || '1'=='1",
        "';return true;//",
        "BOB",
        "Bob",
        "bob ",
        " bob",
        "\"bob\"",
        "b\u{f6}b",
        "b\u{1f600}b",
        "bo\u{200b}b",
    ];
    let site = Site::start();
    let Site { program, .. } = &site;
    site.users().insert_all(&[
        account("bob", "secret"),
        json!({"username": ["bob2", "eve"], "password": hash_of("secret")}),
    ]);
    for hostile in names {
        assert_eq!(status_by_form(program, hostile, "secret"), 401, "{hostile}");
    }
    for hostile in passwords {
        assert_eq!(status(program, "bob", hostile), 401, "{hostile:?}");
    }
    assert_eq!(status(program, "eve", "secret"), 401, "one name of a list is nobody's");
    let too_long = "x".repeat(257);
    for refused in ["b\0b", "bob\0", "b\nb", too_long.as_str()] {
        assert!(matches!(status(program, refused, "secret"), 400 | 401), "{refused:?}");
    }
    for empty in [("bob", ""), ("", "secret"), ("", "")] {
        assert_eq!(status(program, empty.0, empty.1), 401, "{empty:?}");
    }
    // Each of them is a name and a password as good as any other.
    for (number, hostile) in names.into_iter().enumerate() {
        let password = passwords[number % passwords.len()];
        site.users().insert(&account(hostile, password));
        assert_eq!(
            status_by_form(program, hostile, password),
            200,
            "{hostile} {password:?}"
        );
        assert_eq!(status_by_form(program, hostile, "secret"), 401, "{hostile}");
    }
    assert_eq!(status(program, "bob", "secret"), 200);
    assert!(!program.log().contains("ERROR"), "{}", program.log());
}

#[test]
fn the_document_without_a_name_is_the_anonymous_account_and_one_without_a_password_lets_everybody_in() {
    let site = Site::start();
    let Site { program, .. } = &site;
    assert_eq!(anonymous(program), 401);
    site.users().insert_all(&[
        json!({"username": "open"}),
        json!({"username": "null", "password": null}),
    ]);
    for (name, password) in [("open", "any"), ("open", ""), ("null", "thing")] {
        assert_eq!(status(program, name, password), 200, "{name}: {}", program.log());
    }
    assert!(
        program
            .log()
            .contains("any password lets the account in: its document has no `password`"),
        "{}",
        program.log()
    );
    assert_eq!(anonymous(program), 401);
    site.users().insert(&json!({"username": ""}));
    assert_eq!(anonymous(program), 200);
    assert_eq!(
        status(program, "", "secret"),
        401,
        "a password without a name is nobody's"
    );
    site.users()
        .set(&json!({"username": ""}), &json!({"password": hash_of("secret")}));
    assert_eq!(anonymous(program), 401);
    site.users().set(&json!({"username": ""}), &json!({"password": 5}));
    assert_eq!(anonymous(program), 503);
}

#[test]
fn documents_that_are_no_account_are_a_fault_and_no_hash_fits_nothing() {
    let server = Mongo::start();
    let users = server.collection("users");
    // Somebody else's collection, in which names stand twice.
    users.insert_all(&[
        account("twice", "secret"),
        account("twice", "other"),
        json!({"username": "number", "password": 5}),
        json!({"username": "operator", "password": {"$ne": null}}),
        json!({"username": "labels", "password": hash_of("secret"), "labels": {"teams": "blue"}}),
        json!({"username": "plain", "password": "secret"}),
        json!({"username": "empty", "password": ""}),
        account("grace", "secret"),
    ]);
    let program = serve_mongo(&section(&server.dial_info()));
    assert!(
        program.log().contains("some documents have the same"),
        "{}",
        program.log()
    );
    for name in ["twice", "number", "operator", "labels"] {
        assert_eq!(status(&program, name, "secret"), 503, "{name}");
        assert!(
            program.log().contains(&format!("holds of `{name}`")),
            "{}",
            program.log()
        );
    }
    for (name, password) in [("plain", "secret"), ("empty", ""), ("empty", "x"), ("nobody", "secret")] {
        assert_eq!(status(&program, name, password), 401, "{name}");
    }
    assert_eq!(status(&program, "grace", "secret"), 200);
}

#[test]
fn an_address_will_do_and_whoever_may_read_is_enough() {
    let mut server = Mongo::start();
    server.collection("users").insert(&account("grace", "secret"));
    let with_admin = server.url("").replace("local:l@", "reader:r@") + "authSource=admin";
    for (url, may_write) in [
        (server.url(""), true),
        (server.url("authSource=accounts"), true),
        (server.url("replicaSet=secantus"), true),
        (
            server.url("directConnection=true&readPreference=secondaryPreferred"),
            true,
        ),
        (server.url_of_reader(), false),
        (with_admin, false),
    ] {
        let program = serve_mongo(&section(&json!(url)));
        assert_eq!(status(&program, "grace", "secret"), 200, "{url}: {}", program.log());
        assert_eq!(status(&program, "grace", "wrong"), 401, "{url}");
        let is_told = program
            .log()
            .contains("there is no unique index: there is no right to make one");
        assert_eq!(is_told, !may_write, "{url}: {}", program.log());
    }
    let mut local = server.dial_info();
    for (key, value) in [
        ("username", "local"),
        ("password", "l"),
        ("source", "accounts"),
        ("mechanism", "SCRAM-SHA-256"),
    ] {
        local[key] = json!(value);
    }
    assert_eq!(status(&serve_mongo(&section(&local)), "grace", "secret"), 200);
    local["source"] = json!("admin");
    for wrong in [json!(server.url("authSource=admin")), local] {
        let program = Sidecar::serve(&config_of(&section(&wrong)));
        for _ in 0..3 {
            assert_eq!(status(&program, "grace", "secret"), 503, "{wrong}");
        }
        assert!(
            program.log().contains("did not let us in, see `dial_info`"),
            "{}",
            program.log()
        );
    }
    let nobody = json!({"addrs": [server.address()], "database": "accounts", "failfast": true});
    let program = Sidecar::serve(&config_of(&section(&nobody)));
    assert_eq!(status(&program, "grace", "secret"), 503);
    assert!(program.log().contains("requires authentication"), "{}", program.log());
    drop(program);
    server.ask_for_no_names();
    assert_eq!(status(&serve_mongo(&section(&nobody)), "grace", "secret"), 200);
}

#[test]
fn the_password_may_stand_in_a_file_and_no_secret_is_logged() {
    let server = Mongo::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!(" {}\n", registry_auth_tests::databases::PASSWORD)).unwrap();
    let mut dial_info = server.dial_info();
    dial_info["password"] = json!("is-not-read-4711");
    dial_info["password_file"] = json!(file.path());
    let hash = hash_of("guessed-0815");
    server.collection("users").insert_all(&[
        account("grace", "guessed-0815"),
        json!({"username": "odd", "password": "plain-2342"}),
        json!({"username": "wrong", "password": {"secret": "plain-2342"}, "labels": "plain-2342"}),
    ]);
    let mut secrets = vec![
        "is-not-read-4711",
        "guessed-0815",
        "plain-2342",
        registry_auth_tests::databases::PASSWORD,
    ];
    let mut log = String::new();
    for (dial_info, expected) in [
        (dial_info.clone(), 200),
        (
            json!(server.url("authSource=admin").replace(":l@", ":wrong-9999@")),
            503,
        ),
        (json!("mongodb://ada:planted-1234@127.0.0.1:1/accounts"), 503),
    ] {
        let mut config = config_of(&section(&dial_info));
        config["mongo_auth"]["timeout"] = json!("1s");
        let program = Sidecar::serve(&config);
        assert_eq!(status(&program, "grace", "guessed-0815"), expected, "{}", program.log());
        for name in ["grace", "odd", "wrong", "nobody"] {
            let answer = ask(&program, name, "plain-2342", "any:pull").text();
            assert!(!answer.contains("127.0.0.1") && !answer.contains("plain"), "{answer}");
        }
        log.push_str(&program.log());
    }
    secrets.extend(["wrong-9999", "planted-1234", hash.as_str()]);
    for secret in secrets {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
