//! Clients that send bodies, many at once, or leave, while somebody else is asked: each gets its own account's token.

use std::thread;

use registry_auth_tests::http::h2::{self, Stream};
use registry_auth_tests::sidecar::{Answers, Call};

use crate::*;

/// As many as a connection may have.
const STREAMS: usize = 100;
/// Every third client leaves.
const LEAVING: usize = 3;

/// What may come and go in Envoy's memory, in bytes.
const NOISE: u64 = 8 << 20;

struct Target {
    folder: tempfile::TempDir,
    stand_in: StandIn,
}

impl Target {
    #[track_caller]
    fn new(config: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let stand_in = StandIn::start(&folder.path().join("filter.sock"), config, 1_700_000_000_000);
        Self { folder, stand_in }
    }

    fn setup(&self) -> Setup {
        Envoy::managed(&self.folder.path().join("filter.sock")).http1_to_the_program()
    }
}

fn form(account: &str, password: &str) -> String {
    format!(
        "grant_type=password&service=registry&client_id=test&username={account}&password={password}\
         &scope=repository:blue/app:pull"
    )
}

const KIND: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A request of this account as one stream: by GET, or by POST with its body in pieces.
fn stream(number: usize, account: &str, password: &str) -> Stream {
    if number.is_multiple_of(2) {
        return Stream::new("GET", "/token?service=registry&scope=repository:blue/app:pull")
            .header("authorization", &http::basic(account, password));
    }
    let form = form(account, password);
    let (one, other) = form.as_bytes().split_at(form.len() / 2);
    Stream::new("POST", "/token")
        .header(KIND.0, KIND.1)
        .piece(one)
        .piece(other)
}

/// Streams of these accounts on one connection, of which every third one is given up. Answers to the others.
#[track_caller]
fn send_some_leaving(port: u16, accounts: &[String], password: impl Fn(&str) -> String) -> Vec<Option<Response>> {
    let streams: Vec<_> = accounts
        .iter()
        .enumerate()
        .map(|(number, account)| {
            let stream = stream(number, account, &password(account));
            if number.is_multiple_of(LEAVING) {
                stream.reset()
            } else {
                stream
            }
        })
        .collect();
    h2::send(port, &streams)
}

/// Whether each that stayed has its own token; with `unless` a refusal is one of these too.
#[track_caller]
fn assert_own(accounts: &[String], answers: Vec<Option<Response>>, granted: &Value) {
    for (number, (account, answer)) in accounts.iter().zip(answers).enumerate() {
        match answer {
            Some(answer) => assert_granted(&answer, account, granted, "one of many"),
            None => assert!(number.is_multiple_of(LEAVING), "{account} has no answer"),
        }
    }
}

