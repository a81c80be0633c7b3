//! skopeo, as an operator types it, with credentials of the test's own.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::image::Image;
use crate::parts;
use crate::process::{Ran, run};

const LIMIT: Duration = Duration::from_mins(1);

/// One operator's skopeo: what one logs in to, the other does not know.
#[derive(Debug)]
pub struct Skopeo {
    folder: TempDir,
}

impl Skopeo {
    /// Logged in nowhere.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }

    /// `registry` is host and port.
    #[track_caller]
    pub fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        let authfile = self.authfile();
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

    /// Pushes a local image under `reference`, such as `127.0.0.1:5001/team/app:1`.
    #[track_caller]
    pub fn push(&self, image: &Image, reference: &str) -> Ran {
        let (authfile, layout) = (self.authfile(), format!("oci:{}:latest", image.layout().display()));
        let target = format!("docker://{reference}");
        self.run(&[
            "copy",
            "--dest-tls-verify=false",
            "--dest-authfile",
            &authfile,
            &layout,
            &target,
        ])
    }

    /// Pulls into a new local layout.
    #[track_caller]
    pub fn pull(&self, reference: &str) -> Ran {
        let target = tempfile::tempdir_in(self.folder.path()).expect("a temporary folder can be made");
        let (source, target) = (
            format!("docker://{reference}"),
            format!("oci:{}:latest", target.path().display()),
        );
        self.run(&[
            "copy",
            "--src-tls-verify=false",
            "--src-authfile",
            &self.authfile(),
            &source,
            &target,
        ])
    }

    /// From one repository to another of the same registry: blobs are mounted where the token allows it.
    #[track_caller]
    pub fn copy(&self, from: &str, to: &str) -> Ran {
        let (authfile, from, to) = (self.authfile(), format!("docker://{from}"), format!("docker://{to}"));
        self.run(&[
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "--authfile",
            &authfile,
            &from,
            &to,
        ])
    }

    #[track_caller]
    pub fn inspect(&self, reference: &str) -> Ran {
        self.on("inspect", reference)
    }

    /// `repository` is without a tag.
    #[track_caller]
    pub fn list_tags(&self, repository: &str) -> Ran {
        self.on("list-tags", repository)
    }

    #[track_caller]
    pub fn delete(&self, reference: &str) -> Ran {
        self.on("delete", reference)
    }

    /// Any command; the authfile is for the caller to name.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(parts::system("skopeo"));
        // Images of a test carry no signatures, whatever the machine's own policy asks for.
        command
            .arg("--insecure-policy")
            .args(arguments)
            .env("HOME", self.folder.path());
        run(&command, LIMIT)
    }

    pub fn authfile(&self) -> String {
        self.folder.path().join("auth.json").display().to_string()
    }

    #[track_caller]
    fn on(&self, command: &str, reference: &str) -> Ran {
        let (authfile, image) = (self.authfile(), format!("docker://{reference}"));
        self.run(&[command, "--tls-verify=false", "--authfile", &authfile, &image])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn what_was_pushed_is_pulled() {
        let (registry, image) = (Registry::v3_1().open().start(), Image::new("skopeo"));
        let reference = format!("{}/team/app:1", registry.address());
        let skopeo = Skopeo::new();
        let _ = skopeo.push(&image, &reference).ok();
        let _ = skopeo.pull(&reference).ok();
        let _ = skopeo
            .copy(&reference, &format!("{}/team/copy:1", registry.address()))
            .ok();
        assert!(
            skopeo
                .list_tags(&format!("{}/team/copy", registry.address()))
                .ok()
                .stdout
                .contains("\"1\"")
        );
        assert!(skopeo.inspect(&reference).ok().stdout.contains("\"Digest\""));
        let _ = skopeo.delete(&reference).ok();
        assert!(skopeo.pull(&reference).fails().output().contains("manifest unknown"));
        let _ = skopeo.pull(&format!("{}/team/none:1", registry.address())).fails();
    }
}
