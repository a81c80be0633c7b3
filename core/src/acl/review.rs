//! What of a rule's patterns is hardly meant, or means something else than it did in docker_auth.

use std::fmt;

use super::glob::{self, DoubleStar, Part};
use super::go_regex;
use super::pattern::Written;
use super::variables::{Field, Variable};
use crate::config::acl::{Options, Rule};
use crate::problem::Place;

/// Something about one pattern, and where that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The pattern, or a part of it.
    pub place: Place,
    /// What there is to say of it.
    pub remark: Remark,
}

/// What there is to say of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// `/^a|b$/`: an anchor holds for one branch only. With it comes what was probably meant.
    LooseAnchor(String),
    /// `**` where it means no more than `*`.
    OneStar,
    /// docker_auth never expanded this variable, so the rule never matched there.
    WasDead(Dead),
    /// A label's values are text in this expression, where docker_auth took them for a part of it.
    LabelInExpression(String),
    /// A label's value is all of this pattern: between slashes it was an expression in docker_auth.
    LabelAlone(String),
}

/// Why a rule never matched in docker_auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// A capture stands behind another variable of the same pattern.
    CaptureBehindVariable,
    /// A capture is of an expression that holds a variable itself.
    CaptureOfVariable,
    /// A label's pattern holds a capture or a label.
    InLabel,
}

impl fmt::Display for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CaptureBehindVariable => "a capture behind another variable",
            Self::CaptureOfVariable => "a capture of an expression that holds a variable",
            Self::InLabel => "a capture or a label in the pattern of a label",
        })
    }
}

/// All there is to say of the patterns of `rule`, which have no faults.
#[must_use]
pub fn review(rule: &Rule, options: Options) -> Vec<Noted> {
    let conditions = conditions(rule);
    let mut noted = Vec::new();
    for (field, place, text) in &conditions {
        let Ok(written) = Written::read(text) else { continue };
        let mut note = |place: Place, remark| noted.push(Noted { place, remark });
        match written.expression() {
            Some(expression) => {
                if let Some(meant) = meant_by_anchors(expression, &written) {
                    note(place.clone(), Remark::LooseAnchor(format!("/{meant}/")));
                }
            }
            None => {
                if let Some(at) = text.find("**").filter(|_| !options.double_star && spans(text)) {
                    note(place.bytes(at..at.saturating_add("**".len())), Remark::OneStar);
                }
            }
        }
        for (i, reference) in written.references().iter().enumerate() {
            let at = place.bytes(reference.at.clone());
            match &reference.variable {
                Variable::Label(label) if written.expression().is_some() => {
                    note(at.clone(), Remark::LabelInExpression(label.to_string()));
                }
                Variable::Label(label) if reference.at == (0..text.len()) => {
                    note(at.clone(), Remark::LabelAlone(label.to_string()));
                }
                _ => {}
            }
            if let Some(dead) = dead(*field, i, &reference.variable, &conditions) {
                note(at, Remark::WasDead(dead));
            }
        }
    }
    noted
}

/// What a variable stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// A part of the request.
    Field,
    /// What a group took.
    Capture,
    /// The values of a label.
    Label,
}

/// Every variable in the patterns of `rule`: where, as it is written, and what it stands for.
#[must_use]
pub fn variables(rule: &Rule) -> Vec<(Place, String, Stands)> {
    let conditions = conditions(rule);
    let all = conditions.iter().flat_map(|(_, place, text)| {
        let references = Written::read(text).map(|written| written.references().to_vec());
        references.unwrap_or_default().into_iter().map(|reference| {
            let stands = match &reference.variable {
                Variable::Field(_) => Stands::Field,
                Variable::Capture { .. } => Stands::Capture,
                Variable::Label(_) => Stands::Label,
            };
            (place.bytes(reference.at), reference.variable.to_string(), stands)
        })
    });
    all.collect()
}

/// Of each pattern the field it is of, or `None` for a label; where it stands; and its text.
fn conditions(rule: &Rule) -> Vec<(Option<Field>, Place, &str)> {
    let matches = rule.place.key("match");
    let fields = Field::ALL.into_iter().filter_map(|field| {
        let text = match field {
            Field::Account => &rule.matches.account,
            Field::Kind => &rule.matches.kind,
            Field::Name => &rule.matches.name,
            Field::Service => &rule.matches.service,
        };
        Some((Some(field), matches.key(field.key()), text.as_deref()?))
    });
    let labels = rule.matches.labels.iter();
    let labels = labels.map(|(name, text)| (None, matches.key("labels").key(name), text.as_str()));
    fields.chain(labels).collect()
}

