//! Envoy, registry-auth and a registry in containers, as `docker-compose.yml` starts them in a real Docker Engine.

mod stack {
    mod profiles;
}

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use registry_auth_tests::client::Client as _;
use registry_auth_tests::image::Image;
use registry_auth_tests::parts::{self, EnvoyRelease};
use registry_auth_tests::stack::{Service, Stack, last_base};
use registry_auth_tests::{keys, soak};

/// What the README's block begins with.
const WITH_DOCKER: &str = "docker compose up";
/// Before the rules of the shipped configuration.
const RULES: &str = "\nacl:\n";

#[track_caller]
fn file(name: &str) -> String {
    let path = parts::checkout().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}

/// The README's block that begins so, without its comments.
#[track_caller]
fn readme_lines(beginning: &str) -> Vec<String> {
    let readme = file("README.md");
    let (_, block) = readme
        .split_once(&format!("```sh\n{beginning}"))
        .unwrap_or_else(|| panic!("no block of the README begins with `{beginning}`"));
    let (block, _) = block.split_once("```").expect("a fence is closed");
    format!("{beginning}{block}")
        .lines()
        .map(|line| line.split('#').next().unwrap_or(line).trim().to_owned())
        .collect()
}

/// The configuration with one more account, whose password is `ada-secret`.
#[track_caller]
fn with_ada(config: &str) -> String {
    let (before, after) = config.split_once("\nusers:\n").expect("the configuration has users");
    format!(
        "{before}\nusers:\n  ada: {{password: \"{}\"}}\n{after}",
        keys::ADA_SECRET
    )
}

/// Says that it is over also when a test fails, so that nobody is waited for.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_the_readme_shows_brings_the_stack_up_and_down_again() {
    let stack = Stack::new("readme", 5001);
    let lines = readme_lines(WITH_DOCKER);
    let [up, logs, down] = &*lines else {
        panic!("three commands were expected: {lines:?}");
    };
    let _ = stack.shell(up).ok();
    stack.wait_until_healthy();
    let shown = stack.shell(logs).ok();
    let password = stack.password();
    shown.says(&password);
    shown.says(&format!("docker login {} --username admin", stack.address()));

    let client = stack.client();
    let reference = format!("{}/team/app:1", stack.address());
    let image = Image::new("the stack");
    client.push(&image, &reference).fails().says("denied");
    let _ = client.login(&stack.address(), "admin", "not-the-password").fails();
    let _ = client.login(&stack.address(), "admin", &password).ok();
    let _ = client.push(&image, &reference).ok();
    let _ = client.pull(&reference).ok();
    let _ = client.logout(&stack.address()).ok();
    let _ = client.pull(&reference).fails();

    // What was pushed, and the password, outlive the containers.
    let _ = stack.shell(down).ok();
    let _ = stack.shell(up).ok();
    stack.wait_until_healthy();
    let _ = client.login(&stack.address(), "admin", &password).ok();
    let _ = client.pull(&reference).ok();
    assert!(!stack.log(Service::Setup).contains(&password), "it is told once");

    let _ = stack.shell(&format!("{down} --volumes")).ok();
    assert_eq!(stack.leftovers(), "");
}

#[test]
fn an_edit_of_the_mounted_folder_is_in_force_and_a_wrong_one_is_not() {
    let stack = Stack::new("edits", 5002);
    stack.up();
    let client = stack.client();
    let (address, shipped) = (stack.address(), stack.config());
    let ada_gets_in = || client.login(&address, "ada", "ada-secret").succeeded();
    assert!(!ada_gets_in());
    let with_ada = with_ada(&shipped);
    stack.save_config(&with_ada);
    stack.soon("the new account gets in", ada_gets_in);
    let reference = format!("{address}/ada/app:1");
    let _ = client.push(&Image::new("of ada"), &reference).ok();

    let wrong = with_ada.replace(RULES, "\nacl:\n  - {match: {name: \"[\"}, actions: [pull]}\n");
    assert_ne!(wrong, with_ada);
    stack.save_config(&wrong);
    stack.soon("the log tells the fault, and where it is", || {
        stack.log(Service::RegistryAuth).contains("/config/auth_config.yml:")
    });
    let _ = client.login(&address, "ada", "ada-secret").ok();
    let _ = client.pull(&reference).ok();

    // The account is taken away again.
    stack.save_config(&shipped);
    stack.soon("the account is out", || !ada_gets_in());
}

