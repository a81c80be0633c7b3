//! What `registry-auth render` writes for Envoy: Envoy takes it, and serves by it as the file itself says how.

use std::fs;
use std::path::Path;
use std::process::Command;

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::client::Client as _;
use registry_auth_tests::image::Image;
use registry_auth_tests::parts::{self, EnvoyRelease};
use registry_auth_tests::ports::Port;
use registry_auth_tests::process::{Process, Ran, run};
use registry_auth_tests::registry::Registry;
use registry_auth_tests::skopeo::Skopeo;
use tempfile::TempDir;

use crate::*;

/// V8 compiles the module, on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// An operator's folder, with the programs as they are called there.
struct Folder {
    files: TempDir,
    listener: Port,
    admin: Port,
    key: Certified,
}

/// What runs in it.
struct Running {
    _program: Option<Process>,
    _envoy: Process,
}

impl Folder {
    /// With a configuration that has these lines besides, `server` after its address.
    #[track_caller]
    fn with(server: &str, lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let key = Certified::self_signed(Algorithm::Es256);
        let listener = Port::free();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("a folder can be made");
        for (name, program) in [
            ("registry-auth", parts::program()),
            ("envoy", EnvoyRelease::Current.program()),
        ] {
            std::os::unix::fs::symlink(program, bin.join(name)).expect("a link can be made");
        }
        fs::create_dir(folder.path().join("target")).expect("a folder can be made");
        std::os::unix::fs::symlink(parts::wasm(), folder.path().join("target/registry_auth.wasm"))
            .expect("a link can be made");
        let text = format!(
            "server: {{addr: \"127.0.0.1:{listener}\"{server}}}\n\
             token: {{issuer: \"odd: #1\", expiration: 900, key: \"{key}\", certificate: \"{certificate}\"}}\n\
             users: {{ada: {{password: \"{hash}\"}}, \"\": {{}}}}\n\
             acl: [{{match: {{account: ada, name: \"ada/*\"}}, actions: [\"*\"], comment: \"her own: #1\"}}]\n{lines}\n",
            key = key.key_file().display(),
            certificate = key.certificate_file().display(),
            hash = keys::ADA_SECRET,
        );
        fs::write(folder.path().join("auth_config.yml"), text).expect("a file can be written");
        Self {
            files: folder,
            listener,
            admin: Port::free(),
            key,
        }
    }

    fn path(&self) -> &Path {
        self.files.path()
    }

    /// A shell in which the programs are found by their names.
    fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new(parts::system("sh"));
        let path = std::env::var("PATH").unwrap_or_default();
        shell
            .args(["-e", "-c", script])
            .env("PATH", format!("{}:{path}", self.path().join("bin").display()))
            .current_dir(self.path());
        shell
    }

    #[track_caller]
    fn run(&self, script: &str) -> Ran {
        run(&self.shell(script), LIMIT)
    }

    /// Renders it, and gives Envoy's admin interface a port of the test's own.
    #[track_caller]
    fn render(&self, target: &str, registry: u16, more: &str) {
        let line = format!(
            "registry-auth render auth_config.yml --for {target} --registry 127.0.0.1:{registry} -o out {more}"
        );
        let _ = self.run(&line).ok();
        let file = self.path().join(file(target));
        let text = fs::read_to_string(&file).expect("it was written");
        let text = text.replace("port_value: 9901", &format!("port_value: {}", self.admin));
        fs::write(&file, text).expect("it can be edited");
        let _ = self.run(&format!("envoy --mode validate -c {}", file.display())).ok();
    }

    /// Runs the commands at the top of the rendered file, save the one that makes a key, and waits until Envoy serves.
    #[track_caller]
    fn start(&self, target: &str) -> Running {
        let text = fs::read_to_string(self.path().join(file(target))).expect("it was written");
        let commands = text.lines().take_while(|line| line.starts_with('#'));
        let commands = commands.filter_map(|line| line.strip_prefix("#   "));
        let mut script = String::new();
        let mut program = None;
        for command in commands {
            if command.starts_with("registry-auth serve") {
                let shell = self.shell(&format!("exec {command}"));
                program = Some(Process::start("registry-auth", &shell, self.path()));
            } else if command.starts_with("export ") {
                script = script + command + "\n";
            } else if command.starts_with("envoy ") {
                script = script + "exec " + command + " --concurrency 1 --disable-hot-restart\n";
            }
        }
        let mut envoy = Process::start("envoy", &self.shell(&script), self.path());
        let ready = format!("http://127.0.0.1:{}/ready", self.admin);
        envoy.wait_until("serving", LIMIT, || {
            http::try_get(&ready, &[])
                .is_ok_and(|answer| answer.text().trim() == "LIVE")
                .then_some(())
        });
        Running {
            _program: program,
            _envoy: envoy,
        }
    }

    /// Asks by `curl` with these arguments, and answers status, headers and body.
    #[track_caller]
    fn curl(&self, arguments: &str, path: &str) -> String {
        let certificate = self.key.certificate_file();
        let line = format!(
            "curl -si --max-time 20 --noproxy '*' --cacert {} {arguments} \"$0\"",
            certificate.display()
        );
        let mut shell = self.shell(&line);
        shell.arg(path);
        run(&shell, LIMIT).ok().stdout
    }
}

