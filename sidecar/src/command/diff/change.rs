//! What one file grants and the other does not.

use registry_auth_core::problem::Place;

use super::example::Example;
use crate::rulebook::Rulebook;

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The new file grants what the old one does not.
    Grants,
    /// The old file grants what the new one does not.
    TakesAway,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) way: Way,
    /// Whether it surely is so, or cannot be told.
    pub(super) is_sure: bool,
    /// What it is about: `acl[3]`, `users.ada`, `services`.
    pub(super) key: String,
    /// File and line.
    pub(super) at: Option<(String, usize)>,
    pub(super) what: String,
    /// Decided by both files.
    pub(super) example: Option<Example>,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
}

impl Found {
    /// A change that surely is one, of what stands at `place` of a file.
    pub(super) fn surely(
        &mut self,
        way: Way,
        (rulebook, place): (&Rulebook, &Place),
        what: String,
        example: Option<Example>,
    ) {
        self.add(way, true, (rulebook, place), what, example);
    }

    /// What may be a change.
    pub(super) fn perhaps(&mut self, way: Way, at: (&Rulebook, &Place), what: String) {
        self.add(way, false, at, what, None);
    }

    fn add(
        &mut self,
        way: Way,
        is_sure: bool,
        (rulebook, place): (&Rulebook, &Place),
        what: String,
        example: Option<Example>,
    ) {
        let at = rulebook.origin.line(place);
        self.changes.push(Change {
            way,
            is_sure,
            key: place.path().to_owned(),
            at: at.map(|(file, line)| (file.display().to_string(), line)),
            what,
            example,
        });
    }

    /// Those of one kind.
    pub(super) fn of(&self, way: Way, is_sure: bool) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(move |change| change.way == way && change.is_sure == is_sure)
    }
}
