//! Bodies of POSTs, byte by byte: whether they arrive is up to Envoy, and no password may reach the registry.

use std::time::Duration;

use registry_auth_tests::http::h2::{self, Stream};
use registry_auth_tests::http::raw::{self, Connection};
use registry_auth_tests::http::upstream::{self, Upstream};

use crate::*;

const FORM: &[u8] = b"grant_type=password&service=registry&client_id=test&username=ada&password=ada-secret";
/// Three ticks of the module.
const LATE: Duration = Duration::from_millis(300);
const KIND: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// The words of the log where bodies do not arrive.
const WARNING: &str = "set `allow_on_headers_stop_iteration: true`";

/// A way to send a POST.
struct Way {
    name: &'static str,
    /// `None` if it ended without an answer.
    send: fn(u16) -> Option<Response>,
}

/// The whole form.
const WHOLE: [Way; 9] = [
    Way {
        name: "at once",
        send: |port| sized(port, |connection| connection.send(FORM)),
    },
    Way {
        name: "in single bytes",
        send: |port| sized(port, |connection| connection.send_one_by_one(FORM)),
    },
    Way {
        name: "late",
        send: |port| sized(port, |connection| connection.send_after(LATE, FORM)),
    },
    Way {
        name: "the second half late",
        send: |port| {
            sized(port, |connection| {
                connection.send(&FORM[..20]);
                connection.send_after(LATE, &FORM[20..]);
            })
        },
    },
    Way {
        name: "chunked",
        send: |port| {
            chunked(port, |connection| {
                connection.send_chunk(FORM);
                connection.send_last_chunk();
            })
        },
    },
    Way {
        name: "in chunks of a byte, the end late",
        send: |port| {
            chunked(port, |connection| {
                FORM.chunks(1).for_each(|byte| connection.send_chunk(byte));
                connection.send_after(LATE, b"0\r\n\r\n");
            })
        },
    },
    Way {
        name: "HTTP/2",
        send: |port| stream(port, |stream| stream.piece(FORM)),
    },
    Way {
        name: "HTTP/2 in single bytes",
        send: |port| stream(port, |stream| FORM.chunks(1).fold(stream, Stream::piece)),
    },
    Way {
        name: "HTTP/2, late and the second half later",
        send: |port| {
            stream(port, |stream| {
                stream.pause(LATE).piece(&FORM[..20]).pause(LATE).piece(&FORM[20..])
            })
        },
    },
];

const ENDLESS: [Way; 4] = [
    Way {
        name: "without end",
        send: |port| {
            let mut connection = opened(port, ("content-length", "100000000"));
            connection.send_without_end(&[b'a'; 1000]);
            connection.answer()
        },
    },
    Way {
        // More than Envoy holds comes in before the filter is called again: Envoy refuses it by itself.
        name: "a little, and then faster than the filter is called",
        send: |port| {
            let mut connection = opened(port, ("content-length", "100000000"));
            connection.send(&[b'a'; 1000]);
            connection.send_after(LATE, b"a");
            connection.send_without_end(&[b'a'; 1_000_000]);
            connection.answer()
        },
    },
    Way {
        name: "chunks without end",
        send: |port| {
            let mut connection = opened(port, ("transfer-encoding", "chunked"));
            connection.send_without_end(b"10\r\naaaaaaaaaaaaaaaa\r\n");
            connection.answer()
        },
    },
    Way {
        name: "HTTP/2 without end",
        send: |port| stream(port, |stream| stream.without_end(&[b'a'; 1000])),
    },
];

const CUT_OFF: [Way; 3] = [
    Way {
        name: "cut off",
        send: |port| {
            sized(port, |connection| {
                connection.send(&FORM[..20]);
                connection.cut_off();
            })
        },
    },
    Way {
        name: "cut off in a chunk",
        send: |port| {
            chunked(port, |connection| {
                connection.send(b"ff\r\ngrant_type=");
                connection.cut_off();
            })
        },
    },
    Way {
        name: "HTTP/2, reset",
        send: |port| stream(port, |stream| stream.piece(&FORM[..20]).reset()),
    },
];

fn opened(port: u16, length: (&str, &str)) -> Connection {
    let mut connection = Connection::open(port);
    connection.send(raw::head("POST", "/token", &[KIND, length]).as_bytes());
    connection
}

fn sized(port: u16, send: impl FnOnce(&mut Connection)) -> Option<Response> {
    let mut connection = opened(port, ("content-length", &FORM.len().to_string()));
    send(&mut connection);
    connection.answer()
}

fn chunked(port: u16, send: impl FnOnce(&mut Connection)) -> Option<Response> {
    let mut connection = opened(port, ("transfer-encoding", "chunked"));
    send(&mut connection);
    connection.answer()
}

fn stream(port: u16, body: impl FnOnce(Stream) -> Stream) -> Option<Response> {
    let stream = body(Stream::new("POST", "/token").header(KIND.0, KIND.1));
    h2::send(port, &[stream]).remove(0)
}

