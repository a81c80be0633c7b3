//! The files that are written. Each ends in a line by which it is known again, and known to be as it was written.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::template::Filled;

/// The beginning of a file's last line. After it come [`DIGEST_BYTES`] of what stands above, as hexadecimal digits.
const MARK: &str = "# Written by `registry-auth render`; the lines above have the SHA-256 ";
/// So much of a digest tells one content from another.
const DIGEST_BYTES: usize = 16;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Within its folder.
    pub(super) name: &'static str,
    text: String,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It was not there.
    Written,
    /// It is another one than before, which was written here too.
    Replaced,
    /// It was there already.
    Unchanged,
}

/// Why nothing was written, or not all of it.
#[derive(Debug, Error)]
pub enum WriteError {
    /// It is somebody's.
    #[error("`{}` is not as `registry-auth render` wrote it, and is left alone; move it away, or name another folder with `-o`", .0.display())]
    NotOurs(PathBuf),
    /// The system does not let us.
    #[error("cannot write `{}`", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

impl File {
    pub(super) fn new(name: &'static str, lines: &Filled) -> Self {
        let lines = lines.as_str();
        let text = format!("{lines}{MARK}{}\n", digest(lines));
        Self { name, text }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Writes all of `files` into `folder`, each in one step, or none if one of them would replace what was not written here.
///
/// # Errors
/// See [`WriteError`].
pub(super) fn write(folder: &Path, files: &[File]) -> Result<Vec<(PathBuf, State)>, WriteError> {
    let judged: Result<Vec<_>, _> = files
        .iter()
        .map(|file| Ok((file, judge(&folder.join(file.name), file)?)))
        .collect();
    let judged = judged?;
    fs::create_dir_all(folder).map_err(|error| WriteError::Io(folder.to_owned(), error))?;
    let mut done = Vec::with_capacity(judged.len());
    for (file, state) in judged {
        let path = folder.join(file.name);
        if state != State::Unchanged {
            replace(folder, file).map_err(|error| WriteError::Io(path.clone(), error))?;
        }
        done.push((path, state));
    }
    Ok(done)
}

fn judge(path: &Path, file: &File) -> Result<State, WriteError> {
    match fs::read_to_string(path) {
        Ok(there) if there == file.text => Ok(State::Unchanged),
        Ok(there) if is_ours(&there) => Ok(State::Replaced),
        Ok(_) => Err(WriteError::NotOurs(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(State::Written),
        // No text at all.
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(WriteError::NotOurs(path.to_owned())),
        Err(error) => Err(WriteError::Io(path.to_owned(), error)),
    }
}

/// Whether nobody has changed it since it was written.
fn is_ours(text: &str) -> bool {
    let Some(at) = text.rfind(MARK) else { return false };
    let (lines, last) = text.split_at_checked(at).unwrap_or_default();
    let written = last.strip_prefix(MARK).map(str::trim_end);
    (lines.is_empty() || lines.ends_with('\n')) && written.is_some_and(|written| written == digest(lines))
}

/// By a rename: whoever watches the file sees the old one or the new one, and never a half.
fn replace(folder: &Path, file: &File) -> io::Result<()> {
    let new = folder.join(format!(".{}.{}", file.name, std::process::id()));
    let mut out = fs::File::create_new(&new)?;
    let written = out.write_all(file.text.as_bytes()).and_then(|()| out.sync_all());
    let written = written.and_then(|()| fs::rename(&new, folder.join(file.name)));
    if written.is_err() {
        // What is left of it is nobody's.
        let _ = fs::remove_file(&new);
    }
    written
}

fn digest(lines: &str) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(lines.as_bytes()).iter().take(DIGEST_BYTES) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::render::template::comment;

    fn file(name: &'static str, text: &str) -> File {
        File::new(name, &comment(text))
    }

    #[test]
    fn what_was_written_here_is_replaced_and_what_is_somebodys_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new/envoy");
        let states = |files: &[File]| -> Vec<State> {
            let done = write(&folder, files).unwrap();
            done.into_iter().map(|(_, state)| state).collect()
        };
        let [one, two] = [file("a.yaml", "1"), file("b.yaml", "1")];
        assert_eq!(states(&[one.clone(), two.clone()]), [State::Written; 2]);
        assert_eq!(states(&[one, file("b.yaml", "2")]), [State::Unchanged, State::Replaced]);

        let path = folder.join("b.yaml");
        let edited = fs::read_to_string(&path).unwrap().replace("# 2", "# 3");
        fs::write(&path, &edited).unwrap();
        let error = write(&folder, &[file("a.yaml", "2"), two.clone()]).unwrap_err();
        insta::assert_snapshot!(
            error.to_string().replace(&folder.display().to_string(), "envoy"),
            @"`envoy/b.yaml` is not as `registry-auth render` wrote it, and is left alone; move it away, or name another folder with `-o`"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), edited);
        let first = fs::read_to_string(folder.join("a.yaml")).unwrap();
        assert!(first.starts_with("# 1\n"), "none of them is written then: {first}");

        fs::write(&path, b"\xff").unwrap();
        assert!(matches!(write(&folder, &[two]), Err(WriteError::NotOurs(_))));
        let left = fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 2);
    }
}
