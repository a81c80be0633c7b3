//! What is rendered for Istio and Envoy Gateway, and what Kubernetes refuses of it when it is wrong.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::parts;
use crate::process::run;

const LIMIT: Duration = Duration::from_mins(1);

/// The files that ship, of `envoy/` in the checkout.
pub const SHIPPED: [&str; 2] = ["istio.yaml", "envoy_gateway.yaml"];

/// A shipped file with something wrong in it.
#[derive(Clone, Copy, Debug)]
pub struct Wrong {
    file: &'static str,
    right: &'static str,
    instead: &'static str,
    /// What is said of it.
    pub says: &'static str,
}

/// A value that is none of the schema's, an unknown field, and a rule in CEL, of each project.
pub const WRONG: [Wrong; 9] = [
    wrong(0, "failStrategy: FAIL_RELOAD", "failStrategy: RELOAD", "failStrategy"),
    wrong(0, "failStrategy:", "failureStrategy:", "unknown field"),
    wrong(
        0,
        "  phase: AUTHN",
        "  selector: {matchLabels: {a: b}}\n  phase: AUTHN",
        "only one of targetRefs or selector",
    ),
    wrong(
        0,
        "resolution: DNS",
        "resolution: NONE",
        "NONE mode cannot set endpoints",
    ),
    wrong(0, "type: Exact", "type: Whole", "Unsupported value"),
    wrong(1, "failOpen: false", "failOpen: never", "failOpen"),
    wrong(1, "failOpen:", "failsOpen:", "unknown field"),
    wrong(1, "type: Image", "type: HTTP", "http field needs to be set"),
    wrong(1, "op: add", "op: insert", "Unsupported value"),
];

const fn wrong(file: usize, right: &'static str, instead: &'static str, says: &'static str) -> Wrong {
    Wrong {
        file: SHIPPED[file],
        right,
        instead,
        says,
    }
}

impl Wrong {
    /// The file as it would be.
    #[track_caller]
    pub fn text(&self) -> String {
        let text = shipped(self.file);
        assert!(text.contains(self.right), "{}", self.right);
        text.replacen(self.right, self.instead, 1)
    }
}

/// What ships as this file.
#[track_caller]
pub fn shipped(file: &str) -> String {
    let path = parts::checkout().join("envoy").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}

/// What `render` writes with every option that changes objects, all in one text; `folder` is for its configuration.
#[track_caller]
pub fn rendered(folder: &Path) -> String {
    let configuration = "server: {addr: \":5001\", path_prefix: /auth_1, hosts: [\"registry.example:443\"], trusted_proxies: [10.1.0.0/16]}\n\
        token: {issuer: \"odd: #1 {x}\", key: token.key, certificate: token.crt}\nusers: {ada: {}}\n\
        acl: [{match: {ip: 10.0.0.0/8, name: \"a/*\"}, actions: [\"*\"], comment: \"a\\nb: # c\"}]\n";
    fs::write(folder.join("auth_config.yml"), configuration).expect("a file can be written");
    let sidecars = [
        "",
        "--sidecar unix:/run/filter.sock",
        "--sidecar auth.registry.svc:5003",
        "--sidecar 192.0.2.7:5003",
    ];
    let mut all = String::new();
    for target in ["istio", "istio --istio 1.31", "istio --post-in-proxy", "envoy-gateway"] {
        for sidecar in sidecars {
            for registry in ["registry:5000", "registry.internal:5000", "192.0.2.1:5000"] {
                for more in ["", "--namespace edge --trusted-hops 2"] {
                    let line = format!(
                        "render auth_config.yml --for {target} --registry {registry} {sidecar} {more} --gateway public/https \
                         --wasm oci://registry.example/registry-auth:1"
                    );
                    let mut command = Command::new(parts::program());
                    command.args(line.split_whitespace()).current_dir(folder);
                    all += &run(&command, LIMIT).ok().stdout;
                }
            }
        }
    }
    all
}
