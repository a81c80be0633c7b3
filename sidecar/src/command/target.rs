//! The database that a command works on: found in a configuration, and told of to the running program.

use std::path::PathBuf;

use clap::Args;
use registry_auth_core::config::{Document, Sources};
use registry_auth_core::problem::Problems;
use thiserror::Error;

use super::health;
use crate::config::{self, Loaded, Origin};
use crate::listen::{self, Address};

/// Environment variables by name.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The configuration that names a database.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    /// The configuration: docker_auth's YAML
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Another file that `serve` gets beside FILE, merged as there; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(super) with: Vec<PathBuf>,
}

/// Which database of a configuration.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct Where {
    #[command(flatten)]
    pub(super) files: Files,
    /// The key of the database in FILE, where there are several
    #[arg(long = "in", value_name = "KEY")]
    pub(super) key: Option<String>,
}

/// A list of what is in it.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) place: Where,
    /// Answer in JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Why there is no database to work on.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The configuration; told with file and line already.
    #[error("cannot read the configuration\n\n{0}")]
    Configuration(String),
    /// It names none.
    #[error("`{file}` has no {sections}; nothing else holds {what} that this command could change")]
    None {
        /// The configuration.
        file: String,
        /// The keys that were looked for.
        sections: &'static str,
        /// What they would hold.
        what: &'static str,
    },
    /// It names several.
    #[error("`{file}` has {0} and {1}; say which one with `--in`", found.0, found.1)]
    Several {
        /// The configuration.
        file: String,
        /// The first two.
        found: (&'static str, &'static str),
    },
    /// It does not name this one.
    #[error("`{file}` has no `{key}`")]
    NotThis {
        /// The configuration.
        file: String,
        /// What was asked for.
        key: String,
    },
}

/// A configuration that was read.
pub(super) struct Found {
    pub(super) document: Document,
    origin: Origin,
    file: String,
}

impl Files {
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        std::iter::once(&self.file).chain(&self.with).cloned().collect()
    }

    /// Reads the configuration. What is wrong elsewhere in it is of no account here.
    pub(super) fn read(&self, environment: Environment<'_>) -> Result<Found, TargetError> {
        let Loaded {
            document,
            problems,
            origin,
        } = config::load(&self.paths(), environment);
        let Some(document) = document else {
            return Err(TargetError::Configuration(origin.report(&problems)));
        };
        Ok(Found {
            document,
            origin,
            file: self.file.display().to_string(),
        })
    }
}

impl Found {
    /// Of `found`, each by its key, the one that is meant.
    pub(super) fn choose<T>(
        &self,
        mut found: Vec<(&'static str, T)>,
        wanted: Option<&str>,
        sections: &'static str,
        what: &'static str,
    ) -> Result<T, TargetError> {
        let file = self.file.clone();
        if let Some(key) = wanted {
            let at = found.iter().position(|(name, _)| *name == key);
            return match at {
                Some(at) => Ok(found.swap_remove(at).1),
                None => Err(TargetError::NotThis {
                    file,
                    key: key.to_owned(),
                }),
            };
        }
        match &found[..] {
            [] => Err(TargetError::None { file, sections, what }),
            [_] => Ok(found.swap_remove(0).1),
            [(first, _), (second, _), ..] => Err(TargetError::Several {
                file,
                found: (first, second),
            }),
        }
    }

    /// Opens a section of it; what is wrong with it is an error.
    pub(super) fn open<T>(
        &mut self,
        environment: Environment<'_>,
        open: impl FnOnce(Sources<'_>, &mut Problems) -> Option<T>,
    ) -> Result<T, TargetError> {
        let mut problems = Problems::default();
        let opened = self
            .origin
            .with_sources(environment, |sources| open(sources, &mut problems));
        match opened {
            Some(opened) if !problems.is_refusal() => Ok(opened),
            _ => Err(TargetError::Configuration(self.origin.report(&problems))),
        }
    }

    /// Where the running program can be told something.
    fn admin(&self) -> Option<Address> {
        let section = self.document.program.as_ref()?.admin.clone()?;
        let admin = listen::Admin::read(section, &mut Problems::default())?;
        Some(admin.listener.address)
    }

    /// Tells the running program of a change, and says when it counts.
    pub(super) async fn tell(&self) -> String {
        let Some(address) = self.admin() else {
            return format!(
                "`{}` has no `admin.listen`, so a running `registry-auth` is not told: the change counts when what is \
                 remembered ends, see `cache` and `cache_ttl`",
                self.file
            );
        };
        match health::tell_of_change(&address).await {
            Ok(()) => format!("the running `registry-auth` at `{address}` counts it from now on"),
            Err(error) => format!(
                "no running `registry-auth` is told ({error}): one that runs elsewhere counts the change when what it \
                 remembers ends, see `cache` and `cache_ttl`"
            ),
        }
    }
}
