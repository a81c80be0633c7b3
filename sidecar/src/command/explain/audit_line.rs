//! A line of the audit log, as `docs/audit_log.md` has it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use registry_auth_core::account::{Account, AccountError, Identity, Labels, LabelsArePatterns};
use registry_auth_core::acl::explain::Explanation;
use registry_auth_core::scope::{Scope, ScopeError};
use registry_auth_core::service::{Service, ServiceError};
use serde::Deserialize;
use thiserror::Error;

use super::Answered;

/// What a line says of a decision.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) identity: Identity,
    pub(super) address: IpAddr,
    pub(super) service: Service,
    pub(super) scopes: Vec<RecordedScope>,
    /// Whether a token was issued; rules were asked only then.
    pub(super) result: String,
    /// Who let the account in.
    pub(super) backend: Option<String>,
    pub(super) labels_are_cut: bool,
    pub(super) generation: u64,
    /// The first characters of it.
    pub(super) etag: Option<String>,
}

/// What it says of one scope.
#[derive(Debug)]
pub(super) struct RecordedScope {
    pub(super) scope: Scope,
    pub(super) granted: Vec<String>,
    pub(super) rule: Option<usize>,
    pub(super) because: String,
}

/// Why a line is no record of a decision.
#[derive(Debug, Error)]
pub enum LineError {
    /// There is no JSON object in it.
    #[error("the audit line holds no JSON object; give one whole line, in single quotes")]
    NoObject,
    /// It is not read as a record.
    #[error("the audit line is no record of a decision: {0}; `docs/audit_log.md` has the form")]
    Form(serde_json::Error),
    /// It is another record.
    #[error("the audit line is of the event `{0}`, and only `token` is a decision")]
    Event(String),
    /// Its account is none.
    #[error("the audit line: {0}")]
    Account(#[from] AccountError),
    /// Its service is none.
    #[error("the audit line: {0}")]
    Service(#[from] ServiceError),
    /// One of its scopes is none.
    #[error("the audit line: {0}")]
    Scope(#[from] ScopeError),
    /// Nothing was asked for.
    #[error(
        "the audit line is of a login that asked for nothing (`\"scopes\":[]`); there is nothing that rules decide"
    )]
    NoScopes,
}

/// Other keys may be added to a record, and are passed over.
#[derive(Deserialize)]
struct Line {
    event: String,
    result: String,
    account: String,
    address: IpAddr,
    service: String,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    labels_cut: bool,
    scopes: Vec<LineScope>,
    backend: Option<String>,
    #[serde(default)]
    generation: u64,
    etag: Option<String>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
    value: String,
    pattern: bool,
}

#[derive(Deserialize)]
struct LineScope {
    scope: String,
    granted: Vec<String>,
    rule: Option<usize>,
    because: String,
}

impl Recorded {
    /// Reads the first JSON object in `text`, before which a log may have put something of its own.
    pub(super) fn read(text: &str) -> Result<Self, LineError> {
        let (_, object) = text.split_once('{').ok_or(LineError::NoObject)?;
        let object = format!("{{{object}");
        let mut records = serde_json::Deserializer::from_str(&object).into_iter::<Line>();
        let line = records.next().ok_or(LineError::NoObject)?.map_err(LineError::Form)?;
        if line.event != "token" {
            return Err(LineError::Event(line.event));
        }
        let are_patterns = if line.labels.iter().any(|label| label.pattern) {
            LabelsArePatterns::Glob
        } else {
            LabelsArePatterns::None
        };
        let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Label { name, value, .. } in line.labels {
            labels.entry(name).or_default().push(value);
        }
        let scopes = line.scopes.into_iter().map(|recorded| {
            Ok(RecordedScope {
                scope: Scope::parse(&recorded.scope)?,
                granted: recorded.granted,
                rule: recorded.rule,
                because: recorded.because,
            })
        });
        let scopes = scopes.collect::<Result<Vec<_>, ScopeError>>()?;
        if scopes.is_empty() {
            return Err(LineError::NoScopes);
        }
        Ok(Self {
            identity: Identity {
                account: Account::parse(&line.account)?,
                labels: Labels::new(labels, are_patterns),
            },
            address: line.address.to_canonical(),
            service: Service::parse(&line.service)?,
            scopes,
            result: line.result,
            backend: line.backend,
            labels_are_cut: line.labels_cut,
            generation: line.generation,
            etag: line.etag,
        })
    }

    /// Whether rules were asked at all.
    pub(super) fn is_issued(&self) -> bool {
        self.result == "issued"
    }

    /// What it says of `scope`.
    pub(super) fn of(&self, scope: &Scope) -> Option<&RecordedScope> {
        let mut scopes = self.scopes.iter().filter(|_| self.is_issued());
        scopes.find(|recorded| recorded.scope == *scope)
    }

    /// Whether the same rules granted the same. Where rules were not asked there is nothing to compare.
    pub(super) fn is_as_explained(&self, answered: &Answered<'_>) -> bool {
        !self.is_issued()
            || answered.explanations.iter().all(|explanation| {
                let recorded = self.of(explanation.grant().scope());
                recorded.is_some_and(|recorded| recorded.is_as(explanation, answered.is_open(explanation)))
            })
    }
}

impl RecordedScope {
    /// Whether it is what is decided now; `is_open` if back-ends have the last word.
    pub(super) fn is_as(&self, explanation: &Explanation, is_open: bool) -> bool {
        let decider = explanation.decider().map(|judged| judged.index);
        let grant = explanation.grant();
        let by_backend = self.because.ends_with(" says so");
        if is_open {
            return self.rule.is_none() && by_backend;
        }
        self.rule == decider && !by_backend && grant.actions().iter().eq(self.granted.iter().map(String::as_str))
    }
}
