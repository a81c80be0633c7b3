//! crane, as an operator types it. It speaks plain HTTP to 127.0.0.1 of itself.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::image::Image;
use crate::parts;
use crate::process::{Ran, run};

const LIMIT: Duration = Duration::from_mins(1);

/// One operator's crane.
#[derive(Debug)]
pub struct Crane {
    folder: TempDir,
}

impl Crane {
    /// Logged in nowhere.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }

    /// Only stores the credentials: crane asks the registry with its next command.
    #[track_caller]
    pub fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        self.run(&["auth", "login", registry, "--username", account, "--password", password])
    }

    #[track_caller]
    pub fn push(&self, image: &Image, reference: &str) -> Ran {
        self.run(&["push", &image.layout().display().to_string(), reference])
    }

    #[track_caller]
    pub fn pull(&self, reference: &str) -> Ran {
        let target = tempfile::tempdir_in(self.folder.path()).expect("a temporary folder can be made");
        let target = target.path().join("layout").display().to_string();
        self.run(&["pull", "--format", "oci", reference, &target])
    }

    /// From one repository to another of the same registry, with a mount of the blobs.
    #[track_caller]
    pub fn copy(&self, from: &str, to: &str) -> Ran {
        self.run(&["copy", from, to])
    }

    #[track_caller]
    pub fn list_tags(&self, repository: &str) -> Ran {
        self.run(&["ls", repository])
    }

    /// All repositories: asks for `registry:catalog:*`.
    #[track_caller]
    pub fn catalog(&self, registry: &str) -> Ran {
        self.run(&["catalog", registry])
    }

    #[track_caller]
    pub fn manifest(&self, reference: &str) -> Ran {
        self.run(&["manifest", reference])
    }

    #[track_caller]
    pub fn delete(&self, reference: &str) -> Ran {
        self.run(&["delete", reference])
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(parts::crane());
        command
            .args(arguments)
            .env("HOME", self.folder.path())
            .env("DOCKER_CONFIG", self.folder.path());
        run(&command, LIMIT)
    }
}
