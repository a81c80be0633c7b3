use super::super::needs::{Edge, Need};
use super::super::rule::Rule;
use super::*;
use crate::config::acl::{Options, read};
use crate::problem::{Place, Problems};

/// Under what each rule of a list is filed: `account =robot`, `name team/…`, `name …-x`; nothing if it is not.
#[track_caller]
fn filed(matches: &[&str]) -> Vec<String> {
    let rules: Vec<String> = matches
        .iter()
        .map(|matches| format!(r#"{{"match": {{{matches}}}, "actions": []}}"#))
        .collect();
    let node = serde_json::from_str(&format!("[{}]", rules.join(","))).unwrap();
    let mut problems = Problems::default();
    let options = Options { double_star: true };
    let rules: Vec<Rule> = read(node, &Place::root().key("acl"), &mut problems)
        .iter()
        .filter_map(|rule| Rule::compile(rule, options, &mut problems))
        .collect();
    assert!(!problems.is_refusal(), "{problems}");
    let mut shared = Shared::with_capacity(0);
    for rule in &rules {
        shared.count(rule.filings());
    }
    let best = rules.iter().map(|rule| shared.rarest(rule.filings()));
    best.map(|best| best.map(written).unwrap_or_default()).collect()
}

fn written(filing: &Filing) -> String {
    let topic = match &filing.topic {
        Subject::Field(field) => field.key(),
        Subject::Label(label) => label,
    };
    let needs = filing.needs.iter().map(|(_, key)| key.to_string());
    format!("{topic} {}", needs.collect::<Vec<_>>().join(" "))
}

#[test]
fn a_rule_is_filed_under_what_it_needs() {
    for (matches, key) in [
        (r#""account": "robot""#, "account =robot"),
        (r#""account": """#, "account ="),
        (r#""account": "?*""#, ""),
        (r#""name": "team\\*/*""#, "name team*/…"),
        (r#""name": "*/app""#, "name …/app"),
        (r#""name": "**/app""#, "name …/app"),
        (r#""name": "a?b""#, "name a…"),
        (r#""name": "/^team\\/.+$/""#, "name team/…"),
        (r#""name": "/^team\\/[0-9]+$/""#, "name team/…"),
        (
            r#""name": "/^team-(app|lib)?-[0-9]+/""#,
            "name team--… team-app-… team-lib-…",
        ),
        (r#""account": "/^(?:alice|bob)$/""#, "account =alice =bob"),
        (r#""account": "/^alice$|^b/""#, "account =alice b…"),
        (r#""account": "/@example\\.test$/""#, "account …@example.test"),
        (r#""account": "/^[a-z]+@(a|b)\\.test$/""#, "account …@a.test …@b.test"),
        (r#""account": "/^ab+c$/""#, "account ab…"),
        (r#""account": "/^[ab]x/""#, "account ax… bx…"),
        (r#""account": "/^a{2,3}b/""#, "account a…"),
        // Where nothing is said of an edge.
        (r#""account": "/alice/""#, ""),
        (r#""account": "/^alice|bob/""#, ""),
        (r#""account": "/(?i)^alice/""#, ""),
        (r#""account": "/^(?i)1a/""#, "account 1…"),
        (r#""account": "/(?m)^alice$/""#, ""),
        (r#""account": "/(?m:^alice)$/""#, "account …alice"),
        (r#""account": "/^a*b/""#, ""),
        (r#""account": "/^[a-z]/""#, ""),
        (r#""account": "/^\\Q.*\\E$/""#, "account =.*"),
        (r#""account": "/^a\\b.*\\$$/""#, "account a…"),
        (r#""account": "/\\Aa\\.b\\z/""#, "account =a.b"),
        (r#""account": "/^(a(?:b|)|c.)d/""#, "account abd… ad… c…"),
        // With variables, where these always have values.
        (r#""name": "home/${account}/*""#, "name home/…"),
        (r#""name": "${account}/*/x""#, "name …/x"),
        (r#""name": "h*/${account}""#, "name h…"),
        (r#""name": "*-${account}-*z""#, ""),
        (r#""name": "[a${account}]""#, ""),
        (r#""name": "/^home-${account}-x$/""#, "name home-…"),
        (r#""account": "/^(.+)$/", "name": "home/${account:1}""#, "name home/…"),
        (
            r#""account": "/^(.+)$/", "name": "/^(x)${account:1}$/", "service": "s-${name:1}""#,
            "service s-…",
        ),
        // A pattern that may be too large with a value that is not known yet: it could not be judged then.
        (r#""name": "/^x(?:(?i)${account}){9}$/""#, ""),
        (
            r#""name": "/^(x(?:(?i)${account}){9})$/", "service": "s-${name:1}""#,
            "",
        ),
        // With labels there may be too many combinations.
        (r#""name": "home/${labels:team}""#, ""),
        (r#""name": "/^home-${labels:team}$/""#, ""),
        (r#""name": "/^(x)${labels:team}$/", "service": "s-${name:1}""#, ""),
        (r#""labels": {"team": "a*"}"#, "team a…"),
        (r#""labels": {"team": "x-${account}"}"#, "team x-…"),
        (r#""ip": "10.0.0.0/8""#, ""),
        ("", ""),
    ] {
        assert_eq!(filed(&[matches]), [key], "{matches}");
    }
}

#[test]
fn a_rule_is_filed_under_what_it_shares_with_the_fewest() {
    let filed = filed(&[
        r#""account": "ci", "name": "a/*""#,
        r#""account": "ci", "name": "b/*""#,
        r#""account": "dev", "name": "b/*""#,
        r#""account": "dev", "name": "long/prefix/*""#,
        r#""account": "one", "name": "long/prefix/*""#,
    ]);
    // Of equals, the longest text, and then the account's.
    let keys = [
        "name a/…",
        "account =ci",
        "account =dev",
        "name long/prefix/…",
        "account =one",
    ];
    assert_eq!(filed, keys);
}

#[test]
fn a_value_finds_all_it_is_begins_with_or_ends_in() {
    let mut builder = Builder::default();
    let needs = [
        (Edge::Start, ""),
        (Edge::Start, "a"),
        (Edge::Whole, "a"),
        (Edge::Start, "ab"),
        (Edge::Whole, "abc"),
        (Edge::Whole, "abcd"),
        (Edge::Start, "b"),
        (Edge::End, "c"),
        (Edge::End, "bc"),
        (Edge::Start, "é"),
        (Edge::Within, "z"),
    ];
    for (rule, (edge, text)) in (0..).zip(needs) {
        let key = Key::of(&Need::new(edge, text));
        builder.add(&key, rule);
        builder.add(&key, rule + 100);
    }
    while builder.step() == Progress::More {}
    let texts = builder.finish();
    for value in [
        "", "a", "ab", "abc", "abcd", "abcz", "b", "bc", "c", "e", "é", "éc", "zz",
    ] {
        let mut found = Vec::new();
        texts.find(value, &mut |rules: &[u32]| {
            assert!(rules.is_sorted());
            found.extend_from_slice(rules);
        });
        found.sort_unstable();
        let admits = |(edge, text): (Edge, &'static str)| edge == Edge::Within || Need::new(edge, text).admits(value);
        let met = (0..).zip(needs).filter(|(_, need)| admits(*need)).map(|(rule, _)| rule);
        let met: Vec<u32> = met.collect();
        let expected: Vec<u32> = met.iter().copied().chain(met.iter().map(|rule| rule + 100)).collect();
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn candidates_come_in_order_and_once() {
    let lists: [&[u32]; 4] = [&[0, 5, 9], &[1, 5, 6], &[5], &[2, 9]];
    let candidates = Candidates {
        lists: lists.into_iter().map(List).collect(),
        last: None,
    };
    assert_eq!(candidates.collect::<Vec<_>>(), [0, 1, 2, 5, 6, 9]);
}
