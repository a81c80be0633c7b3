//! `registry-auth doctor`, in front of real registries behind the real Envoy, of which each has one thing broken.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::envoy::{Envoy, Setup};
use registry_auth_tests::module::Module;
use registry_auth_tests::ports::Port;
use registry_auth_tests::process::{Ran, run_with_input};
use registry_auth_tests::registry::{self, Registry, RegistryRelease};
use registry_auth_tests::{keys, parts};
use serde_json::{Value, json};

const PASSWORD: &str = "ada-secret";
const LIMIT: Duration = Duration::from_mins(1);

fn config() -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key_env": "TOKEN_KEY", "certificate_env": "TOKEN_CERTIFICATE"},
        "users": {"ada": {"password": keys::ADA_SECRET}, "": {}},
        "acl": [{"match": {"account": "ada", "name": "team/*"}, "actions": ["pull", "push"]}],
    })
}

/// A registry behind Envoy, both good unless something is changed about them.
struct Site {
    envoy: Envoy,
    _registry: Registry,
    key: Certified,
}

impl Site {
    /// `envoy` changes the proxy, `registry` the registry.
    #[track_caller]
    fn start(
        config: &Value,
        envoy: impl FnOnce(Setup) -> Setup,
        registry: impl FnOnce(registry::Setup, &Certified) -> registry::Setup,
    ) -> Self {
        let key = Certified::self_signed(Algorithm::Es256);
        let setup = envoy(Envoy::standalone(config).signed_by(&key));
        let behind = Registry::v3_1().realm(&setup.realm()).root(&key.root_file());
        let behind = registry(behind, &key).start();
        let envoy = setup.registry(behind.port()).start();
        Self {
            envoy,
            _registry: behind,
            key,
        }
    }

    #[track_caller]
    fn good() -> Self {
        Self::start(&config(), |envoy| envoy, |registry, _| registry)
    }

    fn realm(&self) -> String {
        format!("{}/token", self.envoy.url())
    }
}

/// Runs it with this on standard input.
#[track_caller]
fn doctor(arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::new(parts::program());
    command.arg("doctor").args(arguments);
    let ran = run_with_input(&command, input, LIMIT);
    assert!(!ran.output().contains(PASSWORD), "{}", ran.report());
    assert!(!ran.output().contains("eyJ"), "a token is shown: {}", ran.report());
    ran
}

/// Exits with `code`, after all of these have been said.
#[track_caller]
fn assert_told(ran: &Ran, code: i32, told: &[&str]) {
    assert_eq!(
        ran.status.and_then(|status| status.code()),
        Some(code),
        "{}",
        ran.report()
    );
    for text in told {
        assert!(ran.stdout.contains(text), "should say `{text}`: {}", ran.report());
    }
}

/// As it is off: what it is, and how to mend it.
#[track_caller]
fn assert_off(ran: &Ran, told: &[&str]) {
    assert_told(ran, 1, told);
    assert!(ran.stdout.contains("\n         = help: "), "{}", ran.report());
    assert!(ran.stdout.ends_with("something is off\n"), "{}", ran.report());
    // The first thing alone.
    let off = ran.stdout.lines().filter(|line| line.starts_with("off ")).count();
    assert_eq!(off, 1, "{}", ran.report());
}

/// The registry's own file, as far as it is looked at.
#[track_caller]
fn registry_file(folder: &Path, realm: &str, issuer: &str, bundle: &Path) -> String {
    let token = json!({"realm": realm, "service": "registry", "issuer": issuer, "rootcertbundle": bundle});
    let file = folder.join("config.yml");
    fs::write(&file, json!({"version": 0.1, "auth": {"token": token}}).to_string()).expect("a file can be written");
    file.display().to_string()
}

