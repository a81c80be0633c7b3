//! `POST /v1/decide`: the question, its answer, and how both become what core decides by.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::secret::Password;
use super::{VERSION, WireError};
use crate::account::{Account, Identity, Labels, LabelsArePatterns};
use crate::acl::Because;
use crate::authn::Proof;
use crate::decide::{Answer, Decision, Denial, Known};
use crate::request::{Credentials, Method, TokenRequest};
use crate::scope::{Actions, Scopes};
use crate::service::Service;

/// `POST /v1/decide`: who is this, and what may they do?
#[derive(Debug, Serialize, Deserialize)]
pub struct DecideQuestion {
    /// [`VERSION`] of whoever asks.
    pub version: u32,
    /// Milliseconds after which nobody waits for the answer.
    pub deadline_ms: u64,
    /// The proxy's name for the request, for logs.
    #[serde(default)]
    pub request_id: String,
    /// Who asks.
    pub who: Who,
    /// The registry that the token is for.
    pub service: String,
    /// What is asked for, each as `type:name:action,action`.
    pub scopes: Vec<String>,
    /// From where.
    pub address: IpAddr,
    /// Whether whoever asks can read [`DecideAnswer::DeniedWith`].
    #[serde(default)]
    pub takes_denials: bool,
}

/// Who asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Somebody who sent nothing to prove themselves by.
    Anonymous,
    /// Somebody with a name and a password.
    Password {
        /// The name.
        account: String,
        /// The password.
        password: Password,
    },
    /// A static user, whom the filter has let in: only the scopes are asked about.
    Identity(WireIdentity),
}

/// An account that was let in.
#[derive(Debug, Serialize, Deserialize)]
pub struct WireIdentity {
    /// The account, as the back-end spells it.
    pub account: String,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, Vec<String>>,
    /// What the values of labels may act as: `none`, `glob` or `regex`.
    #[serde(default)]
    pub labels_are: LabelsAre,
    /// Whether a password was asked for: `password` or `open`.
    pub proof: WireProof,
    /// The back-end, by its key in the configuration.
    pub backend: String,
}

/// [`LabelsArePatterns`] on the wire; what is not known is the narrowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as the type that it stands for")]
pub enum LabelsAre {
    Glob,
    Regex,
    #[default]
    #[serde(other)]
    None,
}

/// [`Proof`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as the type that it stands for")]
pub enum WireProof {
    Password,
    Open,
}

/// The answer to a [`DecideQuestion`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecideAnswer {
    /// Who it is, and what they may do.
    Decided {
        /// Who.
        identity: WireIdentity,
        /// What, scope by scope in the order asked.
        grants: Vec<WireGrant>,
    },
    /// Nobody knows the account, or the password is wrong.
    Denied,
    /// The same, with what is known of it; only for who takes that.
    DeniedWith {
        /// The account as a back-end spells it.
        #[serde(default)]
        account: Option<String>,
        /// Why, for the audit record.
        #[serde(default)]
        reason: Option<String>,
    },
}

/// What one scope was granted.
#[derive(Debug, Serialize, Deserialize)]
pub struct WireGrant {
    /// The actions.
    pub actions: Vec<String>,
    /// Why.
    pub because: WireBecause,
}

/// [`Because`] on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as the type that it stands for")]
pub enum WireBecause {
    Rule { index: usize, comment: Option<String> },
    CannotJudge { index: usize, comment: Option<String> },
    Backend(String),
    NoRule,
}

impl DecideQuestion {
    /// Asks about all that `request` asks for.
    #[must_use]
    pub fn about(request: &TokenRequest, deadline_ms: u64, request_id: &str) -> Self {
        let who = match &request.credentials {
            Credentials::Password { account, password } => Who::Password {
                account: account.as_str().to_owned(),
                password: Password(password.clone()),
            },
            Credentials::Anonymous | Credentials::RefreshToken(_) => Who::Anonymous,
        };
        Self {
            version: VERSION,
            deadline_ms,
            request_id: request_id.to_owned(),
            who,
            service: request.service.as_str().to_owned(),
            scopes: request.scopes.iter().map(ToString::to_string).collect(),
            address: request.address,
            takes_denials: true,
        }
    }

    /// Asks about scopes for somebody who is known.
    #[must_use]
    pub fn about_known(
        known: &Known,
        scopes: &[crate::scope::Scope],
        request: &TokenRequest,
        deadline_ms: u64,
        request_id: &str,
    ) -> Self {
        Self {
            who: Who::Identity(WireIdentity::of(known)),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            ..Self::about(request, deadline_ms, request_id)
        }
    }

