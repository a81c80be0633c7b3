//! Names and passwords as data: whatever they hold, every back-end lets in those whom it knows, and nobody else.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_auth_tests::databases::Mongo;
use registry_auth_tests::ldap::{READER, SUFFIX, Slapd};
use registry_auth_tests::parts;
use serde::Deserialize;

use crate::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    account: Vec<Pair>,
    spelling: Vec<Spelling>,
    name: Vec<Hostile>,
    password: Vec<Hostile>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelling {
    name: String,
    account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hostile {
    #[serde(default)]
    text: String,
    #[serde(default = "once")]
    repeat: usize,
    #[serde(default)]
    hex: String,
    #[serde(default = "unauthorized")]
    status: u16,
}

fn once() -> usize {
    1
}

fn unauthorized() -> u16 {
    401
}

impl Corpus {
    #[track_caller]
    fn read() -> Self {
        let file = parts::checkout().join("tests/cases/hostile_logins.toml");
        let text = fs::read_to_string(&file).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

impl Hostile {
    fn bytes(&self) -> Vec<u8> {
        let digits: Vec<char> = self.hex.chars().collect();
        let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
        let bytes = pairs.map(|pair| u8::from_str_radix(&pair, 16).unwrap());
        bytes.chain(self.text.repeat(self.repeat).into_bytes()).collect()
    }
}

/// What holds the accounts, and the part of a configuration that asks it.
struct BackEnd {
    key: &'static str,
    section: Value,
    /// Whether it is a directory, which has ideas of its own of what a name is.
    is_directory: bool,
    /// Puts the accounts in once the program has made the table.
    fill: Box<dyn Fn(&Pair)>,
}

impl BackEnd {
    fn of(key: &'static str, section: Value) -> Self {
        Self {
            key,
            section,
            is_directory: false,
            fill: Box::new(|_| {}),
        }
    }

    fn database(database: Database) -> Self {
        let section = database.section();
        Self {
            fill: Box::new(move |account| {
                let literal = database.literal(&account.name);
                let hash = hash_of(&account.password);
                database.sql(&format!(
                    "INSERT INTO xorm_user (username, password_hash) VALUES ({literal}, '{hash}');"
                ));
            }),
            ..Self::of("xorm_auth", section)
        }
    }

    fn documents(server: Mongo) -> Self {
        let section = json!({"dial_info": server.dial_info(), "collection": "users"});
        Self {
            fill: Box::new(move |Pair { name, password }| {
                let document = json!({"username": name, "password": hash_of(password)});
                server.collection("users").insert(&document);
            }),
            ..Self::of("mongo_auth", section)
        }
    }

    #[track_caller]
    fn htpasswd(folder: &Path, accounts: &[Pair]) -> Self {
        let line = |account: &Pair| format!("{}:{}\n", account.name, hash_of(&account.password));
        let file = folder.join("users");
        fs::write(&file, accounts.iter().map(line).collect::<String>()).unwrap();
        Self::of("htpasswd_auth", json!({ "path": file }))
    }

    /// A program that compares what it is asked with what it would be asked about each account.
    #[track_caller]
    fn program(folder: &Path, accounts: &[Pair]) -> Self {
        for (number, account) in accounts.iter().enumerate() {
            fs::write(folder.join(format!("account-{number}")), question(account)).unwrap();
        }
        let program = folder.join("auth.sh");
        let text = format!(
            "#!/bin/sh\ncat >\"{0}/asked.$$\"\nfor known in \"{0}\"/account-*; do\n  \
             cmp -s \"$known\" \"{0}/asked.$$\" && code=0\ndone\nrm \"{0}/asked.$$\"\nexit ${{code:-1}}\n",
            folder.display()
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self::of("ext_auth", json!({"command": program, "format": "json"}))
    }

    /// A hook that does the same.
    #[track_caller]
    fn hook(accounts: &[Pair]) -> Self {
        let known: Arc<Vec<String>> = Arc::new(accounts.iter().map(question).collect());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let known = Arc::clone(&known);
                thread::spawn(move || answer(stream.unwrap(), &known));
            }
        });
        Self::of("http_auth", json!({ "url": url }))
    }

    fn directory(slapd: &Slapd) -> Self {
        Self {
            is_directory: true,
            ..Self::of(
                "ldap_auth",
                json!({
                    "addr": slapd.url(), "bind_dn": READER, "bind_password_file": slapd.password_file(),
                    "base": SUFFIX, "filter": "(&(uid=${account})(objectClass=person))",
                }),
            )
        }
    }
}

impl Database {
    /// A text as hexadecimal digits: what is tested is how the program asks, not how this fills.
    fn literal(&self, text: &str) -> String {
        let digits: Vec<String> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let hex = digits.concat();
        match self {
            Self::Postgres(_) => format!("convert_from('\\x{hex}', 'UTF8')"),
            Self::MariaDb(_) => format!("CONVERT(X'{hex}' USING utf8mb4)"),
            Self::Sqlite(_) => format!("CAST(X'{hex}' AS TEXT)"),
        }
    }
}

/// The question about an account, as programs and hooks are asked it.
fn question(account: &Pair) -> String {
    let [name, password] = [&account.name, &account.password].map(|text| Value::from(text.as_str()).to_string());
    format!(r#"{{"Account":{name},"Password":{password},"Service":"registry","IP":"127.0.0.1"}}"#)
}

/// Answers one request.
fn answer(mut stream: TcpStream, known: &[String]) {
    let (mut request, mut piece) = (Vec::new(), [0; 4_096]);
    let body = loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break body.to_owned();
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&piece[..count]),
        }
    };
    let status = if known.contains(&body) {
        "200 OK"
    } else {
        "401 Unauthorized"
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
    let _ = stream.write_all(answer.as_bytes());
}

