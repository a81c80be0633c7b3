//! A problem as an operator reads it: file, line and column, and a caret under what is meant.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use registry_auth_core::problem::{Place, Problem};
use serde::Serialize;

use super::tree::{Found, Item, Span, What};
use super::{Origin, Source, decode, help, interpolate, secrets, tree};

/// What errors begin with that speak of a key, and not of its value.
const OF_THE_KEY: [&str; 8] = [
    "unknown key",
    "stands ",
    "a space is missing",
    "is no condition",
    "is a back-end",
    "is for plugins",
    "is no account",
    "has no effect",
];

/// What errors begin with that the line itself would explain no further: something is not there.
const TOLD_IN_A_LINE: [&str; 5] = [
    "is a back-end that this release",
    "is not in this release",
    "is for plugins",
    "cannot read `",
    "no folder of `PATH` has",
];

/// What such an error holds that begins with the name of what is not there.
const CANNOT_BE_RUN: &str = "` cannot be run: ";

/// So many bytes of a line are shown on either side of the caret, at most.
const LONGEST_SIDE: usize = 400;

/// Whether what is told has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// As in a file.
    #[default]
    Plain,
    /// As on a terminal.
    Coloured,
}

/// A problem in the parts that a program would ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The file; `None` if it is about several of them.
    pub file: Option<String>,
    /// The line, from 1; `None` if it is about the whole of them.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The path of keys, such as `acl[3].match.name`; empty for all of the configuration.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: Option<String>,
}

/// A part of one line.
struct Mark<'o> {
    source: &'o Source,
    /// The number of the line, from 1.
    line: usize,
    /// The column of the first character, from 1.
    column: usize,
    /// The line, in which no secret is shown; `None` if all of it may be one.
    shown: Option<String>,
    /// The bytes of `shown` that are meant.
    at: Range<usize>,
}

pub(super) fn told(origin: &Origin, problem: &Problem) -> Told {
    let what = origin.told(problem);
    let (what, help) = parted(origin, problem, &what);
    let path = problem.place().path();
    let mark = locate(origin, problem).and_then(|at| Mark::new(origin, at));
    let only = match origin.sources.as_slice() {
        [only] => Some(only.name()),
        _ => None,
    };
    Told {
        file: mark.as_ref().map(|mark| mark.source.name()).or(only),
        line: mark.as_ref().map(|mark| mark.line),
        column: mark.as_ref().map(|mark| mark.column),
        path: secrets::shown_path(path, &tree::steps(path)),
        what: what.to_owned(),
        help,
    }
}

/// Where the problem stands among others, for who reads the files from their beginning on; what is about the whole of
/// them comes last.
pub(super) fn order(origin: &Origin, problem: &Problem) -> u32 {
    locate(origin, problem).map_or(u32::MAX, |at| at.start)
}

/// The problem in one line, if its place in the file would explain no more.
pub(super) fn in_a_line(origin: &Origin, problem: &Problem) -> Option<String> {
    let what = problem.what();
    if !TOLD_IN_A_LINE.iter().any(|start| what.starts_with(start)) && !what.contains(CANNOT_BE_RUN) {
        return None;
    }
    let told = told(origin, problem);
    if told.path.is_empty() {
        return Some(told.what);
    }
    let (file, line, column) = (told.file?, told.line?, told.column?);
    let help = told.help.map(|help| format!("; {help}")).unwrap_or_default();
    Some(format!("{file}:{line}:{column}: {}: {}{help}", told.path, told.what))
}