/// Why docker_auth never expanded the variable number `i` of a pattern.
fn dead(
    field: Option<Field>,
    i: usize,
    variable: &Variable,
    conditions: &[(Option<Field>, Place, &str)],
) -> Option<Dead> {
    match (field, variable) {
        (None, Variable::Capture { .. } | Variable::Label(_)) => Some(Dead::InLabel),
        (Some(_), Variable::Capture { .. }) if i > 0 => Some(Dead::CaptureBehindVariable),
        (Some(_), Variable::Capture { field, .. }) => {
            let source = conditions.iter().find(|(of, _, _)| *of == Some(*field));
            let written = source.and_then(|(_, _, text)| Written::read(text).ok());
            let has_variable = written.is_some_and(|written| !written.references().is_empty());
            has_variable.then_some(Dead::CaptureOfVariable)
        }
        _ => None,
    }
}

/// Whether a glob would span slashes if it might.
fn spans(text: &str) -> bool {
    glob::parts(text, DoubleStar::Spans).is_ok_and(|parts| parts.contains(&Part::Span))
}

/// With anchors around all branches, if they bind one of several only.
fn meant_by_anchors(expression: &str, written: &Written<'_>) -> Option<String> {
    const SLASH: usize = 1;
    let holes = written.references().iter().map(|reference| {
        let at = &reference.at;
        at.start.saturating_sub(SLASH)..at.end.saturating_sub(SLASH)
    });
    let (start, end) = go_regex::loose_anchors(expression, &holes.collect::<Vec<_>>())?;
    let inner = if start {
        expression.strip_prefix('^').unwrap_or(expression)
    } else {
        expression
    };
    let inner = if end {
        inner.strip_suffix('$').unwrap_or(inner)
    } else {
        inner
    };
    let (start, end) = (if start { "^" } else { "" }, if end { "$" } else { "" });
    Some(format!("{start}(?:{inner}){end}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::acl::read;
    use crate::problem::Problems;

    fn remarks(matches: &str) -> Vec<(String, Remark)> {
        let text = format!(r#"[{{"match": {matches}, "actions": []}}]"#);
        let mut problems = Problems::default();
        let rules = read(
            serde_json::from_str(&text).unwrap(),
            &Place::root().key("acl"),
            &mut problems,
        );
        let noted = review(&rules[0], Options::default()).into_iter();
        noted.map(|it| (it.place.path().to_owned(), it.remark)).collect()
    }

    fn only(matches: &str) -> Remark {
        let [(_, remark)] = <[_; 1]>::try_from(remarks(matches)).unwrap();
        remark
    }

    #[test]
    fn anchors_that_bind_one_branch_are_told_with_what_was_meant() {
        for (written, meant) in [
            ("/^a|b$/", "/^(?:a|b)$/"),
            ("/^a|b/", "/^(?:a|b)/"),
            ("/a|b|c$/", "/(?:a|b|c)$/"),
            ("/^ada$|bob/", "/^(?:ada$|bob)/"),
        ] {
            let matches = format!(r#"{{"account": "{written}"}}"#);
            assert_eq!(only(&matches), Remark::LooseAnchor(meant.to_owned()), "{written}");
        }
        for fine in ["/^(a|b)$/", "/^a$|^b$/", "/^$|^a/", "/a|b/", "/a$|^b/", "/^a[|]b$/"] {
            assert_eq!(remarks(&format!(r#"{{"account": "{fine}"}}"#)), [], "{fine}");
        }
    }

    #[test]
    fn what_docker_auth_never_expanded_is_told() {
        for (matches, dead) in [
            (
                r#"{"account": "/^(.+)-(.+)$/", "name": "${account:1}/${account:2}"}"#,
                Dead::CaptureBehindVariable,
            ),
            (
                r#"{"account": "/^${service}-(.+)$/", "name": "${account:1}"}"#,
                Dead::CaptureOfVariable,
            ),
            (
                r#"{"account": "/^(.+)$/", "labels": {"a": "${account:1}"}}"#,
                Dead::InLabel,
            ),
            (r#"{"labels": {"a": "x-${labels:b}"}}"#, Dead::InLabel),
        ] {
            assert_eq!(only(matches), Remark::WasDead(dead), "{matches}");
        }
        assert_eq!(
            remarks(r#"{"account": "/^(.+)@a$/", "name": "${account:1}/${account}"}"#),
            []
        );
    }

    #[test]
    fn stars_and_labels_that_mean_less_than_they_look_are_told() {
        assert_eq!(only(r#"{"name": "team/**"}"#), Remark::OneStar);
        assert_eq!(remarks(r#"{"name": "team/\\**"}"#), []);
        assert_eq!(
            only(r#"{"name": "/^${labels:team}-/"}"#),
            Remark::LabelInExpression("team".to_owned())
        );
        assert_eq!(
            only(r#"{"name": "${labels:team}"}"#),
            Remark::LabelAlone("team".to_owned())
        );
        assert_eq!(remarks(r#"{"name": "${labels:team}/*"}"#), []);
    }
}
