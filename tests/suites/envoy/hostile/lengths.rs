//! Lengths that lie, and codings of a body that two servers may read in two ways.

use super::bodies::{ADA, TOO_LARGE};
use super::{Case, Message, Sees};

/// Envoy reads no further.
const BAD: Sees = Sees::Envoy(400);
/// Envoy knows no such coding.
const NO_CODING: Sees = Sees::Envoy(501);

pub(super) fn lengths() -> Vec<Case> {
    let length = ADA.len().to_string();
    let ada = Sees::Token("ada");
    let mut cases = vec![
        Case::new(
            "a length below the body's",
            sized(&length).then(format!("{ADA}&x=y\r\n\r\n")),
            ada,
        )
        .and(BAD),
        Case::new(
            "a length below the body's, which goes on as a request",
            sized(&length).then(format!("{ADA}GET /token HTTP/1.1\r\nhost: a\r\n\r\n")),
            ada,
        )
        .and(Sees::Token("")),
        Case::new(
            "length zero and a body",
            sized("0").then(format!("{ADA}\r\n\r\n")),
            Sees::Token(""),
        )
        .and(BAD),
        Case::new(
            "the same length twice",
            sized(&length).header("content-length", &length).then(ADA),
            BAD,
        ),
        Case::new(
            "two lengths",
            sized("0").header("content-length", &length).then(ADA),
            BAD,
        ),
        Case::new(
            "line feeds alone",
            b"POST /token HTTP/1.1\nhost: a\ncontent-length: 0\n\n".to_vec(),
            Sees::Token(""),
        ),
    ];
    for length in [
        "",
        "-1",
        "+84",
        "84, 84",
        "84,84",
        "0x54",
        "84.0",
        "8 4",
        "1e3",
        "18446744073709551616",
        "99999999999999999999999",
        "eighty-four",
        "\u{663}",
    ] {
        cases.push(Case::new(
            format!("a length of {length:?}"),
            sized(length).then(ADA),
            BAD,
        ));
    }
    cases
}

/// More than one way to tell where the body ends.
pub(super) fn codings() -> Vec<Case> {
    let length = ADA.len().to_string();
    let chunk = chunk();
    vec![
        Case::new(
            "a length and chunks",
            sized(&length)
                .header("transfer-encoding", "chunked")
                .then(format!("{chunk}0\r\n\r\n")),
            BAD,
        ),
        Case::new(
            "chunks and a length of zero",
            form()
                .header("transfer-encoding", "chunked")
                .header("content-length", "0")
                .then(format!("{chunk}0\r\n\r\n")),
            BAD,
        ),
        Case::new(
            "a coding that is not known",
            form().header("transfer-encoding", "gzip").then(ADA),
            NO_CODING,
        ),
        Case::new(
            "no coding",
            form().header("transfer-encoding", "identity").then(ADA),
            NO_CODING,
        ),
        Case::new(
            "chunks inside of another coding",
            form().header("transfer-encoding", "gzip, chunked").then(&chunk),
            NO_CODING,
        ),
        Case::new(
            "chunks twice",
            form().header("transfer-encoding", "chunked, chunked").then(&chunk),
            NO_CODING,
        ),
        Case::new(
            "chunks in two headers",
            form()
                .header("transfer-encoding", "chunked")
                .header("transfer-encoding", "chunked")
                .then(&chunk),
            NO_CODING,
        ),
        Case::new(
            "chunks, spelt with a tab",
            form().header("transfer-encoding", "\x0bchunked").then(&chunk),
            BAD,
        ),
        Case::new(
            "a space before the colon",
            form().header("transfer-encoding ", "chunked").then(&chunk),
            BAD,
        ),
    ]
}

pub(super) fn chunks() -> Vec<Case> {
    let chunked = |body: &str| form().header("transfer-encoding", "chunked").then(body);
    let chunk = chunk();
    let ada = Sees::Token("ada");
    let extended: Vec<String> = ADA
        .chars()
        .map(|c| format!("1;{}\r\n{c}\r\n", "x".repeat(100)))
        .collect();
    let mut cases = vec![
        Case::new(
            "chunks, and trailers behind",
            chunked(&format!("{chunk}0\r\na: b\r\nauthorization: c\r\n\r\n")),
            ada,
        ),
        Case::new(
            "chunks of a byte with 100 bytes of extension",
            chunked(&format!("{}0\r\n\r\n", extended.concat())),
            ada,
        ),
        Case::new(
            "a chunk with 100,000 bytes of extension",
            chunked(&format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(100_000))),
            Sees::Token(""),
        ),
        Case::new(
            "100,000 bytes of trailers",
            chunked(&format!("{chunk}0\r\na: {}\r\n\r\n", "x".repeat(100_000))),
            Sees::Envoy(431),
        ),
        Case::new(
            "a chunk longer than it says",
            chunked(&format!("1\r\n{ADA}\r\n0\r\n\r\n")),
            Sees::Token(""),
        ),
        Case::new(
            "a chunk of 2^64 bytes, or at least of more than may be",
            chunked(&format!("ffffffffffffffff\r\n{}", "x".repeat(100_000))),
            TOO_LARGE,
        ),
        Case::new(
            "a chunk of a size with a space",
            chunked(&format!("{:x} \r\n{ADA}\r\n0\r\n\r\n", ADA.len())),
            ada,
        ),
    ];
    for size in ["", "x", "-1", "0x10", " 10", "1ffffffffffffffff", "\0"] {
        cases.push(Case::new(
            format!("a chunk of size {size:?}"),
            chunked(&format!("{size}\r\n{ADA}\r\n0\r\n\r\n")),
            BAD,
        ));
    }
    cases
}

/// What is waited for until its time is up.
pub(super) fn slow() -> Vec<Case> {
    let late = Sees::Error(408, "TIMEOUT");
    vec![
        Case::new(
            "a length above the body's",
            form().header("content-length", "100").then(ADA),
            late,
        ),
        Case::new(
            "a length of 2^63",
            form().header("content-length", "9223372036854775807").then(ADA),
            late,
        ),
        Case::new(
            "a body that does not come",
            form().header("content-length", "84").end(),
            late,
        ),
        Case::new(
            "chunks without the last",
            form()
                .header("transfer-encoding", "chunked")
                .then(format!("{:x}\r\n{ADA}\r\n", ADA.len())),
            late,
        ),
    ]
}

/// The head of a form, without its length.
fn form() -> Message {
    Message::post().header("content-type", "application/x-www-form-urlencoded")
}

/// The same with a length.
fn sized(length: &str) -> Message {
    form().header("content-length", length)
}

/// The whole form in a chunk that is not the last.
fn chunk() -> String {
    format!("{:x}\r\n{ADA}\r\n", ADA.len())
}
