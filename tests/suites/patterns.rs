//! Globs and expressions mean here what they mean in Go.
//!
//! Go says so itself. A pattern that Go refuses is refused here, at whatever place Go would meet the fault: since Go 1.16
//! `path.Match` reads a glob to its end for any text, so asking it with the empty text tells whether the glob is
//! well-formed; the program behind [`GoPatterns`] stops if another text ever tells otherwise. A pattern that Go takes is
//! taken, or refused as one of the documented limits.
//!
//! `PROPTEST_CASES=100000 cargo test --test patterns` asks for longer.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use registry_auth_core::acl::glob::{DoubleStar, Glob, GlobErrorKind, quote};
use registry_auth_core::acl::go_regex::Template;
use registry_auth_tests::go_patterns::{GoPatterns, Groups};

/// Characters that patterns and texts are made of: what has a meaning somewhere, cases that fold across ASCII (`k`, `K`,
/// the Kelvin sign; `s`, `ſ`), widths of one to four bytes.
const NASTY: &str =
    "ab-zAkK\u{212A}sſßéÉ€𝕏/._:,=!<>&~#@%'\"`;019[](){}^$*+?|\\ \t\n\r\u{B}\0\u{FFFD}\u{301}PQEdDwWbBxpN";

fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let given = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() {
        given.cases
    } else {
        cases
    };
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..given
    });
    if let Err(error) = runner.run(strategy, test) {
        panic!("{error}");
    }
}

fn nasty_char() -> impl Strategy<Value = char> {
    proptest::sample::select(NASTY.chars().collect::<Vec<_>>())
}

/// Text for a pattern to be tried on: mostly of few characters, so that it is matched now and then, and of blocks that
/// Unicode has not added to of late.
fn text() -> impl Strategy<Value = String> {
    let common = "aabbabkK\u{212A}ſ/\n-0_é€".chars().collect::<Vec<_>>();
    let word = prop_oneof![
        8 => proptest::sample::select(common),
        1 => nasty_char(),
        1 => proptest::char::ranges(vec!['\0'..='\u{17F}', '\u{370}'..='\u{3FF}', '\u{4E00}'..='\u{9FFF}'].into()),
    ];
    proptest::collection::vec(word, 0..9).prop_map(String::from_iter)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(text(), 6).prop_map(|mut texts| {
        texts.extend(["", "a", "ab", "aab/b\n", "k\u{212A}"].map(str::to_owned));
        texts
    })
}

