//! Values as YAML on one line. A text that could be read as anything but itself is quoted, as JSON quotes it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde_json::Value;

/// What a YAML parser, old or new, takes for a truth value or for nothing.
const WORDS: [&str; 10] = ["y", "yes", "on", "true", "n", "no", "off", "false", "null", "nan"];

/// The value in flow style.
pub(super) fn flow(value: &Value) -> String {
    let mut out = String::new();
    put(value, &mut out);
    out
}

/// The text as a scalar.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// The text as a scalar in block style, where a colon is plain as well if neither a space nor nothing follows it.
pub(super) fn block_scalar(text: &str) -> String {
    let is_key = text.starts_with(':') || text.ends_with(':') || text.contains(": ");
    if !is_key && is_plain(&text.replace(':', "_")) {
        text.to_owned()
    } else {
        scalar(text)
    }
}

fn put(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => out.push_str(&scalar(text)),
        Value::Array(values) => {
            out.push('[');
            for (i, value) in values.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                put(value, out);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                out.push_str(&scalar(key));
                out.push_str(": ");
                put(value, out);
            }
            out.push('}');
        }
    }
}

/// Words of a few characters that mean nothing in YAML, with single spaces between them, the first one no number. With
/// its three points an address is none either.
fn is_plain(text: &str) -> bool {
    let is_of_a_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    let are_words = text
        .split(' ')
        .all(|word| !word.is_empty() && !word.starts_with('-') && word.bytes().all(is_of_a_word));
    text.parse::<Ipv4Addr>().is_ok() || begins && are_words && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether some parser takes the character for a line break, or refuses it. All of these have four hexadecimal digits.
pub(super) fn is_odd(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// In double quotes. What some parser takes for a line break, or refuses, is escaped beyond what JSON asks for.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_odd(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_yaml_would_take_for_something_else_in_block_style_is_quoted() {
        for plain in [
            "registry-auth",
            "/etc/registry/token.crt",
            "https://registry.example/token",
            "a:5000",
        ] {
            assert_eq!(block_scalar(plain), plain);
        }
        for text in [
            "", "yes", "Null", "12", "1e3", "12:30", ":a", "a: b", "a:", "#a", "a #b", "~", "ü", "a\"b", "- a", "*a",
        ] {
            assert_eq!(block_scalar(text), json!(text).to_string());
        }
    }

    #[test]
    fn a_text_is_quoted_where_it_could_be_anything_else() {
        for plain in [
            "registry-auth",
            "her own folder",
            "/run/filter.sock",
            "a.b",
            "127.0.0.1",
            "http/1.1",
            "x-y_z",
        ] {
            assert_eq!(scalar(plain), plain);
        }
        for text in [
            "", "yes", "No", "NULL", "~", "12", "1.2", "1.2.3", "0x1f", "1e3", "-", "- a", "a -b", "a: b", "a #b",
            "a:b", "#", " a", "a ", "a  b", "*", "&a", "!a", "{", "[", "%", "@", "`", "'", "ä", "?", "|", ">", "=",
            "<<",
        ] {
            assert_eq!(scalar(text), serde_json::to_string(text).unwrap());
        }
        assert_eq!(
            scalar("a\"\\\n\r\u{85}\u{2028}\u{7f}"),
            r#""a\"\\\n\u000d\u0085\u2028\u007f""#
        );
    }

    #[test]
    fn a_value_reads_as_an_operator_writes_it() {
        let rule = json!({"match": {"account": "ada", "name": "ada/*"}, "actions": ["*"], "comment": "her own folder"});
        assert_eq!(
            flow(&rule),
            r#"{match: {account: ada, name: "ada/*"}, actions: ["*"], comment: her own folder}"#
        );
        assert_eq!(
            flow(&json!({"a": [], "b": {}, "c": null, "d": 0.5, "yes": true})),
            r#"{a: [], b: {}, c: null, d: 0.5, "yes": true}"#
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_one_line_that_a_parser_reads_back(text in any::<String>(), key in any::<String>()) {
            let written = flow(&json!({key.clone(): [text.clone()]}));
            prop_assert!(!written.contains(|c: char| c.is_control()), "{written}");
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("a.yml");
            // Labels are read as they are written, whatever they are.
            let in_block = block_scalar(&text);
            let document = format!("users:\n  ada: {{labels: {written}}}\nservices:\n- {in_block}\nacl: []\n");
            std::fs::write(&file, document).unwrap();
            let read = crate::rulebook::read(&[file], &|_| None);
            let read = read.map(|rulebook| (rulebook.users[0].labels.clone(), rulebook.services));
            let labels = std::collections::BTreeMap::from([(key, vec![text.clone()])]);
            prop_assert_eq!(read, Ok((labels, Some(vec![text]))));
        }
    }
}
