//! Changes of a table, each in one step.

use std::sync::Arc;

use super::server::Kind;
use super::statement::{Row, Statement};

/// A statement that changes something, with its values, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) text: Arc<str>,
    pub(super) values: Vec<Option<String>>,
}

/// What is to be done by what a table holds.
pub(super) struct Transaction<'a> {
    /// What keeps everybody else from changing it meanwhile, if reading does not.
    pub(super) lock: Option<Statement>,
    /// What is read first.
    pub(super) read: Statement,
    pub(super) values: Vec<&'a str>,
    /// What is done then; nothing for `None`.
    pub(super) decide: &'a (dyn Fn(Vec<Row>) -> Option<Vec<Step>> + Sync),
}

impl Step {
    pub(super) fn new(text: &str, values: Vec<Option<String>>) -> Self {
        Self {
            text: text.into(),
            values,
        }
    }
}

/// The parameter number `number`, from 1.
pub(super) fn parameter(kind: Kind, number: usize) -> String {
    match kind {
        Kind::Postgres => format!("${number}"),
        Kind::MySql | Kind::Sqlite => "?".to_owned(),
    }
}

/// The same as a whole number.
pub(super) fn number(kind: Kind, number: usize) -> String {
    let parameter = parameter(kind, number);
    match kind {
        Kind::MySql => format!("CAST({parameter} AS SIGNED)"),
        Kind::Postgres => format!("CAST({parameter} AS BIGINT)"),
        Kind::Sqlite => format!("CAST({parameter} AS INTEGER)"),
    }
}

/// The same as JSON, where that is a type of its own.
pub(super) fn json(kind: Kind, number: usize) -> String {
    let parameter = parameter(kind, number);
    match kind {
        Kind::Postgres => format!("CAST({parameter} AS JSON)"),
        Kind::MySql | Kind::Sqlite => parameter,
    }
}

/// Tells those who listen, once all is done; only PostgreSQL can.
pub(super) fn tell(kind: Kind) -> Option<Step> {
    let text = format!("SELECT pg_notify('{}', '')", super::news::CHANNEL);
    (kind == Kind::Postgres).then(|| Step::new(&text, Vec::new()))
}
