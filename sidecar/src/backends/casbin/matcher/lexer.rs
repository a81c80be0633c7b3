//! The words of a matcher.

use super::super::fault::{Fault, What};
use super::super::text::{At, Text};

/// The longest matcher, in characters.
const LONGEST: usize = 8_192;

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, or names with dots between them.
    Name(String),
    Text(String),
    Sign(&'static str),
}

/// A word with the place where it begins.
pub(super) type Placed = (Token, At);

/// What is still to be read.
type Rest<'t> = &'t [(char, At)];

/// Longer ones before those that they begin with.
const SIGNS: [&str; 30] = [
    "&&", "||", "==", "!=", "<=", ">=", "=~", "!~", "**", "<<", ">>", "??", "!", "<", ">", "(", ")", "[", "]", ",",
    "+", "-", "*", "/", "%", "&", "|", "^", "?", ":",
];

/// Signs that stand for themselves whatever is beside them.
const SINGLE: [&str; 5] = ["(", ")", "[", "]", ","];

/// The words of a text.
pub(super) fn tokens(text: &Text) -> Result<Vec<Placed>, Fault> {
    let chars = text.chars();
    if chars.len() > LONGEST {
        return Err(Fault::at(text.at(), What::TooLong(LONGEST)));
    }
    let mut tokens = Vec::new();
    let mut rest = chars;
    while let Some(((c, at), others)) = rest.split_first() {
        let (token, after) = match c {
            c if c.is_whitespace() => {
                rest = others;
                continue;
            }
            '\'' | '"' => quoted(*c, *at, others)?,
            c if c.is_ascii_digit() => return Err(Fault::at(*at, What::Number)),
            c if is_of_name(*c) => {
                let end = rest.iter().position(|(c, _)| !is_of_name(*c) && *c != '.');
                let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
                (Token::Name(name.iter().map(|(c, _)| *c).collect()), after)
            }
            _ => sign(rest, *at)?,
        };
        tokens.push((token, *at));
        rest = after;
    }
    Ok(tokens)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn printable(c: char) -> String {
    if c == '`' {
        c.escape_unicode().collect()
    } else {
        c.escape_debug().collect()
    }
}

fn sign(rest: Rest<'_>, at: At) -> Result<(Token, Rest<'_>), Fault> {
    let first = rest.first().map_or(' ', |(c, _)| *c);
    let unknown = || Fault::at(at, What::Character(printable(first)));
    let (sign, after) = starting(rest).ok_or_else(unknown)?;
    if let Some((next, _)) = starting(after)
        && !SINGLE.contains(&sign)
        && !SINGLE.contains(&next)
    {
        return Err(Fault::at(at, What::Run(format!("{sign}{next}"))));
    }
    Ok((Token::Sign(sign), after))
}

/// The sign that a text begins with, and what stands behind.
fn starting(rest: Rest<'_>) -> Option<(&'static str, Rest<'_>)> {
    let sign = SIGNS.into_iter().find(|sign| {
        let mut chars = rest.iter().map(|(c, _)| *c);
        sign.chars().all(|wanted| chars.next() == Some(wanted))
    })?;
    Some((sign, rest.get(sign.len()..)?))
}

/// A text in quotes. What docker_auth makes something else of is refused.
fn quoted(quote: char, at: At, rest: Rest<'_>) -> Result<(Token, Rest<'_>), Fault> {
    let Some(end) = rest.iter().position(|(c, _)| *c == quote) else {
        return Err(Fault::at(at, What::Unclosed));
    };
    let (inside, after) = rest.split_at(end);
    for (c, at) in inside {
        match c {
            '\\' => return Err(Fault::at(*at, What::Backslash)),
            '\'' | '"' => return Err(Fault::at(*at, What::Quotes)),
            _ => {}
        }
    }
    let text: String = inside.iter().map(|(c, _)| *c).collect();
    if let Some(read) = escaped(&text) {
        return Err(Fault::at(at, What::Assertion(super::super::text::shown(&read))));
    }
    if is_date(&text) {
        return Err(Fault::at(at, What::Date));
    }
    Ok((Token::Text(text), after.get(1..).unwrap_or_default()))
}

/// `p.` and `r2.` become `p_` and `r2_` wherever they stand, in texts too. `None` if nothing does.
fn escaped(text: &str) -> Option<String> {
    let mut words = text.split('.').peekable();
    let mut escaped = String::new();
    let mut is_other = false;
    while let Some(word) = words.next() {
        escaped.push_str(word);
        if words.peek().is_some() {
            let last = word.rsplit(|c: char| !is_of_name(c)).next().unwrap_or_default();
            let digits = last.strip_prefix(['r', 'p']);
            let is_one = digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit()));
            escaped.push(if is_one { '_' } else { '.' });
            is_other |= is_one;
        }
    }
    is_other.then_some(escaped)
}

/// `2006-01-02`, with or without a time behind it.
fn is_date(text: &str) -> bool {
    let mut chars = text.chars();
    let form = "0000-00-00".chars();
    let fits = form.into_iter().all(|form| {
        let c = chars.next();
        if form == '0' {
            c.is_some_and(|c| c.is_ascii_digit())
        } else {
            c == Some(form)
        }
    });
    fits && chars.next().is_none_or(|c| matches!(c, ' ' | 'T'))
}