fn file(target: &str) -> &'static str {
    match target {
        "envoy" => "out/standalone.yaml",
        _ => "out/managed.yaml",
    }
}

#[test]
fn a_rendered_configuration_serves_a_login_a_push_and_a_pull() {
    for (target, lines) in [
        ("envoy", ""),
        (
            "envoy-managed",
            "filter: {listen: \"unix:filter.sock\"}\nadmin: {listen: \"unix:admin.sock\"}",
        ),
    ] {
        let folder = Folder::with("", lines);
        let address = format!("127.0.0.1:{}", folder.listener);
        let registry = Registry::v3_1()
            .issuer("odd: #1")
            .realm(&format!("http://{address}/token"))
            .root(&folder.key.root_file())
            .start();
        folder.render(target, registry.port(), "");
        let _running = folder.start(target);
        let (skopeo, image) = (Skopeo::new(), Image::new("rendered"));
        let _ = skopeo.login(&address, "ada", "ada-secret").ok();
        let _ = skopeo.push(&image, &format!("{address}/ada/app:1")).ok();
        let _ = skopeo.pull(&format!("{address}/ada/app:1")).ok();
        skopeo
            .push(&image, &format!("{address}/bob/app:1"))
            .fails()
            .says("denied");
        let form = "grant_type=password&service=registry&client_id=t&username=ada&password=ada-secret";
        assert_eq!(
            http::post_form(&format!("http://{address}/token"), &[], form).status,
            200,
            "{target}"
        );
    }
}

#[test]
fn tls_hsts_and_prefix_are_served_as_rendered() {
    let suites = "TLS_RSA_WITH_3DES_EDE_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_AES_256_CBC_SHA, \
        TLS_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, \
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, \
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, \
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305, \
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305";
    let tls = format!(
        ", hsts: true, path_prefix: /auth_1, tls_min_version: TLS10, tls_curve_preferences: [P256, P384, P521, X25519, \"4588\"], \
         tls_cipher_suites: [{suites}]"
    );
    let key = Certified::self_signed(Algorithm::Es256);
    let pair = format!(
        ", certificate: \"{}\", key: \"{}\"",
        key.certificate_file().display(),
        key.key_file().display()
    );
    let folder = Folder::with(&(tls + &pair), "");
    let registry = Registry::v3_1().open().start();
    folder.render("envoy", registry.port(), "");
    let _running = folder.start("envoy");
    let url = |path: &str| format!("https://127.0.0.1:{}{path}", folder.listener);
    let hsts = "strict-transport-security: max-age=63072000; includeSubDomains";
    let count = |answer: &str| answer.to_ascii_lowercase().matches(&hsts.to_ascii_lowercase()).count();

    let token = folder.curl("-k -u ada:ada-secret", &url("/auth_1/token?service=registry"));
    assert!(token.contains("access_token"), "{token}");
    assert_eq!(count(&token), 1, "{token}");
    let registry = folder.curl("-k", &url("/v2/"));
    assert!(registry.starts_with("HTTP/2 200"), "{registry}");
    assert_eq!(count(&registry), 1, "of the registry's answers too: {registry}");
    // What the list has is spoken, and what it lacks is not.
    let suite = |name: &str| {
        let line = format!(
            "echo | openssl s_client -connect 127.0.0.1:{} -tls1_2 -cipher {name}@SECLEVEL=0 2>&1 | grep 'Cipher is'",
            folder.listener
        );
        run(&folder.shell(&line), LIMIT).stdout
    };
    assert!(suite("ECDHE-ECDSA-AES256-SHA").contains("Cipher is ECDHE-ECDSA-AES256-SHA"));
    assert!(suite("ECDHE-ECDSA-AES128-CCM").contains("(NONE)"));
}

#[test]
fn a_client_is_who_the_configuration_says_it_is() {
    let is_inside = |folder: &Folder, forwarded: &str| {
        let url = format!(
            "http://127.0.0.1:{}/token?service=registry&scope=repository:open/app:pull",
            folder.listener
        );
        let answer = http::get(&url, &[("x-forwarded-for", forwarded)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        part(&token(&answer), 1)["access"][0]["actions"] == json!(["pull"])
    };
    for (server, more, trusted) in [
        ("", "", false),
        ("", "--trusted-hops 1", true),
        (", real_ip_header: X-Forwarded-For", "", true),
    ] {
        let folder = Folder::with(server, "");
        let file = folder.path().join("auth_config.yml");
        let text = fs::read_to_string(&file).expect("it was written");
        let rules = "acl: [{match: {ip: 192.0.2.0/24}, actions: [pull]}]";
        let text = text
            .lines()
            .map(|line| if line.starts_with("acl:") { rules } else { line });
        fs::write(&file, text.collect::<Vec<_>>().join("\n")).expect("it can be written");
        folder.render("envoy", 1, more);
        let _running = folder.start("envoy");
        assert_eq!(is_inside(&folder, "10.0.0.1, 192.0.2.7"), trusted, "{server} {more}");
        assert!(!is_inside(&folder, "192.0.2.7, 10.0.0.1"), "{server} {more}");
    }
}