/// The accounts as entries, in Base64. The passwords are hashed, since the server takes one that begins with a brace for a
/// hash anyway.
#[track_caller]
fn ldif(accounts: &[Pair]) -> String {
    let entry = |(number, account): (usize, &Pair)| {
        let name = STANDARD.encode(&account.name);
        let mut hash = Command::new(parts::system("slappasswd"));
        let hash = process::run(hash.args(["-n", "-s", &account.password]), SOON)
            .ok()
            .stdout;
        let password = STANDARD.encode(hash);
        format!(
            "dn: cn=account-{number},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\ncn: account-{number}\nsn: x\n\
             uid:: {name}\nuserPassword:: {password}\n\n"
        )
    };
    accounts.iter().enumerate().map(entry).collect()
}

/// Who asks, and the answer's status and account.
#[track_caller]
fn login(program: &Sidecar, name: &[u8], password: &[u8]) -> (u16, Option<String>) {
    let url = format!("{}/token?service=registry", program.url());
    let credentials = STANDARD.encode([name, b":", password].concat());
    let answer = http::get(&url, &[("authorization", &format!("Basic {credentials}"))]);
    let account = (answer.status == 200).then(|| part(&token(&answer), 1)["sub"].as_str().unwrap().to_owned());
    (answer.status, account)
}

#[test]
fn every_back_end_lets_in_whom_it_knows_and_nobody_else() {
    let corpus = Corpus::read();
    let accounts = &corpus.account;
    let folder = tempfile::tempdir().unwrap();
    let slapd = Slapd::with(&ldif(accounts));
    let databases = Database::all().into_iter().map(BackEnd::database);
    let others = [
        BackEnd::documents(Mongo::start()),
        BackEnd::htpasswd(folder.path(), accounts),
        BackEnd::program(folder.path(), accounts),
        BackEnd::hook(accounts),
        BackEnd::directory(&slapd),
    ];
    for back_end in databases.chain(others) {
        let mut config = config(&Value::Null);
        config.as_object_mut().unwrap().remove("xorm_auth");
        config.as_object_mut().unwrap().remove("users");
        config[back_end.key] = back_end.section.clone();
        // Whatever makes a table when it is asked first makes it; what a failure has to cost is known when it is filled.
        let first = Sidecar::serve(&config);
        assert_eq!(login(&first, b"nobody", b"x").0, 401, "{}", first.log());
        accounts.iter().for_each(&back_end.fill);
        drop(first);
        let program = Sidecar::serve(&config);
        let what = &back_end.section;
        let assert_all_in = || {
            for Pair { name, password } in accounts {
                let answer = login(&program, name.as_bytes(), password.as_bytes());
                assert_eq!(
                    answer,
                    (200, Some(name.clone())),
                    "{name:?} of {what}: {}",
                    program.log()
                );
            }
        };
        let assert_out = |name: &[u8], password: &[u8], status: u16| {
            let shown = [name, password].map(String::from_utf8_lossy);
            let answer = login(&program, name, password);
            assert_eq!(answer, (status, None), "{shown:?} of {what}: {}", program.log());
        };
        assert_all_in();
        for account in accounts {
            for other in accounts.iter().filter(|other| other.name != account.name) {
                assert_out(account.name.as_bytes(), other.password.as_bytes(), 401);
            }
            for password in &corpus.password {
                assert_out(account.name.as_bytes(), &password.bytes(), password.status);
            }
        }
        for name in &corpus.name {
            for password in [accounts[0].password.as_bytes(), &name.bytes()] {
                // Nobody at all, who proves nothing, is asked for like everybody else.
                assert_out(&name.bytes(), password, name.status);
            }
        }
        for Spelling { name, account } in &corpus.spelling {
            let known = accounts.iter().find(|known| known.name == *account).unwrap();
            let password = known.password.as_bytes();
            if back_end.is_directory {
                let answer = login(&program, name.as_bytes(), password);
                assert_eq!(answer, (200, Some(account.clone())), "{name:?}: {}", program.log());
            } else {
                assert_out(name.as_bytes(), password, 401);
            }
        }
        assert_all_in();
        let log = program.log();
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{what}: {log}");
    }
}
