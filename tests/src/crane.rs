//! crane, as an operator types it. It speaks plain HTTP to 127.0.0.1 of itself.

use crate::client::{Client, Home};
use crate::image::Image;
use crate::parts;
use crate::process::Ran;

/// One operator's crane.
#[derive(Debug)]
pub struct Crane {
    home: Home,
}

impl Crane {
    /// Logged in nowhere.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        Self { home: Home::new() }
    }

    /// From one repository to another of the same registry, with a mount of the blobs.
    #[track_caller]
    pub fn copy(&self, from: &str, to: &str) -> Ran {
        self.run(&["copy", from, to])
    }

    /// `repository` is without a tag.
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
    pub fn delete(&self, reference: &str) -> Ran {
        self.run(&["delete", reference])
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ran {
        self.home.run(&parts::crane(), arguments)
    }
}

impl Client for Crane {
    /// Only stores the credentials: crane asks the registry with its next command.
    #[track_caller]
    fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        self.run(&["auth", "login", registry, "--username", account, "--password", password])
    }

    #[track_caller]
    fn logout(&self, registry: &str) -> Ran {
        self.run(&["auth", "logout", registry])
    }

    #[track_caller]
    fn push(&self, image: &Image, reference: &str) -> Ran {
        self.run(&["push", &image.layout().display().to_string(), reference])
    }

    #[track_caller]
    fn pull(&self, reference: &str) -> Ran {
        let layout = self.home.emptied_layout(reference);
        self.run(&["pull", "--format", "oci", reference, &layout])
    }

    #[track_caller]
    fn pulled(&self, reference: &str) -> String {
        self.home.digest_in_layout(reference)
    }
}
