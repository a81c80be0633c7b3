//! Patterns that are none, and patterns that would take for ever or fill the memory.

use super::{Given, Refused};
use crate::*;

/// Taken, though a matcher that goes back needs a time beyond all patience; and whether it matches 255 times `a`, and the
/// same with a `b` at the end.
pub(super) const SLOW_ELSEWHERE: [(&str, [bool; 2]); 8] = [
    ("/((((a*)*)*)*)*$/", [true, true]),
    ("/^((((a*)*)*)*)*$/", [true, false]),
    ("/^(a|a|aa)*$/", [true, false]),
    ("/^(a?){300}a{50}$/", [true, false]),
    ("/^(.*a){20}$/", [true, false]),
    ("/^(([a-z])+.)+a$/", [true, false]),
    ("/^(a|b|ab)*[^b]$/", [true, false]),
    (
        "a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a",
        [true, false],
    ),
];

pub(super) fn wrong() -> Vec<Refused> {
    let name = |pattern: &str, fault: &str| {
        let rules = json!([{"match": {"name": pattern}, "actions": []}]);
        let shown: String = pattern.chars().take(40).collect();
        Refused::new(
            &format!("the pattern {shown}"),
            Given::Text(config_with("acl", rules).to_string()),
            &[&format!("acl[0].match.name: {fault}")],
        )
    };
    vec![
        name("/(a{1000}){1000}/", "`{1000}` is out of bounds"),
        name("/(((((((a{9}){9}){9}){9}){9}){9}){9}/", "`"),
        name("/a{1001}/", "`{1001}` is out of bounds"),
        name("/a**/", "`**` repeats a repetition"),
        name("/\\pL{1000}/", "the expression needs more than 1 MiB when compiled"),
        name(
            "/(?i)(\\pL\\pL\\pL\\pL){100}/",
            "the expression needs more than 1 MiB when compiled",
        ),
        name(
            &format!("/{}a{}/", "(".repeat(10_000), ")".repeat(10_000)),
            "groups and repetitions nest more than 100 deep here",
        ),
        name(
            &format!("/{}/", "a|".repeat(20_000)),
            "the expression is longer than 32 KiB",
        ),
        name(&format!("/{}/", "(".repeat(30_000)), "groups"),
        name("/[\u{0}-\u{10ffff}/", "`[` is never closed"),
        name("/a\\/", "`\\` at the end escapes nothing"),
        name("/(?=a)/", "`(?=` is no group"),
        name("[", "`[` is never closed"),
        name(&"[a-".repeat(100_000), "`[` is never closed"),
        name("${", "`${` is never closed"),
        name("${name:1}", "`${name:1}` stands in a circle"),
        name(
            &format!("/{}/", "${account}".repeat(10_000)),
            "the expression is longer than 32 KiB",
        ),
        name(
            "/^${account:1}$/",
            "`${account:1}` is a group of `account`, which this rule lacks",
        ),
    ]
}
