//! skopeo, as an operator types it.

use crate::client::{Client, Home};
use crate::image::Image;
use crate::parts;
use crate::process::Ran;

/// One operator's skopeo.
#[derive(Debug)]
pub struct Skopeo {
    home: Home,
}

impl Skopeo {
    /// Logged in nowhere.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        Self { home: Home::new() }
    }

    #[track_caller]
    pub fn inspect(&self, reference: &str) -> Ran {
        self.run(&["inspect", "--tls-verify=false", &docker(reference)])
    }

    /// `repository` is without a tag.
    #[track_caller]
    pub fn list_tags(&self, repository: &str) -> Ran {
        self.run(&["list-tags", "--tls-verify=false", &docker(repository)])
    }

    #[track_caller]
    pub fn delete(&self, reference: &str) -> Ran {
        self.run(&["delete", "--tls-verify=false", &docker(reference)])
    }

    /// Images of a test carry no signatures, whatever the machine's own policy asks for.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ran {
        self.home
            .run(&parts::system("skopeo"), &[&["--insecure-policy"], arguments].concat())
    }
}

impl Client for Skopeo {
    #[track_caller]
    fn login(&self, registry: &str, account: &str, password: &str) -> Ran {
        let [user, secret] = ["--username", "--password"];
        self.run(&["login", "--tls-verify=false", user, account, secret, password, registry])
    }

    #[track_caller]
    fn logout(&self, registry: &str) -> Ran {
        self.run(&["logout", registry])
    }

    #[track_caller]
    fn push(&self, image: &Image, reference: &str) -> Ran {
        let layout = format!("oci:{}:latest", image.layout().display());
        self.run(&["copy", "--dest-tls-verify=false", &layout, &docker(reference)])
    }

    #[track_caller]
    fn pull(&self, reference: &str) -> Ran {
        let layout = format!("oci:{}:latest", self.home.emptied_layout(reference));
        self.run(&["copy", "--src-tls-verify=false", &docker(reference), &layout])
    }

    #[track_caller]
    fn pulled(&self, reference: &str) -> String {
        self.home.digest_in_layout(reference)
    }
}

fn docker(reference: &str) -> String {
    format!("docker://{reference}")
}
