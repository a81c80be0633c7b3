use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Found {
    read(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn a_path_is_one_and_an_address_names_one() {
    for (text, path) in [
        ("/var/lib/users.db", "/var/lib/users.db"),
        ("a%20b.db", "a%20b.db"),
        ("users.db?_busy_timeout=10", "users.db"),
        ("file:users.db", "users.db"),
        ("file:/var/a%20b%3f.db?mode=ro#x", "/var/a b?.db"),
        ("file:///var/users.db", "/var/users.db"),
        ("file://localhost/var/users.db", "/var/users.db"),
    ] {
        let text = text.strip_suffix("#x").unwrap_or(text);
        assert_eq!(found(text).path, PathBuf::from(path), "{text}");
    }
}

#[test]
fn keys_say_how_it_is_opened() {
    let least = found("users.db");
    assert_eq!((least.mode, least.busy), (Mode::Create, Duration::from_secs(5)));
    let all = found("file:a.db?mode=ro&cache=shared&immutable=1&_timeout=7&_journal=WAL&_loc=auto");
    assert_eq!(
        (all.mode, all.shared_cache, all.immutable),
        (Mode::ReadOnly, true, true)
    );
    assert_eq!(
        (all.busy, all.journal.as_deref()),
        (Duration::from_millis(7), Some("wal"))
    );
}

#[test]
fn what_is_wrong_is_told_in_its_place() {
    for (text, fault) in [
        (":memory:", "0..8: names no file"),
        ("file::memory:?cache=shared", "0..13: names no file"),
        ("file:?mode=ro", "0..5: names no file"),
        ("file://other/a.db", "0..17: names a host"),
        ("file:a%zz", "0..9: has a broken `%` in its path"),
        ("a.db?mode=ro", "5..9: `mode` counts only in an address"),
        ("file:a.db?mode=memory", "10..14: `mode` must be `ro`, `rw` or `rwc`"),
        ("file:a.db?vfs=unix", "10..13: `vfs` is not known here"),
        ("a.db?_fk=1", "5..8: `_fk` is not known here"),
        ("a.db?_auth_pass=x", "5..15: `_auth_pass` is not known here"),
        (
            "a.db?_timeout=soon",
            "5..13: `_timeout` must be a number of milliseconds",
        ),
        ("a.db?_journal=x", "5..13: `_journal` must be"),
    ] {
        let told = read(text).unwrap_err().to_string();
        assert!(told.starts_with(fault), "{text}: {told}");
    }
}

proptest! {
    #[test]
    fn every_path_can_be_written_as_an_address(path in "[!-~é ]{1,20}") {
        prop_assume!(!path.contains(":memory:"));
        let address = path.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        prop_assert_eq!(found(&format!("file:{address}?mode=rw")).path, PathBuf::from(path));
    }

    #[test]
    fn no_text_makes_it_stumble(text in "(file:)?[a/?=&%#:]{0,20}", any in ".{0,30}") {
        let _ = (read(&text), read(&any));
    }
}
