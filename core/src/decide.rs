//! Who it is, then what they may do: the outcome of a request for a token.
//!
//! Nothing here waits. Where somebody else has to be asked, [`decide`] ends with a [`Question`], and [`resume`] goes on
//! with its answer: a filter asks over the network, a program its own back-ends.

use std::borrow::Cow;

use thiserror::Error;

use crate::account::{Account, Identity, folded};
use crate::acl::{Asked, Because, Grant, PatternMemo};
use crate::authn::attempt::{Attempt, Verifier, Withheld, Work};
use crate::authn::{Outcome, Proof, Strangers};
use crate::policy::Policy;
use crate::reply::Refusal;
use crate::request::{Malformed, TokenRequest, Unproven};
use crate::scope::{Actions, Scope};
use crate::secret::Secret;
use crate::service::Service;

/// What an account was granted. Nothing but this module makes one, and a token is issued for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    identity: Identity,
    proof: Proof,
    backend: Cow<'static, str>,
    service: Service,
    grants: Vec<Grant>,
}

/// How far a request came.
#[derive(Debug)]
pub enum Step {
    /// To its end.
    Decided(Decision),
    /// Somebody else has to be asked.
    Ask(Question),
}

/// What has to be found out elsewhere.
#[derive(Debug)]
pub enum Question {
    /// Whether the password of a static user fits: [`Answer::Verified`].
    Verify(Work),
    /// Who an account is that is no static user: [`Answer::Accepted`], [`Answer::Decided`] or [`Answer::Denied`].
    Authenticate,
    /// What an account may do of the scopes that no rule decides: [`Answer::Granted`].
    Authorize(Undetermined),
}

/// An account that is known, and what is known of its grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undetermined {
    known: Known,
    /// One for each scope; `None` where no rule matches.
    grants: Vec<Option<Grant>>,
    scopes: Vec<Scope>,
}

/// Who was let in, how, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub identity: Identity,
    /// How.
    pub proof: Proof,
    /// The back-end, by its key in the configuration; [`USERS`] for static users.
    pub backend: Cow<'static, str>,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Whether the password fits.
    Verified(bool),
    /// This is who it says; what they may do is not decided.
    Accepted(Known),
    /// This is who it says, and this is what they may do, scope by scope in the order asked.
    Decided(Known, Vec<(Actions, Because)>),
    /// What they may do of the scopes that were asked about, in their order.
    Granted(Vec<(Actions, Because)>),
    /// Nobody knows the account, or the password is wrong.
    Denied(Denial),
}

/// What a back-end knows of somebody whom it does not let in. None of it is for the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial {
    /// The account as the back-end spells it, if it found it: guesses at it count under that name, too.
    pub account: Option<Account>,
    /// Why, in a few words, for the audit record.
    pub reason: Option<Box<str>>,
}

/// What the static users are called among the back-ends.
pub const USERS: &str = "users";

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Undecided {
    /// The service is not among those that are served.
    #[error("service `{0}` is not served here")]
    ForeignService(Service),
    /// The credentials are not accepted.
    #[error(transparent)]
    Unproven(Unproven),
    /// A back-end does not accept them.
    #[error("wrong credentials")]
    Denied(Denial),
    /// A hash that is needed was not computed.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// An answer to another question than the one asked.
    #[error("an answer that does not fit the question")]
    StrayAnswer,
}

