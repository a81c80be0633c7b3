//! A matcher in the syntax of the crate's own language, rhai, of which so little is used that each line of it ends: no
//! arithmetic, no assignment, no loop, and parentheses around everything.

use std::fmt::Write;

use super::matcher::{Comparison, Pattern, Term, Truth};
use super::model::Model;
use super::patterns::Function;

/// What the functions are handed beside the texts: everything that was compiled.
pub(super) const GIVEN: &str = "given";

/// The matcher, for the crate.
pub(super) fn matcher(truth: &Truth, model: &Model) -> String {
    match truth {
        Truth::Constant(value) => value.to_string(),
        Truth::All(parts) => joined(parts, " && ", model),
        Truth::Any(parts) => joined(parts, " || ", model),
        Truth::Not(part) => format!("(!{})", matcher(part, model)),
        Truth::Same(one, other) => format!("({} == {})", matcher(one, model), matcher(other, model)),
        Truth::Compare(comparison, one, other) => {
            let sign = match comparison {
                Comparison::Equal => "==",
                Comparison::Unequal => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("({} {sign} {})", text(one, model), text(other, model))
        }
        Truth::HasRole { role, terms } => has_role(*role, terms, model),
        Truth::Matches {
            function,
            text: asked,
            pattern,
        } => {
            let pattern = match pattern {
                Pattern::Row(field) => row(*field, model),
                Pattern::Text(pattern, _) => quoted(pattern),
            };
            format!("{}(r_{GIVEN}, {}, {pattern})", called(*function), text(asked, model))
        }
    }
}

/// What a function is called there. The crate's own of the same purpose keep their names, and are never called.
pub(super) fn called(function: Function) -> &'static str {
    match function {
        Function::Regex => "matches_regex",
        Function::Key => "matches_key",
        Function::Key2 => "matches_key2",
        Function::Key3 => "matches_key3",
        Function::Key4 => "matches_key4",
        Function::Key5 => "matches_key5",
        Function::Glob => "matches_glob",
        Function::Ip => "is_in_network",
        Function::Labels => "has_labels",
        Function::LabelsOfRequest => "has_no_labels_but",
    }
}

/// What a field of a request is called there.
pub(super) fn asked(field: usize) -> String {
    format!("a{field}")
}

/// What a field of a row is called there; the crate knows `eft` by its name.
pub(super) fn field(field: usize, model: &Model) -> String {
    match model.policy.get(field) {
        Some(name) if name == "eft" => name.clone(),
        _ => format!("f{field}"),
    }
}

/// In which domain the crate keeps what a row of this kind says: it has one graph for all kinds.
pub(super) fn domain(role: &str, domain: Option<&str>) -> String {
    match domain {
        None => role.to_owned(),
        Some(domain) => format!("{role} {domain}"),
    }
}

fn has_role(role: usize, terms: &[Term], model: &Model) -> String {
    let name = model.roles.get(role).map_or("g", |role| role.name.as_str());
    let mut arguments = terms.iter().map(|term| text(term, model));
    let (account, role) = (
        arguments.next().unwrap_or_default(),
        arguments.next().unwrap_or_default(),
    );
    let domain = match arguments.next() {
        None => quoted(name),
        Some(domain) => format!("({} + {domain})", quoted(&format!("{name} "))),
    };
    format!("{name}({account}, {role}, {domain})")
}

/// As a tree of even height, so that a long list does not nest deep.
fn joined(parts: &[Truth], sign: &str, model: &Model) -> String {
    let middle = parts.len().div_euclid(2);
    match (parts, parts.split_at_checked(middle)) {
        ([], _) => "false".to_owned(),
        ([part], _) => matcher(part, model),
        (_, Some((first, last))) => {
            format!("({}{sign}{})", joined(first, sign, model), joined(last, sign, model))
        }
        (_, None) => "false".to_owned(),
    }
}

fn text(term: &Term, model: &Model) -> String {
    match term {
        Term::Text(value) => quoted(value),
        Term::Asked(number) => format!("r_{}", asked(*number)),
        Term::Row(number) => row(*number, model),
        Term::Joined(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| text(part, model)).collect();
            format!("({})", parts.join(" + "))
        }
    }
}

fn row(number: usize, model: &Model) -> String {
    format!("p_{}", field(number, model))
}

/// A text that neither the crate nor rhai finds anything in.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | ' ') {
            quoted.push(c);
        } else {
            // A `String` takes all that is written to it.
            let _ = write!(quoted, "\\U{:08x}", u32::from(c));
        }
    }
    quoted.push('"');
    quoted
}
