use std::os::unix::fs::PermissionsExt;

use clap::Parser;
use registry_auth_core::token::{Chain, KidForm};
use serde_json::Value;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    keygen: Keygen,
}

/// As typed, writing into `folder`.
fn keygen(folder: &Path, line: &str) -> Keygen {
    let words = line.split_whitespace().map(str::to_owned);
    let output = ["-o".to_owned(), folder.display().to_string()];
    let words = std::iter::once("keygen".to_owned()).chain(output).chain(words);
    Line::try_parse_from(words)
        .unwrap_or_else(|error| panic!("{error}"))
        .keygen
}

/// A key that never changes.
fn fixed(name: &str) -> String {
    format!("{}/../tests/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn key_certificate_and_key_set_are_written_and_fit() {
    let folder = tempfile::tempdir().unwrap();
    // Made on the way, as is the folder above it.
    let folder = folder.path().join("site/keys");
    keygen(&folder, "--days 30").make(NOW).unwrap();
    assert_eq!(names(&folder), [KEY_SET, CERTIFICATE, KEY].map(str::to_owned));
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let key = SigningKey::from_pem(&Secret::new(text(KEY))).unwrap();
    assert_eq!(key.algorithm(), token::Algorithm::Es256);
    let chain = Chain::from_pem(&text(CERTIFICATE), &key).unwrap();
    assert_eq!(chain.valid_from(), NOW.minus(Duration::from_hours(1)));
    assert_eq!(chain.valid_until(), NOW.plus(Duration::from_hours(30 * 24)));
    let set: Value = serde_json::from_str(&text(KEY_SET)).unwrap();
    let kids: Vec<_> = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    assert_eq!(kids, [key.kid(KidForm::Libtrust), key.kid(KidForm::Thumbprint)]);
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(KEY), 0o600);
    // Less if the umask says so.
    assert_eq!(mode(CERTIFICATE) & 0o133, 0);
}

#[test]
fn nothing_is_ever_overwritten_nor_left_half_done() {
    for there in [KEY, CERTIFICATE, KEY_SET] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(there), "precious").unwrap();
        let refused = keygen(folder.path(), "").make(NOW).err().unwrap();
        assert!(
            matches!(&refused, KeygenError::Exists(path) if path.ends_with(there)),
            "{refused}"
        );
        assert_eq!(names(folder.path()), [there]);
        assert_eq!(fs::read_to_string(folder.path().join(there)).unwrap(), "precious");
        // One that came meanwhile.
        let made = [KEY, CERTIFICATE, KEY_SET].map(|name| folder.path().join(name));
        let files: Vec<_> = made
            .iter()
            .map(|path| File {
                path,
                text: "new",
                mode: 0o600,
            })
            .collect();
        assert!(matches!(
            keygen(folder.path(), "").write(&files),
            Err(KeygenError::Exists(_))
        ));
        assert_eq!(names(folder.path()), [there]);
        assert_eq!(fs::read_to_string(folder.path().join(there)).unwrap(), "precious");
    }
}

#[test]
fn a_dangling_link_is_not_followed_to_where_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, folder.path().join(KEY)).unwrap();
    assert!(matches!(
        keygen(folder.path(), "").make(NOW),
        Err(KeygenError::Exists(_))
    ));
    assert!(!elsewhere.exists());
}

#[test]
fn of_an_existing_key_all_but_the_key_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(KEY), "another one, which is in nobody's way").unwrap();
    let line = format!("--from {}", fixed("es256"));
    keygen(folder.path(), &line).make(NOW).unwrap();
    assert_eq!(names(folder.path()), [KEY_SET, CERTIFICATE, KEY].map(str::to_owned));
}

#[test]
fn what_is_printed_can_be_pasted() {
    let mut texts = Vec::new();
    for (key, line) in [
        (
            "es256",
            "--service registry.example --realm https://registry.example/token",
        ),
        ("eddsa", "--issuer our:issuer: --service 5000"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let asked = keygen(folder.path(), &format!("--from {} {line}", fixed(key)));
        let told = asked.make(NOW).unwrap();
        let here = |text: &str| {
            let text = text.replace(&folder.path().display().to_string(), "/etc/keys");
            text.replace(&fixed(key), "/etc/old.key")
        };
        texts.push(here(&told.text()));
        texts.push(here(&told.json()));
    }
    insta::assert_snapshot!(texts.join("\n==========\n"));
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display().to_string();
    let public = folder.path().join("public.pem");
    fs::write(&public, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    fs::write(folder.path().join(CERTIFICATE), "").unwrap();
    let told = |folder: &Path, line: &str| keygen(folder, line).make(NOW).err().unwrap().to_string();
    let told = [
        told(folder.path(), ""),
        told(&file, ""),
        told(&folder.path().join("new"), &format!("--from {here}/none.pem")),
        told(&folder.path().join("new"), &format!("--from {}", public.display())),
        told(folder.path(), "--issuer="),
    ];
    insta::assert_snapshot!(told.join("\n").replace(&here, "/etc/keys"));
}
