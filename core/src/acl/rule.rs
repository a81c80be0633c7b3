//! One entry of the list, compiled.

use std::cmp::Reverse;
use std::sync::Arc;

use super::Asked;
use super::captures::{self, Source};
use super::glob::DoubleStar;
use super::index::Filing;
use super::needs::OneOf;
use super::network::Network;
use super::pattern::{Expression, Matcher, Pattern, Reading, Verdict, Written};
use super::patterns::PatternMemo;
use super::search::{Search, Step, Subject};
use super::variables::{Field, Variable};
use crate::config::acl as written;
use crate::piecemeal::TextMark;
use crate::problem::{Place, Problems};
use crate::scope::Actions;

/// What a request must be like, and what is then granted. Conditions without variables stand apart from the others, the
/// cheapest first, so that a rule which does not apply is passed over after a comparison or two.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) network: Option<Network>,
    pub(super) fields: Box<[(Field, Matcher)]>,
    pub(super) labels: Box<[(Box<str>, Matcher)]>,
    pub(super) search: Option<Box<Search>>,
    allowed: Allowed,
    comment: Option<Arc<str>>,
    /// Found once, for a rule that is taken over is indexed again each time.
    filings: Box<[Filing]>,
    /// The line of the wire that it was read from, if it may be taken over.
    pub(super) mark: Option<TextMark>,
}

#[derive(Debug)]
enum Allowed {
    /// `["*"]`: whatever is asked.
    Asked,
    Only(Actions),
}

/// A condition of the entry that is being compiled.
struct Condition<'r> {
    subject: Subject,
    /// Where the entry stands.
    entry: &'r Place,
    /// `None` if its variables are at fault.
    written: Option<Written<'r>>,
}

/// A condition of which the pattern is good. With it goes the number of groups, if it is an expression.
struct Compiled<'c, 'r> {
    condition: &'c Condition<'r>,
    pattern: Pattern,
    groups: Option<usize>,
}

impl Rule {
    /// Compiles one entry. Every fault of it is noted in `problems`, and there is then no rule.
    pub(super) fn compile(rule: &written::Rule, options: written::Options, problems: &mut Problems) -> Option<Self> {
        let faults = problems.errors().len();
        let network = rule.matches.ip.as_deref().and_then(|ip| {
            let network = Network::parse(ip).map_err(|fault| format!("`{ip}` {fault}"));
            problems.keep(&rule.place.key("match").key("ip"), network)
        });
        let conditions = conditions(rule, problems);
        let named = fields_with_named_groups(&conditions);
        let compiled: Vec<Compiled> = conditions
            .iter()
            .filter_map(|condition| compile(condition, &named, options, problems))
            .collect();
        check_captures(&conditions, &compiled, problems);
        let order = order(&conditions, problems);
        let allowed = Allowed::read(rule, problems);
        if problems.errors().len() != faults {
            return None;
        }
        let mut parts = Parts::default();
        for compiled in compiled {
            parts.add(compiled, &named);
        }
        parts.fields.sort_by_key(|(_, matcher)| matcher.cost());
        parts.labels.sort_by_key(|(_, matcher)| matcher.cost());
        let mut rule = Self {
            network,
            fields: parts.fields.into(),
            labels: parts.labels.into(),
            search: search(parts.sources, parts.steps, &order),
            allowed,
            comment: rule.comment.as_deref().map(Arc::from),
            filings: Box::default(),
            mark: None,
        };
        rule.filings = rule.find_filings();
        Some(rule)
    }

