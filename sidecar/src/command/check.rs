//! `registry-auth check`: whether a configuration is right, before anything runs by it.
//!
//! What `serve` would refuse is an error here, since both go by [`crate::prepared`]. What it would take, and an operator
//! hardly means, is a warning; each kind of them has a file of its own below.

mod accounts;
mod backends;
mod connect;
mod labels;
mod migration;
mod order;
mod registry;
mod report;
mod rules;
mod target;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use registry_auth_core::config::Document;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::request::route::Endpoint;
use registry_auth_core::token::SigningKey;

use crate::chain::{Observer, Unobserved};
use crate::clock;
use crate::command::{Exit, answer};
use crate::config::{self, Loaded, Look, Origin};
use crate::generation::Edition;
use crate::listen::Listen;
use crate::prepared::{Circumstances, Prepared, prepare};
use registry::Tokens;
use report::{Part, Report};
use target::Target;

/// `registry-auth check`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What `serve` will be told by the same option: `host:port`, `:port`, `unix:/path`, or `none`
    #[arg(long, value_name = "ADDR", value_parser = crate::cli::listen)]
    listen: Option<Listen>,
    /// Where it is to run: warns of what it lacks there
    #[arg(long = "for", value_name = "TARGET", value_enum)]
    target: Option<Target>,
    /// The registry's own configuration: says whether that registry will believe the tokens, and find them
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// What the file was written for: warns of each entry that is read otherwise here
    #[arg(long, value_name = "PROGRAM", value_enum)]
    from: Option<From>,
    /// Ask each back-end, and say what fails and how to mend it. No table is made
    #[arg(long)]
    connect: bool,
    /// Warnings count as errors
    #[arg(long)]
    deny_warnings: bool,
    /// The answer as one JSON object: `errors` and `warnings`, each a list of {file, line, column, path, what, help},
    /// `token_lifetime_seconds`, and with --connect `answering`, the keys of back-ends
    #[arg(long)]
    json: bool,
    /// The configuration: docker_auth's YAML. Of several files the sections are merged, and the rules appended
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What else reads such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// The token server of cesanta
    #[value(name = "docker_auth")]
    DockerAuth,
}

/// A configuration that is looked at, as far as it could be read.
#[derive(Clone, Copy)]
struct Subject<'a> {
    origin: &'a Origin,
    document: &'a Document,
}

impl Subject<'_> {
    /// The rule at `place` as one finds it: `acl[3] (auth_config.yml:42)`.
    fn line(&self, place: &Place) -> String {
        match self.origin.line(place) {
            Some((file, line)) => format!("`{place}` ({}:{line})", file.display()),
            None => format!("`{place}`"),
        }
    }
}

/// Looks at the configuration, and says what it found.
///
/// # Errors
/// When the answer cannot be written.
pub fn run(check: &Check, environment: fn(&str) -> Option<String>, look: Look) -> std::io::Result<Exit> {
    let report = examine(check, environment);
    answer(&if check.json { report.json() } else { report.text(look) })?;
    Ok(report.exit(check.deny_warnings))
}

fn examine(check: &Check, environment: fn(&str) -> Option<String>) -> Report {
    let Loaded {
        document,
        mut problems,
        mut origin,
    } = config::load(&check.files, &environment);
    let is_readable = origin.are_all_readable();
    let Some(document) = document else {
        return Report {
            parts: vec![Part { origin, problems }],
            lifetime: None,
            answering: None,
            is_readable,
        };
    };
    let observer: Arc<dyn Observer> = Arc::new(Unobserved);
    let circumstances = Circumstances {
        environment: &environment,
        listen: &check.listen.clone().unwrap_or_default(),
        observer: &observer,
        edition: Edition {
            number: 1,
            mark: None,
            now: clock::now(),
        },
    };
    let prepared = match prepare(document.clone(), &mut origin, problems, circumstances) {
        Ok(prepared) => {
            problems = Problems::default();
            for warning in &prepared.warnings {
                problems.warn(warning.place(), warning.what());
            }
            Some(prepared)
        }
        Err(refused) => {
            problems = refused;
            None
        }
    };
    let subject = Subject {
        origin: &origin,
        document: &document,
    };
    warn(subject, &mut problems);
    if let Some(target) = check.target {
        let listeners = prepared.as_ref().map(|prepared| &prepared.listeners);
        target::warn(target, &document, listeners, &mut problems);
    }
    if check.from == Some(From::DockerAuth) {
        migration::warn(&document, prepared.as_ref(), &mut problems);
    }
    let connected = prepared.as_ref().filter(|_| check.connect);
    let answering = connected.map(|prepared| connect::ask(&document, prepared, &mut problems));
    let mut parts = vec![Part { origin, problems }];
    parts.extend(check.registry.as_deref().map(|path| {
        let tokens = Tokens {
            document: &document,
            signed: prepared.as_ref().map(signed),
        };
        registry::compare(path, &tokens)
    }));
    Report {
        is_readable: is_readable && parts.iter().all(|part| part.origin.are_all_readable()),
        parts,
        answering,
        lifetime: tokens::lifetime(&document),
    }
}

fn signed(prepared: &Prepared) -> (&Endpoint, &SigningKey) {
    let generation = &prepared.generation;
    (&generation.endpoint, &generation.policy.key)
}

fn warn(subject: Subject<'_>, problems: &mut Problems) {
    accounts::warn(subject.document, problems);
    backends::warn(subject.document, problems);
    tokens::warn(subject.document, problems);
    // Of rules with faults nothing can be said, nor of others beside them, since the order counts.
    if !problems.is_refusal_at(&Place::root().key("acl")) {
        rules::warn(subject.document, problems);
        order::warn(subject, problems);
        labels::warn(subject, problems);
    }
}
