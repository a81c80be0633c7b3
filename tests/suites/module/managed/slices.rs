use super::*;

/// So many rules that none of them can be found by another's text.
fn rules(count: usize, last: &str) -> Value {
    let mut rules: Vec<Value> = (0..count)
        .map(
            |n| json!({"match": {"account": format!("robot-{n}"), "name": format!("team-{n}/*")}, "actions": ["pull"]}),
        )
        .collect();
    rules.push(json!({"match": {"account": "ada", "name": last}, "actions": ["pull"]}));
    config_with("acl", rules.into())
}

fn grants(module: &mut Module, name: &str) -> bool {
    let ask = format!("/token?service=registry&scope=repository:{name}:pull");
    let reply = module.get(&ask).basic("ada", "ada-secret").send();
    granted(&reply)[name] == json!(["pull"])
}

/// What the first configuration costs in one go; its slices are to be compared with it.
fn in_one_go(config: &Value) -> u64 {
    let mut module = started();
    let call = fetch(&mut module);
    module.answer(call.id, 200, &[], written(config, NOTHING, FIRST).body);
    module.fuel_used()
}

#[test]
fn a_new_configuration_is_put_together_in_slices_beside_the_one_in_force() {
    let (before, behind) = (rules(10_000, "one/*"), rules(10_000, "two/*"));
    let whole = in_one_go(&before);
    let mut module = following(&before, NOTHING);
    assert!(grants(&mut module, "one/app"));
    let call = fetch(&mut module);
    module.answer(call.id, 200, &[], written(&behind, NOTHING, FIRST + 1).body);
    let mut largest = module.fuel_used();
    let mut slices = 0;
    while module.counter("registry_auth.configuration.generation") == FIRST {
        assert!(
            grants(&mut module, "one/app") && !grants(&mut module, "two/app"),
            "the old one serves"
        );
        assert!(slices == 0 || module.tick_period() == Some(milliseconds(2)));
        module.tick();
        largest = largest.max(module.fuel_used());
        slices += 1;
        assert!(slices < 10_000);
    }
    assert!(grants(&mut module, "two/app") && !grants(&mut module, "one/app"));
    while module.tick_period() == Some(milliseconds(2)) {
        module.tick();
        largest = largest.max(module.fuel_used());
    }
    assert!(slices > 5, "{slices}");
    assert!(
        largest * 20 < whole,
        "the largest slice burns {largest}, all in one go {whole}"
    );
}

#[test]
fn a_new_set_of_users_too() {
    let users = |prefix: &str| {
        let mut config = config();
        for n in 0..5_000 {
            config["users"][format!("{prefix}-{n}")] = json!({"password": keys::ADA_SECRET});
        }
        config
    };
    let whole = in_one_go(&users("a"));
    let mut module = following(&users("a"), NOTHING);
    let call = fetch(&mut module);
    module.answer(call.id, 200, &[], written(&users("b"), NOTHING, FIRST + 1).body);
    let mut largest = module.fuel_used();
    module.tick();
    while module.tick_period() == Some(milliseconds(2)) {
        largest = largest.max(module.fuel_used());
        module.tick();
    }
    assert_eq!(module.counter("registry_auth.configuration.generation"), FIRST + 1);
    assert!(
        largest * 10 < whole,
        "the largest slice burns {largest}, all in one go {whole}"
    );
}

#[test]
fn a_hundred_changes_take_no_more_memory_than_a_few() {
    let mut module = following(&rules(2_000, "one/*"), NOTHING);
    let change = |module: &mut Module, number: u64| {
        let last = if number.is_multiple_of(2) { "one/*" } else { "two/*" };
        let config = rules(2_000 + usize::try_from(number % 7).unwrap(), last);
        give(module, &written(&config, NOTHING, FIRST + number));
        let name = last.replace('*', "app");
        assert!(grants(module, &name), "change {number}");
    };
    for number in 1..=20 {
        change(&mut module, number);
    }
    let then = module.memory_bytes();
    for number in 21..=120 {
        change(&mut module, number);
    }
    let now = module.memory_bytes();
    assert!(now <= then + (1 << 20), "{then} bytes, then {now}");
    assert_at_rest(&mut module);
}

#[test]
fn a_generation_that_somebody_holds_is_kept_until_they_are_answered() {
    let mut module = following(&config(), ALL);
    let stream = held(&mut module, sign_in("eve", "pw"));
    for number in 1..5 {
        give(
            &mut module,
            &written(
                &config_with("token.expiration", json!(100 + number)),
                ALL,
                FIRST + number,
            ),
        );
    }
    let call = question(&module);
    answer(&mut module, &call, &decided("eve", &[&["pull"]]));
    let claims = claims(&module.reply(stream));
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        900,
        "it is by the one it began with"
    );
    assert_at_rest(&mut module);
}

#[test]
fn buckets_of_another_number_are_made_in_slices() {
    let mut module = following(&config(), NOTHING);
    let more = config_with("throttle", json!({"entries": 1_048_576}));
    let call = fetch(&mut module);
    module.answer(call.id, 200, &[], written(&more, NOTHING, FIRST + 1).body);
    let before = module.shared_keys().len();
    module.tick();
    let first = module.shared_keys().len() - before;
    settle(&mut module);
    let all = module.shared_keys().len() - before;
    assert!(first * 10 < all, "{first} in the first slice of {all}");
    assert_eq!(module.counter("registry_auth.configuration.generation"), FIRST + 1);
}
