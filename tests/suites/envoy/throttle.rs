//! Guessing, as those see it who guess, and those who do not: over workers, addresses and configurations. What a clock
//! does to it that is set back is in the suite `module`, where a test sets the clock.

mod flood;

use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};

use registry_auth_tests::http::raw::{self, Connection};
use registry_auth_tests::process;

use crate::*;

const WORKERS: u32 = 3;
const ADDRESSES: usize = 1000;
/// Two of those, of IPv4 and of IPv6.
const GUESSERS: [usize; 2] = [500, 501];
/// Where ada is.
const HERS: &str = "192.0.2.1";
/// For what takes seconds on a machine that is idle.
const LIMIT: Duration = Duration::from_mins(3);

/// One of many addresses, half of them of IPv6; a client has a whole network of those to choose a `host` from.
fn address(number: usize, host: usize) -> String {
    if number.is_multiple_of(2) {
        format!("198.18.{}.{}", number / 250, number % 250)
    } else {
        format!("2001:db8:0:{number:x}::{host:x}")
    }
}

/// Asks for a token on a connection, which stays open, as a client whose `address` a load balancer in front told.
#[track_caller]
fn sign_in(connection: &mut Connection, address: &str, account: &str, password: &str) -> Response {
    let credentials = http::basic(account, password);
    let headers = [("x-forwarded-for", address), ("authorization", &credentials)];
    connection.send(raw::head("GET", "/token?service=registry", &headers).as_bytes());
    connection.answer().expect("the connection stays open")
}

#[track_caller]
fn assert_wrong(answer: &Response) {
    assert_error(answer, 401, "UNAUTHORIZED");
}

/// The seconds that whoever guesses is told to wait.
#[track_caller]
fn assert_put_off(answer: &Response, seconds: RangeInclusive<u64>) -> u64 {
    assert_error(answer, 429, "TOOMANYREQUESTS");
    let told = answer.header("retry-after").and_then(|told| told.parse().ok());
    let told = told.unwrap_or_else(|| panic!("no Retry-After in seconds: {answer:?}"));
    assert!(seconds.contains(&told), "{told} and not {seconds:?}");
    told
}

/// Asks with ada's password until it is let in, which may take no longer than the first answer says.
#[track_caller]
fn assert_let_in_when_told(connection: &mut Connection, address: &str, account: &str) {
    let mut due = None;
    process::wait_until("let in", LIMIT, || {
        let asked = Instant::now();
        let answer = sign_in(connection, address, account, "ada-secret");
        if answer.status == 200 {
            return Some(());
        }
        let told = assert_put_off(&answer, 1..=u64::MAX);
        let due = *due.get_or_insert_with(|| Instant::now() + Duration::from_secs(told));
        assert!(asked < due, "put off for longer than was said: {answer:?}");
        None
    });
}

fn hashes(envoy: &Envoy) -> u64 {
    envoy.counter("wasmcustom.registry_auth.hashes")
}

#[test]
fn an_account_is_braked_at_an_address_on_every_worker_and_nowhere_else() {
    // Times that are longer than this takes on any machine.
    let settings = json!({"window": "1h", "brake": "15m", "hash_share": 1});
    let mut config = config_with("throttle", settings);
    config["cache"]["credentials_ttl"] = json!("1h");
    let mut envoy = setup(&config).concurrency(WORKERS).trusted_hops(1).start();
    let mut workers: Vec<_> = envoy.connections(1).into_iter().flatten().collect();
    let count = workers.len();

    for number in 0..ADDRESSES {
        let worker = &mut workers[number % count];
        let wrong = sign_in(worker, &address(number, 1), "ada", &format!("wrong {number}"));
        assert_wrong(&wrong);
    }
    for worker in &mut workers {
        assert_eq!(subject(&sign_in(worker, HERS, "ada", "ada-secret")), "ada");
    }
    // Two of them go on, each time on another worker, after another configuration and, of IPv6, from another host.
    for number in 1..5 {
        put_in_force(&mut envoy, &mut workers, &mut config, 1000 + number);
        for guesser in GUESSERS {
            let worker = &mut workers[(guesser + number) % count];
            let again = sign_in(worker, &address(guesser, 1 + number), "ada", &format!("again {number}"));
            assert_wrong(&again);
        }
    }
    assert_eq!(envoy.counter("wasmcustom.registry_auth.brakes"), 2);
    let hashed = hashes(&envoy);
    assert_two_are_braked(&mut workers);
    put_in_force(&mut envoy, &mut workers, &mut config, 2000);
    assert_two_are_braked(&mut workers);
    assert_eq!(hashes(&envoy), hashed, "no hash was computed for any of these");
    assert_a_right_password_clears(&mut workers, &address(GUESSERS[0] + 2, 1));
    assert_guesses_at_once_count(&envoy, &mut workers);
}

