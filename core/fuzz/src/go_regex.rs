//! A Go expression with `${v}` for a variable, the variable's value, and a text; a line each.

use std::ops::Range;

use registry_auth_core::acl::go_regex::{Template, ValuesError};

use crate::{assert_within, text_lines};

const VARIABLE: &str = "${v}";

pub(crate) fn run(data: &[u8]) {
    let Some([source, value, text]) = text_lines(data) else {
        return;
    };
    let holes: Vec<Range<usize>> = source
        .match_indices(VARIABLE)
        .map(|(start, variable)| start..start + variable.len())
        .collect();
    let template = match Template::from_go(source, &holes) {
        Ok(template) => template,
        Err(error) => {
            assert_within(&error.at, source);
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(template.regex(&vec![value; holes.len() + 1]).is_err());
    let regex = match template.regex(&vec![value; holes.len()]) {
        Ok(regex) => regex,
        Err(ValuesError::TooLarge(_)) if !holes.is_empty() => return,
        Err(error) => panic!("what was translated compiles: {error}"),
    };
    assert_eq!(regex.captures_len(), template.captures_len());
    let matches = regex.is_match(text);
    if let Some(exact) = template.exact() {
        assert!(holes.is_empty());
        assert_eq!(exact.matches(text), matches, "{exact:?}");
    }
    if is_plain_around(source) && !value.is_empty() {
        let typed = source.replace(VARIABLE, &quoted(value));
        if let Ok(typed) = Template::from_go(&typed, &[]) {
            let typed = typed.regex(&[]).expect("what was translated compiles");
            assert_eq!(typed.is_match(text), matches, "a value is what was typed in its place");
        }
    }
}

/// Whether what is typed in place of a variable cannot become part of something else: a class, a count, an escape.
fn is_plain_around(source: &str) -> bool {
    !source.replace(VARIABLE, "").contains(['[', '{', '\\'])
}

fn quoted(value: &str) -> String {
    let mut quoted = String::new();
    for c in value.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}
