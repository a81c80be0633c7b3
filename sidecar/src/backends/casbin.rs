//! `casbin_authz`: a model and a policy of Casbin, as docker_auth asks them.
//!
//! Each action is asked for by itself, with docker_auth's seven fields: account, type, name, service, address, action and
//! labels, the last as JSON. What the policy does not allow nobody grants: there is no "no match".
//!
//! Both files are read by the rules of Casbin's Go library, and all of them when the configuration is: whatever can be
//! wrong with a row or a matcher is told then, with its line, and the last good policy stays in force. So a question can
//! fail only by a fault of ours or for lack of time. It is an error then: nothing is granted, and it shows.

mod enforce;
mod fault;
mod keys;
mod matcher;
mod model;
mod patterns;
mod policy;
mod rewrite;
mod roles;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::sync::Arc;

use registry_auth_core::config::backend::AuthzBackend;
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::{Limits, required_text};
use crate::backend::{self, Access, Asking, Authorizer, BackendError, Ruling};
use enforce::{Enforcement, Question, Unanswered};
use fault::{Fault, What};
use matcher::{Pattern, Truth};
use model::Model;
use patterns::{Function, Labels, Patterns};
use policy::{Row, RowFault};
use text::shown;

/// The most faults that are told of a file.
const MOST_TOLD: usize = 20;

/// `casbin_authz`.
#[derive(Debug)]
pub struct CasbinAuthorizer {
    enforcement: Arc<Enforcement>,
    limits: Limits,
}

/// A file of the section.
struct File {
    path: String,
    place: Place,
}

impl CasbinAuthorizer {
    /// Reads `casbin_authz` and its two files. Another content of them is another configuration.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let mut file = |key, mend, problems: &mut Problems| {
            let place = section.place_of(key);
            let path = required_text(&mut section, key, mend, problems)?;
            Some(File { path, place })
        };
        let model_file = file("model_path", "write the path of Casbin's model", problems);
        let policy_file = file("policy_path", "write the path of Casbin's policy, in CSV", problems);
        let limits = Limits::read(&mut section, problems);
        section.finish(problems);
        let read = |file: Option<&File>, problems: &mut Problems| {
            let file = file?;
            sources.file(&file.path, &file.place, problems)
        };
        let model_text = read(model_file.as_ref(), problems);
        let policy_text = read(policy_file.as_ref(), problems);
        let (model_file, policy_file) = (model_file?, policy_file?);

        let (model, truth) = match read_model(model_text?.expose()) {
            Ok(read) => read,
            Err(faults) => {
                let faults = faults.iter().map(|fault| match fault.at {
                    Some(at) => format!("{at} of `{}` {}", model_file.path, fault.what),
                    None => format!("`{}` {}", model_file.path, fault.what),
                });
                tell(&model_file, faults, problems);
                return None;
            }
        };
        let policy_text = policy_text?;
        let (rows, mut faults) = policy::read(policy_text.expose(), &model);
        let mut patterns = Patterns::default();
        faults.extend(compile(&model, &truth, &rows, &mut patterns));
        if !faults.is_empty() {
            faults.sort_by_key(|(line, _)| *line);
            let faults = faults
                .iter()
                .map(|(line, fault)| format!("line {line} of `{}` {fault}", policy_file.path));
            tell(&policy_file, faults, problems);
            return None;
        }
        if !truth.fields().is_empty() && !rows.iter().any(|row| row.kind == "p") {
            // Casbin then compares with empty texts, which are equal to those of anonymous.
            let what = format!("`{}` has no row `p`; write one", policy_file.path);
            problems.error(&policy_file.place, what);
            return None;
        }
        let enforcement = Enforcement::new(&model, &truth, rows, patterns);
        let enforcement = problems.keep(&model_file.place, enforcement)?;
        Some(Self {
            enforcement: Arc::new(enforcement),
            limits,
        })
    }

    async fn ask(&self, access: Access<'_>, deadline: Instant) -> Result<Ruling, BackendError> {
        let until = self.limits.until(deadline);
        let question = question(&access).map_err(not_asked)?;
        let turn = self.limits.gate.turn(until).await.map_err(not_asked)?;
        let enforcement = Arc::clone(&self.enforcement);
        // A long policy takes milliseconds, and whoever waits for it must not hold up others. A panic ends this task alone.
        let asking = spawn_blocking(move || {
            let _turn = turn;
            enforcement.allowed(question, until)
        });
        match timeout_at(until, asking).await {
            Ok(Ok(allowed)) => Ok(Ruling::Grant(allowed.map_err(useless)?)),
            Ok(Err(_)) => Err(useless("the evaluation of the policy broke off; please report it")),
            Err(_) => Err(useless(Unanswered::Late)),
        }
    }
}