/// On each worker, whatever they try, and their neighbours are not.
#[track_caller]
fn assert_two_are_braked(workers: &mut [Connection]) {
    for worker in workers {
        for guesser in GUESSERS {
            for password in ["ada-secret", "one more", "again 1"] {
                let answer = sign_in(worker, &address(guesser, 0xffff), "ada", password);
                assert_put_off(&answer, 1..=900);
            }
            let neighbour = guesser + 2;
            let known = sign_in(worker, &address(neighbour, 1), "ada", &format!("wrong {neighbour}"));
            assert_wrong(&known);
        }
        assert_eq!(subject(&sign_in(worker, HERS, "ada", "ada-secret")), "ada");
    }
}

/// Of an account that failed once at this address.
#[track_caller]
fn assert_a_right_password_clears(workers: &mut [Connection], address: &str) {
    assert_eq!(subject(&sign_in(&mut workers[0], address, "ada", "ada-secret")), "ada");
    for number in 0..4 {
        let worker = &mut workers[number % WORKERS as usize];
        assert_wrong(&sign_in(worker, address, "ada", &format!("once more {number}")));
    }
    assert_eq!(subject(&sign_in(&mut workers[0], address, "ada", "ada-secret")), "ada");
}

/// Each worker is asked as fast as it answers, for an account that there is and for one that there is not.
#[track_caller]
fn assert_guesses_at_once_count(envoy: &Envoy, workers: &mut [Connection]) {
    for account in ["ada", "nobody"] {
        let before = hashes(envoy);
        let wrong: usize = thread::scope(|scope| {
            let guessing: Vec<_> = (0..)
                .zip(workers.iter_mut())
                .map(|(worker, connection)| scope.spawn(move || guess_often(connection, account, worker)))
                .collect();
            guessing
                .into_iter()
                .map(|guesser| guesser.join().expect("all were answered"))
                .sum()
        });
        // When the fifth was counted, each other worker may have begun with one more.
        assert!((5..5 + workers.len()).contains(&wrong), "{wrong} guesses of {account}");
        assert_eq!(hashes(envoy), before + wrong as u64);
    }
}

/// How many of ten guesses were found to be wrong; the others were put off.
fn guess_often(connection: &mut Connection, account: &str, worker: usize) -> usize {
    let answers = (0..10).map(|number| sign_in(connection, "203.0.113.7", account, &format!("{worker} {number}")));
    answers
        .filter(|answer| {
            if answer.status == 401 {
                return true;
            }
            assert_put_off(answer, 1..=900);
            false
        })
        .count()
}

/// Puts a configuration that differs in its expiration in force on each worker.
#[track_caller]
fn put_in_force(envoy: &mut Envoy, workers: &mut [Connection], config: &mut Value, expiration: usize) {
    config["token"]["expiration"] = json!(expiration);
    assert_eq!(envoy.swap_config(config), Swap::Taken);
    let anonymous = raw::head("GET", "/token?service=registry", &[]);
    for worker in workers {
        process::wait_until("the new configuration on each worker", LIMIT, || {
            worker.send(anonymous.as_bytes());
            let answer = worker.answer().expect("the connection stays open");
            (answer.json()["expires_in"] == expiration).then_some(())
        });
    }
}
