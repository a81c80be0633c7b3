use super::*;

const ASK: &str = "/token?service=registry&scope=repository:ada/app:pull";

#[track_caller]
fn signs_in(module: &mut Module) {
    let reply = module.get(ASK).basic("ada", "ada-secret").send();
    assert_eq!(granted(&reply), json!({"ada/app": ["pull"]}));
}

#[test]
fn the_first_configuration_is_fetched_at_start_and_the_next_is_waited_for() {
    let mut module = started();
    assert!(
        module.callouts().is_empty(),
        "clusters are not there yet when Envoy starts"
    );
    let call = fetch(&mut module);
    assert_eq!(call.cluster, "registry-auth");
    assert_eq!(
        (call.header(":method"), call.path()),
        ("GET".into(), "/v1/config".into())
    );
    assert_eq!(call.header(":authority"), "registry-auth");
    assert_eq!(
        (call.header("if-none-match"), call.header("x-registry-auth-secret")),
        (String::new(), String::new())
    );

    let sent = written(&config(), NOTHING, FIRST);
    module.answer(call.id, 200, &[], &sent.body);
    signs_in(&mut module);
    let next = fetch(&mut module);
    assert_eq!(next.path(), "/v1/config?wait=25s");
    assert_eq!(next.header("if-none-match"), format!("\"{}\"", sent.etag));
    assert!(next.timeout > seconds(25), "{:?}", next.timeout);
    assert_eq!(module.counter("registry_auth.configuration.generation"), FIRST);
    let hash = u64::from_str_radix(&sent.etag[..8], 16).unwrap();
    assert_eq!(module.counter("registry_auth.configuration.hash"), hash);
    assert_eq!(module.counter("registry_auth.configuration.confirmed"), NOW);
    assert_eq!(module.counter("registry_auth.configurations.result.taken"), 1);
    assert!(errors(&module).is_empty(), "{}", logged(&module));
}

#[test]
fn authority_and_secret_are_sent_as_they_are_set() {
    let config = json!({"managed": {"cluster": "c", "authority": "auth.internal", "secret_env": "FILTER_SECRET"}});
    let mut module = settings(config.clone())
        .env("FILTER_SECRET", "planted-secret\n")
        .start()
        .unwrap();
    let call = fetch(&mut module);
    assert_eq!(call.header(":authority"), "auth.internal");
    assert_eq!(call.header("x-registry-auth-secret"), "planted-secret");
    assert!(!logged(&module).contains("planted-secret"));
    assert!(refusal(settings(config)).contains("managed.secret_env: environment variable `FILTER_SECRET` is not set"));
}

#[test]
fn nothing_else_stands_beside_managed() {
    let mut config = config();
    config["managed"] = json!({"cluster": "c", "clutser": "d"});
    let text = refusal(settings(config));
    for line in [
        "users: stands beside `managed`",
        "acl: stands beside `managed`",
        "token: stands beside `managed`",
        "managed.clutser: unknown key; did you mean `cluster`?",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(settings(plugin()).as_struct().start().is_ok());
}

#[test]
fn a_change_is_in_force_when_it_has_come_and_no_token_of_before_is_handed_out() {
    let mut module = following(&config(), NOTHING);
    let ask = |module: &mut Module| module.get(ASK).basic("ada", "ada-secret").send();
    let before = ask(&mut module);
    let hashes = module.counter("registry_auth.hashes");
    give(
        &mut module,
        &written(&config_with("acl", json!([])), NOTHING, FIRST + 1),
    );
    assert_eq!(granted(&ask(&mut module)), json!({"ada/app": []}));
    give(&mut module, &written(&config(), NOTHING, FIRST + 2));
    let again = ask(&mut module);
    assert_eq!(granted(&again), json!({"ada/app": ["pull"]}));
    assert_ne!(claims(&again)["jti"], claims(&before)["jti"]);
    assert_eq!(
        module.counter("registry_auth.hashes"),
        hashes,
        "passwords are handed on"
    );
    let record: Value = serde_json::from_str(again.filter_state("registry_auth_audit").unwrap()).unwrap();
    assert_eq!(record["generation"], FIRST + 2);
    assert_eq!(record["etag"], written(&config(), NOTHING, 0).etag[..8]);
}

#[test]
fn without_a_change_it_waits_on() {
    let mut module = following(&config(), NOTHING);
    for round in 1..=3 {
        let call = fetch(&mut module);
        module.advance(seconds(25));
        module.answer(call.id, 304, &[], "");
        assert_eq!(fetch(&mut module).path(), "/v1/config?wait=25s");
        assert_eq!(
            module.counter("registry_auth.configuration.confirmed"),
            NOW + 25 * round
        );
    }
    assert_eq!(module.counter("registry_auth.callouts.of.config.result.unchanged"), 3);
    signs_in(&mut module);
}

#[test]
fn who_does_not_hold_the_call_open_is_asked_once_a_second() {
    let mut module = following(&config(), NOTHING);
    for _ in 0..3 {
        let call = fetch(&mut module);
        module.answer(call.id, 304, &[], "");
        after(&mut module, milliseconds(999));
        assert!(fetches(&module).is_empty());
        after(&mut module, milliseconds(1));
        assert_eq!(fetches(&module).len(), 1);
    }
}

#[test]
fn after_a_failure_it_polls_ever_slower_and_comes_back() {
    let mut module = following(&config(), NOTHING);
    let call = fetch(&mut module);
    module.fail(call.id);
    for pause in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
        after(&mut module, milliseconds(pause - 1));
        assert!(fetches(&module).is_empty(), "{pause}");
        after(&mut module, milliseconds(1));
        let call = fetch(&mut module);
        assert_eq!(call.path(), "/v1/config", "the answer is wanted at once");
        assert!(!call.header("if-none-match").is_empty());
        module.answer(call.id, 503, &[], "no healthy upstream");
    }
    signs_in(&mut module);
    assert_eq!(errors(&module).len(), 1, "said once: {}", logged(&module));
    after(&mut module, seconds(5));
    let call = fetch(&mut module);
    module.answer(call.id, 304, &[], "");
    assert_eq!(fetch(&mut module).path(), "/v1/config?wait=25s");
    assert_eq!(errors(&module).len(), 1);
}

