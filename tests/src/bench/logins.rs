//! Logins at a pace that nothing holds up: the next one begins whether the last was answered or not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::latency::until;
use crate::http::basic;

/// So many connections, since Envoy takes 100 requests at a time of each.
const CONNECTIONS: usize = 4;

/// Logs in `per_second` times a second until it is to stop, as another account each time, from another address each:
/// `user-0` from 10.0.0.0 on, by the numbers that `next` counts.
pub(super) fn log_in(port: u16, per_second: u32, next: &AtomicU32, stop: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let answers = runtime.block_on(offer(port, per_second, next, stop));
    println!("logins by status: {answers:?}");
    // What was computed does not fit; what cannot be computed in time is refused otherwise.
    assert!(answers.keys().all(|status| matches!(status, 401 | 503)), "{answers:?}");
}

async fn offer(port: u16, per_second: u32, next: &AtomicU32, stop: &AtomicBool) -> BTreeMap<u16, u32> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let tcp = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("Envoy takes connections");
        let (client, connection) = h2::client::handshake(tcp).await.expect("Envoy speaks HTTP/2");
        tokio::spawn(connection);
        clients.push(client);
    }
    let (begun, mut under_way, mut answers) = (Instant::now(), JoinSet::new(), BTreeMap::new());
    let mut note = |status: u16| *answers.entry(status).or_default() += 1;
    for (number, client) in (0..).zip(clients.iter().cycle()) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // A pace, not a wait for something.
        sleep(until(begun, number, per_second)).await;
        under_way.spawn(login(client.clone(), next.fetch_add(1, Ordering::Relaxed)));
        while let Some(status) = under_way.try_join_next() {
            note(status.expect("a login does not panic"));
        }
    }
    while let Some(status) = under_way.join_next().await {
        note(status.expect("a login does not panic"));
    }
    answers
}

/// The status of the answer.
async fn login(client: SendRequest<bytes::Bytes>, number: u32) -> u16 {
    let [_, a, b, c] = number.to_be_bytes();
    let request = http::Request::get("http://127.0.0.1/token?service=registry")
        .header("authorization", basic(&format!("user-{number}"), "ada-secret"))
        .header("x-forwarded-for", format!("10.{a}.{b}.{c}"))
        .body(())
        .expect("a request that can be sent");
    let mut client = client.ready().await.expect("Envoy takes requests");
    let (answer, _) = client.send_request(request, true).expect("Envoy takes requests");
    answer.await.expect("each login is answered").status().as_u16()
}
