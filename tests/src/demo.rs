//! The demo: a registry, and Envoy with the shipped configuration in front of it, on this machine. It prints what to
//! try; `--check` runs those very commands.

mod check;
mod steps;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::certificates::{Algorithm, Certified};
use crate::envoy::{Envoy, Swap};
use crate::image::Image;
use crate::parts;
use crate::ports::Port;
use crate::registry::{Registry, RegistryRelease};
pub use steps::{Expected, Step, Topic};

/// Everything that runs.
#[derive(Debug)]
pub struct Demo {
    envoy: Envoy,
    registry: Registry,
    release: RegistryRelease,
    image: Image,
    _key: Certified,
    /// What the reader edits; Envoy has a copy of it.
    file: PathBuf,
    in_force: String,
    /// How many audit records have been shown.
    shown: usize,
}

/// What happened since one last looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A token was asked for; the line of JSON as Envoy printed it.
    Audit(String),
    /// The edited file is in force.
    Taken,
    /// It is not, and this is why.
    Refused(String),
}

impl Demo {
    /// Starts all of it, with its files in `state`. An edited file from an earlier run stays.
    #[track_caller]
    pub fn start(state: &Path) -> Self {
        let folder = state.join("envoy");
        for folder in [&folder, &state.join("registry"), &state.join("image")] {
            fs::create_dir_all(folder).unwrap_or_else(|error| panic!("cannot make `{}`: {error}", folder.display()));
        }
        // What `make demo` gets is the registry of the system's packages: registry 3 takes minutes to build.
        let release = match RegistryRelease::V3_1.found() {
            Ok(_) => RegistryRelease::V3_1,
            Err(_) => RegistryRelease::V2_8,
        };
        let port = |number| Port::take(number).unwrap_or_else(Port::free);
        let key = Certified::self_signed(Algorithm::Es256);
        let setup = Envoy::as_shipped()
            .users_to_edit()
            .on(port(5001))
            .admin_on(port(9901))
            .signed_by(&key)
            .folder(&folder);
        let registry = Registry::of(release)
            .on(port(5000))
            .realm(&setup.realm())
            .root(&key.root_file())
            .storage(&state.join("registry"))
            .start();
        let envoy = setup.registry(registry.port()).start();
        let in_force = read(&envoy.filter_file());
        let file = state.join("registry_auth.yaml");
        if !file.exists() {
            write(&file, &in_force);
        }
        Self {
            envoy,
            registry,
            release,
            image: Image::within(&state.join("image"), "a demo"),
            _key: key,
            file,
            in_force,
            shown: 0,
        }
    }

    /// The file that holds accounts and rules, for the reader to edit.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What happened since the last call. Panics if Envoy or the registry has ended.
    #[track_caller]
    pub fn look(&mut self) -> Vec<Event> {
        assert!(self.envoy.has_ended().is_none(), "Envoy has ended");
        assert!(self.registry.has_ended().is_none(), "the registry has ended");
        let mut events = Vec::new();
        let lines = self.envoy.audit_lines();
        events.extend(lines.iter().skip(self.shown).map(|line| Event::Audit(line.to_string())));
        self.shown = lines.len();
        // An editor may be replacing the file at this moment.
        if let Ok(text) = fs::read_to_string(&self.file)
            && !text.is_empty()
            && text != self.in_force
        {
            events.push(match self.envoy.swap_filter(&text) {
                Swap::Taken => Event::Taken,
                Swap::Refused(log) => Event::Refused(reason(&log)),
            });
            self.in_force = text;
        }
        events
    }

    /// What the reader sees first.
    pub fn introduction(&self) -> String {
        let release = match self.release {
            RegistryRelease::V2_8 => "2.8",
            RegistryRelease::V3_0 => "3.0",
            RegistryRelease::V3_1 => "3.1",
        };
        let mut text = format!(
            "Envoy, with the token server inside, is {}; registry {release} is behind it.\n\n\
             \x20 ada, password lovelace   pulls and pushes ada/…, team/… and public/…\n\
             \x20 bob, password builder    pulls team/… and public/…\n\
             \x20 without a login          pulls public/…\n\n\
             Accounts and rules: {}\n\
             Edit that file; what you save is in force at once.\n",
            self.envoy.address(),
            near(&self.file),
        );
        for topic in Topic::ALL {
            if topic == Topic::Docker && parts::find("docker").is_err() {
                continue;
            }
            text.extend(["\n", topic.title(), "\n"]);
            for step in self.steps().into_iter().filter(|step| step.topic == topic) {
                text.extend(["\n  # ", &step.says, "\n  ", &step.line, "\n"]);
            }
        }
        text + "\nEach token that is asked for shows here, as its audit record. Ctrl-C ends the demo.\n"
    }
}

/// The lines of Envoy's log that say what is wrong with a configuration.
fn reason(log: &str) -> String {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut module_speaks = false;
    for line in log.lines() {
        // A line without a time goes on with what the line before it said.
        if line.starts_with('[') {
            module_speaks = line.contains("wasm log registry_auth");
        }
        if module_speaks {
            ours.push(line.rsplit_once("registry_auth: ").map_or(line, |(_, said)| said));
        } else if let Some((_, why)) = line.split_once("config update rejected: ") {
            theirs.push(why);
        } else if let Some((_, why)) = line.split_once("config update failure: in ") {
            // After the path of the copy, which the reader did not edit.
            theirs.push(why.split_once(", ").map_or(why, |(_, why)| why));
        }
    }
    // What is not even YAML the module never sees.
    let mut lines = if ours.is_empty() { theirs } else { ours };
    // Main thread and workers may each say it.
    let mut seen = HashSet::new();
    lines.retain(|line| seen.insert(*line));
    lines.join("\n")
}

/// A path as one would type it from here.
fn near(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

#[track_caller]
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}

#[track_caller]
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
}
