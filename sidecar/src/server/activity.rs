//! What a connection is doing, so that one that only waits for its client can be told from one that works.
//!
//! hyper has a limit for the time that a head takes, and none for the first byte, for idle connections, or for a
//! client that does not take its answer. Here is one for each, in one place, and without a timer for each request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;

/// One connection's state, shared by its task, its requests and its listener.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    /// Told when an order came.
    orders: Notify,
}

#[derive(Debug)]
struct State {
    /// Those in flight, in the order in which they came.
    requests: Vec<InFlight>,
    next_id: u64,
    /// Since when there is none in flight that has all it needs from its client.
    waiting_since: Instant,
    /// Since when none is in flight.
    idle_since: Instant,
    /// When the first byte of the head came that is being read.
    head_since: Option<Instant>,
    /// Whether any request came yet.
    is_new: bool,
    /// Whether it speaks HTTP/2, where bytes come that belong to no request.
    is_multiplexed: bool,
    order: Option<Order>,
}

#[derive(Debug)]
struct InFlight {
    id: u64,
    began: Instant,
    has_arrived: bool,
}

/// What a connection is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Take no other request, and end when those in flight are answered.
    Finish,
    /// End now.
    End,
}

/// What a connection's limits say at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// None is reached before this one.
    Until(Instant),
    /// No byte, or no request in the time for one.
    Slow,
    /// A request and its answer took too long.
    Stuck,
    /// It was not used for long.
    Idle,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                requests: Vec::new(),
                next_id: 0,
                waiting_since: now,
                idle_since: now,
                head_since: None,
                is_new: true,
                is_multiplexed: false,
                order: None,
            }),
            orders: Notify::new(),
        })
    }

    /// A request's head was read.
    pub(super) fn begin(self: &Arc<Self>, is_multiplexed: bool, has_arrived: bool, now: Instant) -> Request {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id = id.wrapping_add(1);
        state.is_new = false;
        state.is_multiplexed = is_multiplexed;
        state.head_since = None;
        state.requests.push(InFlight {
            id,
            began: now,
            has_arrived,
        });
        drop(state);
        Request(Arc::new(Running {
            activity: Arc::clone(self),
            id,
        }))
    }

    /// Bytes came.
    pub(super) fn bytes_came(&self) {
        let mut state = self.state();
        if state.requests.is_empty() && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    /// Since when it waits for its client, if it does.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        let works = state.requests.iter().any(|request| request.has_arrived);
        (!works).then_some(state.waiting_since)
    }

    /// Whether no request came yet.
    pub(super) fn is_new(&self) -> bool {
        self.state().is_new
    }

    /// Tells it what to do; a stricter order replaces a milder one.
    pub(super) fn order(&self, order: Order) {
        let mut state = self.state();
        state.order = state.order.max(Some(order));
        drop(state);
        self.orders.notify_one();
    }

    /// The order, when there is one stricter than `so_far`.
    pub(super) async fn ordered(&self, so_far: Option<Order>) -> Order {
        loop {
            let order = self.state().order;
            match order {
                Some(order) if Some(order) > so_far => return order,
                _ => self.orders.notified().await,
            }
        }
    }

    /// What the limits say at `now`.
    pub(super) fn judge(&self, limits: &Limits, now: Instant) -> Verdict {
        let state = self.state();
        let until = |since: Instant, limit, otherwise| {
            let deadline = since.checked_add(limit).unwrap_or(since);
            if deadline > now {
                Verdict::Until(deadline)
            } else {
                otherwise
            }
        };
        if let Some(oldest) = state.requests.first() {
            return until(oldest.began, limits.exchange, Verdict::Stuck);
        }
        match state.head_since {
            Some(since) if state.is_new || !state.is_multiplexed => until(since, limits.head, Verdict::Slow),
            None if state.is_new => until(state.idle_since, limits.first_byte, Verdict::Slow),
            _ => until(state.idle_since, limits.idle, Verdict::Idle),
        }
    }

    /// A panic while the state was held leaves it whole: each change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_arrived(&self, id: u64) {
        let mut state = self.state();
        if let Some(request) = state.requests.iter_mut().find(|request| request.id == id) {
            request.has_arrived = true;
        }
    }

    fn end(&self, id: u64) {
        let now = Instant::now();
        let mut state = self.state();
        state.requests.retain(|request| request.id != id);
        if !state.requests.iter().any(|request| request.has_arrived) {
            state.waiting_since = now;
        }
        if state.requests.is_empty() {
            state.idle_since = now;
            state.head_since = None;
        }
    }
}

/// A request in flight: it is over when its body and its answer, which both hold one, are gone.
#[derive(Clone, Debug)]
pub(super) struct Request(Arc<Running>);

#[derive(Debug)]
struct Running {
    activity: Arc<Activity>,
    id: u64,
}

impl Request {
    /// Its client has sent all of it, or all that anybody wants.
    pub(super) fn has_arrived(&self) {
        self.0.activity.has_arrived(self.0.id);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.end(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits {
        first_byte: Duration::from_secs(1),
        head: Duration::from_secs(2),
        idle: Duration::from_secs(3),
        exchange: Duration::from_secs(4),
        ..Limits::CLIENTS
    };

    #[tokio::test]
    async fn each_state_has_its_limit() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let activity = Activity::new(begin);
        assert_eq!(activity.judge(&LIMITS, begin), Verdict::Until(after(1)));
        assert_eq!(activity.judge(&LIMITS, after(1)), Verdict::Slow);
        activity.bytes_came();
        assert!(matches!(activity.judge(&LIMITS, after(1)), Verdict::Until(_)));
        assert_eq!(activity.judge(&LIMITS, after(60)), Verdict::Slow);
        let request = activity.begin(false, true, begin);
        assert_eq!(activity.judge(&LIMITS, begin), Verdict::Until(after(4)));
        assert_eq!(activity.judge(&LIMITS, after(4)), Verdict::Stuck);
        drop(request);
        assert!(matches!(activity.judge(&LIMITS, after(2)), Verdict::Until(_)));
        assert_eq!(activity.judge(&LIMITS, after(60)), Verdict::Idle);
        activity.bytes_came();
        assert_eq!(activity.judge(&LIMITS, after(60)), Verdict::Slow);
    }

    #[tokio::test]
    async fn on_http2_bytes_between_requests_begin_no_head() {
        let begin = Instant::now();
        let activity = Activity::new(begin);
        drop(activity.begin(true, true, begin));
        activity.bytes_came();
        assert_eq!(activity.judge(&LIMITS, begin + Duration::from_mins(1)), Verdict::Idle);
    }

    #[tokio::test]
    async fn who_has_a_whole_request_in_flight_waits_for_nobody() {
        let begin = Instant::now();
        let activity = Activity::new(begin);
        assert_eq!(activity.waits_since(), Some(begin));
        let request = activity.begin(false, false, begin);
        assert_eq!(activity.waits_since(), Some(begin), "its body is still on the way");
        request.has_arrived();
        assert_eq!(activity.waits_since(), None);
        let answer = request.clone();
        drop(request);
        assert_eq!(activity.waits_since(), None, "its answer is still on the way");
        drop(answer);
        assert!(activity.waits_since() >= Some(begin));
    }

    #[tokio::test]
    async fn a_stricter_order_replaces_a_milder_one() {
        let activity = Activity::new(Instant::now());
        activity.order(Order::End);
        activity.order(Order::Finish);
        assert_eq!(activity.ordered(Some(Order::Finish)).await, Order::End);
    }
}
