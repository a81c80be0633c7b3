//! `labels`: what of an entry's attributes becomes a label, and how.
//!
//! An attribute's values have no order, so a label's are sorted: the same entry is the same decision.

use std::collections::BTreeMap;

use regex::Regex;
use registry_auth_core::account::{Labels, LabelsArePatterns};
use registry_auth_core::acl::go_regex::Template;
use registry_auth_core::config::Section;
use registry_auth_core::problem::Problems;
use thiserror::Error;

use super::super::{MAX_ANSWER_BYTES, labels_are_patterns, required_text};
use super::dn::first_cn;
use super::entry::Entry;
use super::nested::Groups;
use super::options::{Wrong, is_attribute};

/// All labels of a directory.
#[derive(Debug)]
pub(super) struct LabelRules {
    rules: Vec<LabelRule>,
    are: LabelsArePatterns,
}

/// How one label is made.
#[derive(Debug)]
struct LabelRule {
    name: String,
    attribute: String,
    /// Whether the groups that the attribute names are followed to theirs.
    nested: bool,
    parse_cn: bool,
    /// What its one group finds is the value.
    pattern: Option<Regex>,
    lower_case: bool,
}

/// Why an entry has no labels that could be told.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum LabelsError {
    #[error("has an attribute `{0}` that is no text; take it out of `labels`")]
    Binary(String),
    #[error("has more than {MAX_ANSWER_BYTES} bytes of labels; cut them down with `pattern`")]
    TooMany,
}

impl LabelRules {
    /// Reads `labels` and `labels_are_patterns`.
    pub(super) fn read(section: &mut Section, problems: &mut Problems) -> Self {
        let are = labels_are_patterns(section, LabelsArePatterns::None, problems);
        let mut rules = Vec::new();
        if let Some(mut labels) = section.section("labels", problems) {
            let names: Vec<String> = labels.remaining().map(str::to_owned).collect();
            for name in names {
                let place = labels.place_of(&name);
                let label = labels
                    .remove(&name)
                    .and_then(|node| Section::open(node, place, problems));
                rules.extend(label.and_then(|label| LabelRule::read(name, label, problems)));
            }
        }
        Self { rules, are }
    }

    /// The attributes that are needed for them.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.attribute.as_str())
    }

    /// The attributes that name groups which are to be followed to theirs.
    pub(super) fn nested(&self) -> Vec<String> {
        let nested = self.rules.iter().filter(|rule| rule.nested);
        let mut attributes: Vec<String> = nested.map(|rule| rule.attribute.to_ascii_lowercase()).collect();
        attributes.sort_unstable();
        attributes.dedup();
        attributes
    }

    /// The labels of `entry`, who is in `groups`.
    pub(super) fn of(&self, entry: &Entry, groups: &Groups) -> Result<Labels, LabelsError> {
        let mut labels = BTreeMap::new();
        let mut bytes = 0_usize;
        for rule in &self.rules {
            if entry.is_binary(&rule.attribute) {
                return Err(LabelsError::Binary(rule.attribute.clone()));
            }
            let values = if rule.nested {
                groups.of(&rule.attribute)
            } else {
                entry.values(&rule.attribute)
            };
            let mut values: Vec<String> = values.iter().filter_map(|value| rule.value(value)).collect();
            values.sort_unstable();
            values.dedup();
            let added = values.iter().map(String::len).fold(0, usize::saturating_add);
            bytes = bytes.saturating_add(added);
            if bytes > MAX_ANSWER_BYTES {
                return Err(LabelsError::TooMany);
            }
            if !values.is_empty() {
                labels.insert(rule.name.clone(), values);
            }
        }
        Ok(Labels::new(labels, self.are))
    }
}

impl LabelRule {
    fn read(name: String, mut section: Section, problems: &mut Problems) -> Option<Self> {
        let place = section.place_of("attribute");
        let attribute = required_text(
            &mut section,
            "attribute",
            "name the attribute whose values the label has",
            problems,
        );
        let attribute = attribute.and_then(|attribute| is_attribute(attribute, &place, problems));
        let parse_cn = section.flag("parse_cn", problems).unwrap_or(false);
        let lower_case = section.flag("lower_case", problems).unwrap_or(false);
        let pattern = pattern(&mut section, problems);
        let nested = section.flag("nested", problems).unwrap_or(false);
        section.finish(problems);
        Some(Self {
            name,
            attribute: attribute?,
            nested,
            parse_cn,
            pattern: pattern.ok()?,
            lower_case,
        })
    }

    /// What the label says of a value of the attribute; `None` if it says nothing.
    fn value(&self, value: &str) -> Option<String> {
        let cut = if self.parse_cn {
            first_cn(value)?
        } else {
            value.to_owned()
        };
        let found = match &self.pattern {
            Some(pattern) => pattern.captures(&cut)?.get(1)?.as_str().to_owned(),
            None => cut,
        };
        let told = if self.lower_case { found.to_lowercase() } else { found };
        // `${labels:…}/*` would begin with a slash.
        (!told.is_empty()).then_some(told)
    }
}

