//! All that one configuration amounts to, put in force in one step.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use registry_auth_core::acl::PatternMemo;
use registry_auth_core::config::Document;
use registry_auth_core::config::backend::RuleList;
use registry_auth_core::decide::Decision;
use registry_auth_core::memo::{Seed, TokenKey, TokenMemo};
use registry_auth_core::policy::{Asks, Policy};
use registry_auth_core::problem::{Place, Problem, Problems};
use registry_auth_core::reply::Refusal;
use registry_auth_core::request::route::Endpoint;
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Jti, Token};
use registry_auth_core::wire::{self, config::MAX_CONFIG_BYTES};

use crate::chain::Chain;
use crate::lock::held;
use crate::random;
use crate::signer::NativeSigner;

/// One configuration, ready to answer by.
#[derive(Debug)]
pub struct Generation {
    /// Milliseconds since the epoch at which it was loaded, and more than that of the one before.
    pub number: u64,
    /// Names the content of [`Self::wire`]: the same for the same content under another number.
    pub etag: String,
    /// What is decided by.
    pub policy: Policy,
    /// The token endpoint as a server of its own has it, on any host.
    pub endpoint: Endpoint,
    /// The back-ends.
    pub chain: Arc<Chain>,
    /// The first list of rules that was never read: what the rules leave open, only it could decide.
    pub unread: Option<RuleList>,
    /// The filter's part of it, as it goes over the wire.
    pub wire: Bytes,
    patterns: Mutex<PatternMemo>,
    tokens: Mutex<TokenMemo>,
    signer: NativeSigner,
}

/// What tells one generation from another of the same content.
#[derive(Clone, Copy, Debug)]
pub struct Edition {
    /// Milliseconds since the epoch, and more than that of the one before.
    pub number: u64,
    /// Makes it another configuration than the same without, so that nothing that was remembered outlives it.
    pub mark: Option<u64>,
    /// The time by which certificates are judged.
    pub now: Timestamp,
}

/// Holds the key and all hashes: wiped when nobody sends it any longer.
struct Body(Secret<Vec<u8>>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

impl Generation {
    /// Compiles `document`, in which `problems` were found so far, as `edition`. The back-ends are open already.
    ///
    /// # Errors
    /// All problems, if one of them is a fault. With the generation come the warnings.
    pub fn compile(
        document: Document,
        chain: Arc<Chain>,
        edition: Edition,
        mut problems: Problems,
    ) -> Result<(Self, Vec<Problem>), Problems> {
        let seeds = problems.keep(&Place::root(), random::bytes().and_then(|a| Ok((a, random::bytes()?))));
        let (patterns, tokens) = seeds.unwrap_or_default();
        let Edition { number, mark, now } = edition;
        let written = wire::config::write_marked(&document, Asks::of(&document), number, mark);
        let bytes = written.body.expose().len();
        if bytes > MAX_CONFIG_BYTES {
            let what = format_args!(
                "comes to {bytes} bytes of users and rules, and the filter takes at most {MAX_CONFIG_BYTES}; leave some to a back-end"
            );
            problems.error(&Place::root(), what);
        }
        let lists = document.program.as_ref().map(|program| &program.backends.lists);
        let unread = lists.and_then(|lists| lists.first()).map(|(list, _)| *list);
        let (policy, warnings) = Policy::compile(document, now, problems)?;
        let generation = Self {
            number,
            etag: written.etag,
            endpoint: policy.endpoint.clone().on_a_server_of_its_own(),
            signer: NativeSigner::new(&policy.key),
            policy,
            chain,
            unread,
            wire: Bytes::from_owner(Body(written.body)),
            patterns: Mutex::new(PatternMemo::new(Seed::new(patterns))),
            tokens: Mutex::new(TokenMemo::new(Seed::new(tokens))),
        };
        Ok((generation, warnings))
    }

    /// The patterns that were compiled; held for a decision, never while something is waited for.
    pub fn with_patterns<T>(&self, decide: impl FnOnce(&mut PatternMemo) -> T) -> T {
        decide(&mut held(&self.patterns))
    }

    /// The token for `decision`: the one issued for just this before, or a new one. With it goes whether it is new.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] without randomness or signature.
    pub fn token(&self, decision: &Decision, now: Timestamp) -> Result<(Token, bool), Refusal> {
        let key = TokenKey::of(decision);
        let remembering = self.policy.cache.tokens;
        if remembering && let Some(token) = held(&self.tokens).find(&key, now) {
            return Ok((token.clone(), false));
        }
        let jti = Jti::from_random(random::bytes().map_err(|_| Refusal::Unavailable)?);
        let token = self.policy.mint.issue(decision, now, &jti, &self.signer);
        let token = token.map_err(|_| Refusal::Unavailable)?;
        if remembering {
            held(&self.tokens).note(key, token.clone());
        }
        Ok((token, true))
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn remembered_tokens(&self) -> usize {
        held(&self.tokens).len()
    }
}

#[cfg(test)]
mod tests {
    use registry_auth_core::config::backend::Backends;
    use registry_auth_core::config::{Node, Sources};
    use serde_json::json;

    use super::*;
    use crate::chain::{Observer, Unobserved};
    use crate::testdata::Authority;

    #[test]
    fn what_the_filter_would_not_take_is_refused_here() {
        let key = Authority::new().sign("registry-auth").key;
        let compile = |label: usize| {
            let text = json!({
                "token": {"issuer": "i", "key": key},
                "users": {"ada": {"labels": {"team": ["x".repeat(label)]}}},
                "acl": [],
            });
            let node: Node = serde_json::from_value(text).unwrap();
            let mut problems = Problems::default();
            let sources = Sources::of_a_proxy(&|_| None);
            let document = Document::read(node, sources, &mut problems);
            let observer: Arc<dyn Observer> = Arc::new(Unobserved);
            let chain = Chain::open(Backends::default(), sources, &observer, &mut problems);
            let edition = Edition {
                number: 1,
                mark: None,
                now: Timestamp::from_seconds(1_800_000_000),
            };
            let compiled = Generation::compile(document, Arc::new(chain), edition, problems);
            compiled.map(|_| ()).map_err(|problems| problems.to_string())
        };
        assert_eq!(compile(1_000), Ok(()));
        let refused = compile(MAX_CONFIG_BYTES).unwrap_err();
        assert!(
            refused.contains("bytes of users and rules, and the filter takes at most 33554432"),
            "{refused}"
        );
    }
}