/// Decides about `request` by `policy`, as far as that is possible here. What is decided does not depend on `patterns`,
/// only how fast.
///
/// # Errors
/// See [`Undecided`].
pub fn decide(
    policy: &Policy,
    request: &TokenRequest,
    verifier: &mut dyn Verifier,
    patterns: &mut PatternMemo,
) -> Result<Step, Undecided> {
    if policy
        .services
        .as_ref()
        .is_some_and(|services| !services.contains(&request.service))
    {
        return Err(Undecided::ForeignService(request.service.clone()));
    }
    let strangers = if policy.asks.accounts {
        Strangers::AreAskedElsewhere
    } else {
        Strangers::AreRefused
    };
    let (account, password) = claim(request)?;
    let outcome = policy
        .users
        .authenticate(account, password, request.address, strangers, verifier)?;
    match outcome {
        Outcome::Accept(identity, proof) => Ok(authorize(policy, request, Known::user(identity, proof), patterns)),
        Outcome::NoMatch if policy.asks.accounts => Ok(Step::Ask(Question::Authenticate)),
        Outcome::Deny | Outcome::NoMatch => Err(Undecided::Unproven(Unproven::WrongCredentials)),
        Outcome::Verify(work) => Ok(Step::Ask(Question::Verify(work))),
    }
}

/// Goes on with what was found out.
///
/// # Errors
/// See [`Undecided`].
pub fn resume(
    policy: &Policy,
    request: &TokenRequest,
    question: Question,
    answer: Answer,
    verifier: &mut dyn Verifier,
    patterns: &mut PatternMemo,
) -> Result<Step, Undecided> {
    let wrong = || Err(Undecided::Unproven(Unproven::WrongCredentials));
    let (account, password) = claim(request)?;
    match (question, answer) {
        (Question::Verify(_), Answer::Verified(fits)) => {
            let users = &policy.users;
            match users.verified(account, password, request.address, fits, verifier) {
                Outcome::Accept(identity, proof) => {
                    Ok(authorize(policy, request, Known::user(identity, proof), patterns))
                }
                Outcome::Deny | Outcome::NoMatch | Outcome::Verify(_) => wrong(),
            }
        }
        (Question::Authenticate, Answer::Denied(denial)) => {
            let attempt = policy.users.attempt(account, password, request.address);
            verifier.settle(&attempt, false);
            if let Some(name) = &denial.account {
                settle_as(name, &attempt, false, verifier)?;
            }
            Err(Undecided::Denied(denial))
        }
        (Question::Authenticate, Answer::Accepted(known)) => {
            let attempt = policy.users.attempt(account, password, request.address);
            settle_as(&known.identity.account, &attempt, true, verifier)?;
            verifier.settle(&attempt, true);
            Ok(authorize(policy, request, known, patterns))
        }
        (Question::Authenticate, Answer::Decided(known, found)) => {
            let attempt = policy.users.attempt(account, password, request.address);
            settle_as(&known.identity.account, &attempt, true, verifier)?;
            verifier.settle(&attempt, true);
            let undetermined = Undetermined {
                known,
                grants: vec![None; request.scopes.iter().len()],
                scopes: request.scopes.iter().cloned().collect(),
            };
            Ok(Step::Decided(undetermined.with(found, request)?))
        }
        (Question::Authorize(undetermined), Answer::Granted(found)) => {
            Ok(Step::Decided(undetermined.with(found, request)?))
        }
        (Question::Verify(_) | Question::Authenticate | Question::Authorize(_), _) => Err(Undecided::StrayAnswer),
    }
}

/// Has an attempt count as one at `name`, if that is another name than the one that was typed.
fn settle_as(name: &Account, attempt: &Attempt<'_>, fits: bool, verifier: &mut dyn Verifier) -> Result<(), Withheld> {
    if folded(name.as_str()) == folded(attempt.account.as_str()) {
        return Ok(());
    }
    let attempt = Attempt {
        account: name,
        ..*attempt
    };
    verifier.settle_as(&attempt, fits)
}