impl Authorizer for CasbinAuthorizer {
    fn authorize<'a>(&'a self, access: Access<'a>, deadline: Instant) -> Asking<'a, Ruling> {
        Box::pin(self.ask(access, deadline))
    }
}

fn not_asked(what: impl fmt::Display) -> BackendError {
    error(backend::Fault::NotAsked, what)
}

/// What is evaluated here is never away: no such fault says anything of the next question.
fn useless(what: impl fmt::Display) -> BackendError {
    error(backend::Fault::Useless, what)
}

fn error(fault: backend::Fault, what: impl fmt::Display) -> BackendError {
    BackendError {
        backend: AuthzBackend::Casbin.key(),
        fault,
        what: what.to_string(),
    }
}

fn tell(file: &File, faults: impl ExactSizeIterator<Item = String>, problems: &mut Problems) {
    let more = faults.len().saturating_sub(MOST_TOLD);
    for fault in faults.take(MOST_TOLD) {
        problems.error(&file.place, fault);
    }
    if more > 0 {
        problems.error(
            &file.place,
            format_args!("{more} more lines of `{}` are wrong", file.path),
        );
    }
}

/// The model, and what its matcher says.
fn read_model(content: &str) -> Result<(Model, Truth), Vec<Fault>> {
    let model = Model::read(content)?;
    let truth = matcher::read(&model).map_err(|fault| vec![fault])?;
    for (function, pattern) in truth.patterns() {
        let Pattern::Text(text, at) = pattern else { continue };
        if let Err(why) = Patterns::default().add(function, &text) {
            let what = What::Pattern {
                function: function.name(),
                text: shown(&text),
                why,
            };
            return Err(vec![Fault::at(at, what)]);
        }
    }
    Ok((model, truth))
}

/// Compiles every pattern that the matcher can meet; what cannot be compiled is a fault of its row.
fn compile(model: &Model, truth: &Truth, rows: &[Row], patterns: &mut Patterns) -> Vec<(usize, RowFault)> {
    let mut faults = Vec::new();
    for (function, pattern) in truth.patterns() {
        match pattern {
            // It was tried before.
            Pattern::Text(text, _) => {
                let _ = patterns.add(function, &text);
            }
            Pattern::Row(field) => {
                let rows = rows.iter().filter(|row| row.kind == "p");
                faults.extend(rows.filter_map(|row| compile_row(model, function, field, row, patterns)));
            }
        }
    }
    faults
}

fn compile_row(
    model: &Model,
    function: Function,
    field: usize,
    row: &Row,
    patterns: &mut Patterns,
) -> Option<(usize, RowFault)> {
    let value = row.values.get(field)?;
    let why = patterns.add(function, value).err()?;
    let field = model.policy.get(field).cloned().unwrap_or_default();
    let fault = RowFault::Pattern {
        field,
        value: shown(value),
        function: function.name(),
        why,
    };
    Some((row.line, fault))
}

/// As docker_auth asks: the address as IPv4 where it is one, and `null` for no labels.
fn question(access: &Access<'_>) -> Result<Question, serde_json::Error> {
    let labels = access.identity.labels.iter();
    let labels: Labels = labels
        .map(|(name, values)| (name.to_owned(), values.to_vec()))
        .collect();
    let address = access.address.to_canonical();
    let resource = access.scope.resource();
    Ok(Question {
        fields: [
            access.identity.account.as_str().to_owned(),
            resource.kind().to_owned(),
            resource.name().to_owned(),
            access.service.as_str().to_owned(),
            address.to_string(),
            String::new(),
            labels_as_json(&labels)?,
        ],
        address,
        labels,
        actions: access.scope.actions().iter().map(str::to_owned).collect(),
    })
}

/// As Go writes it, which escapes what HTML would read.
fn labels_as_json(labels: &Labels) -> Result<String, serde_json::Error> {
    if labels.is_empty() {
        return Ok("null".to_owned());
    }
    let json = serde_json::to_string(labels)?;
    let escaped = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    Ok(escaped.into_iter().fold(json, |json, (c, with)| json.replace(c, with)))
}
