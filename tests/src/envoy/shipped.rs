//! The shipped configuration with a test's ports and paths in it. Each change is a text that must stand in the file
//! exactly once: a shipped file that changes under us stops the tests, with the text that is no longer there.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::LOGS;
use crate::parts;

/// The accounts of `envoy/auth_config.yml`, as `registry-auth render --users` prints them; a test compares the two.
pub const SHIPPED_USERS: &str = concat!(
    r#"{"ada": {"password":"$2b$05$sjVcqXgyFeIDp6clSzkW.uchqZ5pbeJNWWPi/LNMXaXH5s3c5bi.W"}, "#,
    r#""bob": {"password":"$2b$05$EsDcdQrTw7vf4dIoHQBKP.FZXF1gebPj0.a4Y6CGSev1ZCINzJJP6"}, "": {}}"#,
);

/// The same for a reader of the demo, who edits them where the rules are.
const USERS_TO_EDIT: &str = r#"            # These two have passwords that anybody can read here: `lovelace` and `builder`.
            # `htpasswd -nbBC 5 ada lovelace` makes such a hash. `users_env` in place of `users` keeps them out of
            # Envoy's configuration dump.
            users:
              ada: {password: "$2b$05$sjVcqXgyFeIDp6clSzkW.uchqZ5pbeJNWWPi/LNMXaXH5s3c5bi.W"}
              bob: {password: "$2b$05$EsDcdQrTw7vf4dIoHQBKP.FZXF1gebPj0.a4Y6CGSev1ZCINzJJP6"}
              # Whoever logs in with nothing.
              "": {}
"#;

/// The file of the second access log.
pub(super) const ACCESS_LOG: &str = "access.log";

/// What may differ in `envoy/standalone.yaml`, or `envoy/managed.yaml`.
#[derive(Clone, Debug, Default)]
pub(super) struct Bootstrap {
    /// It is `envoy/managed.yaml`, where the filter asks this program.
    pub(super) program: Option<Program>,
    /// The registry's port; zero, where nobody listens, if there is none.
    pub(super) registry: u16,
    /// Proxies in front that append to `X-Forwarded-For`.
    pub(super) trusted_hops: u32,
    pub(super) inline: bool,
    /// Certificate and key.
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    /// The format of a second access log.
    pub(super) access_log: Option<String>,
    /// No filter, and every path answered with so many bytes by the route itself.
    pub(super) direct_response: Option<usize>,
}

/// Where `envoy/managed.yaml` has the filter ask.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// `filter.listen` of each program; nobody is there to be asked if there is none.
    pub(super) sockets: Vec<PathBuf>,
    /// Over HTTP/1.1, as what answers byte by byte speaks it.
    pub(super) http1: bool,
    /// What stands under `managed` in the plugin's configuration.
    pub(super) plugin: Value,
}

/// What may differ in `envoy/registry_auth.yaml`.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// The plugin configuration in the place of the shipped one.
    pub(super) config: Option<Value>,
    pub(super) as_text: bool,
    pub(super) stop_iteration: bool,
    /// Whether the shipped accounts stand in the file, not in a variable.
    pub(super) users_to_edit: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            config: None,
            as_text: false,
            stop_iteration: true,
            users_to_edit: false,
        }
    }
}

impl Bootstrap {
    #[track_caller]
    pub(super) fn render(&self, ports: [u16; 2], folder: &Path, module: &Path, filter: &str) -> String {
        match &self.program {
            Some(program) => {
                let mut text = Text::read("managed.yaml");
                program.put_into(&mut text, module);
                self.finish(text, ports, folder)
            }
            None => self.standalone(ports, folder, filter),
        }
    }

    #[track_caller]
    fn standalone(&self, ports: [u16; 2], folder: &Path, filter: &str) -> String {
        let mut text = Text::read("standalone.yaml");
        if let Some(length) = self.direct_response {
            let whole = text.between("                  - name: registry_auth\n");
            text.0.replace_range(whole, "");
            let body = "x".repeat(length);
            text.replace(
                "route: {cluster: registry, timeout: 0s}",
                &format!("direct_response: {{status: 200, body: {{inline_string: {body}}}}}"),
            );
        } else if self.inline {
            // The filter's own typed configuration, in the place and at the depth of the discovery.
            let (_, inner) = filter
                .split_once("    typed_config:\n")
                .expect("the filter's file has a typed_config");
            let deeper = inner
                .lines()
                .fold(String::new(), |deeper, line| deeper + "                " + line + "\n");
            let discovery = text.between("                    config_discovery:\n");
            text.0
                .replace_range(discovery, &format!("                    typed_config:\n{deeper}"));
        } else {
            text.replace(
                "path: envoy/registry_auth.yaml",
                &format!("path: {}", quoted(folder.join("registry_auth.yaml"))),
            );
            text.replace("path: envoy}", &format!("path: {}}}", quoted(folder)));
        }
        self.finish(text, ports, folder)
    }

