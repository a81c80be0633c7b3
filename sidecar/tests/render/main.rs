//! `registry-auth render`, as an operator types it: what it writes, what it refuses, and with which words.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "all of this is tests: a failed expectation is how they speak"
)]

mod mesh;
mod refusals;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A hash that must never be seen, of no password.
const HASH: &str = "$2b$05$sjVcqXgyFeIDp6clSzkW.uchqZ5pbeJNWWPi/LNMXaXH5s3c5bi.W";

/// The least that can be rendered for every target.
const PLAIN: &str = "server: {addr: \"127.0.0.1:5001\"}\ntoken: {issuer: registry-auth, expiration: 900, key: token.key, \
    certificate: token.crt}\nusers: {\"\": {}}\nacl: []\nfilter: {listen: \"unix:/run/registry-auth/filter.sock\"}\n";

/// What a run of the program answered.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A folder in which the program is run.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With this configuration.
    fn with(text: &str) -> Self {
        let folder = Self::new();
        fs::write(folder.path("auth_config.yml"), text).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Types this after `registry-auth render`.
    fn render(&self, line: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_registry-auth"));
        command.arg("render").args(line.split_whitespace());
        let output = command
            .current_dir(self.0.path())
            .env("KEY", include_str!("../../../core/src/token/testdata/p256.pem"))
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same, with the answer.
    #[track_caller]
    fn rendered(&self, line: &str) -> String {
        let ran = self.render(line);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    }
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What ships in `envoy/`, by the commands with which it was made. `UPDATE=1 cargo test` makes it anew.
#[test]
fn what_ships_is_what_is_rendered() {
    let folder = Folder::new();
    for (from, name) in [("envoy", "auth_config.yml"), ("docker/config", "auth_config.yml")] {
        fs::create_dir_all(folder.path(from)).unwrap();
        fs::copy(checkout().join(from).join(name), folder.path(from).join(name)).unwrap();
    }
    let mesh = "envoy/auth_config.yml --registry registry:5000 --sidecar registry-auth:5003 --namespace registry \
                --gateway public/https --wasm oci://registry.example/registry-auth:1 -o envoy --for";
    for line in [
        "envoy/auth_config.yml --for envoy --registry 127.0.0.1:5000 --listen 127.0.0.1:5001 -o envoy",
        "docker/config/auth_config.yml --for envoy-managed --registry registry:5000 --listen 0.0.0.0:5001 \
         --wasm /usr/local/lib/registry_auth.wasm -o envoy",
        &format!("{mesh} istio"),
        &format!("{mesh} envoy-gateway"),
    ] {
        let _ = folder.rendered(line);
    }
    for name in [
        "standalone.yaml",
        "registry_auth.yaml",
        "managed.yaml",
        "istio.yaml",
        "envoy_gateway.yaml",
    ] {
        let rendered = folder.read(&format!("envoy/{name}"));
        let shipped = checkout().join("envoy").join(name);
        if std::env::var("UPDATE").is_ok() {
            fs::write(&shipped, &rendered).unwrap();
        }
        let shipped = fs::read_to_string(shipped).unwrap();
        assert!(
            rendered == shipped,
            "`envoy/{name}` is not what `registry-auth render` writes; `UPDATE=1 cargo test -p registry-auth-sidecar \
             --test render` makes it anew"
        );
    }
}

#[test]
fn all_that_a_listener_has_is_rendered() {
    let folder = Folder::with(
        "server:\n  addr: \":5443\"\n  path_prefix: /auth_1\n  certificate: \"tls/it's #1.crt\"\n  key: tls/server.key\n  hsts: true\n  \
         tls_min_version: TLS11\n  tls_curve_preferences: [P384, X25519, P384, \"4588\"]\n  \
         tls_cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \"0xc014\", TLS_AES_128_GCM_SHA256]\n  \
         real_ip_header: X-Forwarded-For\n  hosts: [registry.example]\n\
         token: {issuer: \"it's \\\"odd\\\": #1 {x}, - \\u2028\", key_env: SIGNING_KEY, expiration: 600}\n\
         users_env: USERS\nservices: [\"first: one\"]\nacl_options: {double_star: true}\nthrottle: {failures: 3}\ncache: {tokens: false}\n\
         acl:\n  - {match: {ip: 10.0.0.0/8}, actions: [\"*\"], comment: \"a\\nb: # c\"}\n  - {match: {labels: {\"x y\": \"${account}\"}}, actions: []}\n",
    );
    let told = folder.rendered("auth_config.yml --for envoy --registry [2001:db8::7]:5000 -o .");
    insta::assert_snapshot!("told", told);
    let [bootstrap, filter] = ["standalone.yaml", "registry_auth.yaml"].map(|name| folder.read(name));
    insta::assert_snapshot!("everything_standalone", bootstrap);
    insta::assert_snapshot!("everything_registry_auth", filter);
}

#[test]
fn a_program_elsewhere_is_asked_with_what_proves_the_filter() {
    let tls = "filter: {listen: \":5003\", tls: {certificate: a.crt, key: a.key, client_ca: ca.crt, client_names: [envoy]}}\n";
    let secret = "filter: {listen: \"127.0.0.1:5003\", secret_file: /run/secret}\n";
    let plain = PLAIN.rsplit_once("filter:").unwrap().0;
    let managed = "auth_config.yml --for envoy-managed --registry registry:5000";
    let part = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("# Written"));
        let lines: Vec<_> = lines.collect();
        let at = |mark: &str| lines.iter().position(|line| line.contains(mark)).unwrap();
        let (opening, filter, router) = (at("admin:"), at("vm_config:"), at("http.router"));
        let (program, end) = (at("# `registry-auth`. HTTP/2"), at("# V8 needs"));
        [
            &lines[..opening],
            &["…"],
            &lines[filter..router],
            &["…"],
            &lines[program..end],
        ]
        .concat()
        .join("\n")
    };
    for (name, filter, more) in [
        ("mutual_tls", tls, " --sidecar auth.internal:5003"),
        ("secret", secret, " --trusted-hops 2"),
        ("not_configured", "", " --sidecar [2001:db8::1]:5003"),
    ] {
        let folder = Folder::with(&format!("{plain}{filter}"));
        let text = folder.rendered(&format!("{managed}{more}"));
        assert_eq!(text.contains("xff_num_trusted_hops: 2"), name == "secret");
        insta::assert_snapshot!(name, part(&text));
    }
}

#[test]
fn the_answer_is_json_where_it_is_asked_for() {
    let folder = Folder::with(PLAIN);
    let line = "auth_config.yml --for envoy-managed --registry registry:5000 --json";
    let answer: serde_json::Value = serde_json::from_str(&folder.rendered(line)).unwrap();
    assert_eq!(answer["files"][0]["path"], "managed.yaml");
    assert!(
        answer["files"][0]["text"]
            .as_str()
            .unwrap()
            .contains("static_resources:")
    );
    for state in ["written", "unchanged"] {
        let answer: serde_json::Value = serde_json::from_str(&folder.rendered(&format!("{line} -o out"))).unwrap();
        assert_eq!(
            answer,
            serde_json::json!({"files": [{"path": "out/managed.yaml", "state": state}]})
        );
    }
}