#[test]
fn where_all_is_well_it_says_so_and_what_the_token_allows() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for release in RegistryRelease::ALL {
        let key = Certified::self_signed(Algorithm::Es256);
        let setup = Envoy::standalone(&config()).signed_by(&key);
        let registry = Registry::of(release)
            .realm(&setup.realm())
            .root(&key.root_file())
            .start();
        let envoy = setup.registry(registry.port()).start();
        let url = envoy.url();
        let file = registry_file(
            folder.path(),
            &format!("{url}/token"),
            "registry-auth",
            &key.root_file(),
        );
        assert_told(
            &doctor(&[&url], ""),
            0,
            &["ok       accepted", "account   anonymous", "all is well"],
        );
        let scope = ["--account", "ada", "--scope", "repository:team/app:pull,push"];
        let ran = doctor(&[scope.as_slice(), &["--registry", &file, &url]].concat(), PASSWORD);
        let told = [
            "account   ada",
            "allows    pull, push of repository team/app",
            "ok       rights    the registry would list `team/app`, which nobody has pushed yet",
            "ok       POST      gives a token as well",
            "all is well",
        ];
        assert_told(&ran, 0, &told);
        if release == RegistryRelease::V3_1 {
            println!("{}", ran.report());
        }
    }
}

#[test]
fn for_programs_it_is_one_object() {
    let site = Site::good();
    let ran = doctor(&["--json", &site.envoy.url(), "--account", "ada"], "wrong\n");
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(told["well"], false);
    let last = told["steps"].as_array().and_then(|steps| steps.last()).expect("steps");
    assert_eq!(
        (&last["step"], &last["outcome"]),
        (&json!("token"), &json!("off")),
        "{told}"
    );
    assert!(last["mend"].is_string() && told["claims"].is_null(), "{told}");
    let told: Value = serde_json::from_str(&doctor(&["--json", &site.envoy.url()], "").stdout).expect("JSON");
    assert_eq!(
        (&told["well"], &told["claims"]["aud"]),
        (&json!(true), &json!("registry")),
        "{told}"
    );
}

