//! The root of one configuration on one worker: takes the configuration, and ends what waits too long.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use registry_auth_core::acl::PatternMemo;
use registry_auth_core::memo::Seed;
use registry_auth_core::policy::Policy;
use registry_auth_core::problem::Problems;
use registry_auth_core::reply::Refusal;
use registry_auth_core::time::Timestamp;

use crate::exchange::{self, Exchange};
use crate::held::{Ended, Held};
use crate::host::{self, Buffer, HostError, Level};
use crate::plugin_config;
use crate::signer::SigningWay;

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
}

impl Worker {
    /// The generation in force.
    pub(crate) fn generation(&self) -> Option<Rc<Generation>> {
        self.generation.borrow().clone()
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

    fn configure() -> Result<Generation, String> {
        let host_failed = |error: HostError| format!("cannot read the configuration: host status {}", error.0);
        let bytes = host::buffer(Buffer::PluginConfiguration, usize::MAX).map_err(host_failed)?;
        let variables = host::environment().map_err(host_failed)?;
        let now = host::now().map_err(host_failed)?;
        let environment = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        let mut problems = Problems::default();
        let document = plugin_config::read(&bytes, &environment, &mut problems).map_err(|error| error.to_string())?;
        let now = Timestamp::from_seconds(Duration::from_nanos(now).as_secs());
        let (policy, warnings) = Policy::compile(document, now, problems).map_err(|problems| problems.to_string())?;
        for warning in warnings {
            host::log(Level::Warn, &format!("registry_auth: configuration: {warning}"));
        }
        let signing = SigningWay::detect(&policy.key);
        let seed = Seed::new(host::random().map_err(|error| format!("no random bytes: host status {}", error.0))?);
        let patterns = RefCell::new(PatternMemo::new(seed));
        Ok(Generation {
            policy,
            patterns,
            signing,
        })
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match Self::configure() {
            Ok(generation) => {
                let way = generation.signing.word();
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
                    &format!("registry_auth: configuration in force, tokens signed by {way}"),
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

    fn on_tick(&mut self) {
        let Ok(now) = host::now() else { return };
        let Some(generation) = self.worker.generation() else {
            return;
        };
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

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange::new(context_id, Rc::clone(&self.worker))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
