//! Texts that a pattern takes, to try requests with: what it has in common with other patterns, and what it has beyond
//! them. Whether a rule then matches is not known from here, but from deciding it.

use registry_auth_core::acl::glob;
use registry_auth_core::acl::relation::{Extent, Found, Texts};
use registry_auth_core::config::acl::Options;

use super::example::Who;

/// So many texts are made of one pattern.
const MOST: usize = 10;
/// So many ways are tried to fill the variables of one pattern.
const MOST_FILLED: usize = 12;
/// What stands where any text may.
pub(super) const ANY: &str = "example";
/// What stands where any account may.
pub(super) const ANYBODY: &str = "somebody";

/// A pattern, if there is one, and how it is read.
pub(super) type Pattern<'p> = (Option<&'p str>, Options);

/// What the variables of a pattern stand for.
#[derive(Clone, Copy)]
pub(super) struct Values<'v> {
    pub(super) who: &'v Who,
    pub(super) kind: &'v str,
    pub(super) service: &'v str,
}

/// Texts that `pattern` takes, the plainest first; none if what it takes is not known.
pub(super) fn texts(pattern: Pattern<'_>, near: &[Pattern<'_>], texts: Texts) -> Vec<String> {
    texts_with(ANY, pattern, near, texts)
}

/// The same with one that has `any` in it at the beginning.
pub(super) fn texts_with(any: &str, pattern: Pattern<'_>, near: &[Pattern<'_>], texts: Texts) -> Vec<String> {
    let Some(extent) = extent(pattern, texts) else {
        return Vec::new();
    };
    if let Some(literal) = extent.literal() {
        return vec![literal.to_owned()];
    }
    let mut found: Vec<String> = Vec::new();
    if texts == Texts::Kinds && extent.takes("repository") {
        found.push("repository".to_owned());
    }
    let mut add = |text: Found| match text {
        Found::Example(text) if !found.contains(&text) && found.len() < MOST => found.push(text),
        _ => {}
    };
    let with_any = Extent::of(&format!("/{any}/"), texts, Options::default());
    if let Some(any) = &with_any {
        add(extent.common(any));
    }
    for near in near.iter().filter_map(|near| self::extent(*near, texts)) {
        add(extent.common(&near));
        add(extent.beyond(&near));
    }
    add(extent.common(&Extent::everything(texts)));
    found
}

fn extent((text, options): Pattern<'_>, texts: Texts) -> Option<Extent> {
    match text {
        Some(text) => Extent::of(text, texts, options),
        None => Some(Extent::everything(texts)),
    }
}

/// The patterns that `pattern` is with the values of a request: each value of a label, and pieces of a text for what a
/// group took of it.
pub(super) fn filled(pattern: &str, values: Values<'_>) -> Vec<String> {
    let is_expression = pattern.len() > 2 && pattern.starts_with('/') && pattern.ends_with('/');
    let mut all = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, (variable, after))) = rest
        .split_once("${")
        .and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
    {
        let alternatives = values.of(variable, is_expression);
        all = all
            .iter()
            .flat_map(|begun| alternatives.iter().map(move |value| format!("{begun}{before}{value}")))
            .take(MOST_FILLED)
            .collect();
        rest = after;
    }
    for text in &mut all {
        text.push_str(rest);
    }
    all
}

impl Values<'_> {
    /// What a variable may stand for, as it is put into a pattern.
    fn of(&self, variable: &str, is_expression: bool) -> Vec<String> {
        let quoted = |text: &str| {
            if is_expression { escaped(text) } else { quoted(text) }
        };
        if let Some(label) = variable.strip_prefix("labels:") {
            let values = self.who.values(label);
            let as_written = |value: String| if is_expression { escaped(&value) } else { value };
            return values.into_iter().map(as_written).collect();
        }
        let (field, group) = variable.split_once(':').unwrap_or((variable, ""));
        let text = match field.to_ascii_lowercase().as_str() {
            "account" => self.who.account.as_str(),
            "type" => self.kind,
            "service" => self.service,
            _ => "",
        };
        if group.is_empty() {
            return vec![quoted(text)];
        }
        let pieces = text.split(|c: char| !c.is_alphanumeric());
        let pieces = pieces.filter(|piece| *piece != text).chain([text]);
        pieces.map(quoted).collect()
    }
}

/// `text` as a glob that takes it alone.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    glob::quote(text, &mut quoted);
    quoted
}

/// `text` as an expression finds it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_patterns_have_in_common_and_beyond() {
        let of = |pattern: Option<&str>, near: &[&str], kind| {
            let near: Vec<Pattern<'_>> = near.iter().map(|near| (Some(*near), Options::default())).collect();
            texts((pattern, Options::default()), &near, kind).join(" ")
        };
        assert_eq!(
            of(Some("team/*"), &["team/a*", "*/app"], Texts::Names),
            "team/example team/a team/b team/app"
        );
        assert_eq!(of(Some("ada"), &["*"], Texts::Any), "ada");
        assert_eq!(of(None, &[], Texts::Kinds), "repository example a");
        assert_eq!(of(Some("/[a-z]+-ci/"), &[], Texts::Any), "");
    }
}
