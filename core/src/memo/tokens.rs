//! Tokens that say what another client may be told as well.

use super::{Seed, Table};
use crate::decide::Decision;
use crate::time::Timestamp;
use crate::token::Token;

/// How many are remembered.
const CAPACITY: usize = 4_096;

/// What a remembered token is at most long, in bytes: with [`CAPACITY`] it bounds the memory of a worker to 16 MB; a
/// token for a few repositories has a tenth of both.
const LONGEST: usize = 4_096;

/// Tokens of one configuration by what was decided: the account, the service and every grant. Whatever else went into
/// the decision (address, labels, time) has had its say before, each time.
#[derive(Debug)]
pub struct TokenMemo(Table<TokenKey, Token>);

/// All that a token says but its times and its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenKey(Box<str>);

impl TokenKey {
    /// The key of `decision`.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        // None of the parts can hold a NUL, and each that is asked for is there, granted or not.
        let mut key = String::with_capacity(128);
        key.push_str(decision.identity().account.as_str());
        key.push('\0');
        key.push_str(decision.service().as_str());
        for grant in decision.grants() {
            let resource = grant.scope().resource();
            for part in ["\0", resource.kind(), "\0", resource.name(), "\0"] {
                key.push_str(part);
            }
            for action in grant.actions().iter() {
                key.push_str(action);
                key.push(',');
            }
        }
        Self(key.into())
    }
}

impl TokenMemo {
    /// An empty one.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self(Table::new(CAPACITY, seed))
    }

    /// The token issued for `key` before, if it is still good for more than two thirds of its life and for a minute: a
    /// client is never handed one that is about to end.
    pub fn find(&mut self, key: &TokenKey, now: Timestamp) -> Option<&Token> {
        let token = self.0.get(key)?;
        is_fresh(token, now).then_some(token)
    }

    /// Takes note of a token issued for `key`, unless it is too long.
    pub fn note(&mut self, key: TokenKey, token: Token) {
        if token.text().expose().len() <= LONGEST {
            self.0.insert(key, token);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_fresh(token: &Token, now: Timestamp) -> bool {
    const LEAST: u64 = 60;
    let life = token.expires_at().seconds().saturating_sub(token.issued_at().seconds());
    let left = token.expires_at().seconds().saturating_sub(now.seconds());
    // A clock that was set back would hand out a token from the future, which is not valid yet.
    token.issued_at() <= now && left >= LEAST && left.saturating_mul(3) > life.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::token::testdata::{decision, grant, token};

    const NOW: u64 = 1_800_000_000;

    fn key(account: &str, service: &str, grants: &[(&str, &[&str])]) -> TokenKey {
        let grants = grants.iter().map(|(scope, actions)| grant(scope, actions)).collect();
        TokenKey::of(&decision(account, service, grants))
    }

    #[test]
    fn a_token_is_found_for_the_same_account_service_and_grants_alone() {
        let asked = "repository:a:pull,push";
        let one = key("ada", "r", &[(asked, &["pull"])]);
        assert_eq!(one, key("ada", "r", &[("repository:a:pull", &["pull"])]));
        for other in [
            key("bob", "r", &[(asked, &["pull"])]),
            key("ada", "s", &[(asked, &["pull"])]),
            key("ada", "r", &[(asked, &["pull", "push"])]),
            key("ada", "r", &[(asked, &[])]),
            key("ada", "r", &[]),
            key("ada", "r", &[("repository:b:pull", &["pull"])]),
            key("ada", "r", &[("plugin:a:pull", &["pull"])]),
            key("ada", "r", &[(asked, &["pull"]), ("repository:b:pull", &[])]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_token_is_handed_out_again_for_a_third_of_its_life_and_with_a_minute_left() {
        let handed_out = |life: u64, after: u64| {
            let mut memo = TokenMemo::new(Seed::new([1; 16]));
            let issued = Timestamp::from_seconds(NOW);
            let key = key("ada", "r", &[]);
            memo.note(key.clone(), token(issued, Duration::from_secs(life), 10));
            memo.find(&key, Timestamp::from_seconds(NOW + after)).is_some()
        };
        assert!(handed_out(900, 0) && handed_out(900, 299));
        assert!(!handed_out(900, 300));
        assert!(handed_out(80, 20) && !handed_out(80, 21));
        assert!(!handed_out(60, 1));
    }

    #[test]
    fn a_clock_that_was_set_back_finds_no_token_from_the_future() {
        let mut memo = TokenMemo::new(Seed::new([1; 16]));
        let key = key("ada", "r", &[]);
        memo.note(
            key.clone(),
            token(Timestamp::from_seconds(NOW), Duration::from_mins(15), 10),
        );
        assert!(memo.find(&key, Timestamp::from_seconds(NOW - 1)).is_none());
    }

    #[test]
    fn a_very_long_token_is_not_remembered() {
        let mut memo = TokenMemo::new(Seed::new([1; 16]));
        let key = key("ada", "r", &[]);
        memo.note(
            key,
            token(Timestamp::from_seconds(NOW), Duration::from_mins(15), LONGEST + 1),
        );
        assert!(memo.is_empty());
    }
}
