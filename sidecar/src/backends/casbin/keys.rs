//! `keyMatch` and its kin, as Casbin's Go library has them: a key is text with places for anything, put in the middle of a
//! regular expression as it is.
//!
//! | | in the key |
//! |---|---|
//! | `keyMatch` | the first `*` and what stands behind it is anything |
//! | `keyMatch2` | `:name` is anything without `/`, `/*` is `/` and anything |
//! | `keyMatch3` | the same with `{name}` |
//! | `keyMatch4` | the same, and what has the same name twice is the same text |
//! | `keyMatch5` | as `keyMatch3`, after the request's text has lost its `?` and what stands behind |

/// `keyMatch`.
pub(super) fn key_match(text: &str, key: &str) -> bool {
    match key.split_once('*') {
        Some((start, _)) => text.starts_with(start),
        None => text == key,
    }
}

/// The expression that decides `keyMatch2`.
pub(super) fn key2(key: &str) -> String {
    let key = key.replace("/*", "/.*");
    let segments = key.split('/').map(|segment| match segment.split_once(':') {
        Some((before, name)) if !name.is_empty() => format!("{before}[^/]+"),
        _ => segment.to_owned(),
    });
    whole(&segments.collect::<Vec<_>>())
}

/// The expression that decides `keyMatch3`.
pub(super) fn key3(key: &str) -> String {
    braced(key, "[^/]+").0
}

/// The expression that decides `keyMatch4`, and the names of its groups.
pub(super) fn key4(key: &str) -> (String, Vec<String>) {
    braced(key, "([^/]+)")
}

/// Puts `anything` in the place of what stands in braces. Within one part of a path that is all from its first brace up to
/// its last.
fn braced(key: &str, anything: &str) -> (String, Vec<String>) {
    let key = key.replace("/*", "/.*");
    let mut names = Vec::new();
    let segments = key.split('/').map(|segment| {
        let parts = segment.split_once('{').and_then(|(before, rest)| {
            let (name, after) = rest.rsplit_once('}')?;
            (!name.is_empty()).then_some((before, name, after))
        });
        let Some((before, name, after)) = parts else {
            return segment.to_owned();
        };
        names.push(name.to_owned());
        format!("{before}{anything}{after}")
    });
    let segments: Vec<_> = segments.collect();
    (whole(&segments), names)
}

