use super::{DoubleStar, Glob, GlobErrorKind, quote};

#[track_caller]
fn glob(text: &str) -> Glob {
    Glob::parse(text, DoubleStar::Star).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[track_caller]
fn spanning(text: &str) -> Glob {
    Glob::parse(text, DoubleStar::Spans).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[test]
fn a_star_stops_at_a_slash() {
    assert!(glob("team/*").matches("team/"));
    assert!(glob("team/*").matches("team/app"));
    assert!(!glob("team/*").matches("team/app/x"));
    assert!(!glob("team/*").matches("team"));
    assert!(glob("*/app").matches("/app"));
    assert!(glob("*/*/b*d").matches("x/y/bcd"));
    assert!(!glob("*/*").matches("a/b/c"));
    assert!(!glob("?").matches("/"));
    assert!(glob("?").matches("é"));
    assert!(!glob("?*").matches(""));
}

#[test]
fn a_class_matches_a_slash_when_it_holds_it() {
    assert!(glob("a[/]b").matches("a/b"));
    assert!(glob("a[^x]b").matches("a/b"));
    assert!(glob("[!a]").matches("!"));
    assert!(!glob("[!a]").matches("b"));
    assert!(glob(r"[\]\-\^]").matches("]"));
    assert!(glob("[^z-a]").matches("/"));
}

#[test]
fn braces_and_two_stars_mean_nothing_in_docker_auth() {
    assert!(glob("{a,b}").matches("{a,b}"));
    assert!(!glob("{a,b}").matches("a"));
    assert!(!glob("a/**").matches("a/b/c"));
    assert!(glob("a/**").matches("a/b"));
}

#[test]
fn two_stars_span_slashes_where_asked_to() {
    assert!(spanning("a/**").matches("a/b/c"));
    assert!(spanning("**/x").matches("a/b/x"));
    assert!(!spanning("**/x").matches("x"));
    assert!(!spanning("a/*").matches("a/b/c"));
    assert!(spanning("**/a*b").matches("x/a/y/ab"));
    assert!(!spanning("**/a*b/**").matches("x/a/y/ab"));
    assert!(spanning("a/**/[b-d]?/*").matches("a/x/y/cé/"));
    assert!(spanning("***").matches("a/b"));
}

#[test]
fn two_kinds_of_stars_do_not_multiply() {
    let text = "a".repeat(2_000);
    assert!(!spanning(&format!("{}b", "**a*a".repeat(200))).matches(&text));
    assert!(!glob(&format!("{}b", "*a".repeat(1_000))).matches(&text));
}

#[test]
fn what_is_malformed_is_found_when_parsed() {
    use GlobErrorKind::{EmptyClass, HoldsNothing, LooseDash, TrailingBackslash, Unclosed};
    for (text, kind, at) in [
        ("team-[a-z/*", Unclosed, 5..6),
        ("[", Unclosed, 0..1),
        ("x[^", Unclosed, 1..2),
        ("[]", EmptyClass, 0..2),
        ("[]a]", EmptyClass, 0..2),
        ("[^]a]", EmptyClass, 0..3),
        ("[-a]", LooseDash, 1..2),
        ("[a-]", LooseDash, 0..4),
        ("[a--]", LooseDash, 3..4),
        ("[ab-", Unclosed, 0..1),
        ("a\\", TrailingBackslash, 1..2),
        ("[a\\", TrailingBackslash, 2..3),
        ("é[z-a]", HoldsNothing, 2..7),
        ("[^\0-\u{10FFFF}]", HoldsNothing, 0..9),
    ] {
        let error = Glob::parse(text, DoubleStar::Star).expect_err(text);
        assert_eq!((error.kind, error.at), (kind, at), "{text}");
    }
    // One dead range beside a live one is Go's business, not an error.
    assert!(glob("[z-aq]").matches("q"));
}

#[test]
fn a_glob_without_wildcard_is_its_text() {
    assert_eq!(glob(r"a\*b").literal(), Some("a*b"));
    assert_eq!(glob("").literal(), Some(""));
    assert_eq!(glob("a*").literal(), None);
    assert_eq!(glob(r"team\?/*").literal_prefix(), "team?/");
    assert_eq!(glob("[a]b").literal_prefix(), "");
}

#[test]
fn a_quoted_value_is_literal_everywhere() {
    let value = r"*?[a-z]^\-é!";
    let mut text = String::new();
    quote(value, &mut text);
    assert_eq!(glob(&text).literal(), Some(value));
    let class = glob(&format!("[{text}]"));
    assert!(value.chars().all(|c| class.matches(&c.to_string())));
    assert!(!class.matches("b"));
}

#[test]
fn stars_step_over_bytes_as_in_go() {
    assert!(glob("*??").matches("€"));
    assert!(glob("*[^é]").matches("é"));
    assert!(!glob("*[^x]*c").matches("a/bc"));
}
