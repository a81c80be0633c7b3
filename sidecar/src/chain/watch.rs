//! What becomes of the questions to one back-end: counted, timed, remembered as up or down, and not asked at all while its
//! circuit is open.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use registry_auth_core::account::Account;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::backend::{Asking, BackendError, Comparison, Fault, Outcome, Ruling};
use crate::circuit::{Circuit, Failure, Pass};
use crate::lists::Reading;
use crate::lock::held;

/// What became of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Somebody was let in.
    Accepted,
    /// Somebody was not.
    Denied,
    /// An account was found, and its password compared here.
    Found,
    /// Actions were granted, or none.
    Granted,
    /// It had nothing to say.
    NoMatch,
    /// There was no answer, or none of use.
    Failed,
    /// It was not asked: there was no room, or its circuit is open.
    NotAsked,
    /// Whoever asked did not wait for the answer.
    Abandoned,
}

/// Is told of each question to a back-end.
pub trait Observer: Send + Sync + fmt::Debug {
    /// The back-end `backend`, by its key, was asked, and it `took` so long.
    fn asked(&self, backend: &'static str, result: Asked, took: Duration);

    /// Whether the circuit of this back-end is open; told whenever a question ends.
    fn circuit(&self, backend: &'static str, is_open: bool);

    /// The list of rules `list`, by its key, was read, and that `took` so long.
    fn read(&self, _list: &'static str, _reading: &Reading, _took: Duration) {}
}

/// Takes note of nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn asked(&self, _: &'static str, _: Asked, _: Duration) {}

    fn circuit(&self, _: &'static str, _: bool) {}
}

impl Asked {
    /// The word for it in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Denied => "denied",
            Self::Found => "found",
            Self::Granted => "granted",
            Self::NoMatch => "no_match",
            Self::Failed => "failed",
            Self::NotAsked => "not_asked",
            Self::Abandoned => "abandoned",
        }
    }
}

impl From<&Outcome> for Asked {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accept(_) => Self::Accepted,
            Outcome::Deny(_) => Self::Denied,
            Outcome::Compare(Comparison { found: Some(_), .. }) => Self::Found,
            Outcome::Compare(Comparison { found: None, .. }) | Outcome::NoMatch => Self::NoMatch,
        }
    }
}

impl From<&Ruling> for Asked {
    fn from(ruling: &Ruling) -> Self {
        match ruling {
            Ruling::Grant(_) => Self::Granted,
            Ruling::NoMatch => Self::NoMatch,
        }
    }
}

/// Watches over one back-end.
#[derive(Debug)]
pub(super) struct Watch {
    key: &'static str,
    name: Arc<str>,
    is_down: AtomicBool,
    circuit: Mutex<Breaker>,
    observer: Arc<dyn Observer>,
}

/// A circuit, and what opened it.
#[derive(Debug, Default)]
struct Breaker {
    circuit: Circuit,
    error: String,
}

impl Watch {
    pub(super) fn new(key: &'static str, observer: &Arc<dyn Observer>) -> Self {
        Self {
            key,
            name: key.into(),
            is_down: AtomicBool::new(false),
            circuit: Mutex::default(),
            observer: Arc::clone(observer),
        }
    }

