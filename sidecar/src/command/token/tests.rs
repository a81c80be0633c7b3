use clap::Parser;
use serde_json::Value;

use super::*;

/// Within the life of the certificate beside the test keys, which was made shortly before.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

const RULES: &str = r#"
users:
  ada: {password: "$2b$05$uDKdZk2I3Vqqf1ttynmV1.g2oK16S/n/Xdsvtd7PLQg6QHrX88iOe", labels: {team: [blue]}}
  bob: {password: ""}
  "": {}
acl:
  - {match: {labels: {team: blue}, name: "blue/*"}, actions: [pull, push], comment: "the team's own"}
  - {match: {name: "public/*"}, actions: [pull]}
  - {match: {account: ada, name: "office/*", ip: 10.0.0.0/8}, actions: ["*"]}
"#;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    token: Token,
}

/// A folder with a configuration of this key and these sections.
struct Site(tempfile::TempDir);

impl Site {
    fn new(token: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/keys");
        let token = token.replace("KEYS", keys);
        std::fs::write(folder.path().join("auth.yml"), format!("token: {{{token}}}\n{more}")).unwrap();
        Self(folder)
    }

    fn asked(&self, line: &str) -> Token {
        let file = self.0.path().join("auth.yml").display().to_string();
        let words = ["token", &file]
            .into_iter()
            .map(str::to_owned)
            .chain(line.split_whitespace().map(str::to_owned));
        Line::try_parse_from(words)
            .unwrap_or_else(|error| panic!("{error}"))
            .token
    }

    async fn mint(&self, line: &str) -> Result<mint::Outcome, TokenError> {
        mint::mint(&self.asked(line), |_| None, NOW).await
    }

    async fn minted(&self, line: &str) -> Box<mint::Minted> {
        match self.mint(line).await.unwrap() {
            mint::Outcome::Minted(minted) => minted,
            mint::Outcome::Refused(why) => panic!("{why}"),
        }
    }

    /// What is said of it, with this folder left out.
    fn told(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }

    fn decoded(&self, token: &str, now: Timestamp) -> decode::Verdict {
        let token = Secret::new(token.to_owned());
        decode::decode(&self.asked("--decode").files, |_| None, &token, now).unwrap()
    }
}

const ES256: &str = "issuer: registry-auth, expiration: 900, key: KEYS/es256.pem, certificate: KEYS/es256.crt";

