//! The keys and certificates of `testdata/`, and decisions for tests.

use std::sync::Arc;
use std::time::Duration;

use crate::account::{Account, Identity, Labels};
use crate::acl::{Because, Grant};
use crate::decide::Decision;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::service::Service;
use crate::time::Timestamp;
use crate::token::{Jti, SigningKey, Token};

/// The file `name`, without its `.pem`.
#[track_caller]
pub(crate) fn text(name: &str) -> String {
    let path = format!("{}/src/token/testdata/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
pub(crate) fn key(name: &str) -> SigningKey {
    SigningKey::from_pem(&Secret::new(text(name))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The chain of these certificates, in this order.
pub(crate) fn certificates(names: &[&str]) -> String {
    names.iter().map(|name| text(&format!("certificate/{name}"))).collect()
}

pub(crate) fn grant(scope: &str, actions: &[&str]) -> Grant {
    let actions = actions.iter().copied().collect();
    Grant::for_test(Scope::parse(scope).unwrap(), actions, Because::NoRule)
}

pub(crate) fn decision(account: &str, service: &str, grants: Vec<Grant>) -> Decision {
    let identity = Identity {
        account: Account::parse(account).unwrap(),
        labels: Labels::default(),
    };
    Decision::for_test(identity, Service::parse(service).unwrap(), grants)
}

/// A token of `length` bytes that says nothing.
pub(crate) fn token(issued_at: Timestamp, life: Duration, length: usize) -> Token {
    Token {
        text: Arc::new(Secret::new("x".repeat(length))),
        issued_at,
        expires_at: issued_at.plus(life),
        jti: Jti::from_random([7; 16]),
    }
}
