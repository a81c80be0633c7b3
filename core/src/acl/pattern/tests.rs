use super::*;

const PLAIN: Reading = Reading {
    double_star: DoubleStar::Star,
    without_slash: false,
    numbered: false,
};

fn compiled(text: &str, reading: Reading) -> Pattern {
    Written::read(text).unwrap().compile(reading).unwrap().0
}

/// What a pattern became, in a word.
fn form(text: &str, reading: Reading) -> &'static str {
    match compiled(text, reading) {
        Pattern::Fixed(Matcher::Any) => "any",
        Pattern::Fixed(Matcher::Exact(_)) => "exact",
        Pattern::Fixed(Matcher::Glob(_)) => "glob",
        Pattern::Fixed(Matcher::Automaton(..)) => "automaton",
        Pattern::Fixed(Matcher::Regex(_)) => "regex",
        Pattern::Open(Open {
            form: Form::Glob(glob), ..
        }) => glob.form(),
        Pattern::Open(Open {
            form: Form::Regex(_), ..
        }) => "open regex",
    }
}

#[test]
fn a_pattern_becomes_the_cheapest_test_that_is_exact() {
    for (text, expected) in [
        ("", "exact"),
        ("team/app", "exact"),
        (r"a\*b", "exact"),
        ("*", "glob"),
        ("team/*", "glob"),
        ("/", "exact"),
        ("//", "exact"),
        ("/a", "exact"),
        ("a/", "exact"),
        ("/a/", "exact"),
        ("/^a$/", "exact"),
        (r"/^team\/app$/", "exact"),
        ("/^/", "any"),
        ("/$/", "any"),
        ("/.*/", "any"),
        ("/.+/", "exact"),
        ("/(a)/", "exact"),
        ("/^(?:a|b)-.+$/", "automaton"),
        ("/[0-9]/", "automaton"),
        (r"/\pL/", "regex"),
        ("${account}", "split"),
        ("${account}/*", "split"),
        ("*/${account}", "split"),
        ("a${account}b*c${labels:x}d", "split"),
        ("*${account}*", "whole"),
        ("[${account}]", "whole"),
        ("/${account}/", "open regex"),
        ("/${account}", "split"),
    ] {
        assert_eq!(form(text, PLAIN), expected, "{text}");
    }
}

#[test]
fn a_star_is_any_text_only_where_no_slash_can_be() {
    let kind = Reading {
        without_slash: true,
        ..PLAIN
    };
    assert_eq!(form("*", kind), "any");
    assert_eq!(form("**", kind), "any");
    assert_eq!(form("**", PLAIN), "glob");
    let spans = Reading {
        double_star: DoubleStar::Spans,
        ..PLAIN
    };
    assert_eq!(form("**", spans), "any");
    assert_eq!(form("*", spans), "glob");
}

#[test]
fn an_expression_whose_groups_are_named_stays_one() {
    let numbered = Reading {
        numbered: true,
        ..PLAIN
    };
    assert_eq!(form("/^/", numbered), "regex");
    assert_eq!(form("/^a$/", numbered), "regex");
}

#[test]
fn a_fault_stands_at_its_bytes_in_the_text_with_its_slashes() {
    for (text, at) in [
        ("ü[a", "["),
        ("${account}/[a", "["),
        ("a/[${account}", "["),
        ("/a(b/", "("),
        ("/${account}(b/", "("),
        ("/${acount}/", "${acount}"),
    ] {
        let fault = match Written::read(text) {
            Ok(written) => written.compile(PLAIN).map(drop).unwrap_err(),
            Err(mut faults) => faults.remove(0),
        };
        assert_eq!(&text[fault.at()], at, "{text}: {fault}");
    }
}

#[test]
fn the_least_verdict_of_all_and_the_greatest_of_any() {
    assert!(Verdict::Fails < Verdict::Unknown && Verdict::Unknown < Verdict::Holds);
}
