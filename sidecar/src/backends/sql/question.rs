//! What a database is asked about an account, and which of its rows is the account.

use registry_auth_core::config::Section;
use registry_auth_core::problem::Problems;
use thiserror::Error;

use super::fault::Fault;
use super::server::Kind;
use super::statement::{Column, Row, Statement};

/// What stands for the account in `query`.
const ACCOUNT: &str = ":account";

/// What is read of an account, see [`Found`].
pub(super) const COLUMNS: &[Column] = &[
    Column::if_there("username"),
    Column::named("password_hash"),
    Column::named("labels"),
];

/// A statement that finds an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) statement: Statement,
    /// So many parameters it has, each of them the account.
    pub(super) parameters: usize,
    pub(super) rows: Rows,
}

/// A row with an account.
#[derive(Debug)]
pub(super) struct Found(Row);

/// What the rows of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Of docker_auth's table: all of that name, the newest first, each with the name.
    Table,
    /// Of the operator's own `query`: one at most, where it names none.
    Query,
}

/// Why no row can be chosen.
#[derive(Debug, Error)]
pub(super) enum Ambiguous {
    #[error("gave {0} rows for one account; see `query`")]
    Several(usize),
}

impl Found {
    /// The name, as the database has it.
    fn username(&self) -> Option<&[u8]> {
        self.0.bytes(0)
    }

    pub(super) fn password_hash(&self) -> Option<&[u8]> {
        self.0.bytes(1)
    }

    pub(super) fn labels(&self) -> Option<&[u8]> {
        self.0.bytes(2)
    }
}

impl Question {
    /// Reads `query`; `None` if it is wrong, `Some(None)` if there is none.
    #[expect(clippy::option_option, reason = "wrong and absent are two things")]
    pub(super) fn read(section: &mut Section, kind: Option<Kind>, problems: &mut Problems) -> Option<Option<Self>> {
        let place = section.place_of("query");
        let Some(text) = section.text("query", problems) else {
            return (!problems.is_refusal_at(&place)).then_some(None);
        };
        let kind = kind?;
        if kind == Kind::MySql && !text.to_ascii_lowercase().contains("username") {
            problems.warn(
                &place,
                "leaves it to MySQL which names are equal, and it takes `BOB` for `bob`, for whom other rules hold; give the \
                 name as the column `username`",
            );
        }
        let statement = with_parameters(&text, kind);
        let (statement, parameters) = statement.map_err(|fault| fault.tell(&place, problems)).ok()?;
        Some(Some(Self {
            statement,
            parameters,
            rows: Rows::Query,
        }))
    }

    /// Of `rows` the one of `account`. What a database takes for equal (`BOB` and `bob`, or with a space behind it) is
    /// somebody else.
    pub(super) fn choose(&self, rows: Vec<Row>, account: &str) -> Result<Option<Found>, Ambiguous> {
        let is_account = |row: &Found| match (row.username(), self.rows) {
            (Some(name), _) => name == account.as_bytes(),
            (None, Rows::Query) => true,
            (None, Rows::Table) => false,
        };
        let mut rows: Vec<Found> = rows.into_iter().map(Found).filter(is_account).collect();
        if self.rows == Rows::Query && rows.len() > 1 {
            return Err(Ambiguous::Several(rows.len()));
        }
        Ok((!rows.is_empty()).then(|| rows.swap_remove(0)))
    }
}

/// The statement with the database's own sign for a parameter in place of each `:account`, save in texts, quoted names and
/// comments.
fn with_parameters(query: &str, kind: Kind) -> Result<(Statement, usize), Fault> {
    let mut text = String::with_capacity(query.len());
    let mut parameters = 0_usize;
    let mut at = 0_usize;
    while let Some(rest) = query.get(at..).filter(|rest| !rest.is_empty()) {
        let skipped = skipped(rest, kind);
        let name = rest.strip_prefix(':').map(word).unwrap_or_default();
        let taken = if skipped > 0 {
            text.push_str(rest.get(..skipped).unwrap_or(rest));
            skipped
        } else if rest.starts_with("::") {
            text.push_str("::");
            2
        } else if format!(":{name}") == ACCOUNT {
            match kind {
                Kind::Postgres => text.push_str("$1"),
                Kind::MySql | Kind::Sqlite => text.push('?'),
            }
            parameters = parameters.saturating_add(1);
            ACCOUNT.len()
        } else if name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            let end = at.saturating_add(name.len()).saturating_add(1);
            return Err(Fault::new(
                at..end,
                format_args!("`:{name}` is not known; the account is `{ACCOUNT}`"),
            ));
        } else if rest.starts_with('?') && kind != Kind::Postgres {
            return Err(Fault::new(
                at..at.saturating_add(1),
                format_args!("`?` stands for nothing here; the account is `{ACCOUNT}`"),
            ));
        } else {
            let next = rest.chars().next().unwrap_or_default();
            text.push(next);
            next.len_utf8()
        };
        at = at.saturating_add(taken);
    }
    if parameters == 0 {
        return Err(Fault::new(
            0..query.len(),
            format_args!(
                "does not hold `{ACCOUNT}`, so that it would find the same for everybody; compare the name with it"
            ),
        ));
    }
    // `$1` is one parameter, however often it stands there.
    let parameters = if kind == Kind::Postgres { 1 } else { parameters };
    Ok((Statement::giving(&text, COLUMNS), parameters))
}

/// The length of what `rest` begins with, if it is a text, a quoted name or a comment.
fn skipped(rest: &str, kind: Kind) -> usize {
    let to = |end: Option<usize>, mark: &str| end.map_or(rest.len(), |end| end.saturating_add(mark.len()));
    let behind = |start: usize, mark: &str| {
        let found = rest.get(start..).and_then(|behind| behind.find(mark));
        to(found.map(|found| found.saturating_add(start)), mark)
    };
    match rest.as_bytes() {
        [b'-', b'-', ..] => behind(2, "\n"),
        [b'#', ..] if kind == Kind::MySql => behind(1, "\n"),
        [b'/', b'*', ..] => behind(2, "*/"),
        [b'$', ..] if kind == Kind::Postgres => match dollar_quote(rest) {
            Some(mark) => behind(mark.len(), mark),
            None => 0,
        },
        [b'[', ..] if kind == Kind::Sqlite => behind(1, "]"),
        [quote @ (b'\'' | b'"' | b'`'), ..] => quoted(rest, *quote, kind),
        _ => 0,
    }
}

/// The length of a quoted text. A quote that is doubled begins the next text at once, which comes to the same.
fn quoted(rest: &str, quote: u8, kind: Kind) -> usize {
    let escapes = kind == Kind::MySql && quote != b'`';
    let mut is_escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if escapes => is_escaped = true,
            byte if byte == quote => return at.saturating_add(1),
            _ => {}
        }
    }
    rest.len()
}

/// `$$` or `$name$`, if `rest` begins with it.
fn dollar_quote(rest: &str) -> Option<&str> {
    let name = word(rest.get(1..)?);
    let end = name.len().saturating_add(2);
    let mark = rest.get(..end)?;
    (mark.ends_with('$') && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(mark)
}

/// The name that `text` begins with.
fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
