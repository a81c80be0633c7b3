//! Tables that docker_auth made, with rows in the form that it reads, and what it answered by them.

use serde::Deserialize;

use crate::*;

/// What docker_auth answered to one request; `None` where it let nobody in.
#[derive(Deserialize)]
struct Answered {
    account: String,
    password: String,
    scope: String,
    granted: Option<Vec<String>>,
}

#[test]
fn tables_of_docker_auth_are_read_as_it_reads_them() {
    let answers: Vec<Answered> = serde_json::from_str(include_str!("../../docker_auth/tables/answers.json")).unwrap();
    assert!(answers.len() > 20);
    for database in Database::all() {
        let name = database.name();
        database.sql(match &database {
            Database::Postgres(_) => include_str!("../../docker_auth/tables/postgres.sql"),
            Database::MariaDb(_) => include_str!("../../docker_auth/tables/mariadb.sql"),
            Database::Sqlite(_) => include_str!("../../docker_auth/tables/sqlite.sql"),
        });
        let program = Sidecar::serve(&json!({
            "token": {"issuer": "registry-auth", "key": keys::ES256, "expiration": 900},
            "xorm_auth": database.section(),
            "acl_xorm": database.section(),
            "throttle": false,
        }));
        for Answered {
            account,
            password,
            scope,
            granted,
        } in &answers
        {
            let url = format!("{}/auth?service=registry&scope={scope}", program.url());
            let answer = http::get(&url, &[("authorization", &http::basic(account, password))]);
            let asked = format!("{name}: {scope} for {account} with {password}\n{}", program.log());
            match granted {
                None => assert_eq!(answer.status, 401, "{asked}"),
                Some(granted) => {
                    assert_eq!(answer.status, 200, "{asked}");
                    assert_eq!(
                        part(&token(&answer), 1)["access"][0]["actions"],
                        json!(granted),
                        "{asked}"
                    );
                }
            }
        }
    }
}
