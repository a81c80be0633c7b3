use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Found {
    read(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn tcp(host: &str, port: u16) -> Address {
    Address::Tcp {
        host: host.to_owned(),
        port,
    }
}

#[test]
fn an_address_has_the_defaults_of_the_driver() {
    for (text, address) in [
        ("/db", tcp("127.0.0.1", 3306)),
        ("ada@/db", tcp("127.0.0.1", 3306)),
        ("ada:pw@tcp/db", tcp("127.0.0.1", 3306)),
        ("ada:pw@tcp(db.example)/db", tcp("db.example", 3306)),
        ("ada:pw@tcp(db.example:3307)/db", tcp("db.example", 3307)),
        ("ada:pw@tcp(:3307)/db", tcp("127.0.0.1", 3307)),
        ("ada:pw@tcp([::1]:3307)/db", tcp("::1", 3307)),
        ("ada:pw@tcp([::1])/db", tcp("::1", 3306)),
        (
            "ada@unix(/run/mysqld/mysqld.sock)/db",
            Address::Socket("/run/mysqld/mysqld.sock".into()),
        ),
        ("ada@unix/db", Address::Socket("/tmp/mysql.sock".into())),
    ] {
        let found = found(text);
        assert_eq!((&found.at, found.database.as_str()), (&address, "db"), "{text}");
    }
}

#[test]
fn a_password_may_hold_what_divides_the_rest() {
    let found =
        found("ada:p/w@x:y?(z@tcp(h)/d%62?parseTime=true&loc=Local&charset=utf8mb4,utf8&allowNativePasswords=1");
    assert_eq!(found.name, "ada");
    assert_eq!(found.password.unwrap().expose(), "p/w@x:y?(z");
    assert_eq!((found.at, found.database.as_str()), (tcp("h", 3306), "db"));
}

#[test]
fn parameters_say_how_it_is_connected() {
    for (text, tls) in [
        ("a@/d", Tls::Off),
        ("a@/d?tls=false", Tls::Off),
        ("a@/d?tls=true", Tls::Verified),
        ("a@/d?tls=skip-verify", Tls::Unverified),
        ("a@/d?tls=preferred", Tls::Preferred),
    ] {
        assert_eq!(found(text).tls, tls, "{text}");
    }
    let found = found("a@/d?timeout=1m30s&collation=utf8mb4_bin&allowCleartextPasswords=true&tls=1");
    assert_eq!(found.connect_within, Some(Duration::from_secs(90)));
    assert_eq!(
        (found.collation.as_deref(), found.cleartext),
        (Some("utf8mb4_bin"), true)
    );
}

#[test]
fn what_is_wrong_is_told_in_its_place() {
    for (text, fault) in [
        ("ada", "0..3: has no `/` before the name of the database"),
        ("ada@/", "5..5: names no database"),
        ("ada@tcp(h/db", "4..9: has an address that does not end in `)`"),
        ("ada@udp(h)/db", "4..7: names a network that is not known here"),
        ("ada:pw/db", "0..6: names a network that is not known here"),
        ("ada@tcp(h:x)/db", "10..11: has a port that is no number"),
        ("ada@tcp(h:+1)/db", "10..12: has a port that is no number"),
        ("a@/d?tls=ours", "5..8: `tls` must be `true`"),
        ("a@/d?tls", "5..8: `tls` has no value"),
        ("a@/d?loc=%zz", "5..8: `loc` has a broken `%`"),
        ("a@/d?compress=true", "5..13: `compress=true` is not known here"),
        (
            "a@/d?allowNativePasswords=false",
            "5..25: `allowNativePasswords=false` is not known here",
        ),
        (
            "a@/d?allowOldPasswords=maybe",
            "5..22: `allowOldPasswords` must be `true` or `false`",
        ),
        ("a@/d?charset=latin1", "5..12: `charset` must be `utf8mb4`"),
        ("a@/d?collation=utf8mb4_x;drop", "5..14: `collation` must be"),
        ("a@/d?timeout=5", "5..12: `timeout` needs a unit"),
        (
            "a@/d?readTimeout=5s",
            "5..16: `readTimeout` is not known here; `timeout` of the section",
        ),
        ("a@/d?serverPubKey=x", "5..17: `serverPubKey` is not known here"),
        ("a@/d?time_zone=x", "5..14: holds a key here that is not known"),
        (
            "a@/d?allowCleartextPasswords=1",
            "5..30: has `allowCleartextPasswords=true`, which needs",
        ),
        ("a@unix(/s)/d?tls=true", "13..21: has `tls=true` for a socket"),
    ] {
        let told = read(text).unwrap_err().to_string();
        assert!(told.starts_with(fault), "{text}: {told}");
    }
}

/// As the driver writes it.
fn written(found: &Found) -> String {
    let password = found
        .password
        .as_ref()
        .map(|password| format!(":{}", password.expose()));
    let at = match &found.at {
        Address::Tcp { host, port } if host.contains(':') => format!("tcp([{host}]:{port})"),
        Address::Tcp { host, port } => format!("tcp({host}:{port})"),
        Address::Socket(path) => format!("unix({})", path.display()),
    };
    let database = found
        .database
        .bytes()
        .fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    format!("{}{}@{at}/{database}", found.name, password.unwrap_or_default())
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        name in "[a-z]{0,8}",
        password in prop::option::of("[!-~]{1,20}"),
        at in prop_oneof![
            ("[a-z.]{1,10}|::1", 1_u16..).prop_map(|(host, port)| Address::Tcp { host, port }),
            "/[a-z./]{1,10}".prop_map(|path| Address::Socket(path.into())),
        ],
        database in "[!-~é]{1,10}",
    ) {
        let expected = Found {
            name, password: password.map(Secret::new), at, database,
            tls: Tls::Off, cleartext: false, collation: None, connect_within: None,
        };
        prop_assert_eq!(read(&written(&expected)).unwrap(), expected);
    }

    #[test]
    fn no_text_makes_it_stumble_and_no_fault_tells_a_password(text in "[a/@():?=&%]{0,30}", any in ".{0,30}") {
        let _ = read(&any);
        let text = text.replace('a', "hunter2");
        if let Err(fault) = read(&format!("ada:{text}")) {
            prop_assert!(!fault.to_string().contains("hunter2"), "{}", fault);
        }
    }
}
