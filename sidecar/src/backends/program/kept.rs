//! What a program writes: the beginning is kept, the rest read and dropped, so that it never waits for a reader.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most lines of stderr that one run puts into the log.
const MOST_LINES: usize = 32;

/// The beginning of a stream.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    most: usize,
    is_cut: bool,
}

impl Kept {
    /// Keeps `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
            is_cut: false,
        }
    }

    /// Reads to the end, or as far as it can be read.
    pub(super) async fn read(&mut self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            self.add(buffer.get(..length).unwrap_or_default());
        }
    }

    fn add(&mut self, read: &[u8]) {
        let room = self.most.saturating_sub(self.bytes.len());
        let (kept, dropped) = read.split_at_checked(room).unwrap_or((read, &[]));
        self.bytes.extend_from_slice(kept);
        self.is_cut |= !dropped.is_empty();
    }

    /// All that was written, if all of it was kept.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (!self.is_cut).then_some(&self.bytes)
    }

    /// The first lines that are not empty, fit for a log: nothing in them moves a cursor.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut lines = text.lines().map(escaped).filter(|line| !line.is_empty());
        let mut first: Vec<String> = lines.by_ref().take(MOST_LINES).collect();
        if self.is_cut || lines.next().is_some() {
            first.push("[and more]".to_owned());
        }
        first
    }
}

fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(most: usize, text: &str) -> Kept {
        let mut kept = Kept::new(most);
        for piece in text.as_bytes().chunks(7) {
            kept.add(piece);
        }
        kept
    }

    #[test]
    fn what_is_longer_is_cut_and_said_to_be() {
        assert_eq!(kept(10, "0123456789").whole(), Some(&b"0123456789"[..]));
        assert_eq!(kept(10, "0123456789a").whole(), None);
        assert_eq!(kept(10, "0123456789a").lines(), ["0123456789", "[and more]"]);
        assert_eq!(kept(1_000, &"x\n".repeat(33)).lines().len(), MOST_LINES + 1);
        assert_eq!(kept(10, "").lines(), [""; 0]);
    }

    #[test]
    fn a_line_cannot_move_the_cursor_or_begin_another_one() {
        let said = kept(100, "\x1b[2Jgone\r\nover\rwritten\n\n\u{85}é\u{9b}1m");
        assert_eq!(said.lines(), ["\\u{1b}[2Jgone", "over\\rwritten", "\\u{85}é\\u{9b}1m"]);
    }
}
