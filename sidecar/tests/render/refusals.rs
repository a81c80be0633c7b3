//! What is not rendered, and why.

use crate::*;

/// All that is said of a configuration with these lines in place of [`PLAIN`]'s, for a target.
fn said(config: &str, line: &str) -> String {
    let folder = Folder::with(config);
    let ran = folder.render(&format!("auth_config.yml --registry registry:5000 {line}"));
    assert_eq!(ran.stdout, "");
    format!("exit {}\n{}", ran.code.unwrap(), ran.stderr)
}

#[test]
fn what_envoy_cannot_do_is_an_error_that_names_the_key() {
    let server = "server:\n  addr: \"auth.internal:5001\"\n  certificate: |\n    -----BEGIN CERTIFICATE-----\n  tls_min_version: SSL30\n  \
         tls_curve_preferences: [P256, P224, \"21\"]\n  tls_cipher_suites: [TLS_RSA_WITH_RC4_128_SHA, TLS_RSA_WITH_AES_128_CBC_SHA256, nonsense]\n  \
         letsencrypt: {email: ada@registry.example}\n";
    let config = PLAIN.replace("server: {addr: \"127.0.0.1:5001\"}\n", server);
    insta::assert_snapshot!("of_the_listener", said(&config, "--for envoy-managed"));
    let suites = "tls_min_version: \"0x0304\", tls_cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]";
    let config = PLAIN.replace("5001\"}", &format!("5001\", key: a.key, {suites}}}"));
    insta::assert_snapshot!("of_tls_13", said(&config, "--for envoy-managed"));
}

#[test]
fn what_one_way_to_run_it_lacks_is_told() {
    let config = format!("{PLAIN}ext_auth: {{command: ./auth.sh}}\nrequest_body: route\n");
    insta::assert_snapshot!("of_backends", said(&config, "--for envoy -o out"));
    let config = PLAIN.replace("addr: \"127.0.0.1:5001\"", "addr: /run/envoy.sock, net: unix");
    insta::assert_snapshot!("of_a_socket", said(&config, "--for envoy -o out"));
    let config = PLAIN.replace("5001\"}", "5001\", real_ip_header: X-Real-IP}");
    insta::assert_snapshot!(
        "of_two_addresses",
        said(&config, "--for envoy-managed --trusted-hops 1")
    );
    let config = PLAIN
        .replace("filter:", "admin:")
        .replace("addr: \"127.0.0.1:5001\"", "");
    insta::assert_snapshot!("of_nowhere", said(&config, "--for envoy-managed"));
    let config = PLAIN.replace("unix:/run/registry-auth/filter.sock", ":5003");
    insta::assert_snapshot!("of_everywhere", said(&config, "--for envoy-managed --listen :0"));
    insta::assert_snapshot!(
        "of_a_rule",
        said(
            &PLAIN.replace("acl: []", "acl: [{match: {name: 'a['}, actions: []}]"),
            "--for envoy-managed"
        )
    );
}

#[test]
fn options_that_do_not_go_together_are_told() {
    let lines = [
        "--for envoy",
        "--for envoy -o out --sidecar unix:/run/filter.sock",
        "--for envoy -o out --wasm oci://registry.example/registry-auth:1",
        "--for envoy -o out --wasm http://registry.example/x.wasm",
        "--for docker",
        "--users",
        "",
    ];
    let said: Vec<_> = lines
        .iter()
        .map(|line| format!("{line}\n{}", said(PLAIN, line)))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_file_that_was_edited_is_left_alone() {
    let folder = Folder::with(PLAIN);
    let line = "auth_config.yml --for envoy-managed --registry registry:5000 -o out";
    let _ = folder.rendered(line);
    let edited = folder.read("out/managed.yaml").replace("5001", "5002");
    fs::write(folder.path("out/managed.yaml"), &edited).unwrap();
    let ran = folder.render(line);
    insta::assert_snapshot!(format!("exit {}\n{}", ran.code.unwrap(), ran.stderr));
    assert_eq!(folder.read("out/managed.yaml"), edited);
}
