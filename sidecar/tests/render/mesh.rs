//! What is rendered for the gateways of a mesh. Whether Kubernetes takes it is asked in the suite `manifests`.

use crate::*;

const SITE: &str = "server: {addr: \":5001\", path_prefix: /auth_1, hosts: [\"registry.example:443\"]}\n\
    token: {issuer: \"it's \\\"odd\\\": #1 {x}\", key: /key/token.key, certificate: /key/token.crt}\n\
    users: {ada: {}}\n\
    acl: [{match: {name: \"a/*\"}, actions: [\"*\"], comment: \"a\\nb: # c\"}]\n";

const GATEWAY: &str = "--gateway public/https --wasm oci://registry.example/registry-auth:1 --registry registry:5000";
const ASKED: &str = "--sidecar registry-auth.auth.svc:5003 --namespace edge";

#[test]
fn the_whole_of_each_target_is_in_one_file() {
    let folder = Folder::with(SITE);
    for (name, line) in [
        ("istio", format!("--for istio {ASKED}")),
        ("envoy_gateway", format!("--for envoy-gateway {ASKED}")),
        (
            "istio_standalone",
            "--for istio --istio 1.31.2 --trusted-hops 2".to_owned(),
        ),
        (
            "istio_post_in_proxy",
            "--for istio --post-in-proxy --sidecar unix:/run/filter.sock".to_owned(),
        ),
        (
            "envoy_gateway_standalone",
            "--for envoy-gateway --trusted-hops 2".to_owned(),
        ),
    ] {
        let text = folder.rendered(&format!("auth_config.yml {GATEWAY} {line}"));
        assert_eq!(
            folder
                .rendered(&format!("auth_config.yml {GATEWAY} {line} -o {name}"))
                .lines()
                .count(),
            2
        );
        insta::assert_snapshot!(name, text);
        assert_eq!(
            text.contains("use_remote_address"),
            name.starts_with("istio"),
            "Envoy Gateway sets it itself"
        );
    }
}

#[test]
fn a_post_is_not_routed_where_an_address_would_be_the_gateways() {
    let rules = "acl:\n  - {match: {name: x}, actions: []}\n  - {match: {ip: 10.0.0.0/8}, actions: [pull]}\n";
    let config = SITE.split_once("acl:").unwrap().0.to_owned() + rules;
    let line = format!("auth_config.yml {GATEWAY} --for istio {ASKED}");
    let ran = Folder::with(&config).render(&line);
    insta::assert_snapshot!(format!("exit {}\n{}", ran.code.unwrap(), ran.stderr));
    let trusting = config.replace("addr: \":5001\"", "addr: \":5001\", trusted_proxies: [10.1.0.0/16]");
    let text = Folder::with(&trusting).rendered(&line);
    assert!(
        text.contains("#   server: {trusted_proxies: [\"10.1.0.0/16\"]}"),
        "{text}"
    );
    // Without the route there is nothing to be taken for a client.
    assert!(
        !Folder::with(&config)
            .rendered(&format!("{line} --post-in-proxy"))
            .contains("method: POST")
    );
}

#[test]
fn what_a_gateway_spoils_is_refused() {
    let config = SITE.replace(
        "addr:",
        "real_ip_header: x-forwarded-for, certificate: a.crt, key: a.key, addr:",
    );
    let folder = Folder::with(&config);
    let lines = [
        "--for istio --sidecar auth:5003 --gateway public/https --wasm oci://registry.example/registry-auth:1",
        "--for envoy-gateway --gateway public/https --wasm ./filter.wasm",
        "--for envoy-gateway --gateway public/https",
        "--for envoy-gateway --gateway public/https --listen :1",
        "--for envoy-managed --gateway public/https",
        "--for istio --gateway public --wasm ./filter.wasm",
        "--for istio --wasm ./filter.wasm",
        "--for istio --gateway public/https --wasm ./filter.wasm",
    ];
    let said = lines.map(|line| {
        let ran = folder.render(&format!("auth_config.yml --registry registry:5000 {line}"));
        assert_eq!(ran.stdout, "");
        format!("{line}\nexit {}\n{}", ran.code.unwrap(), ran.stderr)
    });
    insta::assert_snapshot!(said.join("\n"));
}
