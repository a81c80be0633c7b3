//! The clocks of the program, the one place that reads them; everything else is told what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use registry_auth_core::time::Timestamp;

/// The time since the epoch.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
#[must_use]
pub fn since_epoch() -> Duration {
    // Before 1970 there are no tokens; the clock is then as good as none.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// This second.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_seconds(since_epoch().as_secs())
}