/// Decides what `known` may do of what `request` asks, as far as rules say so.
#[must_use]
pub fn authorize(policy: &Policy, request: &TokenRequest, known: Known, patterns: &mut PatternMemo) -> Step {
    let asked = request.scopes.iter().map(|scope| Asked {
        identity: &known.identity,
        address: request.address,
        service: &request.service,
        scope,
    });
    let grants: Vec<Grant> = asked.map(|asked| policy.acl.decide(&asked, patterns)).collect();
    let is_open = |grant: &Grant| policy.asks.scopes && *grant.because() == Because::NoRule;
    if !grants.iter().any(is_open) {
        return Step::Decided(Decision {
            identity: known.identity,
            proof: known.proof,
            backend: known.backend,
            service: request.service.clone(),
            grants,
        });
    }
    let scopes = grants.iter().filter(|grant| is_open(grant));
    Step::Ask(Question::Authorize(Undetermined {
        scopes: scopes.map(|grant| grant.scope().clone()).collect(),
        grants: grants
            .into_iter()
            .map(|grant| (!is_open(&grant)).then_some(grant))
            .collect(),
        known,
    }))
}

/// Who somebody says they are, and by what. The anonymous account is asked for like any other: without an entry `""`
/// nobody is let in unnamed.
fn claim(request: &TokenRequest) -> Result<(&Account, &Secret<Vec<u8>>), Undecided> {
    request.claim().ok_or(Undecided::Unproven(Unproven::RefreshToken))
}

impl Undecided {
    /// What a back-end said of it, for the audit record.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Denied(denial) => denial.reason.as_deref(),
            Self::ForeignService(_) | Self::Unproven(_) | Self::Withheld(_) | Self::StrayAnswer => None,
        }
    }
}

impl Known {
    /// A static user.
    #[must_use]
    pub fn user(identity: Identity, proof: Proof) -> Self {
        Self {
            identity,
            proof,
            backend: Cow::Borrowed(USERS),
        }
    }
}

impl Undetermined {
    /// Who asks.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The scopes that no rule decides.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Nothing is known about any of `scopes`.
    #[cfg(test)]
    pub(crate) fn for_test(known: Known, scopes: Vec<Scope>) -> Self {
        let grants = vec![None; scopes.len()];
        Self { known, grants, scopes }
    }

    /// The decision, with what was found out about each scope that was open. Nothing is granted that was not asked for.
    fn with(self, found: Vec<(Actions, Because)>, request: &TokenRequest) -> Result<Decision, Undecided> {
        if found.len() != self.scopes.len() {
            return Err(Undecided::StrayAnswer);
        }
        let mut found = self.scopes.into_iter().zip(found).map(|(scope, (actions, because))| {
            let actions = scope.actions().intersection(&actions);
            Grant::found_elsewhere(scope, actions, because)
        });
        let grants = self.grants.into_iter().map(|grant| grant.or_else(|| found.next()));
        Ok(Decision {
            grants: grants.collect::<Option<_>>().ok_or(Undecided::StrayAnswer)?,
            identity: self.known.identity,
            proof: self.known.proof,
            backend: self.known.backend,
            service: request.service.clone(),
        })
    }
}

impl From<Undecided> for Refusal {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::ForeignService(service) => Malformed::ForeignService(service).into(),
            Undecided::Unproven(unproven) => Self::Unproven(unproven),
            Undecided::Denied(_) => Self::Unproven(Unproven::WrongCredentials),
            Undecided::Withheld(withheld) => Self::Withheld(withheld),
            Undecided::StrayAnswer => Self::Unavailable,
        }
    }
}

impl Decision {
    /// Who was let in.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Who was let in, how, and by what.
    #[must_use]
    pub fn known(&self) -> Known {
        Known {
            identity: self.identity.clone(),
            proof: self.proof,
            backend: self.backend.clone(),
        }
    }

    /// By what.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// By which back-end, named by its key in the configuration.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// The registry that the token is for.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// One grant for each scope, in the order asked.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// A decision for tests of what comes after it.
    #[cfg(test)]
    pub(crate) fn for_test(identity: Identity, service: Service, grants: Vec<Grant>) -> Self {
        Self {
            identity,
            proof: Proof::Password,
            backend: USERS.into(),
            service,
            grants,
        }
    }
}

#[cfg(test)]
mod tests;