/// The expression of `pattern`, in Go's dialect as all others, if there is one.
fn pattern(section: &mut Section, problems: &mut Problems) -> Result<Option<Regex>, Wrong> {
    let place = section.place_of("pattern");
    let Some(text) = section.text("pattern", problems) else {
        return if problems.is_refusal_at(&place) {
            Err(Wrong)
        } else {
            Ok(None)
        };
    };
    let template = Template::from_go(&text, &[]).map_err(|error| (place.bytes(error.at.clone()), error));
    let template = match template {
        Ok(template) => template,
        Err((place, error)) => {
            problems.error(&place, error);
            return Err(Wrong);
        }
    };
    let groups = template.captures_len().saturating_sub(1);
    if groups != 1 {
        problems.error(
            &place,
            format_args!(
                "must have one group, `(…)`, whose text is the label's value, and has {groups}; write `(?:…)` for others"
            ),
        );
        return Err(Wrong);
    }
    problems.keep(&place, template.regex(&[])).map(Some).ok_or(Wrong)
}

#[cfg(test)]
mod tests {
    use registry_auth_core::config::Node;
    use registry_auth_core::problem::Place;

    use super::*;

    fn read(json: &str) -> (LabelRules, String) {
        let mut problems = Problems::default();
        let node: Node = serde_json::from_str(&format!("{{\"labels\": {json}}}")).unwrap();
        let mut section = Section::open(node, Place::root().key("ldap_auth"), &mut problems).unwrap();
        let rules = LabelRules::read(&mut section, &mut problems);
        section.finish(&mut problems);
        (rules, problems.to_string())
    }

    fn labels(json: &str) -> Result<Vec<(String, Vec<String>)>, LabelsError> {
        let (rules, problems) = read(json);
        assert_eq!(problems, "");
        let entry = Entry::for_test(&[
            (
                "memberOf",
                &[
                    "CN=Registry-Devs,OU=Groups,DC=corp",
                    "cn=registry-ops,ou=groups,dc=corp",
                    "ou=nobody,dc=corp",
                    "*",
                ],
            ),
            ("title", &["Engineer"]),
            ("description", &["long ".repeat(20_000).as_str()]),
        ]);
        let labels = rules.of(&entry, &Groups::default())?;
        Ok(labels
            .iter()
            .map(|(name, values)| (name.to_owned(), values.to_vec()))
            .collect())
    }

    #[track_caller]
    fn assert_labels(json: &str, expected: &[(&str, &[&str])]) {
        let owned = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        let expected = expected.iter();
        let expected = expected.map(|(name, values)| ((*name).to_owned(), owned(values)));
        assert_eq!(labels(json), Ok(expected.collect()));
    }

    #[test]
    fn a_label_has_the_values_of_its_attribute_cut_as_it_says() {
        assert_labels(r#"{"title": {"attribute": "TITLE"}}"#, &[("title", &["Engineer"])]);
        assert_labels(
            r#"{"groups": {"attribute": "memberOf", "parse_cn": true}}"#,
            &[("groups", &["Registry-Devs", "registry-ops"])],
        );
        assert_labels(
            r#"{"groups": {"attribute": "memberOf", "parse_cn": true, "lower_case": "true", "pattern": "(?i)^registry-(.+)$"}}"#
                .replace("\"true\"", "true")
                .as_str(),
            &[("groups", &["devs", "ops"])],
        );
        assert_labels(
            r#"{"none": {"attribute": "mail"}, "cut": {"attribute": "title", "pattern": "^(x*)"}}"#,
            &[],
        );
        let stars = r#"{"groups": {"attribute": "memberOf", "pattern": "^(\\*)$"}}"#;
        assert_labels(stars, &[("groups", &["*"])]);
        assert_eq!(read(stars).0.are, LabelsArePatterns::None, "an attribute is data");
    }

    #[test]
    fn more_than_a_token_holds_is_no_label() {
        assert_eq!(
            labels(r#"{"all": {"attribute": "description"}}"#),
            Err(LabelsError::TooMany)
        );
    }

    #[test]
    fn what_is_wrong_with_a_label_is_told() {
        let wrong = [
            r#"{"a": {}}"#,
            r#"{"a": {"attribute": "*"}}"#,
            r#"{"a": {"attribute": "memberOf", "patern": "(x)"}}"#,
            r#"{"a": {"attribute": "memberOf", "pattern": "x"}}"#,
            r#"{"a": {"attribute": "memberOf", "pattern": "(x)(y)"}}"#,
            r#"{"a": {"attribute": "memberOf", "pattern": "(x"}}"#,
            r#"{"a": {"attribute": "memberOf", "nested": "deep"}}"#,
            r#"{"a": "memberOf"}"#,
            r#"["a"]"#,
        ];
        let told = wrong.map(|json| format!("{json}\n  {}", read(json).1));
        insta::assert_snapshot!(told.join("\n"));
    }
}
