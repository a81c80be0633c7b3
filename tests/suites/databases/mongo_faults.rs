//! `mongo_auth`: a server that is away, comes back, or hangs.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use registry_auth_tests::databases::Mongo;
use registry_auth_tests::stop::{Recoveries, Stop};

use super::mongo::{Site, account, config_of, section};
use crate::*;

/// Waits until grace is let in.
#[track_caller]
fn assert_recovers(program: &Sidecar) {
    process::wait_until("grace is let in", SOON, || {
        (status(program, "grace", "secret") == 200).then_some(())
    });
}

/// Those whom only the database could know get a 503, and nobody a wrong answer.
#[track_caller]
fn assert_away(program: &Sidecar) {
    for account in ["grace", "nobody"] {
        let answer = ask(program, account, "secret", "any:pull");
        assert_eq!(answer.status, 503, "{account}");
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    assert_eq!(status(program, "ada", "ada-secret"), 200);
    assert_eq!(status(program, "ada", "wrong"), 401);
}

#[test]
fn one_that_is_stopped_and_started_again_under_load_is_asked_again_and_never_answers_wrongly() {
    let mut site = Site::start();
    site.users().insert(&account("grace", "secret"));
    let Site { server, program } = &mut site;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = Stop(&is_over);
        for (name, password, right) in [
            ("grace", "secret", 200),
            ("grace", "wrong", 401),
            ("nobody", "secret", 401),
        ] {
            let (program, is_over) = (&*program, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let status = status(program, name, password);
                    assert!(status == right || status == 503, "{name} {password}: {status}");
                }
            });
        }
        let mut recoveries = Recoveries::of("MongoDB");
        for _ in 0..soak::times(2) {
            assert_recovers(program);
            server.stop();
            assert_away(program);
            server.start_again();
            recoveries.time(|| assert_recovers(program));
        }
    });
    // The kept connections are all dead now, and nobody is to notice.
    server.stop();
    server.start_again();
    assert_eq!(status(program, "grace", "secret"), 200, "{}", program.log());
}

#[test]
fn one_that_is_down_at_the_start_is_asked_when_it_is_there() {
    let mut server = Mongo::start();
    server.collection("users").insert(&account("grace", "secret"));
    server.stop();
    let program = Sidecar::serve(&config_of(&section(&server.dial_info())));
    process::wait_until("the log says that it is away", SOON, || {
        program.log().contains("back-end is down").then_some(())
    });
    assert!(program.log().contains("could not be connected to"), "{}", program.log());
    assert_away(&program);
    server.start_again();
    assert_recovers(&program);
    assert_eq!(server.collection("users").unique_fields(), ["username"]);
}

#[test]
fn one_that_hangs_holds_up_nobody_for_longer_than_is_said() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut section = section(&json!({"addrs": [address], "database": "accounts"}));
    section["timeout"] = json!("1s");
    let program = Sidecar::serve(&config_of(&section));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(status(&program, "grace", "secret"), 503));
        }
        scope.spawn(|| assert_eq!(status(&program, "ada", "ada-secret"), 200));
    });
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(program.log().contains("mongo_auth"), "{}", program.log());
}

#[test]
fn of_several_servers_one_is_enough() {
    let server = Mongo::start();
    server.collection("users").insert(&account("grace", "secret"));
    let mut dial_info = server.dial_info();
    dial_info["addrs"] = json!(["127.0.0.1:1", server.address()]);
    let program = Sidecar::serve(&config_of(&section(&dial_info)));
    assert_eq!(status(&program, "grace", "secret"), 200, "{}", program.log());
}
