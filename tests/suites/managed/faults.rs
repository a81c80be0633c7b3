//! The real program, killed, stopped, hanging and started again; and clusters that lead nowhere.

use std::thread;
use std::time::Instant;

use registry_auth_tests::http::upstream::Upstream;
use registry_auth_tests::sidecar::{Running, Site};

use crate::*;

/// So many at a time: the program runs so many programs, and has as many wait.
const AT_ONCE: usize = 50;

/// What is held is answered within three seconds; what takes longer to start need not find it waiting.
const IN_TIME: Duration = Duration::from_secs(2);

fn site() -> Site {
    let site = Site::new(&config_with_program());
    site.write_program("auth.sh", AUTH);
    site
}

#[track_caller]
fn assert_next_is_answered(proxy: &mut Proxy, after: &str) {
    let account = fresh("next", 1).remove(0);
    let answer = ask_rightly(&proxy.envoy, &account);
    assert_granted(&answer, &account, &json!({"blue/app": ["pull"]}), after);
    proxy.assert_at_rest(after);
}

/// Asks as many accounts about whom the program must be asked, who are told that nobody can be, while ada is served.
#[track_caller]
fn assert_unavailable(proxy: &Proxy, when: &str) {
    for _ in 0..requests() / AT_ONCE {
        let requests: Vec<_> = fresh("unavailable", AT_ONCE)
            .iter()
            .map(|account| get_rightly(account))
            .collect();
        let waiting = send_all(proxy.port(), &requests);
        for _ in 0..AT_ONCE {
            assert_granted(&ask_as_ada(&proxy.envoy), "ada", &json!({"ada/app": ["push"]}), when);
        }
        for mut connection in waiting {
            let answer = connection.answer().unwrap_or_else(|| panic!("{when}: no answer"));
            assert_error(&answer, 503, "UNAVAILABLE");
        }
    }
}

#[test]
fn while_the_program_is_away_static_users_are_served_and_it_is_asked_again_once_it_is_there() {
    let site = site();
    let program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));
    assert_next_is_answered(&mut proxy, "the start");

    program.hang();
    assert_unavailable(&proxy, "it hangs");
    program.go_on();
    assert_next_is_answered(&mut proxy, "it hung");

    program.kill();
    assert_unavailable(&proxy, "it is killed");
    let program = site.start();
    assert_next_is_answered(&mut proxy, "it was killed");

    assert!(program.stop().success());
    assert_unavailable(&proxy, "it has stopped");
    let _program = site.start();
    assert_next_is_answered(&mut proxy, "it had stopped");
}

#[test]
fn what_comes_while_the_program_restarts_is_held_and_answered() {
    let site = site();
    let mut program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()));
    for round in 0..requests() / AT_ONCE {
        for end in [Running::kill, |running: Running| assert!(running.stop().success())] {
            end(program);
            let begun = Instant::now();
            let accounts = fresh("held", AT_ONCE);
            let requests: Vec<_> = accounts.iter().map(|account| get_rightly(account)).collect();
            let connections = send_all(proxy.port(), &requests);
            program = site.start();
            let in_time = begun.elapsed() < IN_TIME;
            for (mut connection, account) in connections.into_iter().zip(&accounts) {
                let answer = connection.answer().expect("an answer");
                if in_time || answer.status != 503 {
                    assert_granted(
                        &answer,
                        account,
                        &json!({"blue/app": ["pull"]}),
                        &format!("round {round}"),
                    );
                }
            }
            assert_next_is_answered(&mut proxy, "a restart");
        }
    }
}

#[test]
fn no_request_is_lost_to_restarts_under_load() {
    let site = site();
    let mut program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()).concurrency(2));
    let connections: Vec<_> = proxy.envoy.connections(1).into_iter().flatten().collect();
    let answered: Vec<_> = connections.iter().map(|_| AtomicUsize::new(0)).collect();
    let (stop, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut started_in_time = true;
    // It outlives the clients, who ask once more after the last round.
    let _program = thread::scope(|scope| {
        let over = Stop(&stop);
        for (mut client, answered) in connections.into_iter().zip(&answered) {
            let (stop, refused) = (&stop, &refused);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let account = fresh("loaded", 1).remove(0);
                    client.send(&get_rightly(&account));
                    let answer = client.answer().expect("the connection stays open");
                    if answer.status == 503 {
                        refused.fetch_add(1, Ordering::Relaxed);
                    } else {
                        assert_granted(&answer, &account, &json!({"blue/app": ["pull"]}), "under load");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let count = || {
            answered
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
                .collect::<Vec<_>>()
        };
        for round in 0..soak::times(6) {
            let begun = Instant::now();
            if round % 2 == 0 {
                program.kill();
            } else {
                assert!(program.stop().success());
            }
            program = site.start();
            started_in_time &= begun.elapsed() < IN_TIME;
            // Each of them: nobody is held over two restarts.
            let before = count();
            program.wait_until("all clients are answered again", |_| {
                let more = count().iter().zip(&before).all(|(now, before)| *now >= before + 5);
                more.then_some(())
            });
        }
        drop(over);
        program
    });
    if started_in_time {
        assert_eq!(refused.into_inner(), 0, "requests were lost");
    }
    proxy.assert_at_rest("restarts");
}

#[test]
fn a_cluster_that_leads_nowhere_opens_nothing() {
    let registry = Upstream::start();
    let nowhere = std::path::Path::new("/nonexistent/filter.sock");
    let setup = || Envoy::managed(nowhere).registry(registry.port());
    for (what, setup) in [
        ("there is no such cluster", setup().plugin("cluster", "nobody")),
        ("nobody is in the cluster", setup().sockets(&[])),
        ("there is no such socket", setup()),
    ] {
        let mut envoy = setup.start();
        let before = vms(&envoy);
        let mut sent: Vec<_> = fresh("nowhere", requests())
            .iter()
            .map(|account| get_rightly(account))
            .collect();
        sent.push(get("", "", "repository:public/app:pull"));
        sent.push(raw::head("GET", "/v2/", &[]).into_bytes());
        sent.push(raw::head("POST", "/v2/app/blobs/uploads/", &[("content-length", "0")]).into_bytes());
        for mut connection in send_all(envoy.port(), &sent) {
            let answer = connection.answer().unwrap_or_else(|| panic!("{what}: no answer"));
            assert_error(&answer, 503, "UNAVAILABLE");
        }
        assert_at_rest(&mut envoy, what);
        assert_eq!(vms(&envoy), before, "{what}");
        assert!(envoy.log().contains(AWAY), "{what}: {}", envoy.log());
    }
    assert_eq!(registry.received(), "", "the registry is behind a closed door");
}

#[test]
fn whoever_starts_first_the_other_one_is_found() {
    let site = site();
    let registry = Upstream::start();
    let mut envoy = Envoy::managed(&site.socket()).registry(registry.port()).start();
    envoy.wait_until("the program is missed", |envoy| {
        envoy.log().contains(AWAY).then_some(())
    });
    let _program = site.start();
    let answer = envoy.wait_until("ada is served", |envoy| {
        Some(ask_as_ada(envoy)).filter(|answer| answer.status == 200)
    });
    assert_granted(&answer, "ada", &json!({"ada/app": ["push"]}), "the program came");
    assert_eq!(
        http::get(&format!("{}/v2/", envoy.url()), &[]).status,
        200,
        "the registry's own answer"
    );
    assert_at_rest(&mut envoy, "the program came");
}
