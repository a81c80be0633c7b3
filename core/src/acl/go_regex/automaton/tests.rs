use proptest::prelude::*;

use super::super::{Exact, Template};

fn is_followed(expression: &str) -> bool {
    let template = Template::from_go(expression, &[]).unwrap();
    matches!(template.exact(), Some(Exact::Automaton(_)))
}

#[test]
fn what_is_small_and_known_is_followed() {
    for expression in [
        "(?i)^ada$",
        "^[a-z]+-[0-9]+$",
        r"^team\/(app|lib)-[0-9]+$",
        "^[^/]{1,62}/x$",
        r"^(?:\w+|\S)$",
        r"(?i)[^k]",
        "^.+@[a-z.]+$|^ci$",
        "a+",
    ] {
        assert!(is_followed(expression), "{expression}");
    }
    for expression in [
        r"\pL",
        r"^a\b",
        "(?m)^a+$",
        "(?i)é",
        "(?i)[a-é]",
        r"(?i)\W",
        r"[\D\w]",
        "[a-z]{65}",
        "a*",
        "^a*",
        "(?:(?:){40}){25}a+|(?:(?:){40}){25}",
    ] {
        assert!(!is_followed(expression), "{expression}");
    }
}

fn expression() -> impl Strategy<Value = String> {
    let atoms = &[
        "a",
        "b",
        "k",
        "S",
        "1",
        "é",
        ".",
        "(?s:.)",
        "[ab]",
        "[^a]",
        "[^a-m]",
        r"\w",
        r"\W",
        r"\d",
        r"[^\d]",
        "[[:upper:]k]",
        r"[^\n1]",
        "^",
        "$",
    ];
    let atom = proptest::sample::select(&atoms[..]).prop_map(str::to_owned);
    let nested = atom.prop_recursive(4, 24, 4, |inner| {
        let many = proptest::collection::vec(inner.clone(), 0..4);
        let counts = &["*", "+", "?", "{2}", "{0}", "{1,3}", "{2,}", "{0,2}", "+?"];
        prop_oneof![
            many.clone().prop_map(|parts| parts.concat()),
            many.prop_map(|parts| format!("({})", parts.join("|"))),
            (inner, proptest::sample::select(&counts[..])).prop_map(|(inner, count)| format!("(?:{inner}){count}")),
        ]
    });
    let flags = proptest::sample::select(&["", "(?i)", "(?s)", "(?U)"][..]);
    let edge = |edge| prop_oneof![Just(""), Just(edge)];
    (flags, edge("^"), nested, edge("$")).prop_map(|(flags, start, nested, end)| format!("{flags}{start}{nested}{end}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_expression_decides_the_same_without_regex(
        expression in expression(),
        texts in proptest::collection::vec("[abkKsS1éÉ\u{212A}\u{17F}\n/]{0,8}", 12),
    ) {
        let template = Template::from_go(&expression, &[]);
        prop_assume!(template.is_ok());
        let template = template.unwrap();
        let regex = template.regex(&[]).unwrap();
        for text in texts.iter().map(String::as_str).chain(["", "a", "\n"]) {
            let matches = regex.is_match(text);
            if let Some(exact) = template.exact() {
                prop_assert_eq!(exact.matches(text), matches, "`{}` {:?} {:?}", expression, text, exact);
            }
            let needs = super::super::super::needs::admits(template.needs(), text);
            prop_assert!(needs || !matches, "`{}` {:?} {:?}", expression, text, template.needs());
        }
    }
}
