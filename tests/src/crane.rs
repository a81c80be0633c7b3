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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn what_was_pushed_is_pulled() {
        let (registry, image) = (Registry::v3_1().open().start(), Image::new("crane"));
        let reference = format!("{}/team/app:1", registry.address());
        let crane = Crane::new();
        let _ = crane.push(&image, &reference).ok();
        let _ = crane.pull(&reference).ok();
        let _ = crane
            .copy(&reference, &format!("{}/team/copy:1", registry.address()))
            .ok();
        assert_eq!(
            crane
                .list_tags(&format!("{}/team/copy", registry.address()))
                .ok()
                .stdout,
            "1\n"
        );
        assert_eq!(crane.catalog(&registry.address()).ok().stdout, "team/app\nteam/copy\n");
        assert!(crane.manifest(&reference).ok().stdout.contains("schemaVersion"));
        let _ = crane
            .delete(&format!("{}/team/app@{}", registry.address(), image.digest()))
            .ok();
        assert!(crane.pull(&reference).fails().output().contains("MANIFEST_UNKNOWN"));
        let _ = crane.pull(&format!("{}/team/none:1", registry.address())).fails();
    }
}
