//! Rules that are hardly meant as they stand, each looked at by itself.

use registry_auth_core::acl::relation::Comparison;
use registry_auth_core::acl::review::{Remark, review};
use registry_auth_core::config::Document;
use registry_auth_core::config::acl::Rule;
use registry_auth_core::problem::Problems;

pub(super) fn warn(document: &Document, problems: &mut Problems) {
    let mut comparison = Comparison::default();
    for rule in document.acl.iter().flatten() {
        actions(rule, problems);
        let reach = comparison.reach(rule, document.acl_options);
        if let Some(field) = reach.takes_nothing() {
            problems.warn(&rule.place.key("match").key(field), never(field));
        }
        for noted in review(rule, document.acl_options) {
            match noted.remark {
                Remark::LooseAnchor(meant) => problems.warn(
                    &noted.place,
                    format_args!(
                        "`^` and `$` bind only the branch they stand in, so the others match anywhere in a text; \
                         write `{meant}` to bind all of them"
                    ),
                ),
                Remark::OneStar => problems.warn(
                    &noted.place,
                    "`**` is no more than `*` here, and stops at `/`; set `acl_options: {double_star: true}` for one that spans \
                     it, or write `*`",
                ),
                Remark::WasDead(dead) => problems.warn(
                    &noted.place,
                    format_args!(
                        "this rule comes alive: docker_auth does not expand {dead}, so it never matched there; see \
                         whether it is what you want, or delete it"
                    ),
                ),
                // Told of the values that lose a meaning by it.
                Remark::LabelInExpression(_) | Remark::LabelAlone(_) => {}
            }
        }
    }
}

/// Why no request meets a condition.
fn never(field: &str) -> &'static str {
    match field {
        "type" => {
            "matches no scope, so the rule never holds: types are of lower-case letters and digits; write `repository`, \
             or `registry` for the catalog"
        }
        "name" => {
            "matches no scope, so the rule never holds: no name begins or ends with `/` or has two of them side by side; \
             write it as clients do, such as `team/app`"
        }
        _ => "matches nothing, so the rule never holds; delete it, or mend the pattern",
    }
}

fn actions(rule: &Rule, problems: &mut Problems) {
    let has = |wanted: &str| rule.actions.iter().any(|action| action == wanted);
    let place = rule.place.key("actions");
    if has("push") && !has("pull") {
        problems.warn(
            &place,
            "grants `push` without `pull`, and clients look at what is there before they push, so no push succeeds; \
             add `pull`",
        );
    }
    if rule.matches.kind.as_deref() == Some("registry") && !rule.actions.is_empty() && !has("*") {
        problems.warn(
            &place,
            "grants nothing: the catalog is asked for as `registry:catalog:*`, and `*` is not among these; write `[\"*\"]`",
        );
    }
}
