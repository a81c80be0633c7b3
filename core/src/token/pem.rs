//! PEM text taken apart into its blocks (RFC 7468), strictly where it matters: a block that is cut short or misspelt
//! is an error, never a block less.
//!
//! Text between the blocks is passed over, as `openssl x509 -text` writes it. White space inside a block means nothing,
//! so that a text whose line breaks became spaces, as in an environment variable, is read all the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The longest text, in bytes: an RSA key of 8192 bits has 6 KiB, sixteen certificates of that kind 48.
pub const MAX_PEM_BYTES: usize = 64 * 1024;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Why a text is no PEM. Names lines and labels, never contents.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// No `-----BEGIN`.
    #[error(
        "there is no PEM block; the text must begin with `-----BEGIN`, and be the contents of the file, not its name"
    )]
    Nothing,
    /// More than [`MAX_PEM_BYTES`].
    #[error("the PEM text is longer than {MAX_PEM_BYTES} bytes")]
    TooLong,
    /// `-----BEGIN` without a label of capital letters and the closing dashes, or an `-----END` without its `-----BEGIN`.
    #[error("line {line} is no PEM boundary; it must read `-----BEGIN ...-----` with five dashes on either side")]
    Boundary {
        /// From 1.
        line: usize,
    },
    /// A block without its `-----END`.
    #[error("the `{label}` block of line {line} has no `-----END {label}-----`; the text is cut short")]
    Unfinished {
        /// What follows `BEGIN`.
        label: String,
        /// From 1.
        line: usize,
    },
    /// Line breaks written as `\n`.
    #[error(
        "the `{label}` block of line {line} holds `\\n` written out; put real line breaks, or spaces, in their place"
    )]
    EscapedLineBreaks {
        /// What follows `BEGIN`.
        label: String,
        /// From 1.
        line: usize,
    },
    /// Something between the boundaries that is not base64.
    #[error("the `{label}` block of line {line} is not base64; copy the text anew, it was damaged on its way")]
    Base64 {
        /// What follows `BEGIN`.
        label: String,
        /// From 1.
        line: usize,
    },
}

/// What stands between `-----BEGIN label-----` and its end.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    body: &'a str,
    line: usize,
}

/// The blocks of `text` in their order, at least one.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, PemError> {
    if text.len() > MAX_PEM_BYTES {
        return Err(PemError::TooLong);
    }
    blocks_of_any_length(text)
}

/// The same of a text whose length somebody else has bounded.
pub(super) fn blocks_of_any_length(text: &str) -> Result<Vec<Block<'_>>, PemError> {
    let mut blocks = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        no_stray_end(before, line)?;
        line = line_after(line, before);
        let (block, remainder) = block(after, line)?;
        line = line_after(line, block.body);
        rest = remainder;
        blocks.push(block);
    }
    no_stray_end(rest, line)?;
    if blocks.is_empty() {
        return Err(PemError::Nothing);
    }
    Ok(blocks)
}

/// Reads the block whose label `text` begins with, and gives back what follows it.
fn block(text: &str, line: usize) -> Result<(Block<'_>, &str), PemError> {
    let (label, after) = text
        .split_once(DASHES)
        .filter(|(label, _)| is_label(label))
        .ok_or(PemError::Boundary { line })?;
    let unfinished = || PemError::Unfinished {
        label: label.to_owned(),
        line,
    };
    let (body, after) = after.split_once(END).ok_or_else(unfinished)?;
    let (end, after) = after.split_once(DASHES).ok_or_else(unfinished)?;
    if end != label || body.contains(BEGIN) {
        return Err(unfinished());
    }
    Ok((Block { label, body, line }, after))
}

/// An end whose beginning is misspelt would hide a whole block.
fn no_stray_end(text: &str, line: usize) -> Result<(), PemError> {
    match text.split_once(END) {
        None => Ok(()),
        Some((before, _)) => Err(PemError::Boundary {
            line: line_after(line, before),
        }),
    }
}

fn line_after(line: usize, text: &str) -> usize {
    line.saturating_add(text.matches('\n').count())
}

fn is_label(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ')
}

