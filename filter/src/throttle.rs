//! The brake's counters, in what all workers of an Envoy share, and what this worker remembers of credentials.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::authn::attempt::{Attempt, Recall, Verifier, Withheld};
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::config::cache::Cache;
use registry_auth_core::decide::Question;
use registry_auth_core::memo::Seed;
use registry_auth_core::policy::{Policy, Progress};
use registry_auth_core::request::TokenRequest;
use registry_auth_core::secret::Secret;
use registry_auth_core::throttle::bucket::{Counted, Standing};
use registry_auth_core::throttle::{Bucket, CredentialMac, HashBudget, MacKey, PairTag, QuestionMac, Settings};
use registry_auth_core::time::Timestamp;

use crate::host::{self, HostError};
use crate::{metrics, vm};

/// What braking and remembering need of one configuration on one worker.
pub(crate) struct Throttle {
    key: MacKey,
    cache: Cache,
    brake: Option<Brake>,
    dear_hashes: DearHashes,
}

struct Brake {
    settings: Settings,
    /// What one configuration hands on to the next that gives hashes as much time.
    budget: Rc<RefCell<HashBudget>>,
}

/// Who computes a hash that stops a worker for longer than 2 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DearHashes {
    /// The worker all the same: there is nobody else.
    Here,
    /// The program beside the proxy.
    Elsewhere,
}

/// Buckets on their way to be made.
pub(crate) struct Buckets {
    count: usize,
    next: usize,
}

/// One request's way past the brake.
pub(crate) struct Attempts<'a> {
    throttle: &'a Throttle,
    now: Timestamp,
    /// Set by the first question, which comes before all others.
    asked: Option<Asked>,
}

/// What a request that waits for somebody else goes on with.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    credential: CredentialMac,
    pair: PairTag,
    address: IpAddr,
    /// Whether a hash was admitted: what one failure costs is computed as a whole.
    admitted: bool,
}

/// Where the MACs' key lies, the same for all workers.
const KEY: &str = "registry_auth.mac_key";

/// How often a bucket is written anew when another worker came in between.
const TRIES: u8 = 3;

/// How many buckets are made in one step: some 50 µs of work.
const BUCKETS: usize = 32;

/// The dearest bcrypt cost that takes less than 2 ms inside Envoy.
const CHEAP_BCRYPT_COST: u32 = 5;

impl Throttle {
    /// What braking by `policy` needs, for which [`Buckets`] are there; `before` is that of the policy in force.
    pub(crate) fn new(policy: &Policy, dear_hashes: DearHashes, before: Option<&Self>) -> Result<Self, HostError> {
        let key = shared_key()?;
        let brake = policy.throttle.map(|settings| {
            let before = before.and_then(|before| before.brake.as_ref());
            let before = before.filter(|before| before.settings.hash_share == settings.hash_share);
            let budget = match before {
                Some(before) => Rc::clone(&before.budget),
                None => Rc::new(RefCell::new(HashBudget::new(
                    settings.hash_share,
                    Seed::new(host::random()?),
                ))),
            };
            Ok(Brake { settings, budget })
        });
        Ok(Self {
            key,
            cache: policy.cache,
            brake: brake.transpose()?,
            dear_hashes,
        })
    }

    /// The name of a question, if its answer is worth remembering.
    pub(crate) fn question(&self, question: &Question, request: &TokenRequest) -> Option<QuestionMac> {
        let remembers = !self.cache.decisions_ttl.is_zero();
        remembers.then(|| self.key.question(question, request)).flatten()
    }

    /// The way of a request that goes on at `now`.
    pub(crate) fn resumed(&self, asked: Option<Asked>, now: Timestamp) -> Attempts<'_> {
        Attempts {
            throttle: self,
            now,
            asked,
        }
    }

    /// The way of a request that is answered at `now`.
    pub(crate) fn attempts(&self, now: Timestamp) -> Attempts<'_> {
        Attempts {
            throttle: self,
            now,
            asked: None,
        }
    }
}

impl Attempts<'_> {
    /// What goes on after an answer.
    pub(crate) fn asked(&self) -> Option<Asked> {
        self.asked
    }
}

