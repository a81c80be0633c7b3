//! What to do about a problem that does not say so itself, for one who writes such a file for the first time.

/// What to do, by what is wrong. `written` is the text that stands there, if it may be shown.
pub(super) fn usual(what: &str, written: Option<&str>) -> Option<String> {
    let fixed = |help: &str| Some(help.to_owned());
    match what {
        "must be a list, not a text" => match written {
            Some(text) if !text.contains([',', '[', ']', '\n']) => Some(format!("write `[{text}]`")),
            _ => fixed("put it in brackets: `[...]`"),
        },
        "must be a list, not a map" => fixed("begin each entry with `- `, as in `- match: {account: ada}`"),
        "must be a map, not a list" => fixed("write `name: value` for each entry, without `- ` or brackets"),
        "must be a map, not a text" => fixed("write `name: value`, with a space after the colon"),
        "must be a whole number, not a text" => fixed("write digits alone"),
        "the quote is never closed" => fixed("close it with the same quote that it begins with"),
        _ => by_its_words(what).map(str::to_owned),
    }
}

fn by_its_words(what: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 11] = [
        ("environment variable", "set it, or write the value in its place"),
        ("is a malformed", "copy all of it, and put it in quotes"),
        ("has no length from", "write one such as `/24`"),
        (
            "quote is never closed",
            "close it with the same quote that it begins with",
        ),
        ("tabs disallowed", "indent with spaces"),
        (
            "did not find expected key",
            "give all keys of one section the same number of spaces before them",
        ),
        (
            "mapping values are not allowed",
            "put a text with a colon in it in quotes, and give all keys of one section the same number of spaces",
        ),
        ("mismatched bracket", "close `[` with `]`, and `{` with `}`"),
        ("unclosed bracket", "close `[` with `]`, and `{` with `}`"),
        (
            "no anchor of this name",
            "write `&` and the name before the value that is meant, above this line",
        ),
        (
            "did not find expected",
            "look for a bracket, quote or comma that is missing before this",
        ),
    ];
    let known = WORDS.iter().find(|(words, _)| what.contains(words));
    known.map(|(_, help)| *help)
}
