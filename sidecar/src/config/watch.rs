//! Tells when a file is another one than that which was read.
//!
//! It asks each file four times a second what it is, and does not have itself told by the kernel. `inotify` is silent
//! about files on network file systems and about those that the host changes below a bind mount, and what Kubernetes
//! swaps is a symlink two folders up from the file: each would need watches of its own, set anew after each swap. A
//! question follows symlinks, costs about 2 µs, and needs nothing to be there: ten files take less than a ten
//! thousandth of one core.
//!
//! A file that is being written is not read: a change is told when two questions in a row had the same answer.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use super::Origin;

/// How long between two questions.
const POLL: Duration = Duration::from_millis(250);

/// What a file was at one time: another stamp is another content, or may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(Option<Known>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Files whose changes are told.
#[derive(Debug)]
pub struct Watch {
    files: Vec<PathBuf>,
    quiet: Quiet,
    interval: Interval,
}

/// What was seen of the files so far.
#[derive(Debug)]
struct Quiet {
    /// What was told last.
    told: Vec<Stamp>,
    /// What was seen last.
    seen: Vec<Stamp>,
}

impl Watch {
    /// Watches `files` from now on. Where they were read before, [`Self::of`] misses nothing.
    ///
    /// Must be called where there is a tokio runtime with time.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        let stamps = files.iter().map(|file| Stamp::of(file)).collect();
        Self::since(files, stamps)
    }

    /// Watches all files of a configuration, as they were when they were read.
    ///
    /// Must be called where there is a tokio runtime with time.
    #[must_use]
    pub fn of(origin: &Origin) -> Self {
        Self::since(origin.files().to_vec(), origin.stamps().to_vec())
    }

    fn since(files: Vec<PathBuf>, stamps: Vec<Stamp>) -> Self {
        let mut interval = tokio::time::interval(POLL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            files,
            quiet: Quiet::new(stamps),
            interval,
        }
    }

    /// Watches other files from now on; one that was watched before as it was told last.
    pub fn set_files(&mut self, files: Vec<PathBuf>) {
        let stamps = files.iter().map(|file| {
            let known = self.files.iter().position(|known| known == file);
            let known = known.and_then(|at| self.quiet.told.get(at));
            known.copied().unwrap_or_else(|| Stamp::of(file))
        });
        self.quiet = Quiet::new(stamps.collect());
        self.files = files;
    }

    /// Watches all files of a configuration from now on, as they were when they were read.
    pub fn follow(&mut self, origin: &Origin) {
        self.quiet = Quiet::new(origin.stamps().to_vec());
        self.files = origin.files().to_vec();
    }

    /// Waits until one of the files is another one, or is there no more, or is there again, and all of them have come to
    /// rest. May be given up at any time, and asked again.
    pub async fn changed(&mut self) {
        loop {
            self.interval.tick().await;
            let files = self.files.clone();
            // A network file system may let one wait.
            let stamps = tokio::task::spawn_blocking(move || files.iter().map(|file| Stamp::of(file)).collect());
            // It fails only when the program ends.
            let Ok(stamps) = stamps.await else { continue };
            if self.quiet.sees(stamps) {
                return;
            }
        }
    }
}

impl Quiet {
    fn new(told: Vec<Stamp>) -> Self {
        Self {
            seen: told.clone(),
            told,
        }
    }

    /// Whether a change is to be told, now that this was seen.
    fn sees(&mut self, stamps: Vec<Stamp>) -> bool {
        let is_at_rest = stamps == self.seen;
        self.seen = stamps;
        if !is_at_rest || self.seen == self.told {
            return false;
        }
        self.told.clone_from(&self.seen);
        true
    }
}

impl Stamp {
    /// What the file is now; that it is not there, or must not be seen, is an answer too.
    pub(super) fn of(path: &Path) -> Self {
        let known = |file: Metadata| Known {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        };
        Self(path.metadata().ok().map(known))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// What is told of a file in `folder` after `change`.
    async fn told(folder: &Path, file: &str, change: impl FnOnce(&Path)) {
        let mut watch = Watch::new(vec![folder.join(file)]);
        change(folder);
        tokio::time::timeout(Duration::from_secs(30), watch.changed())
            .await
            .expect("a change is told");
        let stamps = vec![Stamp::of(&folder.join(file))];
        assert!(!watch.quiet.sees(stamps), "once");
    }

    #[tokio::test]
    async fn a_file_that_is_written_renamed_over_or_removed_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yml");
        fs::write(&file, "1").unwrap();
        told(folder.path(), "a.yml", |_| fs::write(&file, "22").unwrap()).await;
        told(folder.path(), "a.yml", |folder| {
            fs::write(folder.join("new"), "22").unwrap();
            fs::rename(folder.join("new"), &file).unwrap();
        })
        .await;
        told(folder.path(), "a.yml", |_| fs::remove_file(&file).unwrap()).await;
        told(folder.path(), "a.yml", |_| fs::write(&file, "3").unwrap()).await;
    }

    #[tokio::test]
    async fn a_swap_of_kubernetes_is_told_though_the_file_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        for data in ["..1", "..2"] {
            fs::create_dir(folder.path().join(data)).unwrap();
            fs::write(folder.path().join(data).join("a.yml"), "same").unwrap();
        }
        symlink("..1", folder.path().join("..data")).unwrap();
        symlink("..data/a.yml", folder.path().join("a.yml")).unwrap();
        told(folder.path(), "a.yml", |folder| {
            symlink("..2", folder.join("..data_tmp")).unwrap();
            fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn a_change_between_reading_and_watching_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yml");
        fs::write(&file, "acl: []").unwrap();
        let loaded = super::super::load(std::slice::from_ref(&file), &|_| None);
        fs::write(&file, "acl: [ ]").unwrap();
        let mut watch = Watch::of(&loaded.origin);
        tokio::time::timeout(Duration::from_secs(30), watch.changed())
            .await
            .expect("a change is told");
        let mut watch = Watch::new(Vec::new());
        watch.follow(&loaded.origin);
        tokio::time::timeout(Duration::from_secs(30), watch.changed())
            .await
            .expect("a change is told");
    }

    #[test]
    fn what_still_changes_is_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let mut stamps = Vec::new();
        for content in ["", "1", "12", "123"] {
            fs::write(&file, content).unwrap();
            stamps.push(vec![Stamp::of(&file)]);
        }
        let mut quiet = Quiet::new(stamps[0].clone());
        assert!(!quiet.sees(stamps[0].clone()));
        assert!(!quiet.sees(stamps[1].clone()));
        assert!(!quiet.sees(stamps[2].clone()));
        assert!(!quiet.sees(stamps[3].clone()));
        assert!(quiet.sees(stamps[3].clone()));
        assert!(!quiet.sees(stamps[3].clone()));
        // There and back again is no change.
        assert!(!quiet.sees(vec![Stamp(None)]));
        assert!(!quiet.sees(stamps[3].clone()));
        assert!(!quiet.sees(stamps[3].clone()));
    }

    #[tokio::test]
    async fn other_files_are_watched_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let mut watch = Watch::new(vec![a.clone()]);
        fs::write(&a, "changed before the list was").unwrap();
        watch.set_files(vec![b.clone(), a]);
        tokio::time::timeout(Duration::from_secs(30), watch.changed())
            .await
            .expect("a change is told");
        fs::write(&b, "1").unwrap();
        tokio::time::timeout(Duration::from_secs(30), watch.changed())
            .await
            .expect("a change is told");
    }
}
