//! The configuration files: docker_auth's YAML, one file or several, with what they name beside them.
//!
//! Each file is read into a tree in which every value knows where it stands; the trees are merged, `${ENV:NAME}` is
//! replaced, and `core` makes a document of the outcome. Whatever anybody finds wrong later, [`Origin`] shows it in the
//! file.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("auth_config.yml");
//! std::fs::write(&file, "users: {}\nacl: {}\n")?;
//! let loaded = registry_auth_sidecar::config::load(&[file], &|_| None);
//! let report = loaded.origin.report(&loaded.problems);
//! assert!(report.contains("auth_config.yml:2:6\n"), "{report}");
//! assert!(report.contains("2 | acl: {}\n  |      ^^"), "{report}");
//! # Ok::<(), std::io::Error>(())
//! ```

mod caret;
mod decode;
mod files;
mod held;
mod help;
mod interpolate;
mod json;
mod merge;
mod report;
mod secrets;
mod tree;
pub mod watch;
mod yaml;

use std::path::{Path, PathBuf};

use registry_auth_core::config::{Document, Node, Sources};
use registry_auth_core::problem::{Place, Problem, Problems};
use registry_auth_core::secret::Secret;

use files::Files;
use interpolate::{Expanded, Replaced};
use merge::Twice;
use tree::{Id, Span, Tree, What};
use watch::Stamp;

pub use caret::{Look, Told};
pub use json::json;
pub use report::Severity;

/// So long may all files of a configuration be together, in bytes.
const MAX_FILES: usize = 32 << 20;

/// What the files amount to.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration; `None` if a file cannot be read or is no YAML.
    pub document: Option<Document>,
    /// What is wrong so far. More is found when the document is compiled, and its sections are read.
    pub problems: Problems,
    /// Where all of it comes from.
    pub origin: Origin,
}

/// Where the values of a document come from.
///
/// A place in it is a path of keys. The document's own bytes, as in `Place::root().bytes(17..20)`, are those of its
/// files, which lie end to end with one byte between them.
#[derive(Debug, Default)]
pub struct Origin {
    sources: Vec<Source>,
    tree: Tree,
    root: Option<Id>,
    files: Files,
    /// What is never shown, in order.
    secrets: Vec<Span>,
    replaced: Vec<Replaced>,
    twice: Vec<Twice>,
    /// Places whose line is never shown.
    hidden: Vec<Span>,
    /// Paths of values that lack a variable of the environment.
    lacking: Vec<String>,
}

/// One file.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    base: u32,
    text: Secret<String>,
    /// Where its lines begin.
    lines: Vec<usize>,
    is_readable: bool,
}

/// Reads the files in `paths`, and what they name.
///
/// Files that they name are found from the working directory on, as `docker_auth` finds them.
pub fn load(paths: &[PathBuf], environment: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let mut problems = Problems::default();
    let mut origin = Origin::default();
    if paths.is_empty() {
        problems.error(&Place::root(), "has no file; name one");
    }
    for path in paths {
        origin.read_source(path, &mut problems);
    }
    let roots = origin.read_trees(&mut problems);
    let document = roots.and_then(|roots| origin.document(roots, environment, &mut problems));
    Loaded {
        document,
        problems,
        origin,
    }
}

/// A YAML file that is not ours, such as a registry's.
#[derive(Debug)]
pub struct Other {
    /// What it holds; `None` if it cannot be read, or is no YAML.
    pub node: Option<Node>,
    /// What is wrong so far.
    pub problems: Problems,
    /// Where all of it comes from.
    pub origin: Origin,
}

/// Reads the YAML file at `path`, which is somebody else's.
#[must_use]
pub fn load_other(path: &Path) -> Other {
    let (mut problems, mut origin) = (Problems::default(), Origin::default());
    origin.read_source(path, &mut problems);
    let node = origin.read_trees(&mut problems).and_then(|roots| {
        let (root, _) = merge::merge(&mut origin.tree, roots);
        origin.root = root;
        let expanded = interpolate::expand(&origin.tree, root?, &|_| None, &mut problems);
        origin.secrets = expanded.secrets;
        Some(expanded.node)
    });
    Other { node, problems, origin }
}

