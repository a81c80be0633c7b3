//! Accounts and rules in real databases and files, as a client of the token endpoint meets them: `xorm_auth`, `acl_xorm`,
//! `mongo_auth`, `acl_mongo`, `htpasswd_auth`; and what every back-end makes of hostile names and passwords.

mod databases {
    mod accounts;
    mod commands;
    mod docker_auth;
    pub mod faults;
    mod hostile;
    mod htpasswd;
    mod mongo;
    mod mongo_commands;
    mod mongo_faults;
    mod mongo_rules;
    mod mongo_tls;
    mod operator;
    mod rules;
    mod tls;
}

use std::time::Duration;

use registry_auth_core::authn::hash::Hash;
use registry_auth_tests::databases::{MariaDb, Postgres};
use registry_auth_tests::http::{self, Response};
use registry_auth_tests::sidecar::Sidecar;
use registry_auth_tests::token::{part, token};
use registry_auth_tests::{keys, process, soak};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The product promises five seconds, on a machine that is not busy.
const SOON: Duration = Duration::from_secs(20);

/// A database of each kind.
enum Database {
    Postgres(Postgres),
    MariaDb(MariaDb),
    Sqlite(TempDir),
}

impl Database {
    #[track_caller]
    fn all() -> [Self; 3] {
        [
            Self::Postgres(Postgres::start()),
            Self::MariaDb(MariaDb::start()),
            Self::Sqlite(tempfile::tempdir().unwrap()),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::MariaDb(_) => "MariaDB",
            Self::Sqlite(_) => "SQLite",
        }
    }

    /// `xorm_auth` for it.
    fn section(&self) -> Value {
        match self {
            Self::Postgres(server) => {
                json!({"database_type": "postgres", "conn_string": server.conn_string("sslmode=disable")})
            }
            Self::MariaDb(server) => json!({"database_type": "mysql", "conn_string": server.conn_string("")}),
            Self::Sqlite(folder) => json!({"database_type": "sqlite3", "conn_string": folder.path().join("users.db")}),
        }
    }

    #[track_caller]
    fn sql(&self, sql: &str) -> String {
        match self {
            Self::Postgres(server) => server.sql(sql),
            Self::MariaDb(server) => server.sql(sql),
            Self::Sqlite(folder) => {
                let mut command = std::process::Command::new(registry_auth_tests::parts::system("sqlite3"));
                command
                    .args(["-batch", "-cmd", ".timeout 5000"])
                    .arg(folder.path().join("users.db"));
                process::run_with_input(&command, sql, SOON).ok().stdout
            }
        }
    }

    /// A row of docker_auth's table.
    #[track_caller]
    fn add(&self, name: &str, password: &str, labels: Option<&Value>) {
        let labels = labels.map_or("NULL".to_owned(), |labels| text(&labels.to_string()));
        let hash = hash_of(password);
        let values = format!("{}, '{hash}', {labels}", text(name));
        self.sql(&format!(
            "INSERT INTO xorm_user (username, password_hash, labels) VALUES ({values});"
        ));
    }
}

/// A text in SQL. None here has a backslash, which MySQL would read.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// bcrypt of the lowest cost.
fn hash_of(password: &str) -> String {
    let hash = Hash::bcrypt(password.as_bytes(), 4, [7; 16]).unwrap();
    hash.to_text().expose().clone()
}

/// A static user, and a rule for those of the database.
fn config(section: &Value) -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key": keys::ES256, "expiration": 900},
        "users": {"ada": {"password": keys::ADA_SECRET}},
        "xorm_auth": section,
        "acl": [
            {"match": {"account": "ada"}, "actions": ["*"]},
            {"match": {"name": "${labels:teams}/*"}, "actions": ["pull"]},
            {"match": {"name": "${account}/*"}, "actions": ["*"]},
        ],
        // So many wrong passwords from one address are what is tested here.
        "throttle": false,
    })
}

#[track_caller]
fn ask(program: &Sidecar, account: &str, password: &str, scope: &str) -> Response {
    let url = format!("{}/token?service=registry&scope=repository:{scope}", program.url());
    http::get(&url, &[("authorization", &http::basic(account, password))])
}

#[track_caller]
fn status(program: &Sidecar, account: &str, password: &str) -> u16 {
    ask(program, account, password, "any:pull").status
}

/// The actions that are granted for one scope.
#[track_caller]
fn granted(program: &Sidecar, account: &str, password: &str, scope: &str) -> Value {
    let answer = ask(program, account, password, scope);
    part(&token(&answer), 1)["access"][0]["actions"].clone()
}

/// Has the program make the table: it does when it is asked for the first time.
#[track_caller]
fn serve(section: &Value) -> Sidecar {
    let program = Sidecar::serve(&config(section));
    assert_eq!(status(&program, "nobody", "x"), 401, "{}", program.log());
    program
}