    /// Whether the rule matches.
    pub(super) fn judge(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Verdict {
        let fixed = self.judge_fixed(asked, patterns);
        match &self.search {
            Some(search) if fixed == Verdict::Holds => search.judge(asked, patterns),
            _ => fixed,
        }
    }

    fn judge_fixed(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Verdict {
        let mut verdict = Verdict::of(self.network.is_none_or(|network| network.holds(asked.address)));
        for (field, matcher) in &self.fields {
            if verdict == Verdict::Fails {
                return verdict;
            }
            verdict = verdict.min(matcher.judge(std::iter::once(field.of(asked)), patterns));
        }
        for (label, matcher) in &self.labels {
            if verdict == Verdict::Fails {
                return verdict;
            }
            let values = asked.identity.labels.get(label).iter();
            verdict = verdict.min(matcher.judge(values.map(String::as_str), patterns));
        }
        verdict
    }

    /// What a request must be like for the rule to match, one filing for each thing. A request that is not so is judged
    /// `Fails`, never `Unknown`: the rule can be passed over.
    pub(super) fn filings(&self) -> &[Filing] {
        &self.filings
    }

    /// How many needs it is counted by.
    pub(super) fn needs(&self) -> usize {
        self.filings.iter().map(Filing::len).fold(0, usize::saturating_add)
    }

    fn find_filings<'r>(&'r self) -> Box<[Filing]> {
        let mut found = Vec::new();
        let mut add = |subject: Subject, needs: Vec<OneOf<'r>>| {
            for needs in needs.into_iter().filter(|needs| !needs.is_empty()) {
                let filing = (subject.clone(), needs);
                // A whole text is both its start and its end.
                if !found.contains(&filing) {
                    found.push(filing);
                }
            }
        };
        for (field, matcher) in &self.fields {
            add(Subject::Field(*field), matcher.needs());
        }
        for (label, matcher) in &self.labels {
            add(Subject::Label(label.clone()), matcher.needs());
        }
        for step in self.search.iter().flat_map(|search| search.sure_steps()) {
            add(step.subject.clone(), step.pattern.needs());
        }
        let filings = found.into_iter().map(|(subject, needs)| Filing::new(subject, &needs));
        filings.collect()
    }

    /// What of `asked` is granted once the rule matches.
    pub(super) fn grant(&self, asked: &Actions) -> Actions {
        match &self.allowed {
            Allowed::Asked => asked.clone(),
            Allowed::Only(allowed) => asked.intersection(allowed),
        }
    }

    pub(super) fn comment(&self) -> Option<Arc<str>> {
        self.comment.clone()
    }
}

impl Allowed {
    fn read(rule: &written::Rule, problems: &mut Problems) -> Self {
        let actions = &rule.actions;
        if *actions == ["*"] {
            return Self::Asked;
        }
        if let Some(at) = actions.iter().position(|action| action == "*") {
            problems.warn(
                &rule.place.key("actions").index(at),
                "beside others `*` is only a name, and grants none but itself; write `[\"*\"]` for all that is asked",
            );
        }
        Self::Only(actions.iter().map(String::as_str).collect())
    }
}

impl Condition<'_> {
    /// Where its pattern stands.
    fn place(&self) -> Place {
        let matches = self.entry.key("match");
        match &self.subject {
            Subject::Field(field) => matches.key(field.key()),
            Subject::Label(name) => matches.key("labels").key(name),
        }
    }
}

/// The conditions with patterns: the four fields first, then the labels.
fn conditions<'r>(rule: &'r written::Rule, problems: &mut Problems) -> Vec<Condition<'r>> {
    let matches = &rule.matches;
    let fields = Field::ALL.into_iter().filter_map(|field| {
        let text = match field {
            Field::Account => &matches.account,
            Field::Kind => &matches.kind,
            Field::Name => &matches.name,
            Field::Service => &matches.service,
        };
        Some((Subject::Field(field), text.as_deref()?))
    });
    let labels = matches
        .labels
        .iter()
        .map(|(name, text)| (Subject::Label(name.as_str().into()), text.as_str()));
    let all = fields.chain(labels).map(|(subject, text)| {
        let mut condition = Condition {
            subject,
            entry: &rule.place,
            written: None,
        };
        match Written::read(text) {
            Ok(written) => condition.written = Some(written),
            Err(faults) => {
                for fault in faults {
                    problems.error(&condition.place().bytes(fault.at()), fault);
                }
            }
        }
        condition
    });
    all.collect()
}

/// The fields whose groups some condition names.
fn fields_with_named_groups(conditions: &[Condition]) -> Vec<Field> {
    let written = conditions.iter().filter_map(|condition| condition.written.as_ref());
    written
        .flat_map(|written| captures::captures(written.references()))
        .map(|(field, _, _)| field)
        .collect()
}

fn compile<'c, 'r>(
    condition: &'c Condition<'r>,
    named: &[Field],
    options: written::Options,
    problems: &mut Problems,
) -> Option<Compiled<'c, 'r>> {
    let reading = Reading {
        double_star: if options.double_star {
            DoubleStar::Spans
        } else {
            DoubleStar::Star
        },
        without_slash: condition.subject == Subject::Field(Field::Kind),
        numbered: condition.subject.is_any_of(named),
    };
    match condition.written.as_ref()?.compile(reading) {
        Ok((pattern, groups)) => Some(Compiled {
            condition,
            pattern,
            groups,
        }),
        Err(fault) => {
            problems.error(&condition.place().bytes(fault.at()), fault);
            None
        }
    }
}