#[test]
fn a_call_that_is_never_answered_is_given_up_and_its_late_answer_ignored() {
    let mut module = following(&config(), NOTHING);
    let call = fetch(&mut module);
    after(&mut module, seconds(36));
    after(&mut module, milliseconds(250));
    assert_eq!(fetches(&module).len(), 2, "the host knows both, the filter one");
    let late = written(&config_with("acl", json!([])), NOTHING, FIRST + 5);
    module.answer(call.id, 200, &[], &late.body);
    settle(&mut module);
    signs_in(&mut module);
    assert_eq!(module.counter("registry_auth.callouts.of.config.result.timed_out"), 1);
}

#[test]
fn a_configuration_that_cannot_be_taken_is_named_once_and_the_last_good_one_stays() {
    let mut module = following(&config(), NOTHING);
    let good = written(&config(), NOTHING, FIRST);
    let mut bad = written(&config_with("acl", json!([])), NOTHING, FIRST + 1);
    let text = String::from_utf8(bad.body).unwrap();
    bad.body = text
        .replace("[\"ada\",{", "[\"ada\",{\"shell\":\"/bin/sh\",")
        .into_bytes();
    give(&mut module, &bad);
    let said = errors(&module).join("\n");
    assert!(said.contains("users.ada.shell: unknown key"), "{said}");
    assert!(said.contains(&bad.etag[..8]), "{said}");
    assert_eq!(module.counter("registry_auth.configurations.result.refused"), 1);
    signs_in(&mut module);

    // From now on something else than that is waited for, and it is not complained of again.
    let count = errors(&module).len();
    let call = fetch(&mut module);
    assert_eq!(call.header("if-none-match"), format!("\"{}\"", bad.etag));
    module.advance(seconds(25));
    module.answer(call.id, 304, &[], "");
    let call = fetch(&mut module);
    module.advance(seconds(2));
    module.answer(call.id, 200, &[], &bad.body);
    settle(&mut module);
    assert_eq!(errors(&module).len(), count);
    assert_eq!(
        module.counter("registry_auth.configuration.confirmed"),
        NOW,
        "the one in force is not confirmed"
    );

    give(&mut module, &good);
    assert_eq!(module.counter("registry_auth.configuration.generation"), FIRST);
    after(&mut module, seconds(1));
    give(
        &mut module,
        &written(&config_with("acl", json!([])), NOTHING, FIRST + 2),
    );
    assert_eq!(
        granted(&module.get(ASK).basic("ada", "ada-secret").send()),
        json!({"ada/app": []})
    );
}

