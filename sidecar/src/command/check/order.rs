//! Rules that come too late: an earlier one takes their requests.

mod index;

use registry_auth_core::acl::relation::{Answer, Comparison, Reach};
use registry_auth_core::config::acl::Rule;
use registry_auth_core::problem::Problems;

use super::Subject;
use index::Index;

/// So many pairs of rules are looked at: some seconds of work.
const MAX_PAIRS: usize = 60_000_000;
/// So many pairs of patterns are compared: some seconds, too.
const MAX_COMPARED: usize = 50_000;

pub(super) fn warn(subject: Subject<'_>, problems: &mut Problems) {
    warn_within(MAX_PAIRS, MAX_COMPARED, subject, problems);
}

fn warn_within(most_pairs: usize, most_compared: usize, subject: Subject<'_>, problems: &mut Problems) {
    let Some(rules) = &subject.document.acl else { return };
    let mut comparison = Comparison::default();
    let options = subject.document.acl_options;
    let reaches: Vec<Reach> = rules.iter().map(|rule| comparison.reach(rule, options)).collect();
    let mut index = Index::default();
    let mut pairs = 0_usize;
    for (number, (rule, reach)) in rules.iter().zip(&reaches).enumerate() {
        let before = index.candidates(reach);
        pairs = pairs.saturating_add(before.len());
        if pairs > most_pairs || comparison.compared() > most_compared {
            problems.warn(
                &rule.place,
                "is, with those behind it, not compared with the rules above: there are too many that could come before \
                 them",
            );
            return;
        }
        let before = before
            .into_iter()
            .filter_map(|i| Some((rules.get(i)?, reaches.get(i)?)));
        let before = before.filter(|(_, earlier)| !earlier.is_apart_from(reach));
        if let Some(late) = late((rule, reach), before, &mut comparison) {
            late.tell(rule, subject, problems);
        }
        index.add(number, reach);
    }
}

/// Why a rule comes too late.
enum Late<'r> {
    /// It never matches: this one takes all.
    Never(&'r Rule),
    /// This one takes some requests, and grants less. With it comes an example, if there is one to tell.
    Sometimes(&'r Rule, String),
}

fn late<'r>(
    (rule, reach): (&Rule, &Reach),
    before: impl Iterator<Item = (&'r Rule, &'r Reach)>,
    comparison: &mut Comparison,
) -> Option<Late<'r>> {
    let mut sometimes = None;
    for (earlier, its_reach) in before {
        if comparison.covers(its_reach, reach) == Answer::Yes {
            return Some(Late::Never(earlier));
        }
        // A deny is there to come first.
        if sometimes.is_none()
            && !earlier.actions.is_empty()
            && more(rule, earlier).is_some()
            && let Ok(example) = comparison.common(its_reach, reach)
        {
            sometimes = Some(Late::Sometimes(earlier, example.to_string()));
        }
    }
    sometimes
}

/// What `rule` grants and `earlier` does not, if anything.
fn more(rule: &Rule, earlier: &Rule) -> Option<String> {
    let is_all = |rule: &Rule| rule.actions == ["*"];
    if is_all(earlier) {
        return None;
    }
    if is_all(rule) {
        return Some("all that is asked".to_owned());
    }
    let more = rule.actions.iter().filter(|action| !earlier.actions.contains(action));
    let more: Vec<_> = more.map(|action| format!("`{action}`")).collect();
    (!more.is_empty()).then(|| more.join(", "))
}

fn granted(rule: &Rule) -> String {
    match rule.actions.as_slice() {
        [] => "denies".to_owned(),
        [all] if all == "*" => "grants all that is asked".to_owned(),
        actions => {
            let actions: Vec<_> = actions.iter().map(|action| format!("`{action}`")).collect();
            format!("grants {}", actions.join(", "))
        }
    }
}

impl Late<'_> {
    fn tell(&self, rule: &Rule, subject: Subject<'_>, problems: &mut Problems) {
        match self {
            Self::Never(earlier) => problems.warn(
                &rule.place,
                format_args!(
                    "never matches, since {} takes every request that it would, and {}; put it above that one, or delete it",
                    subject.line(&earlier.place),
                    granted(earlier),
                ),
            ),
            Self::Sometimes(earlier, example) => {
                let example = if example.is_empty() {
                    String::new()
                } else {
                    format!(", for example at {example}")
                };
                problems.warn(
                    &rule.place,
                    format_args!(
                        "would grant {} where {} comes before it and {}{example}; the first rule that matches decides: \
                         put this one above that one, or add the actions there",
                        more(rule, earlier).unwrap_or_default(),
                        subject.line(&earlier.place),
                        granted(earlier),
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn warnings(most_pairs: usize, most_compared: usize, acl: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auth.yml");
        std::fs::write(&file, format!("users: {{}}\nacl:\n{acl}")).unwrap();
        let loaded = config::load(&[file], &|_| None);
        let document = loaded.document.unwrap();
        let subject = Subject {
            origin: &loaded.origin,
            document: &document,
        };
        let mut problems = Problems::default();
        warn_within(most_pairs, most_compared, subject, &mut problems);
        let warnings = problems.warnings().iter().map(ToString::to_string);
        let folder = format!("{}/", folder.path().display());
        warnings.map(|warning| warning.replace(&folder, "")).collect()
    }

    fn rules(matches: &[&str]) -> String {
        let rules = matches.iter().map(|it| format!("- {{match: {it}, actions: [pull]}}\n"));
        rules.collect()
    }

    #[test]
    fn where_there_are_too_many_to_compare_that_is_said() {
        let acl = rules(&["{name: a*}", "{name: '*b'}", "{name: 'a*b'}", "{name: c}"]);
        assert_eq!(
            warnings(MAX_PAIRS, MAX_COMPARED, &acl),
            [
                "acl[2]: never matches, since `acl[0]` (auth.yml:3) takes every request that it would, and grants `pull`; \
                 put it above that one, or delete it"
            ]
        );
        for (pairs, compared) in [(2, MAX_COMPARED), (MAX_PAIRS, 0)] {
            let cut = warnings(pairs, compared, &acl);
            assert!(cut[0].contains("not compared with the rules above"), "{cut:?}");
            assert_eq!(cut.len(), 1);
        }
    }

    #[test]
    fn rules_that_have_nothing_in_common_or_grant_no_more_are_not_told() {
        let acl = rules(&[
            "{name: a/*}",
            "{name: b/*}",
            "{account: ada}",
            "{name: '*/x', account: bob}",
        ]);
        assert_eq!(warnings(MAX_PAIRS, MAX_COMPARED, &acl), [""; 0]);
    }
}
