//! `docker-compose.yml` as it ships, in a Docker Engine with a network of its own: images take what `make` built, and
//! the base images are those of [`stand_in`](crate::stand_in).

mod profile;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::write_in_one_step;
use crate::client::Home;
use crate::docker::{Docker, Engine, Network};
use crate::parts;
use crate::process::{Ran, run, wait_until};
use crate::stand_in::StandIn;
pub use profile::Profile;

/// For one command: the first one builds the images.
const LIMIT: Duration = Duration::from_mins(5);
/// Until what was started is healthy.
const READY: Duration = Duration::from_mins(1);
/// What a test waits for that a user would call at once.
const SOON: Duration = Duration::from_secs(20);
/// What of the checkout the stack is started from.
const FILES: [&str; 4] = [".dockerignore", "docker", "docker-compose.yml", "envoy"];

/// A folder with the stack's files, as an operator has them, and what was started from it. Goes down, with its volumes,
/// when dropped.
#[derive(Debug)]
pub struct Stack {
    folder: TempDir,
    home: Home,
    host: &'static str,
    name: &'static str,
    port: u16,
    profile: Option<Profile>,
}

/// A service of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Setup,
    RegistryAuth,
    Registry,
    Envoy,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::Setup, Self::RegistryAuth, Self::Registry, Self::Envoy];
    /// Those that stay up.
    pub const SERVING: [Self; 3] = [Self::RegistryAuth, Self::Registry, Self::Envoy];

    /// As in `docker-compose.yml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::RegistryAuth => "registry-auth",
            Self::Registry => "registry",
            Self::Envoy => "envoy",
        }
    }
}

impl Stack {
    /// A folder from which nothing has been started yet. `name` and `port` keep two stacks apart; the port is one of the
    /// engine's own network, on which all are free.
    #[track_caller]
    pub fn new(name: &'static str, port: u16) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        lay_out(folder.path());
        let home = Home::new();
        let plugins = home.path("cli-plugins");
        std::os::unix::fs::symlink(parts::docker_plugins(), plugins).expect("a link in our own folder can be made");
        let stack = Self {
            folder,
            home,
            host: engine(),
            name,
            port,
            profile: None,
        };
        stack.build();
        stack
    }

    /// One that will be started with this profile.
    #[track_caller]
    pub fn for_profile(name: &'static str, port: u16, profile: Profile) -> Self {
        let mut stack = Self::new(name, port);
        profile.import(&stack.client());
        stack.profile = Some(profile);
        stack
    }

    /// Builds the images, which all stacks of this process share.
    #[track_caller]
    fn build(&self) {
        static BUILT: Mutex<bool> = Mutex::new(false);
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if !*built {
            let _ = self.compose(&["build"]).ok();
            *built = true;
        }
    }

    /// Starts it, and waits until all of it is healthy.
    #[track_caller]
    pub fn up(&self) {
        let _ = self.compose(&["up", "--detach"]).ok();
        self.wait_until_healthy();
    }

    /// `127.0.0.1:port`, as a client names the registry.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A client that is logged in nowhere, on the engine on which the stack runs.
    #[track_caller]
    pub fn client(&self) -> Docker {
        Docker::at(self.host)
    }

    /// Runs `docker compose` with these arguments; it knows the profile's services too.
    #[track_caller]
    pub fn compose(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(&parts::system("docker"));
        if let Some(profile) = self.profile {
            command.env("COMPOSE_PROFILES", profile.name());
        }
        command.arg("compose").args(arguments);
        run(&command, LIMIT)
    }

    /// Runs a line as an operator types it in the folder.
    #[track_caller]
    pub fn shell(&self, line: &str) -> Ran {
        let mut command = self.command(&parts::system("sh"));
        command.args(["-c", line]);
        run(&command, LIMIT)
    }

    /// What a service has printed so far.
    #[track_caller]
    pub fn log(&self, service: Service) -> String {
        self.compose(&["logs", "--no-log-prefix", service.name()]).ok().output()
    }