    /// The question as a request, which [`crate::decide`] takes; with it who is known already.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn into_request(self) -> Result<(TokenRequest, Option<Known>), WireError> {
        if self.version != VERSION {
            return Err(WireError::Version(self.version));
        }
        let (credentials, known) = match self.who {
            Who::Anonymous => (Credentials::Anonymous, None),
            Who::Password { account, password } => {
                let account = Account::parse(&account)?;
                let password = password.0;
                (Credentials::Password { account, password }, None)
            }
            Who::Identity(identity) => (Credentials::Anonymous, Some(identity.into_known()?)),
        };
        let request = TokenRequest {
            credentials,
            service: Service::parse(&self.service)?,
            scopes: Scopes::parse(self.scopes.iter().map(String::as_str))?,
            address: self.address,
            method: Method::Get,
            offline: false,
        };
        Ok((request, known))
    }
}

impl DecideAnswer {
    /// The answer that says what was decided.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        let grants = decision.grants().iter().map(|grant| WireGrant {
            actions: grant.actions().iter().map(str::to_owned).collect(),
            because: WireBecause::of(grant.because()),
        });
        Self::Decided {
            grants: grants.collect(),
            identity: WireIdentity::of(&decision.known()),
        }
    }

    /// The answer that somebody is not let in, for who can read what is known of it or not.
    #[must_use]
    pub fn denied(denial: Denial, takes_denials: bool) -> Self {
        if !takes_denials || denial == Denial::default() {
            return Self::Denied;
        }
        Self::DeniedWith {
            account: denial.account.map(|account| account.as_str().to_owned()),
            reason: denial.reason.map(Into::into),
        }
    }

    /// The answer to the question who somebody is.
    ///
    /// # Errors
    /// [`WireError::Account`].
    pub fn into_decided(self) -> Result<Answer, WireError> {
        match self {
            Self::Denied => Ok(Answer::Denied(Denial::default())),
            Self::DeniedWith { account, reason } => Ok(Answer::Denied(Denial {
                account: account.as_deref().map(Account::parse).transpose()?,
                reason: reason.map(Into::into),
            })),
            Self::Decided { identity, grants } => Ok(Answer::Decided(identity.into_known()?, found(grants))),
        }
    }

    /// The answer to the question what somebody may do who is known.
    #[must_use]
    pub fn into_granted(self) -> Answer {
        match self {
            Self::Denied | Self::DeniedWith { .. } => Answer::Denied(Denial::default()),
            Self::Decided { grants, .. } => Answer::Granted(found(grants)),
        }
    }
}

fn found(grants: Vec<WireGrant>) -> Vec<(Actions, Because)> {
    let found = grants.into_iter().map(|grant| {
        let actions: Actions = grant.actions.into_iter().collect();
        (actions, grant.because.into_because())
    });
    found.collect()
}

impl WireIdentity {
    fn of(known: &Known) -> Self {
        let labels = known.identity.labels.iter();
        Self {
            account: known.identity.account.as_str().to_owned(),
            labels: labels
                .map(|(name, values)| (name.to_owned(), values.to_vec()))
                .collect(),
            labels_are: match known.identity.labels.are_patterns() {
                LabelsArePatterns::None => LabelsAre::None,
                LabelsArePatterns::Glob => LabelsAre::Glob,
                LabelsArePatterns::Regex => LabelsAre::Regex,
            },
            proof: match known.proof {
                Proof::Password => WireProof::Password,
                Proof::Open => WireProof::Open,
            },
            backend: known.backend.to_string(),
        }
    }

    fn into_known(self) -> Result<Known, WireError> {
        let are_patterns = match self.labels_are {
            LabelsAre::None => LabelsArePatterns::None,
            LabelsAre::Glob => LabelsArePatterns::Glob,
            LabelsAre::Regex => LabelsArePatterns::Regex,
        };
        Ok(Known {
            identity: Identity {
                account: Account::parse(&self.account)?,
                labels: Labels::new(self.labels, are_patterns),
            },
            proof: match self.proof {
                WireProof::Password => Proof::Password,
                WireProof::Open => Proof::Open,
            },
            backend: self.backend.into(),
        })
    }
}

impl WireBecause {
    fn of(because: &Because) -> Self {
        let comment = |comment: &Option<std::sync::Arc<str>>| comment.as_deref().map(str::to_owned);
        match because {
            Because::Rule { index, comment: note } => Self::Rule {
                index: *index,
                comment: comment(note),
            },
            Because::CannotJudge { index, comment: note } => Self::CannotJudge {
                index: *index,
                comment: comment(note),
            },
            Because::Backend(name) => Self::Backend(name.to_string()),
            Because::NoRule => Self::NoRule,
        }
    }

    fn into_because(self) -> Because {
        match self {
            Self::Rule { index, comment } => Because::Rule {
                index,
                comment: comment.map(Into::into),
            },
            Self::CannotJudge { index, comment } => Because::CannotJudge {
                index,
                comment: comment.map(Into::into),
            },
            Self::Backend(name) => Because::Backend(name.into()),
            Self::NoRule => Because::NoRule,
        }
    }
}
