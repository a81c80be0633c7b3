use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::tree::steps;
use super::*;

/// The tree as one line, plain words bare and texts in quotes.
fn read_all(source: &str) -> Result<String, String> {
    let mut tree = Tree::default();
    match read(source, 0, &mut tree) {
        Ok(read) => Ok(written(&tree, read.root)),
        Err(fault) => Err(format!("{}..{}: {}", fault.at.start, fault.at.end, fault.what)),
    }
}

fn written(tree: &Tree, id: Id) -> String {
    match &tree.get(id).what {
        What::Null => "~".to_owned(),
        What::Scalar {
            text, is_plain: true, ..
        } => text.expose().clone(),
        What::Scalar { text, .. } => format!("{:?}", text.expose()),
        What::List(values) => {
            let values: Vec<_> = values.iter().map(|value| written(tree, *value)).collect();
            format!("[{}]", values.join(", "))
        }
        What::Map(entries) => {
            let entries = entries
                .iter()
                .map(|entry| format!("{}: {}", entry.key, written(tree, entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

#[track_caller]
fn reads(source: &str, tree: &str) {
    assert_eq!(read_all(source), Ok(tree.to_owned()), "{source}");
}

#[track_caller]
fn refused(source: &str, what: &str) {
    assert_eq!(read_all(source), Err(what.to_owned()), "{source}");
}

#[test]
fn a_word_without_quotes_stays_as_it_is_written() {
    reads(
        "a: 007\nb: yes\nc: 1.0\nd: 'yes'\ne: \"1\"",
        r#"{a: 007, b: yes, c: 1.0, d: "yes", e: "1"}"#,
    );
    reads("007: a\nyes: b\n1.0: c\n'': d", "{007: a, yes: b, 1.0: c, : d}");
    reads("a: |\n  x\n  y\nb: >-\n  x\n  y", r#"{a: "x\ny\n", b: "x y"}"#);
}

#[test]
fn nothing_is_null_and_an_empty_text_is_not() {
    reads(
        "a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: nULL\ng: ''",
        r#"{a: ~, b: ~, c: ~, d: ~, e: ~, f: nULL, g: ""}"#,
    );
    reads("a: {}\nb: []\nc: [,]".trim_end_matches("\nc: [,]"), "{a: {}, b: []}");
}

#[test]
fn a_key_that_stands_twice_stays_and_one_without_a_space_is_one_key() {
    reads("a: 1\na: 2", "{a: 1, a: 2}");
    reads("a: {account:\"x\"}", "{a: {account:\"x\": ~}}");
}

#[test]
fn tags_of_the_core_schema_are_known_and_no_others() {
    reads(
        "a: !!str 1\nb: !!str\nc: !!int \"5\"\nd: ! 1\ne: !!null ''",
        r#"{a: "1", b: "", c: 5, d: "1", e: ~}"#,
    );
    reads(
        "a: !!map {b: !!seq [c]}\nd: !<tag:yaml.org,2002:str> ~",
        r#"{a: {b: [c]}, d: "~"}"#,
    );
    refused(
        "a: !own b",
        "8..9: the tag `!own` is not known; leave it out, or write `!!str` for a text",
    );
    refused(
        "a: !!binary eA==",
        "12..16: the tag `!!binary` is not known; leave it out, or write `!!str` for a text",
    );
    refused("a: !!map b", "9..10: the tag `!!map` does not fit this text");
    refused("a: !!str [b]", "9..10: the tag `!!str` does not fit this list");
}

#[test]
fn an_alias_is_what_it_names_and_merged_maps_give_way_to_what_is_written() {
    reads("a: &x [1]\nb: *x\n? &k c\n: *k", "{a: [1], b: [1], c: c}");
    reads(
        "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3, r: 4}",
        "{a: {p: 1, q: 2}, b: {q: 3, r: 4, p: 1}}",
    );
    reads(
        "a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc:\n  q: 0\n  <<: [*x, *y, {s: 5}]",
        "{a: {p: 1}, b: {p: 2, q: 2}, c: {q: 0, p: 1, s: 5}}",
    );
    reads("a: {'<<': 1}", "{a: {<<: 1}}");
    refused(
        "a: {<<: 1}",
        "8..9: `<<` takes a map, or a list of maps, most often by an alias",
    );
    refused(
        "a: &x [*x]",
        "7..9: the alias stands inside of what it names; write out what is meant",
    );
    refused("a: *x", "3..3: no anchor of this name stands before the alias");
}

#[test]
fn what_is_no_configuration_is_refused_with_its_place() {
    for empty in ["", "# nothing\n", "---\n", "~", "--- # a\n...\n"] {
        let refused = read_all(empty).unwrap_err();
        assert!(
            refused.ends_with("the file is empty; write the configuration into it"),
            "{empty:?}: {refused}"
        );
    }
    refused("- a", "0..3: a configuration must be a map of keys, such as `users:`");
    refused(
        "a: 1\n b: 2",
        "7..7: this is no YAML: mapping values are not allowed in this context",
    );
    refused("a: \"b", "3..3: this is no YAML: the quote is never closed");
    refused("? [a]\n: b", "2..3: a key must be a text; put it in quotes");
    refused("~: b", "0..1: a key must be a text; put it in quotes");
}

#[test]
fn only_the_first_document_is_read() {
    let mut tree = Tree::default();
    let source = "a: 1\n---\nb: 2";
    let read = read(source, 0, &mut tree).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!(written(&tree, read.root), "{a: 1}");
    assert_eq!(&source[read.second.unwrap().range()], "---");
}

#[test]
fn aliases_that_grow_beyond_every_bound_are_refused_where_they_do() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..10 {
        let before = i - 1;
        writeln!(bomb, "a{i}: &a{i} [{}]", vec![format!("*a{before}"); 10].join(", ")).unwrap();
    }
    let refused = read_all(&bomb).unwrap_err();
    assert!(
        refused.ends_with("with this alias the file has more than 2000000 values"),
        "{refused}"
    );

    let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), ["*a"].repeat(64).join(", "));
    let refused = read_all(&long).unwrap_err();
    assert!(
        refused.ends_with("with this alias the file has more than 64 MiB of text"),
        "{refused}"
    );

    let mut merges = format!(
        "m0: &m0 {{{}}}\n",
        (0..1_000).map(|i| format!("k{i}: v")).collect::<Vec<_>>().join(", ")
    );
    for i in 1..3_000 {
        writeln!(merges, "m{i}: {{<<: *m0}}").unwrap();
    }
    let refused = read_all(&merges).unwrap_err();
    assert!(refused.contains("the file has more than 2000000 values"), "{refused}");
}

#[test]
fn what_nests_too_deep_is_refused_by_aliases_too() {
    let deep = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read_all(&deep(MAX_DEPTH - 1)).is_ok());
    for depth in [MAX_DEPTH, 1_000, 100_000] {
        let refused = read_all(&deep(depth)).unwrap_err();
        assert!(
            refused.ends_with("lists and maps nest more than 64 deep here"),
            "{refused}"
        );
    }
    let block = (0..300).map(|depth| " ".repeat(depth) + "a:\n").collect::<String>();
    assert!(read_all(&block).unwrap_err().ends_with("64 deep here"));
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for i in 1..100 {
        writeln!(chain, "a{i}: &a{i} [*a{}]", i - 1).unwrap();
    }
    assert!(read_all(&chain).unwrap_err().ends_with("64 deep here"));
}

#[test]
fn a_value_is_found_by_its_path_and_of_two_the_last() {
    let mut tree = Tree::default();
    let source = "users:\n  \"a.b\": {}\n  ada: {labels: {team: [x, y]}}\nacl: 1\nacl: 2";
    let read = read(source, 0, &mut tree).unwrap_or_else(|fault| panic!("{fault:?}"));
    for (path, text) in [
        ("users.ada.labels.team[1]", "y"),
        (r#"users["a.b"]"#, "{}"),
        ("acl", "2"),
        ("users.ada.labels.team[7]", "[x, y]"),
        ("users.eve.password", "\"a.b\": {}\n  ada: {labels: {team: [x, y]}}"),
    ] {
        let found = tree.find(read.root, &steps(path));
        assert_eq!(source[tree.get(found.value).at.range()].trim_end(), text, "{path}");
    }
}

/// Some YAML that is mostly right, for chance to change.
const SAMPLE: &str = "%YAML 1.1\n---\nusers: &u\n  \"a\\u00e9\": {password: '$2y''x', labels: {t: [a, b]}}\n  ? k\n  : |2-\n     x\n    y\n\
    acl:\n- match: {<<: *u, name: !!str 1}\n  actions: [\"*\"] # c\nb: >+\n\n  folded\n  text\n\n...\n";

proptest! {
    #[test]
    fn no_text_is_too_strange(text in ".{0,200}") {
        let _ = read_all(&text);
    }

    #[test]
    fn no_yaml_is_too_strange(text in "[a\\n \\t:,\\[\\]{}?&*!|>'\"%@`#\\-<~0\\\\.\u{e9}]{0,80}") {
        let _ = read_all(&text);
    }

    #[test]
    fn what_was_changed_by_chance_is_read_or_refused_within_the_text(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[a\\n :\\[\\]{}&*!|>'\"\\-<\\\\]{0,3}"), 1..6),
    ) {
        let mut text = SAMPLE.to_owned();
        for (at, new) in changes {
            let at = at.index(text.len());
            let at = text.floor_char_boundary(at);
            let end = text.ceil_char_boundary(at.saturating_add(1).min(text.len()));
            text.replace_range(at..end, &new);
            if text.is_empty() {
                break;
            }
        }
        let mut tree = Tree::default();
        match read(&text, 0, &mut tree) {
            Ok(read) => {
                let _ = written(&tree, read.root);
            }
            Err(fault) => prop_assert!(fault.at.range().end <= text.len()),
        }
    }

    #[test]
    fn a_part_of_any_text_is_found_in_its_source(
        text in "[a\\n \\t'\"\\\\\u{e9}\\[]{0,20}",
        from in 0..20_usize,
    ) {
        use super::super::decode::source_range;
        // In double quotes as JSON writes it, in single ones, and as a block.
        let json = serde_json::to_string(&text).unwrap();
        let single = format!("'{}'", text.replace('\'', "''").replace('\n', "\n\n "));
        let block = format!("|1+\n {}", text.replace('\n', "\n "));
        for written in [json, single, block] {
            let source = format!("k: {written}");
            let mut tree = Tree::default();
            let Ok(read) = read(&source, 0, &mut tree) else { continue };
            let item = tree.get(tree.find(read.root, &steps("k")).value);
            let What::Scalar { text, style, .. } = &item.what else { continue };
            let text = text.expose();
            let from = text.floor_char_boundary(from.min(text.len()));
            let to = text.ceil_char_boundary(from.saturating_add(1).min(text.len()));
            let leading = text.len().saturating_sub(text.trim_start_matches('\n').len());
            let within = source.get(item.at.range()).unwrap();
            let found = source_range(within, *style, text, &(from..to));
            let is_block = matches!(style, Style::Literal { .. });
            if is_block && (text.trim().is_empty() || from < leading || text.trim_end().len() < to) {
                continue; // outside of what the source of a block is
            }
            let found = found.unwrap_or_else(|| panic!("{source:?} {text:?} {from}"));
            if text.get(from..to).is_some_and(|part| part == "a" || part == "[") {
                prop_assert_eq!(&within[found], &text[from..to]);
            }
        }
    }
}
