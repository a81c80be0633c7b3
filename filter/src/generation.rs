//! All that one configuration amounts to on one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::acl::PatternMemo;
use registry_auth_core::decide::{Answer, Decision, Question};
use registry_auth_core::memo::{DecisionMemo, Seed, TokenKey, TokenMemo};
use registry_auth_core::policy::{Policy, Remains};
use registry_auth_core::reply::Refusal;
use registry_auth_core::request::TokenRequest;
use registry_auth_core::throttle::QuestionMac;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Jti, Token};

use crate::host::{self, HostError};
use crate::metrics::{self, Size};
use crate::signer::SigningWay;
use crate::throttle::{DearHashes, Throttle};
use crate::vm;

/// What a worker decides by.
pub(crate) struct Generation {
    pub(crate) policy: Policy,
    /// Expressions are found by their text, so that one configuration hands them on to the next.
    pub(crate) patterns: Rc<RefCell<PatternMemo>>,
    pub(crate) signing: Rc<SigningWay>,
    pub(crate) throttle: Throttle,
    tokens: RefCell<TokenMemo>,
    tokens_told: Size,
    decisions: RefCell<DecisionMemo>,
    decisions_told: Size,
    /// Milliseconds since the epoch: when it was taken, or when the program loaded it. The same content may come under
    /// another number.
    pub(crate) number: Cell<u64>,
    /// What names the content: hexadecimal digits.
    pub(crate) etag: String,
}

impl Generation {
    /// Readies what answers by `policy` need. What outlives a configuration is taken over of the one `before`.
    pub(crate) fn new(
        policy: Policy,
        number: u64,
        etag: String,
        dear_hashes: DearHashes,
        before: Option<&Self>,
    ) -> Result<Self, HostError> {
        let seed = || host::random().map(Seed::new);
        let same_key = before.filter(|before| before.policy.same_key(&policy));
        Ok(Self {
            patterns: match before {
                Some(before) => Rc::clone(&before.patterns),
                None => Rc::new(RefCell::new(PatternMemo::new(seed()?))),
            },
            signing: match same_key {
                Some(before) => Rc::clone(&before.signing),
                None => Rc::new(SigningWay::detect(&policy.key)),
            },
            throttle: Throttle::new(&policy, dear_hashes, before.map(|before| &before.throttle))?,
            tokens: RefCell::new(TokenMemo::new(seed()?)),
            tokens_told: Size::of_tokens(),
            decisions: RefCell::new(DecisionMemo::new(seed()?)),
            decisions_told: Size::of_decisions(),
            number: Cell::new(number),
            etag,
            policy,
        })
    }

    /// Tells how much is remembered.
    pub(crate) fn tell_size(&self) {
        vm::tell_size();
        self.tokens_told.tell(self.tokens.borrow().len());
        self.decisions_told.tell(self.decisions.borrow().len());
    }

    /// Tells that this one is in force.
    pub(crate) fn tell(&self) {
        let hash = self
            .etag
            .get(..8)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        metrics::configuration(self.number.get(), hash.unwrap_or_default());
    }

    /// The token for `decision`: the one issued for just this before, or a new one.
    pub(crate) fn token(&self, decision: &Decision, now: Timestamp) -> Result<Token, Refusal> {
        let key = TokenKey::of(decision);
        let remembering = self.policy.cache.tokens;
        if remembering && let Some(token) = self.tokens.borrow_mut().find(&key, now) {
            metrics::remembered("token");
            return Ok(token.clone());
        }
        let jti = Jti::from_random(host::random().map_err(|_| Refusal::Unavailable)?);
        let token = self
            .policy
            .mint
            .issue(decision, now, &jti, &*self.signing)
            .map_err(|_| Refusal::Unavailable)?;
        if remembering {
            self.tokens.borrow_mut().note(key, token.clone());
        }
        Ok(token)
    }

    /// What was answered to this very question a short while ago; and its name, if the answer is to be remembered.
    pub(crate) fn recall(
        &self,
        question: &Question,
        request: &TokenRequest,
        now: Timestamp,
    ) -> (Option<QuestionMac>, Option<Answer>) {
        let name = self.throttle.question(question, request);
        let ttl: Duration = self.policy.cache.decisions_ttl;
        let found = name.and_then(|name| self.decisions.borrow_mut().find(&name, now, ttl));
        if found.is_some() {
            metrics::remembered("decision");
        }
        (name, found)
    }

    /// Takes note of what was answered, in `length` bytes.
    pub(crate) fn remember(&self, name: QuestionMac, answer: &Answer, length: usize, now: Timestamp) {
        self.decisions.borrow_mut().note(name, answer, length, now);
    }

    /// Begins to take it apart. What is remembered goes at once.
    pub(crate) fn dismantle(self) -> Remains {
        self.policy.dismantle()
    }
}
