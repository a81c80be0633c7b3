//! Variables of a pattern: `${account}`, captures such as `${name:1}`, and labels such as `${labels:team}`.
//!
//! A pattern is taken apart once, when the configuration is read. Values are put in once and are not looked at again,
//! so a value that looks like a variable stays what it is.

use std::fmt;
use std::ops::Range;

use regex::Captures;
use strsim::damerau_levenshtein;
use thiserror::Error;

use super::Asked;
use crate::account::LabelsArePatterns;

/// A part of the request that a pattern is matched against, and that a variable can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    Account,
    Kind,
    Name,
    Service,
}

/// What stands for a variable in a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// `${account}`: that part of the request.
    Field(Field),
    /// `${account:1}`: what a group of that field's own expression took.
    Capture { field: Field, group: usize },
    /// `${labels:team}`: each value of the label in turn.
    Label(Box<str>),
}

/// A variable and the bytes of the pattern it takes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) variable: Variable,
    pub(super) at: Range<usize>,
}

/// What looks like a variable and is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{fault}")]
pub(super) struct VariableError {
    pub(super) at: Range<usize>,
    pub(super) fault: VariableFault,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum VariableFault {
    #[error("`${{` is never closed; close it with `}}`, or write `[$]{{` for the characters")]
    Unclosed,
    #[error("`{0}` is no variable; did you mean `{1}`?")]
    Misspelt(String, String),
    #[error(
        "`{0}` is no variable; there are `${{account}}`, `${{type}}`, `${{name}}`, `${{service}}`, captures such as \
         `${{account:1}}`, and labels such as `${{labels:team}}`"
    )]
    Unknown(String),
    #[error("`{0}` names no group; write its number, from 1 on, as in `${{account:1}}`")]
    Group(String),
    #[error("`${{labels:}}` names no label; write its name, as in `${{labels:team}}`")]
    Label,
    #[error(
        "`\\` stands before a variable; take it out, for values are quoted by themselves, or write `[$]{{` for the characters"
    )]
    Escaped,
}

/// What a variable stands for in one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) text: &'a str,
    /// How far the text keeps a meaning as a pattern; what a client sent never does.
    pub(super) meaning: LabelsArePatterns,
}

/// What the groups of each field's expression took, as far as that is known.
pub(super) type Taken<'a> = [Option<Captures<'a>>; Field::ALL.len()];

/// One choice of values for the variables of one pattern.
#[derive(Clone, Copy)]
pub(super) struct Values<'v, 'a> {
    pub(super) asked: &'v Asked<'a>,
    pub(super) taken: &'v Taken<'a>,
    /// The labels that the pattern names, each once.
    pub(super) labels: &'v [Box<str>],
    /// Which combination of their values this is, from 0 up to [`combinations`].
    pub(super) combination: usize,
}

impl Field {
    pub(super) const ALL: [Self; 4] = [Self::Account, Self::Kind, Self::Name, Self::Service];

    /// The key in `match`, and the name in a variable.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Kind => "type",
            Self::Name => "name",
            Self::Service => "service",
        }
    }

    /// That part of the request.
    pub(super) fn of<'a>(self, asked: &Asked<'a>) -> &'a str {
        match self {
            Self::Account => asked.identity.account.as_str(),
            Self::Kind => asked.scope.resource().kind(),
            Self::Name => asked.scope.resource().name(),
            Self::Service => asked.service.as_str(),
        }
    }

    /// The entry of `table` that belongs to this field.
    pub(super) fn slot<T>(self, table: &mut [T; Self::ALL.len()]) -> &mut T {
        let [account, kind, name, service] = table;
        match self {
            Self::Account => account,
            Self::Kind => kind,
            Self::Name => name,
            Self::Service => service,
        }
    }

    /// The entry of `table` that belongs to this field.
    pub(super) fn look<T>(self, table: &[T; Self::ALL.len()]) -> &T {
        let [account, kind, name, service] = table;
        match self {
            Self::Account => account,
            Self::Kind => kind,
            Self::Name => name,
            Self::Service => service,
        }
    }

    /// The field that a capture names; docker_auth lets the first letter be upper-case there.
    fn of_capture(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| {
            let mut letters = name.chars();
            let first = letters.next().map(|c| c.to_ascii_lowercase());
            first.into_iter().chain(letters).eq(field.key().chars())
        })
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => write!(f, "${{{}}}", field.key()),
            Self::Capture { field, group } => write!(f, "${{{}:{group}}}", field.key()),
            Self::Label(name) => write!(f, "${{labels:{name}}}"),
        }
    }
}

/// Every variable of `pattern`, in order, or everything that is wrong with them.
pub(super) fn references(pattern: &str) -> Result<Vec<Reference>, Vec<VariableError>> {
    let mut references = Vec::new();
    let mut faults = Vec::new();
    let mut done = 0_usize;
    while let Some((before, behind)) = pattern.get(done..).and_then(|rest| rest.split_once("${")) {
        let start = done.saturating_add(before.len());
        let Some((inside, _)) = behind.split_once('}') else {
            faults.push(VariableError {
                at: start..pattern.len(),
                fault: VariableFault::Unclosed,
            });
            break;
        };
        done = start.saturating_add(inside.len()).saturating_add("${}".len());
        let at = start..done;
        // Left alone, the `\` would take away the quoting of the value's first character.
        let escaped = ends_in_escape(before);
        match variable(inside) {
            Ok(_) if escaped => faults.push(VariableError {
                at,
                fault: VariableFault::Escaped,
            }),
            Ok(variable) => references.push(Reference { variable, at }),
            Err(fault) => faults.push(VariableError { at, fault }),
        }
    }
    if faults.is_empty() { Ok(references) } else { Err(faults) }
}

