//! The bytes of a configuration: written without leaving copies behind, read line by line, and wiped as they are read.

use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;

use crate::piecemeal::Progress;
use crate::secret::Secret;

/// So many bytes are wiped in one step, beside those of the lines that were read.
const BYTES: usize = 64 * 1024;

/// What was received, of which lines are read from the first to the last.
pub(crate) struct Body {
    bytes: Secret<Vec<u8>>,
    read: usize,
    wiped: usize,
}

/// What is being written. Memory that becomes too small is wiped before it is given back.
#[derive(Default)]
pub(super) struct Growing(Option<Secret<Vec<u8>>>);

impl Body {
    pub(crate) fn new(bytes: Secret<Vec<u8>>) -> Self {
        Self {
            bytes,
            read: 0,
            wiped: 0,
        }
    }

    /// How many bytes are still to be read.
    pub(crate) fn left(&self) -> usize {
        self.bytes.expose().len().saturating_sub(self.read)
    }

    /// The place of the next line, without its end; `None` after the last.
    pub(crate) fn next_line(&mut self) -> Option<Range<usize>> {
        let rest = self.bytes.expose().get(self.read..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let end = self.read.saturating_add(length);
        let line = self.read..end;
        self.read = end.saturating_add(1);
        Some(line)
    }

    /// The line at that place.
    pub(crate) fn line(&self, at: Range<usize>) -> &[u8] {
        self.bytes.expose().get(at).unwrap_or_default()
    }

    /// What was read so far.
    #[cfg(test)]
    pub(crate) fn read_so_far(&self) -> &[u8] {
        self.bytes.expose().get(..self.read).unwrap_or_default()
    }

    /// Wipes what was read so far.
    pub(crate) fn wipe_read(&mut self) {
        self.wipe_to(self.read);
    }

    /// Wipes a part of all, read or not; the last step gives the memory back.
    pub(crate) fn wipe_some(&mut self) -> Progress {
        self.wipe_to(self.wiped.saturating_add(BYTES));
        self.read = self.read.max(self.wiped);
        if self.wiped < self.bytes.expose().len() {
            return Progress::More;
        }
        // Not through the secret, which would wipe all of it again, byte by byte and at once.
        drop(std::mem::take(self.bytes.expose_mut()));
        Progress::Done
    }

    fn wipe_to(&mut self, end: usize) {
        let bytes = self.bytes.expose_mut();
        let end = end.min(bytes.len());
        if let Some(part) = bytes.get_mut(self.wiped..end) {
            part.fill(0);
            // Or else the compiler, which sees that nobody reads them, may leave out the zeros.
            std::hint::black_box(part);
        }
        self.wiped = self.wiped.max(end);
    }
}

impl Growing {
    /// Writes one line. What is written here has an end and texts alone as keys, so that it always succeeds; if it did
    /// not, whoever reads a line cut short refuses it.
    pub(super) fn line(&mut self, line: &impl Serialize) {
        let written = serde_json::to_writer(&mut *self, line);
        debug_assert!(written.is_ok(), "{written:?}");
        self.append(b"\n");
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let held = self.0.get_or_insert_with(|| Secret::new(Vec::new()));
        let needed = held.expose().len().saturating_add(bytes.len());
        if held.expose().capacity() < needed {
            let mut larger = Secret::new(Vec::with_capacity(needed.max(1024).saturating_mul(2)));
            larger.expose_mut().extend_from_slice(held.expose());
            *held = larger;
        }
        held.expose_mut().extend_from_slice(bytes);
    }

    pub(super) fn finish(self) -> Secret<Vec<u8>> {
        self.0.unwrap_or_else(|| Secret::new(Vec::new()))
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
