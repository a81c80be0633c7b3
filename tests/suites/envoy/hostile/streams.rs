//! HTTP/2 frame by frame (RFC 9113): streams that are reset at each stage, many at once, and frames that break the rules.

use registry_auth_tests::http::raw::Connection;

use super::Target;
use super::frames::*;

/// Frames of one connection, and what becomes of it.
struct Case {
    name: &'static str,
    frames: Vec<u8>,
    ends: Ends,
}

/// What Envoy makes of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// The connection serves on.
    No,
    /// The connection is closed.
    Connection,
    /// The client has left before.
    ByClient,
}

const CANCEL: [u8; 4] = [0, 0, 0, 8];
const FORM: &[u8] = b"grant_type=password&service=registry&client_id=test&username=ada&password=ada-secret";
/// As many streams as may be open at once.
const ALLOWED: u32 = 100;

#[track_caller]
pub(super) fn assert_every_case(target: &mut Target) {
    let mut broken = Vec::new();
    for case in [resets(), left(), lengths(), fields(), packed(), order(), floods()]
        .into_iter()
        .flatten()
    {
        let ends = send(target.envoy.port(), &case);
        if ends != case.ends {
            broken.push(format!("{}: {ends:?} instead of {:?}", case.name, case.ends));
        }
        target.assert_unharmed(case.name);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn case(name: &'static str, frames: impl IntoIterator<Item = Vec<u8>>, ends: Ends) -> Case {
    Case {
        name,
        frames: frames.into_iter().flatten().collect(),
        ends,
    }
}

fn resets() -> Vec<Case> {
    let reset = |stream| frame(RST_STREAM, NONE, stream, &CANCEL);
    let open = |stream| frame(HEADERS, END_HEADERS, stream, &post());
    let asked = |stream| frame(HEADERS, WHOLE, stream, &get());
    let half = |stream| frame(DATA, NONE, stream, &FORM[..20]);
    let whole = |stream| frame(DATA, END_STREAM, stream, FORM);
    let streams = |count: u32| (0..count).map(|number| 2 * number + 1);
    vec![
        case("a GET, reset", vec![asked(1), reset(1)], Ends::No),
        case("headers without a body, reset", vec![open(1), reset(1)], Ends::No),
        case("half a body, reset", vec![open(1), half(1), reset(1)], Ends::No),
        case("a whole body, reset", vec![open(1), whole(1), reset(1)], Ends::No),
        case("reset twice", vec![open(1), reset(1), reset(1)], Ends::No),
        case("a body after the reset", vec![open(1), reset(1), whole(1)], Ends::No),
        case(
            "half of the headers, reset",
            vec![frame(HEADERS, NONE, 1, &post()), reset(1)],
            Ends::Connection,
        ),
        case(
            "a stream that was never opened, reset",
            vec![reset(1)],
            Ends::Connection,
        ),
        case("the connection itself, reset", vec![reset(0)], Ends::Connection),
        case(
            "as many as may be, reset at once",
            streams(ALLOWED).map(open).chain(streams(ALLOWED).map(reset)),
            Ends::No,
        ),
        case(
            "as many as may be with half a body, reset at once",
            streams(ALLOWED)
                .flat_map(|stream| [open(stream), half(stream)])
                .chain(streams(ALLOWED).map(reset)),
            Ends::No,
        ),
        case("more than may be", streams(2 * ALLOWED).map(open), Ends::No),
        case(
            "a thousand GETs, each reset at once",
            streams(10 * ALLOWED).flat_map(|stream| [asked(stream), reset(stream)]),
            Ends::No,
        ),
        case(
            "a thousand POSTs, each reset at once",
            streams(10 * ALLOWED).flat_map(|stream| [open(stream), half(stream), reset(stream)]),
            Ends::Connection,
        ),
        case(
            "as many as may be, and GOAWAY",
            streams(ALLOWED).map(open).chain([frame(GOAWAY, NONE, 0, &[0; 8])]),
            Ends::No,
        ),
    ]
}

/// Clients that leave without a word.
fn left() -> Vec<Case> {
    let open = |stream| frame(HEADERS, END_HEADERS, stream, &post());
    let half = |stream| frame(DATA, NONE, stream, &FORM[..20]);
    let streams = || (0..ALLOWED).map(|number| 2 * number + 1);
    vec![
        case("the preface, and gone", vec![], Ends::ByClient),
        case("half a frame, and gone", vec![open(1)[..20].to_vec()], Ends::ByClient),
        case(
            "half of the headers, and gone",
            vec![frame(HEADERS, NONE, 1, &post())],
            Ends::ByClient,
        ),
        case("headers, and gone", streams().map(open), Ends::ByClient),
        case(
            "half a body, and gone",
            streams().flat_map(|stream| [open(stream), half(stream)]),
            Ends::ByClient,
        ),
        case(
            "gone before the answer",
            streams().map(|stream| frame(HEADERS, WHOLE, stream, &get())),
            Ends::ByClient,
        ),
    ]
}

fn lengths() -> Vec<Case> {
    let posted = |length: &str| {
        let length = block(&[("content-length", length.as_bytes())]);
        frame(HEADERS, END_HEADERS, 1, &[post(), length].concat())
    };
    vec![
        case(
            "a length above the body's",
            vec![posted("1000"), frame(DATA, END_STREAM, 1, FORM)],
            Ends::No,
        ),
        case(
            "a length below the body's",
            vec![posted("10"), frame(DATA, END_STREAM, 1, FORM)],
            Ends::No,
        ),
        case(
            "a length that is none",
            vec![posted("-1"), frame(DATA, END_STREAM, 1, FORM)],
            Ends::Connection,
        ),
    ]
}

/// A GET with these fields beside its own.
fn asked(fields: &[(&str, &[u8])]) -> Vec<Vec<u8>> {
    vec![frame(HEADERS, WHOLE, 1, &[get(), block(fields)].concat())]
}

fn fields() -> Vec<Case> {
    vec![
        case(
            "a NUL in a header",
            asked(&[("authorization", b"Basic \0")]),
            Ends::Connection,
        ),
        case(
            "a line break in a header",
            asked(&[("authorization", b"Basic \r\nx: y")]),
            Ends::Connection,
        ),
        case(
            "capital letters",
            asked(&[("Authorization", b"Basic x")]),
            Ends::Connection,
        ),
        case("no name", asked(&[("", b"x")]), Ends::Connection),
        case("a second path", asked(&[(":path", b"/v2/")]), Ends::Connection),
        case(
            "a pseudo-header that is not known",
            asked(&[(":token", b"x")]),
            Ends::Connection,
        ),
        case(
            "a header of a connection",
            asked(&[("connection", b"close")]),
            Ends::Connection,
        ),
        case("chunks", asked(&[("transfer-encoding", b"chunked")]), Ends::Connection),
        case(
            "no path",
            vec![frame(
                HEADERS,
                WHOLE,
                1,
                &block(&[(":method", b"GET"), (":scheme", b"http")]),
            )],
            Ends::Connection,
        ),
        case(
            "any bytes in a header",
            asked(&[("authorization", b"Basic \x80\xff\xfe")]),
            Ends::No,
        ),
    ]
}

/// Headers that are small on their way and large when they are unpacked, and such as are large on their way.
fn packed() -> Vec<Case> {
    // One field of 4,000 bytes is put into the table, and named again by a byte.
    let mut bomb = [get(), vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e], vec![b'x'; 4_000]].concat();
    bomb.extend([0xbe; 10_000]);
    vec![
        case("2,000 headers", asked(&vec![("a", b"b".as_slice()); 2_000]), Ends::No),
        case(
            "a header that is unpacked to 40 MB",
            vec![frame(HEADERS, WHOLE, 1, &bomb)],
            Ends::No,
        ),
        case(
            "a field of a table that is empty",
            vec![frame(HEADERS, WHOLE, 1, &[0xff, 0xff, 0x7f])],
            Ends::Connection,
        ),
        case(
            "headers without end",
            vec![
                frame(HEADERS, NONE, 1, &get()),
                frame(CONTINUATION, NONE, 1, &block(&[("a", &[b'x'; 16_000])])).repeat(100),
            ],
            Ends::Connection,
        ),
    ]
}

/// Frames where they may not be.
fn order() -> Vec<Case> {
    vec![
        case(
            "another frame amid headers",
            vec![frame(HEADERS, NONE, 1, &get()), frame(PING, NONE, 0, &[0; 8])],
            Ends::Connection,
        ),
        case(
            "data for a stream that was never opened",
            vec![frame(DATA, NONE, 1, FORM)],
            Ends::Connection,
        ),
        case(
            "a stream with an even number",
            vec![frame(HEADERS, WHOLE, 2, &get())],
            Ends::Connection,
        ),
        case(
            "a frame larger than allowed",
            vec![frame(DATA, NONE, 1, &[0; 20_000])],
            Ends::Connection,
        ),
        case(
            "a frame of an unknown kind",
            vec![frame(0xee, 0xff, 0x7fff_ffff, FORM)],
            Ends::No,
        ),
        case(
            "a window that grows too large",
            vec![frame(WINDOW_UPDATE, NONE, 0, &[0x7f, 0xff, 0xff, 0xff])],
            Ends::Connection,
        ),
        case(
            "a window that grows by nothing",
            vec![frame(WINDOW_UPDATE, NONE, 0, &[0; 4])],
            Ends::Connection,
        ),
        case(
            "a frame in the middle of another",
            vec![frame(HEADERS, END_HEADERS, 1, &post()), vec![0, 0, 100, DATA]],
            Ends::Connection,
        ),
        case("no frame at all", vec![vec![0xff; 1_000]], Ends::Connection),
    ]
}

/// Frames that cost nothing to send.
fn floods() -> Vec<Case> {
    vec![
        case(
            "empty headers without end",
            vec![
                frame(HEADERS, NONE, 1, &get()),
                frame(CONTINUATION, NONE, 1, b"").repeat(10_000),
            ],
            Ends::Connection,
        ),
        case(
            "empty data without end",
            vec![
                frame(HEADERS, END_HEADERS, 1, &post()),
                frame(DATA, NONE, 1, b"").repeat(10_000),
            ],
            Ends::Connection,
        ),
        case(
            "10,000 windows",
            vec![frame(WINDOW_UPDATE, NONE, 0, &[0, 0, 0, 1]).repeat(10_000)],
            Ends::Connection,
        ),
        case(
            "10,000 priorities",
            (1..20_000)
                .step_by(2)
                .map(|stream| frame(PRIORITY, NONE, stream, &[0, 0, 0, 0, 1])),
            Ends::Connection,
        ),
        case(
            "10,000 settings",
            vec![frame(SETTINGS, NONE, 0, &[0, 3, 0, 0, 0, 1]).repeat(10_000)],
            Ends::Connection,
        ),
        case(
            "10,000 pings",
            vec![frame(PING, NONE, 0, &[1; 8]).repeat(10_000)],
            Ends::Connection,
        ),
    ]
}

/// Sends the frames on a connection of their own, and looks whether it serves afterwards.
#[track_caller]
fn send(port: u16, case: &Case) -> Ends {
    let mut connection = Connection::open(port);
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.send(&frame(SETTINGS, NONE, 0, b""));
    connection.send(&case.frames);
    if case.ends == Ends::ByClient {
        connection.reset();
        return Ends::ByClient;
    }
    // The last is answered when all before it was looked at.
    connection.send(&frame(PING, NONE, 0, b"the last"));
    let received = connection.received_until(|bytes| end(bytes).is_some());
    end(received).unwrap_or(Ends::Connection)
}

/// What the frames from Envoy tell. That it closes comes a second after it has said so.
fn end(mut frames: &[u8]) -> Option<Ends> {
    while let Some((&[high, middle, low, kind, flags, ..], rest)) = frames.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        match kind {
            PING if flags == ACK && rest.starts_with(b"the last") => return Some(Ends::No),
            GOAWAY => return Some(Ends::Connection),
            _ => frames = rest.get(length..)?,
        }
    }
    None
}