fn whole(segments: &[String]) -> String {
    format!("^{}$", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::super::patterns::{Function, Patterns};

    /// As the Go library does it: by replacing in the text of the key.
    fn slow(function: Function, text: &str, key: &str) -> Option<bool> {
        let replaced = |what: &str, with: &str| {
            let what = Regex::new(what).unwrap();
            what.replace_all(&key.replace("/*", "/.*"), with).into_owned()
        };
        let whole = |key: String| Regex::new(&format!("^{key}$")).ok();
        Some(match function {
            Function::Key => match key.find('*') {
                None => text == key,
                Some(at) if text.len() > at => text.as_bytes()[..at] == key.as_bytes()[..at],
                Some(at) => text == &key[..at],
            },
            Function::Key2 => whole(replaced(":[^/]+", "[^/]+"))?.is_match(text),
            Function::Key3 => whole(replaced(r"\{[^/]+\}", "[^/]+"))?.is_match(text),
            Function::Key5 => whole(replaced(r"\{[^/]+\}", "[^/]+"))?.is_match(text.split('?').next().unwrap()),
            Function::Key4 => {
                let found = whole(replaced(r"\{[^/]+\}", "([^/]+)"))?;
                let names = Regex::new(r"\{([^/]+)\}").unwrap();
                let key = key.replace("/*", "/.*");
                let names: Vec<_> = names.captures_iter(&key).map(|name| name[1].to_owned()).collect();
                let Some(found) = found.captures(text) else {
                    return Some(false);
                };
                let values = found
                    .iter()
                    .skip(1)
                    .map(|group| group.map_or("", |group| group.as_str()));
                let pairs: Vec<_> = names.iter().zip(values).collect();
                pairs
                    .iter()
                    .all(|one| pairs.iter().all(|other| one.0 != other.0 || one.1 == other.1))
            }
            _ => unreachable!("a key"),
        })
    }

    fn matches(function: Function, text: &str, key: &str) -> bool {
        let mut patterns = Patterns::default();
        patterns.add(function, key).unwrap();
        patterns.matches(function, text, key).unwrap()
    }

    #[test]
    fn keys_are_those_of_casbins_documentation() {
        for (function, text, key, expected) in [
            (Function::Key, "/alice_data/resource1", "/alice_data/*", true),
            (Function::Key, "/alice_data", "/alice_data*", true),
            (Function::Key, "/alice", "/alice_data*", false),
            (Function::Key, "/foobar/x", "/foo/*", false),
            (Function::Key, "/foo/bar/baz", "/foo/*/other", true),
            (Function::Key2, "/alice_data/resource1", "/alice_data/:resource", true),
            (Function::Key2, "/alice_data/a/b", "/alice_data/:resource", false),
            (Function::Key2, "/alice_data/a/b", "/alice_data/*", true),
            (Function::Key2, "/a/b/c", "/:x/b/:y", true),
            (Function::Key2, "/", "/:x", false),
            (Function::Key2, "team/:", "team/:", true),
            (Function::Key3, "/project/x/member", "/project/{id}/member", true),
            (Function::Key3, "/project/x/y/member", "/project/{id}/member", false),
            (Function::Key3, "proj_x_admin", "proj_{p}_admin", true),
            (Function::Key4, "/parent/1/child/1", "/parent/{id}/child/{id}", true),
            (Function::Key4, "/parent/1/child/2", "/parent/{id}/child/{id}", false),
            (Function::Key4, "/parent/1/child/2", "/parent/{id}/child/{other}", true),
            (Function::Key5, "/foo/bar?status=1", "/foo/bar", true),
            (Function::Key5, "/parent/child?status=1", "/parent/*", true),
            (Function::Key5, "/parent/child", "/parent/{id}", true),
        ] {
            assert_eq!(matches(function, text, key), expected, "{function:?} {text} {key}");
        }
    }

    #[test]
    fn a_key_that_is_no_expression_is_none() {
        let add = |key: &str| {
            Patterns::default()
                .add(Function::Key4, key)
                .map_err(|fault| fault.to_string())
        };
        assert!(add("/a/(").unwrap_err().contains("never closed"));
        assert!(add("/(a)/{b}").unwrap_err().contains("groups of its own"));
        assert_eq!(add("/(?:a)/{b}"), Ok(()));
    }

    proptest! {
        #[test]
        fn keys_match_as_slowly_as_go_does_it(text in "[ab/:{}?*]{0,8}", key in "(a|b|/|:|\\{|\\}|:a|\\{a\\}|\\{b\\}|/\\*|\\*|\\.){0,7}") {
            for function in [Function::Key, Function::Key2, Function::Key3, Function::Key4, Function::Key5] {
                let mut patterns = Patterns::default();
                // What is no expression in one of the two languages is not compared here.
                if let (Ok(()), Some(expected)) = (patterns.add(function, &key), slow(function, &text, &key)) {
                    prop_assert_eq!(patterns.matches(function, &text, &key), Some(expected), "{:?}", function);
                }
            }
        }

        #[test]
        fn no_pattern_makes_it_stumble(text in ".{0,8}", pattern in "(?s)([\\[\\](){}*?:/\\\\^$|+.\"a,-]|.){0,12}") {
            for function in Function::OF_TEXTS.into_iter().chain([Function::Ip, Function::Labels]) {
                let mut patterns = Patterns::default();
                if patterns.add(function, &pattern).is_ok() && Function::OF_TEXTS.contains(&function) {
                    prop_assert!(patterns.matches(function, &text, &pattern).is_some());
                }
            }
        }
    }
}
