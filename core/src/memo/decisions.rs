//! What the program beside the proxy decided.

use std::time::Duration;

use super::{Seed, Table};
use crate::decide::Answer;
use crate::throttle::QuestionMac;
use crate::time::Timestamp;

/// How many are remembered.
const CAPACITY: usize = 4_096;

/// What a remembered answer is at most long, in bytes as it came: with [`CAPACITY`] it bounds the memory of a worker to
/// some 16 MB; an answer for an account with a few labels has a tenth of both.
const LONGEST: usize = 2_048;

/// Answers to questions of one configuration, each for a while, and each for the very same question: the MAC has all in it
/// that whoever decided could look at. What was denied is not among them, and neither is what could not be asked.
#[derive(Debug)]
pub struct DecisionMemo(Table<QuestionMac, (Timestamp, Answer)>);

impl DecisionMemo {
    /// An empty one.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self(Table::new(CAPACITY, seed))
    }

    /// The answer to `question`, if it came at most `ttl` before `now`.
    pub fn find(&mut self, question: &QuestionMac, now: Timestamp, ttl: Duration) -> Option<Answer> {
        let (at, answer) = self.0.get(question)?;
        // One from the future was noted before the clock was set back, nobody knows how long ago.
        (*at <= now && now < at.plus(ttl)).then(|| answer.clone())
    }

    /// Takes note that `question` was answered at `now`, by `length` bytes. A denial is not noted: whoever is let in from
    /// now on does not wait.
    pub fn note(&mut self, question: QuestionMac, answer: &Answer, length: usize, now: Timestamp) {
        let lasts = match answer {
            Answer::Decided(..) | Answer::Granted(_) => true,
            // Who it is was found out and not what they may do, or a hash was computed: that is remembered elsewhere.
            Answer::Accepted(_) | Answer::Verified(_) | Answer::Denied(_) => false,
        };
        if lasts && length <= LONGEST {
            self.0.insert(question, (now, answer.clone()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::authn::Proof;
    use crate::decide::Denial;
    use crate::decide::{Known, Question};
    use crate::request::{Credentials, Method, TokenRequest};
    use crate::scope::Scopes;
    use crate::secret::Secret;
    use crate::service::Service;
    use crate::throttle::MacKey;

    const TTL: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000_u64.saturating_add(seconds))
    }

    fn question() -> QuestionMac {
        let request = TokenRequest {
            credentials: Credentials::Password {
                account: Account::parse("eve").unwrap(),
                password: Secret::new(b"pw".to_vec()),
            },
            service: Service::parse("r").unwrap(),
            scopes: Scopes::default(),
            address: [192, 0, 2, 1].into(),
            method: Method::Get,
            offline: false,
        };
        MacKey::new([1; 32])
            .question(&Question::Authenticate, &request)
            .unwrap()
    }

    fn decided() -> Answer {
        let known = Known::user(crate::account::Identity::default(), Proof::Password);
        Answer::Decided(known, Vec::new())
    }

    #[test]
    fn an_answer_counts_for_its_time_and_not_before_it() {
        let mut memo = DecisionMemo::new(Seed::new([1; 16]));
        memo.note(question(), &decided(), 100, at(10));
        assert_eq!(memo.find(&question(), at(10), TTL), Some(decided()));
        assert_eq!(memo.find(&question(), at(39), TTL), Some(decided()));
        assert_eq!(memo.find(&question(), at(40), TTL), None);
        assert_eq!(memo.find(&question(), at(9), TTL), None, "the clock was set back");
        assert_eq!(memo.find(&question(), at(10), Duration::ZERO), None);
    }

    #[test]
    fn neither_denials_nor_very_long_answers_are_remembered() {
        let mut memo = DecisionMemo::new(Seed::new([1; 16]));
        for (answer, length) in [
            (Answer::Denied(Denial::default()), 10),
            (Answer::Verified(true), 10),
            (decided(), LONGEST + 1),
        ] {
            memo.note(question(), &answer, length, at(0));
            assert!(memo.is_empty(), "{answer:?}");
        }
    }
}
