//! oras, as an operator types it: images and any other artifact.

use crate::client::{Client, Home};
use crate::image::Image;
use crate::parts;
use crate::process::Ran;

/// One operator's oras.
#[derive(Debug)]
pub struct Oras {
    home: Home,
}

impl Oras {
    /// Logged in nowhere.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        Self { home: Home::new() }
    }

    /// `repository` is without a tag.
    #[track_caller]
    pub fn list_tags(&self, repository: &str) -> Ran {
        self.run(&["repo", "tags", "--plain-http", repository])
    }

    #[track_caller]
    pub fn delete(&self, reference: &str) -> Ran {
        self.run(&["manifest", "delete", "--force", "--plain-http", reference])
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ran {
        self.home.run(&parts::oras(), arguments)
    }
}

impl Client for Oras {
    #[track_caller]
    fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        let [user, secret] = ["--username", "--password"];
        self.run(&["login", "--plain-http", user, account, secret, password, registry])
    }

    #[track_caller]
    fn logout(&self, registry: &str) -> Ran {
        self.run(&["logout", registry])
    }

    #[track_caller]
    fn push(&self, image: &Image, reference: &str) -> Ran {
        let layout = format!("{}:latest", image.layout().display());
        self.run(&["copy", "--to-plain-http", "--from-oci-layout", &layout, reference])
    }

    #[track_caller]
    fn pull(&self, reference: &str) -> Ran {
        let layout = format!("{}:latest", self.home.emptied_layout(reference));
        self.run(&["copy", "--from-plain-http", reference, "--to-oci-layout", &layout])
    }

    #[track_caller]
    fn pulled(&self, reference: &str) -> String {
        self.home.digest_in_layout(reference)
    }
}