#[track_caller]
fn answer(way: &Way, envoy: &Envoy) -> Response {
    (way.send)(envoy.port()).unwrap_or_else(|| panic!("no answer to a POST {}", way.name))
}

/// The registry got what is its own and nothing else.
#[track_caller]
fn assert_nothing_leaked(envoy: &Envoy, registry: &Upstream) {
    let before = registry.received();
    assert!(before.is_empty(), "the registry got what is not its own: {before}");
    // It would have got it.
    assert_eq!(http::get(&format!("{}/v2/", envoy.url()), &[]).text(), upstream::ANSWER);
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn as_shipped_a_post_is_answered_however_its_body_comes() {
    for release in EnvoyRelease::ENDS {
        let registry = Upstream::start();
        let mut envoy = setup(&config()).release(release).registry(registry.port()).start();
        for way in &WHOLE {
            assert_eq!(subject(&answer(way, &envoy)), "ada", "{}", way.name);
        }
        for way in &ENDLESS {
            assert_error(&answer(way, &envoy), 413, "UNSUPPORTED");
        }
        for way in &CUT_OFF {
            assert!((way.send)(envoy.port()).is_none(), "an answer to a POST {}", way.name);
        }
        // Nobody waits for those who left, and the worker serves on.
        envoy.wait_until("all requests have ended", |envoy| {
            (envoy.counter("http.registry.downstream_rq_active") == 0).then_some(())
        });
        assert_eq!(subject(&answer(&WHOLE[0], &envoy)), "ada");
        assert_nothing_leaked(&envoy, &registry);
        assert!(!envoy.log().contains(WARNING), "{}", envoy.log());
    }
}

#[test]
fn where_bodies_do_not_arrive_a_post_is_404_at_once_and_get_serves() {
    for release in EnvoyRelease::ENDS {
        let registry = Upstream::start();
        let setup = setup(&config()).release(release).registry(registry.port());
        let mut envoy = setup.without_allow_on_headers_stop_iteration().start();
        for (way, expiration) in WHOLE.iter().chain(&ENDLESS).zip(1_000..) {
            // What a worker has learned goes with its configuration: each way meets one that knows nothing.
            assert_eq!(
                envoy.swap_config(&config_with("token.expiration", json!(expiration))),
                Swap::Taken
            );
            wait_for_expiration(&mut envoy, expiration);
            let said = envoy.log().matches(WARNING).count();
            assert_error(&answer(way, &envoy), 404, "UNSUPPORTED");
            assert_eq!(envoy.log().matches(WARNING).count(), said + 1, "{}", way.name);
            // From now on without waiting for a body that never comes.
            let mut silent = opened(envoy.port(), ("content-length", "80"));
            assert_error(&silent.answer().expect("an answer"), 404, "UNSUPPORTED");
            assert_error(&answer(way, &envoy), 404, "UNSUPPORTED");
            assert_eq!(
                envoy.log().matches(WARNING).count(),
                said + 1,
                "said once: {}",
                way.name
            );
        }
        for way in &CUT_OFF {
            // The refusal and the client's leaving cross.
            if let Some(answer) = (way.send)(envoy.port()) {
                assert_error(&answer, 404, "UNSUPPORTED");
            }
        }
        assert_eq!(subject(&ask(&envoy, "")), "ada");
        assert_nothing_leaked(&envoy, &registry);
    }
}

#[test]
fn a_routed_post_reaches_the_upstream_whole() {
    let server = Upstream::start();
    let envoy = setup(&config()).request_body("route").registry(server.port()).start();
    for way in &WHOLE {
        assert_eq!(answer(way, &envoy).text(), upstream::ANSWER, "{}", way.name);
        let request = server.requests().pop().expect("the upstream has answered");
        assert!(request.head.starts_with("POST /token HTTP/1.1"), "{}", request.head);
        assert_eq!(request.body, FORM, "{}", way.name);
    }
    assert_eq!(server.requests().len(), WHOLE.len());
    assert_eq!(subject(&ask(&envoy, "")), "ada");
    assert_eq!(server.requests().len(), WHOLE.len(), "GET is answered by the filter");
}

#[test]
fn clients_that_announce_a_body_and_send_none_teach_the_worker_nothing() {
    let envoy = setup(&config()).start();
    let silent: Vec<_> = (0..100)
        .map(|_| opened(envoy.port(), ("content-length", "80")))
        .collect();
    // Late: the worker has looked at the silent ones before.
    let late = &WHOLE[2];
    assert_eq!(subject(&answer(late, &envoy)), "ada");
    for mut connection in silent {
        assert_error(&connection.answer().expect("an answer"), 408, "TIMEOUT");
    }
    assert_eq!(subject(&answer(late, &envoy)), "ada");
    assert!(!envoy.log().contains(WARNING), "{}", envoy.log());
}
