//! What is wrong with a configuration, where, and how to mend it.
//!
//! Reading and compiling never stop at the first fault: each is kept with its [`Place`], and all are told at once.

use std::fmt;
use std::ops::Range;

/// The most errors that are told of one configuration, and the most warnings: a file that is none would have millions.
const MOST: usize = 1_000;

/// The longest path and the longest text of one, in bytes; what is longer is cut.
const LONGEST: usize = 4_096;

/// Where in a configuration: the path of keys, such as `acl[3].match.name`, and the bytes inside that value.
///
/// Only who read the file can turn it into line and column; everybody else prints the path.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    path: String,
    at: Option<(usize, usize)>,
}

/// One fault or oddity of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    what: String,
}

/// All that was found in one configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    /// What to say of words that are not known, if the configuration is by another release.
    by_another_release: Option<String>,
}

impl Place {
    /// The whole document.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The value below `name`. A name that is not a plain word is quoted, so that the path can be read back.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let name = cut(name);
        let path = match (plain, self.path.is_empty()) {
            (true, true) => name.to_owned(),
            (true, false) => format!("{}.{name}", self.path),
            (false, _) => format!("{}[{name:?}]", self.path),
        };
        Self { path, at: None }
    }

    /// The entry number `index` of a list, from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self {
            path: format!("{}[{index}]", self.path),
            at: None,
        }
    }

    /// The bytes `at` of the text that stands here.
    #[must_use]
    pub fn bytes(&self, at: Range<usize>) -> Self {
        Self {
            path: self.path.clone(),
            at: Some((at.start, at.end)),
        }
    }

    /// The path of keys; empty for the document itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The bytes of the value that are meant, if not all of it.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.at.map(|(start, end)| start..end)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.path.is_empty() {
            "the configuration"
        } else {
            &self.path
        })
    }
}

