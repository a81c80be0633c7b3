//! Nothing of the configuration is shown or logged, neither by Envoy nor by the program.

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::sidecar::Site;

use crate::*;

const WRONG_PASSWORD: &str = "planted-wrong-password";

#[test]
fn no_secret_of_the_configuration_is_shown_or_logged() {
    let pair = Certified::self_signed(Algorithm::Es256);
    let mut config = config_with_program();
    config["token"]["key"] = json!("token.key");
    config["token"]["certificate"] = json!("token.crt");
    config["users"]["machine"] = json!({"password": keys::ADA_SECRET_SHA256});
    config["users"]["planted-name"] = json!({"password": keys::ADA_SECRET_COST_10});
    config["acl"][0]["comment"] = json!("planted-comment");
    config["acl"][1]["match"]["name"] = json!("planted-pattern/*");
    let site = Site::new(&config);
    site.write("token.key", &pair.key());
    site.write("token.crt", &pair.certificate());
    site.write_program("auth.sh", AUTH);
    let program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));

    let pem = pair.key();
    let mut secrets: Vec<_> = pem
        .lines()
        .filter(|line| !line.starts_with('-'))
        .map(str::to_owned)
        .collect();
    secrets.extend([
        keys::ADA_SECRET["$2b$05$".len()..].to_owned(),
        keys::ADA_SECRET_COST_10["$2b$10$".len()..].to_owned(),
        keys::ADA_SECRET_SHA256["sha256:".len()..].to_owned(),
    ]);
    for account in ["ada", "machine", "planted-name", "bea"] {
        for password in [StandIn::password(account).as_str(), "ada-secret", WRONG_PASSWORD] {
            secrets.push(password.to_owned());
            secrets.push(http::basic(account, password)["Basic ".len()..].to_owned());
            let answer = ask(&proxy.envoy, account, password, "repository:blue/app:pull");
            if answer.status == 200 {
                secrets.push(token(&answer));
            } else {
                assert_error(&answer, 401, "UNAUTHORIZED");
            }
        }
    }
    // A file that is wrong is told, without what is in it; so is what is handed over.
    let mut wrong = config.clone();
    wrong["token"]["issuer"] = Value::Null;
    wrong["token"]["key"] = json!(pair.key());
    wrong["users"]["ada"]["password"] = json!(WRONG_PASSWORD);
    site.configure(&wrong);
    let mut program = program;
    program.wait_for_log("refused");
    site.configure(&config);
    proxy.assert_at_rest("a wrong file");
    proxy.envoy.wait_for_audit_lines(12);

    let audit = proxy
        .envoy
        .audit_lines()
        .iter()
        .map(Value::to_string)
        .collect::<String>();
    let own = [
        ("the program's log", program.log()),
        ("the audit records", audit),
        ("Envoy's log", proxy.envoy.log()),
    ];
    let shown = [
        "/config_dump?include_eds",
        "/stats",
        "/stats/prometheus",
        "/server_info",
        "/clusters",
        "/init_dump",
    ]
    .map(|path| (path, proxy.envoy.admin(path)));
    assert!(
        shown[0].1.contains("registry-auth"),
        "the dump holds the plugin's configuration"
    );
    for (place, text) in own
        .iter()
        .map(|(place, text)| (*place, text))
        .chain(shown.iter().map(|(path, text)| (*path, text)))
    {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "`{secret}` in {place}");
        }
    }
    // Rules and names are nobody's business where Envoy shows what it has.
    for (place, text) in &shown {
        for planted in [
            "planted-comment",
            "planted-pattern",
            "planted-name",
            "BEGIN CERTIFICATE",
        ] {
            assert!(!text.contains(planted), "`{planted}` in {place}");
        }
    }
}
