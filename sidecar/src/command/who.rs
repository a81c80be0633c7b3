//! `registry-auth who`: which accounts could get what a scope asks for, from where, and by which rules.

pub(super) mod cells;
pub(super) mod patterns;
mod report;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::acl::bearing::Bearing;
use registry_auth_core::acl::{Asked, Because, Grant, PatternMemo};
use registry_auth_core::memo::Seed;
use registry_auth_core::scope::Scope;
use registry_auth_core::service::Service;
use thiserror::Error;

use super::explain::mended;
use super::{Exit, answer};
use crate::rulebook::{self, Rulebook};
use cells::{Cell, Services};
use report::Report;

/// What the help ends with.
pub const AFTER_HELP: &str = "\
With --json: {\"type\", \"name\", \"asked\": [...], \"accounts\": [{\"account\", \"granted\": [...], \"rule\": {\"index\", \
\"file\", \"line\", \"comment\"}, \"addresses\": [...] or null, \"service\" or null}], \"others\": [{\"rule\", \"granted\": [...], \
\"account\" or null, \"labels\": {...}, \"ip\" or null, \"service\" or null, \"name\" or null, \"after\": [...]}], \"notes\": \
[...]}. null is any; \"addresses\" are networks, or `anywhere but` some; \"after\" has the index of each rule that comes first and may take it away.

Examples:
  registry-auth who auth_config.yml repository:team/app:push
  registry-auth who auth_config.yml --service registry --json registry:catalog:'*'";

/// `registry-auth who`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The configuration: docker_auth's YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Another file that `serve` gets beside FILE, merged as there; may be given several times
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    /// The registry that is asked for; all that `services` of the file names if absent
    #[arg(long, value_name = "SERVICE", value_parser = Service::parse)]
    service: Option<Service>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// What is asked for, as in `repository:team/app:pull,push`
    #[arg(value_name = "SCOPE", value_parser = scope)]
    scope: Scope,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum WhoError {
    /// Standard output cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The configuration; told with file and line already.
    #[error("cannot read the rules\n\n{0}")]
    Rulebook(String),
}

/// Who could get it.
struct Answered<'r> {
    rulebook: &'r Rulebook,
    scope: &'r Scope,
    bearing: Vec<Bearing>,
    services: Services,
    accounts: Vec<Reached>,
    /// Static users whose scope is left to back-ends, somewhere.
    open: Vec<String>,
    /// Static users that would be told, and that nobody can be.
    locked: Vec<String>,
}

/// What a static user gets by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reached {
    account: String,
    grant: Grant,
    /// From where; anywhere if `None`.
    addresses: Option<Vec<String>>,
    /// For which service; any if `None`.
    service: Option<String>,
}

/// Answers on standard output.
///
/// # Errors
/// See [`WhoError`].
pub fn run(who: &Who, environment: &dyn Fn(&str) -> Option<String>) -> Result<Exit, WhoError> {
    let (text, exit) = answered(who, environment)?;
    answer(&text)?;
    Ok(exit)
}

/// The answer, and how the command ends.
fn answered(who: &Who, environment: &dyn Fn(&str) -> Option<String>) -> Result<(String, Exit), WhoError> {
    let files: Vec<PathBuf> = std::iter::once(&who.file).chain(&who.with).cloned().collect();
    let rulebook = rulebook::read(&files, environment).map_err(WhoError::Rulebook)?;
    let answered = Answered::to(&rulebook, who);
    let exit = answered.exit();
    let report = Report::of(&answered, exit);
    Ok((if who.json { report.json() } else { report.text() }, exit))
}