#[track_caller]
fn same_expression(go: &GoPatterns, pattern: &str, texts: &[String]) -> Result<(), TestCaseError> {
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
fn same_glob(go: &GoPatterns, pattern: &str, texts: &[String]) -> Result<(), TestCaseError> {
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

/// The words of a list below, as patterns and texts: what would not be seen has a sign of its own.
fn words(list: &'static str) -> impl Iterator<Item = String> {
    let signs = [
        ("∅", ""),
        ("␣", " "),
        ("␤", "\n"),
        ("␋", "\u{B}"),
        ("␀", "\0"),
        ("ⓚ", "\u{212A}"),
    ];
    list.split_whitespace().map(move |word| {
        signs
            .iter()
            .fold(word.to_owned(), |word, (sign, text)| word.replace(sign, text))
    })
}

fn word(list: &'static str) -> impl Strategy<Value = String> {
    proptest::sample::select(words(list).collect::<Vec<_>>())
}

/// Pieces of globs, mostly well-formed.
const GLOB_PIECES: &str = r"
    a b / * * * ** ? ? [a-k] [^a] [^/] [/] [!a] [\]] [\-a] [a- ] [z-a] [z-ab] [^z-a] \* \ é [é] [^é] [^a-é€] [\a-\k]
    {a,b} - [*] [[] [?- [^] [] [ ab \é
";

/// What Go's grammar has outside classes, its corners, and what other dialects add.
const ATOMS: &str = r"
    a b k K s ſ é É ß € / - _ 0 . . ^ $ \A \z \b \B \d \D \s \S \w \W \. \/ \_ \n \t \v \a \x41 \x{6b} \x{212A}
    \x{10FFFF} \x{110000} \x{} \xg \x{D800} \0 \101 \60 \777 \08 \1 \8 \pL \PL \pl \p{Lu} \P{Ll} \p{^Lu} \P{^Greek}
    \p{Greek} \p{greek} \p{LC} \p{Any} \P{Any} \p{Cs} \pN \pZ \p{Letter} \p{Old_Italic} \p{sc=Greek} \p{Latin} \p \Q
    \E \Q.*\E \Q\E \Qa+ \C \Z \< \> \h \R \u0041 \b{start} \é { } {,2} {a} ] ]] && ~~ # ␣ ␤ (?i) (?s) (?m) (?U) (?-i)
    (?i-s) (?sm-U) (?x) (?R) (?) (?-) (?i () (?:) (?=a) (?P<n>a) (?<n>b) (?P<é>a) (?P<>a) | a| |b ab aa a|b ^$ ␀
";

/// The same inside classes.
const MEMBERS: &str = r"
    a b k K z é - -- a-z a- -z z-a A-k +-- é-€ [ [a && ~~ ^ ] \] \- \\ \d \D \w \W \s-a \w- \pL \P{Lu} \p{Greek}
    \x{D7FF}-\x{E000} \x41-\x5a \101 \b \Q [:alpha:] [:^alpha:] [:word:] [:upper:] [:foo:] [: :] [:alpha / . $ | ( ␤
    \n ſ \x{0}-\x{10FFFF} # ␣ a-\d [:space:]
";

/// What may stand behind an atom.
const REPETITIONS: &str = r"
    * + ? *? +? ?? {2} {0} {1} {0,1} {1,3} {2,} {0,} {1,}? {2}? {2,1} ** ++ *+ {2}{3} {1001} {1000} {40} {02} {␣2}
    {2,3 {99999999999} *(?i)* {0,2}?
";

/// What patterns that people write are tried on.
const TEXTS: &str = r"
    ∅ a team/app Team/App team.app library/nginx user@test.com user@test-com dev-17 dev-x / // a␤b ␤ team/␤ {a} a{2}
    aa [a] a&&b a--b <a> ⓚube kube ſub a␋b é ééé x\y 1.2.3 v1.2 ٣
";

/// Expressions that people write, and corners worth keeping.
const EXPRESSIONS: &str = r"
    ^team\/.+$ ^(.+)@test.com$ ^(.+)@test\.com$ ^[a-z0-9]+(?:[._-][a-z0-9]+)*$ ^(?:team|library)/[^/]+$ .+ ^dev-\d+$
    ^\w+$ ^[\w-]+/[\w.]+$ (?i)^team/ (?i)^kube$ ^\S+$ ^a.b$ (?s)^a.b$ (?m)^b$ a$ ^[^a]*$ ^\Qteam.app\E$ ^{a}$ ^a{2}$
    ^a{,2}$ ^[[]a]$ ^[a&&b]+$ ^[a--]+$ \<a\> ^\x61$ ^\141$ ^[[:alpha:]]+/[[:word:]]+$ ^\p{Greek}|\p{Latin}+$ ^(a)|(b)$
    ^(a*)*$ ^(a|b|)*$ (|a)+ ^(é{3})$ ^[\x00-\x7f]+$ \Ba\B \B \b (?U)a+ ^v?(\d+)\.(\d+)(?:\.(\d+))?$ a++ x** a{1001}
    (?x)a (?R) \u0061 \Z \1 (?=a) (?P<n>a)(?P<n>b) [z-a] [] [^] []a] [a-\d] [\d-z] \C (a{30}){33} (a{30}){34} a(?i)*
    a*(?i)* a\Q\E* (?i)[^\W]+ (?i)\W (?i)[[:^lower:]] \P{Any} (?i)\P{Lu} ^\z $^ ^* $+ \b* ()* (^)* (?:^|/)app(?:$|/)
    a|* (*) a{2}* (?i)ß
";

/// The same for globs.
const GLOBS: &str = r"
    * */* team/* */app ?* team/** [a-z]* [^a-z]* [!a]* {a} {a,b} \{a\} x\\y *[ [] [^] []a] [-a] [a-] a\ [\ *␤* a?b ?
    ??? *é *?? *[^é] [é] **/* te*m/a*p *.*.*
";

/// A glob of pieces that are mostly well-formed, or any text over the nasty characters.
fn glob() -> impl Strategy<Value = String> {
    let piece = word(GLOB_PIECES);
    let raw = proptest::collection::vec(nasty_char(), 0..10).prop_map(String::from_iter);
    prop_oneof![4 => proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()), 1 => raw]
}

/// An expression that is mostly well-formed, out of everything Go's grammar has, its corners and what other dialects add.
fn expression() -> impl Strategy<Value = String> {
    let atom = word(ATOMS);
    let member = word(MEMBERS);
    let class = (word("[ [ [^ [] [^] [-"), proptest::collection::vec(member, 0..4))
        .prop_map(|(open, members)| format!("{open}{}]", members.concat()));
    let leaf = prop_oneof![5 => atom, 2 => class];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let repeated = (inner.clone(), word(REPETITIONS)).prop_map(|(inner, operator)| format!("{inner}{operator}"));
        let group = (
            word("( ( (?: (?i: (?s: (?U: (?mi: (?-i: (?P<x> (?<y1>"),
            inner.clone(),
            word(") ) ) ) )* )+ )? )*? ){2} ){0} ∅"),
        )
            .prop_map(|(open, inner, close)| format!("{open}{inner}{close}"));
        let several = proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            2 => repeated,
            3 => group,
            3 => several.clone().prop_map(|parts| parts.concat()),
            1 => several.prop_map(|parts| parts.join("|")),
        ]
    })
}

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