impl Verifier for Attempts<'_> {
    /// The brake first: if it let a remembered password pass, whoever is braked could go on guessing against what is
    /// remembered.
    fn recall(&mut self, attempt: &Attempt<'_>) -> Result<Recall, Withheld> {
        let throttle = self.throttle;
        let credential = throttle.key.credential(attempt);
        let pair = throttle.key.pair(attempt.account, attempt.address);
        self.asked = Some(Asked {
            credential,
            pair,
            address: attempt.address,
            admitted: false,
        });
        let mut failed_before = false;
        if let Some(brake) = &throttle.brake {
            let (bucket, _) = brake.bucket(pair);
            match bucket.standing(pair, credential, self.now, &brake.settings) {
                Standing::Braked(retry_after) => return Err(Withheld::Braked { retry_after }),
                Standing::KnownWrong => {
                    metrics::remembered("wrong_password");
                    return Ok(Recall::DoesNotFit);
                }
                Standing::Free => failed_before = bucket.knows(pair),
            }
        }
        if !vm::is_remembered(&credential, self.now, throttle.cache.credentials_ttl) {
            return Ok(Recall::Unknown);
        }
        metrics::remembered("credential");
        if let Some(brake) = throttle.brake.as_ref().filter(|_| failed_before) {
            brake.change(pair, |bucket| bucket.forgive(pair));
        }
        Ok(Recall::Fits)
    }

    fn computes(&self, hash: &Hash) -> bool {
        match (self.throttle.dear_hashes, hash) {
            (DearHashes::Here, _) | (DearHashes::Elsewhere, Hash::Sha256(_)) => true,
            (DearHashes::Elsewhere, Hash::Bcrypt(hash)) => hash.cost() <= CHEAP_BCRYPT_COST,
            (DearHashes::Elsewhere, Hash::Argon2id(_)) => false,
        }
    }

    fn verify(&mut self, hash: &Hash, password: &Secret<Vec<u8>>) -> Result<bool, Withheld> {
        if matches!(hash, Hash::Sha256(_)) {
            return hash.fits(password.expose());
        }
        let compute = || {
            metrics::hashed();
            hash.fits(password.expose())
        };
        let (Some(brake), Some(asked)) = (&self.throttle.brake, &mut self.asked) else {
            return compute();
        };
        let begun = clock();
        if !asked.admitted {
            let admitted = brake.budget.borrow_mut().admit(asked.address, begun);
            admitted.map_err(|retry_after| Withheld::Busy { retry_after })?;
            asked.admitted = true;
        }
        let fits = compute();
        let spent = clock().saturating_sub(begun);
        brake.budget.borrow_mut().charge(asked.address, begun, spent);
        fits
    }

    /// Only a static user is remembered: of anybody else it would be known that a password fits, and not whose it is.
    fn settle(&mut self, attempt: &Attempt<'_>, fits: bool) {
        let (throttle, now) = (self.throttle, self.now);
        let Some(Asked { credential, pair, .. }) = self.asked else {
            return;
        };
        if fits && attempt.stored.is_some() && !throttle.cache.credentials_ttl.is_zero() {
            vm::remember(credential, now);
        }
        let Some(brake) = &throttle.brake else { return };
        brake.settle(pair, credential, now, fits);
    }

    fn settle_as(&mut self, attempt: &Attempt<'_>, fits: bool) -> Result<(), Withheld> {
        let throttle = self.throttle;
        let Some(brake) = &throttle.brake else { return Ok(()) };
        let credential = throttle.key.credential(attempt);
        let pair = throttle.key.pair(attempt.account, attempt.address);
        let (bucket, _) = brake.bucket(pair);
        if let Standing::Braked(retry_after) = bucket.standing(pair, credential, self.now, &brake.settings) {
            return Err(Withheld::Braked { retry_after });
        }
        brake.settle(pair, credential, self.now, fits);
        Ok(())
    }
}

impl Brake {
    /// The bucket of `pair`, and the number that says which version of it this is. An unreadable one is empty: to brake
    /// everybody because of it would be what an attacker wants.
    fn bucket(&self, pair: PairTag) -> (Bucket, u32) {
        let (bytes, version) = host::shared_data(&self.bucket_key(pair)).unwrap_or_default();
        (Bucket::read(&bytes), version)
    }

    fn bucket_key(&self, pair: PairTag) -> String {
        bucket_key(self.settings.buckets(), pair.bucket(self.settings.buckets()))
    }

    /// Counts what a try came to.
    fn settle(&self, pair: PairTag, credential: CredentialMac, now: Timestamp, fits: bool) {
        self.change(pair, |bucket| {
            if fits {
                return bucket.forgive(pair);
            }
            match bucket.fail(pair, credential, now, &self.settings) {
                Counted::Not => false,
                Counted::Once => true,
                Counted::AndBraked => {
                    metrics::braked();
                    true
                }
            }
        });
    }

    /// Changes the bucket of `pair`, if `change` says so.
    fn change(&self, pair: PairTag, change: impl Fn(&mut Bucket) -> bool) {
        let key = self.bucket_key(pair);
        for _ in 0..TRIES {
            let (mut bucket, version) = self.bucket(pair);
            if !change(&mut bucket) || host::set_shared_data(&key, &bucket.write(), version).is_ok() {
                return;
            }
        }
        // Three others were quicker; each of them counted a failure of the same few pairs.
    }
}

fn bucket_key(count: usize, index: usize) -> String {
    format!("registry_auth.throttle.{count}.{index}")
}

impl Buckets {
    /// Those that `policy` wants. The host takes a configuration on its main thread first, then on each worker, so that
    /// they are there before anybody counts: the first set of a key compares nothing.
    pub(crate) fn of(policy: &Policy) -> Self {
        let count = policy.throttle.map_or(0, |settings| settings.buckets());
        // Keys cannot be deleted, so there is a fixed number of them. The last one being there says that all are.
        let are_there = count == 0 || host::shared_data(&bucket_key(count, count)).is_ok();
        let next = if are_there { count.saturating_add(1) } else { 0 };
        Self { count, next }
    }

    /// Makes some of them.
    pub(crate) fn step(&mut self) -> Result<Progress, HostError> {
        for _ in 0..BUCKETS {
            if self.next > self.count {
                return Ok(Progress::Done);
            }
            let key = bucket_key(self.count, self.next);
            if host::shared_data(&key).is_err() {
                host::set_shared_data(&key, &[], 0)?;
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(Progress::More)
    }
}

fn shared_key() -> Result<MacKey, HostError> {
    if let Some(key) = stored_key() {
        return Ok(key);
    }
    let (first, second) = (host::random()?, host::random()?);
    host::set_shared_data(KEY, Secret::new([first, second].concat()).expose(), 0)?;
    // What is there now counts, in case that somebody else was quicker.
    stored_key().ok_or(HostError(u32::MAX))
}

fn stored_key() -> Option<MacKey> {
    let (bytes, _) = host::shared_data(KEY).ok()?;
    Secret::new(bytes).expose().as_slice().try_into().ok().map(MacKey::new)
}

/// Envoy's clock; what cannot be measured costs nothing.
fn clock() -> Duration {
    Duration::from_nanos(host::now().unwrap_or_default())
}
