//! Lists of 10,000 rules.

use std::net::{IpAddr, Ipv4Addr};

use registry_auth_tests::cases::LabelValues;
use registry_auth_tests::reference::{self, Outcome, Request};
use serde_json::{Value, json};

use crate::good;

const RULES: usize = 10_000;

/// The rules of a list in which every few of them are of another kind. Nothing but the number tells them apart.
fn rule(number: usize) -> Value {
    let i = number;
    let matches = match i % 12 {
        0 => json!({ "account": format!("robot-{i}"), "name": format!("robots/{i}/*") }),
        1 => json!({ "account": "?*", "name": format!("home-{i}/${{account}}/*") }),
        2 => json!({ "account": format!("/^team-{i}-.+$/"), "name": format!("/^team-{i}\\/(app|lib)-[0-9]+$/") }),
        3 => json!({ "account": "ci", "name": format!("/^shared\\/long\\/prefix\\/(x|y)?-{i}$/") }),
        4 => json!({ "account": "ci", "name": format!("**/tail-{i}") }),
        5 => json!({ "account": format!("/(?i)^Any-{i}$/") }),
        6 => json!({ "account": format!("/@org-{i}\\.test$/"), "name": "*/*" }),
        7 => json!({ "name": format!("${{account}}/own-{i}/*") }),
        8 => json!({ "labels": { "team": format!("t{i}") }, "name": "${labels:team}/*" }),
        9 => json!({ "account": format!("/^(.+)-{i}$/"), "name": "/^${account:1}\\/.+$/" }),
        10 => json!({ "service": format!("/^[a-z]+-{i}$/"), "ip": "10.0.0.0/8" }),
        _ => json!({ "account": format!("/^(alice|bob|carol)-{i}$/"), "type": "repository" }),
    };
    json!({ "match": matches, "actions": if i.is_multiple_of(5) { vec!["*"] } else { vec!["pull"] } })
}

/// What the rule of this number, and no other, is for.
fn request(number: usize) -> Request {
    let i = number;
    let mut request = Request {
        account: "ada".to_owned(),
        labels: [("team".to_owned(), vec!["t1".to_owned(), format!("t{i}")])].into(),
        label_values: LabelValues::Glob,
        address: IpAddr::from(Ipv4Addr::new(10, 1, 2, 3)),
        service: "registry".to_owned(),
        kind: "repository".to_owned(),
        name: "none".to_owned(),
        actions: vec!["pull".to_owned(), "push".to_owned()],
    };
    let (on, text) = match i % 12 {
        0 => (&mut request.account, format!("robot-{i}")),
        1 => (&mut request.name, format!("home-{i}/ada/app")),
        2 => (&mut request.account, format!("team-{i}-x")),
        3 => (&mut request.name, format!("shared/long/prefix/y-{i}")),
        4 => (&mut request.name, format!("a/tail-{i}")),
        5 => (&mut request.account, format!("aNY-{i}")),
        6 => (&mut request.account, format!("ada@org-{i}.test")),
        7 => (&mut request.name, format!("ada/own-{i}/x")),
        8 => (&mut request.name, format!("t{i}/x")),
        9 => (&mut request.account, format!("ada-{i}")),
        10 => (&mut request.service, format!("registry-{i}")),
        _ => (&mut request.account, format!("bob-{i}")),
    };
    *on = text;
    match i % 12 {
        0 => request.name = format!("robots/{i}/x"),
        2 => request.name = format!("team-{i}/lib-7"),
        3 | 4 => "ci".clone_into(&mut request.account),
        6 => "a/b".clone_into(&mut request.name),
        9 => "ada/x".clone_into(&mut request.name),
        _ => {}
    }
    request
}

#[test]
fn every_rule_of_ten_thousand_decides_what_it_is_for() {
    let mut list = good(&(0..RULES).map(rule).collect(), false);
    for number in 0..RULES {
        let outcome = list.outcome(&request(number));
        assert!(
            matches!(outcome, Outcome::Rule(index, _) if index == number),
            "{number}: {outcome:?}"
        );
    }
}

#[test]
fn core_decides_as_the_reference_does_by_ten_thousand_rules() {
    let rules: Vec<Value> = (0..RULES).map(rule).collect();
    let mut list = good(&rules.iter().cloned().collect(), true);
    // Those of late rules, since the reference looks at all before.
    let mut requests: Vec<Request> = (RULES - 6..RULES + 6).step_by(2).map(request).collect();
    // One that two rules are for, and one whose labels are too many to judge by.
    requests.push(Request {
        name: "home-1/ada/app".to_owned(),
        ..request(24)
    });
    requests.push(Request {
        labels: [("team".to_owned(), (0..65).map(|i| format!("t{i}")).collect())].into(),
        ..request(9_996)
    });
    for request in &requests {
        let expected = reference::decide(&rules, true, request);
        assert_eq!(list.outcome(request), expected, "{request:?}");
    }
}

#[test]
fn ten_thousand_expressions_are_compiled_when_they_are_needed() {
    let numbers = || (0..RULES).map(|i| i * 12 + 9);
    let mut list = good(&numbers().map(rule).collect(), false);
    assert_eq!(list.patterns.compiled(), 0);
    // The account's, and the name's with what the account brought; that is the same for all.
    for (compiled, number) in [(2, 9), (2, 9), (3, 21)] {
        assert!(matches!(list.outcome(&request(number)), Outcome::Rule(..)));
        assert_eq!(list.patterns.compiled(), compiled);
    }
    // Ever new accounts cost no memory.
    for number in numbers().take(2_000) {
        list.outcome(&request(number));
        assert!(list.patterns.len() <= list.patterns.capacity());
    }
}

#[test]
fn expressions_that_no_text_tells_apart_are_judged_without_being_compiled() {
    let rules = (0..RULES).map(|i| {
        let matches = json!({ "account": format!("/(?i)^{}$/", word(i)), "name": "/^[a-z]+-[0-9]+\\/.*$/" });
        json!({ "match": matches, "actions": ["*"] })
    });
    let mut list = good(&rules.collect(), false);
    for number in [0, 1, RULES - 1] {
        let request = Request {
            account: word(number).to_uppercase(),
            name: "team-1/app".to_owned(),
            ..request(number)
        };
        assert!(matches!(list.outcome(&request), Outcome::Rule(index, _) if index == number));
    }
    assert_eq!(list.patterns.compiled(), 0);
}

/// A word for each number.
fn word(number: usize) -> String {
    number
        .to_string()
        .bytes()
        .map(|digit| char::from(digit - b'0' + b'a'))
        .collect()
}
