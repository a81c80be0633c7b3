use super::*;

/// Asks, and says whether somebody else was asked.
#[track_caller]
fn is_asked(module: &mut Module, request: Request, grants: &[&[&str]]) -> bool {
    let stream = module.open(request);
    let open = questions(module);
    if let [call] = &open[..] {
        answer(module, call, &decided("eve", grants));
    }
    let reply = module.reply(stream);
    assert_eq!(reply.status, 200, "{}", reply.text());
    !open.is_empty()
}

fn pull(module: &mut Module) -> bool {
    is_asked(module, sign_in("eve", "pw"), &[&["pull"]])
}

#[test]
fn a_decision_counts_for_half_a_minute() {
    let mut module = following(&config(), ALL);
    assert!(pull(&mut module));
    assert!(!pull(&mut module));
    module.advance(seconds(29));
    assert!(!pull(&mut module));
    assert_eq!(module.counter("registry_auth.remembered.what.decision"), 2);
    module.advance(seconds(1));
    assert!(pull(&mut module));
    module.tick();
    assert_eq!(module.counter("registry_auth.memo.of.decisions"), 1);
}

#[test]
fn another_question_is_asked() {
    let mut module = following(&config(), ALL);
    assert!(pull(&mut module));
    let ask = |service: &str, scope: &str| Request::get(&format!("/token?service={service}&scope=repository:{scope}"));
    let scope = "eve/app:pull,push";
    for request in [
        ask("registry", scope).basic("eve", "pw2"),
        ask("registry", scope).basic("eva", "pw"),
        ask("registry2", scope).basic("eve", "pw"),
        ask("registry", "eve/app:pull").basic("eve", "pw"),
        ask("registry", "eve/ap:pull,push").basic("eve", "pw"),
        sign_in("eve", "pw").source("127.0.0.2:1"),
        sign_in("eve", "pw").source("[2001:db8::1]:1"),
        // Of the same network, by which the brake counts: an authorizer sees all of it.
        sign_in("eve", "pw").source("[2001:db8::2]:1"),
    ] {
        let shown = format!("{request:?}");
        assert!(is_asked(&mut module, request.clone(), &[&["pull"]]), "{shown}");
        assert!(!is_asked(&mut module, request, &[&["pull"]]), "{shown}");
    }
    assert!(!pull(&mut module));
    // Another port is the same address.
    assert!(!is_asked(
        &mut module,
        sign_in("eve", "pw").source("127.0.0.1:99"),
        &[&["pull"]]
    ));
}

#[test]
fn a_static_user_with_other_labels_is_another_question() {
    let mut module = following(&config(), ALL);
    let request = || Request::get("/token?service=r&scope=repository:x:pull").basic("ada", "ada-secret");
    assert!(is_asked(&mut module, request(), &[&["pull"]]));
    assert!(!is_asked(&mut module, request(), &[&["pull"]]));
}

#[test]
fn nothing_is_remembered_over_a_change_or_where_that_is_turned_off() {
    let mut module = following(&config(), ALL);
    assert!(pull(&mut module));
    give(
        &mut module,
        &written(&config_with("token.expiration", json!(100)), ALL, FIRST + 1),
    );
    assert!(pull(&mut module));
    give(
        &mut module,
        &written(&config_with("cache", json!({"decisions_ttl": 0})), ALL, FIRST + 2),
    );
    assert!(pull(&mut module) && pull(&mut module));
}

#[test]
fn neither_denials_nor_what_could_not_be_asked_are_remembered_as_decisions() {
    let mut module = following(&config_with("throttle", json!(false)), ALL);
    for heard in [json!("denied"), json!({"decided": {}})] {
        let stream = held(&mut module, sign_in("eve", "pw"));
        let call = question(&module);
        answer(&mut module, &call, &heard);
        after(&mut module, seconds(3));
        assert_ne!(module.reply(stream).status, 200);
    }
    assert!(pull(&mut module));
}

#[test]
fn the_brake_comes_before_what_is_remembered() {
    let mut module = following(&config(), ALL);
    assert!(pull(&mut module));
    for number in 0..5 {
        let stream = held(&mut module, sign_in("eve", &format!("wrong-{number}")));
        let call = question(&module);
        answer(&mut module, &call, &json!("denied"));
        assert_eq!(module.reply(stream).status, 401);
    }
    assert_eq!(
        module
            .get("/token?service=registry&scope=repository:eve/app:pull,push")
            .basic("eve", "pw")
            .send()
            .status,
        429
    );
}
