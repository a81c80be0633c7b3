//! podman, as an operator types it, with a storage of the test's own.

use crate::client::{Client, Home};
use crate::image::Image;
use crate::parts;
use crate::process::Ran;

/// One operator's podman.
#[derive(Debug)]
pub struct Podman {
    home: Home,
}

impl Podman {
    /// Logged in nowhere, without images.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        Self { home: Home::new() }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ran {
        let path = |name: &str| self.home.path(name).display().to_string();
        let storage = [
            "--root",
            &path("root"),
            "--runroot",
            &path("run"),
            "--tmpdir",
            &path("tmp"),
        ];
        // vfs needs no kernel module and works inside a container too.
        let machine = [
            "--storage-driver=vfs",
            "--events-backend=file",
            "--cgroup-manager=cgroupfs",
        ];
        self.home
            .run(&parts::system("podman"), &[&storage, &machine[..], arguments].concat())
    }
}

impl Client for Podman {
    #[track_caller]
    fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        let [user, secret] = ["--username", "--password"];
        self.run(&["login", "--tls-verify=false", user, account, secret, password, registry])
    }

    #[track_caller]
    fn logout(&self, registry: &str) -> Ran {
        self.run(&["logout", registry])
    }

    /// Takes the image into the storage under `reference` and pushes it.
    #[track_caller]
    fn push(&self, image: &Image, reference: &str) -> Ran {
        let _ = self
            .run(&["import", &image.layer().display().to_string(), reference])
            .ok();
        self.run(&["push", "--tls-verify=false", reference])
    }

    /// Deletes the image from the storage first.
    #[track_caller]
    fn pull(&self, reference: &str) -> Ran {
        // Fails where the storage has none.
        let _ = self.run(&["rmi", "--force", reference]);
        self.run(&["pull", "--tls-verify=false", reference])
    }

    #[track_caller]
    fn pulled(&self, reference: &str) -> String {
        let ran = self
            .run(&["image", "inspect", "--format", "{{.Digest}}", reference])
            .ok();
        ran.stdout.trim().to_owned()
    }
}