#[test]
fn clients_leave_among_a_thousand_that_wait_for_the_first_configuration() {
    let accounts: Vec<_> = (0..1_000).map(|number| format!("held-{number}")).collect();
    let mut config = config();
    for account in &accounts {
        config["users"][account] = json!({"password": keys::ADA_SECRET_SHA256});
    }
    config["acl"] = json!([{"match": {"name": "blue/*"}, "actions": ["pull"]}]);
    let target = Target::new(&config);
    target.stand_in.answer(Call::Config, Answers::Later);
    let mut envoy = target.setup().start();
    target.stand_in.wait_until_asked(Call::Config, 2);
    let port = envoy.port();
    thread::scope(|scope| {
        let sending: Vec<_> = accounts
            .chunks(STREAMS)
            .map(|accounts| {
                scope.spawn(move || {
                    let answers = send_some_leaving(port, accounts, |_| "ada-secret".to_owned());
                    assert_own(accounts, answers, &json!({"blue/app": ["pull"]}));
                })
            })
            .collect();
        let stayed = accounts
            .chunks(STREAMS)
            .map(|chunk| chunk.len() - chunk.len().div_ceil(LEAVING))
            .sum::<usize>();
        envoy.wait_until("all wait", |envoy| {
            (envoy.counter("wasmcustom.registry_auth.waiting") >= stayed as u64).then_some(())
        });
        target.stand_in.answer(Call::Config, Answers::Rightly);
        for client in sending {
            client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    assert_at_rest(&mut envoy, "a thousand held");
}

#[test]
fn clients_leave_among_many_that_are_asked_about() {
    let target = Target::new(&config());
    let mut proxy = Proxy::start(target.setup());
    let port = proxy.port();
    let mut memory = Vec::new();
    for _ in 0..(requests() / 25).max(4) {
        target.stand_in.answer(Call::Decide, Answers::Later);
        let before = target.stand_in.asked(Call::Decide);
        let accounts = fresh("asked", 2 * STREAMS);
        // A third leaves at once; of these on connections of their own all do, when they are asked about.
        let leavers: Vec<_> = fresh("leaving", 40)
            .iter()
            .map(|account| get_rightly(account))
            .collect();
        let leavers = send_all(port, &leavers);
        target.stand_in.wait_until_asked(Call::Decide, before + 40);
        thread::scope(|scope| {
            for accounts in accounts.chunks(STREAMS) {
                scope.spawn(move || {
                    let answers = send_some_leaving(port, accounts, StandIn::password);
                    assert_own(accounts, answers, &json!({"blue/app": ["pull"]}));
                });
            }
            for (number, leaver) in leavers.into_iter().enumerate() {
                if number.is_multiple_of(2) {
                    drop(leaver);
                } else {
                    leaver.reset();
                }
            }
            let stayed = 2 * (STREAMS - STREAMS.div_ceil(LEAVING));
            target.stand_in.wait_until_asked(Call::Decide, before + 40 + stayed);
            target.stand_in.answer(Call::Decide, Answers::Rightly);
        });
        proxy.assert_at_rest("leaving");
        memory.push(proxy.envoy.resident_bytes());
    }
    let (warm, last) = (memory[1], memory[memory.len() - 1]);
    assert!(last <= warm + NOISE, "from {warm} bytes to {last}: {memory:?}");
}

#[test]
fn bodies_come_before_somebody_is_asked_and_before_there_is_a_configuration() {
    let target = Target::new(&config());
    target.stand_in.answer(Call::Config, Answers::Later);
    let mut envoy = target.setup().start();
    target.stand_in.wait_until_asked(Call::Config, 2);
    let post = |account: &str| {
        let form = form(account, &StandIn::password(account));
        let head = raw::head("POST", "/token", &[KIND, ("content-length", &form.len().to_string())]);
        (head, form)
    };
    // Whole, in single bytes, and half of it before there is a configuration.
    let accounts = ["whole", "bytewise", "halved"];
    let mut clients: Vec<_> = accounts
        .iter()
        .map(|account| {
            let (head, form) = post(account);
            let mut client = Connection::open(envoy.port());
            client.send(head.as_bytes());
            match *account {
                "whole" => client.send(form.as_bytes()),
                "bytewise" => client.send_one_by_one(form.as_bytes()),
                _ => client.send(&form.as_bytes()[..20]),
            }
            client
        })
        .collect();
    envoy.wait_until("all wait", |envoy| {
        (envoy.counter("wasmcustom.registry_auth.waiting") == accounts.len() as u64).then_some(())
    });
    target.stand_in.answer(Call::Config, Answers::Rightly);
    for client in clients.iter_mut().take(2).zip(accounts) {
        let answer = client.0.answer().expect("an answer");
        assert_granted(
            &answer,
            client.1,
            &json!({"blue/app": ["pull"]}),
            "a body before the configuration",
        );
    }
    clients[2].send(&post("halved").1.as_bytes()[20..]);
    let answer = clients[2].answer().expect("an answer");
    assert_granted(
        &answer,
        "halved",
        &json!({"blue/app": ["pull"]}),
        "half a body before the configuration",
    );

    for account in fresh("posted", requests()) {
        let (head, form) = post(&account);
        let mut client = Connection::open(envoy.port());
        client.send(head.as_bytes());
        client.send(&form.as_bytes()[..10]);
        client.send(&form.as_bytes()[10..]);
        let answer = client.answer().expect("an answer");
        assert_granted(
            &answer,
            &account,
            &json!({"blue/app": ["pull"]}),
            "a body, then the question",
        );
        assert_eq!(answer.json()["scope"], "repository:blue/app:pull", "{}", answer.text());
    }
    assert_at_rest(&mut envoy, "bodies");
}
