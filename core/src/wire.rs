//! What the filter and the program beside the proxy say to each other: the questions of the filter, and their answers.
//!
//! | call | question | answer |
//! |---|---|---|
//! | `GET /v1/config?wait=25s` | `If-None-Match` with the tag of the configuration that is there | the configuration, held back until there is another one; 304 when the wait ends |
//! | `POST /v1/decide` | [`DecideQuestion`] | [`DecideAnswer`] |
//! | `POST /v1/verify` | [`VerifyQuestion`] | [`VerifyAnswer`] |
//!
//! Bodies are JSON, that of a configuration a JSON text on each line ([`config`]). What an answer does not know of a
//! question it passes over, and the other way round, so that the two need not be of one release; [`VERSION`] goes up when
//! that is not enough. An answer other than 200 is no answer: 400 for a question that is none, 401 without the secret, 503
//! with a [`Failure`] when nobody could be asked.

pub mod config;

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::account::{Account, AccountError, Identity, Labels, LabelsArePatterns};
use crate::acl::Because;
use crate::authn::Proof;
use crate::authn::attempt::Work;
use crate::authn::hash::{Hash, HashError};
use crate::decide::{Answer, Decision, Known};
use crate::request::{Credentials, Method, TokenRequest};
use crate::scope::{Actions, ScopeError, Scopes};
use crate::secret::Secret;
use crate::service::{Service, ServiceError};

/// The version of the wire that this release speaks.
pub const VERSION: u32 = 1;

/// Where the configuration is asked for.
pub const CONFIG_PATH: &str = "/v1/config";
/// Where decisions are asked for.
pub const DECIDE_PATH: &str = "/v1/decide";
/// Where passwords are compared with hashes.
pub const VERIFY_PATH: &str = "/v1/verify";
/// The header with the secret that filter and program share, where they do.
pub const SECRET_HEADER: &str = "x-registry-auth-secret";

/// The largest answer to a question, and the largest question, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

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

/// A password: any bytes, as base64.
#[derive(Debug)]
pub struct Password(pub Secret<Vec<u8>>);

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

/// `POST /v1/verify`: does this password fit this hash?
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyQuestion {
    /// [`VERSION`] of whoever asks.
    pub version: u32,
    /// Milliseconds after which nobody waits for the answer.
    pub deadline_ms: u64,
    /// The hash, as in a configuration; absent if it is known that nothing fits.
    #[serde(default)]
    pub stored: Option<HashText>,
    /// Hashes that are computed if it does not fit, so that a failure costs what every other one costs.
    #[serde(default)]
    pub decoys: Vec<HashText>,
    /// The password.
    pub password: Password,
    /// From where it came: no address may take all the time that there is for hashes.
    pub address: IpAddr,
}

/// A hash as in a configuration.
#[derive(Debug)]
pub struct HashText(pub Secret<String>);

/// The answer to a [`VerifyQuestion`].
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyAnswer {
    /// Whether it fits.
    pub fits: bool,
}

/// Why nobody could be asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The back-end, by its key in the configuration; what it said is in the program's log alone.
    pub backend: String,
}

/// Why a question or an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A name that is none.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A scope that is none, or too many.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A service that is none.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A hash that is none.
    #[error("a hash that {0}")]
    Hash(#[from] HashError),
    /// A version that this release does not speak.
    #[error("version {0} of the wire is not known here, only {VERSION}")]
    Version(u32),
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

    /// The answer to the question who somebody is.
    ///
    /// # Errors
    /// [`WireError::Account`].
    pub fn into_decided(self) -> Result<Answer, WireError> {
        match self {
            Self::Denied => Ok(Answer::Denied),
            Self::Decided { identity, grants } => Ok(Answer::Decided(identity.into_known()?, found(grants))),
        }
    }

    /// The answer to the question what somebody may do who is known.
    #[must_use]
    pub fn into_granted(self) -> Answer {
        match self {
            Self::Denied => Answer::Denied,
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

impl VerifyQuestion {
    /// Asks for `work` with `password`, which came from `address`.
    #[must_use]
    pub fn about(work: &Work, password: &Secret<Vec<u8>>, address: IpAddr, deadline_ms: u64) -> Self {
        Self {
            version: VERSION,
            deadline_ms,
            stored: work.stored.as_ref().map(|hash| HashText(hash.to_text())),
            decoys: work.decoys.iter().map(|hash| HashText(hash.to_text())).collect(),
            password: Password(password.clone()),
            address,
        }
    }

    /// The hashes, and the password.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn into_work(self) -> Result<(Work, Secret<Vec<u8>>), WireError> {
        if self.version != VERSION {
            return Err(WireError::Version(self.version));
        }
        let parse = |text: HashText| Hash::parse(text.0.expose());
        let work = Work {
            stored: self.stored.map(parse).transpose()?,
            decoys: self.decoys.into_iter().map(parse).collect::<Result<_, _>>()?,
        };
        Ok((work, self.password.0))
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Secret::new(STANDARD.encode(self.0.expose()));
        serializer.serialize_str(text.expose())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::new(String::deserialize(deserializer)?);
        let bytes = STANDARD.decode(text.expose());
        // What is wrong with it would quote a part of it.
        bytes
            .map(|bytes| Self(Secret::new(bytes)))
            .map_err(|_| D::Error::custom("a password that is not base64"))
    }
}

impl Serialize for HashText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for HashText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Secret::new(String::deserialize(deserializer)?)))
    }
}
