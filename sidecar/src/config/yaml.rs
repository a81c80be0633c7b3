//! The events of a YAML document, made into a [`Tree`].
//!
//! YAML 1.1 as Go's yaml.v2 reads it, for that is what docker_auth's files are written for: what a word without quotes
//! is depends on what is wanted, `<<` merges maps. What a small text could grow into is known when its alias is met,
//! before anything has grown.

mod size;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag, options};
use size::{Size, Total};

use super::secrets;
use super::tree::{Entry, Id, Span, Style, Tree, What};

/// So deep may lists and maps stand in each other. A configuration needs seven.
const MAX_DEPTH: usize = 64;

/// A document that was read.
pub(super) struct Read {
    pub(super) root: Id,
    /// Where a second document begins, which is not read.
    pub(super) second: Option<Span>,
}

/// Why a text is no document.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Span,
    pub(super) what: String,
    /// Whether the value of a secret was being read.
    pub(super) is_in_secret: bool,
}

/// Reads the first document of `source`, which begins at `base`.
pub(super) fn read(source: &str, base: u32, tree: &mut Tree) -> Result<Read, Fault> {
    Reader {
        source,
        base,
        tree,
        sizes: HashMap::new(),
        anchors: HashMap::new(),
        open: Vec::new(),
        total: Total::default(),
        root: None,
    }
    .read()
}

struct Reader<'s, 't> {
    source: &'s str,
    base: u32,
    tree: &'t mut Tree,
    /// What the values with an anchor amount to.
    sizes: HashMap<Id, Size>,
    /// The values with an anchor; none while they are being read.
    anchors: HashMap<usize, Option<Id>>,
    open: Vec<Open>,
    total: Total,
    root: Option<Id>,
}

/// A list or map that is being read.
struct Open {
    start: u32,
    is_flow: bool,
    anchor: usize,
    size: Size,
    kind: Kind,
}

enum Kind {
    List(Vec<Id>),
    Map {
        entries: Vec<Entry>,
        key: Option<Key>,
        merged: Vec<Id>,
    },
}

/// A key whose value comes next.
enum Key {
    Named(String, Span),
    Merge,
}

