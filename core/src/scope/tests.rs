use proptest::prelude::*;

use super::*;

fn canonical(values: &[&str]) -> Result<Vec<String>, ScopeError> {
    Scopes::parse(values.iter().copied()).map(|scopes| scopes.iter().map(ToString::to_string).collect())
}

#[test]
fn scopes_are_read_and_printed_in_canonical_form() {
    for (text, printed) in [
        ("repository:app:pull", "repository:app:pull"),
        ("repository:team/app:push,pull", "repository:team/app:pull,push"),
        ("repository:app:pull,,pull,push,", "repository:app:pull,push"),
        (
            "repository:host:5000/team/app:pull",
            "repository:host:5000/team/app:pull",
        ),
        ("repository(plugin):app:pull", "repository:app:pull"),
        ("registry:catalog:*", "registry:catalog:*"),
        ("repository::pull", "repository::pull"),
        ("repository:app:", "repository:app:"),
        ("repository:Team/ÄPP:pull", "repository:Team/ÄPP:pull"),
    ] {
        assert_eq!(canonical(&[text]).unwrap(), [printed], "{text}");
    }
}

#[test]
fn what_is_no_scope_is_refused_and_named() {
    for text in [
        "repository",
        "repository:app",
        "Repository:app:pull",
        ":app:pull",
        "repository():app:pull",
        "repository(plugin:app:pull",
        "repository(a)(b):app:pull",
        "xrepository(plugin)x:app:pull",
        "repository:a:b:pull",
        "repository:host:5000:pull",
        "repository:host:port/app:pull",
        "repository:app/host:5000:pull",
        "repository:/app:pull",
        "repository:app/:pull",
        "repository:a//b:pull",
        "repository:app:Pull",
        "repository:app:pu-ll",
        "repository:app:**",
        "repository:app:pull\u{a0}",
    ] {
        let error = canonical(&[text]).unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}")), "{text}: {error}");
    }
    assert!(matches!(canonical(&["repository:a\tb:pull"]), Err(ScopeError::Name(_))));
    assert!(matches!(
        canonical(&["repository:a\u{7f}:pull"]),
        Err(ScopeError::Name(_))
    ));
}

#[test]
fn only_u_0020_separates_and_runs_of_it_count_as_one() {
    assert_eq!(
        canonical(&["", " repository:a:pull  repository:b:pull ", ""])
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        canonical(&["repository:a\u{2003}b:pull"]).unwrap(),
        ["repository:a\u{2003}b:pull"]
    );
}

#[test]
fn equal_resources_are_merged_in_the_order_first_named() {
    let merged = canonical(&[
        "repository:b:push repository:a:pull",
        "repository:b:pull",
        "repository(x):a:delete",
    ]);
    assert_eq!(merged.unwrap(), ["repository:b:pull,push", "repository:a:delete,pull"]);
}

#[test]
fn limits_are_64_resources_and_256_bytes_of_name() {
    let many: Vec<String> = (0..64).map(|i| format!("repository:r{i}:pull")).collect();
    assert_eq!(canonical(&[&many.join(" "), "repository:r1:push"]).unwrap().len(), 64);
    assert_eq!(
        canonical(&[&many.join(" "), "repository:one-more:pull"]),
        Err(ScopeError::TooMany)
    );
    assert!(canonical(&[&format!("repository:{}:pull", "n".repeat(256))]).is_ok());
    let long = canonical(&[&format!("repository:{}:pull", "n".repeat(257))]);
    assert!(matches!(long, Err(ScopeError::NameTooLong(_))));
}

#[test]
fn limits_are_32_actions_of_32_bytes_however_they_are_asked_for() {
    let action = |i: u8| format!("a{}", char::from(b'a' + i % 26)).repeat(1 + usize::from(i / 26));
    let actions: Vec<String> = (0..32).map(action).collect();
    let all = format!("repository:a:{}", actions.join(","));
    assert!(canonical(&[&all, &all]).is_ok());
    for more in [format!("{all},more"), format!("{all} repository:a:more")] {
        let refused = canonical(&[&more]);
        assert!(matches!(refused, Err(ScopeError::TooManyActions(_))), "{refused:?}");
    }
    assert!(canonical(&[&format!("repository:a:{}", "l".repeat(32))]).is_ok());
    let long = canonical(&[&format!("repository:a:{}", "l".repeat(33))]);
    assert!(matches!(long, Err(ScopeError::TooManyActions(_))), "{long:?}");
}

#[test]
fn an_intersection_goes_by_name_alone() {
    let asked = Actions::parse("*,pull").unwrap();
    assert_eq!(
        asked.intersection(&["pull", "push"].into_iter().collect()).to_string(),
        "pull"
    );
    assert_eq!(asked.intersection(&["*"].into_iter().collect()).to_string(), "*");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_what_parses_prints_to_itself(text in "\\PC{0,60}|[a-z(]{1,12}[:/a-z0-9(),* \u{0}]{0,40}") {
        if let Ok(scopes) = Scopes::parse([text.as_str()]) {
            let printed: Vec<String> = scopes.iter().map(ToString::to_string).collect();
            let again = Scopes::parse(printed.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(again, scopes);
        }
    }
}
