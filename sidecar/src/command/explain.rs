//! `registry-auth explain`: for each scope the rule that decides, why those above it do not match, and what is granted.

mod audit_line;
mod connect;
mod notes;
mod question;
mod report;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use registry_auth_core::account::Account;
use registry_auth_core::acl::explain::Explanation;
use registry_auth_core::acl::{Asked, Because, PatternMemo};
use registry_auth_core::memo::Seed;
use registry_auth_core::scope::{Actions, Scope, ScopeError};
use registry_auth_core::service::Service;
use thiserror::Error;

use super::{Exit, answer};
use crate::backend::BackendError;
use crate::rulebook::{self, Rulebook};
use audit_line::{LineError, Recorded};
use connect::Said;
use question::Question;
pub(super) use question::mended;
use report::Report;

/// What the help ends with.
pub const AFTER_HELP: &str = "\
With --json: {\"scopes\": [{\"type\", \"name\", \"asked\": [...], \"granted\": [...], \"rule\": {\"index\", \"file\", \"line\", \
\"comment\"} or null, \"passed\": [{\"index\", \"why\"}], \"hints\": [...]}]}, and with --all also \"later\": [{\"index\", \
\"why\"}]. \"index\" counts from 0.

Examples:
  registry-auth explain auth_config.yml --account ada repository:team/app:pull,push
  registry-auth explain auth_config.yml --audit-line \"$(tail -n 1 audit.log)\"";

/// `registry-auth explain`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Explain {
    /// The configuration: docker_auth's YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Another file that `serve` gets beside FILE, merged as there; may be given several times
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    /// Who asks; "" is the anonymous account. Labels of a static user come from the file
    #[arg(long, value_name = "ACCOUNT", required_unless_present = "audit_line", value_parser = Account::parse)]
    account: Option<Account>,
    /// A label of the account besides, as an operator would have written it: wildcards in the value count
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// A label as a directory or provider delivers it: the value stands for itself
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    claim: Vec<(String, String)>,
    /// The client's address; 127.0.0.1 if absent
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    ip: Option<IpAddr>,
    /// The registry that is asked for; the first in `services` of the file if absent
    #[arg(long, value_name = "SERVICE", value_parser = Service::parse)]
    service: Option<Service>,
    /// A line of the audit log, `-` to read it from standard input: explains that decision
    #[arg(
        long,
        value_name = "LINE",
        conflicts_with_all = ["account", "label", "claim", "ip", "service", "scope"]
    )]
    audit_line: Option<String>,
    /// Tell every rule with its reason, not only the nearest five above the one that decides
    #[arg(long)]
    all: bool,
    /// Read the rules that databases hold, and ask the back-ends about what no rule decides
    #[arg(long)]
    connect: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// What is asked for, as in `repository:team/app:pull,push`
    #[arg(value_name = "SCOPE", required_unless_present = "audit_line")]
    scope: Vec<String>,
}

/// Why there is nothing to explain.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// Standard input cannot be read, or standard output not written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The configuration; told with file and line already.
    #[error("cannot read the rules\n\n{0}")]
    Rulebook(String),
    /// Something that is asked for is no scope.
    #[error("{error}{}", mend.as_ref().map(|scope| format!("; write `{scope}`")).unwrap_or_default())]
    Scope {
        /// What is wrong with it.
        error: ScopeError,
        /// What was perhaps meant.
        mend: Option<String>,
    },
    /// With `--connect`: a back-end could not be asked.
    #[error("could not ask {0}")]
    Backend(BackendError),
    /// With `--connect`: a list of a database has a wrong entry, so that `serve` would not take it.
    #[error("the list of the database is refused as a whole: {0}")]
    List(String),
    /// A line that is no audit record.
    #[error(transparent)]
    AuditLine(#[from] LineError),
}

/// What was asked, and what came of it.
struct Answered<'r> {
    rulebook: &'r Rulebook,
    question: &'r Question,
    explanations: Vec<Explanation>,
    said: &'r Said,
}

