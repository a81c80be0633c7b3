//! Reading files, and remembering which: the watcher asks later whether they are still as they were read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use registry_auth_core::secret::Secret;

use super::watch::Stamp;

/// So long may a file be that a configuration names: a key, a secret, the certificates of all authorities, a policy of
/// some ten thousand rows.
pub(super) const MAX_NAMED: usize = 8 << 20;

/// The files that were read or tried.
#[derive(Debug, Default)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    stamps: Vec<Stamp>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("no such file")]
    NotThere,
    #[error("permission denied")]
    Denied,
    #[error("it is no file")]
    NoFile,
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    #[error("line {line} is not UTF-8")]
    NotUtf8 { line: usize },
    #[error("{0}")]
    Other(io::Error),
}

impl Files {
    /// The text of a file of at most `most` bytes.
    pub(super) fn read(&mut self, path: &Path, most: usize) -> Result<Secret<String>, FileError> {
        // Taken before the reading, so that a change in between is one.
        if !self.paths.iter().any(|known| known == path) {
            self.paths.push(path.to_owned());
            self.stamps.push(Stamp::of(path));
        }
        read(path, most)
    }

    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Each file as it was when it was read first.
    pub(super) fn stamps(&self) -> &[Stamp] {
        &self.stamps
    }
}

fn read(path: &Path, most: usize) -> Result<Secret<String>, FileError> {
    // To open a pipe would wait for whoever writes into it.
    if !path.metadata()?.is_file() {
        return Err(FileError::NoFile);
    }
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > most {
        return Err(FileError::TooLong(most));
    }
    let limit = most.saturating_add(1);
    // With room for all of it, so that nothing is copied and left behind when the buffer grows.
    let mut bytes = Secret::new(Vec::with_capacity(length.saturating_add(1)));
    file.take(limit.try_into().unwrap_or(u64::MAX))
        .read_to_end(bytes.expose_mut())?;
    if bytes.expose().len() > most {
        return Err(FileError::TooLong(most));
    }
    match String::from_utf8(std::mem::take(bytes.expose_mut())) {
        Ok(text) => Ok(Secret::new(text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let bytes = Secret::new(error.into_bytes());
            let breaks = bytes.expose().iter().take(good).filter(|b| **b == b'\n').count();
            Err(FileError::NotUtf8 {
                line: breaks.saturating_add(1),
            })
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotThere,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Other(error),
        }
    }
}
