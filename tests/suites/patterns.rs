//! Globs and expressions mean here what they mean in Go.
//!
//! Go says so itself. A pattern that Go refuses is refused here, at whatever place Go would meet the fault: since Go 1.16
//! `path.Match` reads a glob to its end for any text, so asking it with the empty text tells whether the glob is
//! well-formed; the program behind [`GoPatterns`] stops if another text ever tells otherwise. A pattern that Go takes is
//! taken, or refused as one of the documented limits.
//!
//! `SOAK_TIMES=20 cargo test --test patterns` asks for longer.

mod patterns {
    pub(super) mod generate;
    pub(super) mod same;
}

use proptest::prelude::*;
use registry_auth_core::acl::glob::{DoubleStar, Glob, quote};
use registry_auth_core::acl::go_regex::Template;
use registry_auth_tests::go_patterns::GoPatterns;
use registry_auth_tests::soak::run;

use patterns::generate::{EXPRESSIONS, GLOBS, TEXTS, expression, glob, nasty_char, texts, word, words};
use patterns::same::{same_expression, same_glob};

#[test]
fn a_glob_matches_what_go_matches() {
    let go = GoPatterns::start();
    run(4_000, &(glob(), texts()), |(pattern, texts)| {
        same_glob(&go, &pattern, &texts)
    });
}

#[test]
fn a_quoted_value_is_literal_to_go_as_well() {
    let go = GoPatterns::start();
    let value = proptest::collection::vec(nasty_char(), 1..8).prop_map(String::from_iter);
    run(500, &(value, texts()), |(value, mut texts)| {
        let mut quoted = String::new();
        quote(&value, &mut quoted);
        texts.push(value.clone());
        let expected: Vec<bool> = texts.iter().map(|text| *text == value).collect();
        prop_assert_eq!(go.glob(&quoted, &texts), Ok(expected));
        let one_of_its_characters = |text: &String| text.chars().count() == 1 && value.contains(text.as_str());
        let expected: Vec<bool> = texts.iter().map(one_of_its_characters).collect();
        prop_assert_eq!(go.glob(&format!("[{quoted}]"), &texts), Ok(expected));
        same_glob(&go, &quoted, &texts)
    });
}

/// Without Go, which has no `**`: every way to split the text is tried.
#[test]
fn two_stars_match_whatever_fits() {
    fn slow(glob: &[&str], text: &str) -> bool {
        let Some((first, rest)) = glob.split_first() else {
            return text.is_empty();
        };
        let after = |wanted: fn(char) -> bool| {
            text.chars()
                .next()
                .filter(|&c| wanted(c))
                .map(|c| &text[c.len_utf8()..])
        };
        match *first {
            "*" => slow(rest, text) || after(|c| c != '/').is_some_and(|text| slow(glob, text)),
            "**" => slow(rest, text) || after(|_| true).is_some_and(|text| slow(glob, text)),
            "?" => after(|c| c != '/').is_some_and(|text| slow(rest, text)),
            "[^a]" => after(|c| c != 'a').is_some_and(|text| slow(rest, text)),
            literal => text.strip_prefix(literal).is_some_and(|text| slow(rest, text)),
        }
    }
    let piece = proptest::sample::select(&["a", "b", "é", "/", "*", "**", "**", "?", "[^a]"][..]);
    let text = proptest::collection::vec(proptest::sample::select(&['a', 'b', '/', 'é'][..]), 0..8);
    run(
        4_000,
        &(proptest::collection::vec(piece, 0..7), text),
        |(mut pieces, text)| {
            // Stars in a row are one; the slow way needs them apart. A glob without `**` is Go's.
            pieces.dedup_by(|b, a| a.contains('*') && b.contains('*'));
            if !pieces.contains(&"**") {
                return Ok(());
            }
            let text = String::from_iter(text);
            let glob = Glob::parse(&pieces.concat(), DoubleStar::Spans);
            prop_assert_eq!(
                glob.map(|glob| glob.matches(&text)),
                Ok(slow(&pieces, &text)),
                "{:?} on {:?}",
                pieces,
                text
            );
            Ok(())
        },
    );
}

#[test]
fn an_expression_matches_and_captures_what_go_does() {
    let go = GoPatterns::start();
    run(4_000, &(expression(), texts()), |(pattern, texts)| {
        same_expression(&go, &pattern, &texts)
    });
}

