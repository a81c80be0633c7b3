use proptest::prelude::*;

use super::super::super::glob::Glob;
use super::*;
use crate::acl::go_regex::Template;

const SPANS: Options = Options { double_star: true };

fn extent(pattern: &str) -> Extent {
    Extent::of(pattern, Texts::Names, Options::default()).unwrap()
}

#[test]
fn patterns_are_compared_exactly() {
    for (wide, narrow) in [
        ("*", "team"),
        ("team/*", "team/app"),
        ("*/*", "team/*"),
        ("team/*", "team/a?c"),
        ("team/?*", "team/*"),
        ("[a-z]*", "[b-d]*"),
        ("/^team/", "team/*"),
        ("/^team-/", "/^team-a/"),
        ("/.+/", "?*"),
        ("/app$/", "*/app"),
        ("/^(team|ops)\\//", "ops/*"),
        ("/^.+@corp$/", "a*@corp"),
        ("a[/]b", "a/b"),
    ] {
        assert_eq!(
            extent(narrow).beyond(&extent(wide)),
            Found::Nothing,
            "{wide} takes {narrow}"
        );
    }
    for (one, other, example) in [
        ("team/*", "*/app", "team/app"),
        ("a*", "*b", "ab"),
        ("/^team/", "*", "team"),
        ("team/*", "*/*", "team/a"),
    ] {
        assert_eq!(extent(one).common(&extent(other)), Found::Example(example.to_owned()));
    }
    for (one, other) in [
        ("team/*", "ops/*"),
        ("*", "*/*"),
        ("?", "??"),
        ("/^a/", "b*"),
        ("[a-c]", "[d-f]"),
    ] {
        assert_eq!(extent(one).common(&extent(other)), Found::Nothing, "{one} {other}");
    }
}

#[test]
fn nothing_is_claimed_of_what_cannot_be_compared() {
    for pattern in ["${account}/*", "/^[a-z]+$/", "[", "/(/", "a*[^x]*c", "*??*x"] {
        assert_eq!(Extent::of(pattern, Texts::Any, Options::default()), None, "{pattern}");
    }
    let long = "a".repeat(200);
    assert_eq!(Extent::of(&long, Texts::Any, Options::default()), None);
}

#[test]
fn two_stars_are_one_unless_they_span() {
    let spanning = |pattern| Extent::of(pattern, Texts::Names, SPANS).unwrap();
    assert_eq!(spanning("team/*/x").beyond(&spanning("team/**")), Found::Nothing);
    assert_eq!(
        extent("team/a/x").beyond(&extent("team/**")),
        Found::Example("team/a/x".to_owned())
    );
}

#[test]
fn types_are_words_and_names_have_no_empty_part() {
    let all = Extent::everything(Texts::Kinds);
    let kind = |pattern| Extent::of(pattern, Texts::Kinds, Options::default()).unwrap();
    assert_eq!(kind("Repository").common(&all), Found::Nothing);
    assert_eq!(all.beyond(&kind("*")), Found::Nothing);
    assert_eq!(all.beyond(&kind("?*")), Found::Nothing);
    assert_eq!(
        extent("team/").common(&Extent::everything(Texts::Names)),
        Found::Nothing
    );
}

/// Of these all texts are tried up to a length: `é` has two bytes, `€` three.
const ALPHABET: [char; 6] = ['a', 'b', '/', 'é', '€', 'x'];

fn texts_up_to(length: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..length {
        last = last
            .iter()
            .flat_map(|text| ALPHABET.iter().map(move |c| format!("{text}{c}")))
            .collect();
        all.extend_from_slice(&last);
    }
    all
}

fn glob() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "/", "é", "€", "*", "*", "**", "?", "[ab]", "[^a]", "[/b]", "[é-€]", "\\*", "x",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn expression() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["a", "b", "/", "é", ".*", ".+", "(a|b)", "(?:x|a/)"]);
    let pieces = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    (pieces, any::<bool>(), any::<bool>()).prop_map(|(text, start, end)| {
        let (start, end) = (if start { "^" } else { "" }, if end { "$" } else { "" });
        format!("/{start}{text}{end}/")
    })
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![3 => glob(), 1 => expression()]
}

/// The matcher itself.
fn matcher(pattern: &str, options: Options) -> Box<dyn Fn(&str) -> bool> {
    let written = Written::read(pattern).unwrap();
    if let Some(expression) = written.expression() {
        let regex = Template::from_go(expression, &[]).unwrap().regex(&[]).unwrap();
        return Box::new(move |text| regex.is_match(text));
    }
    let double_star = if options.double_star {
        DoubleStar::Spans
    } else {
        DoubleStar::Star
    };
    let glob = Glob::parse(pattern, double_star).unwrap();
    Box::new(move |text| glob.matches(text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_is_found_is_what_trying_every_text_finds(
        one in pattern(), other in pattern(), double_star: bool,
    ) {
        let options = Options { double_star };
        let read = |pattern: &str| Extent::of(pattern, Texts::Any, options);
        let (Some(a), Some(b)) = (read(&one), read(&other)) else { return Ok(()) };
        let (first, second) = (matcher(&one, options), matcher(&other, options));
        let takes = |text: &str| (first(text), second(text));
        let (beyond, common) = (a.beyond(&b), a.common(&b));
        for text in texts_up_to(4) {
            let (first, second) = takes(&text);
            prop_assert_eq!(a.takes(&text), first, "{} {}", one, text);
            prop_assert!(!(first && !second && beyond == Found::Nothing), "{} beyond {}: {}", one, other, text);
            prop_assert!(!(first && second && common == Found::Nothing), "{} and {}: {}", one, other, text);
        }
        if let Found::Example(text) = &beyond {
            prop_assert_eq!(takes(text), (true, false), "{} beyond {}: {}", one, other, text);
        }
        if let Found::Example(text) = &common {
            prop_assert_eq!(takes(text), (true, true), "{} and {}: {}", one, other, text);
        }
    }
}
