//! The root of one configuration on one worker: takes the configuration, and ends what waits too long.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::acl::PatternMemo;
use registry_auth_core::decide::Decision;
use registry_auth_core::memo::{Seed, TokenKey, TokenMemo};
use registry_auth_core::policy::Policy;
use registry_auth_core::problem::Problems;
use registry_auth_core::reply::Refusal;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Jti, Token};
use sha2::{Digest, Sha256};

use crate::exchange;
use crate::held::{Ended, Held};
use crate::host::{self, Buffer, HostError, Level};
use crate::metrics::Size;
use crate::plugin_config::MAX_CONFIGURATION_BYTES;
use crate::signer::SigningWay;
use crate::throttle::Throttle;
use crate::{metrics, plugin_config, vm};

/// How often held POSTs are looked at, in milliseconds.
const TICK_PERIOD: u32 = 100;

/// One configuration on one worker.
pub(crate) struct Root {
    worker: Rc<Worker>,
}

/// What the streams of one configuration on one worker share.
pub(crate) struct Worker {
    root_id: u32,
    generation: RefCell<Option<Rc<Generation>>>,
    pub(crate) held: Held,
}

/// All that one configuration amounts to.
pub(crate) struct Generation {
    pub(crate) policy: Policy,
    pub(crate) patterns: RefCell<PatternMemo>,
    pub(crate) signing: SigningWay,
    pub(crate) throttle: Throttle,
    tokens: RefCell<TokenMemo>,
    /// How many of the tokens are told.
    tokens_told: Size,
    /// Milliseconds since the epoch at which it was taken.
    number: u64,
    /// Of the text that it was read from.
    hash: u32,
}

impl Worker {
    /// The generation in force.
    pub(crate) fn generation(&self) -> Option<Rc<Generation>> {
        self.generation.borrow().clone()
    }
}

impl Generation {
    /// Tells how much is remembered.
    fn tell_size(&self) {
        vm::tell_size();
        self.tokens_told.tell(self.tokens.borrow().len());
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
            .issue(decision, now, &jti, &self.signing)
            .map_err(|_| Refusal::Unavailable)?;
        if remembering {
            self.tokens.borrow_mut().note(key, token.clone());
        }
        Ok(token)
    }
}

impl Root {
    pub(crate) fn new(context_id: u32) -> Self {
        let held = Held::default();
        Self {
            worker: Rc::new(Worker {
                root_id: context_id,
                generation: RefCell::new(None),
                held,
            }),
        }
    }

    /// What its streams share.
    pub(crate) fn worker(&self) -> Rc<Worker> {
        Rc::clone(&self.worker)
    }

    /// Takes the configuration, of `size` bytes. Whether it did.
    pub(crate) fn configure(&self, size: usize) -> bool {
        let begun = host::now().unwrap_or_default();
        match Self::generation(size) {
            Ok(generation) => {
                let way = generation.signing.word();
                metrics::configuration(generation.number, generation.hash);
                *self.worker.generation.borrow_mut() = Some(Rc::new(generation));
                if let Err(error) = host::set_tick_period(TICK_PERIOD) {
                    host::log(
                        Level::Error,
                        &format!("registry_auth: no timer: host status {}", error.0),
                    );
                    return false;
                }
                host::log(
                    Level::Info,
                    &format!(
                        "registry_auth: configuration in force, tokens signed by {way}, taken in {} ms",
                        took(begun).as_millis()
                    ),
                );
                true
            }
            Err(faults) => {
                for fault in faults.lines() {
                    host::log(Level::Error, &format!("registry_auth: configuration refused: {fault}"));
                }
                false
            }
        }
    }

    /// Ends what waits too long.
    pub(crate) fn tick(&self) {
        let Ok(now) = host::now() else { return };
        let Some(generation) = self.worker.generation() else {
            return;
        };
        generation.tell_size();
        self.worker
            .held
            .tick(self.worker.root_id, Duration::from_nanos(now), |ended| {
                if ended == Ended::NoBodies {
                    host::log(
                        Level::Warn,
                        "registry_auth: bodies of POST requests do not reach the filter, so POST is answered 404 and \
                     clients use GET; set `allow_on_headers_stop_iteration: true` in the plugin's configuration \
                     (Envoy 1.35 and up), or `request_body: route` where the route leads POSTs to a token server",
                    );
                }
                let refusal = match ended {
                    Ended::NoBodies | Ended::NoBody => Refusal::NoPost,
                    Ended::TooSlow => Refusal::TooSlow,
                };
                exchange::refuse(&generation.policy, &refusal);
            });
    }

    fn generation(size: usize) -> Result<Generation, String> {
        let host_failed = |error: HostError| format!("cannot take the configuration: host status {}", error.0);
        plugin_config::check_size(size).map_err(|error| error.to_string())?;
        let bytes = host::buffer(Buffer::PluginConfiguration, MAX_CONFIGURATION_BYTES).map_err(host_failed)?;
        let variables = host::environment().map_err(host_failed)?;
        let begun = host::now().map_err(host_failed)?;
        let environment = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        let mut problems = Problems::default();
        let document = plugin_config::read(&bytes, &environment, &mut problems).map_err(|error| error.to_string())?;
        let now = Timestamp::from_seconds(Duration::from_nanos(begun).as_secs());
        let (policy, warnings) = Policy::compile(document, now, problems).map_err(|problems| problems.to_string())?;
        for warning in warnings {
            host::log(Level::Warn, &format!("registry_auth: configuration: {warning}"));
        }
        let seed = || host::random().map(Seed::new).map_err(host_failed);
        Ok(Generation {
            patterns: RefCell::new(PatternMemo::new(seed()?)),
            signing: SigningWay::detect(&policy.key),
            throttle: Throttle::new(&policy).map_err(host_failed)?,
            tokens: RefCell::new(TokenMemo::new(seed()?)),
            tokens_told: Size::of_tokens(),
            number: u64::try_from(Duration::from_nanos(begun).as_millis()).unwrap_or(u64::MAX),
            hash: first_number(&Sha256::digest(&bytes)),
            policy,
        })
    }
}

fn first_number(digest: &[u8]) -> u32 {
    digest.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// The time since `begun`, in nanoseconds by Envoy's clock.
fn took(begun: u64) -> Duration {
    Duration::from_nanos(host::now().unwrap_or(begun).saturating_sub(begun))
}