impl Reader<'_, '_> {
    fn read(mut self) -> Result<Read, Fault> {
        // Comments are not asked for. The parser's own bound on depth is for what it looks ahead.
        let options = options! { block_scalar_eof_without_line_feed: true, emit_comments: false };
        let mut parser = Parser::new_from_str_with_options(self.source, options);
        for next in parser.by_ref() {
            let (event, span) = next.map_err(|error| self.not_yaml(&error))?;
            let at = span.byte_range().unwrap_or_default();
            let at = Span::new(self.base, &at);
            match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let style = style_of(style, span.indent);
                    self.scalar(&text, style, anchor, tag.as_deref(), at)?;
                }
                Event::Alias(anchor) => self.alias(anchor, at)?,
                Event::SequenceStart(style, anchor, tag) => {
                    tags::check(tag.as_deref(), "seq").map_err(|what| self.fault(at, what))?;
                    self.begin(Kind::List(Vec::new()), style, anchor, at)?;
                }
                Event::MappingStart(style, anchor, tag) => {
                    tags::check(tag.as_deref(), "map").map_err(|what| self.fault(at, what))?;
                    let kind = Kind::Map {
                        entries: Vec::new(),
                        key: None,
                        merged: Vec::new(),
                    };
                    self.begin(kind, style, anchor, at)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(at)?,
                Event::DocumentEnd => break,
                _ => {}
            }
        }
        let Some(root) = self.root else {
            let at = Span::new(self.base, &(0..0));
            return Err(self.fault(at, "the file is empty; write the configuration into it"));
        };
        let second = match parser.next() {
            Some(Ok((Event::DocumentStart(..), span))) => span.byte_range().map(|at| Span::new(self.base, &at)),
            Some(Err(error)) => return Err(self.not_yaml(&error)),
            _ => None,
        };
        match self.tree.get(root).what {
            What::Map(_) => Ok(Read { root, second }),
            What::Null => {
                let at = self.tree.get(root).at;
                Err(self.fault(at, "the file is empty; write the configuration into it"))
            }
            _ => {
                let at = self.tree.get(root).at;
                Err(self.fault(at, "a configuration must be a map of keys, such as `users:`"))
            }
        }
    }

    fn scalar(&mut self, text: &str, style: Style, anchor: usize, tag: Option<&Tag>, at: Span) -> Result<(), Fault> {
        if self.wants_key() && style == Style::Plain && tags::is_merge(text, tag) {
            self.set_key(Key::Merge);
            return Ok(());
        }
        let is_written = at.start < at.end || style != Style::Plain;
        let what = tags::scalar(text, style, tag, is_written).map_err(|what| self.fault(at, what))?;
        let size = Size::of_text(text);
        if self.wants_key() {
            let key = Size { values: 0, ..size };
            self.count(key, at, "the file")?;
            if matches!(what, What::Null) {
                return Err(self.fault(at, "a key must be a text; put it in quotes"));
            }
            if anchor != 0 {
                let id = self.tree.add(what, at);
                self.anchored(anchor, id, size);
            }
            self.set_key(Key::Named(text.to_owned(), at));
            return Ok(());
        }
        self.count(size, at, "the file")?;
        let id = self.tree.add(what, at);
        self.anchored(anchor, id, size);
        self.place(id, size)
    }

    fn alias(&mut self, anchor: usize, at: Span) -> Result<(), Fault> {
        let Some(id) = self.anchors.get(&anchor).copied().flatten() else {
            return Err(self.fault(at, "the alias stands inside of what it names; write out what is meant"));
        };
        let size = self.sizes.get(&id).copied().unwrap_or_default();
        self.count(size, at, "with this alias the file")?;
        if self.open.len().saturating_add(size.depth) > MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        if !self.wants_key() {
            return self.place(id, size);
        }
        let What::Scalar { text, .. } = &self.tree.get(id).what else {
            return Err(self.fault(at, "a key must be a text; put it in quotes"));
        };
        let key = Key::Named(text.expose().clone(), at);
        self.set_key(key);
        Ok(())
    }

    fn begin(&mut self, kind: Kind, style: StructureStyle, anchor: usize, at: Span) -> Result<(), Fault> {
        if self.wants_key() {
            return Err(self.fault(at, "a key must be a text; put it in quotes"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        self.count(Size::COLLECTION, at, "the file")?;
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open {
            start: at.start,
            is_flow: style == StructureStyle::Flow,
            anchor,
            size: Size::COLLECTION,
            kind,
        });
        Ok(())
    }

    fn end(&mut self, at: Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let mut size = open.size;
        let what = match open.kind {
            Kind::List(values) => What::List(values),
            Kind::Map { entries, merged, .. } => What::Map(self.merge(entries, &merged, &mut size, at)?),
        };
        let end = if open.is_flow { at.end } else { at.start };
        let at = Span {
            start: open.start,
            end: end.max(open.start),
        };
        let id = self.tree.add(what, at);
        self.anchored(open.anchor, id, size);
        self.place(id, size)
    }

    /// Puts a value where it belongs.
    fn place(&mut self, id: Id, size: Size) -> Result<(), Fault> {
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(id);
            return Ok(());
        };
        open.size.add(size);
        match &mut open.kind {
            Kind::List(values) => values.push(id),
            Kind::Map { entries, key, merged } => match key.take() {
                Some(Key::Named(key, at)) => entries.push(Entry { key, at, value: id }),
                Some(Key::Merge) => {
                    let maps = merge_sources(self.tree, id);
                    merged.extend(maps.map_err(|at| {
                        let what = "`<<` takes a map, or a list of maps, most often by an alias";
                        fault(at, what, false)
                    })?);
                }
                None => {}
            },
        }
        Ok(())
    }

    /// The entries of a map with those that it takes over: its own count first, then those of the map named first.
    fn merge(
        &mut self,
        mut entries: Vec<Entry>,
        merged: &[Id],
        size: &mut Size,
        at: Span,
    ) -> Result<Vec<Entry>, Fault> {
        if merged.is_empty() {
            return Ok(entries);
        }
        let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        for map in merged {
            let What::Map(taken) = &self.tree.get(*map).what else {
                continue;
            };
            // Each is an entry more, though its value was counted with the map that it is taken from.
            let more = Size {
                values: taken.len().try_into().unwrap_or(u64::MAX),
                text: taken.iter().map(|entry| entry.key.len() as u64).sum(),
                depth: 0,
            };
            self.total.count(more).map_err(|too_many| {
                let what = format_args!("with what this map takes over the file has more than {too_many}");
                self.fault(at, what)
            })?;
            size.add(more);
            // Of a key that stands twice the last one counts.
            let mut new: Vec<Entry> = taken
                .iter()
                .rev()
                .filter(|entry| known.insert(entry.key.clone()))
                .cloned()
                .collect();
            new.reverse();
            entries.append(&mut new);
        }
        Ok(entries)
    }

    fn anchored(&mut self, anchor: usize, id: Id, size: Size) {
        if anchor != 0 {
            self.anchors.insert(anchor, Some(id));
            self.sizes.insert(id, size);
        }
    }

    fn wants_key(&self) -> bool {
        let open = self.open.last().map(|open| &open.kind);
        matches!(open, Some(Kind::Map { key: None, .. }))
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Kind::Map { key, .. }) = self.open.last_mut().map(|open| &mut open.kind) {
            *key = Some(new);
        }
    }

    /// Counts a value, which is refused if with it there are too many.
    fn count(&mut self, size: Size, at: Span, who: &str) -> Result<(), Fault> {
        let counted = self.total.count(size);
        counted.map_err(|too_many| self.fault(at, format_args!("{who} has more than {too_many}")))
    }

    fn too_deep(&self, at: Span) -> Fault {
        self.fault(at, format_args!("lists and maps nest more than {MAX_DEPTH} deep here"))
    }

    fn not_yaml(&self, error: &ScanError) -> Fault {
        let at = error.marker().byte_offset().unwrap_or_default();
        let at = Span::new(self.base, &(at..at));
        match error.kind() {
            ErrorKind::UnknownAnchor => self.fault(at, "no anchor of this name stands before the alias"),
            ErrorKind::RecursionLimitExceeded => self.too_deep(at),
            ErrorKind::UnclosedQuotedScalar => self.fault(at, "this is no YAML: the quote is never closed"),
            _ => self.fault(at, format_args!("this is no YAML: {}", error.info())),
        }
    }

    fn fault(&self, at: Span, what: impl std::fmt::Display) -> Fault {
        let is_in_secret = self.open.iter().any(|open| match &open.kind {
            Kind::Map {
                key: Some(Key::Named(key, _)),
                ..
            } => secrets::is_name_of_secret(key) || key == "key",
            _ => false,
        });
        fault(at, what, is_in_secret)
    }
}

fn fault(at: Span, what: impl std::fmt::Display, is_in_secret: bool) -> Fault {
    Fault {
        at,
        what: what.to_string(),
        is_in_secret,
    }
}

/// The maps that `<<: value` takes over, or where something else stands.
fn merge_sources(tree: &Tree, value: Id) -> Result<Vec<Id>, Span> {
    let item = tree.get(value);
    match &item.what {
        What::Map(_) => Ok(vec![value]),
        What::List(values) => {
            let is_map = |id: &&Id| matches!(tree.get(**id).what, What::Map(_));
            match values.iter().find(|id| !is_map(id)) {
                None => Ok(values.clone()),
                Some(other) => Err(tree.get(*other).at),
            }
        }
        _ => Err(item.at),
    }
}

fn style_of(style: ScalarStyle, indent: Option<usize>) -> Style {
    let indent = indent.unwrap_or_default();
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal { indent },
        ScalarStyle::Folded => Style::Folded { indent },
    }
}
