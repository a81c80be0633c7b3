//! Tags: those of YAML's core schema say what a value is, `!` that it is no other than it looks, and no other is known.

use granit_parser::Tag;
use registry_auth_core::secret::Secret;

use super::super::tree::{Style, What};

/// What a scalar is, or why its tag is wrong. Nothing at all is no text, though the parser has one for it.
pub(super) fn scalar(text: &str, style: Style, tag: Option<&Tag>, is_written: bool) -> Result<What, String> {
    let is_null = style == Style::Plain && (!is_written || ["~", "null", "Null", "NULL"].contains(&text));
    let is_plain = match tag.map(core_tag) {
        None if is_null => return Ok(What::Null),
        None => style == Style::Plain,
        Some(Some("null")) if is_null || text.is_empty() => return Ok(What::Null),
        Some(Some("str" | "!")) => false,
        Some(Some("bool" | "int" | "float")) => true,
        Some(Some(tag)) => return Err(format!("the tag `!!{tag}` does not fit this text")),
        Some(None) => return Err(unknown(tag)),
    };
    Ok(What::Scalar {
        text: Secret::new(text.to_owned()),
        is_plain,
        style,
    })
}

/// Whether a list (`seq`) or a map (`map`) may have that tag, or why not.
pub(super) fn check(tag: Option<&Tag>, own: &str) -> Result<(), String> {
    match tag.map(core_tag) {
        None => Ok(()),
        Some(Some(tag)) if tag == own || tag == "!" => Ok(()),
        Some(Some(tag)) => {
            let kind = if own == "seq" { "list" } else { "map" };
            Err(format!("the tag `!!{tag}` does not fit this {kind}"))
        }
        Some(None) => Err(unknown(tag)),
    }
}

/// Whether a plain key takes over another map.
pub(super) fn is_merge(text: &str, tag: Option<&Tag>) -> bool {
    text == "<<" && tag.is_none_or(|tag| tag.to_string() == "tag:yaml.org,2002:merge")
}

fn core_tag(tag: &Tag) -> Option<&str> {
    match tag.parts() {
        ("", "!") => Some("!"),
        _ => tag.core_suffix(),
    }
}

fn unknown(tag: Option<&Tag>) -> String {
    let tag = tag.map(Tag::original).unwrap_or_default();
    let tag: String = tag.chars().take(64).collect();
    format!("the tag `{tag}` is not known; leave it out, or write `!!str` for a text")
}
