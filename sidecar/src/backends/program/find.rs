//! Where a program is, as docker_auth finds it: by `PATH`, or by a path from the current folder.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use thiserror::Error;

/// Why a program cannot be run.
#[derive(Debug, Error)]
pub(super) enum NotFound {
    /// A bare name that no folder of `PATH` has.
    #[error("no folder of `PATH` has a program `{0}`; write where it is")]
    InPath(String),
    /// A path that leads to none.
    #[error("`{command}` cannot be run: {}", said(.source))]
    At { command: String, source: io::Error },
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it is not executable for the user that this runs as".to_owned(),
        _ => error.to_string(),
    }
}

/// Finds `command`. Folders of `search_path` that are not absolute are passed over, as Go does: what they name depends on
/// where the program was started.
pub(super) fn find(command: &str, search_path: &str) -> Result<PathBuf, NotFound> {
    if command.contains('/') {
        let path = PathBuf::from(command);
        return match may_be_run(&path) {
            Ok(()) => Ok(path),
            Err(source) => Err(NotFound::At {
                command: command.to_owned(),
                source,
            }),
        };
    }
    let folders = search_path.split(':').filter(|folder| folder.starts_with('/'));
    let mut paths = folders.map(|folder| Path::new(folder).join(command));
    paths
        .find(|path| may_be_run(path).is_ok())
        .ok_or_else(|| NotFound::InPath(command.to_owned()))
}

fn may_be_run(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(access(path, Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_bare_name_is_looked_for_in_absolute_folders_and_a_path_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| at(name).to_str().unwrap().to_owned();
        write(at("good"), "").unwrap();
        set_permissions(at("good"), Permissions::from_mode(0o755)).unwrap();
        write(at("plain"), "").unwrap();
        std::fs::create_dir(at("folder")).unwrap();

        let search = format!(".::/nowhere:{}", folder.path().display());
        assert_eq!(find("good", &search).unwrap(), at("good"));
        assert_eq!(find(&text("good"), "").unwrap(), at("good"));
        assert!(find("sh", "/usr/bin:/bin").is_ok());
        for (command, search) in [("good", ""), ("plain", &*search), ("folder", &*search), ("", &*search)] {
            let error = find(command, search).unwrap_err();
            assert!(matches!(error, NotFound::InPath(_)), "{error}");
        }
        for command in [text("plain"), text("folder"), text("none"), "./none".to_owned()] {
            let error = find(&command, &search).unwrap_err();
            assert!(matches!(error, NotFound::At { .. }), "{error}");
        }
    }
}
