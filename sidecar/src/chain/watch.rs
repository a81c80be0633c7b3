//! What becomes of the questions to one back-end: counted, timed, and remembered as up or down.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::backend::{Asking, BackendError, Comparison, Outcome, Ruling};
use crate::lists::Reading;

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
    /// It could not be asked.
    Failed,
    /// Whoever asked did not wait for the answer.
    Abandoned,
}

/// Is told of each question to a back-end.
pub trait Observer: Send + Sync + fmt::Debug {
    /// The back-end `backend`, by its key, was asked, and it `took` so long.
    fn asked(&self, backend: &'static str, result: Asked, took: Duration);

    /// The list of rules `list`, by its key, was read, and that `took` so long.
    fn read(&self, _list: &'static str, _reading: &Reading, _took: Duration) {}
}

/// Takes note of nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn asked(&self, _: &'static str, _: Asked, _: Duration) {}
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
            Self::Abandoned => "abandoned",
        }
    }
}

impl From<&Outcome> for Asked {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accept(_) => Self::Accepted,
            Outcome::Deny => Self::Denied,
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
    observer: Arc<dyn Observer>,
}

impl Watch {
    pub(super) fn new(key: &'static str, observer: &Arc<dyn Observer>) -> Self {
        Self {
            key,
            name: key.into(),
            is_down: AtomicBool::new(false),
            observer: Arc::clone(observer),
        }
    }

    pub(super) fn key(&self) -> &'static str {
        self.key
    }

    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    /// Waits for an answer, at most until `deadline`.
    pub(super) async fn over<T>(&self, asking: Asking<'_, T>, deadline: Instant) -> Result<T, BackendError>
    where
        for<'a> Asked: From<&'a T>,
    {
        let mut question = Question {
            watch: self,
            begun: Instant::now(),
            result: Asked::Abandoned,
        };
        let late = |_| BackendError {
            backend: self.key,
            what: "did not answer while somebody waited for it".to_owned(),
        };
        let answer = timeout_at(deadline, asking)
            .await
            .map_err(late)
            .and_then(|answer| answer);
        question.result = answer.as_ref().map_or(Asked::Failed, Asked::from);
        self.note(answer.as_ref().err());
        answer
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

/// A question that was asked; told to the observer however it ends.
struct Question<'a> {
    watch: &'a Watch,
    begun: Instant,
    result: Asked,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let Watch { observer, key, .. } = self.watch;
        observer.asked(key, self.result, self.begun.elapsed());
    }
}
