use std::ops::Range;

use super::super::needs::{self, Need};
use super::{COMPILED_LIMIT, DialectError, DialectErrorKind as Error, Exact, Template, ValuesError};

/// Every `@` in the text is a hole.
fn holes(text: &str) -> Vec<Range<usize>> {
    text.match_indices('@')
        .map(|(at, hole)| at..at.saturating_add(hole.len()))
        .collect()
}

#[track_caller]
fn template(text: &str) -> Template {
    Template::from_go(text, &holes(text)).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[track_caller]
fn matches(text: &str, values: &[&str], subject: &str) -> bool {
    template(text)
        .regex(values)
        .unwrap_or_else(|error| panic!("`{text}`: {error}"))
        .is_match(subject)
}

#[track_caller]
fn refused(text: &str) -> DialectError {
    Template::from_go(text, &holes(text)).expect_err(text)
}

#[test]
fn a_value_is_literal() {
    for value in ["a.b", "(x|y)*", "[z]", r"\E.*", "^$", "{2}", "é#&&~~--", " \n", "", "@"] {
        for text in ["^@$", r"^\Q@\E$", "^(@)$", "^(?:x|@)$", "^(?i)@$"] {
            assert!(matches(text, &[value], value), "{text} {value}");
            assert!(!matches(text, &[value], &format!("{value}y")), "{text} {value}");
        }
    }
    assert!(matches("(?i)^@$", &["aKa"], "A\u{212A}a"));
    assert!(!matches("^@$", &["aKa"], "aka"));
}

#[test]
fn a_value_in_a_class_is_its_characters() {
    for value in ["a-c", "]^", r"\d", "[:alpha:]", "&&a", "é"] {
        for c in value.chars() {
            assert!(matches("^[@]$", &[value], &c.to_string()), "{value} {c}");
            assert!(!matches("^[^x@]$", &[value], &c.to_string()), "{value} {c}");
        }
    }
    assert!(!matches("^[@]$", &["a-c"], "b"));
    assert!(matches("^[x@-]$", &["a"], "-"));
    assert!(!matches("[@]", &[""], "a"));
    assert!(matches("^[^@]$", &[""], "a"));
    assert!(matches(r"^[\d-@]$", &["a"], "-"));
}

#[test]
fn a_repetition_behind_a_value_repeats_its_last_character() {
    assert!(matches("^@+$", &["ab"], "abbb"));
    assert!(!matches("^@+$", &["ab"], "abab"));
    assert!(matches("^@{2}$", &["a."], "a.."));
    assert!(!matches("^@{2}$", &["a."], "a.x"));
    assert!(matches("^@*(?i){2}$", &["ab"], "a"));
    assert!(matches("^x@?y$", &[""], "xy"));
    assert!(!matches("^x@?y$", &[""], "y"));
    assert!(matches("^@*@?$", &["é", "ß"], "éé"));
}

#[test]
fn a_variable_is_never_syntax() {
    for text in [
        r"\@", r"\x@", r"\x{@}", r"\p@", r"\p{@}", "[a-@]", "[@-z]", "[[:@:]]", "(?@)", "(?P<@>a)", "[--@]",
    ] {
        assert_eq!(refused(text).kind, Error::VariableInSyntax, "{text}");
    }
    // No count, so the braces are plain.
    assert!(matches("^a{@}$", &["2"], "a{2}"));
    assert!(matches("^[[:@]$", &["x"], "x"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, at, message) in [
        (
            "a[b",
            1..2,
            r"`[` is never closed; close it with `]`, or write `\[` for the character",
        ),
        (
            "a(b(c)",
            1..2,
            r"`(` is never closed; close it with `)`, or write `\(` for the character",
        ),
        ("a)", 1..2, r"`)` closes nothing; write `\)` for the character"),
        (
            "a\\",
            1..2,
            r"`\` at the end escapes nothing; write `\\` for the character",
        ),
        (
            r"é\Z",
            2..4,
            r"`\Z` means nothing here; write `$` or `\z` for the end of the text",
        ),
        (
            r"(a)\1",
            3..5,
            r"`\1` means nothing here; what a group holds cannot be referred to here; write out what it should match",
        ),
        (
            "[b-a]",
            1..4,
            "the range `b-a` runs backwards; put the lower character first",
        ),
        (
            r"\p{Letters}",
            0..11,
            r"`\p{Letters}` is no category or script that Go knows; write one such as `\pL`, `\p{Lu}` or `\p{Greek}`",
        ),
        (
            "a|*",
            2..3,
            r"`*` has nothing to repeat; put something before it, or `\` for the character",
        ),
        (
            "ab++",
            2..4,
            "`++` repeats a repetition; keep one of them, or put what is to be repeated in `(?:…)`",
        ),
        (
            "(a{50}){21}",
            7..11,
            "`{21}` is out of bounds; the lower number stands first, and nested counts multiply to 1000 at most",
        ),
        (
            "x(?=a)",
            1..4,
            r"`(?=` is no group; write `(?:…)`, `(?P<name>…)` or flags out of `imsU`, and `\(` for the character",
        ),
        (
            "(?P<a b>c)",
            0..8,
            "`(?P<a b>` is no name for a group; use letters, digits and `_`, and close it with `>`",
        ),
    ] {
        let error = refused(text);
        assert_eq!((error.at.clone(), error.to_string().as_str()), (at, message), "{text}");
        assert!(!error.kind.is_limit());
    }
}

#[test]
fn limits_are_refused_where_go_is_wider() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(matches(&nested(99), &[], "a"));
    for (text, kind) in [
        (nested(100), Error::TooDeep),
        (r"a|(?:\B)+".to_owned(), Error::LoneNoBoundary),
        (r"@\B".to_owned(), Error::LoneNoBoundary),
        (format!("a{}", "*(?i)".repeat(100)), Error::TooDeep),
        ("a".repeat(32_769), Error::TooLong),
        (r"\pL{1000}".to_owned(), Error::TooLarge),
        (
            r"a\x{D800}".to_owned(),
            Error::Surrogate {
                escape: r"\x{D800}".to_owned(),
            },
        ),
    ] {
        assert_eq!(refused(&text).kind, kind, "{text:.20}");
        assert!(kind.is_limit());
    }
    assert!(matches(r"^[^/]{1,255}$", &[], "abc"));
    assert!(matches(r"^\B$|\Bx?a", &[], "xa"));
}

#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let deep = (0..99).fold("a".to_owned(), |inner, level| {
        if level % 2 == 0 {
            format!("(b|c{inner}d|@e)")
        } else {
            format!("{inner}{{1,2}}")
        }
    });
    let deep = deep.replace("{1,2}", "*");
    // The module's whole stack is 1 MiB, and optimised frames are smaller than these.
    let small = std::thread::Builder::new().stack_size(512 << 10);
    let found = small.spawn(move || matches(&deep, &["x"; 50], "b")).unwrap().join();
    assert!(found.unwrap());
}