#[test]
fn any_text_is_an_expression_exactly_where_go_says_so() {
    let go = GoPatterns::start();
    let raw = proptest::collection::vec(nasty_char(), 0..12).prop_map(String::from_iter);
    run(2_000, &(raw, texts()), |(pattern, texts)| {
        same_expression(&go, &pattern, &texts)
    });
}

/// A value is put in as an escaped text would be, in whatever it stands in.
#[test]
fn a_value_in_an_expression_is_what_go_makes_of_it_escaped() {
    let go = GoPatterns::start();
    let value = proptest::collection::vec(nasty_char(), 1..5).prop_map(String::from_iter);
    let places = [
        ("", ""),
        ("^", "$"),
        ("(", ")"),
        ("(?i)", ""),
        ("(?i:a", ")"),
        ("b|", ""),
        ("x*", ""),
        ("(?:a|", ")*"),
        ("[^", "]"),
        ("[x", "]+"),
        ("^(?i)[", "]"),
        ("(?U)^.*", "+"),
        (r"\b", r"\b"),
    ];
    let place = (
        proptest::sample::select(places.to_vec()),
        word("∅ ∅ * +? {2} {0,1} ?(?i)*"),
        expression(),
    );
    run(
        2_000,
        &(place, value, texts()),
        |(((before, after), repetition, rest), value, mut texts)| {
            let after = format!("{repetition}{after}{rest}");
            let escaped = escape(&value);
            texts.extend([value.clone(), value.repeat(2)]);
            let go = go.regexp(&format!("{before}{escaped}{after}"), &texts);
            let hole = before.len()..before.len() + "${account}".len();
            let (template, answers) = match (Template::from_go(&format!("{before}${{account}}{after}"), &[hole]), go) {
                (Ok(template), Ok(answers)) => (template, answers),
                (Err(ours), Ok(_)) if ours.kind.is_limit() => return Ok(()),
                (Err(_), Err(_)) => return Ok(()),
                (ours, go) => {
                    let ours = ours.map(|_| ());
                    return Err(TestCaseError::fail(format!(
                        "{before}·{escaped}·{after}: we say {ours:?}, Go says {go:?}"
                    )));
                }
            };
            let regex = template
                .regex(&[&value])
                .map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
            for (text, theirs) in texts.iter().zip(answers) {
                let ours = regex.find(text).map(|found| found.as_str());
                let theirs = theirs.as_ref().and_then(|groups| groups.first()?.as_deref());
                prop_assert_eq!(ours, theirs, "{:?} on {:?}", regex.as_str(), text);
            }
            Ok(())
        },
    );
}

/// Go takes a backslash before any ASCII punctuation, in a class as well.
fn escape(value: &str) -> String {
    let quoted = value.chars().map(|c| {
        if c.is_ascii_punctuation() {
            format!("\\{c}")
        } else {
            c.to_string()
        }
    });
    quoted.collect()
}

#[test]
fn the_patterns_people_write_mean_what_they_mean_in_go() {
    let go = GoPatterns::start();
    let texts: Vec<String> = words(TEXTS).collect();
    for pattern in words(EXPRESSIONS) {
        if let Err(error) = same_expression(&go, &pattern, &texts) {
            panic!("{error}");
        }
    }
    for pattern in words(GLOBS) {
        if let Err(error) = same_glob(&go, &pattern, &texts) {
            panic!("{error}");
        }
    }
}

/// One character in 97, all below U+0250, and those around the surrogates. Go's Unicode is older: what it has not assigned
/// may belong to something here, and `ƛ` and `ɤ` have got another case since.
#[test]
fn a_unicode_property_holds_what_it_holds_in_go() {
    let go = GoPatterns::start();
    let unassigned = |texts: &[String]| go.regexp(r"\p{Cn}", texts).expect("Go knows Cn");
    let sample = (0..0x250)
        .chain((0x250..0x11_0000).step_by(97))
        .chain([0xD7FF, 0xE000, 0x10_FFFF]);
    let mut texts: Vec<String> = sample.filter_map(char::from_u32).map(String::from).collect();
    let mut known = unassigned(&texts).into_iter();
    texts.retain(|text| known.next() == Some(None) && !["ƛ", "ɤ"].contains(&text.as_str()));
    for name in include_str!("../parts/go_patterns/properties.txt").split_whitespace() {
        for pattern in [
            format!(r"\p{{{name}}}"),
            format!(r"(?i)\P{{{name}}}"),
            format!(r"(?i)[^\p{{{name}}}]"),
        ] {
            if let Err(error) = same_expression(&go, &pattern, &texts) {
                panic!("{name}: {error}");
            }
        }
    }
}
