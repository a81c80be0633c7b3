//! `registry-auth render`: what a proxy needs to serve a configuration.
//!
//! The configuration is read as a [`site`], of which a target makes [`files`], by [`template`]s whose holes take data
//! and nothing else. Keys and hashes stand in none of them.

mod envoy;
mod envoy_gateway;
mod files;
mod istio;
mod listener;
mod mesh;
mod options;
mod plugin;
mod site;
mod template;
mod tls;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use registry_auth_core::problem::{Place, Problems};
use serde_json::json;
use thiserror::Error;

pub use files::WriteError;
use files::{File, State};
pub use istio::Release;
pub use mesh::Gateway;
pub use options::{HostPort, Render, Target, Wasm};
use site::{Mode, Site};
pub use template::Misfit;

use crate::command::{Exit, answer};
use crate::config::{self, Loaded};

/// So long may a variable be with its name, on Linux.
const LONGEST_VARIABLE: usize = 128 * 1024;

/// Why nothing was rendered. What is wrong with the configuration is no such thing: the answer is then no.
#[derive(Debug, Error)]
pub enum RenderError {
    /// An option is missing for that target.
    #[error("`--for {target}` needs `{option}`: {why}")]
    Missing {
        /// What is rendered.
        target: &'static str,
        /// Which one.
        option: &'static str,
        /// What it is for.
        why: &'static str,
    },
    /// An option has no meaning for that target.
    #[error("`{option}` has no meaning with `--for {target}`: {why}")]
    Unfit {
        /// What is rendered.
        target: &'static str,
        /// Which one.
        option: &'static str,
        /// What to do instead.
        why: &'static str,
    },
    /// An option says what cannot be.
    #[error("`{option}` {why}")]
    Wrong {
        /// Which one.
        option: &'static str,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] Misfit),
    /// The configuration cannot be written as JSON.
    #[error("cannot write the configuration as JSON")]
    Json(#[from] serde_json::Error),
    /// A file was not written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The answer was not written.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// Renders what `render` says.
///
/// # Errors
/// See [`RenderError`].
pub fn run(render: &Render, environment: &dyn Fn(&str) -> Option<String>) -> Result<Exit, RenderError> {
    let (Some(target), Some(registry)) = (render.target, &render.registry) else {
        return print_users(render, environment);
    };
    let renderer = Renderer::new(render, target, registry)?;
    let mut site = match Site::read(&render.files, renderer.mode(), target, environment) {
        Ok(site) => site,
        Err(report) => return Ok(refuse(&report)),
    };
    let files = match &renderer {
        Renderer::Envoy(asked) => asked.files(&mut site)?,
        Renderer::Istio(istio) => istio.files(&mut site)?,
        Renderer::EnvoyGateway(gateway) => gateway.files(&mut site)?,
    };
    let Some(files) = files else {
        return Ok(refuse(&site.origin.report(&site.problems)));
    };
    for warning in site.problems.warnings() {
        eprintln!("{}\n", site.origin.warning(warning));
    }
    answer(&told(render, &files)?)?;
    Ok(Exit::Yes)
}

/// What makes files of a configuration.
enum Renderer<'a> {
    Envoy(envoy::Asked<'a>),
    Istio(istio::Istio<'a>),
    EnvoyGateway(envoy_gateway::EnvoyGateway<'a>),
}

impl<'a> Renderer<'a> {
    fn new(render: &'a Render, target: Target, registry: &'a HostPort) -> Result<Self, RenderError> {
        let output = render.output.as_ref();
        let is_of_a_mesh = matches!(target, Target::Istio | Target::EnvoyGateway);
        let of_others = [
            ("--gateway", render.gateway.is_some() && !is_of_a_mesh),
            ("--namespace", render.namespace.is_some() && !is_of_a_mesh),
            ("--istio", render.istio.is_some() && target != Target::Istio),
            ("--post-in-proxy", render.post_in_proxy && target != Target::Istio),
        ];
        if let Some((option, _)) = of_others.into_iter().find(|(_, is_given)| *is_given) {
            return Err(RenderError::Unfit {
                target: target.name(),
                option,
                why: "it is for others; leave it out",
            });
        }
        Ok(match target {
            Target::Envoy | Target::EnvoyManaged => Self::Envoy(envoy::Asked::new(render, target, registry)?),
            Target::Istio => Self::Istio(istio::Istio {
                mesh: mesh::Mesh::new(render, target, registry)?,
                release: render.istio,
                post_in_proxy: render.post_in_proxy,
                output,
            }),
            Target::EnvoyGateway => Self::EnvoyGateway(envoy_gateway::EnvoyGateway {
                mesh: mesh::Mesh::new(render, target, registry)?,
                output,
            }),
        })
    }

    fn mode(&self) -> Mode {
        match self {
            Self::Envoy(asked) => asked.mode(),
            Self::Istio(istio) => istio.mesh.mode(),
            Self::EnvoyGateway(gateway) => gateway.mesh.mode(),
        }
    }
}

/// Writes the files where there is a folder for them, and says what became of them or what they hold.
fn told(render: &Render, files: &[File]) -> Result<String, RenderError> {
    let Some(folder) = &render.output else {
        let texts = files.iter().map(|file| json!({"path": file.name, "text": file.text()}));
        return Ok(if render.json {
            format!("{}\n", json!({"files": texts.collect::<Vec<_>>()}))
        } else {
            files.iter().map(File::text).collect()
        });
    };
    let done = files::write(folder, files)?;
    if render.json {
        let files = done
            .iter()
            .map(|(path, state)| json!({"path": path.display().to_string(), "state": state}));
        return Ok(format!("{}\n", json!({"files": files.collect::<Vec<_>>()})));
    }
    let mut text = String::new();
    for (path, state) in &done {
        let word = match state {
            State::Written => "wrote",
            State::Replaced => "replaced",
            State::Unchanged => "unchanged",
        };
        let _ = writeln!(text, "{word} {}", path.display());
    }
    if let Some((first, _)) = done.first() {
        let _ = writeln!(
            text,
            "how to start it, and which lines to change, stands at the top of {}",
            first.display()
        );
    }
    Ok(text)
}

fn refuse(report: &str) -> Exit {
    eprint!("{report}");
    Exit::No
}

/// `--users`.
fn print_users(render: &Render, environment: &dyn Fn(&str) -> Option<String>) -> Result<Exit, RenderError> {
    let Loaded {
        document,
        problems: found,
        origin,
    } = config::load(&render.files, environment);
    let Some(document) = document else {
        return Ok(refuse(&origin.report(&found)));
    };
    let place = Place::root().key("users");
    let mut problems = Problems::default();
    let of_users = |path: &str| path.starts_with("users");
    for problem in found.errors().iter().filter(|problem| of_users(problem.place().path())) {
        problems.error(problem.place(), problem.what());
    }
    let users = plugin::users(&document)?;
    if users.expose().len() >= LONGEST_VARIABLE.saturating_sub(plugin::USERS.len()) {
        problems.error(
            &place,
            format_args!(
                "take {} KiB as JSON, and an environment variable holds {}; render `--for envoy-managed`",
                users.expose().len() / 1024,
                LONGEST_VARIABLE / 1024
            ),
        );
    }
    if problems.is_refusal() {
        return Ok(refuse(&origin.report(&problems)));
    }
    answer(users.expose())?;
    answer("\n")?;
    Ok(Exit::Yes)
}

/// A path as it stands in a configuration, which is text.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A socket's path, which must be text.
fn socket(path: &Path) -> Result<String, &'static str> {
    let path = path
        .to_str()
        .ok_or("names a path that is not UTF-8; choose another one")?;
    Ok(path.to_owned())
}

/// The file of that name in the folder, or by itself if there is none.
fn within(folder: Option<&PathBuf>, name: &str) -> String {
    folder.map_or_else(|| name.to_owned(), |folder| path_text(&folder.join(name)))
}
