//! The configurations of the README, each in the program it is for.

use std::process::Command;
use std::time::Duration;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::parts::{EnvoyRelease, RegistryRelease};
use registry_auth_tests::ports::Port;
use registry_auth_tests::process::Process;
use registry_auth_tests::{http, parts};

use crate::*;

/// What tells the blocks apart.
pub(crate) const MARKS: [&str; 2] = [FILTER, REGISTRY];

const FILTER: &str = "name: registry_auth";
const REGISTRY: &str = "rootcertbundle";
const READY: Duration = Duration::from_secs(30);

/// The filter of the README in the smallest Envoy there can be, and the registry that believes its tokens.
#[test]
fn the_filter_and_the_registry_of_the_readme_work_together() {
    let key = Certified::self_signed(Algorithm::Es256);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_envoy, url) = start_envoy(folder.path(), &key);
    let answer = http::get(
        &format!("{url}/token?service=registry&scope=repository:public/app:pull,push"),
        &[],
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["token"]
        .as_str()
        .expect("the answer holds a token")
        .to_owned();

    let (_registry, address) = start_registry(folder.path(), &key, &url);
    let tags = |repository: &str| {
        let bearer = format!("Bearer {token}");
        http::get(
            &format!("{address}/v2/{repository}/tags/list"),
            &[("authorization", &bearer)],
        )
    };
    // Nobody has pushed anything: the registry takes the token and has no such repository.
    assert_eq!(tags("public/app").status, 404);
    let refused = tags("private/app");
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").expect("a challenge comes with 401");
    assert!(challenge.contains(&format!("realm=\"{url}/token\"")), "{challenge}");
}

fn start_envoy(folder: &Path, key: &Certified) -> (Process, String) {
    let (listener, admin) = (Port::free(), Port::free());
    let filter = readme_block("yaml", FILTER);
    let module = "filename: target/registry_auth.wasm";
    assert!(
        filter.contains(module),
        "the README names the module as `make wasm` leaves it"
    );
    let filter = filter.replace(module, &format!("filename: {}", parts::wasm().display()));
    let indented = |text: &str| {
        text.lines()
            .fold(String::new(), |deeper, line| deeper + "            " + line + "\n")
    };
    let bootstrap = format!(
        r#"
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {listener}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: registry
          route_config: {{virtual_hosts: [{{name: registry, domains: ["*"]}}]}}
          http_filters:
{}{}"#,
        indented(&filter),
        indented(
            r#"- name: envoy.filters.http.router
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}"#
        ),
    );
    let file = folder.join("envoy.yaml");
    fs::write(&file, bootstrap).expect("a file in a temporary folder can be written");
    let mut command = Command::new(EnvoyRelease::Current.program());
    command
        .arg("-c")
        .arg(&file)
        .args(["--concurrency", "1", "--disable-hot-restart"]);
    command
        .env("TOKEN_KEY", key.key())
        .env("TOKEN_CERTIFICATE", key.certificate());
    let mut envoy = Process::start("envoy", &command, folder);
    let ready = format!("http://127.0.0.1:{admin}/ready");
    envoy.wait_until("serving", READY, || {
        http::try_get(&ready, &[])
            .is_ok_and(|answer| answer.text().trim() == "LIVE")
            .then_some(())
    });
    (envoy, format!("http://127.0.0.1:{listener}"))
}

fn start_registry(folder: &Path, key: &Certified, envoy: &str) -> (Process, String) {
    let port = Port::free();
    let mut auth = readme_block("yaml", REGISTRY);
    for (written, here) in [
        ("https://registry.example.test/token", format!("{envoy}/token")),
        ("/etc/registry/token.crt", key.root_file().display().to_string()),
    ] {
        assert!(auth.contains(written), "the README names `{written}`");
        auth = auth.replace(written, &here);
    }
    let storage = folder.join("storage");
    let config = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n{auth}",
        storage.display()
    );
    let file = folder.join("registry.yml");
    fs::write(&file, config).expect("a file in a temporary folder can be written");
    let mut command = Command::new(RegistryRelease::V3_1.program());
    command.arg("serve").arg(&file).env("OTEL_TRACES_EXPORTER", "none");
    let mut registry = Process::start("registry", &command, folder);
    let url = format!("http://127.0.0.1:{port}");
    registry.wait_until("asking for a token", READY, || {
        http::try_get(&format!("{url}/v2/"), &[])
            .is_ok_and(|answer| answer.status == 401)
            .then_some(())
    });
    (registry, url)
}
