//! A changed file while clients ask without pause.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use registry_auth_tests::http::raw::{self, Connection};

use crate::*;

const SWAPS: usize = 25;
/// Two for each worker, were they shared out evenly.
const CLIENTS: usize = 4;

/// Tells the clients to stop, also when an expectation fails: nobody waits for a client that asks for ever.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn an_added_user_can_log_in_and_no_request_is_lost_meanwhile() {
    let mut envoy = setup(&config()).concurrency(2).start();
    let clients = on_both_workers(&envoy);
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let served = thread::scope(|scope| {
        let asking: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(|| ask_until(client, &stop, &asked)))
            .collect();
        let stop = Stop(&stop);
        let mut config = config();
        for i in 0..SWAPS {
            let name = format!("added-{i}");
            let log_in = |envoy: &Envoy| {
                let credentials = http::basic(&name, "ada-secret");
                let url = format!("{}/token?service=registry", envoy.url());
                http::get(&url, &[("authorization", &credentials)])
            };
            assert_eq!(log_in(&envoy).status, 401);
            config["users"][&name] = json!({"password": keys::ADA_SECRET});
            assert_eq!(envoy.swap_config(&config), Swap::Taken);
            let answer = envoy.wait_until("the added user is let in", |envoy| {
                Some(log_in(envoy)).filter(|answer| answer.status == 200)
            });
            assert_eq!(subject(&answer), name);
            // Somebody asked in between: a swap in silence would prove nothing.
            let before = asked.load(Ordering::Relaxed);
            envoy.wait_until("clients go on", |_| {
                (asked.load(Ordering::Relaxed) >= before + CLIENTS).then_some(())
            });
        }
        drop(stop);
        asking
            .into_iter()
            .map(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .sum::<usize>()
    });
    assert!(served >= SWAPS * CLIENTS, "only {served} requests were asked");
    assert_eq!(envoy.counter("http.registry.downstream_rq_5xx"), 0);
    // Four connections for all of it: none was closed under a client.
    assert_eq!(served, asked.into_inner());
}

/// Connections of which each worker has at least one: the kernel deals them out.
#[track_caller]
fn on_both_workers(envoy: &Envoy) -> Vec<Connection> {
    let taken = |worker: usize| {
        let listener = envoy.address().replace(':', "_");
        let listener = listener.replacen("127_0_0_1", "127.0.0.1", 1);
        envoy.counter(&format!("listener.{listener}.worker_{worker}.downstream_cx_total"))
    };
    let mut clients = Vec::new();
    for _ in 0..100 {
        let before = [taken(0), taken(1)];
        let mut client = Connection::open(envoy.port());
        client.send(raw::head("GET", "/token?service=registry", &[]).as_bytes());
        assert_eq!(client.answer().map(|answer| answer.status), Some(200));
        let worker = usize::from(taken(0) == before[0]);
        // Half of them here, half of them there.
        if clients.iter().filter(|(of, _)| *of == worker).count() < CLIENTS / 2 {
            clients.push((worker, client));
        }
        if clients.len() == CLIENTS {
            return clients.into_iter().map(|(_, client)| client).collect();
        }
    }
    panic!("one worker took all of a hundred connections");
}

/// Asks on one connection until it is told to stop; answers how often. Every answer must be a token.
fn ask_until(mut client: Connection, stop: &AtomicBool, asked: &AtomicUsize) -> usize {
    let credentials = http::basic("ada", "ada-secret");
    let get = raw::head(
        "GET",
        "/token?service=registry&scope=repository:ada/app:push",
        &[("authorization", &credentials)],
    );
    let form = "grant_type=password&service=registry&client_id=test&username=ada&password=ada-secret\
                &scope=repository:ada/app:push";
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let post = raw::head("POST", "/token", &[kind, ("content-length", &form.len().to_string())]);
    for i in 0.. {
        if stop.load(Ordering::Relaxed) {
            return i;
        }
        if i % 2 == 0 {
            client.send(get.as_bytes());
        } else {
            client.send(post.as_bytes());
            client.send(form.as_bytes());
        }
        let answer = client.answer().expect("the connection stays open");
        assert_eq!(granted(&answer), json!({"ada/app": ["push"]}), "request {i}");
        asked.fetch_add(1, Ordering::Relaxed);
    }
    0
}
