//! Who is let in.

use crate::*;

#[test]
fn accounts_are_let_in_as_the_database_has_them() {
    for database in Database::all() {
        let program = serve(&database.section());
        let name = database.name();
        database.add("grace", "old", None);
        database.add("grace", "secret", Some(&json!({"teams": ["blue", "red*"]})));
        database.add("eve", "secret", None);
        assert_eq!(
            granted(&program, "grace", "secret", "blue/app:pull,push"),
            json!(["pull"]),
            "{name}"
        );
        assert_eq!(
            granted(&program, "grace", "secret", "redder/app:pull"),
            json!(["pull"]),
            "{name}"
        );
        assert_eq!(
            granted(&program, "grace", "secret", "green/app:pull"),
            json!([]),
            "{name}"
        );
        assert_eq!(
            granted(&program, "eve", "secret", "eve/app:pull,push"),
            json!(["pull", "push"]),
            "{name}"
        );
        assert_eq!(
            status(&program, "grace", "old"),
            401,
            "{name}: of equal names the highest id counts"
        );
        assert_eq!(status(&program, "eve", "wrong"), 401, "{name}");
        assert_eq!(status(&program, "nobody", "secret"), 401, "{name}");
        assert_eq!(status(&program, "ada", "ada-secret"), 200, "{name}");
        // What changes there counts at once.
        database.sql(&format!(
            "UPDATE xorm_user SET password_hash = '{}' WHERE username = 'eve';",
            hash_of("new")
        ));
        assert_eq!(status(&program, "eve", "secret"), 401, "{name}");
        assert_eq!(status(&program, "eve", "new"), 200, "{name}");
        database.sql("DELETE FROM xorm_user WHERE username = 'eve';");
        assert_eq!(status(&program, "eve", "new"), 401, "{name}");
    }
}

#[test]
fn the_table_is_there_before_anybody_asks() {
    for database in Database::all() {
        let program = Sidecar::serve(&config(&database.section()));
        let what = format!("the table is made in {}", database.name());
        process::wait_until(&what, SOON, || {
            program.log().contains("made the table `xorm_user`").then_some(())
        });
        database.add("grace", "secret", None);
        assert_eq!(status(&program, "grace", "secret"), 200, "{}", database.name());
    }
}

#[test]
fn names_and_passwords_are_data() {
    let long = "x".repeat(1024);
    let passwords = [
        "a\0b",
        "a\nb",
        "'",
        "\"",
        "`",
        "%",
        "_",
        "' OR 1=1 --",
        "\\",
        "\\'",
        "{\"$ne\": null}",
        ":account",
        "?",
        "$1",
        "ü\u{1f600}",
        " secret ",
        &long,
    ];
    let names = [
        "' OR 1=1 --",
        "' OR ''='",
        "%",
        "_ob",
        "b%",
        "\\",
        "bob'--",
        "\"bob\"",
        "bob;",
        "b?b",
        "$1",
        "BOB",
        "Bob",
        "bob ",
        " bob",
        "b\u{f6}b",
        "b\u{1f600}b",
        "bo\u{200b}b",
    ];
    for database in Database::all() {
        let program = serve(&database.section());
        let name = database.name();
        database.add("bob", "secret", None);
        for hostile in names {
            assert_eq!(status(&program, hostile, "secret"), 401, "{name}: {hostile}");
        }
        assert_eq!(status(&program, "bob", "secret"), 200, "{name}");
        for hostile in passwords {
            assert_eq!(status(&program, "bob", hostile), 401, "{name}: {hostile:?}");
        }
        for empty in [("bob", ""), ("", "secret"), ("", "")] {
            assert_eq!(status(&program, empty.0, empty.1), 401, "{name}: {empty:?}");
        }
        // Each of them is a name and a password as good as any other.
        for (number, hostile) in names.into_iter().filter(|name| !name.contains('\\')).enumerate() {
            let password = passwords[number % passwords.len()];
            database.add(hostile, password, None);
            assert_eq!(
                status(&program, hostile, password),
                200,
                "{name}: {hostile} {password:?}"
            );
            assert_eq!(status(&program, hostile, "secret"), 401, "{name}: {hostile}");
        }
        assert_eq!(status(&program, "bob", "secret"), 200, "{name}");
        assert!(!program.log().contains("ERROR"), "{name}: {}", program.log());
    }
}