impl Block<'_> {
    /// Whether the contents are encrypted in openssl's old way, with a `Proc-Type` header (RFC 1421).
    pub(super) fn is_encrypted(&self) -> bool {
        self.body.contains("ENCRYPTED")
    }

    /// The contents.
    pub(super) fn decode(&self) -> Result<Secret<Vec<u8>>, PemError> {
        let (label, line) = (self.label.to_owned(), self.line);
        if self.body.contains('\\') {
            return Err(PemError::EscapedLineBreaks { label, line });
        }
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        base64.extend(self.body.bytes().filter(|b| !b.is_ascii_whitespace()));
        STANDARD
            .decode(base64.as_slice())
            .ok()
            .filter(|bytes| !bytes.is_empty())
            .map(Secret::new)
            .ok_or(PemError::Base64 { label, line })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(text: &str) -> Result<Vec<&str>, PemError> {
        Ok(blocks(text)?.iter().map(|block| block.label).collect())
    }

    #[test]
    fn text_around_the_blocks_is_passed_over() {
        let text = "Subject: x\n-----BEGIN A-----\nAAAA\n-----END A-----\nmore\n-----BEGIN B C-----\nBBBB\n-----END B C-----\n";
        assert_eq!(labels(text), Ok(vec!["A", "B C"]));
    }

    #[test]
    fn line_breaks_may_be_of_any_kind_and_may_be_spaces() {
        for text in [
            "-----BEGIN A-----\nQUJD\nREVG\n-----END A-----",
            "-----BEGIN A-----\r\nQUJD\r\nREVG\r\n-----END A-----\r\n",
            "-----BEGIN A----- QUJD REVG -----END A-----",
            "  -----BEGIN A-----\n  QUJDREVG\n  -----END A-----",
        ] {
            assert_eq!(blocks(text).unwrap()[0].decode().unwrap().expose(), b"ABCDEF", "{text}");
        }
    }

    #[test]
    fn a_block_that_is_cut_or_misspelt_is_told_with_its_line() {
        for (text, error) in [
            (
                "",
                "there is no PEM block; the text must begin with `-----BEGIN`, and be the contents of the file, not its name",
            ),
            (
                "/etc/key.pem",
                "there is no PEM block; the text must begin with `-----BEGIN`, and be the contents of the file, not its name",
            ),
            (
                "\n-----BEGIN A-----\nAAAA\n",
                "the `A` block of line 2 has no `-----END A-----`; the text is cut short",
            ),
            (
                "-----BEGIN A-----\nAAAA\n-----END B-----",
                "the `A` block of line 1 has no `-----END A-----`; the text is cut short",
            ),
            (
                "-----BEGIN A-----\nAAAA\n-----BEGIN A-----\nAAAA\n-----END A-----",
                "the `A` block of line 1 has no `-----END A-----`; the text is cut short",
            ),
            (
                "-----BEGIN A\nAAAA\n-----END A-----",
                "line 1 is no PEM boundary; it must read `-----BEGIN ...-----` with five dashes on either side",
            ),
            (
                "-----BEGIN A-----\nAAAA\n-----END A-----\n\n----BEGIN A-----\nAAAA\n-----END A-----",
                "line 7 is no PEM boundary; it must read `-----BEGIN ...-----` with five dashes on either side",
            ),
        ] {
            assert_eq!(labels(text).unwrap_err().to_string(), error, "{text}");
        }
    }

    #[test]
    fn contents_that_are_not_base64_are_told_without_a_word_of_them() {
        for (body, error) in [
            (
                "\\nAAAA\\n",
                "the `A` block of line 1 holds `\\n` written out; put real line breaks, or spaces, in their place",
            ),
            (
                "\nAAA\n",
                "the `A` block of line 1 is not base64; copy the text anew, it was damaged on its way",
            ),
            (
                "\nA.AA\n",
                "the `A` block of line 1 is not base64; copy the text anew, it was damaged on its way",
            ),
            (
                "\n\n",
                "the `A` block of line 1 is not base64; copy the text anew, it was damaged on its way",
            ),
        ] {
            let text = format!("-----BEGIN A-----{body}-----END A-----");
            assert_eq!(
                blocks(&text).unwrap()[0].decode().unwrap_err().to_string(),
                error,
                "{body}"
            );
        }
    }

    #[test]
    fn a_text_above_the_limit_is_refused() {
        assert_eq!(labels(&" ".repeat(MAX_PEM_BYTES)), Err(PemError::Nothing));
        assert_eq!(labels(&" ".repeat(MAX_PEM_BYTES + 1)), Err(PemError::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(parts in prop::collection::vec(
            prop::sample::select(vec!["-----BEGIN ", "-----END ", "-----", "A", "QUJD", "\n", "\\n", ":", " ", "é"]), 0..12
        )) {
            if let Ok(blocks) = blocks(&parts.concat()) {
                for block in blocks {
                    let _ = block.decode();
                }
            }
        }
    }
}