#[test]
fn what_is_no_configuration_is_refused_and_the_last_good_one_stays() {
    let good = written(&config(), NOTHING, FIRST + 1);
    let text = String::from_utf8(good.body.clone()).unwrap();
    let another = text.replace("\"version\":1", "\"version\":2").into_bytes();
    let quoted = text.replace(&good.etag, "a\\r\\nb").into_bytes();
    let large = [good.body.clone(), vec![b'x'; 33 << 20]].concat();
    for (status, body, reason) in [
        (
            200,
            b"<html><body>hello</body></html>".to_vec(),
            "does not begin like a configuration",
        ),
        (200, Vec::new(), "does not begin like a configuration"),
        (200, good.body[..100].to_vec(), "does not begin like a configuration"),
        (200, another, "version 2 of the wire"),
        (200, quoted, "its `etag` is none"),
        (200, large, "an answer that is too long"),
        (204, Vec::new(), "status 204"),
        (301, Vec::new(), "status 301"),
        (401, Vec::new(), "set `secret_env`"),
        (500, b"oops".to_vec(), "status 500"),
    ] {
        let mut module = following(&config(), NOTHING);
        let call = fetch(&mut module);
        module.answer(call.id, status, &[], &body);
        settle(&mut module);
        signs_in(&mut module);
        let said = errors(&module).join("\n");
        assert!(
            said.contains(reason) && said.contains("the last one serves on"),
            "{reason} in {said}"
        );
        after(&mut module, seconds(5));
        assert_eq!(fetches(&module).len(), 1, "it goes on");
        assert_at_rest(&mut module);
    }
    // Cut behind its head it is one, with a fault.
    let mut module = following(&config_with("audit", json!("log")), NOTHING);
    let cut = Sent {
        body: good.body[..good.body.len() - 40].to_vec(),
        etag: good.etag,
    };
    give(&mut module, &cut);
    assert!(errors(&module).join("\n").contains("acl"), "{}", logged(&module));
    signs_in(&mut module);
}

#[test]
fn a_first_configuration_that_cannot_be_taken_opens_nothing() {
    let mut module = started();
    let sent = written(&config(), NOTHING, FIRST);
    let text = String::from_utf8(sent.body)
        .unwrap()
        .replace("\"actions\"", "\"actoins\"");
    give(
        &mut module,
        &Sent {
            body: text.into_bytes(),
            etag: sent.etag,
        },
    );
    let stream = held(&mut module, Request::get("/v2/"));
    after(&mut module, seconds(3));
    assert_error(&module.reply(stream), 503, "UNAVAILABLE");
    give(
        &mut module,
        &written(&config_with("token.expiration", json!(100)), NOTHING, FIRST + 1),
    );
    signs_in(&mut module);
}

#[test]
fn what_nobody_confirms_for_too_long_serves_no_more() {
    let mut module = start(json!({"managed": {"cluster": "c", "max_stale": "10m"}}));
    give(&mut module, &written(&config(), NOTHING, FIRST));
    signs_in(&mut module);
    let call = fetch(&mut module);
    module.fail(call.id);
    after(&mut module, seconds(599));
    signs_in(&mut module);
    after(&mut module, seconds(1));
    let reply = module.get(ASK).basic("ada", "ada-secret").send();
    assert_error(&reply, 503, "UNAVAILABLE");
    assert!(reply.header("retry-after").is_some());
    module.get("/v2/").pass();
    assert!(errors(&module).iter().any(|line| line.contains("`max_stale`")));

    let call = fetch(&mut module);
    module.answer(call.id, 304, &[], "");
    signs_in(&mut module);
    // A bad one does not confirm the one in force.
    let mut bad = written(&config_with("acl", json!([])), NOTHING, FIRST + 1);
    bad.body = String::from_utf8(bad.body)
        .unwrap()
        .replace("\"users\":3", "\"users\":4")
        .into_bytes();
    give(&mut module, &bad);
    after(&mut module, seconds(601));
    assert_eq!(module.get(ASK).basic("ada", "ada-secret").send().status, 503);
}

#[test]
fn another_cluster_is_another_configuration_and_calls_of_the_old_one_end_with_it() {
    let mut module = following(&config(), ALL);
    let stream = held(&mut module, sign_in("eve", "pw"));
    module.reconfigure(json!({"managed": {"cluster": "other"}})).unwrap();
    let call = question(&module);
    answer(&mut module, &call, &decided("eve", &[&["pull"]]));
    assert_eq!(
        claims(&module.reply(stream))["sub"],
        "eve",
        "what has begun ends by the old one"
    );
    let call = fetches(&module).into_iter().find(|call| call.cluster == "other");
    let call = call.or_else(|| {
        module.tick();
        fetches(&module).into_iter().find(|call| call.cluster == "other")
    });
    module.answer(call.unwrap().id, 200, &[], &written(&config(), ALL, FIRST).body);
    signs_in(&mut module);
    assert!(fetches(&module).iter().all(|call| call.cluster == "other"));
    assert_at_rest(&mut module);
}

#[test]
fn each_worker_follows_for_itself() {
    let mut one = following(&config(), NOTHING);
    let mut other = one.worker();
    give(&mut other, &written(&config_with("acl", json!([])), NOTHING, FIRST + 1));
    assert_eq!(
        granted(&other.get(ASK).basic("ada", "ada-secret").send()),
        json!({"ada/app": []})
    );
    signs_in(&mut one);
}
