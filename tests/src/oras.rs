//! oras, as an operator types it: images and any other artifact.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::image::Image;
use crate::parts;
use crate::process::{Ran, run};

const LIMIT: Duration = Duration::from_mins(1);

/// One operator's oras.
#[derive(Debug)]
pub struct Oras {
    folder: TempDir,
}

impl Oras {
    /// Logged in nowhere.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }

    #[track_caller]
    pub fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        let config = self.config();
        self.run(&[
            "login",
            "--plain-http",
            "--registry-config",
            &config,
            "--username",
            account,
            "--password",
            password,
            registry,
        ])
    }

    /// Pushes an image of a local layout.
    #[track_caller]
    pub fn push(&self, image: &Image, reference: &str) -> Ran {
        let (config, layout) = (self.config(), format!("{}:latest", image.layout().display()));
        self.run(&[
            "copy",
            "--to-plain-http",
            "--to-registry-config",
            &config,
            "--from-oci-layout",
            &layout,
            reference,
        ])
    }

    /// Pulls an image into a new local layout.
    #[track_caller]
    pub fn pull(&self, reference: &str) -> Ran {
        let target = tempfile::tempdir_in(self.folder.path()).expect("a temporary folder can be made");
        let (config, layout) = (self.config(), format!("{}:latest", target.path().display()));
        self.run(&[
            "copy",
            "--from-plain-http",
            "--from-registry-config",
            &config,
            reference,
            "--to-oci-layout",
            &layout,
        ])
    }

    #[track_caller]
    pub fn list_tags(&self, repository: &str) -> Ran {
        self.run(&[
            "repo",
            "tags",
            "--plain-http",
            "--registry-config",
            &self.config(),
            repository,
        ])
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(parts::oras());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path());
        run(&command, LIMIT)
    }

    fn config(&self) -> String {
        self.folder.path().join("config.json").display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn what_was_pushed_is_pulled() {
        let (registry, image) = (Registry::v3_1().open().start(), Image::new("oras"));
        let reference = format!("{}/team/app:1", registry.address());
        let oras = Oras::new();
        let _ = oras.push(&image, &reference).ok();
        let _ = oras.pull(&reference).ok();
        assert_eq!(
            oras.list_tags(&format!("{}/team/app", registry.address())).ok().stdout,
            "1\n"
        );
        let _ = oras.pull(&format!("{}/team/none:1", registry.address())).fails();
    }
}
