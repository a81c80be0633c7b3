//! `conn_string` of SQLite, as mattn/go-sqlite3 reads it: a path with keys of the driver's own behind `?`, or an address as
//! SQLite reads it, `file:path?mode=ro`. Where there is no file, it is created.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use super::fault::{Fault, place_in};
use super::percent::{Plus, decoded, pairs};

/// How long a question waits for somebody who writes, unless it is said.
const BUSY: Duration = Duration::from_secs(5);

/// What a connection string says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) mode: Mode,
    pub(super) immutable: bool,
    pub(super) shared_cache: bool,
    pub(super) busy: Duration,
    pub(super) journal: Option<String>,
}

/// `mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// `ro`.
    ReadOnly,
    /// `rw`: the file must be there.
    ReadWrite,
    /// `rwc`.
    #[default]
    Create,
}

/// How a journal may be kept.
const JOURNALS: [(&str, SqliteJournalMode); 6] = [
    ("delete", SqliteJournalMode::Delete),
    ("truncate", SqliteJournalMode::Truncate),
    ("persist", SqliteJournalMode::Persist),
    ("memory", SqliteJournalMode::Memory),
    ("wal", SqliteJournalMode::Wal),
    ("off", SqliteJournalMode::Off),
];

/// Reads a connection string.
pub(super) fn read(text: &str) -> Result<Found, Fault> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) if !path.is_empty() => (path, query),
        _ => (text, ""),
    };
    let address = path.strip_prefix("file:");
    let whole = place_in(text, path);
    let written = match address {
        None => path.to_owned(),
        Some(address) => of_address(address).map_err(|what| Fault::new(whole.clone(), what))?,
    };
    if written.is_empty() || written.contains(":memory:") {
        return Err(Fault::new(
            whole,
            "names no file; a database in memory would be empty at each start, and nobody else could fill it",
        ));
    }
    let mut found = Found {
        path: written.into(),
        mode: Mode::default(),
        immutable: false,
        shared_cache: false,
        busy: BUSY,
        journal: None,
    };
    for (key, value) in pairs(query) {
        let place = place_in(text, key);
        let value = decoded(value.unwrap_or_default(), Plus::Space)
            .ok_or_else(|| Fault::new(place.clone(), format_args!("`{key}` has a broken `%` in its value")))?;
        found.set(key, &value, address.is_some(), place)?;
    }
    Ok(found)
}

/// The path of an address: `file:path`, `file:///path`, `file://localhost/path`.
fn of_address(address: &str) -> Result<String, &'static str> {
    let (address, _) = address.split_once('#').unwrap_or((address, ""));
    let path = match address.strip_prefix("//") {
        None => address,
        Some(rest) => match rest.strip_prefix("localhost").unwrap_or(rest) {
            path if path.starts_with('/') => path,
            _ => return Err("names a host; write `file:///path`"),
        },
    };
    decoded(path, Plus::Plain).ok_or("has a broken `%` in its path")
}

impl Found {
    fn set(&mut self, key: &str, value: &str, is_address: bool, place: Range<usize>) -> Result<(), Fault> {
        let wrong = |what: &str| Err(Fault::new(place, format_args!("`{key}` {what}")));
        match (key, value) {
            ("mode" | "cache" | "immutable", _) if !is_address => {
                return wrong("counts only in an address: write `file:` before the path");
            }
            ("mode", "ro") => self.mode = Mode::ReadOnly,
            ("mode", "rw") => self.mode = Mode::ReadWrite,
            ("mode", "rwc") => self.mode = Mode::Create,
            ("mode", _) => return wrong("must be `ro`, `rw` or `rwc`"),
            ("cache", "shared") => self.shared_cache = true,
            ("cache", "private") => self.shared_cache = false,
            ("cache", _) => return wrong("must be `shared` or `private`"),
            ("immutable", "1" | "true" | "yes" | "on") => self.immutable = true,
            ("immutable", "0" | "false" | "no" | "off") => self.immutable = false,
            ("immutable", _) => return wrong("must be `1` or `0`"),
            ("_busy_timeout" | "_timeout", value) => match value.parse() {
                Ok(milliseconds) => self.busy = Duration::from_millis(milliseconds),
                Err(_) => return wrong("must be a number of milliseconds"),
            },
            ("_journal_mode" | "_journal", value) => {
                let value = value.to_ascii_lowercase();
                if !JOURNALS.iter().any(|(name, _)| *name == value) {
                    return wrong("must be `DELETE`, `TRUNCATE`, `PERSIST`, `MEMORY`, `WAL` or `OFF`");
                }
                self.journal = Some(value);
            }
            // How times are read, and how transactions begin: there are none of either here.
            ("_loc" | "_txlock", _) => {}
            _ => return wrong("is not known here; see `docs/sql.md` for what is"),
        }
        Ok(())
    }

    /// As sqlx takes it.
    pub(super) fn options(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(self.mode == Mode::Create)
            .read_only(self.mode == Mode::ReadOnly)
            .immutable(self.immutable)
            .shared_cache(self.shared_cache)
            .busy_timeout(self.busy);
        let journal = self.journal.as_ref();
        let journal = journal.and_then(|journal| JOURNALS.iter().find(|(name, _)| name == journal));
        match journal {
            Some((_, mode)) => options.journal_mode(*mode),
            None => options,
        }
    }

    /// Where it is, for logs.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
mod tests;
