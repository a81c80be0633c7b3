//! The values of `scope` parameters, a line each.

use std::collections::BTreeSet;

use registry_auth_core::scope::{MAX_NAME_BYTES, MAX_SCOPES, Scope, Scopes};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let scopes = match Scopes::parse(text.lines()) {
        Ok(scopes) => scopes,
        Err(error) => {
            let error = error.to_string();
            assert!(
                error.len() < 512 && !error.chars().any(char::is_control),
                "an error fit for a log: {error:?}"
            );
            return;
        }
    };
    assert!(scopes.iter().count() <= MAX_SCOPES);
    let resources: BTreeSet<_> = scopes.iter().map(Scope::resource).collect();
    assert_eq!(resources.len(), scopes.iter().count(), "each resource once");
    for scope in &scopes {
        assert!(scope.resource().name().len() <= MAX_NAME_BYTES);
        assert!(scope.actions().iter().is_sorted_by(|a, b| a < b), "{scope}");
        let canonical = scope.to_string();
        assert!(
            !canonical.contains(' ') && !canonical.chars().any(char::is_control),
            "{canonical:?}"
        );
        assert_eq!(
            Scope::parse(&canonical).as_ref(),
            Ok(scope),
            "a canonical text is itself"
        );
    }
    let canonical: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    assert_eq!(Scopes::parse([canonical.join(" ").as_str()]), Ok(scopes));
}
