//! Text with holes. What fills one is data: it stays where the hole is, on its line, whatever it holds.
//!
//! `@{name}` alone on a line takes [`Filled`] text, indented as it is; anywhere else a value.

use serde_json::Value;
use thiserror::Error;

use super::super::yaml;

const OPENS: &str = "@{";

/// YAML with comments and holes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template(pub(super) &'static str);

/// YAML with comments. Nothing that is data stands outside of a scalar or a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filled(String);

/// What fills a hole.
#[derive(Clone, Debug)]
pub(super) enum Hole {
    /// A value, on one line.
    Value(Value),
    /// Whole lines; with none of them the hole's own line goes too.
    Lines(Filled),
}

/// A template and what was to fill it do not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a template has no place for `{0}` where it stands; this is a fault of the program")]
pub struct Misfit(String);

/// A name and what fills the hole of that name.
pub(super) type Filling<'a> = (&'a str, Hole);

impl Template {
    /// The text without holes.
    pub(super) fn fill(self, with: &[Filling<'_>]) -> Result<Filled, Misfit> {
        let mut out = String::new();
        for line in self.0.lines() {
            let start = line.trim_start();
            let indent = line.get(..line.len().saturating_sub(start.len())).unwrap_or_default();
            let alone = start.strip_prefix(OPENS).and_then(|rest| rest.strip_suffix('}'));
            if let Some(Hole::Lines(lines)) = alone.and_then(|name| find(name, with)) {
                lines.put_into(&mut out, indent);
            } else {
                fill_line(line, with, &mut out)?;
                out.push('\n');
            }
        }
        Ok(Filled(out))
    }
}

impl Filled {
    /// One after the other.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// A key, and these lines below it.
    pub(super) fn below(&self, key: &str) -> Self {
        let mut out = format!("{}:\n", yaml::scalar(key));
        self.put_into(&mut out, "  ");
        Self(out)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn put_into(&self, out: &mut String, indent: &str) {
        for line in self.0.lines() {
            if !line.is_empty() {
                out.push_str(indent);
                out.push_str(line);
            }
            out.push('\n');
        }
    }
}

impl Hole {
    /// A text that is data.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Value(Value::String(text.into()))
    }
}

impl From<Filled> for Hole {
    fn from(lines: Filled) -> Self {
        Self::Lines(lines)
    }
}

/// Each value on a line of its own, as the entries of a list.
pub(super) fn list(values: &[Value]) -> Filled {
    let lines = values.iter().map(|value| format!("- {}\n", yaml::flow(value)));
    Filled(lines.collect())
}

/// A key and its value, on a line.
pub(super) fn entry(key: &str, value: &Value) -> Filled {
    Filled(format!("{}: {}\n", yaml::scalar(key), yaml::flow(value)))
}

/// Lines of comment, whatever the text holds.
pub(super) fn comment(text: &str) -> Filled {
    let mut out = String::new();
    for line in text.split('\n') {
        out.push_str(if line.is_empty() { "#" } else { "# " });
        for c in line.chars() {
            if yaml::is_odd(c) {
                out.extend(c.escape_unicode());
            } else {
                out.push(c);
            }
        }
        out.push('\n');
    }
    Filled(out)
}

/// A word of a command line, for `sh`.
pub(super) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:-+=@%,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn find<'w>(name: &str, with: &'w [Filling<'_>]) -> Option<&'w Hole> {
    with.iter().find(|(key, _)| *key == name).map(|(_, hole)| hole)
}

fn fill_line(line: &str, with: &[Filling<'_>], out: &mut String) -> Result<(), Misfit> {
    let mut rest = line;
    while let Some((before, opened)) = rest.split_once(OPENS) {
        out.push_str(before);
        let (name, after) = opened.split_once('}').ok_or_else(|| Misfit(opened.to_owned()))?;
        match find(name, with) {
            Some(Hole::Value(value)) => out.push_str(&yaml::flow(value)),
            _ => return Err(Misfit(name.to_owned())),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_and_lines_fill_their_holes() {
        let template = Template("@{who}\na:\n  @{none}\n  @{more}\n  b: {c: @{value}}\n");
        let more = Template("x: 1\n\ny: 2\n").fill(&[]).unwrap();
        let filled = template.fill(&[
            ("who", comment("for ada\nb: 1\u{2028}c: 2\r\n").into()),
            ("none", Filled::default().into()),
            ("more", more.into()),
            ("value", Hole::Value(json!("x: y}\n#"))),
        ]);
        assert_eq!(
            filled.unwrap().as_str(),
            "# for ada\n# b: 1\\u{2028}c: 2\\u{d}\n#\na:\n  x: 1\n\n  y: 2\n  b: {c: \"x: y}\\n#\"}\n"
        );
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (template, hole) in [
            ("a: @{x}", None),
            ("@{x}", None),
            ("a: @{x}", Some(Filled::default().into())),
        ] {
            let with: Vec<_> = hole.into_iter().map(|hole| ("x", hole)).collect();
            assert_eq!(
                Template(template).fill(&with),
                Err(Misfit("x".to_owned())),
                "{template}"
            );
        }
    }

    #[test]
    fn a_word_is_quoted_for_a_shell() {
        assert_eq!(shell_word("etc/a-b_c.yml"), "etc/a-b_c.yml");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell_word(""), "''");
    }
}
