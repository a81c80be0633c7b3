//! What a database is told, and what it gives back.

use std::sync::Arc;

use registry_auth_core::secret::Secret;

/// An SQL statement, written here or by the operator: what a client sends is never a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) text: Arc<str>,
    /// What is read of each row, in this order.
    pub(super) columns: &'static [Column],
}

/// A column that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Whether a result may be without it.
    pub(super) may_lack: bool,
}

/// A row: the bytes of each column that is read. A column that is not there or is NULL is `None`.
#[derive(Debug, Default)]
pub(super) struct Row(Vec<Option<Secret<Vec<u8>>>>);

impl Statement {
    /// A statement of whose result nothing is read.
    pub(super) fn plain(text: &str) -> Self {
        Self::giving(text, &[])
    }

    /// A statement of whose result `columns` are read.
    pub(super) fn giving(text: &str, columns: &'static [Column]) -> Self {
        Self {
            text: text.into(),
            columns,
        }
    }
}

impl Column {
    /// A column without which a result is none.
    pub(super) const fn named(name: &'static str) -> Self {
        Self { name, may_lack: false }
    }

    /// A column that may lack.
    pub(super) const fn if_there(name: &'static str) -> Self {
        Self { name, may_lack: true }
    }
}

impl Row {
    /// The bytes of the column that is read as number `index`.
    pub(super) fn bytes(&self, index: usize) -> Option<&[u8]> {
        let cell = self.0.get(index)?.as_ref()?;
        Some(cell.expose())
    }
}

impl FromIterator<Option<Secret<Vec<u8>>>> for Row {
    fn from_iter<T: IntoIterator<Item = Option<Secret<Vec<u8>>>>>(cells: T) -> Self {
        Self(cells.into_iter().collect())
    }
}
