//! docker, as an operator types it, with the daemon that runs here, or one of the test run's own.

mod engine;

use std::process::Command;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::Duration;

use crate::client::{Client, Home};
use crate::image::Image;
use crate::parts;
use crate::process::{Ran, run};
use engine::answers;
pub use engine::{Engine, Network};

const LIMIT: Duration = Duration::from_mins(2);

/// One operator's docker client. Images are the daemon's, shared by all; those that went through this client are deleted
/// with it.
#[derive(Debug)]
pub struct Docker {
    home: Home,
    host: String,
    images: RwLock<Vec<String>>,
}

impl Docker {
    /// Logged in nowhere. Starts a daemon if none answers, one for all tests of this process.
    #[expect(clippy::new_without_default, reason = "it makes a folder and may start a daemon")]
    #[track_caller]
    pub fn new() -> Self {
        Self::try_new().unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Self::new`], with the text that says why there is no daemon.
    pub fn try_new() -> Result<Self, String> {
        static HOST: LazyLock<Result<(String, Option<Engine>), String>> = LazyLock::new(|| {
            parts::find("docker")?;
            if answers("unix:///var/run/docker.sock") {
                return Ok(("unix:///var/run/docker.sock".to_owned(), None));
            }
            let engine = Engine::start(Network::Machine)?;
            Ok((engine.host().to_owned(), Some(engine)))
        });
        let (host, _) = HOST.as_ref().map_err(Clone::clone)?;
        Ok(Self::at(host))
    }

    /// Logged in nowhere, with the daemon of this `DOCKER_HOST`.
    #[track_caller]
    pub fn at(host: &str) -> Self {
        Self {
            home: Home::new(),
            host: host.to_owned(),
            images: RwLock::default(),
        }
    }

    /// `DOCKER_HOST` of the daemon.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Gives the daemon the image under `reference`.
    #[track_caller]
    pub fn import(&self, image: &Image, reference: &str) -> Ran {
        self.keep(reference);
        self.run(&["import", &image.layer().display().to_string(), reference])
    }

    /// Runs `docker` with these arguments.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.command(&parts::system("docker"));
        command.args(arguments);
        run(of(&self.host, &mut command), LIMIT)
    }

    fn keep(&self, reference: &str) {
        self.images
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reference.to_owned());
    }
}

impl Client for Docker {
    #[track_caller]
    fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        self.run(&["login", "--username", account, "--password", password, registry])
    }

    #[track_caller]
    fn logout(&self, registry: &str) -> Ran {
        self.run(&["logout", registry])
    }

    /// Imports the image under `reference` and pushes it.
    #[track_caller]
    fn push(&self, image: &Image, reference: &str) -> Ran {
        let _ = self.import(image, reference).ok();
        self.run(&["push", reference])
    }

    /// Pulls what the daemon does not have: its own copy of the image is deleted first.
    #[track_caller]
    fn pull(&self, reference: &str) -> Ran {
        self.keep(reference);
        // Fails where the daemon has no copy.
        let _ = self.run(&["rmi", "--force", reference]);
        self.run(&["pull", reference])
    }

    #[track_caller]
    fn pulled(&self, reference: &str) -> String {
        // `repository@digest`, a line for each repository that the daemon knows the image from.
        let format = "{{range .RepoDigests}}{{println .}}{{end}}";
        let known = self
            .run(&["image", "inspect", "--format", format, reference])
            .ok()
            .stdout;
        let (repository, _tag) = reference.rsplit_once(':').unwrap_or_default();
        let mut digests = known
            .lines()
            .filter_map(|line| line.strip_prefix(repository)?.strip_prefix('@'));
        digests
            .next()
            .unwrap_or_else(|| panic!("not from {repository}: {known}"))
            .to_owned()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let images = std::mem::take(self.images.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !images.is_empty() {
            let images = images.iter().map(String::as_str);
            let _ = self.run(&["rmi", "--force"].into_iter().chain(images).collect::<Vec<_>>());
        }
    }
}

fn of<'a>(host: &str, command: &'a mut Command) -> &'a Command {
    command.env("DOCKER_HOST", host).env_remove("DOCKER_CONTEXT")
}