    /// The password that the first start printed.
    #[track_caller]
    pub fn password(&self) -> String {
        let log = self.log(Service::Setup);
        let (_, after) = log
            .split_once("with the password\n")
            .expect("the first start tells a password");
        after.split_whitespace().next().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn wait_until_healthy(&self) {
        for service in Service::SERVING {
            wait_until(&format!("{} is healthy", service.name()), READY, || {
                (self.inspect(service)?["State"]["Health"]["Status"] == "healthy").then_some(())
            });
        }
    }

    /// What the engine knows of a service's container, if it has one.
    #[track_caller]
    pub fn inspect(&self, service: Service) -> Option<Value> {
        self.inspect_named(service.name())
    }

    /// The same by the name of a service, for those of a profile.
    #[track_caller]
    pub fn inspect_named(&self, service: &str) -> Option<Value> {
        let id = self.compose(&["ps", "--all", "--quiet", service]).ok().stdout;
        let text = self.client().run(&["inspect", id.trim()]).stdout;
        let mut found: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
        found.pop()
    }

    /// The configuration, as it is now.
    #[track_caller]
    pub fn config(&self) -> String {
        fs::read_to_string(self.config_file()).expect("the configuration can be read")
    }

    /// Replaces it by a rename, as an editor does.
    #[track_caller]
    pub fn save_config(&self, text: &str) {
        write_in_one_step(&self.config_file(), text);
    }

    /// Waits for what is to be so at once.
    #[track_caller]
    pub fn soon(&self, what: &str, mut condition: impl FnMut() -> bool) {
        wait_until(what, SOON, || condition().then_some(()));
    }

    /// What of the stack the engine still has.
    #[track_caller]
    pub fn leftovers(&self) -> String {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let docker = self.client();
        let mut left = String::new();
        for list in [&["ps", "--all"][..], &["volume", "ls"], &["network", "ls"]] {
            let found = docker.run(&[list, &["--quiet", "--filter", &label]].concat()).ok();
            let _ = write!(left, "{}", found.stdout);
        }
        left
    }

    fn config_file(&self) -> PathBuf {
        self.folder.path().join("docker/config/auth_config.yml")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = self.home.command(program);
        command
            .current_dir(self.folder.path())
            .env("DOCKER_HOST", self.host)
            .env_remove("DOCKER_CONTEXT")
            .env("COMPOSE_PROJECT_NAME", self.name)
            .env("ENVOY_PORT", self.port.to_string())
            // Nothing is compiled in the images.
            .env("BUILT", "made");
        command
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if thread::panicking() {
            let of_profile = self.profile.map(Profile::services).unwrap_or_default();
            let services = Service::ALL.map(Service::name);
            for service in services.into_iter().chain(of_profile.iter().map(|(name, _)| *name)) {
                let log = self.compose(&["logs", "--no-log-prefix", "--tail", "40", service]);
                eprintln!("---- the last that {service} logged ----\n{}", log.output());
            }
        }
        let _ = self.compose(&["down", "--volumes", "--timeout", "1"]);
    }
}

/// Copies what an operator has, and lays beside it what `make` built.
#[track_caller]
fn lay_out(folder: &Path) {
    let mut copy = Command::new(parts::system("cp"));
    copy.arg("-R")
        .args(FILES.map(|name| parts::checkout().join(name)))
        .arg(folder);
    let _ = run(&copy, LIMIT).ok();
    let target = folder.join("target");
    fs::create_dir(&target).expect("a folder in a temporary one can be made");
    fs::copy(parts::wasm(), target.join("registry_auth.wasm")).expect("the filter can be copied");
    let mut image = Command::new(folder.join("docker/image.sh"));
    image.arg(parts::program()).arg(target.join("image"));
    let _ = run(&image, LIMIT).ok();
}

/// The `DOCKER_HOST` of an engine that has all images: one for all tests of this process, since it shares no port with
/// anybody.
#[track_caller]
fn engine() -> &'static str {
    static ENGINE: LazyLock<Result<Engine, String>> = LazyLock::new(|| {
        let engine = Engine::start(Network::Own)?;
        let docker = Docker::at(engine.host());
        let dockerfile = |name: &str| {
            let path = parts::checkout().join("docker").join(name);
            fs::read_to_string(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
        };
        StandIn::busybox().import(&docker, &last_base(&dockerfile("registry-auth.Dockerfile")?));
        StandIn::envoy().import(&docker, &last_base(&dockerfile("envoy.Dockerfile")?));
        StandIn::registry().import(&docker, "registry:3");
        Ok(engine)
    });
    ENGINE.as_ref().unwrap_or_else(|error| panic!("{error}")).host()
}

/// What the last stage of a Dockerfile begins with.
pub fn last_base(dockerfile: &str) -> String {
    let mut bases = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM "));
    bases.next_back().unwrap_or_default().to_owned()
}