#[test]
fn labels_that_are_none_are_a_fault_of_the_database() {
    for database in Database::all() {
        let program = serve(&database.section());
        database.add("grace", "secret", Some(&json!({"teams": "blue"})));
        assert_eq!(status(&program, "grace", "secret"), 503, "{}", database.name());
        assert_eq!(status(&program, "nobody", "secret"), 401, "{}", database.name());
        assert!(
            program
                .log()
                .contains("holds of `grace` `labels` that are not of the form"),
            "{}",
            program.log()
        );
    }
}

#[test]
fn a_query_of_ones_own_asks_other_tables() {
    let postgres =
        "SELECT p.hash AS password_hash, p.labels, p.name::text AS username FROM people p WHERE p.name = :account";
    let others = "SELECT p.hash AS password_hash, p.labels, p.name AS username FROM people p WHERE p.name = :account";
    for database in Database::all() {
        let (kind, query) = match database {
            Database::Postgres(_) => ("JSONB", postgres),
            Database::MariaDb(_) | Database::Sqlite(_) => ("TEXT", others),
        };
        let mut section = database.section();
        section["query"] = json!(query);
        database.sql(&format!(
            "CREATE TABLE people (name VARCHAR(50), hash VARCHAR(100), labels {kind});"
        ));
        let row = format!("('grace', '{}', '{{\"teams\": [\"blue\"]}}')", hash_of("secret"));
        database.sql(&format!("INSERT INTO people VALUES {row};"));
        let program = serve(&section);
        let name = database.name();
        assert_eq!(
            granted(&program, "grace", "secret", "blue/app:pull"),
            json!(["pull"]),
            "{name}"
        );
        for (account, password) in [
            ("grace", "wrong"),
            ("GRACE", "secret"),
            ("grace ", "secret"),
            ("eve", "secret"),
        ] {
            assert_eq!(status(&program, account, password), 401, "{name}: {account}");
        }
    }
}

#[test]
fn a_table_that_is_there_is_enough_without_the_right_to_make_one() {
    let server = Postgres::start();
    server.sql(
        "CREATE TABLE xorm_user (id BIGSERIAL PRIMARY KEY, username VARCHAR(128) NOT NULL,
         password_hash VARCHAR(128) NOT NULL, labels JSON);
         CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT SELECT ON xorm_user TO reader;",
    );
    let text = server.conn_string("sslmode=disable user=reader password=r");
    let section = json!({"database_type": "postgres", "conn_string": text});
    let database = Database::Postgres(server);
    database.add("grace", "secret", None);
    let program = serve(&section);
    assert_eq!(status(&program, "grace", "secret"), 200);
    database.sql("DROP TABLE xorm_user");
    let program = Sidecar::serve(&config(&section));
    assert_eq!(status(&program, "grace", "secret"), 503);
    assert!(program.log().contains("has no table `xorm_user`"), "{}", program.log());
}

#[test]
fn a_character_that_the_database_cannot_write_is_nobodys() {
    let server = MariaDb::start();
    server.sql(
        "CREATE TABLE xorm_user (id BIGINT AUTO_INCREMENT PRIMARY KEY, username VARCHAR(128) NOT NULL,
         password_hash VARCHAR(128) NOT NULL, labels TEXT) CHARACTER SET latin1",
    );
    let section = json!({"database_type": "mysql", "conn_string": server.conn_string("")});
    let database = Database::MariaDb(server);
    database.add("böb", "secret", None);
    let program = serve(&section);
    assert_eq!(status(&program, "böb", "secret"), 200);
    for other in ["b\u{1f600}b", "b\u{4e2d}b", "BÖB"] {
        assert_eq!(status(&program, other, "secret"), 401, "{other}: {}", program.log());
    }
}

#[test]
fn a_socket_will_do() {
    let (postgres, mariadb) = (Postgres::start(), MariaDb::start());
    let text = postgres.conn_string(&format!("host={}", postgres.socket_folder().display()));
    let sections = [
        json!({"database_type": "postgres", "conn_string": text}),
        json!({"database_type": "mysql", "conn_string": mariadb.conn_string_of_socket()}),
    ];
    for (section, database) in sections
        .iter()
        .zip([Database::Postgres(postgres), Database::MariaDb(mariadb)])
    {
        let program = serve(section);
        database.add("grace", "secret", None);
        assert_eq!(status(&program, "grace", "secret"), 200, "{}", program.log());
    }
}
