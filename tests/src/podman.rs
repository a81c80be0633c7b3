//! podman, as an operator types it, with a storage of the test's own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::image::Image;
use crate::parts;
use crate::process::{Ran, run};

const LIMIT: Duration = Duration::from_mins(2);

/// One operator's podman.
#[derive(Debug)]
pub struct Podman {
    folder: TempDir,
}

impl Podman {
    /// Logged in nowhere, without images.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        // podman refuses to push or pull with a file of credentials that is not there.
        fs::write(folder.path().join("auth.json"), "{}").expect("a file in a temporary folder can be written");
        Self { folder }
    }

    #[track_caller]
    pub fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        let authfile = self.path("auth.json");
        self.run(&[
            "login",
            "--tls-verify=false",
            "--authfile",
            &authfile,
            "--username",
            account,
            "--password",
            password,
            registry,
        ])
    }

    /// Takes the image into the storage under `reference` and pushes it.
    #[track_caller]
    pub fn push(&self, image: &Image, reference: &str) -> Ran {
        let _ = self
            .run(&["import", &image.layer().display().to_string(), reference])
            .ok();
        self.run(&[
            "push",
            "--tls-verify=false",
            "--authfile",
            &self.path("auth.json"),
            reference,
        ])
    }

    /// Pulls, also what is in the storage already.
    #[track_caller]
    pub fn pull(&self, reference: &str) -> Ran {
        self.run(&[
            "pull",
            "--tls-verify=false",
            "--authfile",
            &self.path("auth.json"),
            reference,
        ])
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(parts::system("podman"));
        // vfs needs no kernel module and works inside a container too.
        command.args([
            "--root",
            &self.path("root"),
            "--runroot",
            &self.path("run"),
            "--tmpdir",
            &self.path("tmp"),
        ]);
        command.args([
            "--storage-driver",
            "vfs",
            "--events-backend",
            "file",
            "--cgroup-manager",
            "cgroupfs",
        ]);
        command.args(arguments).env("HOME", self.folder.path());
        run(&command, LIMIT)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn what_was_pushed_is_pulled() {
        let (registry, image) = (Registry::v3_1().open().start(), Image::new("podman"));
        let reference = format!("{}/team/app:1", registry.address());
        let podman = Podman::new();
        let _ = podman.push(&image, &reference).ok();
        let _ = podman.pull(&reference).ok();
        let _ = podman.pull(&format!("{}/team/none:1", registry.address())).fails();
    }
}
