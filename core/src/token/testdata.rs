//! The keys and certificates of `testdata/`, and decisions for tests.

use crate::account::{Account, Identity, Labels};
use crate::acl::{Because, Grant};
use crate::decide::Decision;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::service::Service;
use crate::token::SigningKey;

/// The file `name`, without its `.pem`.
#[track_caller]
pub(super) fn text(name: &str) -> String {
    let path = format!("{}/src/token/testdata/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
pub(super) fn key(name: &str) -> SigningKey {
    SigningKey::from_pem(&Secret::new(text(name))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The chain of these certificates, in this order.
pub(super) fn certificates(names: &[&str]) -> String {
    names.iter().map(|name| text(&format!("certificate/{name}"))).collect()
}

pub(super) fn grant(scope: &str, actions: &[&str]) -> Grant {
    let actions = actions.iter().copied().collect();
    Grant::for_test(Scope::parse(scope).unwrap(), actions, Because::NoRule)
}

pub(super) fn decision(account: &str, service: &str, grants: Vec<Grant>) -> Decision {
    let identity = Identity {
        account: Account::parse(account).unwrap(),
        labels: Labels::default(),
    };
    Decision::for_test(identity, Service::parse(service).unwrap(), grants)
}
