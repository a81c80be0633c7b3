use super::*;
use crate::config::acl::read;
use crate::problem::{Place, Problems};

/// The rules of one list.
fn rules(json: &str) -> Vec<Rule> {
    let mut problems = Problems::default();
    let rules = read(
        serde_json::from_str(json).unwrap(),
        &Place::root().key("acl"),
        &mut problems,
    );
    assert!(!problems.is_refusal(), "{problems}");
    rules
}

fn compare(wide: &str, narrow: &str) -> (Answer, Result<String, Answer>) {
    let list = format!(r#"[{{"match": {wide}, "actions": []}}, {{"match": {narrow}, "actions": []}}]"#);
    let mut comparison = Comparison::default();
    let reaches: Vec<_> = rules(&list)
        .iter()
        .map(|rule| comparison.reach(rule, Options::default()))
        .collect();
    let common = comparison.common(&reaches[0], &reaches[1]);
    (
        comparison.covers(&reaches[0], &reaches[1]),
        common.map(|example| example.to_string()),
    )
}

#[test]
fn a_rule_covers_another_if_each_of_its_conditions_does() {
    for (wide, narrow, answer) in [
        ("{}", r#"{"account": "ada"}"#, Answer::Yes),
        (r#"{"account": "ada"}"#, "{}", Answer::No),
        (r#"{"type": "*"}"#, "{}", Answer::Yes),
        (
            r#"{"account": "*"}"#,
            r#"{"account": "ada", "name": "${account}/*"}"#,
            Answer::Yes,
        ),
        (r#"{"name": "*/*"}"#, r#"{"name": "${account}/*"}"#, Answer::CannotTell),
        (
            r#"{"name": "${account}/*"}"#,
            r#"{"name": "${account}/*", "service": "r"}"#,
            Answer::Yes,
        ),
        (r#"{"ip": "10.0.0.0/8"}"#, r#"{"ip": "10.1.0.0/16"}"#, Answer::Yes),
        (r#"{"ip": "10.0.0.0/8"}"#, "{}", Answer::No),
        (
            r#"{"labels": {"team": "*"}}"#,
            r#"{"labels": {"team": "a"}, "name": "x"}"#,
            Answer::Yes,
        ),
        (r#"{"labels": {"team": "*"}}"#, r#"{"name": "x"}"#, Answer::No),
        (
            r#"{"account": "/^(.+)@a$/", "name": "${account:1}/*"}"#,
            r#"{"account": "/^(.)@a$/", "name": "${account:1}/*"}"#,
            Answer::CannotTell,
        ),
    ] {
        assert_eq!(compare(wide, narrow).0, answer, "{wide} {narrow}");
    }
}

#[test]
fn what_two_rules_both_take_is_shown_by_an_example() {
    let common = |one, other| compare(one, other).1;
    assert_eq!(
        common(r#"{"account": "ada"}"#, r#"{"name": "team/*"}"#),
        Ok("account `ada`, name `team/a`".to_owned())
    );
    assert_eq!(
        common(r#"{"account": "ada"}"#, r#"{"account": "bob"}"#),
        Err(Answer::No)
    );
    assert_eq!(
        common(r#"{"ip": "10.0.0.1"}"#, r#"{"ip": "10.0.0.2"}"#),
        Err(Answer::No)
    );
    assert_eq!(
        common(r#"{"labels": {"a": "x"}}"#, r#"{"labels": {"b": "x"}}"#),
        Err(Answer::CannotTell)
    );
    assert_eq!(common(r#"{"labels": {"a": "x"}}"#, "{}"), Ok(String::new()));
}

#[test]
fn a_type_that_no_scope_has_takes_nothing() {
    let mut comparison = Comparison::default();
    let mut nothing = |matches: &str| {
        let list = rules(&format!(r#"[{{"match": {matches}, "actions": []}}]"#));
        comparison.reach(&list[0], Options::default()).takes_nothing()
    };
    assert_eq!(nothing(r#"{"type": "Repository"}"#), Some("type"));
    assert_eq!(nothing(r#"{"name": "team//x"}"#), Some("name"));
    assert_eq!(nothing(r#"{"type": "repository", "name": "*"}"#), None);
}

#[test]
fn one_text_that_is_read_in_two_ways_is_two_patterns() {
    let mut comparison = Comparison::default();
    let list =
        rules(r#"[{"match": {"name": "${account}/**"}, "actions": []}, {"match": {"name": "a/**"}, "actions": []}]"#);
    let reach = |comparison: &mut Comparison, rule: &Rule, double_star| comparison.reach(rule, Options { double_star });
    for (rule, answer) in list.iter().zip([Answer::CannotTell, Answer::No]) {
        let (spans, stops) = (reach(&mut comparison, rule, true), reach(&mut comparison, rule, false));
        assert_eq!(comparison.covers(&stops, &spans), answer);
        assert_eq!(comparison.covers(&spans, &spans), Answer::Yes);
    }
}
