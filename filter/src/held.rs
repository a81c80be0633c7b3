//! POSTs whose body is awaited, and whether this Envoy hands bodies over at all.
//!
//! A filter that stops in the header callback gets the body only if the plugin has
//! `allow_on_headers_stop_iteration: true`; Istio's `WasmPlugin` and Envoy Gateway cannot set it. Without it the body
//! callback never comes, and to let the request go on would send a password to the registry. So a held POST is ended
//! from the tick, with a status on which clients go on to GET; the worker remembers, and answers later POSTs at once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::host;
use crate::root::AT_ONCE;

/// How long a body may take.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The most POSTs that wait on one worker; beyond them the one that waits longest is given up.
const MAX_HELD: usize = 4096;

/// Bytes that Envoy has received of the selected stream's request, its headers included.
const TOTAL_SIZE: &[u8] = b"request\0total_size";

/// The POSTs of one worker.
#[derive(Debug, Default)]
pub(crate) struct Held {
    waiting: RefCell<BTreeMap<u32, Waiting>>,
    bodies: Cell<Bodies>,
}

/// What is known of the body callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bodies {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It came once, so that it will come: a client that sends nothing proves nothing.
    Arrive,
    /// Bytes came and the callback did not.
    DoNotArrive,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    since: Duration,
    /// [`TOTAL_SIZE`] in the header callback.
    size_then: Option<u64>,
}

/// Why a held POST is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its body does not reach the filter, and this is the first time that it shows.
    NoBodies,
    /// Its body does not reach the filter.
    NoBody,
    /// Its body took too long.
    TooSlow,
}

impl Held {
    /// Whether a POST is to be answered at once, since its body would never come.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.bodies.get() == Bodies::DoNotArrive
    }

    /// Begins to wait for the body of the selected stream, of which so many bytes had come with its headers. Gives the
    /// stream that is given up for it, if there are too many.
    pub(crate) fn hold(&self, context_id: u32, now: Duration, size_then: Option<u64>) -> Option<u32> {
        let mut waiting = self.waiting.borrow_mut();
        let given_up = if waiting.len() >= MAX_HELD {
            waiting.iter().min_by_key(|(_, entry)| entry.since).map(|(id, _)| *id)
        } else {
            None
        };
        if let Some(id) = given_up {
            waiting.remove(&id);
        }
        waiting.insert(context_id, Waiting { since: now, size_then });
        given_up
    }

    /// Notes that a body callback came.
    pub(crate) fn bodies_arrive(&self) {
        self.bodies.set(Bodies::Arrive);
    }

    /// Notes that a body callback came. Whether the stream is still waited for: it may have been ended meanwhile.
    pub(crate) fn body_came(&self, context_id: u32) -> bool {
        self.bodies_arrive();
        self.waiting.borrow().contains_key(&context_id)
    }

    /// Ends the waiting, by an answer or because the client left. Whether the stream was waited for.
    pub(crate) fn release(&self, context_id: u32) -> bool {
        self.waiting.borrow_mut().remove(&context_id).is_some()
    }

    /// Looks at the waiting streams and hands those that are to be ended to `end`, each while it is selected, and
    /// [`AT_ONCE`] at most. Whether that left some.
    pub(crate) fn tick(&self, root_id: u32, now: Duration, mut end: impl FnMut(Ended)) -> bool {
        let entries: Vec<(u32, Waiting)> = self.waiting.borrow().iter().map(|(id, entry)| (*id, *entry)).collect();
        let mut count = 0_usize;
        for (context_id, entry) in entries {
            if count >= AT_ONCE {
                return true;
            }
            let looked = host::on_stream(root_id, context_id, || {
                let ended = self.verdict(entry, now);
                if let Some(ended) = ended {
                    self.release(context_id);
                    count = count.saturating_add(1);
                    end(ended);
                }
            });
            if looked.is_err() {
                self.release(context_id);
            }
        }
        false
    }

    /// What becomes of the selected stream.
    fn verdict(&self, entry: Waiting, now: Duration) -> Option<Ended> {
        // A callback that is due comes before the next tick: both run on one thread, one after the other.
        let grown = matches!((entry.size_then, total_size()), (Some(then), Some(now)) if now > then);
        match self.bodies.get() {
            Bodies::Unknown if grown => {
                self.bodies.set(Bodies::DoNotArrive);
                Some(Ended::NoBodies)
            }
            Bodies::DoNotArrive => Some(Ended::NoBody),
            Bodies::Unknown | Bodies::Arrive => {
                (now.saturating_sub(entry.since) >= LONGEST_WAIT).then_some(Ended::TooSlow)
            }
        }
    }
}

/// How many bytes of the selected stream's request have come.
pub(crate) fn total_size() -> Option<u64> {
    let bytes = host::property(TOTAL_SIZE).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