/// Whether the last `\` of `text` escapes what comes next.
pub(super) fn ends_in_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

fn variable(inside: &str) -> Result<Variable, VariableFault> {
    let whole = || format!("${{{inside}}}");
    if let Some(label) = inside.strip_prefix("labels:") {
        return if label.is_empty() {
            Err(VariableFault::Label)
        } else {
            Ok(Variable::Label(label.into()))
        };
    }
    if let Some(field) = Field::ALL.into_iter().find(|field| field.key() == inside) {
        return Ok(Variable::Field(field));
    }
    let (name, rest) = inside
        .split_once(':')
        .map_or((inside, None), |(name, rest)| (name, Some(rest)));
    if let (Some(field), Some(group)) = (Field::of_capture(name), rest) {
        let digits = group.bytes().all(|b| b.is_ascii_digit());
        let group = group.parse().ok().filter(|group| digits && *group > 0);
        return group
            .map(|group| Variable::Capture { field, group })
            .ok_or_else(|| VariableFault::Group(whole()));
    }
    let known = Field::ALL.map(Field::key).into_iter().chain(rest.map(|_| "labels"));
    let near = known
        .map(|known| (damerau_levenshtein(&name.to_ascii_lowercase(), known), known))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    Err(match near {
        Some((_, near)) => {
            let rest = rest.map(|rest| format!(":{rest}")).unwrap_or_default();
            VariableFault::Misspelt(whole(), format!("${{{near}{rest}}}"))
        }
        None => VariableFault::Unknown(whole()),
    })
}

/// How many combinations the values of `labels` have: 0 if one of them has no value, 1 if no label is named.
pub(super) fn combinations(labels: &[Box<str>], asked: &Asked<'_>) -> usize {
    labels
        .iter()
        .map(|label| asked.identity.labels.get(label).len())
        .fold(1, usize::saturating_mul)
}

impl<'a> Values<'_, 'a> {
    /// What `variable` stands for. `None` if that cannot be told, since the expression a capture is of could not be
    /// judged; and for a label without values, whose pattern is never asked.
    pub(super) fn of(&self, variable: &Variable) -> Option<Value<'a>> {
        let text = match variable {
            Variable::Field(field) => field.of(self.asked),
            Variable::Capture { field, group } => {
                let taken = field.look(self.taken).as_ref()?;
                taken.get(*group).map_or("", |group| group.as_str())
            }
            Variable::Label(label) => return self.label(label),
        };
        Some(Value {
            text,
            meaning: LabelsArePatterns::None,
        })
    }

    /// The combination's number is read digit by digit, a digit for each label.
    fn label(&self, wanted: &str) -> Option<Value<'a>> {
        let identity = self.asked.identity;
        let mut number = self.combination;
        for label in self.labels {
            let values = identity.labels.get(label);
            let digit = number.checked_rem(values.len())?;
            if **label == *wanted {
                return values.get(digit).map(|text| Value {
                    text,
                    meaning: identity.labels.is_pattern(label, digit),
                });
            }
            number = number.checked_div(values.len())?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(pattern: &str) -> (String, String) {
        let faults = references(pattern).unwrap_err();
        assert_eq!(faults.len(), 1, "{pattern}: {faults:?}");
        (pattern[faults[0].at.clone()].to_owned(), faults[0].to_string())
    }

    #[test]
    fn variables_are_found_with_their_bytes() {
        let pattern = "ü/${account}-${Name:02}${labels:a.b}$";
        let found = references(pattern).unwrap();
        let read: Vec<_> = found
            .iter()
            .map(|r| (&pattern[r.at.clone()], r.variable.to_string()))
            .collect();
        let expected = [
            ("${account}", "${account}"),
            ("${Name:02}", "${name:2}"),
            ("${labels:a.b}", "${labels:a.b}"),
        ];
        assert_eq!(read, expected.map(|(text, canonical)| (text, canonical.to_owned())));
        assert_eq!(references("a$b{c}\\$").unwrap(), []);
    }

    #[test]
    fn what_looks_like_a_variable_and_is_none_is_a_fault() {
        for (pattern, at, says) in [
            ("a/${acount}/*", "${acount}", "did you mean `${account}`?"),
            ("${Account}", "${Account}", "did you mean `${account}`?"),
            ("${label:team}", "${label:team}", "did you mean `${labels:team}`?"),
            ("${Labels:team}", "${Labels:team}", "did you mean `${labels:team}`?"),
            ("${team}", "${team}", "`${team}` is no variable; there are"),
            ("${}", "${}", "`${}` is no variable; there are"),
            ("${account:0}", "${account:0}", "names no group"),
            ("${account:+1}", "${account:+1}", "names no group"),
            ("${account:}", "${account:}", "names no group"),
            (
                "${account:99999999999999999999}",
                "${account:99999999999999999999}",
                "names no group",
            ),
            ("${labels:}", "${labels:}", "names no label"),
            ("a${account", "${account", "is never closed"),
            ("${${account}}", "${${account}", "is no variable"),
            (r"\${account}", "${account}", "stands before a variable"),
            (r"\\\${account}", "${account}", "stands before a variable"),
        ] {
            let (found, text) = fault(pattern);
            assert_eq!(found, at, "{pattern}");
            assert!(text.contains(says), "{pattern}: {text}");
        }
        assert!(references(r"\\${account}").is_ok());
    }
}