#[test]
fn values_that_do_not_fit_are_an_error() {
    assert!(matches!(
        template("@").regex(&[]),
        Err(ValuesError::Count { holes: 1, values: 0 })
    ));
    let value = "x".repeat(COMPILED_LIMIT);
    assert!(matches!(template("@").regex(&[&value]), Err(ValuesError::TooLarge(_))));
    // What could not take 256 bytes is refused before a request brings them.
    assert!(matches("(?:(?i)@){5}", &[&"k".repeat(256)], &"k".repeat(1_280)));
    assert_eq!(refused("(?:(?i)@){200}").kind, Error::TooLarge);
    for holes in [vec![0..1, 1..3], vec![1..2, 0..1], vec![0..1, 1..1]] {
        assert_eq!(
            Template::from_go("ab", &holes).expect_err("no places").kind,
            Error::Holes
        );
    }
}

#[test]
fn groups_keep_their_numbers() {
    let template = template(r"(?P<x>a){0}(?:b)(c)(?<x>d)?");
    assert_eq!(template.captures_len(), 4);
    let found = template.regex(&[]).unwrap();
    let found = found.captures("bc").unwrap();
    assert_eq!(found.get(2).map(|group| group.as_str()), Some("c"));
    assert!(found.get(1).is_none() && found.get(3).is_none());
}