impl Origin {
    /// Every file that was read or tried: those of the configuration, keys, certificates, secrets.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        self.files.paths()
    }

    /// Lends `read` what the sections that it reads may name: variables, and files of at most 8 MiB. What is read so is
    /// among [`Self::files`] afterwards.
    pub fn with_sources<T>(
        &mut self,
        environment: &dyn Fn(&str) -> Option<String>,
        read: impl FnOnce(Sources<'_>) -> T,
    ) -> T {
        let files = std::cell::RefCell::new(&mut self.files);
        let file = |path: &str| {
            let text = files.borrow_mut().read(Path::new(path), files::MAX_NAMED);
            text.map_err(|error| error.to_string())
        };
        read(Sources {
            environment: &|name| environment(name).map(Secret::new),
            files: Some(&file),
        })
    }

    /// Whether each of the configuration's files could be read.
    #[must_use]
    pub fn are_all_readable(&self) -> bool {
        !self.sources.is_empty() && self.sources.iter().all(|source| source.is_readable)
    }

    /// The file and the line, from 1, in which the value at `place` begins; `None` if nothing stands there.
    #[must_use]
    pub fn line(&self, place: &Place) -> Option<(&Path, usize)> {
        let found = self.tree.find(self.root?, &tree::steps(place.path()));
        let at = found.is_exact.then(|| self.tree.get(found.value).at)?;
        let source = self.source_of(at)?;
        let (line, _) = source.line_of(source.within(at).start);
        Some((&source.path, line))
    }

    /// The text that stands at `place`, with the values of its variables; `None` if there is none, or something else.
    #[must_use]
    pub fn text(&self, place: &Place) -> Option<Secret<String>> {
        let found = self.tree.find(self.root?, &tree::steps(place.path()));
        let What::Scalar { text, .. } = &self.tree.get(found.value).what else {
            return None;
        };
        let text = interpolate::value(&self.replaced, place.path()).unwrap_or(text);
        found.is_exact.then(|| text.clone())
    }

    /// Each of [`Self::files`] as it was before it was read.
    pub(self) fn stamps(&self) -> &[Stamp] {
        self.files.stamps()
    }

    /// The names of the configuration's files.
    #[must_use]
    pub fn names(&self) -> String {
        let names = self.sources.iter().map(Source::name);
        names.collect::<Vec<_>>().join(", ")
    }

    fn read_source(&mut self, path: &Path, problems: &mut Problems) {
        let before: usize = self.sources.iter().map(|source| source.text.expose().len()).sum();
        let base = self
            .sources
            .last()
            .map_or(0, |last| Span::new(last.base, &last.after()).end);
        let mut source = Source {
            path: path.to_owned(),
            base,
            text: Secret::new(String::new()),
            lines: vec![0],
            is_readable: false,
        };
        match self.files.read(path, MAX_FILES.saturating_sub(before)) {
            Ok(text) => {
                source.lines = line_starts(text.expose());
                source.text = text;
                source.is_readable = true;
            }
            Err(error) => {
                let at = Span::new(base, &(0..0));
                let name = source.name();
                problems.error(
                    &Place::root().bytes(at.range()),
                    format_args!("cannot read `{name}`: {error}"),
                );
            }
        }
        self.sources.push(source);
    }

    /// The root of each file, if each of them could be read.
    fn read_trees(&mut self, problems: &mut Problems) -> Option<Vec<Id>> {
        let mut roots = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            match yaml::read(source.text.expose(), source.base, &mut self.tree) {
                Ok(read) => {
                    roots.push(read.root);
                    if let Some(at) = read.second {
                        let what = "a second document begins here; only the first one of a file counts";
                        problems.warn(&Place::root().bytes(at.range()), what);
                    }
                }
                // What cannot be read was told before.
                Err(_) if problems.is_refusal() && source.text.expose().is_empty() => {}
                Err(fault) => {
                    if fault.is_in_secret {
                        self.hidden.push(fault.at);
                    }
                    problems.error(&Place::root().bytes(fault.at.range()), fault.what);
                }
            }
        }
        (!problems.is_refusal()).then_some(roots)
    }

    fn document(
        &mut self,
        roots: Vec<Id>,
        environment: &dyn Fn(&str) -> Option<String>,
        problems: &mut Problems,
    ) -> Option<Document> {
        let (root, twice) = merge::merge(&mut self.tree, roots);
        self.root = root;
        for twice in twice {
            self.note_twice(twice, problems);
        }
        let Expanded {
            node,
            secrets,
            replaced,
            lacking,
        } = interpolate::expand(&self.tree, root?, environment, problems);
        (self.secrets, self.replaced, self.lacking) = (secrets, replaced, lacking);
        let mut found = Problems::default();
        let document = self.with_sources(environment, |sources| {
            let mut document = Document::read(node, sources, &mut found);
            if let Some(program) = &mut document.program {
                program.backends.held = held::by(&program.backends, sources);
            }
            document
        });
        for problem in found.errors().iter().filter(|problem| !self.lacks(problem.place())) {
            problems.error(problem.place(), self.told(problem));
        }
        for problem in found.warnings() {
            problems.warn(problem.place(), self.told(problem));
        }
        Some(document)
    }

    /// Whether the value at `place` lacks a variable: it is not what was meant, and needs no second error.
    pub(crate) fn lacks(&self, place: &Place) -> bool {
        self.lacking.iter().any(|path| path == place.path())
    }

    /// What is wrong, in which no value is told that came from the environment, nor a key where a path to one is wanted.
    fn told(&self, problem: &Problem) -> String {
        let what = interpolate::without_values(problem.what(), &self.replaced);
        let Some(root) = self.root else { return what };
        let found = self.tree.find(root, &tree::steps(problem.place().path()));
        let item = self.tree.get(found.value);
        match &item.what {
            What::Scalar { text, .. }
                if self.secrets.binary_search(&item.at).is_ok() && secrets::is_no_path(text.expose()) =>
            {
                what.replace(text.expose().as_str(), secrets::MASK)
            }
            _ => what,
        }
    }

    fn note_twice(&mut self, twice: Twice, problems: &mut Problems) {
        let place = twice.path.iter().fold(Place::root(), |place, key| place.key(key));
        let [first, second] = [twice.first, twice.second].map(|at| self.line_of(at));
        problems.error(
            &Place::root().bytes(twice.second.range()),
            format_args!("`{place}` stands in {second}, and in {first} before; keep one of them"),
        );
        self.twice.push(twice);
    }

    /// File and line, as in `auth_config.yml:3`.
    fn line_of(&self, at: Span) -> String {
        let Some(source) = self.source_of(at) else {
            return self.names();
        };
        let (line, _) = source.line_of(source.within(at).start);
        format!("{}:{line}", source.name())
    }

    /// The file that a span is in.
    fn source_of(&self, at: Span) -> Option<&Source> {
        let after = self.sources.partition_point(|source| source.base <= at.start);
        self.sources.get(after.checked_sub(1)?)
    }
}

