//! Many who are given up in one and the same moment.

use std::thread;

use registry_auth_tests::http::h2::{self, Stream};

use super::Target;

const CONNECTIONS: usize = 10;
/// As many as a connection may have.
const STREAMS: usize = 100;

#[test]
fn a_thousand_bodies_that_never_come_are_given_up_together() {
    let mut target = Target::start();
    let port = target.envoy.port();
    let kind = "application/x-www-form-urlencoded";
    let stream = Stream::new("POST", "/token").header("content-type", kind).left_open();
    let streams = vec![stream; STREAMS];
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                for answer in h2::send(port, &streams) {
                    assert_eq!(answer.map(|answer| answer.status), Some(408));
                }
            });
        }
    });
    target.assert_unharmed("a thousand bodies that never come");
}
