//! What registry clients have in common: what one does with them, and a home that keeps what one operator logged in to
//! from all others.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::image::Image;
use crate::process::{Ran, run};

/// For one command; a first `podman import` makes its whole storage.
const LIMIT: Duration = Duration::from_mins(2);

/// One operator's client, as typed. `registry` is host and port, `reference` has repository and tag behind it:
/// `127.0.0.1:5001/team/app:1`.
pub trait Client: Debug {
    fn login(&self, registry: &str, account: &str, password: &str) -> Ran;

    fn logout(&self, registry: &str) -> Ran;

    fn push(&self, image: &Image, reference: &str) -> Ran;

    /// Pulls from the registry, whatever is here already.
    fn pull(&self, reference: &str) -> Ran;

    /// The digest of the manifest that the last pull of `reference` brought.
    fn pulled(&self, reference: &str) -> String;
}

/// The home of one operator, logged in nowhere. It is deleted with this value.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    #[track_caller]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        // podman refuses to push or pull with a file of credentials that is not there.
        fs::write(folder.path().join("auth.json"), "{}").expect("a file in a temporary folder can be written");
        Self { folder }
    }

    /// `program`, which finds its credentials here alone.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            // docker, crane and oras keep `config.json` there.
            .env("DOCKER_CONFIG", self.folder.path())
            // skopeo and podman.
            .env("REGISTRY_AUTH_FILE", self.path("auth.json"));
        command
    }

    /// Runs `program` with these arguments.
    #[track_caller]
    pub fn run(&self, program: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.command(program);
        command.args(arguments);
        run(&command, LIMIT)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the image `reference` is kept as an OCI layout; emptied, so that the next pull brings all of it.
    #[track_caller]
    pub fn emptied_layout(&self, reference: &str) -> String {
        let layout = self.layout(reference);
        if layout.exists() {
            fs::remove_dir_all(&layout).expect("a folder in a temporary folder can be deleted");
        }
        layout.display().to_string()
    }

    /// The digest of the one manifest in the layout of `reference`.
    #[track_caller]
    pub fn digest_in_layout(&self, reference: &str) -> String {
        let index = self.layout(reference).join("index.json");
        let text = fs::read(&index).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", index.display()));
        let index: Value = serde_json::from_slice(&text).expect("a layout has an index in JSON");
        let manifests = index["manifests"].as_array().map(Vec::as_slice);
        match manifests {
            Some([manifest]) => manifest["digest"].as_str().unwrap_or_default().to_owned(),
            _ => panic!("not one manifest: {index}"),
        }
    }

    fn layout(&self, reference: &str) -> PathBuf {
        self.path(&reference.replace(['/', ':', '@'], "-"))
    }
}
