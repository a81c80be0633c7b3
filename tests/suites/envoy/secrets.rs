//! Secrets are planted and looked for in all that Envoy shows or writes.

use registry_auth_tests::certificates::{Algorithm, Certified};
use sha2::{Digest as _, Sha256};

use crate::*;

const PASSWORD: &str = "ada-secret";
const WRONG_PASSWORD: &str = "planted-wrong-password";
const MACHINE_SECRET: &str = "planted-secret-of-a-machine";

/// A text that must not be found, and what it is.
struct Secret(&'static str, String);

#[test]
fn no_secret_is_shown_or_logged() {
    let key = Certified::self_signed(Algorithm::Es256);
    let digits = Sha256::digest(MACHINE_SECRET)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>();
    let machine_hash = digits.concat();
    let users = json!({
        "ada": {"password": keys::ADA_SECRET},
        "machine": {"password": format!("sha256:{machine_hash}")},
        "": {},
    });
    let config = json!({
        "token": {"issuer": "registry-auth", "key_env": "TOKEN_KEY", "certificate_env": "TOKEN_CERTIFICATE"},
        "users_env": "TOKEN_USERS",
        "acl": [{"match": {}, "actions": ["pull"]}],
        "audit": "log",
    });
    for level in ["info", "trace"] {
        let setup = Envoy::standalone(&config).signed_by(&key).log_level(level);
        let mut envoy = setup.env("TOKEN_USERS", &users.to_string()).start();
        let mut secrets = vec![
            Secret("the hash", keys::ADA_SECRET["$2b$05$".len()..].to_owned()),
            Secret("the machine's hash", machine_hash.clone()),
        ];
        let pem = key.key();
        let lines = pem.lines().filter(|line| !line.starts_with('-'));
        secrets.extend(lines.map(|line| Secret("the key", line.to_owned())));
        let mut errors = malformed(&envoy);
        for (account, password) in [("ada", PASSWORD), ("ada", WRONG_PASSWORD), ("machine", MACHINE_SECRET)] {
            secrets.push(Secret("a password", password.to_owned()));
            for answer in use_everywhere(&envoy, account, password, &mut secrets) {
                if password == WRONG_PASSWORD {
                    assert_eq!(answer.status, 401);
                    errors += &shown(&answer);
                } else {
                    secrets.push(Secret("a token", token(&answer)));
                }
            }
        }
        // The faults of a configuration are told without the values: here the key is taken for the list of users.
        let mut confused = config.clone();
        confused["users_env"] = json!("TOKEN_KEY");
        confused["token"]["key_env"] = json!("TOKEN_USERS");
        assert!(matches!(envoy.swap_config(&confused), Swap::Refused(_)));
        envoy.wait_for_audit_lines(6);

        let log = envoy.log();
        assert!(
            log.contains("registry_auth: audit: {"),
            "the log holds what is looked through: {log}"
        );
        // Below `info` Envoy itself logs the headers that it reads, in two forms. All else is judged, not ours alone.
        let of_envoy = |line: &&str| line.contains("key=authorization value=") || line.contains("'authorization', '");
        let log: Vec<_> = log.lines().filter(|line| level == "info" || !of_envoy(line)).collect();
        let log = log.join("\n");
        let dump = envoy.admin("/config_dump");
        assert!(
            dump.contains("TOKEN_USERS"),
            "the dump holds the plugin's configuration: {dump}"
        );
        let audit = envoy.audit_lines().iter().map(Value::to_string).collect();
        let places = [("the log", log), ("the audit records", audit), ("errors", errors)]
            .into_iter()
            .chain(
                [
                    "/config_dump?include_eds",
                    "/stats",
                    "/stats/prometheus",
                    "/server_info",
                    "/clusters",
                    "/init_dump",
                ]
                .map(|path| (path, envoy.admin(path))),
            );
        for (place, text) in places {
            for Secret(what, secret) in &secrets {
                assert!(
                    !text.contains(secret.as_str()),
                    "{what} `{secret}` at {level} in {place}"
                );
            }
        }
    }
}

/// Logs in by GET and by POST; what is derived of the password is a secret too.
fn use_everywhere(envoy: &Envoy, account: &str, password: &str, secrets: &mut Vec<Secret>) -> [Response; 2] {
    let basic = http::basic(account, password);
    secrets.push(Secret("credentials", basic["Basic ".len()..].to_owned()));
    let url = format!("{}/token", envoy.url());
    let form = format!("grant_type=password&service=registry&client_id=test&username={account}&password={password}");
    [
        http::get(&format!("{url}?service=registry"), &[("authorization", &basic)]),
        http::post_form(&url, &[], &form),
    ]
}

/// What is answered to credentials that are sent in a wrong way.
#[track_caller]
fn malformed(envoy: &Envoy) -> String {
    let url = format!("{}/token", envoy.url());
    let basic = http::basic("ada", PASSWORD);
    let answers = [
        http::get(&format!("{url}?scope=x"), &[("authorization", &basic)]),
        http::get(&url, &[("authorization", &format!("Bearer {PASSWORD}"))]),
        http::get(&url, &[("authorization", &format!("Basic {PASSWORD}"))]),
        http::post_form(
            &url,
            &[],
            &format!("grant_type={PASSWORD}&username=ada&password={PASSWORD}"),
        ),
        http::post_form(&url, &[], &format!("password={PASSWORD}%zz")),
        http::request("PUT", &url, &[("authorization", &basic)], PASSWORD.as_bytes()),
    ];
    answers.iter().fold(String::new(), |all, answer| {
        assert!((400..500).contains(&answer.status), "{answer:?} {}", answer.text());
        all + &shown(answer)
    })
}

/// All of an answer that a client sees.
fn shown(answer: &Response) -> String {
    format!("{:?}\n{}\n", answer.headers, answer.text())
}
