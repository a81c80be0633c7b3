//! What is rendered for Istio and Envoy Gateway is what Kubernetes takes, by the projects' own definitions: their schemas,
//! no unknown field, and their rules in CEL.

use std::process::Command;
use std::time::Duration;

use registry_auth_tests::parts;
use registry_auth_tests::process::{Ran, run};

use crate::*;

const LIMIT: Duration = Duration::from_mins(1);

/// Judges a file of objects.
#[track_caller]
fn judge(file: &Path) -> Ran {
    let (program, definitions) = parts::crd_check();
    let mut command = Command::new(program);
    command.arg(file).args(definitions);
    run(&command, LIMIT)
}

#[test]
fn kubernetes_takes_what_ships_and_what_else_is_rendered() {
    for name in ["istio.yaml", "envoy_gateway.yaml"] {
        judge(&parts::checkout().join("envoy").join(name))
            .ok()
            .says(" 0 faults");
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let configuration = "server: {addr: \":5001\", path_prefix: /auth_1, hosts: [\"registry.example:443\"], trusted_proxies: [10.1.0.0/16]}\n\
        token: {issuer: \"odd: #1 {x}\", key: token.key, certificate: token.crt}\nusers: {ada: {}}\n\
        acl: [{match: {ip: 10.0.0.0/8, name: \"a/*\"}, actions: [\"*\"], comment: \"a\\nb: # c\"}]\n";
    fs::write(folder.path().join("auth_config.yml"), configuration).expect("a file can be written");
    let sidecars = [
        "",
        "--sidecar unix:/run/filter.sock",
        "--sidecar auth.registry.svc:5003",
        "--sidecar 192.0.2.7:5003",
    ];
    let targets = ["istio", "istio --istio 1.31", "istio --post-in-proxy", "envoy-gateway"];
    // All in one file, since most of a judgement is reading the definitions.
    let mut all = String::new();
    for target in targets {
        for sidecar in sidecars {
            for registry in ["registry:5000", "registry.internal:5000", "192.0.2.1:5000"] {
                for more in ["", "--namespace edge --trusted-hops 2"] {
                    let line = format!(
                        "render auth_config.yml --for {target} --registry {registry} {sidecar} {more} --gateway public/https \
                         --wasm oci://registry.example/registry-auth:1"
                    );
                    let mut command = Command::new(parts::program());
                    command.args(line.split_whitespace()).current_dir(folder.path());
                    all += &run(&command, LIMIT).ok().stdout;
                }
            }
        }
    }
    let file = folder.path().join("rendered.yaml");
    fs::write(&file, all).expect("a file can be written");
    judge(&file).ok().says(" 0 faults");
}

#[test]
fn what_is_wrong_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let [istio, gateway] = ["istio.yaml", "envoy_gateway.yaml"].map(|name| document(&format!("envoy/{name}")));
    for (text, right, wrong, says) in [
        // A value that is none of the schema's, an unknown field, and a rule in CEL, of each project.
        (
            &istio,
            "failStrategy: FAIL_RELOAD",
            "failStrategy: RELOAD",
            "failStrategy",
        ),
        (&istio, "failStrategy:", "failureStrategy:", "unknown field"),
        (
            &istio,
            "  phase: AUTHN",
            "  selector: {matchLabels: {a: b}}\n  phase: AUTHN",
            "only one of targetRefs or selector",
        ),
        (
            &istio,
            "resolution: DNS",
            "resolution: NONE",
            "NONE mode cannot set endpoints",
        ),
        (&istio, "type: Exact", "type: Whole", "Unsupported value"),
        (&gateway, "failOpen: false", "failOpen: never", "failOpen"),
        (&gateway, "failOpen:", "failsOpen:", "unknown field"),
        (&gateway, "type: Image", "type: HTTP", "http field needs to be set"),
        (&gateway, "op: add", "op: insert", "Unsupported value"),
    ] {
        assert!(text.contains(right), "{right}");
        let file = folder.path().join("wrong.yaml");
        fs::write(&file, text.replacen(right, wrong, 1)).expect("a file can be written");
        judge(&file).fails().says(says);
    }
}
