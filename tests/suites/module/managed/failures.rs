use registry_auth_tests::module::Clusters;

use super::*;

const ASK: &str = "/token?service=registry&scope=repository:eve/app:pull,push";

/// Each kind of answer that is none, and that a program which restarts may give.
fn broken() -> Vec<(&'static str, u32, Vec<u8>)> {
    let whole = decided("eve", &[&["pull"]]).to_string().into_bytes();
    vec![
        (
            "503 by the proxy",
            503,
            b"upstream connect error or disconnect/reset before headers".to_vec(),
        ),
        ("500", 500, b"{}".to_vec()),
        ("204", 204, Vec::new()),
        ("301", 301, Vec::new()),
        ("a page", 200, b"<html><body>hello</body></html>".to_vec()),
        ("truncated", 200, whole[..whole.len() - 5].to_vec()),
        ("nothing", 200, Vec::new()),
        ("another question's answer", 200, b"{\"fits\": true}".to_vec()),
        ("too few grants", 200, decided("eve", &[]).to_string().into_bytes()),
        (
            "too many grants",
            200,
            decided("eve", &[&["pull"], &["pull"]]).to_string().into_bytes(),
        ),
        (
            "a name that is none",
            200,
            decided("e\nve", &[&["pull"]]).to_string().into_bytes(),
        ),
        ("50 MB", 200, vec![b' '; 50 << 20]),
    ]
}

#[test]
fn a_broken_answer_is_asked_for_again_and_the_next_good_one_counts() {
    for (name, status, body) in broken() {
        let mut module = following(&config(), ALL);
        let stream = held(&mut module, sign_in("eve", "pw"));
        let call = question(&module);
        module.answer(call.id, status, &[], &body);
        assert_eq!(module.outcome(stream), Outcome::Paused, "{name}");
        assert!(questions(&module).is_empty(), "{name}");
        after(&mut module, milliseconds(249));
        assert!(questions(&module).is_empty(), "{name}");
        after(&mut module, milliseconds(1));
        let call = question(&module);
        answer(&mut module, &call, &decided("eve", &[&["pull"]]));
        assert_eq!(claims(&module.reply(stream))["sub"], "eve", "{name}");
        assert_at_rest(&mut module);
    }
}

#[test]
fn what_stays_broken_is_503_after_three_seconds() {
    for (name, status, body) in broken() {
        let mut module = following(&config(), ALL);
        let stream = held(&mut module, sign_in("eve", "pw"));
        let mut asked = 0;
        for _ in 0..30 {
            for call in questions(&module) {
                module.answer(call.id, status, &[], &body);
                asked += 1;
            }
            assert_eq!(module.outcome(stream), Outcome::Paused, "{name}");
            after(&mut module, milliseconds(100));
        }
        let reply = module.reply(stream);
        assert_error(&reply, 503, "UNAVAILABLE");
        assert!(reply.header("retry-after").is_some());
        let record: Value = serde_json::from_str(reply.filter_state("registry_auth_audit").unwrap()).unwrap();
        assert_eq!(record["result"], "unavailable");
        assert!((8..=13).contains(&asked), "{name}: asked {asked} times");
        assert_eq!(module.counter("registry_auth.token_requests.result.issued"), 0);
        assert_at_rest(&mut module);
    }
}

#[test]
fn connections_that_break_and_answers_that_never_come() {
    let mut module = following(&config(), ALL);
    let stream = held(&mut module, sign_in("eve", "pw"));
    let call = question(&module);
    module.fail(call.id);
    assert_eq!(module.outcome(stream), Outcome::Paused);
    after(&mut module, milliseconds(250));
    let call = question(&module);
    // Envoy says nothing either: the filter has a time of its own.
    after(&mut module, milliseconds(2_999));
    assert_eq!(module.outcome(stream), Outcome::Paused);
    after(&mut module, milliseconds(1));
    assert_error(&module.reply(stream), 503, "UNAVAILABLE");
    assert_eq!(module.counter("registry_auth.callouts.in_flight"), 0);
    assert_eq!(module.counter("registry_auth.callouts.of.decide.result.timed_out"), 1);
    answer(&mut module, &call, &decided("eve", &[&["pull"]]));
    assert_at_rest(&mut module);

    let stream = held(&mut module, sign_in("eve", "pw"));
    let call = question(&module);
    module.advance(seconds(3));
    module.time_out(call.id);
    assert_error(&module.reply(stream), 503, "UNAVAILABLE");
    assert_at_rest(&mut module);
}

