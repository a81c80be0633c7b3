//! Random rules and requests, of so few characters that many match.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::collection::{SizeRange, btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use registry_auth_tests::cases::{LabelValues, Labels};
use registry_auth_tests::reference::Request;
use serde_json::{Map, Value, json};

/// So many rules, whether `**` spans, and requests. Some rules are wrong: who takes the list leaves them out.
pub(crate) fn lists(rules: impl Into<SizeRange>) -> impl Strategy<Value = (Vec<Value>, bool, Vec<Request>)> {
    (vec(rule(), rules), any::<bool>(), vec(request(), 12))
}

fn rule() -> impl Strategy<Value = Value> {
    let texts = (
        option::weighted(0.6, account()),
        option::weighted(0.2, kind()),
        option::weighted(0.7, pattern()),
        option::weighted(0.3, pattern()),
    );
    let ip = option::weighted(0.15, select(IPS));
    let labels = option::weighted(0.25, btree_map(select(LABELS), pattern(), 0..3));
    let comment = option::weighted(0.2, Just("a note"));
    (texts, ip, labels, actions(), comment).prop_map(
        |((account, kind, name, service), ip, labels, actions, comment)| {
            let mut matches = Map::new();
            let mut set = |key: &str, value: Option<Value>| {
                if let Some(value) = value {
                    matches.insert(key.to_owned(), value);
                }
            };
            set("account", account.map(Value::from));
            set("type", kind.map(Value::from));
            set("name", name.map(Value::from));
            set("service", service.map(Value::from));
            set("ip", ip.map(Value::from));
            set("labels", labels.map(|labels| json!(labels)));
            let mut rule = json!({ "match": matches, "actions": actions });
            if let Some(comment) = comment {
                rule["comment"] = comment.into();
            }
            rule
        },
    )
}

const IPS: &[&str] = &[
    "10.1.2.3",
    "10.0.0.0/8",
    "::ffff:10.1.2.3",
    "::ffff:10.0.0.0/104",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "::ffff:0:0/96",
    "::ffff:0:0/95",
];

const LABELS: &[&str] = &["g", "h", "many", "none"];

fn account() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => select(&["*", "?*", "/.+/", "", "a", "b", "/^(.+)-(.*)$/", "/(a)|(b)/", "/^(a?)(b?)/"][..]).prop_map(str::to_owned),
        1 => pattern(),
    ]
}

fn kind() -> impl Strategy<Value = String> {
    select(&["*", "r*", "repository", "/^(r)/", "/^re/", "${type}", "**", "registry"][..]).prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(USUAL).prop_map(str::to_owned),
        3 => vec(glob_atom(), 1..5).prop_map(|atoms| atoms.concat()),
        2 => (any::<bool>(), vec(regex_atom(), 1..5), any::<bool>()).prop_map(|(start, atoms, end)| {
            let (start, end) = (if start { "^" } else { "" }, if end { "$" } else { "" });
            format!("/{start}{}{end}/", atoms.concat())
        }),
    ]
}

const USUAL: &[&str] = &[
    "*",
    "**",
    "*/*",
    "${account}",
    "${account}/*",
    "*/${account}",
    "${account:1}/*",
    "${labels:g}",
    "${labels:g}/*",
    "${labels:g}-${labels:h}",
    "${labels:many}",
    "/^${account}/",
    "/^${labels:g}/",
    "/^(${labels:g})(.*)$/",
];

fn glob_atom() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => select(&["a", "b", "/", "*", "?", "a/", "/*", "**", "-"][..]),
        2 => select(&["[ab]", "[^a]", "[a-b]", "\\*", "\\a", "[^b-z]"][..]),
        4 => variable(),
        1 => select(&["[${account}]", "[a${labels:g}]", "[^${account:1}]", "[${labels:h}-z]"][..]),
    ]
}

fn regex_atom() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => select(&["a", "b", "\\/", ".", "(.+)", "(.*)", "([ab]*)", "(a|b)", "(?:a|(b))?", "[^\\/]+", "(-|@)?"][..]),
        3 => variable(),
    ]
}

fn variable() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        3 => select(&["${account}", "${name}", "${service}", "${type}"][..]),
        3 => select(&["${account:1}", "${Account:2}", "${name:1}", "${service:1}", "${type:1}"][..]),
        4 => select(&["${labels:g}", "${labels:g}", "${labels:h}", "${labels:many}", "${labels:none}"][..]),
    ]
}

fn actions() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![
        Just(vec!["*"]),
        Just(vec![]),
        subsequence(vec!["*", "delete", "pull", "push"], 0..=4),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let account = select(&["", "a", "b", "a-b", "a@b", "*", "[a", "a/b", "\\", "ab", "b-"][..]);
    let name = select(
        &[
            "a", "b", "ab", "a/b", "b/a", "a-b/a", "a/a/b", "*/a", "[a", "ab/ab", "", "-", "a-b",
        ][..],
    );
    let service = select(&["", "a", "b", "a/b", "ab"][..]);
    let address = select(
        &[
            "10.1.2.3",
            "10.9.9.9",
            "::ffff:10.1.2.3",
            "2001:db8::1",
            "::1",
            "192.0.2.1",
        ][..],
    );
    let actions = subsequence(vec!["*", "delete", "pull", "push"], 0..=4);
    let label_values = select(&[LabelValues::None, LabelValues::Glob, LabelValues::Regex][..]);
    let kind = prop_oneof![4 => Just("repository"), 1 => Just("registry")];
    (account, labels(), label_values, address, service, kind, name, actions).prop_map(
        |(account, mut labels, label_values, address, service, kind, name, actions)| {
            if label_values == LabelValues::Regex {
                // Expressions with these are not the same in Go and in Rust.
                let alike = |value: &String| !["*", "?", "**", "[", "\\"].contains(&value.as_str());
                for values in labels.values_mut() {
                    values.retain(alike);
                }
            }
            Request {
                account: account.to_owned(),
                labels,
                label_values,
                address: address.parse::<IpAddr>().expect("an address"),
                service: service.to_owned(),
                kind: kind.to_owned(),
                name: name.to_owned(),
                actions: actions.into_iter().map(str::to_owned).collect(),
            }
        },
    )
}

fn labels() -> impl Strategy<Value = Labels> {
    let plain = select(&["a", "b", "a/b", "ab", "a-b", ""][..]);
    let wild = select(&["*", "?", "a*", "[ab]", "[", "\\", "a|b", "(a)", "(", ".", "a.*", "**"][..]);
    let value = prop_oneof![4 => plain, 1 => wild].prop_map(str::to_owned);
    let some = vec(value, 0..4);
    let many = option::weighted(
        0.1,
        Just(
            (0..9)
                .map(|i| format!("a{i}"))
                .chain(["a".to_owned()])
                .collect::<Vec<_>>(),
        ),
    );
    (some.clone(), some, many).prop_map(|(g, h, many)| {
        let mut labels = BTreeMap::from([("g".to_owned(), g), ("h".to_owned(), h)]);
        labels.extend(many.map(|many| ("many".to_owned(), many)));
        labels
    })
}
