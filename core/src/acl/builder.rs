//! A list of rules that is put together in small steps, and one that is taken apart in such.

use std::collections::{HashSet, hash_set};
use std::sync::Arc;

use super::index::{self, Indexing};
use super::rule::Rule;
use super::{Acl, ByText, Listed};
use crate::config::acl as written;
use crate::piecemeal::{Progress, TextMark};
use crate::problem::Problems;

/// So many rules are freed in one step.
const RULES: usize = 32;

/// An [`Acl`] on its way.
pub(crate) struct Builder {
    listed: Listed,
    needs: usize,
    indexing: Option<Indexing>,
    before: Option<Arc<Listed>>,
}

/// What is left of a list.
pub(crate) struct Remains {
    rules: std::vec::IntoIter<Arc<Rule>>,
    by_text: hash_set::IntoIter<ByText>,
    index: Option<index::Remains>,
}

impl Builder {
    /// Begins a list of about so many rules, which takes over what it can of the list `before`.
    pub(crate) fn new(options: written::Options, count: usize, before: Option<&Acl>) -> Self {
        let before = before.map(|acl| Arc::clone(&acl.listed));
        Self {
            listed: Listed {
                options,
                rules: Vec::with_capacity(count),
                by_text: HashSet::default(),
            },
            needs: 0,
            indexing: None,
            before,
        }
    }

    /// Has the rules found again by the list that comes next. A table that grew would move all at once, so it has room
    /// for `count` from the start.
    pub(crate) fn with_marks(mut self, count: usize) -> Self {
        self.listed.by_text.reserve(count);
        self
    }

    /// Reads the rules that follow by other options.
    pub(crate) fn set_options(&mut self, options: written::Options) {
        self.listed.options = options;
    }

    /// Takes over the rule of that text, if the list before has it.
    pub(crate) fn take_over(&mut self, mark: TextMark) -> bool {
        // The same text means something else with other options.
        let before = self
            .before
            .as_ref()
            .filter(|before| before.options == self.listed.options);
        let known = before.and_then(|before| before.by_text.get(&Some(mark)));
        let rule = known.map(|ByText(rule)| Arc::clone(rule));
        rule.is_some_and(|rule| {
            self.push(rule);
            true
        })
    }

    /// Compiles one rule; what is wrong with it is noted in `problems`. With a fault noted, the list is not to be used.
    pub(crate) fn add(&mut self, rule: &written::Rule, mark: Option<TextMark>, problems: &mut Problems) {
        let warnings = problems.warnings().len();
        let Some(mut rule) = Rule::compile(rule, self.listed.options, problems) else {
            return;
        };
        // What there is to be warned of is told each time, so it is not taken over.
        rule.mark = mark.filter(|_| problems.warnings().len() == warnings);
        self.push(Arc::new(rule));
    }

    fn push(&mut self, rule: Arc<Rule>) {
        self.needs = self.needs.saturating_add(rule.needs());
        if rule.mark.is_some() {
            self.listed.by_text.insert(ByText(Arc::clone(&rule)));
        }
        self.listed.rules.push(rule);
    }

    /// Goes on with the index, once all rules are there.
    pub(crate) fn step(&mut self) -> Progress {
        let indexing = self.indexing.get_or_insert_with(|| Indexing::new(self.needs));
        indexing.step(&self.listed.rules)
    }

    /// The list, after the last step.
    pub(crate) fn finish(mut self) -> Acl {
        while self.step() == Progress::More {}
        Acl {
            listed: Arc::new(self.listed),
            index: self.indexing.map(Indexing::finish).unwrap_or_default(),
        }
    }

    /// Begins to take apart what is there.
    pub(crate) fn dismantle(self) -> Remains {
        Remains::new(Some(self.listed), self.indexing.map(Indexing::dismantle))
    }
}

impl Remains {
    pub(super) fn new(listed: Option<Listed>, index: impl Into<Option<index::Remains>>) -> Self {
        let Listed { rules, by_text, .. } = listed.unwrap_or_default();
        Self {
            rules: rules.into_iter(),
            by_text: by_text.into_iter(),
            index: index.into(),
        }
    }

    /// Frees a part of it.
    pub(crate) fn step(&mut self) -> Progress {
        if self.by_text.by_ref().take(RULES).last().is_some() || self.rules.by_ref().take(RULES).last().is_some() {
            return Progress::More;
        }
        self.index.as_mut().map_or(Progress::Done, index::Remains::step)
    }
}
