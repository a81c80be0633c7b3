//! Label values that were patterns in docker_auth, and are text here.

use std::collections::BTreeMap;

use registry_auth_core::acl::review::{Remark, review};
use registry_auth_core::config::acl::{Options, Rule};
use registry_auth_core::config::users::User;
use registry_auth_core::problem::{Place, Problems};

use super::Subject;

/// What makes an expression more than a text. A dot alone is hardly meant as more than a dot.
const OF_EXPRESSIONS: [char; 13] = ['*', '+', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$', '\\'];

/// The first rule that names a label in each of the two ways.
#[derive(Default)]
struct Uses {
    in_expression: Option<Place>,
    alone: Option<Place>,
}

pub(super) fn warn(subject: Subject<'_>, problems: &mut Problems) {
    let document = subject.document;
    let mut uses: BTreeMap<String, Uses> = BTreeMap::new();
    for rule in document.acl.iter().flatten() {
        note(rule, document.acl_options, &mut uses);
    }
    if uses.is_empty() {
        return;
    }
    for user in document.users.iter().flatten() {
        of_user(user, &uses, subject, problems);
    }
}

fn note(rule: &Rule, options: Options, uses: &mut BTreeMap<String, Uses>) {
    for noted in review(rule, options) {
        match noted.remark {
            Remark::LabelInExpression(label) => {
                uses.entry(label)
                    .or_default()
                    .in_expression
                    .get_or_insert(rule.place.clone());
            }
            Remark::LabelAlone(label) => {
                uses.entry(label).or_default().alone.get_or_insert(rule.place.clone());
            }
            _ => {}
        }
    }
}

fn of_user(user: &User, named: &BTreeMap<String, Uses>, subject: Subject<'_>, problems: &mut Problems) {
    for (label, values) in &user.labels {
        let Some(in_rules) = named.get(label) else { continue };
        for (i, value) in values.iter().enumerate() {
            let place = user.place.key("labels").key(label).index(i);
            if let Some(rule) = in_rules
                .in_expression
                .as_ref()
                .filter(|_| value.contains(OF_EXPRESSIONS))
            {
                problems.warn(
                    &place,
                    format_args!(
                        "stands for itself in the expression of {}, where docker_auth took it for a part of the \
                         expression; write each value out, or use the label in a pattern without slashes, where its `*` \
                         counts",
                        subject.line(rule)
                    ),
                );
            }
            let is_expression = value.len() > 2 && value.starts_with('/') && value.ends_with('/');
            if let Some(rule) = in_rules.alone.as_ref().filter(|_| is_expression) {
                problems.warn(
                    &place,
                    format_args!(
                        "is no expression in {}, though docker_auth took it for one: whether a pattern stands between \
                         slashes is decided by what the rule says; write it into a rule",
                        subject.line(rule)
                    ),
                );
            }
        }
    }
}
