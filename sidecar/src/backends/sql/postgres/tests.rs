use proptest::prelude::*;

use super::*;

fn read_here(text: &str) -> Result<Found, Fault> {
    read(text, &|_| None)
}

fn found(text: &str) -> Found {
    read_here(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn both_spellings_come_to_the_same_and_tls_is_required_unless_it_is_said() {
    let pairs =
        found("host=db.example port=5433 user=ada password='p w\\'x' dbname=acc sslmode=verify-full search_path=a");
    let address = found("postgres://ada:p%20w%27x@db.example:5433/acc?sslmode=verify-full&search_path=a");
    assert_eq!(pairs, address);
    assert_eq!(pairs.password.as_ref().unwrap().expose(), "p w'x");
    assert_eq!(pairs.mode, Mode::VerifyFull);
    assert_eq!(pairs.shown(), "acc at db.example:5433");

    let least = found("");
    assert_eq!(
        (least.host.as_str(), least.port, least.mode),
        ("localhost", 5432, Mode::Require)
    );
    assert_eq!(found("postgresql://").host, "localhost");
    assert_eq!(found("postgres://[::1]:1/d").shown(), "d at [::1]:1");
}

#[test]
fn values_are_quoted_as_libpq_has_it() {
    let passwords = [
        ("password=a\\ b", "a b"),
        ("password='' user=x", ""),
        ("password = 'a\\\\b' ", "a\\b"),
        ("user=x password=", ""),
        ("password=first password=last", "last"),
        ("password= user=x", "user=x"),
    ];
    for (text, password) in passwords {
        assert_eq!(found(text).password.unwrap().expose(), password, "{text}");
    }
}

#[test]
fn a_socket_is_never_encrypted_and_require_with_a_root_verifies() {
    let socket = found("host=/run/postgresql user=ada dbname=acc");
    assert_eq!(socket.mode, Mode::Disable);
    assert_eq!(socket.shown(), "acc at /run/postgresql");
    assert_eq!(found("postgres:///acc?host=/run").mode, Mode::Disable);
    assert_eq!(found("sslrootcert=ca.pem").verifies(), Mode::VerifyCa);
    assert_eq!(found("sslmode=require").verifies(), Mode::Require);
}

#[test]
fn the_environment_says_what_the_text_does_not() {
    let environment = |name: &str| match name {
        "PGHOST" => Some(Secret::new("db.example".to_owned())),
        "PGPASSWORD" => Some(Secret::new("pw".to_owned())),
        "PGUSER" => Some(Secret::new("eve".to_owned())),
        _ => None,
    };
    let found = read("user=ada connect_timeout=3", &environment).unwrap();
    assert_eq!(
        (found.host.as_str(), found.name.as_deref()),
        ("db.example", Some("ada"))
    );
    assert_eq!(found.password.unwrap().expose(), "pw");
    assert_eq!(found.connect_within, Some(Duration::from_secs(3)));
    let wrong = |name: &str| (name == "PGSSLMODE").then(|| Secret::new("maybe".to_owned()));
    assert_eq!(
        read("user=ada", &wrong).unwrap_err().to_string(),
        "0..8: takes `sslmode` from the environment variable `PGSSLMODE`, which is wrong"
    );
}

#[test]
fn what_is_wrong_is_told_in_its_place() {
    for (text, fault) in [
        ("user", "0..4: has no `=` behind what begins here"),
        ("user=a password=b c", "18..19: has no `=` behind what begins here"),
        ("password='a", "0..8: has a value whose quote `'` is never closed"),
        ("password=a\\", "0..8: ends in a `\\`"),
        ("user=a sslmode=prefer", "7..14: `sslmode` must be `disable`, `require`"),
        ("host=a,b", "0..4: `host` names several hosts"),
        ("port=x", "0..4: `port` must be a number"),
        ("postgres://h:x/d", "13..14: `port` must be a number"),
        ("postgres://a:%zz@h/d", "13..16: has a broken `%` in the value here"),
        (
            "postgres://h/d?sslmod=require",
            "15..21: holds a key here that is not known",
        ),
        (
            "binary_parameters=yes",
            "0..17: `binary_parameters` is about how Go's driver works inside",
        ),
        (
            "options='-c a=b'",
            "0..7: `options` is not known here; write each setting",
        ),
        ("krbspn=a", "0..6: `krbspn` is not known here"),
        ("sslinline=true", "0..9: `sslinline` is not known here"),
        ("sslcert=a.pem", "0..7: `sslcert` and `sslkey` belong together"),
        ("client_encoding=latin1", "0..15: `client_encoding` must be `UTF8`"),
        (
            "connect_timeout=soon",
            "0..15: `connect_timeout` must be a number of seconds",
        ),
    ] {
        let told = read_here(text).unwrap_err().to_string();
        assert!(told.starts_with(fault), "{text}: {told}");
    }
}

/// `key='value'`.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_both_spellings(
        name in ".{1,8}", password in ".{1,20}", database in ".{1,8}", port in 1_u16..,
    ) {
        let pairs = format!(
            "dbname={} user={}  port = {port} password={}",
            quoted(&database), quoted(&name), quoted(&password),
        );
        let percent = |text: &str| text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        let address = format!(
            "postgres://{}:{}@:{port}/{}", percent(&name), percent(&password), percent(&database),
        );
        for text in [pairs, address] {
            let found = read_here(&text).unwrap();
            prop_assert_eq!(found.name.as_deref(), Some(name.as_str()));
            prop_assert_eq!(found.password.as_ref().map(Secret::expose), Some(&password));
            prop_assert_eq!(found.database.as_deref(), Some(database.as_str()));
            prop_assert_eq!(found.port, port);
        }
    }

    #[test]
    fn no_text_makes_it_stumble_and_no_fault_tells_a_password(text in "[a '=/@?&%\\\\]{0,30}", any in ".{0,30}") {
        let _ = read_here(&any);
        let text = text.replace('a', "hunter2");
        for text in [format!("password={text}"), format!("postgres://ada:{text}@h/d")] {
            if let Err(fault) = read_here(&text) {
                prop_assert!(!fault.to_string().contains("hunter2"), "{}", fault);
            }
        }
    }
}