    pub(super) fn key(&self) -> &'static str {
        self.key
    }

    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Were its circuit open, the next question would be the probe.
    #[cfg(test)]
    pub(super) fn be_due(&self) {
        held(&self.circuit).circuit.be_due(Instant::now());
    }

    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    /// Waits for an answer to a question about `account`, at most until `deadline`. While the circuit is open, nobody waits.
    pub(super) async fn over<T>(
        &self,
        account: &Account,
        asking: Asking<'_, T>,
        deadline: Instant,
    ) -> Result<T, BackendError>
    where
        for<'a> Asked: From<&'a T>,
    {
        let mut question = self.begin()?;
        let late = |_| BackendError {
            backend: self.key,
            fault: Fault::Unwaited,
            what: "did not answer while somebody waited for it".to_owned(),
        };
        let answer = timeout_at(deadline, asking)
            .await
            .map_err(late)
            .and_then(|answer| answer);
        match &answer {
            Ok(answer) => {
                question.answered(Asked::from(answer));
                self.note(None);
            }
            Err(error) => question.failed(account, error),
        }
        answer
    }

    /// Begins a question, unless the back-end is left alone.
    fn begin(&self) -> Result<Question<'_>, BackendError> {
        let begun = Instant::now();
        let mut breaker = held(&self.circuit);
        match breaker.circuit.admit(begun) {
            Ok(pass) => Ok(Question {
                watch: self,
                begun,
                pass,
                result: Asked::Abandoned,
            }),
            Err(wait) => {
                let what = format!(
                    "failed again and again, and is not asked for another {} ms: {}",
                    wait.as_millis(),
                    breaker.error
                );
                drop(breaker);
                self.observer.asked(self.key, Asked::NotAsked, begun.elapsed());
                Err(BackendError {
                    backend: self.key,
                    fault: Fault::NotAsked,
                    what,
                })
            }
        }
    }

    /// As [`Self::over`], for what nobody asked for: a fault counts, and all else is nothing.
    pub(super) async fn over_preparing(&self, preparing: Asking<'_, ()>, deadline: Instant) {
        let begun = Instant::now();
        if let Ok(Err(error)) = timeout_at(deadline, preparing).await {
            self.observer.asked(self.key, Asked::Failed, begun.elapsed());
            self.note(Some(&error));
        }
    }

    /// A change of state is told; each single failure is the caller's to tell, who knows the request.
    fn note(&self, error: Option<&BackendError>) {
        let was_down = self.is_down.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !was_down => warn!(backend = self.key, error = error.what, "back-end is down"),
            None if was_down => info!(backend = self.key, "back-end is up again"),
            Some(_) | None => {}
        }
    }
}

/// A question that was asked; told to circuit and observer however it ends.
struct Question<'a> {
    watch: &'a Watch,
    begun: Instant,
    pass: Pass,
    result: Asked,
}

impl Question<'_> {
    fn answered(&mut self, result: Asked) {
        self.result = result;
        let closed = held(&self.watch.circuit).circuit.answered(Instant::now());
        if closed {
            info!(
                backend = self.watch.key,
                "back-end answers, and is asked everything again"
            );
        }
    }

    fn failed(&mut self, account: &Account, error: &BackendError) {
        let failure = match error.fault {
            Fault::Unreached => Failure::Unreached,
            Fault::Silent => Failure::Silent(account),
            // It is there, and that is all that the circuit is about.
            Fault::Useless => {
                self.answered(Asked::Failed);
                return self.watch.note(Some(error));
            }
            Fault::Unwaited => {
                self.left(Asked::Failed);
                return self.watch.note(Some(error));
            }
            // Of what was not asked nothing follows.
            Fault::NotAsked => return self.left(Asked::NotAsked),
        };
        self.result = Asked::Failed;
        let mut breaker = held(&self.watch.circuit);
        let opened = breaker.circuit.failed(&self.pass, failure, Instant::now());
        if opened {
            breaker.error.clone_from(&error.what);
        }
        drop(breaker);
        self.watch.note(Some(error));
        if opened {
            warn!(
                backend = self.watch.key,
                error = error.what,
                "back-end is left alone, save for one question now and then, until it answers"
            );
        }
    }

    fn left(&mut self, result: Asked) {
        self.result = result;
        held(&self.watch.circuit).circuit.left(&self.pass, Instant::now());
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let Watch {
            observer, key, circuit, ..
        } = self.watch;
        let is_open = {
            let mut breaker = held(circuit);
            if self.result == Asked::Abandoned {
                breaker.circuit.left(&self.pass, Instant::now());
            }
            breaker.circuit.is_open()
        };
        observer.asked(key, self.result, self.begun.elapsed());
        observer.circuit(key, is_open);
    }
}
