//! The connections of one listener: counted, bounded, told what to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::activity::{Activity, Order};

/// Room is made for one in so many at once: to find who has waited longest, all are looked at.
const SHARE: usize = 64;

/// Those that are open.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<u64, Arc<Activity>>,
    next_id: u64,
}

/// A place among the connections; given back when it falls.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
}

impl Connections {
    /// A place for one more, if there are fewer than `most` or somebody can be told to go.
    pub(super) fn admit(self: &Arc<Self>, activity: &Arc<Activity>, most: usize) -> Option<Place> {
        let mut open = self.open();
        if open.by_id.len() >= most {
            make_room(&mut open);
        }
        if open.by_id.len() >= most {
            return None;
        }
        let id = open.next_id;
        open.next_id = id.wrapping_add(1);
        open.by_id.insert(id, Arc::clone(activity));
        Some(Place {
            connections: Arc::clone(self),
            id,
        })
    }

    /// Ends some of those that wait for their clients.
    pub(super) fn make_room(&self) {
        make_room(&mut self.open());
    }

    /// Tells all of them; how many there are.
    pub(super) fn order(&self, order: Order) -> usize {
        let open = self.open();
        for activity in open.by_id.values() {
            activity.order(order);
        }
        open.by_id.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open().by_id.is_empty()
    }

    /// Waits until there is none, or until `deadline`; whether there is none.
    pub(super) async fn emptied(&self, deadline: Instant) -> bool {
        let emptied = async {
            loop {
                let notified = self.emptied.notified();
                if self.is_empty() {
                    return;
                }
                notified.await;
            }
        };
        timeout_at(deadline, emptied).await.is_ok()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Their places are free at once; their tasks end when they run next.
fn make_room(open: &mut Open) {
    let waiting = open.by_id.iter();
    let mut waiting: Vec<(Instant, u64)> = waiting
        .filter_map(|(id, activity)| activity.waits_since().map(|since| (since, *id)))
        .collect();
    let count = (open.by_id.len() / SHARE).max(1).min(waiting.len());
    if let Some(last) = count.checked_sub(1) {
        waiting.select_nth_unstable(last);
    }
    for (_, id) in waiting.into_iter().take(count) {
        if let Some(activity) = open.by_id.remove(&id) {
            activity.order(Order::End);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.by_id.remove(&self.id);
        if open.by_id.is_empty() {
            self.connections.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_waits_longest_makes_room_and_who_works_stays() {
        let connections = Arc::new(Connections::default());
        let now = Instant::now();
        let activity = |seconds| Activity::new(now + Duration::from_secs(seconds));
        let (working, oldest, newest) = (activity(0), activity(1), activity(2));
        let work = working.begin(false, true, now);
        let places: Vec<_> = [&newest, &working, &oldest]
            .into_iter()
            .map(|activity| connections.admit(activity, 3).unwrap())
            .collect();
        let newcomer = connections.admit(&activity(3), 3).unwrap();
        assert_eq!(oldest.ordered(None).await, Order::End);
        let another = connections.admit(&activity(4), 3).unwrap();
        assert_eq!(newest.ordered(None).await, Order::End);
        drop((places, newcomer, another, work));
        assert!(connections.emptied(Instant::now()).await);
    }

    #[tokio::test]
    async fn where_everybody_works_a_newcomer_is_turned_away() {
        let connections = Arc::new(Connections::default());
        let activity = Activity::new(Instant::now());
        let place = connections.admit(&activity, 1);
        let work = activity.begin(false, true, Instant::now());
        assert!(connections.admit(&Activity::new(Instant::now()), 1).is_none());
        drop(work);
        assert!(connections.admit(&Activity::new(Instant::now()), 1).is_some());
        drop(place);
    }
}
