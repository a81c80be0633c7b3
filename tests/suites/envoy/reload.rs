//! A changed file while clients ask without pause.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use registry_auth_tests::http::raw::{self, Connection};
use registry_auth_tests::soak;

use crate::*;

/// Each is a file with another user, and a wrong one after it: more than a hundred swaps, and a thousand in `make soak`.
const ROUNDS: u32 = 60;
/// After so many rounds all that is needed once is there, and what is held is weighed: after a third of them, since in
/// hundreds of rounds what Envoy itself holds goes up and down by as much as it does until then.
const WARM: u32 = 20;
/// Users that make a configuration worth weighing: a filter that kept each one grew by 7.7 MB in the forty rounds after
/// the warm ones, and ours by 0.2 MB.
const USERS: usize = 200;
/// What may come and go in between, in bytes.
const NOISE: u64 = 3 << 20;
/// Two for each worker.
const CLIENTS: usize = 4;

#[test]
fn users_are_added_between_wrong_files_and_no_request_is_lost_meanwhile() {
    let mut envoy = setup(&config()).concurrency(2).start();
    let clients = envoy.connections(CLIENTS / 2);
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let served = thread::scope(|scope| {
        let asking: Vec<_> = clients
            .into_iter()
            .flatten()
            .map(|client| scope.spawn(|| ask_until(client, &stop, &asked)))
            .collect();
        let stop = Stop(&stop);
        let mut config = config();
        for i in 0..USERS {
            config["users"][format!("user-{i}")] = json!({"password": keys::ADA_SECRET});
        }
        let mut when_warm = None;
        for round in 0..soak::times(ROUNDS) {
            let before = asked.load(Ordering::Relaxed);
            let name = format!("added-{round}");
            assert_an_added_user_is_let_in(&mut envoy, &mut config, &name);
            assert_a_wrong_file_is_refused(&mut envoy, &config, round);
            assert_eq!(log_in(&envoy, &name).status, 200, "the last good file serves");
            // Everybody asked in between: a swap in silence would prove nothing.
            envoy.wait_until("clients go on", |_| {
                (asked.load(Ordering::Relaxed) >= before + CLIENTS).then_some(())
            });
            if round + 1 == soak::times(WARM) {
                when_warm = Some((vms(&envoy), envoy.resident_bytes_at_rest()));
            }
        }
        let (vms_before, before) = when_warm.expect("there were rounds");
        assert_eq!(vms(&envoy), vms_before, "a configuration needs no VM of its own");
        // What Envoy needs for a moment, and gives back at another, is no growth.
        let after = envoy.resident_bytes_at_rest();
        assert!(after <= before + NOISE, "from {before} bytes to {after}");
        drop(stop);
        asking
            .into_iter()
            .map(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .sum::<usize>()
    });
    assert_eq!(envoy.counter("http.registry.downstream_rq_5xx"), 0);
    // Four connections for all of it: none was closed under a client.
    assert_eq!(served, asked.into_inner());
}

/// As a user of that name, with ada's password.
#[track_caller]
fn log_in(envoy: &Envoy, name: &str) -> Response {
    let credentials = http::basic(name, "ada-secret");
    let url = format!("{}/token?service=registry", envoy.url());
    http::get(&url, &[("authorization", &credentials)])
}

#[track_caller]
fn assert_an_added_user_is_let_in(envoy: &mut Envoy, config: &mut Value, name: &str) {
    assert_eq!(log_in(envoy, name).status, 401);
    // The one before goes, so that each file is as long as the last one.
    let users = config["users"].as_object_mut().expect("users are a map");
    users.retain(|name, _| !name.starts_with("added-"));
    users.insert(name.to_owned(), json!({"password": keys::ADA_SECRET}));
    assert_eq!(envoy.swap_config(config), Swap::Taken);
    let answer = envoy.wait_until("the added user is let in", |envoy| {
        Some(log_in(envoy, name)).filter(|answer| answer.status == 200)
    });
    assert_eq!(subject(&answer), name);
}

/// Each is wrong in another way: Envoy refuses a file that it has refused before without asking the module.
#[track_caller]
fn assert_a_wrong_file_is_refused(envoy: &mut Envoy, good: &Value, round: u32) {
    let mut wrong = good.clone();
    wrong[format!("wrong-{round}")] = json!({});
    let Swap::Refused(log) = envoy.swap_config(&wrong) else {
        panic!("a wrong file was taken")
    };
    let named = format!("registry_auth: configuration refused: wrong-{round}: unknown key");
    assert!(log.contains(&named), "no `{named}` in:\n{log}");
}

/// The VMs in the process.
#[track_caller]
fn vms(envoy: &Envoy) -> u64 {
    let vms = envoy.counter("wasm.envoy.wasm.runtime.v8.active");
    assert!(vms > 0, "Envoy does not count its VMs under this name any more");
    vms
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