impl Source {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// What lies between this file and the next one.
    fn after(&self) -> std::ops::Range<usize> {
        let end = self.text.expose().len();
        end..end.saturating_add(1)
    }

    /// The bytes of this file that a span is.
    fn within(&self, at: Span) -> std::ops::Range<usize> {
        let base = Span::new(self.base, &(0..0)).range().start;
        let at = at.range();
        let end = self.text.expose().len();
        let start = at.start.saturating_sub(base).min(end);
        start..at.end.saturating_sub(base).clamp(start, end)
    }

    /// The number of the line with the byte `at`, from 1, and the bytes of that line, without its break.
    fn line_of(&self, at: usize) -> (usize, std::ops::Range<usize>) {
        let number = self.lines.partition_point(|start| *start <= at);
        let start = number.checked_sub(1).and_then(|line| self.lines.get(line));
        let start = start.copied().unwrap_or_default();
        let text = self.text.expose();
        let end = self.lines.get(number).copied().unwrap_or(text.len());
        let line = text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']);
        (number, start..start.saturating_add(line.len()))
    }
}

/// Where lines begin: after `\n`, `\r\n` and, as YAML has it, `\r`.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let breaks = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at.saturating_add(1)) != Some(&b'\n'),
        _ => false,
    });
    let starts = breaks.map(|(at, _)| at.saturating_add(1));
    std::iter::once(0).chain(starts).collect()
}

#[cfg(test)]
mod tests;
