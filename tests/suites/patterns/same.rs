//! One pattern in Go and here, on the same texts.

use proptest::prelude::*;
use registry_auth_core::acl::glob::{DoubleStar, Glob, GlobErrorKind};
use registry_auth_core::acl::go_regex::Template;
use registry_auth_tests::go_patterns::{GoPatterns, Groups};

#[track_caller]
pub(crate) fn same_expression(go: &GoPatterns, pattern: &str, texts: &[String]) -> Result<(), TestCaseError> {
    let template = match (Template::from_go(pattern, &[]), go.regexp(pattern, texts)) {
        (Err(ours), Ok(_)) if ours.kind.is_limit() => return Ok(()),
        (Err(ours), Ok(_)) => return Err(TestCaseError::fail(format!("Go takes {pattern:?}, we say: {ours}"))),
        (Ok(_), Err(go)) => return Err(TestCaseError::fail(format!("we take {pattern:?}, Go says: {go}"))),
        (Err(ours), Err(_)) => {
            prop_assert!(
                pattern.get(ours.at.clone()).is_some(),
                "{:?} is no place in {pattern:?}",
                ours.at
            );
            return Ok(());
        }
        (Ok(template), Ok(answers)) => (template, answers),
    };
    let (template, answers) = template;
    let regex = template
        .regex(&[])
        .map_err(|error| TestCaseError::fail(format!("{pattern:?}: {error:?}")))?;
    for (text, theirs) in texts.iter().zip(answers) {
        let ours: Groups = regex.captures(text).map(|found| {
            let group = |number| found.get(number).map(|group| group.as_str().to_owned());
            (0..template.captures_len()).map(group).collect()
        });
        prop_assert_eq!(
            &ours,
            &theirs,
            "{:?} on {:?}, translated to {:?}",
            pattern,
            text,
            regex.as_str()
        );
        prop_assert_eq!(regex.is_match(text), theirs.is_some(), "{:?} on {:?}", pattern, text);
        if let Some(exact) = template.exact() {
            prop_assert_eq!(
                exact.matches(text),
                theirs.is_some(),
                "{:?} on {:?} as {:?}",
                pattern,
                text,
                exact
            );
        }
    }
    Ok(())
}

#[track_caller]
pub(crate) fn same_glob(go: &GoPatterns, pattern: &str, texts: &[String]) -> Result<(), TestCaseError> {
    let (glob, answers) = match (Glob::parse(pattern, DoubleStar::Star), go.glob(pattern, texts)) {
        (Ok(glob), Ok(answers)) => (glob, answers),
        // A class that holds nothing is found before what Go finds behind it, and alone refused here only.
        (Err(ours), Ok(_)) if ours.kind == GlobErrorKind::HoldsNothing => return Ok(()),
        (Err(ours), Err(_)) => {
            prop_assert!(
                pattern.get(ours.at.clone()).is_some(),
                "{:?} is no place in {pattern:?}",
                ours.at
            );
            return Ok(());
        }
        (Err(ours), Ok(_)) => return Err(TestCaseError::fail(format!("Go takes {pattern:?}, we say: {ours}"))),
        (Ok(_), Err(go)) => return Err(TestCaseError::fail(format!("we take {pattern:?}, Go says: {go}"))),
    };
    for (text, theirs) in texts.iter().zip(answers) {
        prop_assert_eq!(glob.matches(text), theirs, "{:?} on {:?}", pattern, text);
        prop_assert!(
            !theirs || text.starts_with(glob.literal_prefix()),
            "{:?} on {:?}",
            pattern,
            text
        );
        if let Some(literal) = glob.literal() {
            prop_assert_eq!(literal == text, theirs, "{:?} on {:?}", pattern, text);
        }
    }
    Ok(())
}
