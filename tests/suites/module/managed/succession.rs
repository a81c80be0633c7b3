use super::*;

const ASK: &str = "/token?service=registry&scope=repository:ada/app:pull";

/// Whether the configuration in force grants, which tells the two of these tests apart.
#[track_caller]
fn grants(module: &mut Module) -> bool {
    let reply = module.get(ASK).basic("ada", "ada-secret").send();
    granted(&reply) == json!({"ada/app": ["pull"]})
}

fn granting(number: u64) -> Sent {
    written(&config(), NOTHING, number)
}

fn denying(number: u64) -> Sent {
    written(&config_with("acl", json!([])), NOTHING, number)
}

#[test]
fn a_restart_gives_the_same_content_another_number_and_changes_nothing() {
    let mut module = following(&config(), NOTHING);
    let token = module.get(ASK).basic("ada", "ada-secret").send().json()["token"].clone();
    give(&mut module, &granting(FIRST + 77_000));
    assert_eq!(module.counter("registry_auth.configuration.generation"), FIRST + 77_000);
    assert_eq!(module.counter("registry_auth.configurations.result.taken"), 1);
    assert_eq!(module.get(ASK).basic("ada", "ada-secret").send().json()["token"], token);
    // Its number counts: one of between is older now.
    after(&mut module, seconds(1));
    give(&mut module, &denying(FIRST + 1));
    assert!(grants(&mut module));
}

#[test]
fn a_clock_that_was_set_back_an_hour_costs_a_minute() {
    let mut module = following(&config(), NOTHING);
    let hour = 3_600_000;
    give(&mut module, &denying(FIRST - hour));
    assert!(grants(&mut module), "refused at first");
    assert_eq!(module.counter("registry_auth.configurations.result.older"), 1);
    let mut polls = 0;
    for _ in 0..59 {
        after(&mut module, seconds(1));
        if let [call] = &fetches(&module)[..] {
            polls += 1;
            module.answer(call.id, 200, &[], denying(FIRST - hour).body);
        }
        assert!(grants(&mut module));
    }
    assert!((10..=12).contains(&polls), "{polls}");
    assert_eq!(
        module.counter("registry_auth.configurations.result.older"),
        1,
        "told once"
    );
    after(&mut module, seconds(6));
    give(&mut module, &denying(FIRST - hour));
    assert!(!grants(&mut module));
    assert!(logged(&module).contains("it is taken"), "{}", logged(&module));
    assert_eq!(module.counter("registry_auth.configuration.generation"), FIRST - hour);
    // From there on it goes up again.
    give(&mut module, &granting(FIRST - hour + 1));
    assert!(grants(&mut module));
}

#[test]
fn of_two_programs_the_newer_one_counts_for_as_long_as_it_is_there() {
    let mut module = following(&config_with("acl", json!([])), NOTHING);
    let newer = granting(FIRST + 10);
    give(&mut module, &newer);
    for round in 0..60 {
        after(&mut module, seconds(5));
        let call = fetch(&mut module);
        if round % 2 == 0 {
            module.answer(call.id, 200, &[], denying(FIRST).body);
        } else {
            module.answer(call.id, 304, &[], "");
        }
        assert!(grants(&mut module), "round {round}");
    }
    // The newer one is gone for good.
    for _ in 0..14 {
        after(&mut module, seconds(5));
        let call = fetch(&mut module);
        module.answer(call.id, 200, &[], denying(FIRST).body);
        settle(&mut module);
    }
    assert!(!grants(&mut module));
}

#[test]
fn an_older_file_loaded_anew_has_a_higher_number_and_is_in_force_at_once() {
    let mut module = following(&config(), NOTHING);
    give(&mut module, &denying(FIRST + 1));
    assert!(!grants(&mut module));
    give(&mut module, &granting(FIRST + 2));
    assert!(grants(&mut module));
}

#[test]
fn a_clock_of_the_proxy_that_was_set_back_stops_nothing() {
    let mut module = following(&config(), NOTHING);
    module.set_back(seconds(7_200));
    module.tick();
    // The call in flight is given up, since nobody knows how long ago it was made, and made anew.
    after(&mut module, seconds(1));
    let calls = fetches(&module);
    module.answer(calls.last().unwrap().id, 200, &[], denying(FIRST + 1).body);
    settle(&mut module);
    assert!(!grants(&mut module));
}