pub(super) fn render(origin: &Origin, problem: &Problem, level: Level<'_>, look: Look) -> String {
    let what = origin.told(problem);
    let place = problem.place();
    let (what, help) = parted(origin, problem, &what);
    let title = if place.span().is_some() {
        what.to_owned()
    } else if place.path().is_empty() {
        format!("{place}: {what}")
    } else {
        let path = secrets::shown_path(place.path(), &tree::steps(place.path()));
        format!("{path}: {what}")
    };
    let mut group = Group::with_title(level.primary_title(title));
    let first = locate(origin, problem);
    let mark = first.and_then(|at| Mark::new(origin, at));
    group = match &mark {
        Some(mark) => mark.add_to(group, AnnotationKind::Primary, None),
        None if origin.sources.is_empty() => group,
        None => group.element(annotate_snippets::Origin::path(origin.names())),
    };
    let before = origin
        .twice
        .iter()
        .find(|twice| Some(twice.second.range()) == place.span());
    let before = before.filter(|_| place.path().is_empty());
    let before = before.and_then(|twice| Mark::new(origin, twice.first));
    if let Some(before) = &before {
        group = before.add_to(group, AnnotationKind::Context, Some("here before"));
    }
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    // Of a line whose number we tell it leaves the place for a file's name empty.
    let rendered = renderer(look).render(&[group]);
    let lines = rendered.lines().filter(|line| without_colours(line).trim() != ":::");
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn renderer(look: Look) -> Renderer {
    match look {
        Look::Plain => Renderer::plain(),
        Look::Coloured => Renderer::styled(),
    }
}

/// The text without the sequences that colour it.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

/// What is wrong, and what to do.
fn parted<'w>(origin: &Origin, problem: &Problem, what: &'w str) -> (&'w str, Option<String>) {
    let (what, help) = at_semicolon(what);
    let help = help.map(str::to_owned);
    (
        what,
        help.or_else(|| help::usual(what, written(origin, problem).as_deref())),
    )
}

/// The text at the place of a problem, unless it is a secret.
fn written(origin: &Origin, problem: &Problem) -> Option<String> {
    let found = origin.tree.find(origin.root?, &tree::steps(problem.place().path()));
    let item = origin.tree.get(found.value);
    match &item.what {
        What::Scalar { text, .. } if found.is_exact && origin.secrets.binary_search(&item.at).is_err() => {
            Some(text.expose().clone())
        }
        _ => None,
    }
}

/// They are parted by the first semicolon that is not quoted.
fn at_semicolon(what: &str) -> (&str, Option<&str>) {
    let mut is_quoted = false;
    for (at, c) in what.char_indices() {
        match c {
            '`' => is_quoted = !is_quoted,
            ';' if !is_quoted => {
                let (what, help) = what.split_at(at);
                return (what, help.strip_prefix("; "));
            }
            _ => {}
        }
    }
    (what, None)
}

/// Where in the sources a problem is: at its place or, if nothing stands there, at the section that lacks it. `None` is
/// the whole of them.
fn locate(origin: &Origin, problem: &Problem) -> Option<Span> {
    let place = problem.place();
    if place.path().is_empty() {
        let at = place.span()?;
        return Some(Span::new(0, &at));
    }
    let found = origin.tree.find(origin.root?, &tree::steps(place.path()));
    if !found.is_exact {
        let is_section = Some(found.value) != origin.root;
        return is_section.then(|| found.key.unwrap_or(origin.tree.get(found.value).at));
    }
    let item = origin.tree.get(found.value);
    if let Some(at) = part_of(origin, place, item) {
        return Some(at);
    }
    Some(whole(origin, problem, found, item))
}

/// The part of a text that the place names.
fn part_of(origin: &Origin, place: &Place, item: &Item) -> Option<Span> {
    let What::Scalar { text, style, .. } = &item.what else {
        return None;
    };
    if interpolate::is_replaced(&origin.replaced, place.path()) {
        return None;
    }
    let source = origin.source_of(item.at)?;
    let within = source.within(item.at);
    let written = source.text.expose().get(within.clone())?;
    let at = decode::source_range(written, *style, text.expose(), &place.span()?)?;
    let shift = |at: usize| at.saturating_add(within.start);
    Some(Span::new(source.base, &(shift(at.start)..shift(at.end))))
}

/// A value or its key, whichever the problem speaks of.
fn whole(origin: &Origin, problem: &Problem, found: Found, item: &Item) -> Span {
    let Some(key) = found.key else { return item.at };
    let is_of_the_key = OF_THE_KEY.iter().any(|start| problem.what().starts_with(start));
    let is_beside_its_key = || {
        let source = origin.source_of(key);
        source.is_some_and(|source| {
            source.line_of(source.within(key).start) == source.line_of(source.within(item.at).start)
        })
    };
    match item.what {
        What::Scalar { .. } if !is_of_the_key => item.at,
        What::List(_) | What::Map(_) if problem.what().starts_with("must ") && is_beside_its_key() => item.at,
        _ => key,
    }
}

