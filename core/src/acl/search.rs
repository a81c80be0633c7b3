//! The conditions of a rule that hold variables.
//!
//! A rule matches if there are values for its variables with which all its conditions hold. Only labels leave a choice:
//! each field, and each pattern of a `labels` condition, chooses by itself among the values of the labels it names, and
//! what the groups of a field took belongs to that choice. So a field whose groups are named elsewhere is tried first,
//! and the others for each of its choices.
//!
//! The work is counted before it begins, and beyond [`MAX_COMBINATIONS`] the rule is not judged. Conditions that no label
//! has a part in are looked at first and settle the rule if they fail, however many values a label has.

use super::Asked;
use super::pattern::{Expression, Open, Verdict};
use super::patterns::PatternMemo;
use super::variables::{Field, Taken, Values, combinations};

/// The most combinations of label values that one rule tries for one request. Each may have to compile an expression that
/// is not remembered, at some 50 µs: together they stay near the 2 ms that a worker may spend.
pub const MAX_COMBINATIONS: usize = 64;

/// The conditions with variables, in the order in which they can be judged.
#[derive(Debug)]
pub(super) struct Search {
    /// Expressions without variables whose groups are named.
    pub(super) sources: Box<[(Field, Expression)]>,
    /// Those that no label has a part in: there is one way to judge them.
    pub(super) certain: Box<[Step]>,
    /// The others, those first whose groups are named.
    pub(super) chosen: Box<[Step]>,
}

/// One condition with variables.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) subject: Subject,
    pub(super) pattern: Open,
    /// The field whose groups others name, if this is the condition of one.
    pub(super) feeds: Option<Field>,
    /// The fields whose groups it names.
    pub(super) captured: Box<[Field]>,
}

/// What a condition is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Field(Field),
    /// A label, any value of which may match.
    Label(Box<str>),
}

impl Search {
    pub(super) fn judge(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Verdict {
        if self.steps().any(|step| step.has_no_value(asked)) {
            return Verdict::Fails;
        }
        let mut taken = Taken::default();
        for (field, expression) in &self.sources {
            *field.slot(&mut taken) = expression.captures(field.of(asked), patterns);
        }
        let mut verdict = Verdict::Holds;
        for step in &self.certain {
            verdict = verdict.min(step.judge(asked, 0, &mut taken, patterns));
            if verdict == Verdict::Fails {
                return verdict;
            }
        }
        if self.chosen.is_empty() {
            return verdict;
        }
        if self.work(asked) > MAX_COMBINATIONS {
            return Verdict::Unknown;
        }
        verdict.min(search(&self.chosen, asked, &mut taken, patterns))
    }

    /// Those certain steps whose variables always have values, once all conditions without variables hold. If such a
    /// step fails the rule does, whatever the others are.
    pub(super) fn sure_steps(&self) -> impl Iterator<Item = &Step> {
        let mut known: Vec<Field> = self.sources.iter().map(|(field, _)| *field).collect();
        self.certain.iter().filter(move |step| {
            let sure = step.captured.iter().all(|field| known.contains(field));
            if sure && step.pattern.is_sure() {
                known.extend(step.feeds);
            }
            sure
        })
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.certain.iter().chain(&self.chosen)
    }

    /// How often conditions are tried at most: those that feed no other once for each of their own combinations, all
    /// again for each choice of those that do.
    pub(super) fn work(&self, asked: &Asked<'_>) -> usize {
        let (mut choices, mut tries) = (1_usize, 0_usize);
        for step in &self.chosen {
            let own = combinations(step.pattern.labels(), asked);
            if step.feeds.is_some() {
                choices = choices.saturating_mul(own);
            } else {
                tries = tries.saturating_add(own);
            }
        }
        choices.saturating_mul(tries.max(1))
    }
}

/// Whether there is a choice with which all `steps` hold.
fn search<'a>(steps: &[Step], asked: &Asked<'a>, taken: &mut Taken<'a>, patterns: &mut PatternMemo) -> Verdict {
    let Some((step, rest)) = steps.split_first() else {
        return Verdict::Holds;
    };
    let mut best = Verdict::Fails;
    for combination in 0..combinations(step.pattern.labels(), asked) {
        let mut verdict = step.judge(asked, combination, taken, patterns);
        if step.feeds.is_some() && verdict != Verdict::Fails {
            verdict = verdict.min(search(rest, asked, taken, patterns));
        }
        best = best.max(verdict);
        if best == Verdict::Holds {
            break;
        }
    }
    // What feeds nothing leaves the rest as it is, whichever choice it took.
    if step.feeds.is_none() && best != Verdict::Fails {
        best = best.min(search(rest, asked, taken, patterns));
    }
    best
}

impl Step {
    /// Whether a label that it is about, or that it names, has no value: then it cannot hold.
    fn has_no_value(&self, asked: &Asked<'_>) -> bool {
        self.label_without_value(asked).is_some()
    }

    /// The first label that it is about, or that it names, and that has no value.
    pub(super) fn label_without_value(&self, asked: &Asked<'_>) -> Option<&str> {
        let own = match &self.subject {
            Subject::Label(name) => Some(name),
            Subject::Field(_) => None,
        };
        let all = own.into_iter().chain(self.pattern.labels());
        all.map(AsRef::as_ref)
            .find(|label| asked.identity.labels.get(label).is_empty())
    }

    pub(super) fn judge<'a>(
        &self,
        asked: &Asked<'a>,
        combination: usize,
        taken: &mut Taken<'a>,
        patterns: &mut PatternMemo,
    ) -> Verdict {
        let values = Values {
            asked,
            taken,
            labels: self.pattern.labels(),
            combination,
        };
        if let Some(field) = self.feeds {
            let found = self.pattern.take(field.of(asked), &values, patterns);
            let verdict = found.as_ref().map_or_else(|verdict| *verdict, |_| Verdict::Holds);
            *field.slot(taken) = found.ok();
            return verdict;
        }
        match &self.subject {
            Subject::Field(field) => {
                let subject = std::iter::once(field.of(asked));
                self.pattern.judge(subject, &values, patterns)
            }
            Subject::Label(name) => {
                let labels = asked.identity.labels.get(name);
                self.pattern.judge(labels.iter().map(String::as_str), &values, patterns)
            }
        }
    }
}
