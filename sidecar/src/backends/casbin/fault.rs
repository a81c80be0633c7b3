//! What can be wrong with a model, and what to do.

use thiserror::Error;

use super::patterns::PatternFault;
use super::text::At;

/// docker_auth's fields of a request, in their order.
pub(super) const ASKED: [&str; 7] = ["account", "type", "name", "service", "ip", "action", "labels"];

/// Something wrong with a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where; `None` is the whole of it.
    pub(super) at: Option<At>,
    pub(super) what: What,
}

/// What is wrong.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum What {
    #[error("is neither a `[section]` nor of the form `key = value`")]
    NoDefinition,
    #[error(
        "has a section `{0}` that no model has; write `request_definition`, `policy_definition`, `role_definition`, \
         `policy_effect` or `matchers`"
    )]
    Section(String),
    #[error("defines `{key}`, and here only `{wanted}` is ever asked; take it out")]
    Key { key: String, wanted: String },
    #[error("defines `{key}` again, as line {line} does; keep the one that counts")]
    Twice { key: String, line: usize },
    #[error("lacks `{key}` in its section `[{section}]`; write it")]
    Missing { section: &'static str, key: &'static str },
    #[error("has `{0}` where the name of a field is wanted; write letters, digits and `_`")]
    FieldName(String),
    #[error("names the field `{0}` twice; give each a name of its own")]
    FieldTwice(String),
    #[error("names {0} fields, and a request has seven; write `r = account, type, name, service, ip, action, labels`")]
    Seven(usize),
    #[error(
        "has `{name}` in the place of `{meant}`; write `r = account, type, name, service, ip, action, labels`, or other \
         names in this order"
    )]
    Order { name: String, meant: &'static str },
    #[error("is no role; write `_, _`, or `_, _, _` for roles in domains")]
    Role,
    #[error(
        "is no effect of Casbin's that is known here; write `some(where (p.eft == allow))`, the same with \
         `&& !some(where (p.eft == deny))`, `!some(where (p.eft == deny))` or `priority(p.eft) || deny`"
    )]
    Effect,
    #[error("allows everything to everybody, since no row can deny; give `p` a field `eft`")]
    NothingDenies,
    #[error("has `{0}`, which means nothing here; take it out")]
    Character(String),
    #[error("opens a text that is not closed; mind that `#` and `;` begin a comment in a text too")]
    Unclosed,
    #[error("has both kinds of quotes in a text, at the first of which docker_auth ends it; use one kind")]
    Quotes,
    #[error(
        "has a backslash in a text, which one version of Casbin drops and another keeps; write a class, as `[.]` or `[0-9]`"
    )]
    Backslash,
    #[error("has a text that docker_auth reads as `{0}`; compare with a field of `p` instead")]
    Assertion(String),
    #[error("has a text that docker_auth takes for a date, which equals no field; compare with a field of `p` instead")]
    Date,
    #[error("has a number, and everything here is text; put it into quotes")]
    Number,
    #[error(
        "has `{0}`, for which there is no other way to write it; use comparisons, `in`, `&&`, `||`, `!` and functions"
    )]
    Operator(String),
    #[error("compares a comparison; put one of them into parentheses")]
    Chain,
    #[error("ends where {0} is wanted")]
    Ends(&'static str),
    #[error("has `{found}` where {wanted} is wanted")]
    Unexpected { found: String, wanted: &'static str },
    #[error("asks for `{0}`, and a request is of texts, which have no fields; use one of them as a whole")]
    Member(String),
    #[error("asks for `{name}`, which is not defined; known are {known}")]
    Unknown { name: String, known: String },
    #[error("calls `eval`, and what a row says is data, not a program; write the condition into the matcher")]
    Eval,
    #[error("calls `{function}` otherwise than as `{form}`; write it so")]
    Arguments { function: String, form: String },
    #[error(
        "takes the pattern of `{0}` from the request, so that who asks could choose it; make the pattern a field of `p`, \
         or a text"
    )]
    RequestAsPattern(String),
    #[error("compares a text with what is true or false; compare alike")]
    Mixed,
    #[error("has a text where something is wanted that is true or false; compare it")]
    NoTruth,
    #[error("has something true or false where a text is wanted; take it out of there")]
    NoText,
    #[error("has `{0}`, which docker_auth reads as one sign; put a blank between the two")]
    Run(String),
    #[error("lists one value only, which docker_auth takes for no list; write `==`")]
    ListOfOne,
    #[error("is longer than {0} characters; split it into rows of the policy")]
    TooLong(usize),
    #[error("nests parentheses and `!` more than {0} deep; take out what only groups")]
    TooDeep(usize),
    #[error("has the pattern `{text}` for `{function}`: {why}")]
    Pattern {
        function: &'static str,
        text: String,
        why: PatternFault,
    },
}

impl Fault {
    pub(super) fn at(at: At, what: What) -> Self {
        Self { at: Some(at), what }
    }
}