#[test]
fn who_is_not_let_in_or_not_allowed_is_told_so() {
    let site = Site::good();
    let url = site.envoy.url();
    let wrong = doctor(&["--account", "ada", &url], "wrong");
    assert_off(&wrong, &["401", "`ada` is not let in"]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("a file can be written");
    let file = file.display().to_string();
    let narrow = [
        "--account",
        "ada",
        "--password-file",
        &file,
        "--scope",
        "repository:team/app:delete,pull",
        &url,
    ];
    assert_off(
        &doctor(&narrow, ""),
        &["the token does not allow delete of `team/app` to ada", "audit record"],
    );

    let mut closed = config();
    closed["users"] = json!({"ada": {"password": keys::ADA_SECRET}});
    let site = Site::start(&closed, |envoy| envoy, |registry, _| registry);
    let ran = doctor(&[&site.envoy.url()], "");
    assert_told(
        &ran,
        2,
        &[
            "unknown  token",
            "nobody gets a token without a name",
            "`--account`",
            "could not tell",
        ],
    );
}

#[test]
fn who_cannot_be_reached_is_told_with_the_reason() {
    let nobody = Port::free();
    let ran = doctor(&[&format!("http://127.0.0.1:{nobody}")], "");
    assert_off(&ran, &["off      registry", "nobody listens there"]);
    let ran = doctor(&["http://registry.invalid"], "");
    assert_off(
        &ran,
        &[
            "off      registry",
            "registry.invalid",
            "mend the address, or the name in DNS",
        ],
    );

    // The same of the realm.
    for (realm, told) in [
        (format!("http://127.0.0.1:{nobody}/token"), "nobody listens there"),
        (
            "http://token.invalid/token".to_owned(),
            "mend `auth.token.realm`, or the name in DNS",
        ),
        ("/token".to_owned(), "which is no address"),
    ] {
        let site = Site::start(&config(), |envoy| envoy, |registry, _| registry.realm(&realm));
        assert_off(&doctor(&[&site.envoy.url()], ""), &["off      realm", told]);
    }
}

#[test]
fn another_scheme_than_the_one_that_is_served_is_told() {
    let site = Site::good();
    let ran = doctor(&[&site.envoy.address()], "");
    assert_off(&ran, &["it does not speak TLS", "begin the address with `http://`"]);

    let server = Certified::by_authority(Algorithm::Es256);
    let root = server.root_file().display().to_string();
    let tls = Site::start(&config(), |envoy| envoy.tls(&server), |registry, _| registry);
    let address = tls.envoy.address();
    let ran = doctor(&["--cacert", &root, &address], "");
    assert_told(&ran, 0, &["all is well"]);
    let ran = doctor(&[&format!("http://{address}")], "");
    assert_off(
        &ran,
        &["speaks TLS, and is asked without", "begin the address with `https://`"],
    );
    assert_off(
        &doctor(&[&address], ""),
        &["by an authority that is not trusted here", "`--cacert`"],
    );
    let ran = doctor(&["--cacert", &root, &format!("localhost:{}", tls.envoy.port())], "");
    assert_off(
        &ran,
        &[
            "its certificate is for another name",
            "with `localhost` among its names",
        ],
    );

    let clear = |registry: registry::Setup, _: &Certified| registry.realm("http://127.0.0.1:1/token");
    let site = Site::start(&config(), |envoy| envoy.tls(&server), clear);
    let ran = doctor(&["--cacert", &root, &site.envoy.address()], "");
    assert_off(
        &ran,
        &["off      realm", "in clear", "begin `auth.token.realm` with `https://`"],
    );
}

#[test]
fn a_realm_that_gives_no_tokens_and_a_service_that_is_not_served_are_told() {
    let mut elsewhere = config();
    elsewhere["server"] = json!({"path_prefix": "/auth-server"});
    let site = Site::start(&elsewhere, |envoy| envoy, |registry, _| registry);
    assert_off(
        &doctor(&[&site.envoy.url()], ""),
        &["off      token", "no tokens are given there", "server.path_prefix"],
    );

    let mut other = config();
    other["services"] = json!(["other"]);
    let site = Site::start(&other, |envoy| envoy, |registry, _| registry);
    let ran = doctor(&[&site.envoy.url()], "");
    assert_off(
        &ran,
        &[
            "service `registry` is not served here",
            "put `registry` among `services`",
        ],
    );
}

#[test]
fn another_issuer_and_a_bundle_without_the_certificate_are_told_apart_by_the_registrys_file() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let foreign = Certified::self_signed(Algorithm::Es256);

    let site = Site::start(&config(), |envoy| envoy, |registry, _| registry.issuer("other"));
    let (url, bundle) = (site.envoy.url(), site.key.root_file());
    let ran = doctor(&[&url], "");
    let told = [
        "off      accepted",
        "does not say why",
        "`issuer` must be `registry-auth`",
        "fingerprint",
        "`--registry",
    ];
    assert_off(&ran, &told);
    let file = registry_file(folder.path(), &site.realm(), "other", &bundle);
    let ran = doctor(&["--registry", &file, &url], "");
    assert_off(
        &ran,
        &[
            "the token is by the issuer `registry-auth`",
            "is `other`",
            "make `token.issuer`",
        ],
    );

    let site = Site::start(
        &config(),
        |envoy| envoy,
        |registry, _| registry.root(&foreign.root_file()),
    );
    let url = site.envoy.url();
    let file = registry_file(folder.path(), &site.realm(), "registry-auth", &foreign.root_file());
    let ran = doctor(&["--registry", &file, &url], "");
    assert_off(
        &ran,
        &[
            "the certificate of the token is not in",
            "put `token.certificate`, or the authority",
        ],
    );
    println!("{}", ran.report());

    let mut by_id = config();
    by_id["token"]["key_header"] = json!("kid");
    let site = Site::start(&by_id, |envoy| envoy, |registry, _| registry.root(&foreign.root_file()));
    let file = registry_file(folder.path(), &site.realm(), "registry-auth", &foreign.root_file());
    let ran = doctor(&["--registry", &file, &site.envoy.url()], "");
    assert_off(&ran, &["the key of the token", "is neither in the registry's bundle"]);

    // A file that the registry was not started with.
    let file = registry_file(
        folder.path(),
        "http://127.0.0.1:1/token",
        "registry-auth",
        &foreign.root_file(),
    );
    let ran = doctor(&["--registry", &file, &url], "");
    assert_off(&ran, &["off      realm", "start the registry again with that file"]);
}

#[test]
fn clocks_that_are_apart_are_told() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let mut config = config();
    config["token"] = json!({"issuer": "registry-auth", "key": keys::ES256, "certificate": keys::ES256_CERTIFICATE});
    let mut module = Module::with(config)
        .clock(now + 300)
        .start()
        .unwrap_or_else(|refused| panic!("{refused}"));
    let answer = module.get("/token?service=registry").send().json();
    let ahead = answer["token"].as_str().expect("the answer holds a token");
    let realm = stand_in(&json!({"token": ahead, "access_token": ahead}).to_string());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bundle: PathBuf = folder.path().join("bundle.pem");
    fs::write(&bundle, keys::ES256_CERTIFICATE).expect("a file can be written");
    let registry = Registry::v3_1().realm(&realm).root(&bundle).start();
    let ran = doctor(&[&format!("http://{}", registry.address())], "");
    assert_off(&ran, &["off      clock", "ahead of the registry's", "time server"]);
}

