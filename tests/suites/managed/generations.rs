//! Which of two configurations is the newer one, when clocks, files and programs disagree.

use registry_auth_tests::process;
use registry_auth_tests::sidecar::{Call, Site};

use crate::*;

/// What the last configuration but one was loaded under, in milliseconds since the epoch.
const NUMBER: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;

/// Tokens expire after so many seconds, by which configurations are told apart.
fn expiring(seconds: u64) -> Value {
    let mut config = config();
    config["token"]["expiration"] = json!(seconds);
    config
}

#[track_caller]
fn expiration(envoy: &Envoy) -> u64 {
    let answer = ask_as_ada(envoy);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["expires_in"].as_u64().expect("a number of seconds")
}

#[track_caller]
fn wait_for_expiration(envoy: &mut Envoy, seconds: u64) {
    envoy.wait_until(&format!("tokens for {seconds} s"), |envoy| {
        (expiration(envoy) == seconds).then_some(())
    });
}

fn generation(envoy: &Envoy) -> u64 {
    envoy.counter("wasmcustom.registry_auth.configuration.generation")
}

/// Ours asks often, so that a test need not wait.
fn asking_often(socket: &std::path::Path) -> Setup {
    Envoy::managed(socket).plugin("poll_interval", "1s")
}

#[test]
fn an_older_file_is_put_back_and_counts_as_new() {
    let site = Site::new(&expiring(900));
    let _program = site.start();
    let mut proxy = Proxy::start(asking_often(&site.socket()));
    let mut last = generation(&proxy.envoy);
    assert!(last > 1_700_000_000_000, "milliseconds since the epoch: {last}");
    for seconds in [901, 900, 901] {
        site.configure(&expiring(seconds));
        wait_for_expiration(&mut proxy.envoy, seconds);
        proxy
            .envoy
            .wait_until("a higher number", |envoy| (generation(envoy) > last).then_some(()));
        last = generation(&proxy.envoy);
    }
    proxy.assert_at_rest("two steps back");
}

#[test]
fn a_restart_with_the_same_file_is_no_change() {
    let site = Site::new(&expiring(900));
    let program = site.start();
    let mut proxy = Proxy::start(asking_often(&site.socket()));
    let taken = "wasmcustom.registry_auth.configurations.result.taken";
    let before = proxy.envoy.counter(taken);
    assert!(before > 0, "Envoy counts configurations under another name");
    drop(program);
    let mut program = site.start();
    let both = |program: &registry_auth_tests::sidecar::Running| {
        // The worker's and the main thread's.
        (program.metric("registry_auth_hanging_gets") >= 2).then_some(())
    };
    program.wait_until("both wait for the next configuration again", both);
    assert_eq!(proxy.envoy.counter(taken), before);
    site.configure(&expiring(901));
    wait_for_expiration(&mut proxy.envoy, 901);
    proxy.assert_at_rest("a restart");
}

#[test]
fn a_clock_an_hour_back_holds_up_the_other_content_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let socket = folder.path().join("filter.sock");
    let stand_in = StandIn::start(&socket, &expiring(900), NUMBER);
    let mut proxy = Proxy::start(asking_often(&socket).http1_to_the_program());
    wait_for_expiration(&mut proxy.envoy, 900);

    // It restarts, and what it says is the same under a number of an hour ago: that one counts from now on.
    drop(stand_in);
    let stand_in = StandIn::start(&socket, &expiring(900), NUMBER - HOUR);
    stand_in.wait_until_asked(Call::Config, 2);
    stand_in.configure(&expiring(901), NUMBER - HOUR + 1);
    // Whether it was told the old number again or not, it asks with the tag it has: then nothing tells it of the number.
    stand_in.configure(&expiring(902), NUMBER + 1);
    wait_for_expiration(&mut proxy.envoy, 902);

    // It restarts with another file while the clock is an hour back: refused, and told.
    drop(stand_in);
    let stand_in = StandIn::start(&socket, &expiring(903), NUMBER - HOUR);
    let told = "is older than the one in force";
    proxy
        .envoy
        .wait_until(told, |envoy| envoy.log().contains(told).then_some(()));
    stand_in.wait_until_asked(Call::Config, 6);
    assert_eq!(expiration(&proxy.envoy), 902);
    assert_eq!(generation(&proxy.envoy), NUMBER + 1);
    proxy.assert_at_rest("an older one");

    if soak::times(1) > 1 {
        // For a minute; then it is meant.
        process::wait_until("the older one is taken after all", Duration::from_secs(90), || {
            (expiration(&proxy.envoy) == 903).then_some(())
        });
        assert!(proxy.envoy.log().contains("it is taken"), "{}", proxy.envoy.log());
        return;
    }
    // Whoever corrects the clock need not wait for the minute.
    stand_in.configure(&expiring(904), NUMBER + HOUR);
    wait_for_expiration(&mut proxy.envoy, 904);
    proxy.assert_at_rest("the clock is right again");
}

#[test]
fn of_two_programs_the_one_that_lags_behind_takes_nothing_back() {
    let [ahead, behind] = [expiring(900), expiring(900)].map(|config| Site::new(&config));
    let mut programs = [&ahead, &behind].map(Site::start);
    let sockets = [ahead.socket(), behind.socket()];
    let setup = asking_often(&sockets[0]).sockets(&[&sockets[0], &sockets[1]]);
    let mut proxy = Proxy::start(setup.concurrency(2));
    let taken = |seconds: u64| {
        move |answer: &Response| (answer.status == 200 && answer.json()["expires_in"] == seconds).then_some(())
    };
    let mut workers: Vec<_> = proxy.envoy.connections(1).into_iter().flatten().collect();
    let request = get("ada", "ada-secret", "repository:ada/app:push");
    let mut wait = |seconds: u64| {
        for worker in &mut workers {
            process::wait_until("all workers have it", SOON * 4, || {
                worker.send(&request);
                taken(seconds)(&worker.answer().expect("the connection stays open"))
            });
        }
    };
    ahead.configure(&expiring(901));
    wait(901);
    // The other one is asked as often, and never heeded.
    let is_heard = |program: &registry_auth_tests::sidecar::Running| {
        (program.metric(r#"registry_auth_calls_total{kind="config",result="sent"}"#) > 0).then_some(())
    };
    let _ = is_heard;
    for worker in &mut workers {
        for _ in 0..50 {
            worker.send(&request);
            let answer = worker.answer().expect("the connection stays open");
            assert!(taken(901)(&answer).is_some(), "{}", answer.text());
        }
    }
    // It catches up, then goes ahead itself.
    behind.configure(&expiring(901));
    behind.configure(&expiring(902));
    programs[1].wait_until("it has the next one", |program| {
        (program.metric(r#"registry_auth_reloads_total{result="taken"}"#) > 0).then_some(())
    });
    let mut wait = |seconds: u64| {
        for worker in &mut workers {
            process::wait_until("all workers have it", SOON * 4, || {
                worker.send(&request);
                taken(seconds)(&worker.answer().expect("the connection stays open"))
            });
        }
    };
    wait(902);
    proxy.assert_at_rest("two programs");
}