#[test]
fn a_back_end_that_is_down_and_a_question_that_is_not_taken_are_503_at_once() {
    for (status, body) in [
        (503, r#"{"backend": "ldap_auth\n"}"#),
        (400, "version 1 of the wire is not known here"),
        (401, ""),
        (413, ""),
    ] {
        let mut module = following(&config(), ALL);
        let stream = held(&mut module, sign_in("eve", "pw"));
        let call = question(&module);
        module.answer(call.id, status, &[], body);
        assert_error(&module.reply(stream), 503, "UNAVAILABLE");
        assert_at_rest(&mut module);
        assert_eq!(module.counter("registry_auth.brakes"), 0);
    }
}

#[test]
fn a_cluster_that_is_missing_or_empty_is_waited_for() {
    for clusters in [Clusters::Missing, Clusters::Empty] {
        let mut module = following(&config(), ALL);
        module.set_clusters(clusters);
        let stream = held(&mut module, sign_in("eve", "pw"));
        let lost = held(&mut module, sign_in("eve", "pw2"));
        assert_eq!(module.counter("registry_auth.waiting"), 2);
        after(&mut module, milliseconds(250));
        module.drop_stream(lost);
        module.set_clusters(Clusters::Up);
        after(&mut module, milliseconds(250));
        let call = question(&module);
        answer(&mut module, &call, &decided("eve", &[&["pull"]]));
        assert_eq!(module.reply(stream).status, 200);
        assert_at_rest(&mut module);
        // The configuration comes that way too.
        module.set_clusters(clusters);
        let call = fetch(&mut module);
        module.fail(call.id);
        for _ in 0..5 {
            after(&mut module, seconds(5));
        }
        module.set_clusters(Clusters::Up);
        after(&mut module, seconds(5));
        give(&mut module, &written(&config(), ALL, FIRST + 1));
        assert_eq!(module.counter("registry_auth.configuration.generation"), FIRST + 1);
    }
}

#[test]
fn static_users_are_served_at_full_speed_while_nobody_is_there() {
    let mut module = following(&config(), ALL);
    let call = fetch(&mut module);
    module.fail(call.id);
    module.set_clusters(Clusters::Missing);
    let waits = held(&mut module, sign_in("eve", "pw"));
    for _ in 0..3 {
        let reply = module
            .get("/token?service=r&scope=repository:ada/app:pull")
            .basic("ada", "ada-secret")
            .send();
        assert_eq!(granted(&reply), json!({"ada/app": ["pull"]}));
        after(&mut module, seconds(1));
    }
    assert_eq!(module.reply(waits).status, 503);
    assert_at_rest(&mut module);
}

#[test]
fn beyond_256_calls_in_flight_others_are_503_at_once() {
    let mut module = following(&config(), ALL);
    let streams: Vec<Stream> = (0..256)
        .map(|n| held(&mut module, sign_in(&format!("eve{n}"), "pw")))
        .collect();
    assert_eq!(module.counter("registry_auth.callouts.in_flight"), 256);
    assert_error(&module.get(ASK).basic("eve", "pw").send(), 503, "UNAVAILABLE");
    let static_user = module
        .get("/token?service=r&scope=repository:ada/app:pull")
        .basic("ada", "ada-secret")
        .send();
    assert_eq!(static_user.status, 200);
    for (stream, call) in streams.into_iter().zip(questions(&module)) {
        let account = call.json()["who"]["password"]["account"].as_str().unwrap().to_owned();
        answer(&mut module, &call, &decided(&account, &[&["pull"]]));
        assert_eq!(claims(&module.reply(stream))["sub"], *account);
    }
    assert_at_rest(&mut module);
}

#[test]
fn who_leaves_is_forgotten_and_the_answer_to_them_reaches_nobody() {
    let mut module = following(&config(), ALL);
    let (gone, stays) = (
        held(&mut module, sign_in("eve", "pw")),
        held(&mut module, sign_in("bob", "pw")),
    );
    let [first, second] = &questions(&module)[..] else {
        panic!("two questions")
    };
    let (first, second) = (first.clone(), second.clone());
    module.drop_stream(gone);
    assert_eq!(module.counter("registry_auth.callouts.in_flight"), 1);
    answer(&mut module, &first, &decided("eve", &[&["pull"]]));
    assert_eq!(module.outcome(stays), Outcome::Paused);
    answer(&mut module, &second, &decided("bob", &[&["pull"]]));
    assert_eq!(claims(&module.reply(stays))["sub"], "bob");
    assert_eq!(module.counter("registry_auth.callouts.of.decide.result.given_up"), 1);
    assert_at_rest(&mut module);
}

#[test]
fn fifty_requests_of_each_kind_leave_nothing_behind() {
    let mut module = following(&config(), ALL);
    let round = |module: &mut Module| {
        for (_, status, body) in broken() {
            if body.len() > 1 << 20 {
                continue;
            }
            let streams: Vec<Stream> = (0..50)
                .map(|n| held(module, sign_in(&format!("eve{n}"), "pw")))
                .collect();
            for (n, call) in questions(module).into_iter().enumerate() {
                match n % 3 {
                    0 => module.answer(call.id, status, &[], &body),
                    1 => module.fail(call.id),
                    _ => {}
                }
            }
            for stream in streams.iter().step_by(4) {
                module.drop_stream(*stream);
            }
            after(module, seconds(4));
            after(module, milliseconds(250));
            for call in questions(module) {
                module.fail(call.id);
            }
            after(module, seconds(4));
            assert_at_rest(module);
        }
    };
    round(&mut module);
    let memory = module.memory_bytes();
    round(&mut module);
    round(&mut module);
    assert!(module.memory_bytes() <= memory + (128 << 10));
    let stream = held(&mut module, sign_in("eve", "pw"));
    let call = question(&module);
    answer(&mut module, &call, &decided("eve", &[&["pull"]]));
    assert_eq!(module.reply(stream).status, 200);
    assert!(module.faults().is_empty());
}
