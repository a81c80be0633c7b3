//! Who it is, then what they may do: the outcome of a request for a token.

use crate::account::Identity;
use crate::acl::Grant;
use crate::service::Service;

/// What an account was granted. Nothing but this module makes one, and a token is issued for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    identity: Identity,
    service: Service,
    grants: Vec<Grant>,
}

impl Decision {
    /// Who was let in.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
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
            service,
            grants,
        }
    }
}