fn check_captures(conditions: &[Condition], compiled: &[Compiled], problems: &mut Problems) {
    let source = |field: Field| {
        let subject = Subject::Field(field);
        let good = compiled.iter().find(|compiled| compiled.condition.subject == subject);
        match good {
            Some(good) => good.groups.map_or(Source::Glob, |groups| Source::Regex { groups }),
            None if conditions.iter().any(|condition| condition.subject == subject) => Source::Faulty,
            None => Source::Missing,
        }
    };
    for condition in conditions {
        let references = condition.written.as_ref().map_or(&[][..], Written::references);
        for (field, group, reference) in captures::captures(references) {
            if let Some(fault) = captures::check(field, group, reference, source(field)) {
                problems.error(&condition.place().bytes(reference.at.clone()), fault);
            }
        }
    }
}

/// The order in which the fields can be judged.
fn order(conditions: &[Condition], problems: &mut Problems) -> Vec<Field> {
    let of = |field: Field| {
        conditions
            .iter()
            .find(|condition| condition.subject == Subject::Field(field))
    };
    let references = Field::ALL.map(|field| {
        let written = of(field).and_then(|condition| condition.written.as_ref());
        written.map_or(&[][..], Written::references)
    });
    let order = captures::order(&references);
    for circle in order.circles {
        if let Some(condition) = of(circle.field) {
            problems.error(&condition.place().bytes(circle.at), circle.fault);
        }
    }
    order.fields
}

/// Compiled conditions, by how they are judged.
#[derive(Default)]
struct Parts<'c> {
    fields: Vec<(Field, Matcher)>,
    labels: Vec<(Box<str>, Matcher)>,
    sources: Vec<(Field, Expression)>,
    steps: Vec<(Step, Vec<&'c Variable>)>,
}

impl<'c> Parts<'c> {
    fn add(&mut self, compiled: Compiled<'c, '_>, named: &[Field]) {
        let Compiled { condition, pattern, .. } = compiled;
        match (&condition.subject, pattern) {
            (Subject::Field(field), Pattern::Fixed(matcher)) => {
                if let (Matcher::Regex(expression), true) = (&matcher, named.contains(field)) {
                    self.sources.push((*field, expression.clone()));
                }
                if !matches!(matcher, Matcher::Any) {
                    self.fields.push((*field, matcher));
                }
            }
            // `Any` stays: a label without values does not match.
            (Subject::Label(name), Pattern::Fixed(matcher)) => self.labels.push((name.clone(), matcher)),
            (subject, Pattern::Open(pattern)) => {
                let feeds = match subject {
                    Subject::Field(field) if named.contains(field) => Some(*field),
                    Subject::Field(_) | Subject::Label(_) => None,
                };
                let references = condition.written.as_ref().map_or(&[][..], Written::references);
                let step = Step {
                    subject: subject.clone(),
                    pattern,
                    feeds,
                    captured: captures::captures(references).map(|(field, _, _)| field).collect(),
                };
                self.steps
                    .push((step, references.iter().map(|r| &r.variable).collect()));
            }
        }
    }
}

/// Puts the conditions with variables into an order: a field before those that name its groups.
fn search(
    sources: Vec<(Field, Expression)>,
    mut steps: Vec<(Step, Vec<&Variable>)>,
    order: &[Field],
) -> Option<Box<Search>> {
    if steps.is_empty() {
        return None;
    }
    steps.sort_by_key(|(step, _)| {
        let place = match &step.subject {
            Subject::Field(field) => order.iter().position(|ordered| ordered == field),
            Subject::Label(_) => None,
        };
        (Reverse(step.feeds.is_some()), place.unwrap_or(order.len()))
    });
    let mut by_choice: Vec<Field> = Vec::new();
    let (mut certain, mut chosen) = (Vec::new(), Vec::new());
    for (step, variables) in steps {
        let has_choice = variables.into_iter().any(|variable| match variable {
            Variable::Label(_) => true,
            Variable::Capture { field, .. } => by_choice.contains(field),
            Variable::Field(_) => false,
        });
        if has_choice {
            by_choice.extend(step.feeds);
            chosen.push(step);
        } else {
            certain.push(step);
        }
    }
    Some(Box::new(Search {
        sources: sources.into(),
        certain: certain.into(),
        chosen: chosen.into(),
    }))
}

impl Subject {
    fn is_any_of(&self, fields: &[Field]) -> bool {
        matches!(self, Self::Field(field) if fields.contains(field))
    }
}
