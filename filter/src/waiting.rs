//! Requests that are held for a short while, since what they need is not there: a configuration, or whoever is asked.
//!
//! Clients do not try again after a 503, and a program that restarts is back within a second or two.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::metrics::Size;
use crate::root::AT_ONCE;
use crate::wait::Wait;

/// The most requests that wait on one worker.
const MAX_WAITING: usize = 1_024;

/// How long one waits.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// How long after a question that was not answered it is put again.
const PAUSE: Duration = Duration::from_millis(250);

/// The requests of one worker that wait.
pub(crate) struct Waiting {
    streams: RefCell<BTreeMap<u32, Held>>,
    told: Size,
}

#[derive(Clone, Copy)]
struct Held {
    /// Until it is given up.
    until: Wait,
    /// Until it is tried again.
    pause: Wait,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        Self {
            streams: RefCell::default(),
            told: Size::of_waiting(),
        }
    }

    /// Has the request on the stream `context_id` wait, which came at `since`. Not if that is too long ago, or if too
    /// many wait already.
    #[must_use]
    pub(crate) fn hold(&self, context_id: u32, since: Duration, now: Duration) -> bool {
        let until = Wait::new(since, LONGEST_WAIT);
        let mut streams = self.streams.borrow_mut();
        let is_held = !until.is_over(now) && (streams.len() < MAX_WAITING || streams.contains_key(&context_id));
        if is_held {
            let pause = Wait::new(now, PAUSE);
            streams.insert(context_id, Held { until, pause });
        } else {
            streams.remove(&context_id);
        }
        self.told.tell(streams.len());
        is_held
    }

    /// It waits no longer, for one reason or the other.
    pub(crate) fn release(&self, context_id: u32) {
        let mut streams = self.streams.borrow_mut();
        if streams.remove(&context_id).is_some() {
            self.told.tell(streams.len());
        }
    }

    /// Whether the request waits.
    pub(crate) fn has(&self, context_id: u32) -> bool {
        self.streams.borrow().contains_key(&context_id)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.borrow().is_empty()
    }

    /// Whether the time of the request is over.
    pub(crate) fn is_over(&self, context_id: u32, now: Duration) -> bool {
        let streams = self.streams.borrow();
        streams.get(&context_id).is_none_or(|held| held.until.is_over(now))
    }

    /// Has all be tried again in the next tick: what they wait for may be there.
    pub(crate) fn wake_all(&self) {
        for held in self.streams.borrow_mut().values_mut() {
            held.pause = Wait::new(Duration::ZERO, Duration::ZERO);
        }
    }

    /// The streams that are to be looked at, and whether there are more of them.
    pub(crate) fn due(&self, now: Duration) -> (Vec<u32>, bool) {
        let streams = self.streams.borrow();
        let is_due = |held: &Held| held.until.is_over(now) || held.pause.is_over(now);
        let mut due = streams.iter().filter(|(_, held)| is_due(held)).map(|(id, _)| *id);
        (due.by_ref().take(AT_ONCE).collect(), due.next().is_some())
    }
}
