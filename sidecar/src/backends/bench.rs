//! `bench_auth`: accounts that are known in memory, to measure everything but a back-end. In no release build.

use registry_auth_core::account::{Identity, Labels, LabelsArePatterns};
use registry_auth_core::config::Section;
use registry_auth_core::decide::Denial;
use registry_auth_core::problem::Problems;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::backend::{Asking, Authenticator, Login, Outcome};

/// So many accounts, if `accounts` does not say.
const ACCOUNTS: usize = 100_000;

/// The password of each.
const PASSWORD: &[u8] = b"bench";

/// Knows the accounts `bench-0`, `bench-1` and so on.
#[derive(Debug)]
pub struct Bench {
    accounts: usize,
}

impl Bench {
    /// Reads `bench_auth`.
    pub fn open(mut section: Section, problems: &mut Problems) -> Self {
        let accounts = section.count("accounts", 1..=10_000_000, problems);
        section.finish(problems);
        Self {
            accounts: accounts.unwrap_or(ACCOUNTS),
        }
    }

    fn knows(&self, account: &str) -> bool {
        let number = account.strip_prefix("bench-").and_then(|number| number.parse().ok());
        number.is_some_and(|number: usize| number < self.accounts && account == format!("bench-{number}"))
    }
}

impl Authenticator for Bench {
    fn authenticate<'a>(&'a self, login: Login<'a>, _: Instant) -> Asking<'a, Outcome> {
        let fits: bool = login.password.expose().as_slice().ct_eq(PASSWORD).into();
        let outcome = match (self.knows(login.account.as_str()), fits) {
            (false, _) => Outcome::NoMatch,
            (true, false) => Outcome::Deny(Denial::default()),
            (true, true) => Outcome::Accept(Identity {
                account: login.account.clone(),
                labels: Labels::new([].into(), LabelsArePatterns::None),
            }),
        };
        Box::pin(std::future::ready(Ok(outcome)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_are_numbered_without_gaps_or_doubles() {
        let bench = Bench { accounts: 10 };
        assert!(bench.knows("bench-0") && bench.knows("bench-9"));
        for stranger in ["bench-10", "bench-01", "bench-+1", "bench-", "bench", "ada", ""] {
            assert!(!bench.knows(stranger), "{stranger}");
        }
    }
}
