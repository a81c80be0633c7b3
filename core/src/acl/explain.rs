//! Why each rule did or did not match, in the words of who writes rules.
//!
//! What decides is what explains: the grant is [`Acl::decide`]'s own, and whether a condition holds is told by the matcher
//! that the rule decides by. Only the texts are made of the rule as it is written.
//!
//! ```
//! # use registry_auth_core::account::{Account, Identity};
//! # use registry_auth_core::acl::{Acl, Asked, PatternMemo};
//! # use registry_auth_core::config::acl::{Options, read};
//! # use registry_auth_core::memo::Seed;
//! # use registry_auth_core::problem::{Place, Problems};
//! # use registry_auth_core::scope::Scope;
//! # use registry_auth_core::service::Service;
//! let written = r#"[{"match": {"account": "ops"}, "actions": ["*"]}, {"match": {"name": "team/*"}, "actions": ["pull"]}]"#;
//! let mut problems = Problems::default();
//! let rules = read(serde_json::from_str(written)?, &Place::root().key("acl"), &mut problems);
//! let acl = Acl::compile(&rules, Options::default(), &mut problems);
//! let asked = Asked {
//!     identity: &Identity { account: Account::parse("ada")?, ..Identity::default() },
//!     address: "192.0.2.1".parse()?,
//!     service: &Service::parse("registry")?,
//!     scope: &Scope::parse("repository:team/app/sub:pull")?,
//! };
//! let explanation = acl.explain(&rules, &asked, &mut PatternMemo::new(Seed::new([7; 16])));
//! let why: Vec<String> = explanation.passed().iter().map(ToString::to_string).collect();
//! assert_eq!(why, ["account `ops` is not `ada`", "name `team/*` does not match `team/app/sub`: `*` stops at `/`"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod causes;
mod hints;
mod mended;
mod nearly;
#[cfg(test)]
mod tests;
mod wording;

use std::cmp::Reverse;
use std::fmt;

use super::pattern::Verdict;
use super::patterns::PatternMemo;
use super::rule::Rule;
use super::search::Subject;
use super::variables::Field;
use super::{Acl, Asked, Because, Grant};
use crate::config::acl as written;
use crate::scope::Actions;
pub use hints::Hint;
pub use wording::listed;

/// Of so many rules above, the nearest ones, it is looked whether they are only nearly right.
const LOOKED_AT: usize = 16;

/// What was decided of one scope, and what each rule had to say about it.
#[derive(Clone, Debug)]
pub struct Explanation {
    grant: Grant,
    decider: Option<usize>,
    rules: Vec<Judged>,
    hints: Vec<Hint>,
}

/// One rule, and what it says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its number in the list, from 0.
    pub index: usize,
    /// How many of its conditions hold.
    pub holding: usize,
    /// What it says.
    pub outcome: Outcome,
}

/// What a rule says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It matches, and would grant these of the actions that are asked for.
    Matches(Actions),
    /// It does not match, for these reasons: at least one, in the order of a rule's conditions.
    Fails(Vec<Failure>),
    /// It cannot be judged, for this reason.
    CannotJudge(String),
}

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub condition: Condition,
    /// Why, as in ``account `ops` is not `ada` ``.
    pub why: String,
}

/// What a condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `account`.
    Account,
    /// `type`.
    Kind,
    /// `name`.
    Name,
    /// `service`.
    Service,
    /// `ip`.
    Ip,
    /// A pattern of `labels`.
    Label(String),
    /// Several that depend on each other.
    Several,
}

/// A rule as it is compiled and as it is written.
#[derive(Clone, Copy)]
struct Known<'r> {
    index: usize,
    rule: &'r Rule,
    written: &'r written::Rule,
    options: written::Options,
}

impl Acl {
    /// Says what of `asked` is granted, as [`Self::decide`] does, and why each rule did or did not match. `written` are
    /// the rules that the list was compiled of.
    #[must_use]
    pub fn explain(&self, written: &[written::Rule], asked: &Asked<'_>, patterns: &mut PatternMemo) -> Explanation {
        let grant = self.decide(asked, patterns);
        let known: Vec<Known<'_>> = self.known(written).collect();
        let rules: Vec<Judged> = known.iter().map(|rule| rule.explain(asked, patterns)).collect();
        let mut explanation = Explanation {
            decider: decider(&grant),
            grant,
            rules,
            hints: Vec::new(),
        };
        explanation.hints = hints::find(&explanation, &known, asked, patterns);
        explanation
    }

    fn known<'r>(&'r self, written: &'r [written::Rule]) -> impl Iterator<Item = Known<'r>> {
        let options = self.listed.options;
        let rules = self.listed.rules.iter().zip(written);
        rules.enumerate().map(move |(index, (rule, written))| Known {
            index,
            rule,
            written,
            options,
        })
    }
}