    /// What the two files have in common.
    #[track_caller]
    fn finish(&self, mut text: Text, [listener, admin]: [u16; 2], folder: &Path) -> String {
        text.replace("port_value: 9901", &format!("port_value: {admin}"));
        text.replace("port_value: 5001", &format!("port_value: {listener}"));
        // Port 1 is nobody's: Envoy does not take a port 0 upstream.
        text.replace("port_value: 5000", &format!("port_value: {}", self.registry.max(1)));
        text.replace(
            "xff_num_trusted_hops: 0",
            &format!("xff_num_trusted_hops: {}", self.trusted_hops),
        );
        if let Some(format) = &self.access_log {
            let (path, format) = (
                quoted(folder.join(LOGS).join(ACCESS_LOG)),
                Value::from(format.clone() + "\n"),
            );
            let heading = "                http_filters:\n";
            text.replace(
                heading,
                &format!(
                    r#"                  - name: envoy.access_loggers.file
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                      path: {path}
                      log_format: {{text_format_source: {{inline_string: {format}}}}}
{heading}"#
                ),
            );
        }
        if let Some((certificate, key)) = &self.tls {
            text.0 = text.0.replace("#tls ", "");
            text.replace("filename: server.crt", &format!("filename: {}", quoted(certificate)));
            text.replace("filename: server.key", &format!("filename: {}", quoted(key)));
        }
        text.0
    }
}

impl Program {
    #[track_caller]
    fn put_into(&self, text: &mut Text, module: &Path) {
        text.replace(
            "address: 0.0.0.0, port_value: 5001",
            "address: 127.0.0.1, port_value: 5001",
        );
        text.replace("type: STRICT_DNS", "type: STATIC");
        text.replace(
            "address: registry, port_value: 5000",
            "address: 127.0.0.1, port_value: 5000",
        );
        text.replace(
            "filename: /usr/local/lib/registry_auth.wasm",
            &format!("filename: {}", quoted(module)),
        );
        text.replace(
            "value: {managed: {cluster: registry-auth}}",
            &format!("value: {}", json!({"managed": self.plugin})),
        );
        let endpoint = "              - endpoint: {address: {pipe: {path: /run/registry-auth/filter.sock}}}\n";
        let endpoints = self.sockets.iter().fold(String::new(), |lines, socket| {
            lines + &endpoint.replace("/run/registry-auth/filter.sock", &quoted(socket))
        });
        text.replace(endpoint, &endpoints);
        if self.sockets.is_empty() {
            // A list without elements is written in another way.
            let lists = "          - lb_endpoints:\n              # CHANGE: `filter.listen`";
            text.replace(lists, &lists.replace("lb_endpoints:", "lb_endpoints: []"));
        }
        if self.http1 {
            text.replace(
                "explicit_http_config: {http2_protocol_options: {}}",
                "explicit_http_config: {http_protocol_options: {}}",
            );
        }
    }
}

impl Filter {
    #[track_caller]
    pub(super) fn render(&self, module: &Path, env: &[(String, String)]) -> String {
        let mut text = Text::read("registry_auth.yaml");
        text.replace(
            "filename: target/registry_auth.wasm",
            &format!("filename: {}", quoted(module)),
        );
        if !self.stop_iteration {
            text.replace(
                "allow_on_headers_stop_iteration: true",
                "allow_on_headers_stop_iteration: false",
            );
        }
        let (_, keys) = text
            .0
            .split_once("host_env_keys: [")
            .expect("the file has host_env_keys");
        let (keys, _) = keys.split_once(']').expect("the keys are a list in brackets");
        let mut keys: Vec<_> = keys.split(", ").map(str::to_owned).collect();
        for (name, _) in env {
            if !keys.contains(name) {
                text.replace(
                    &format!("[{}]", keys.join(", ")),
                    &format!("[{}, {name}]", keys.join(", ")),
                );
                keys.push(name.clone());
            }
        }
        if self.users_to_edit {
            let key = "            users_env: TOKEN_USERS\n";
            let note = "            # The variable that holds the accounts";
            let start = text.0.find(note).expect("a note stands above the accounts");
            let end = text.0.find(key).expect("the accounts come from a variable") + key.len();
            text.0.replace_range(start..end, USERS_TO_EDIT);
        }
        if let Some(config) = &self.config {
            let start = text
                .0
                .find("          value:\n")
                .expect("the plugin configuration is the last block");
            text.0.truncate(start);
            // JSON is YAML.
            let value = if self.as_text {
                Value::from(config.to_string())
            } else {
                config.clone()
            };
            let _ = writeln!(text.0, "          value: {value}");
        }
        if self.as_text {
            assert!(
                self.config.is_some(),
                "only a given configuration can be handed over as text"
            );
            text.replace("google.protobuf.Struct", "google.protobuf.StringValue");
        }
        text.0
    }
}

struct Text(String);

impl Text {
    /// From this line of the filter's place to the router, which comes after it.
    #[track_caller]
    fn between(&self, line: &str) -> Range<usize> {
        let router = "                  - name: envoy.filters.http.router\n";
        let start = self.0.find(line).expect("the filter is discovered");
        start..self.0.find(router).expect("a router follows")
    }

    #[track_caller]
    fn read(name: &str) -> Self {
        let path = parts::checkout().join("envoy").join(name);
        Self(fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display())))
    }

    #[track_caller]
    fn replace(&mut self, from: &str, to: &str) {
        let count = self.0.matches(from).count();
        assert_eq!(
            count, 1,
            "`{from}` should stand once in the shipped configuration:\n{}",
            self.0
        );
        self.0 = self.0.replacen(from, to, 1);
    }
}

fn quoted(path: impl AsRef<Path>) -> String {
    Value::from(path.as_ref().to_string_lossy().into_owned()).to_string()
}