#[tokio::test]
async fn a_token_is_what_the_rules_say_for_that_account() {
    let site = Site::new(ES256, RULES);
    let mut told = Vec::new();
    for (line, exit) in [
        ("--account ada --scope repository:blue/app:pull,push", Exit::Yes),
        (
            "--account ada --scope repository:blue/app:delete,pull --scope repository:else:pull",
            Exit::No,
        ),
        ("--account ada --scope repository:office/app:pull", Exit::No),
        (
            "--account ada --scope repository:office/app:pull --ip 10.1.2.3",
            Exit::Yes,
        ),
        ("--scope repository:public/app:pull --lifetime 90s", Exit::Yes),
        (
            "--account nobody --grant --scope repository:blue/app:delete --service other",
            Exit::Yes,
        ),
        ("--account ada", Exit::Yes),
    ] {
        let minted = site.minted(line).await;
        assert_eq!(minted.exit(), exit, "{line}");
        let verdict = site.decoded(minted.token().expose(), NOW);
        assert_eq!(verdict.exit(), Exit::Yes, "{}", verdict.text());
        told.push(format!("$ token {line}\n{}", site.told(&minted.text())));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn who_would_not_be_let_in_gets_no_token() {
    let site = Site::new(ES256, &RULES.replace("  \"\": {}\n", ""));
    let mut told = Vec::new();
    for line in ["--account eve", "--account bob", ""] {
        match site.mint(line).await.unwrap() {
            mint::Outcome::Refused(why) => told.push(why),
            mint::Outcome::Minted(_) => panic!("{line}"),
        }
    }
    let services = Site::new(ES256, &format!("services: [registry]\n{RULES}"));
    for line in ["--account ada --service other", "--account ada --service other --grant"] {
        match services.mint(line).await.unwrap() {
            mint::Outcome::Refused(why) => told.push(why),
            mint::Outcome::Minted(_) => panic!("{line}"),
        }
    }
    let backends = Site::new(ES256, &format!("ext_auth: {{command: /bin/false}}\n{RULES}"));
    for (site, line) in [
        (&backends, "--account eve"),
        (&site, "--account ada --lifetime 901s"),
        (&site, "--account ada --scope repository:pull"),
    ] {
        told.push(site.mint(line).await.err().unwrap().to_string());
    }
    insta::assert_snapshot!(told.join("\n"));
    let grant = backends
        .minted("--account eve --grant --scope repository:blue/app:pull")
        .await;
    assert_eq!(grant.exit(), Exit::Yes);
}

#[tokio::test]
async fn what_no_rule_decides_is_asked_of_the_back_ends_as_serve_asks_them() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("authz.sh");
    std::fs::write(&program, "#!/bin/sh\ngrep -q team/ && exit 0; exit 1\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let site = Site::new(
        ES256,
        &format!("ext_authz: {{command: {}}}\n{RULES}", program.display()),
    );
    let minted = site
        .minted("--account ada --scope repository:team/app:pull,push --scope repository:else:pull")
        .await;
    assert_eq!(minted.exit(), Exit::No);
    for line in [
        "repository:team/app  granted pull,push  by ext_authz\n",
        "repository:else  not pull  ",
    ] {
        assert!(minted.text().contains(line), "{}", minted.text());
    }
}

#[tokio::test]
async fn the_token_stands_in_no_text_but_its_own() {
    let site = Site::new(ES256, RULES);
    let minted = site.minted("--account ada --scope repository:blue/app:pull").await;
    let token = minted.token().expose().trim().to_owned();
    let [signed, signature] = <[&str; 2]>::try_from(token.rsplitn(2, '.').collect::<Vec<_>>())
        .map(|[b, a]| [a, b])
        .unwrap();
    assert!(!minted.text().contains(signature) && !minted.text().contains(signed));
    let json: Value = serde_json::from_str(minted.json().expose()).unwrap();
    assert_eq!(json["token"], token);
    assert_eq!(json["scopes"][0]["granted"], serde_json::json!(["pull"]));
    let verdict = site.decoded(&token, NOW);
    for text in [verdict.text(), verdict.json()] {
        assert!(!text.contains(signature), "{text}");
    }
}

#[tokio::test]
async fn a_token_is_told_in_words_with_all_that_is_wrong_with_it() {
    let site = Site::new(ES256, RULES);
    let token = site
        .minted("--account ada --scope repository:blue/app:pull,push --scope registry:catalog:*")
        .await;
    let token = token.token().expose().clone();
    let number = {
        let json: Value = serde_json::from_str(&site.decoded(&token, NOW).json()).unwrap();
        json["claims"]["jti"].as_str().unwrap().to_owned()
    };
    let minute = Duration::from_mins(1);
    let other_issuer = Site::new("issuer: other, key: KEYS/es256.pem", "services: [elsewhere]");
    let other_key = Site::new("issuer: registry-auth, key: KEYS/es384.pem", "");
    let certificate = Site::new("issuer: registry-auth, certificate: KEYS/es256.crt", "");
    let forged = {
        let (signed, _) = token.rsplit_once('.').unwrap();
        format!("{signed}.{}", "A".repeat(86))
    };
    let mut told = Vec::new();
    for (what, site, token, now, exit) in [
        ("good", &site, &token, NOW.plus(minute), Exit::Yes),
        (
            "by the certificate alone",
            &certificate,
            &token,
            NOW.plus(minute),
            Exit::Yes,
        ),
        (
            "expired just now",
            &site,
            &token,
            NOW.plus(15 * minute + minute / 3),
            Exit::No,
        ),
        ("expired", &site, &token, NOW.plus(18 * minute), Exit::No),
        ("not yet valid", &site, &token, NOW.minus(2 * minute), Exit::No),
        ("another issuer", &other_issuer, &token, NOW, Exit::No),
        ("another key", &other_key, &token, NOW, Exit::No),
        ("forged", &site, &forged, NOW, Exit::No),
    ] {
        let verdict = site.decoded(token, now);
        assert_eq!(verdict.exit(), exit, "{what}");
        let json: Value = serde_json::from_str(&verdict.json()).unwrap();
        assert_eq!(json["good"], exit == Exit::Yes, "{what}");
        told.push(format!("# {what}\n{}", site.told(&verdict.text())));
    }
    insta::assert_snapshot!(told.join("\n").replace(&number, "0123456789abcdef0123456789abcdef"));
}

#[test]
fn what_cannot_be_judged_is_told_with_what_to_do() {
    let told = |site: &Site, token: &str| {
        let token = Secret::new(token.to_owned());
        let told = decode::decode(&site.asked("--decode").files, |_| None, &token, NOW)
            .err()
            .unwrap();
        site.told(&told.to_string())
    };
    let good = Site::new(ES256, "");
    let told = [
        told(&good, ""),
        told(&good, "hunter2"),
        told(&Site::new("issuer: i", ""), "a.b.c"),
        told(&Site::new("issuer: i, key: /nowhere/token.key", ""), "a.b.c"),
        told(&Site::new("issuer: i, certificate: KEYS/es256.pem", ""), "a.b.c"),
    ];
    // With the mark under that path, which is as long as the path is here.
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/keys");
    let mark = |keys: &str| "^".repeat(keys.len() + "/es256.pem".len());
    insta::assert_snapshot!(
        told.join("\n")
            .replace(keys, "/keys")
            .replace(&mark(keys), &mark("/keys"))
    );
}

#[test]
fn a_life_is_a_second_at_least() {
    for (text, error) in [
        ("0s", "must be a second at least"),
        ("5", "needs a unit, as in `60s` or `10m`"),
    ] {
        assert_eq!(lifetime(text).unwrap_err().to_string(), error);
    }
    assert_eq!(lifetime("1m30s").unwrap().as_secs(), 90);
}