/// Answers on standard output.
///
/// # Errors
/// See [`ExplainError`].
pub async fn run(explain: &Explain, environment: &dyn Fn(&str) -> Option<String>) -> Result<Exit, ExplainError> {
    let line = match explain.audit_line.as_deref() {
        Some("-") => {
            let mut line = String::new();
            std::io::stdin().lock().read_to_string(&mut line)?;
            Some(line)
        }
        line => line.map(str::to_owned),
    };
    let (mut rulebook, question) = asked(explain, line.as_deref(), environment)?;
    let mut said = Said::default();
    if explain.connect {
        connect::read_lists(&mut rulebook, environment).await?;
        said = connect::ask(&mut rulebook, &question, environment).await?;
    }
    let (text, exit) = told(explain, &rulebook, &question, &said);
    answer(&text)?;
    Ok(exit)
}

/// What is asked, and the rules that it is asked of.
fn asked(
    explain: &Explain,
    line: Option<&str>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Rulebook, Question), ExplainError> {
    let files: Vec<PathBuf> = std::iter::once(&explain.file).chain(&explain.with).cloned().collect();
    let rulebook = rulebook::read(&files, environment).map_err(ExplainError::Rulebook)?;
    let question = match line {
        Some(line) => Question::of_record(Recorded::read(line)?),
        None => Question::of_arguments(explain, &rulebook)?,
    };
    Ok((rulebook, question))
}

/// The answer, and how the command ends.
fn told(explain: &Explain, rulebook: &Rulebook, question: &Question, said: &Said) -> (String, Exit) {
    let answered = Answered::to(rulebook, question, said);
    let report = Report::of(&answered, explain.all);
    let text = if explain.json { report.json() } else { report.text() };
    (text, answered.exit())
}

impl<'r> Answered<'r> {
    fn to(rulebook: &'r Rulebook, question: &'r Question, said: &'r Said) -> Self {
        // Nobody outside chooses what is asked here, so the seed need not be a secret.
        let mut patterns = PatternMemo::new(Seed::new([0; 16]));
        let mut explanations = Vec::new();
        for scope in &question.scopes {
            let asked = Asked {
                identity: &question.identity,
                address: question.address,
                service: &question.service,
                scope,
            };
            let explanation = rulebook.acl.explain(&rulebook.rules, &asked, &mut patterns);
            explanations.push(explanation);
        }
        Self {
            rulebook,
            question,
            explanations,
            said,
        }
    }

    /// The scopes on which back-ends have the last word, and were not asked.
    fn open(&self) -> impl Iterator<Item = &Scope> {
        let open = self.explanations.iter().filter(|explanation| self.is_open(explanation));
        open.map(|explanation| explanation.grant().scope())
    }

    /// Whether back-ends have the last word on a scope, and were not asked.
    fn is_open(&self, explanation: &Explanation) -> bool {
        self.rulebook.asks.scopes
            && *explanation.grant().because() == Because::NoRule
            && self.said.of(explanation).is_none()
    }

    /// What is granted of a scope, as far as it is known.
    fn granted<'a>(&'a self, explanation: &'a Explanation) -> &'a Actions {
        let said = self.said.of(explanation);
        said.map_or(explanation.grant().actions(), |(actions, _)| actions)
    }

    /// Of each scope, how the question whether all of it is granted is answered.
    fn exit(&self) -> Exit {
        if self.question.is_refused_service(self.rulebook) {
            return Exit::No;
        }
        let recorded = self.question.recorded.as_ref();
        if recorded.is_some_and(|recorded| !recorded.is_as_explained(self)) {
            return Exit::CouldNotTell;
        }
        let exits = self.explanations.iter().map(|explanation| {
            let grant = explanation.grant();
            let granted = match recorded.and_then(|recorded| recorded.of(grant.scope())) {
                Some(scope) if self.is_open(explanation) => scope.granted.len(),
                None if self.is_open(explanation) => return Exit::CouldNotTell,
                _ => self.granted(explanation).iter().len(),
            };
            if granted == grant.scope().actions().iter().len() {
                Exit::Yes
            } else {
                Exit::No
            }
        });
        let exits: Vec<Exit> = exits.collect();
        let worst = [Exit::No, Exit::CouldNotTell]
            .into_iter()
            .find(|exit| exits.contains(exit));
        worst.unwrap_or(Exit::Yes)
    }
}

/// `team=blue`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write a name and a value, as in `team=blue`")?;
    if name.is_empty() {
        return Err("the name before the `=` is missing; write one, as in `team=blue`".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn address(text: &str) -> Result<IpAddr, &'static str> {
    text.parse()
        .map_err(|_| "is no address; write one such as `192.0.2.1` or `2001:db8::1`")
}
