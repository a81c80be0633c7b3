//! So many at once, a short queue behind them, and whoever comes then is turned away.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, timeout_at};

/// So many wait for each one that may run: at half a second each, the last waits two.
const WAITING_FOR_EACH: usize = 4;

/// Lets in a bounded number at once.
#[derive(Debug)]
pub(super) struct Gate {
    /// Those inside and those who wait.
    places: Arc<Semaphore>,
    /// Those inside.
    turns: Arc<Semaphore>,
    most: usize,
}

/// Being inside; ends when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum TurnedAway {
    /// The queue is full.
    #[error("{most} run and {waiting} wait already; see `parallel`")]
    Full { most: usize, waiting: usize },
    /// It took too long.
    #[error("none of {most} that run ended in time; see `parallel`")]
    Late { most: usize },
}

impl Gate {
    /// Lets `most` in at once, and four times as many wait.
    pub(super) fn new(most: usize) -> Self {
        let places = most.saturating_add(most.saturating_mul(WAITING_FOR_EACH));
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            most,
        }
    }

    /// So many may be inside at once.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Waits to be let in, in the order of arrival.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<Turn, TurnedAway> {
        let most = self.most;
        let full = |_: TryAcquireError| TurnedAway::Full {
            most,
            waiting: most.saturating_mul(WAITING_FOR_EACH),
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let turn = timeout_at(deadline, Arc::clone(&self.turns).acquire_owned()).await;
        match turn {
            Ok(Ok(turn)) => Ok(Turn {
                _turn: turn,
                _place: place,
            }),
            Ok(Err(_)) | Err(_) => Err(TurnedAway::Late { most }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn beyond_the_queue_one_is_turned_away_at_once_and_in_it_at_the_deadline() {
        let gate = Gate::new(1);
        let far = Instant::now() + Duration::from_mins(1);
        let inside = gate.turn(far).await.unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(gate.turn(soon).await.unwrap_err(), TurnedAway::Late { most: 1 });
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(gate.turn(far))).collect();
        for turn in &mut waiting {
            assert!(tokio::time::timeout(Duration::ZERO, turn).await.is_err());
        }
        assert_eq!(
            gate.turn(far).await.unwrap_err(),
            TurnedAway::Full { most: 1, waiting: 4 }
        );
        drop(inside);
        let first = waiting.remove(0).await.unwrap();
        drop(first);
        drop(waiting);
        assert!(gate.turn(far).await.is_ok());
    }
}
