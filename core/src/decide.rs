//! Who it is, then what they may do: the outcome of a request for a token.

use thiserror::Error;

use crate::account::{Account, Identity};
use crate::acl::{Asked, Grant, PatternMemo};
use crate::authn::attempt::{Verifier, Withheld};
use crate::authn::{Outcome, Proof};
use crate::policy::Policy;
use crate::reply::Refusal;
use crate::request::{Credentials, Malformed, TokenRequest, Unproven};
use crate::secret::Secret;
use crate::service::Service;

/// What an account was granted. Nothing but this module makes one, and a token is issued for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    identity: Identity,
    proof: Proof,
    service: Service,
    grants: Vec<Grant>,
}

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Undecided {
    /// The service is not among those that are served.
    #[error("service `{0}` is not served here")]
    ForeignService(Service),
    /// The credentials are not accepted.
    #[error(transparent)]
    Unproven(Unproven),
    /// A hash that is needed was not computed.
    #[error(transparent)]
    Withheld(#[from] Withheld),
}

/// Decides about `request` by `policy`. What is decided does not depend on `patterns`, only how fast.
///
/// # Errors
/// See [`Undecided`].
pub fn decide(
    policy: &Policy,
    request: &TokenRequest,
    verifier: &mut dyn Verifier,
    patterns: &mut PatternMemo,
) -> Result<Decision, Undecided> {
    if policy
        .services
        .as_ref()
        .is_some_and(|services| !services.contains(&request.service))
    {
        return Err(Undecided::ForeignService(request.service.clone()));
    }
    let (identity, proof) = authenticate(policy, request, verifier)?;
    let asked = request.scopes.iter().map(|scope| Asked {
        identity: &identity,
        address: request.address,
        service: &request.service,
        scope,
    });
    let grants = asked.map(|asked| policy.acl.decide(&asked, patterns)).collect();
    Ok(Decision {
        identity,
        proof,
        service: request.service.clone(),
        grants,
    })
}

fn authenticate(
    policy: &Policy,
    request: &TokenRequest,
    verifier: &mut dyn Verifier,
) -> Result<(Identity, Proof), Undecided> {
    let nothing = Secret::new(Vec::new());
    let (account, password) = match &request.credentials {
        // The anonymous account is asked for like any other: without an entry `""` nobody is let in unnamed.
        Credentials::Anonymous => (&Account::anonymous(), &nothing),
        Credentials::Password { account, password } => (account, password),
        Credentials::RefreshToken(_) => return Err(Undecided::Unproven(Unproven::RefreshToken)),
    };
    let outcome = policy
        .users
        .authenticate(account, password, request.address, verifier)?;
    match outcome {
        Outcome::Accept(identity, proof) => Ok((identity, proof)),
        Outcome::Deny | Outcome::NoMatch => Err(Undecided::Unproven(Unproven::WrongCredentials)),
    }
}

impl From<Undecided> for Refusal {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::ForeignService(service) => Malformed::ForeignService(service).into(),
            Undecided::Unproven(unproven) => Self::Unproven(unproven),
            Undecided::Withheld(withheld) => Self::Withheld(withheld),
        }
    }
}

impl Decision {
    /// Who was let in.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// By what.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
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
            service,
            grants,
        }
    }
}