/// The number of the rule that decided, or that could not be judged.
fn decider(grant: &Grant) -> Option<usize> {
    match grant.because() {
        Because::Rule { index, .. } | Because::CannotJudge { index, .. } => Some(*index),
        Because::NoRule | Because::Backend(_) => None,
    }
}

impl Explanation {
    /// What was decided.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The rule that decided, or that could not be judged; `None` if none matches.
    #[must_use]
    pub fn decider(&self) -> Option<&Judged> {
        self.rules.get(self.decider?)
    }

    /// The rules above the one that decided, all of them if none did. None of them matches.
    #[must_use]
    pub fn passed(&self) -> &[Judged] {
        let end = self.decider.unwrap_or(self.rules.len());
        self.rules.get(..end).unwrap_or_default()
    }

    /// The rules below the one that decided, which were not asked.
    #[must_use]
    pub fn later(&self) -> &[Judged] {
        let start = self.decider.map_or(self.rules.len(), |index| index.saturating_add(1));
        self.rules.get(start..).unwrap_or_default()
    }

    /// At most so many of [`Self::passed`], in the order of the list: those that fail in the fewest conditions, of these
    /// those of which the most hold, of these the last.
    #[must_use]
    pub fn nearest(&self, most: usize) -> Vec<&Judged> {
        let mut passed: Vec<&Judged> = self.passed().iter().collect();
        passed.sort_by_key(|judged| (judged.failures().len(), Reverse(judged.holding), Reverse(judged.index)));
        passed.truncate(most);
        passed.sort_by_key(|judged| judged.index);
        passed
    }

    /// What may have been meant.
    #[must_use]
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }
}

impl Judged {
    /// The conditions that do not hold.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        match &self.outcome {
            Outcome::Fails(failures) => failures,
            Outcome::Matches(_) | Outcome::CannotJudge(_) => &[],
        }
    }
}

/// Why it did not match: the first condition that does not hold.
impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Matches(actions) if actions.is_empty() => f.write_str("matches, and grants nothing"),
            Outcome::Matches(actions) => write!(f, "matches, and grants {}", wording::listed(actions.iter(), "and")),
            Outcome::Fails(failures) => f.write_str(failures.first().map_or("does not match", |first| &first.why)),
            Outcome::CannotJudge(why) => write!(f, "cannot be judged: {why}"),
        }
    }
}

impl Condition {
    fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Field(Field::Account) => Self::Account,
            Subject::Field(Field::Kind) => Self::Kind,
            Subject::Field(Field::Name) => Self::Name,
            Subject::Field(Field::Service) => Self::Service,
            Subject::Label(name) => Self::Label(name.to_string()),
        }
    }
}

impl Known<'_> {
    fn explain(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Judged {
        let outcome = match self.rule.judge(asked, patterns) {
            Verdict::Holds => Outcome::Matches(self.rule.grant(asked.scope.actions())),
            Verdict::Fails => Outcome::Fails(self.failures(asked, patterns)),
            Verdict::Unknown => Outcome::CannotJudge(self.doubt(asked, patterns)),
        };
        let failing = match &outcome {
            Outcome::Fails(failures) => failures.len(),
            Outcome::Matches(_) | Outcome::CannotJudge(_) => 0,
        };
        Judged {
            index: self.index,
            holding: self.conditions().saturating_sub(failing),
            outcome,
        }
    }

    /// How many conditions the rule has.
    fn conditions(&self) -> usize {
        let matches = &self.written.matches;
        let fields = Field::ALL.into_iter().filter(|field| self.field(*field).is_some());
        let labels = matches.labels.len().saturating_add(usize::from(matches.ip.is_some()));
        fields.count().saturating_add(labels)
    }

    /// The pattern of a field, as it is written.
    fn field(&self, field: Field) -> Option<&str> {
        let matches = &self.written.matches;
        let text = match field {
            Field::Account => &matches.account,
            Field::Kind => &matches.kind,
            Field::Name => &matches.name,
            Field::Service => &matches.service,
        };
        text.as_deref()
    }

    /// The pattern of a condition, as it is written.
    fn pattern(&self, subject: &Subject) -> Option<&str> {
        match subject {
            Subject::Field(field) => self.field(*field),
            Subject::Label(name) => {
                let labels = &self.written.matches.labels;
                let found = labels.iter().find(|(label, _)| *label == **name);
                found.map(|(_, pattern)| pattern.as_str())
            }
        }
    }

    /// What its conditions with patterns are about, in the order in which they are told.
    fn subjects(&self) -> impl Iterator<Item = Subject> {
        let fields = Field::ALL.into_iter().filter(|field| self.field(*field).is_some());
        let labels = self.written.matches.labels.iter();
        let labels = labels.map(|(name, _)| Subject::Label(name.as_str().into()));
        fields.map(Subject::Field).chain(labels)
    }
}