impl Problem {
    /// The fault `what` at `place`: what is wrong and what to do, lower case, no full stop.
    pub fn new(place: Place, what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self {
            place,
            what: cut(&what).to_owned(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl Problem {
    /// The path of the key that a misspelt one was meant to be.
    fn meant(&self) -> Option<String> {
        let meant = self
            .what
            .strip_prefix("unknown key; did you mean `")?
            .split('`')
            .next()?;
        let section = self
            .place
            .path
            .rfind(['.', '['])
            .and_then(|at| self.place.path.get(..at));
        Some(match section {
            Some(section) => format!("{section}.{meant}"),
            None => meant.to_owned(),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Problems {
    /// Notes a fault: the configuration will be refused.
    pub fn error(&mut self, place: &Place, what: impl fmt::Display) {
        note(&mut self.errors, place, what);
    }

    /// Those of a configuration by `release` of this program, which may know words that are not known here.
    #[must_use]
    pub fn by_release(release: &str) -> Self {
        let here = env!("CARGO_PKG_VERSION");
        let other = (release != here).then(|| {
            format!(
                "; the configuration is of release {}, this filter of {here}",
                cut_to(release, 64)
            )
        });
        Self {
            by_another_release: other,
            ..Self::default()
        }
    }

    /// Notes a fault that is about a word which is not known here.
    pub fn unknown(&mut self, place: &Place, what: impl fmt::Display) {
        match &self.by_another_release {
            Some(releases) => note(&mut self.errors, place, format_args!("{what}{releases}")),
            None => note(&mut self.errors, place, what),
        }
    }

    /// Notes an oddity: the configuration is taken, and the operator told.
    pub fn warn(&mut self, place: &Place, what: impl fmt::Display) {
        note(&mut self.warnings, place, what);
    }

    /// Whether so many faults were noted that no other one is told.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.errors.len() > MOST
    }

    /// The value, or `None` with the error noted at `place`.
    pub fn keep<T, E: fmt::Display>(&mut self, place: &Place, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.error(place, error)).ok()
    }

    /// Whether a fault was noted.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether a fault was noted at `place` or below it, so that what is missing there needs no second one.
    #[must_use]
    pub fn is_refusal_at(&self, place: &Place) -> bool {
        self.errors.iter().any(|problem| {
            let rest = problem.place.path.strip_prefix(place.path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// What makes the configuration unusable, in the order found.
    #[must_use]
    pub fn errors(&self) -> &[Problem] {
        &self.errors
    }

    /// What an operator should know though the configuration is taken.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Drops the errors behind the first `count` that are about a place of which nothing need be said.
    pub fn drop_behind(&mut self, count: usize, is_idle: impl Fn(&Place) -> bool) {
        let mut number = 0_usize;
        self.errors.retain(|problem| {
            number = number.saturating_add(1);
            number <= count || !is_idle(&problem.place)
        });
    }

    /// Without the errors that something is missing which stands there under a name that is nearly right.
    #[must_use]
    pub fn without_echoes(mut self) -> Self {
        let meant: Vec<String> = self.errors.iter().filter_map(Problem::meant).collect();
        self.errors.retain(|problem| {
            let is_missing = problem.what.starts_with("is missing");
            let path = problem.place.path.as_str();
            let stands_below = |meant: &String| {
                let rest = path.strip_prefix(meant.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            !(is_missing && meant.iter().any(stands_below))
        });
        self
    }

    /// Notes once more what was warned of before.
    pub(crate) fn warn_again(&mut self, warnings: &[Problem]) {
        for warning in warnings {
            note(&mut self.warnings, &warning.place, &warning.what);
        }
    }

    /// `value` with the warnings if there was no fault, else everything that was found.
    ///
    /// # Errors
    /// All problems, when at least one is a fault or there is no value.
    pub fn or<T>(self, value: Option<T>) -> Result<(T, Vec<Problem>), Self> {
        match value {
            Some(value) if self.errors.is_empty() => Ok((value, self.warnings)),
            _ => Err(self),
        }
    }
}

/// Beyond the most it says once that there are more.
fn note(problems: &mut Vec<Problem>, place: &Place, what: impl fmt::Display) {
    match problems.len() {
        ..MOST => problems.push(Problem::new(place.clone(), what)),
        MOST => problems.push(Problem::new(
            Place::root(),
            "has more than is told here: these are the first",
        )),
        _ => {}
    }
}

/// The beginning of a text that may be as long as a file.
fn cut(text: &str) -> &str {
    cut_to(text, LONGEST)
}

fn cut_to(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_is_written_in_the_file() {
        let place = Place::root().key("acl").index(3).key("match").key("name");
        assert_eq!(place.to_string(), "acl[3].match.name");
        assert_eq!(Place::root().key("users").key("a.b").to_string(), r#"users["a.b"]"#);
    }

    #[test]
    fn a_document_with_a_fault_yields_no_value_and_every_problem() {
        let mut problems = Problems::default();
        problems.warn(&Place::root(), "odd");
        problems.error(&Place::root().key("token"), "wrong");
        let refused = problems.or(Some(1)).unwrap_err();
        assert_eq!(refused.to_string(), "token: wrong");
        assert_eq!(refused.warnings().len(), 1);
    }

    #[test]
    fn a_misspelt_key_is_not_told_as_missing_too() {
        let mut problems = Problems::default();
        let acl = Place::root().key("acl").index(0);
        problems.error(&acl.key("actions"), "is missing; write `actions: []`");
        problems.error(&acl.key("action"), "unknown key; did you mean `actions`?");
        problems.error(&Place::root().key("server").key("addr"), "is missing; write it");
        problems.error(&Place::root().key("sever"), "unknown key; did you mean `server`?");
        problems.error(&Place::root().key("token").key("key"), "is missing; write it");
        let left = problems.without_echoes().to_string();
        assert_eq!(
            left,
            "acl[0].action: unknown key; did you mean `actions`?\n\
             sever: unknown key; did you mean `server`?\n\
             token.key: is missing; write it"
        );
    }

    #[test]
    fn of_millions_of_problems_the_first_thousand_are_told_and_of_a_long_one_the_beginning() {
        let mut problems = Problems::default();
        for i in 0..3_000 {
            problems.error(&Place::root().index(i), "must be a map");
            problems.warn(&Place::root().key(&"k".repeat(10_000)), "w".repeat(10_000));
        }
        assert!(problems.is_full());
        assert_eq!(problems.errors().len(), MOST + 1);
        assert_eq!(problems.errors()[MOST - 1].to_string(), "[999]: must be a map");
        assert_eq!(
            problems.errors()[MOST].to_string(),
            "the configuration: has more than is told here: these are the first"
        );
        assert_eq!(problems.warnings().len(), MOST + 1);
        assert_eq!(problems.warnings()[0].to_string().len(), 2 * LONGEST + 2);
    }
}