#[test]
fn plain_text_needs_no_expression() {
    for (text, exact) in [
        (r"^team\/a\.b$", Some(Exact::Literal("team/a.b".into()))),
        (r"\Ateam/\z", Some(Exact::Literal("team/".into()))),
        ("^team/", Some(Exact::Prefix("team/".into()))),
        (r"\Q.*\E$", Some(Exact::Suffix(".*".into()))),
        ("é{", Some(Exact::Contains("é{".into()))),
        ("(?i)/1", Some(Exact::Contains("/1".into()))),
        ("^(a)$", Some(Exact::Literal("a".into()))),
        ("^a.*", Some(Exact::Prefix("a".into()))),
        (".*a$", Some(Exact::Suffix("a".into()))),
        (".*", Some(Exact::Contains(String::new()))),
        (
            "^[ab]$|c",
            Some(Exact::AnyOf(
                [
                    Exact::Literal("a".into()),
                    Exact::Literal("b".into()),
                    Exact::Contains("c".into()),
                ]
                .into(),
            )),
        ),
        ("(?i)a", None),
        ("(?m)^a", None),
        ("a+", None),
        ("^@$", None),
        ("^a.b$", None),
        ("^.+(?s:.+)$", None),
        ("^a\n.+$", None),
    ] {
        let plain = template(text)
            .exact()
            .filter(|exact| !matches!(exact, Exact::Automaton(_)));
        assert_eq!(plain, exact, "{text}");
    }
}

#[test]
fn a_test_by_plain_text_decides_as_the_expression_does() {
    let texts = [
        "", "a", "ab", "aab", "b", "ba", "bab", "abab", "acb", "a\nb", "\na", "a\n", "\n", "b\nab", "ab\nb", "éab",
        "aéb", "é",
    ];
    let expressions = [
        "^a.+$",
        "^a.*$",
        "^a.+",
        "a.+b",
        "^.+$",
        "^.*$",
        ".+",
        ".*",
        ".+b$",
        ".*b$",
        "^.+b$",
        "^a.*b$",
        "^.*a.+b.*$",
        "(?s)^a.+b$",
        "(?s)a.+$",
        "(?s)^.+$",
        "a.*b.*a",
        "^(.+)b$",
        "a.*?b",
        "(?U)^a.+$",
        "^.+.+$",
        "^.*.+b",
        "^(a|b)$",
        "^a|b$",
        "(?:a|ab)b",
        "^a?b$",
        "a(?:b|)a",
        "^[ab]b",
        "^(?:a(?:b|c)|b)b?$",
        "|a",
        "^$|^b",
        "(?s:.+)b",
        "^a.{1}b$",
        "^(?:ab){1}$",
        "a{0}b",
        "^.*\n",
        "\n.*",
        "(?s)\n.*b",
        "(?s).+\n.+",
    ];
    let mut tested = 0;
    for expression in expressions {
        let template = template(expression);
        let regex = template.regex(&[]).unwrap();
        for text in texts {
            let matches = regex.is_match(text);
            if let Some(exact) = template.exact() {
                tested += 1;
                assert_eq!(exact.matches(text), matches, "`{expression}` {text:?} {exact:?}");
                let met = |needs: Vec<Need<'_>>| needs.is_empty() || needs.iter().any(|need| need.admits(text));
                assert!(
                    !matches || met(exact.starts()) && met(exact.ends()),
                    "`{expression}` {text:?}"
                );
            }
            assert!(
                !matches || needs::admits(template.needs(), text),
                "`{expression}` {text:?} {:?}",
                template.needs()
            );
        }
    }
    assert!(tested > texts.len() * 30, "{tested}");
}
