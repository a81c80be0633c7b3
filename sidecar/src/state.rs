//! What the program's listeners share: the generation in force, and what outlives it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use registry_auth_core::authn::attempt::{Withheld, Work};
use registry_auth_core::decide::{Answer, Decision, Known, Question, Step, Undecided, authorize, decide, resume};
use registry_auth_core::request::{TokenRequest, Unproven};
use registry_auth_core::secret::Secret;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backend::{BackendError, Fault, Login};
use crate::chain::{Asked, Observer};
use crate::clock;
use crate::generation::Generation;
use crate::hash_pool::{HashPool, PoolError};
use crate::health::Readiness;
use crate::lists::Reading;
use crate::metrics::{Metrics, PoolUse};
use crate::throttle::{Attempts, Throttle};

/// How long back-ends may prepare, after which they do so when they are asked.
const LONGEST_PREPARING: Duration = Duration::from_mins(1);

/// What all listeners share.
#[derive(Debug)]
pub struct State {
    generation: watch::Sender<Option<Arc<Generation>>>,
    /// Who failed too often, and what is remembered of passwords.
    pub throttle: Throttle,
    /// Where hashes are computed.
    pub pool: HashPool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How far the program is.
    pub readiness: Arc<Readiness>,
}

/// Tells metrics and health what became of a question to a back-end.
#[derive(Debug)]
struct Report {
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

/// Why a request came to no decision.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It was decided against.
    #[error(transparent)]
    Undecided(#[from] Undecided),
    /// A back-end could not be asked.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A hash was not computed.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl State {
    /// Without a configuration yet.
    #[must_use]
    pub fn new(throttle: Throttle, pool: HashPool, metrics: Arc<Metrics>) -> Self {
        Self {
            generation: watch::Sender::new(None),
            readiness: Arc::default(),
            throttle,
            pool,
            metrics,
        }
    }

    /// The generation in force.
    #[must_use]
    pub fn generation(&self) -> Option<Arc<Generation>> {
        self.generation.borrow().clone()
    }

    /// The generation in force, or the first one if it comes within `wait`.
    pub async fn first_generation(&self, wait: Duration) -> Option<Arc<Generation>> {
        if let Some(generation) = self.generation() {
            return Some(generation);
        }
        let mut generations = self.generations();
        let first = generations.wait_for(Option::is_some);
        tokio::time::timeout(wait, first).await.ok()?.ok()?.clone()
    }

    /// Tells when the generation in force is another one.
    #[must_use]
    pub fn generations(&self) -> watch::Receiver<Option<Arc<Generation>>> {
        self.generation.subscribe()
    }

    /// Puts `generation` in force. Requests that run end by the one they began with.
    pub fn put_in_force(&self, generation: Generation) {
        let number = generation.number;
        self.generation.send_replace(Some(Arc::new(generation)));
        self.metrics.generation(number);
        self.readiness.in_force(number);
    }

    /// The back-ends are others from now on: what was known of those before says nothing of them. `lists` were read already.
    pub fn forget_backends(&self, lists: &[&'static str]) {
        self.metrics.backends_anew();
        self.readiness.forget_backends(lists);
    }

    /// Has the back-ends of the generation in force see to what they can before anybody asks, and waits for none.
    pub fn prepare(&self) {
        let Some(generation) = self.generation() else { return };
        tokio::spawn(async move {
            let begun = Instant::now();
            let deadline = begun.checked_add(LONGEST_PREPARING).unwrap_or(begun);
            generation.chain.prepare(deadline).await;
        });
    }

    /// Who is told of each question to a back-end.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Report {
            metrics: Arc::clone(&self.metrics),
            readiness: Arc::clone(&self.readiness),
        })
    }

    /// Tells the metrics how full everything is.
    pub fn tell_sizes(&self) {
        let usage = self.pool.usage();
        self.metrics.hash_pool(PoolUse {
            running: usage.busy,
            queued: usage.queued,
            computed: usage.computed,
        });
        self.metrics.memo("credentials", self.throttle.remembered());
        if let Some(generation) = self.generation() {
            self.metrics.memo("tokens", generation.remembered_tokens());
        }
    }

    /// Decides about `request`, of somebody who is `known` or not, by `generation`, and asks whoever has to be asked.
    /// Past `deadline` nobody waits for it.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn decide(
        &self,
        generation: &Generation,
        request: &TokenRequest,
        known: Option<Known>,
        attempts: &mut Attempts<'_>,
        deadline: Instant,
    ) -> Result<Decision, Failed> {
        let policy = &generation.policy;
        let mut step = generation.with_patterns(|patterns| match known {
            Some(known) => Ok(authorize(policy, request, known, patterns)),
            None => decide(policy, request, attempts, patterns),
        })?;
        loop {
            let question = match step {
                Step::Decided(decision) => return Ok(decision),
                Step::Ask(question) => question,
            };
            let answer = self.answer(generation, request, &question, deadline).await?;
            step =
                generation.with_patterns(|patterns| resume(policy, request, question, answer, attempts, patterns))?;
        }
    }

    async fn answer(
        &self,
        generation: &Generation,
        request: &TokenRequest,
        question: &Question,
        deadline: Instant,
    ) -> Result<Answer, Failed> {
        let claim = request.claim().ok_or(Undecided::Unproven(Unproven::RefreshToken));
        let (account, password) = claim?;
        match question {
            Question::Verify(work) => {
                let fits = self
                    .fits(work.clone(), password.clone(), request.address, deadline)
                    .await?;
                Ok(Answer::Verified(fits))
            }
            Question::Authenticate => {
                let login = Login {
                    account,
                    password,
                    service: &request.service,
                    address: request.address,
                };
                let compare = |work| self.fits(work, password.clone(), request.address, deadline);
                generation.chain.authenticate(login, deadline, compare).await
            }
            Question::Authorize(undetermined) => {
                if let Some(list) = generation.unread {
                    return Err(Failed::Backend(BackendError {
                        backend: list.key(),
                        fault: Fault::NotAsked,
                        what: "holds rules that were never read".to_owned(),
                    }));
                }
                let (service, address) = (&request.service, request.address);
                let (known, scopes) = (undetermined.known(), undetermined.scopes());
                let granted = generation.chain.authorize(known, service, address, scopes, deadline);
                Ok(Answer::Granted(granted.await?))
            }
        }
    }

    /// Has hashes computed for `address`, which gets no more than half of the time that there is.
    ///
    /// # Errors
    /// [`Failed::Undecided`] when the address had its share, [`Failed::Pool`].
    pub async fn fits(
        &self,
        work: Work,
        password: Secret<Vec<u8>>,
        address: IpAddr,
        deadline: Instant,
    ) -> Result<bool, Failed> {
        let admitted = self.throttle.admit(address, clock::since_epoch());
        admitted.map_err(|retry_after| Undecided::Withheld(Withheld::Busy { retry_after }))?;
        let begun = clock::since_epoch();
        let computed = self.pool.fits(work, password, deadline).await;
        let computed = computed.inspect_err(|error| {
            if *error == PoolError::Full {
                self.metrics.hash_refused();
            }
        })?;
        let threads = u32::try_from(self.pool.threads()).unwrap_or(u32::MAX);
        let share = computed.took.checked_div(threads).unwrap_or(Duration::ZERO);
        self.throttle.charge(address, begun, share);
        Ok(computed.fits)
    }
}

impl Observer for Report {
    fn asked(&self, backend: &'static str, result: Asked, took: Duration) {
        self.metrics.backend_request(backend, result.as_str(), took);
        // Of who went away before there was an answer nothing follows, nor of what was not asked.
        if !matches!(result, Asked::Abandoned | Asked::NotAsked) {
            let is_down = result == Asked::Failed;
            self.metrics.backend_is_down(backend, is_down);
            self.readiness.backend_is_down(backend, is_down);
        }
    }

    fn read(&self, list: &'static str, reading: &Reading, took: Duration) {
        self.metrics.list_read(list, reading, took);
        let is_down = *reading == Reading::Failed;
        self.metrics.backend_is_down(list, is_down);
        self.readiness.backend_is_down(list, is_down);
        match reading {
            Reading::Failed => {}
            Reading::Refused { why, .. } => self.readiness.list_is_refused(list, Some(why)),
            Reading::Unchanged(_) | Reading::Taken(_) => self.readiness.list_is_refused(list, None),
        }
    }

    fn circuit(&self, backend: &'static str, is_open: bool) {
        self.metrics.backend_circuit(backend, is_open);
    }
}
