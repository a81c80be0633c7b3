use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::account::{Account, Identity, Labels, LabelsArePatterns};
use crate::config::acl::{Options, read};
use crate::memo::Seed;
use crate::problem::{Place, Problems};
use crate::scope::Scope;
use crate::service::Service;

struct List {
    written: Vec<written::Rule>,
    acl: Acl,
}

#[track_caller]
fn list(rules: &str, double_star: bool) -> List {
    let mut problems = Problems::default();
    let node = serde_json::from_str(rules).unwrap();
    let written = read(node, &Place::root().key("acl"), &mut problems);
    let acl = Acl::compile(&written, Options { double_star }, &mut problems);
    assert!(!problems.is_refusal(), "{problems}");
    List { written, acl }
}

/// Who asks, from where and for which service.
struct From {
    account: &'static str,
    labels: &'static [(&'static str, &'static [&'static str])],
    address: &'static str,
    service: &'static str,
}

const ADA: From = From {
    account: "ada",
    labels: &[],
    address: "192.0.2.1",
    service: "registry",
};

impl List {
    #[track_caller]
    fn explain(&self, from: &From, scope: &str) -> Explanation {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let labels: BTreeMap<_, _> = from
            .labels
            .iter()
            .map(|(name, values)| ((*name).to_owned(), owned(values)))
            .collect();
        let asked = Asked {
            identity: &Identity {
                account: Account::parse(from.account).unwrap(),
                labels: Labels::new(labels, LabelsArePatterns::Glob),
            },
            address: from.address.parse().unwrap(),
            service: &Service::parse(from.service).unwrap(),
            scope: &Scope::parse(scope).unwrap(),
        };
        self.acl
            .explain(&self.written, &asked, &mut PatternMemo::new(Seed::new([7; 16])))
    }
}