#[test]
fn pushes_and_pulls_lose_nothing_while_registry_auth_restarts() {
    let stack = Stack::new("restarts", 5003);
    stack.up();
    let (address, password) = (stack.address(), stack.password());
    let over = AtomicBool::new(false);
    let rounds = thread::scope(|scope| {
        let worker = |number: usize| {
            let (stack, address, password, over) = (&stack, &address, &password, &over);
            scope.spawn(move || {
                let client = stack.client();
                let _ = client.login(address, "admin", password).ok();
                let mut rounds = 0;
                // At least one round after the last restart.
                let mut last = false;
                while !last {
                    last = over.load(Ordering::Relaxed);
                    let reference = format!("{address}/team/app-{number}:{rounds}");
                    let _ = client.push(&Image::new(&reference), &reference).ok();
                    let _ = client.pull(&reference).ok();
                    rounds += 1;
                }
                rounds
            })
        };
        let workers: Vec<_> = (0..3).map(worker).collect();
        {
            let _over = Over(&over);
            for _ in 0..soak::times(3) {
                let _ = stack.compose(&["restart", "registry-auth"]).ok();
                stack.wait_until_healthy();
            }
        }
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker says what failed"))
            .sum::<usize>()
    });
    assert!(rounds >= 6, "only {rounds} rounds ran beside the restarts");
    let stops = stack.log(Service::RegistryAuth).matches("stopping").count();
    assert!(stops >= 3, "registry-auth was told to stop {stops} times");
}

#[track_caller]
fn has_no_more_rights_than_it_needs(stack: &Stack, name: &str, user: &str) {
    let known = stack.inspect_named(name).expect("each service has a container");
    let (host, config) = (&known["HostConfig"], &known["Config"]);
    assert_eq!(host["ReadonlyRootfs"], true, "{name}");
    assert_eq!(host["CapDrop"], serde_json::json!(["ALL"]), "{name}");
    assert_eq!(
        host["SecurityOpt"],
        serde_json::json!(["no-new-privileges:true"]),
        "{name}"
    );
    assert_eq!(config["User"], user, "{name}");
    for published in host["PortBindings"].as_object().into_iter().flatten() {
        assert_eq!(published.1[0]["HostIp"], "127.0.0.1", "{name} publishes {published:?}");
    }
}

#[test]
fn each_container_has_no_more_rights_than_it_needs() {
    let stack = Stack::new("rights", 5004);
    stack.up();
    for service in Service::ALL {
        let user = if service == Service::Registry {
            "10002:10002"
        } else {
            "10001:10001"
        };
        has_no_more_rights_than_it_needs(&stack, service.name(), user);
    }
    let inside = |service: Service, line: &str| stack.compose(&["exec", "-T", service.name(), "sh", "-c", line]);
    let _ = inside(Service::RegistryAuth, "cat /key/token.key").ok();
    for service in [Service::Registry, Service::Envoy] {
        let _ = inside(service, "cat /key/token.key").fails();
    }
    let _ = inside(Service::Registry, "cat /certificate/token.crt").ok();
    // A socket that its own account alone can open.
    let mode = inside(
        Service::RegistryAuth,
        "stat -c '%a %u' /run/registry-auth /run/registry-auth/filter.sock",
    )
    .ok();
    assert_eq!(mode.stdout, "700 10001\n600 10001\n");
    // The key is nowhere in what Envoy is started with.
    let envoy = stack
        .inspect(Service::Envoy)
        .expect("Envoy has a container")
        .to_string();
    assert!(!envoy.contains("PRIVATE KEY"), "{envoy}");
}

#[test]
fn the_image_of_registry_auth_stands_in_for_docker_auths() {
    let stack = Stack::new("image", 5005);
    let docker = stack.client();
    let text = docker.run(&["image", "inspect", "registry-auth"]).ok().stdout;
    let known: serde_json::Value = serde_json::from_str(&text).expect("the engine answers JSON");
    let config = &known[0]["Config"];
    assert_eq!(config["Entrypoint"], serde_json::json!(["registry-auth"]));
    assert_eq!(config["Cmd"], serde_json::json!(["/config/auth_config.yml"]));
    assert_eq!(config["ExposedPorts"], serde_json::json!({"5001/tcp": {}}));
    assert_eq!(config["User"], "10001:10001");
    let size = known[0]["Size"].as_u64().expect("the size is a number");
    assert!(size < 60_000_000, "the image has {size} bytes");

    let in_it = |entry: &str, arguments: &[&str]| {
        let run = ["run", "--rm", "--network=none", "--entrypoint", entry, "registry-auth"];
        docker.run(&[&run[..], arguments].concat())
    };
    in_it("/docker_auth/auth_server", &["--help"])
        .ok()
        .says("registry-auth");
    in_it("/bin/sh", &["-c", "busybox | head -n 1"]).ok().says("BusyBox");
    in_it("/bin/sh", &["-c", "head -n 1 /etc/ssl/certs/ca-certificates.crt"])
        .ok()
        .says("-----BEGIN CERTIFICATE-----");
}

#[test]
fn the_images_are_of_the_release_that_is_tested_and_nothing_is_fetched_to_read_how() {
    for name in ["docker/registry-auth.Dockerfile", "docker/envoy.Dockerfile"] {
        let text = file(name);
        assert!(!text.contains("syntax="), "`{name}` would have its syntax pulled");
        assert!(!last_base(&text).ends_with(":latest"), "{name}");
    }
    assert_eq!(
        last_base(&file("docker/envoy.Dockerfile")),
        format!("envoyproxy/envoy:v{}", EnvoyRelease::Current.version())
    );
}
