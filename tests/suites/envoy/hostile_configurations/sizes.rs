//! Configurations that are large, and of which each part is wrong.

use super::{Given, Refused};
use crate::*;

/// Above what the module takes.
const LARGE: usize = 50_000_000;
/// Below it: what is wrong with it is found by reading it.
const NEARLY_TOO_LARGE: usize = 32 << 20;

pub(super) fn wrong() -> Vec<Refused> {
    let text = |name, text, fault: &str| Refused::new(name, Given::Text(text), &[fault]);
    let filled = |before: &str, item: &str, after: &str| {
        let count = (NEARLY_TOO_LARGE - before.len() - after.len()) / item.len();
        [before, &item.repeat(count), after].concat()
    };
    let large = format!("{{\"acl\": [], \"comment\": \"{}\"}}", "x".repeat(LARGE));
    let too_large = format!(
        "the configuration has {} bytes; at most 33554432 are taken",
        large.len()
    );
    let rules = vec![json!({"match": {}, "actions": []}); 200_000];
    let none = |count: usize| format!("{{\"acl\": [{}0]}}", "0,".repeat(count - 1));
    vec![
        text("50 MB", large, &too_large),
        text(
            "200,000 rules",
            config_with("acl", rules.into()).to_string(),
            "acl: has 200000 rules; at most 100000 are taken",
        ),
        text(
            "100,000 rules that are none",
            none(100_000),
            "acl[0]: must be a map, not a number",
        ),
        text(
            "a key of a megabyte",
            config_with(&"k".repeat(1 << 20), json!(0)).to_string(),
            // The beginning of it is told.
            &format!("{}: unknown key", "k".repeat(4_096)),
        ),
        text(
            "a word of a megabyte",
            config_with("audit", json!("k".repeat(1 << 20))).to_string(),
            "audit: must be one of `access_log`, `log`, `off`",
        ),
        text(
            "one key, millions of times",
            filled("{", "\"\":0,", "\"\":0}"),
            "[\"\"]: unknown key",
        ),
        Refused::new(
            "millions of keys",
            Given::Text(
                (0..2_500_000)
                    .map(|i| (i.to_string(), 0))
                    .collect::<Value>()
                    .to_string(),
            ),
            &["0: unknown key", "the configuration: has more than is told here"],
        ),
    ]
}