impl<'o> Mark<'o> {
    /// The first line of `at`, and what of it is in that line.
    fn new(origin: &'o Origin, at: Span) -> Option<Self> {
        let source = origin.source_of(at)?;
        let text = source.text.expose();
        let within = source.within(at);
        let (number, line) = source.line_of(within.start);
        let start = within.start.min(line.end);
        let end = within.end.clamp(start, line.end);
        // What ends beyond the line may have blanks or a comment before its end; the blanks at least are no part of it.
        let marked = text.get(start..end)?.trim_end();
        let at = start..start.saturating_add(marked.len());
        let column = text.get(line.start..start)?.chars().count().saturating_add(1);
        let is_hidden = origin
            .hidden
            .iter()
            .any(|hidden| source.within(*hidden).start == within.start);
        let (shown, at) = shown(origin, source, line, at);
        Some(Self {
            source,
            line: number,
            column,
            shown: (!is_hidden && !text.is_empty()).then_some(shown),
            at,
        })
    }

    fn add_to<'m>(&'m self, group: Group<'m>, kind: AnnotationKind, label: Option<&'m str>) -> Group<'m> {
        let path = annotate_snippets::Origin::path(self.source.name());
        if self.source.text.expose().is_empty() {
            return group.element(path);
        }
        let group = group.element(path.line(self.line).char_column(self.column));
        let Some(shown) = &self.shown else { return group };
        let snippet = Snippet::source(shown.as_str()).line_start(self.line);
        group.element(snippet.annotation(kind.span(self.at.clone()).label(label)))
    }
}

/// The line as it may be shown, cut if it is very long, and where in it `at` is.
fn shown(origin: &Origin, source: &Source, line: Range<usize>, at: Range<usize>) -> (String, Range<usize>) {
    let text = source.text.expose();
    let mut masked = masked(origin, source, &line);
    masked.sort_by_key(|at| (at.start, at.end));
    let mut shown = String::new();
    let (mut start, mut end) = (None, None);
    let mut next = text.floor_char_boundary(at.start.saturating_sub(LONGEST_SIDE).max(line.start));
    if next > line.start {
        shown.push('…');
    }
    let last = text.floor_char_boundary(at.start.saturating_add(LONGEST_SIDE).min(line.end));
    for (from, to, is_masked) in pieces(next, last, &masked) {
        let begin = shown.len();
        let piece = if is_masked {
            secrets::MASK
        } else {
            text.get(from..to).unwrap_or_default()
        };
        shown.push_str(piece);
        // Within what is masked, all of it is meant.
        if start.is_none() && (from..to).contains(&at.start) {
            start = Some(if is_masked {
                begin
            } else {
                begin.saturating_add(at.start.saturating_sub(from))
            });
        }
        if at.end > from && at.end <= to {
            end = Some(if is_masked {
                shown.len()
            } else {
                begin.saturating_add(at.end.saturating_sub(from))
            });
        }
        next = to;
    }
    if next < line.end {
        shown.push('…');
    }
    let start = start.unwrap_or(shown.len());
    (shown, start..end.unwrap_or(start).max(start))
}

/// The bytes from `next` up to `last` as pieces: those that are masked, and those between them.
fn pieces(next: usize, last: usize, masked: &[Range<usize>]) -> Vec<(usize, usize, bool)> {
    let mut pieces = Vec::new();
    let mut next = next;
    for at in masked {
        let (from, to) = (at.start.max(next), at.end.min(last));
        if from < to {
            pieces.push((next, from, false));
            pieces.push((from, to, true));
            next = to;
        }
    }
    pieces.push((next, last.max(next), false));
    pieces
}

/// The bytes of a line that are not shown.
fn masked(origin: &Origin, source: &Source, line: &Range<usize>) -> Vec<Range<usize>> {
    if origin.root.is_none() {
        let text = source.text.expose().get(line.clone()).unwrap_or_default();
        let shift = |at: usize| at.saturating_add(line.start);
        let masked = secrets::in_unread_line(text).into_iter();
        return masked.map(|at| shift(at.start)..shift(at.end)).collect();
    }
    let at = Span::new(source.base, line);
    let first = origin.secrets.partition_point(|secret| secret.end <= at.start);
    let secrets = origin.secrets.get(first..).unwrap_or_default().iter();
    let here = secrets.take_while(|secret| secret.start < at.end);
    here.map(|secret| source.within(*secret)).collect()
}