#[test]
fn a_registry_is_followed_to_where_it_redirects() {
    let site = Site::good();
    let moved = answering(&format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/v2/\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        site.envoy.url()
    ));
    let ran = doctor(
        &[&moved, "--account", "ada", "--scope", "repository:team/app:pull"],
        PASSWORD,
    );
    assert_told(
        &ran,
        0,
        &[
            &format!("leads to `{}/v2/` asks", site.envoy.url()),
            "ok       rights",
            "all is well",
        ],
    );
    let round = Port::free();
    let listener = TcpListener::bind(("127.0.0.1", round.number())).expect("the port is free");
    let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{round}/v2/\r\n");
    serve(
        listener,
        format!("{head}connection: close\r\ncontent-length: 0\r\n\r\n"),
    );
    let ran = doctor(&[&format!("http://127.0.0.1:{round}")], "");
    assert_off(&ran, &["off      registry", "redirected more than 10 times"]);
}

/// Answers everything with this JSON, and says nothing of the time.
fn stand_in(body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    format!("{}/token", answering(&answer))
}

/// Answers everything with these bytes.
fn answering(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback is free");
    let address = listener.local_addr().expect("it has an address");
    serve(listener, answer.to_owned());
    format!("http://{address}")
}

fn serve(listener: TcpListener, answer: String) {
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

#[test]
fn what_stands_at_the_realm_and_is_no_token_server_is_told() {
    for (body, told) in [
        ("{}", "answers, but no token"),
        ("<html>", "answers, but no token"),
        (r#"{"token": "opaque"}"#, "is no token"),
    ] {
        let realm = stand_in(body);
        let key = Certified::self_signed(Algorithm::Es256);
        let registry = Registry::v3_1().realm(&realm).root(&key.root_file()).start();
        let ran = doctor(&[&format!("http://{}", registry.address())], "");
        assert_off(&ran, &["off      token", told]);
    }
}

#[test]
fn a_post_that_is_not_handled_is_told() {
    let site = Site::start(
        &config(),
        Setup::without_allow_on_headers_stop_iteration,
        |registry, _| registry,
    );
    let ran = doctor(&["--account", "ada", &site.envoy.url()], PASSWORD);
    assert_off(
        &ran,
        &["ok       accepted", "off      POST", "allow_on_headers_stop_iteration"],
    );
}

#[test]
fn a_registry_that_is_away_or_open_or_none_is_told() {
    let key = Certified::self_signed(Algorithm::Es256);
    let envoy = Envoy::standalone(&config()).signed_by(&key).start();
    assert_off(&doctor(&[&envoy.url()], ""), &["off      registry", "answers 503"]);
    let open = Registry::v3_1().open().start();
    let ran = doctor(&[&format!("http://{}", open.address())], "");
    assert_off(&ran, &["lets everybody in, without a token", "set `auth.token`"]);
    let other = stand_in("hello");
    assert_off(&doctor(&[other.trim_end_matches("/token")], ""), &["lets everybody in"]);
}

#[test]
fn what_it_cannot_begin_with_is_told_before_anybody_is_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let nowhere = folder.path().join("none").display().to_string();
    let empty = folder.path().join("empty");
    fs::write(&empty, "").expect("a file can be written");
    let empty = empty.display().to_string();
    for (arguments, told) in [
        (vec!["--cacert", &nowhere, "registry.example"], "--cacert"),
        (vec!["--cacert", &empty, "registry.example"], "holds no certificate"),
        (vec!["--registry", &nowhere, "registry.example"], "cannot be read"),
        (vec!["--registry", &empty, "registry.example"], "--registry"),
        (vec!["--account", "a:b", "registry.example"], "holds a colon"),
        (
            vec!["--account", "ada", "--password-file", &nowhere, "registry.example"],
            "--password-file",
        ),
        (vec!["ftp://registry.example"], "must begin with `https://`"),
    ] {
        let ran = doctor(&arguments, "");
        assert_eq!(ran.status.and_then(|status| status.code()), Some(2), "{}", ran.report());
        assert!(ran.stderr.contains(told), "{}", ran.report());
    }
}