impl<'r> Answered<'r> {
    fn to(rulebook: &'r Rulebook, who: &'r Who) -> Self {
        // Nobody outside chooses what is asked here, so the seed need not be a secret.
        let mut patterns = PatternMemo::new(Seed::new([0; 16]));
        let bearing = rulebook.acl.bearing(&who.scope, &mut patterns);
        let cells = Cell::all(bearing.iter().filter_map(|bearing| bearing.network));
        let services = Services::of(rulebook, &bearing, who.service.as_ref());
        let mut answered = Self {
            rulebook,
            scope: &who.scope,
            bearing,
            services,
            accounts: Vec::new(),
            open: Vec::new(),
            locked: Vec::new(),
        };
        // Of two with the same name the last counts.
        let mut users: Vec<_> = rulebook.users.iter().enumerate().collect();
        users.sort_by(|(a, first), (b, second)| first.name.cmp(&second.name).then(b.cmp(a)));
        users.dedup_by(|(_, later), (_, first)| later.name == first.name);
        users.sort_by_key(|(index, _)| *index);
        for (_, user) in users {
            // What is no account was told when the file was read.
            let Ok(account) = Account::parse(&user.name) else {
                continue;
            };
            let identity = Identity {
                account,
                labels: Labels::new(user.labels.clone(), LabelsArePatterns::Glob),
            };
            let known = (answered.accounts.len(), answered.open.len());
            answered.add(&identity, &cells, &mut patterns);
            if user.password.as_ref().is_some_and(|hash| hash.expose().is_empty()) {
                let could = known != (answered.accounts.len(), answered.open.len());
                answered.locked.extend(could.then(|| user.name.clone()));
                answered.accounts.truncate(known.0);
                answered.open.truncate(known.1);
            }
        }
        answered
    }

    /// Decides for a static user from everywhere and for every service.
    fn add(&mut self, identity: &Identity, cells: &[Cell], patterns: &mut PatternMemo) {
        let mut all: Vec<(Vec<Reached>, Option<String>)> = Vec::new();
        let mut is_open = false;
        for (service, name) in self.services.all() {
            let decide = |address: IpAddr, patterns: &mut PatternMemo| {
                let asked = Asked {
                    identity,
                    address,
                    service,
                    scope: self.scope,
                };
                self.rulebook.acl.decide(&asked, patterns)
            };
            let grants: Vec<Grant> = cells.iter().map(|cell| decide(cell.address, patterns)).collect();
            is_open |= grants.iter().any(|grant| *grant.because() == Because::NoRule);
            let mut reached: Vec<Reached> = Vec::new();
            for grant in grants.iter().filter(|grant| !grant.actions().is_empty()) {
                if reached.iter().any(|known| known.grant == *grant) {
                    continue;
                }
                let same: Vec<bool> = grants.iter().map(|other| other == grant).collect();
                reached.push(Reached {
                    account: identity.account.to_string(),
                    grant: grant.clone(),
                    addresses: cells::told(cells, &same),
                    service: None,
                });
            }
            all.push((reached, name.map(str::to_owned)));
        }
        if is_open && self.rulebook.asks.scopes {
            self.open.push(identity.account.to_string());
        }
        let is_same = all.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
        if is_same {
            self.accounts
                .extend(all.into_iter().next().into_iter().flat_map(|(reached, _)| reached));
            return;
        }
        for (reached, service) in all {
            let reached = reached.into_iter().map(|reached| Reached {
                service: service.clone(),
                ..reached
            });
            self.accounts.extend(reached);
        }
    }

    /// Whether all that is asked for is among these actions.
    fn is_all(&self, granted: usize) -> bool {
        granted == self.scope.actions().iter().len()
    }

    fn exit(&self) -> Exit {
        if self
            .accounts
            .iter()
            .any(|reached| self.is_all(reached.grant.actions().iter().len()))
        {
            return Exit::Yes;
        }
        let by_others = self.rulebook.asks.accounts
            && self
                .others()
                .any(|other| self.is_all(other.bearing.grants.iter().len()));
        let by_backend = self.rulebook.asks.scopes && (self.rulebook.asks.accounts || !self.open.is_empty());
        if by_others || by_backend || !self.services.unknown.is_empty() {
            Exit::CouldNotTell
        } else {
            Exit::No
        }
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).map_err(|error| match mended(text) {
        Some(scope) => format!("{error}; write `{scope}`"),
        None => error.to_string(),
    })
}
