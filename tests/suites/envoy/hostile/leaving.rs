//! Clients that leave, at each stage of a request and in each way.

use registry_auth_tests::http::raw::{self, Connection};

/// A client that leaves.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) leave: fn(u16),
}

const GET: &[u8] = b"GET /token?service=registry HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
const FORM: &[u8] = b"grant_type=password&service=registry&client_id=test&username=ada&password=ada-secret";
/// What is not one client is as many.
const MANY: usize = 200;

pub(super) const CASES: [Case; 18] = [
    Case {
        name: "a client that says nothing",
        leave: |port| drop(sent(port, b"")),
    },
    Case {
        name: "a client that says nothing, and a reset",
        leave: |port| sent(port, b"").reset(),
    },
    Case {
        name: "half a request line",
        leave: |port| drop(sent(port, b"GET /tok")),
    },
    Case {
        name: "half a request line, and a reset",
        leave: |port| sent(port, b"GET /tok").reset(),
    },
    Case {
        name: "half a header",
        leave: |port| drop(sent(port, &GET[..GET.len() - 10])),
    },
    Case {
        name: "half a header, and a reset",
        leave: |port| sent(port, &GET[..GET.len() - 10]).reset(),
    },
    Case {
        name: "half a header, and no more to come",
        leave: |port| {
            let mut connection = sent(port, &GET[..GET.len() - 10]);
            connection.cut_off();
            assert!(connection.answer().is_none());
        },
    },
    Case {
        name: "headers without their body",
        leave: |port| drop(posted(port, b"")),
    },
    Case {
        name: "headers without their body, and a reset",
        leave: |port| posted(port, b"").reset(),
    },
    Case {
        name: "half a body",
        leave: |port| drop(posted(port, &FORM[..20])),
    },
    Case {
        name: "half a body, and a reset",
        leave: |port| posted(port, &FORM[..20]).reset(),
    },
    Case {
        name: "a body that is shorter than it says",
        leave: |port| {
            let mut connection = posted(port, &FORM[..FORM.len() - 1]);
            connection.cut_off();
            assert!(connection.answer().is_none());
        },
    },
    Case {
        name: "a body in full, and no more to come",
        leave: |port| {
            let mut connection = posted(port, FORM);
            connection.cut_off();
            // The answer and the end cross.
            let _ = connection.answer();
        },
    },
    Case {
        name: "an answer that nobody waits for",
        leave: |port| (0..MANY).for_each(|_| drop(sent(port, GET))),
    },
    Case {
        name: "an answer that nobody waits for, and a reset",
        leave: |port| (0..MANY).for_each(|_| sent(port, GET).reset()),
    },
    Case {
        name: "an answer that nobody reads",
        leave: |port| {
            let mut connection = sent(port, GET);
            connection.wait_for_answer();
        },
    },
    Case {
        name: "thousands of requests at once of which no answer is read",
        leave: |port| {
            let mut connection = sent(port, &GET.repeat(5_000));
            connection.wait_for_answer();
        },
    },
    Case {
        name: "many at once, each at another stage",
        leave: |port| {
            let clients: Vec<_> = (0..MANY)
                .map(|number| match number % 4 {
                    0 => sent(port, &GET[..number % GET.len()]),
                    1 => posted(port, b""),
                    2 => posted(port, &FORM[..number % FORM.len()]),
                    _ => sent(port, GET),
                })
                .collect();
            clients.into_iter().step_by(2).for_each(Connection::reset);
        },
    },
];

/// A client that has sent this.
fn sent(port: u16, bytes: &[u8]) -> Connection {
    let mut connection = Connection::open(port);
    connection.send(bytes);
    connection
}

/// A client that has sent the headers of [`FORM`], and this much of it.
fn posted(port: u16, body: &[u8]) -> Connection {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let length = FORM.len().to_string();
    let mut connection = sent(
        port,
        raw::head("POST", "/token", &[kind, ("content-length", &length)]).as_bytes(),
    );
    connection.send(body);
    connection
}
