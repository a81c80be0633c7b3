use std::fs;

use crate::process::{ADA, Site};

#[test]
fn no_secret_is_in_the_log_at_any_level() {
    let site = Site::new();
    let password = "planted-password-4711";
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    site.write("filter.secret", "planted-filter-secret-4711\n");
    let hash = "sha256:5555555555555555555555555555555555555555555555555555555555555555";
    site.write(
        "auth.yml",
        &format!(
            "server: {{addr: \"127.0.0.1:0\"}}\nfilter: {{listen: \"127.0.0.1:{port}\", secret_file: filter.secret}}\n\
             token: {{issuer: i, key: token.pem}}\nusers: {{ada: {{password: \"{ADA}\"}}, eve: {{password: \"{hash}\"}}}}\nacl: []\n"
        ),
    );
    let server = site.spawn(&["serve", "--log-format", "json", "-v", "3", "auth.yml"]);
    server.wait_for("configuration in force");
    let token = server.login("ada:ada-secret", "").json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    server.login(&format!("ada:{password}"), "");
    server.login(&format!("eve:{password}"), "");
    let form = format!("grant_type=password&username=ada&password={password}&service=x");
    server.token(&format!(
        "POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    ));
    // A configuration that is refused is told as well, and one that holds a secret where none belongs.
    site.write(
        "auth.yml",
        &format!("users: {{ada: {{password: \"{password}\"}}}}\nacl: 7\n"),
    );
    server.wait_for("the last good one stays");
    let log = server.log();
    let key = fs::read_to_string(site.folder.path().join("token.pem")).unwrap();
    let key = key.lines().nth(1).unwrap();
    let basic = crate::process::base64("ada:ada-secret");
    for secret in [
        password,
        "planted-filter-secret-4711",
        ADA,
        hash,
        key,
        "ada-secret",
        &basic,
        &token,
    ] {
        assert!(!log.contains(secret), "`{secret}` is in the log:\n{log}");
    }
    assert!(
        log.contains("\"ada\"") || log.contains("ada"),
        "the audit names the account:\n{log}"
    );
}
