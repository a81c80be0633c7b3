//! The brake's counters and the remembered credentials, in the memory of the program. They outlive a configuration: a
//! changed file forgives nobody, and costs no account a new hash.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use registry_auth_core::authn::attempt::{Attempt, Recall, Verifier, Withheld};
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::config::cache::Cache;
use registry_auth_core::memo::{CredentialMemo, Seed};
use registry_auth_core::secret::Secret;
use registry_auth_core::throttle::bucket::{Counted, Standing};
use registry_auth_core::throttle::{Bucket, CredentialMac, HashBudget, HashShare, MacKey, PairTag, Settings};
use registry_auth_core::time::Timestamp;

use crate::lock::held;
use crate::random::{self, NoRandomness};

/// What is known of attempts.
#[derive(Debug)]
pub struct Throttle {
    key: MacKey,
    credentials: Mutex<CredentialMemo>,
    /// As many as the settings in force want; they begin anew when that number changes.
    buckets: Mutex<Vec<Bucket>>,
    budget: Mutex<HashBudget>,
}

/// One request's way past the brake.
#[derive(Debug)]
pub struct Attempts<'a> {
    throttle: &'a Throttle,
    brake: Option<Settings>,
    cache: Cache,
    now: Timestamp,
    /// Set by the first question, which comes before all others.
    asked: Option<(CredentialMac, PairTag)>,
    /// What happened, for the metrics.
    pub noted: Noted,
}

/// What is worth counting of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// What was found in memory: a `credential` or a `wrong_password`.
    pub remembered: Option<&'static str>,
    /// Whether a brake was set.
    pub braked: bool,
}

impl Throttle {
    /// Nothing is known yet.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self {
            key: MacKey::new(random::bytes()?),
            credentials: Mutex::new(CredentialMemo::new(Seed::new(random::bytes()?))),
            buckets: Mutex::default(),
            // All hashes are computed beside the work of the program, so that all of that time may be taken: by one
            // address half of it at most.
            budget: Mutex::new(HashBudget::new(HashShare::WHOLE, Seed::new(random::bytes()?))),
        })
    }

    /// The way of a request that is answered at `now`.
    #[must_use]
    pub fn attempts(&self, brake: Option<Settings>, cache: Cache, now: Timestamp) -> Attempts<'_> {
        Attempts {
            throttle: self,
            brake,
            cache,
            now,
            asked: None,
            noted: Noted::default(),
        }
    }

    /// Whether a hash may be computed for `address`. `now` counts from any fixed time.
    ///
    /// # Errors
    /// After how many seconds it may.
    pub fn admit(&self, address: IpAddr, now: Duration) -> Result<(), u64> {
        held(&self.budget).admit(address, now)
    }

    /// Takes note that the hashes for `address`, begun at `now`, took `spent` of all the time there is for hashes.
    pub fn charge(&self, address: IpAddr, now: Duration, spent: Duration) {
        held(&self.budget).charge(address, now, spent);
    }

    /// How many credentials are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        held(&self.credentials).len()
    }

    /// Looks at, or changes, the bucket of `pair`.
    fn bucket<T>(&self, settings: &Settings, pair: PairTag, look: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let mut buckets = held(&self.buckets);
        let count = settings.buckets();
        if buckets.len() != count {
            *buckets = vec![Bucket::default(); count];
        }
        buckets.get_mut(pair.bucket(count)).map(look)
    }
}

impl Verifier for Attempts<'_> {
    /// The brake first: if it let a remembered password pass, whoever is braked could go on guessing against what is
    /// remembered.
    fn recall(&mut self, attempt: &Attempt<'_>) -> Result<Recall, Withheld> {
        let throttle = self.throttle;
        let credential = throttle.key.credential(attempt);
        let pair = throttle.key.pair(attempt.account, attempt.address);
        self.asked = Some((credential, pair));
        let mut failed_before = false;
        if let Some(settings) = &self.brake {
            let standing = throttle.bucket(settings, pair, |bucket| {
                failed_before = bucket.knows(pair);
                bucket.standing(pair, credential, self.now, settings)
            });
            match standing {
                Some(Standing::Braked(retry_after)) => return Err(Withheld::Braked { retry_after }),
                Some(Standing::KnownWrong) => {
                    self.noted.remembered = Some("wrong_password");
                    return Ok(Recall::DoesNotFit);
                }
                Some(Standing::Free) | None => {}
            }
        }
        if !held(&throttle.credentials).holds(&credential, self.now, self.cache.credentials_ttl) {
            return Ok(Recall::Unknown);
        }
        self.noted.remembered = Some("credential");
        if let Some(settings) = self.brake.as_ref().filter(|_| failed_before) {
            throttle.bucket(settings, pair, |bucket| bucket.forgive(pair));
        }
        Ok(Recall::Fits)
    }

    /// What costs nothing; all else is computed on threads of its own.
    fn computes(&self, hash: &Hash) -> bool {
        matches!(hash, Hash::Sha256(_))
    }

    fn verify(&mut self, hash: &Hash, password: &Secret<Vec<u8>>) -> Result<bool, Withheld> {
        hash.fits(password.expose())
    }

    fn settle(&mut self, attempt: &Attempt<'_>, fits: bool) {
        let Some((credential, pair)) = self.asked else { return };
        // Whom a back-end let in is asked for there again: only it knows how long that is good.
        if fits && attempt.stored.is_some() && !self.cache.credentials_ttl.is_zero() {
            held(&self.throttle.credentials).note(credential, self.now);
        }
        let Some(settings) = &self.brake else { return };
        let counted = self.throttle.bucket(settings, pair, |bucket| {
            if fits {
                bucket.forgive(pair);
                Counted::Not
            } else {
                bucket.fail(pair, credential, self.now, settings)
            }
        });
        self.noted.braked |= counted == Some(Counted::AndBraked);
    }

    fn settle_as(&mut self, attempt: &Attempt<'_>, fits: bool) -> Result<(), Withheld> {
        let throttle = self.throttle;
        let Some(settings) = &self.brake else { return Ok(()) };
        let credential = throttle.key.credential(attempt);
        let pair = throttle.key.pair(attempt.account, attempt.address);
        let counted = throttle.bucket(settings, pair, |bucket| {
            if let Standing::Braked(retry_after) = bucket.standing(pair, credential, self.now, settings) {
                return Err(Withheld::Braked { retry_after });
            }
            Ok(if fits {
                bucket.forgive(pair);
                Counted::Not
            } else {
                bucket.fail(pair, credential, self.now, settings)
            })
        });
        let counted = counted.transpose()?;
        self.noted.braked |= counted == Some(Counted::AndBraked);
        Ok(())
    }
}
