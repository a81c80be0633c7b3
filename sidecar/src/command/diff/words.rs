//! Rules and requests as one says them.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use registry_auth_core::account::Labels;
use registry_auth_core::acl::relation::{Extent, Texts};
use registry_auth_core::config::acl::{Options, Rule};

use super::change::Way;
use super::example::{Example, Outcome};
use super::rules::Doubt;
use super::{Side, Sides};
use crate::command::who::patterns::is_plain;
use crate::rulebook::Rulebook;

/// So many rules are named one by one.
const MOST_NAMED: usize = 3;

/// `auth_config.yml:42 acl[3] "readers"`.
pub(super) fn place_and_rule(rulebook: &Rulebook, index: usize) -> String {
    let rule = rulebook.located(index);
    match rule.place() {
        Some(place) => format!("{place} {rule}"),
        None => rule.to_string(),
    }
}

/// What a rule of `to` grants, and to whom; `otherwise` is one of `from` that grants something else of the same.
pub(super) fn rule(sides: Sides<'_>, index: usize, otherwise: Option<&Rule>) -> String {
    let rulebook = sides.to;
    let mut text = rulebook.located(index).to_string();
    let Some(rule) = rulebook.rules.get(index) else {
        return text;
    };
    let matches = &rule.matches;
    // Writing to a string cannot fail.
    let _ = write!(text, " grants {}", granted(rule));
    if let Some(otherwise) = otherwise {
        let when = match sides.way {
            Way::Grants => "before",
            Way::TakesAway => "now",
        };
        let _ = write!(text, " ({when}: {})", granted(otherwise));
    }
    if let Some(kind) = &matches.kind {
        let _ = write!(text, " on type `{kind}`");
    }
    if let Some(name) = &matches.name {
        let joint = if matches.kind.is_some() { "," } else { " on" };
        let _ = write!(text, "{joint} name `{name}`");
    }
    let _ = match matches.account.as_deref() {
        None => write!(text, " to every account"),
        Some("") => write!(text, " to the anonymous account"),
        Some(account) if is_plain(account) => write!(text, " to account `{account}`"),
        Some(pattern) => write!(text, " to accounts like `{pattern}`"),
    };
    for (number, (label, pattern)) in matches.labels.iter().enumerate() {
        let joint = if number == 0 { " with label" } else { " and" };
        let _ = write!(text, "{joint} `{label}: {pattern}`");
    }
    if let Some(ip) = &matches.ip {
        let _ = write!(text, ", from {ip}");
    }
    if let Some(service) = &matches.service {
        let _ = write!(text, ", for service `{service}`");
    }
    text
}

/// The actions of a rule.
fn granted(rule: &Rule) -> String {
    match rule.actions.as_slice() {
        [] => "nothing".to_owned(),
        [all] if all == "*" => "all that is asked".to_owned(),
        actions => actions.join(", "),
    }
}

/// Why it is not known what a change of the rule comes to.
pub(super) fn doubt(sides: Sides<'_>, doubt: &Doubt) -> String {
    let own = sides.to.rules.get(doubt.index).map(|rule| (rule, sides.to.options));
    let above = doubt.above.iter().filter_map(|index| sides.from.rules.get(*index));
    let above = above.map(|rule| (rule, sides.from.options));
    let what = own
        .into_iter()
        .chain(above)
        .find_map(|(rule, options)| incomparable(rule, options));
    let mut why = what.unwrap_or_else(|| {
        if doubt.is_covered {
            "no request was found of which it is so".to_owned()
        } else {
            format!("no rule of {} by itself covers it", sides.from.origin.names())
        }
    });
    if !doubt.above.is_empty() {
        let named: Vec<String> = doubt
            .above
            .iter()
            .take(MOST_NAMED)
            .map(|index| place_and_rule(sides.from, *index))
            .collect();
        let more = doubt.above.len().saturating_sub(named.len());
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let _ = write!(why, "; compare {}{more}", named.join(", "));
    }
    why
}

/// The first condition of a rule that cannot be compared with others.
fn incomparable(rule: &Rule, options: Options) -> Option<String> {
    let matches = &rule.matches;
    let fields = [
        ("account", &matches.account, Texts::Any),
        ("type", &matches.kind, Texts::Kinds),
        ("name", &matches.name, Texts::Names),
        ("service", &matches.service, Texts::Any),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(key, text, texts)| Some((key, text.as_deref()?, texts)));
    let labels = matches
        .labels
        .iter()
        .map(|(label, text)| (label.as_str(), text.as_str(), Texts::Any));
    fields.chain(labels).find_map(|(key, text, texts)| {
        let why = if text.contains("${") {
            "has variables"
        } else if Extent::of(text, texts, options).is_none() {
            "cannot be compared with other patterns"
        } else {
            return None;
        };
        Some(format!("{key} `{text}` {why}"))
    })
}

/// What decides about an example on one side.
pub(super) fn outcome(rulebook: &Rulebook, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Rule(index) => {
            let granted = rulebook.rules.get(*index).map(granted).unwrap_or_default();
            format!("{} grants {granted}", place_and_rule(rulebook, *index))
        }
        Outcome::Unjudged(index) => format!("{} cannot be judged", place_and_rule(rulebook, *index)),
        Outcome::NoRule => format!("no rule of {} matches", rulebook.origin.names()),
        Outcome::NoAccount => format!("{} lets nobody in by that name", rulebook.origin.names()),
        Outcome::NotServed => format!("{} does not serve the service", rulebook.origin.names()),
    }
}

/// The command that explains an example by the side that grants it.
pub(super) fn command(sides: Sides<'_>, files: &[PathBuf], example: &Example, is_static: bool) -> String {
    let mut words: Vec<String> = vec!["registry-auth".to_owned(), "explain".to_owned()];
    for (number, file) in files.iter().enumerate() {
        if number > 0 {
            words.push("--with".to_owned());
        }
        words.push(quoted(&file.display().to_string()));
    }
    words.extend(["--account".to_owned(), quoted(example.who.account.as_str())]);
    if !is_static {
        for (label, value) in made_labels(example) {
            words.extend(["--label".to_owned(), quoted(&format!("{label}={value}"))]);
        }
    }
    if example.address != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        words.extend(["--ip".to_owned(), example.address.to_string()]);
    }
    let usual = sides.side(Side::To).services.iter().flatten().next();
    if usual.map_or("", String::as_str) != example.service.as_str() {
        words.extend(["--service".to_owned(), quoted(example.service.as_str())]);
    }
    words.push(quoted(&example.scope.to_string()));
    words.join(" ")
}

/// The labels of an example's account.
pub(super) fn made_labels(example: &Example) -> impl Iterator<Item = (&str, &str)> {
    let labels = example.who.to.iter().flat_map(Labels::iter);
    labels.flat_map(|(label, values)| values.iter().map(move |value| (label, value.as_str())))
}

/// A word of a command line, as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reaches_the_program_as_it_is() {
        for (word, typed) in [
            ("ada", "ada"),
            ("", "''"),
            ("a b", "'a b'"),
            ("*", "'*'"),
            ("o'neil", r"'o'\''neil'"),
        ] {
            assert_eq!(quoted(word), typed);
        }
    }
}
