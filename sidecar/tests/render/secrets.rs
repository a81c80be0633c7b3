//! Keys and hashes stand in nothing that is rendered, save where they are asked for.

use crate::*;

#[test]
fn no_key_and_no_hash_is_printed() {
    let key = include_str!("../../../core/src/token/testdata/p256.pem");
    let certificate = include_str!("../../../core/src/token/testdata/certificate/self_p256.pem");
    let written = key
        .lines()
        .fold("token:\n  issuer: i\n  key: |\n".to_owned(), |text, line| {
            text + "    " + line + "\n"
        });
    // As a file, as what stands for a file's, as text in the configuration, and as a variable.
    for (server, token) in [
        ("", "token: {issuer: i, key: a.key, certificate: a.crt}\n"),
        (", key: a.key, certificate: a.crt", "token: {issuer: i}\n"),
        ("", written.as_str()),
        ("", "token: {issuer: i, key_env: KEY}\n"),
    ] {
        let folder = Folder::with(&format!(
            "server: {{addr: \":5001\"{server}}}\n{token}users: {{ada: {{password: \"{HASH}\"}}}}\nacl: []\n\
             filter: {{listen: \"unix:/run/filter.sock\"}}\n"
        ));
        fs::write(folder.path("a.key"), key).unwrap();
        fs::write(folder.path("a.crt"), certificate).unwrap();
        for target in ["envoy", "envoy-managed"] {
            let ran = folder.render(&format!(
                "auth_config.yml --for {target} --registry registry:5000 -o out"
            ));
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            let mut texts = vec![ran.stdout, ran.stderr];
            let files = fs::read_dir(folder.path("out")).unwrap();
            texts.extend(files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()));
            let secrets = key
                .lines()
                .filter(|line| line.len() > 20)
                .chain(["$2b$", "PRIVATE KEY", "BEGIN"]);
            for secret in secrets {
                assert!(!texts.iter().any(|text| text.contains(secret)), "{token}{texts:#?}");
            }
        }
    }
}

#[test]
fn the_users_are_printed_for_the_variable_that_is_to_hold_them() {
    let folder = Folder::with(&format!(
        "token: {{key: nowhere.key}}\nusers:\n  ada: {{password: \"{HASH}\", labels: {{team: [blue, \"a\\\"b\"]}}}}\n  \"\": {{}}\n"
    ));
    assert_eq!(
        folder.rendered("auth_config.yml --users"),
        format!(r#"{{"ada": {{"password":"{HASH}","labels":{{"team":["blue","a\"b"]}}}}, "": {{}}}}"#) + "\n"
    );
}

#[test]
fn users_that_no_variable_holds_are_refused() {
    let users = (0..2_000).fold(String::new(), |users, i| {
        users + &format!("  a{i}: {{password: \"{HASH}\"}}\n")
    });
    let folder = Folder::with(&format!("users:\n{users}"));
    let ran = folder.render("auth_config.yml --users");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr.contains("an environment variable holds 128"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("$2b$"), "{}", ran.stderr);
}