/// Why one rule does not match.
#[track_caller]
fn why(conditions: &str, from: &From, scope: &str) -> String {
    let list = list(&format!(r#"[{{"match": {{{conditions}}}, "actions": ["*"]}}]"#), false);
    let explanation = list.explain(from, scope);
    let [judged] = &explanation.rules[..] else {
        panic!("one rule")
    };
    judged.to_string()
}

#[test]
fn each_condition_says_why_it_does_not_hold() {
    let bob = From {
        account: "bob",
        labels: &[
            ("team", &["blue", "red"]),
            ("group", &["dev"]),
            ("wild", &["["]),
            ("none", &[]),
        ],
        address: "2001:db8::1",
        ..ADA
    };
    let nobody = From {
        account: "",
        service: "",
        ..ADA
    };
    let many: Vec<String> = (0..9).map(|i| format!("v{i}")).collect();
    let many: Vec<&'static str> = many.into_iter().map(|value| &*value.leak()).collect();
    let many: &'static [(&str, &[&str])] = vec![("a", &*many.clone().leak()), ("b", &*many.leak())].leak();
    let ada = From { labels: many, ..ADA };
    let mut told = String::new();
    for (conditions, from, scope) in [
        (r#""account": "ops""#, &ADA, "repository:a:pull"),
        (r#""account": """#, &ADA, "repository:a:pull"),
        (r#""account": "/.+/""#, &nobody, "repository:a:pull"),
        (r#""account": "ops""#, &nobody, "repository:a:pull"),
        (r#""account": "/^o/""#, &ADA, "repository:a:pull"),
        (r#""type": "registry""#, &ADA, "repository:a:pull"),
        (r#""name": "team/*""#, &ADA, "repository:team/a/b:pull"),
        (r#""name": "team/*""#, &ADA, "repository:other/a/b:pull"),
        (r#""name": "team/*""#, &ADA, "repository::pull"),
        (r#""name": "${account}/*""#, &ADA, "repository:bob/app:pull"),
        (r#""name": "${account}/*""#, &ADA, "repository:ada/app/sub:pull"),
        (r#""name": "${account}""#, &ADA, "repository:bob:pull"),
        (r#""name": "/^${account}-/""#, &ADA, "repository:bob:pull"),
        (
            r#""account": "/^(.)(.+)$/", "name": "${account:2}/*""#,
            &ADA,
            "repository:ada/app:pull",
        ),
        (
            r#""account": "/^(x)$/", "name": "${account:1}/*""#,
            &ADA,
            "repository:ada/app:pull",
        ),
        (
            r#""account": "${name:1}", "name": "/^(x)$/""#,
            &ADA,
            "repository:ada/app:pull",
        ),
        (r#""service": "other""#, &ADA, "repository:a:pull"),
        (r#""service": "registry""#, &nobody, "repository:a:pull"),
        (r#""ip": "10.0.0.0/8""#, &ADA, "repository:a:pull"),
        (r#""ip": "10.0.0.1""#, &ADA, "repository:a:pull"),
        (r#""ip": "0.0.0.0/0""#, &bob, "repository:a:pull"),
        (r#""ip": "::/0""#, &ADA, "repository:a:pull"),
        (r#""labels": {"group": "ops"}"#, &ADA, "repository:a:pull"),
        (r#""labels": {"none": "*"}"#, &bob, "repository:a:pull"),
        (r#""labels": {"group": "ops"}"#, &bob, "repository:a:pull"),
        (r#""labels": {"team": "ops"}"#, &bob, "repository:a:pull"),
        (r#""labels": {"team": "ops*"}"#, &bob, "repository:a:pull"),
        (r#""labels": {"a": "ops*"}"#, &ada, "repository:a:pull"),
        (r#""labels": {"team": "${account}"}"#, &bob, "repository:a:pull"),
        (r#""name": "${labels:team}/*""#, &ADA, "repository:a/b:pull"),
        (r#""name": "${labels:team}/*""#, &bob, "repository:a/b:pull"),
        (r#""name": "${labels:team}/*""#, &bob, "repository:red/a/b:pull"),
        (r#""name": "${labels:group}/*""#, &bob, "repository:a/b:pull"),
        (
            r#""name": "${labels:team}/${labels:group}""#,
            &bob,
            "repository:a/b:pull",
        ),
        (
            r#""name": "/^(${labels:team})/", "service": "${name:1}""#,
            &bob,
            "repository:red/b:pull",
        ),
        (r#""name": "${labels:a}/${labels:b}""#, &ada, "repository:a/b:pull"),
        (r#""name": "${labels:wild}/*""#, &bob, "repository:a/b:pull"),
        (r#""account": "ops", "ip": "10.0.0.0/8""#, &ADA, "repository:a:pull"),
    ] {
        writeln!(told, "{conditions}\n  {}", why(conditions, from, scope)).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_hint_says_how_a_rule_was_perhaps_meant() {
    let dn = From {
        labels: &[("group", &["cn=admins,ou=groups,dc=example"])],
        ..ADA
    };
    let team = From {
        labels: &[("team", &["blue"])],
        ..ADA
    };
    let mut told = String::new();
    for (rules, from, scope) in [
        (
            r#"[{"match": {"name": "team/*"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:team/a/b:pull",
        ),
        (
            r#"[{"match": {"name": "*/app"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:team/a/app:pull",
        ),
        (
            r#"[{"match": {"name": "*"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:team/a/app:pull",
        ),
        (
            r#"[{"match": {"name": "t*/x*"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:t/e/am/x:pull",
        ),
        (
            r#"[{"match": {"name": "team/*", "account": "bob"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:team/a/b:pull",
        ),
        (
            r#"[{"match": {"account": "Ada", "name": "team/*"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:team/a:pull",
        ),
        (
            r#"[{"match": {"name": "team/.*"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:team/a/b:pull",
        ),
        (
            r#"[{"match": {"name": "^team/.+$"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:team/a/b:pull",
        ),
        (
            r#"[{"match": {"account": "ada|bob"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:a:pull",
        ),
        (
            r#"[{"match": {"account": "{ada,bob}"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:a:pull",
        ),
        (
            r#"[{"match": {"labels": {"group": "admins"}}, "actions": ["*"]}]"#,
            &dn,
            "repository:a:pull",
        ),
        (
            r#"[{"match": {"name": "${labels:group}/*"}, "actions": ["*"]}]"#,
            &dn,
            "repository:admins/a:pull",
        ),
        (
            r#"[{"match": {"labels": {"teams": "blue"}}, "actions": ["*"]}]"#,
            &team,
            "repository:a:pull",
        ),
        (
            r#"[{"match": {}, "actions": ["pull"]}]"#,
            &ADA,
            "repository:a:pull,push",
        ),
        (
            r#"[{"match": {}, "actions": ["pull"]}, {"match": {}, "actions": ["*"]}]"#,
            &ADA,
            "repository:a:delete,pull,push",
        ),
        (r#"[{"match": {}, "actions": []}]"#, &ADA, "repository:a:pull"),
        (r#"[{"match": {}, "actions": ["pull"]}]"#, &ADA, "registry:catalog:*"),
        (
            r#"[{"match": {}, "actions": ["*", "pull"]}]"#,
            &ADA,
            "repository:a:push",
        ),
        ("[]", &ADA, "registry:team/app:*"),
        ("[]", &ADA, "repo:team/app:read,write,pull"),
        (
            r#"[{"match": {"account": "/da/"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:a:pull",
        ),
        (
            r#"[{"match": {"account": "/ada/"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:a:pull",
        ),
        (
            r#"[{"match": {"account": "/^ad/"}, "actions": ["*"]}]"#,
            &ADA,
            "repository:a:pull",
        ),
        // Nothing is nearly right: what would match denies.
        (
            r#"[{"match": {"name": "team/*"}, "actions": []}]"#,
            &ADA,
            "repository:team/a/b:pull",
        ),
    ] {
        let explanation = list(rules, false).explain(from, scope);
        writeln!(told, "{rules} {scope}").unwrap();
        for hint in explanation.hints() {
            let rule = hint.rule.map(|index| format!("acl[{index}] ")).unwrap_or_default();
            writeln!(told, "  {rule}{hint}").unwrap();
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn where_stars_span_the_hint_is_two_stars() {
    let rules = r#"[{"match": {"name": "team/*"}, "actions": ["*"]}]"#;
    let explanation = list(rules, true).explain(&ADA, "repository:team/a/b:pull");
    let hints: Vec<String> = explanation.hints().iter().map(ToString::to_string).collect();
    assert_eq!(
        hints,
        ["has too few slashes for `team/a/b`: write `team/*/*` for this depth, or `team/**` for any depth"]
    );
}

#[test]
fn the_nearest_rules_are_those_that_fail_in_the_least() {
    let rules = r#"[
        {"match": {"account": "ops", "name": "other"}, "actions": ["*"]},
        {"match": {"account": "ops", "name": "team/app"}, "actions": ["*"]},
        {"match": {"account": "ops"}, "actions": ["*"]},
        {"match": {"account": "dev"}, "actions": ["*"]},
        {"match": {"name": "team/app"}, "actions": ["*"]},
        {"match": {"account": "ops"}, "actions": ["*"]}
    ]"#;
    let explanation = list(rules, false).explain(&ADA, "repository:team/app:pull");
    let indices = |most| {
        explanation
            .nearest(most)
            .iter()
            .map(|judged| judged.index)
            .collect::<Vec<_>>()
    };
    assert_eq!(indices(1), [1]);
    assert_eq!(indices(2), [1, 3]);
    assert_eq!(indices(9), [0, 1, 2, 3]);
    assert_eq!(explanation.decider().unwrap().index, 4);
    assert_eq!(explanation.later().len(), 1);
}
