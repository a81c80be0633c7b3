//! What is wrong with a text of the configuration, and where in it.

use std::fmt;
use std::ops::Range;

use registry_auth_core::problem::{Place, Problems};

/// What is wrong, and the bytes of the text that are meant. It never holds a password: what it quotes are keys and values
/// that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    what: String,
    at: Range<usize>,
}

impl Fault {
    pub(super) fn new(at: Range<usize>, what: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            at,
        }
    }

    /// Notes it in the value at `place`.
    pub(super) fn tell(self, place: &Place, problems: &mut Problems) {
        problems.error(&place.bytes(self.at), self.what);
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}: {}", self.at.start, self.at.end, self.what)
    }
}

/// The bytes of `part`, which is a part of `whole`.
pub(super) fn place_in(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    let start = start.min(whole.len());
    start..start.saturating_add(part.len()).min(whole.len())
}
