//! What a rule takes: all of its conditions together.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use super::super::network::Network;
use super::super::pattern::Written;
use super::super::variables::{Field, Variable};
use super::{Extent, Found, Texts};
use crate::config::acl::{Options, Rule};

/// What can be said of two rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// A pattern cannot be compared.
    CannotTell,
}

/// What a rule takes.
#[derive(Clone, Debug)]
pub struct Reach {
    fields: [Option<Condition>; Field::ALL.len()],
    labels: Vec<(Box<str>, Condition)>,
    network: Option<Network>,
}

/// One condition of a rule.
#[derive(Clone, Debug)]
struct Condition {
    text: Arc<str>,
    options: Options,
    extent: Option<Arc<Extent>>,
    /// The fields whose groups it names.
    captured: Vec<Field>,
}

/// Makes the reach of rules, and remembers what patterns take and how they stand to each other: lists repeat them.
#[derive(Debug, Default)]
pub struct Comparison {
    extents: HashMap<Key, Option<Arc<Extent>>>,
    beyond: HashMap<[usize; 2], Found>,
    common: HashMap<[usize; 2], Found>,
    compared: usize,
}

/// A pattern, and how it is read.
type Key = (Box<str>, Texts, bool);

/// An example of what two rules both take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// The account, if a rule asks for one.
    pub account: Option<String>,
    /// The resource's type.
    pub kind: Option<String>,
    /// The resource's name.
    pub name: Option<String>,
    /// The service.
    pub service: Option<String>,
}

impl Answer {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::CannotTell,
        }
    }
}

impl Reach {
    /// What every account begins with that it takes.
    #[must_use]
    pub fn account_prefix(&self) -> &str {
        self.prefix(Field::Account)
    }

    /// What every name begins with that it takes.
    #[must_use]
    pub fn name_prefix(&self) -> &str {
        self.prefix(Field::Name)
    }

    /// Whether it has a condition that nothing can meet; the field's key.
    #[must_use]
    pub fn takes_nothing(&self) -> Option<&'static str> {
        Field::ALL.into_iter().find_map(|field| {
            let extent = field.look(&self.fields).as_ref()?.extent.as_ref()?;
            extent.is_idle().then(|| field.key())
        })
    }

    /// The addresses that it is for; all, if `None`.
    #[must_use]
    pub fn network(&self) -> Option<IpNet> {
        self.network.map(Network::addresses)
    }

    /// Whether it is plain at first sight that it has nothing in common with `other`. The other way round nothing is said.
    #[must_use]
    pub fn is_apart_from(&self, other: &Self) -> bool {
        Field::ALL
            .into_iter()
            .any(|field| match (self.extent(field), other.extent(field)) {
                (Some(one), Some(other)) => one.is_apart_from(other),
                _ => false,
            })
    }

    fn prefix(&self, field: Field) -> &str {
        self.extent(field).map_or("", Extent::prefix)
    }

    fn extent(&self, field: Field) -> Option<&Extent> {
        field.look(&self.fields).as_ref()?.extent.as_deref()
    }
}

impl Comparison {
    /// How many patterns were compared so far, those not counted that were compared before: a measure of the work.
    #[must_use]
    pub fn compared(&self) -> usize {
        self.compared
    }

    /// What `rule` takes, if it is read by these `options`. To be compared with others of this comparison only.
    pub fn reach(&mut self, rule: &Rule, options: Options) -> Reach {
        let matches = &rule.matches;
        let fields = Field::ALL.map(|field| {
            let text = match field {
                Field::Account => &matches.account,
                Field::Kind => &matches.kind,
                Field::Name => &matches.name,
                Field::Service => &matches.service,
            };
            text.as_deref().map(|text| self.condition(text, texts(field), options))
        });
        let labels = matches.labels.iter();
        let labels = labels.map(|(name, text)| (name.as_str().into(), self.condition(text, Texts::Any, options)));
        Reach {
            fields,
            labels: labels.collect(),
            network: matches.ip.as_deref().and_then(|ip| Network::parse(ip).ok()),
        }
    }

    fn condition(&mut self, text: &str, texts: Texts, options: Options) -> Condition {
        let key = (Box::from(text), texts, options.double_star);
        let extent = self.extents.entry(key);
        let extent = extent.or_insert_with(|| Extent::of(text, texts, options).map(Arc::new));
        let captured = if extent.is_some() { Vec::new() } else { captured(text) };
        Condition {
            text: text.into(),
            options,
            extent: extent.clone(),
            captured,
        }
    }

    /// Whether `wide` takes all that `narrow` takes.
    pub fn covers(&mut self, wide: &Reach, narrow: &Reach) -> Answer {
        let mut answer = match (&wide.network, &narrow.network) {
            (None, _) => Answer::Yes,
            (Some(wide), Some(narrow)) if wide.holds_all_of(narrow) => Answer::Yes,
            _ => return Answer::No,
        };
        for (name, condition) in &wide.labels {
            let other = narrow.labels.iter().find(|(other, _)| other == name);
            let Some((_, other)) = other else { return Answer::No };
            answer = answer.and(self.condition_covers(condition, Some(other), Texts::Any, wide, narrow));
        }
        for field in Field::ALL {
            let Some(condition) = field.look(&wide.fields) else {
                continue;
            };
            let other = field.look(&narrow.fields).as_ref();
            answer = answer.and(self.condition_covers(condition, other, texts(field), wide, narrow));
            if answer == Answer::No {
                break;
            }
        }
        answer
    }

    fn condition_covers(
        &mut self,
        wide: &Condition,
        narrow: Option<&Condition>,
        texts: Texts,
        wide_rule: &Reach,
        narrow_rule: &Reach,
    ) -> Answer {
        if let Some(narrow) = narrow {
            let same = |field: &Field| match (field.look(&wide_rule.fields), field.look(&narrow_rule.fields)) {
                (Some(one), Some(other)) => one.reads_as(other),
                _ => false,
            };
            // What groups took depends on the expressions that they are of.
            if wide.reads_as(narrow) && wide.captured.iter().all(same) {
                return Answer::Yes;
            }
        }
        let Some(wide) = &wide.extent else {
            return Answer::CannotTell;
        };
        let has_variables = narrow.is_some_and(|narrow| narrow.extent.is_none());
        let narrow = match narrow.and_then(|narrow| narrow.extent.as_ref()) {
            Some(narrow) => Arc::clone(narrow),
            None => self.everything(texts),
        };
        match self.beyond(&narrow, wide) {
            Found::Nothing => Answer::Yes,
            // What cannot be compared takes less than everything, nobody knows how much.
            Found::Example(_) if !has_variables => Answer::No,
            Found::Example(_) | Found::CannotTell => Answer::CannotTell,
        }
    }

    /// Something that both take: `Ok` with what is known of it, or what can be said instead. Of labels it is only said
    /// where who has those of the one has those of the other.
    ///
    /// # Errors
    /// [`Answer::No`] or [`Answer::CannotTell`].
    pub fn common(&mut self, one: &Reach, other: &Reach) -> Result<Example, Answer> {
        let mut answer = match (&one.network, &other.network) {
            (Some(a), Some(b)) if !a.holds_all_of(b) && !b.holds_all_of(a) => return Err(Answer::No),
            _ => Answer::Yes,
        };
        let mut example = Example::default();
        for field in Field::ALL {
            let (a, b) = (field.look(&one.fields), field.look(&other.fields));
            let found = match (a, b) {
                (None, None) => continue,
                (Some(a), Some(b)) => match (&a.extent, &b.extent) {
                    (Some(a), Some(b)) => self.both(a, b),
                    _ if a.reads_as(b) && a.captured.is_empty() => continue,
                    _ => Found::CannotTell,
                },
                (Some(only), None) | (None, Some(only)) => match &only.extent {
                    Some(extent) => {
                        let all = self.everything(texts(field));
                        self.both(extent, &all)
                    }
                    // It takes something, whatever its variables are.
                    None => continue,
                },
            };
            match found {
                Found::Example(text) => *example.slot(field) = Some(text),
                Found::Nothing => return Err(Answer::No),
                Found::CannotTell => answer = Answer::CannotTell,
            }
        }
        if !self.labels_imply(&one.labels, &other.labels) && !self.labels_imply(&other.labels, &one.labels) {
            answer = Answer::CannotTell;
        }
        if answer == Answer::Yes {
            Ok(example)
        } else {
            Err(answer)
        }
    }

    /// Whether who meets the conditions `narrow` meets `wide` too.
    fn labels_imply(&mut self, narrow: &[(Box<str>, Condition)], wide: &[(Box<str>, Condition)]) -> bool {
        wide.iter().all(|(name, wide)| {
            let narrow = narrow.iter().find(|(other, _)| other == name);
            narrow.is_some_and(|(_, narrow)| {
                let same = wide.reads_as(narrow) && wide.captured.is_empty();
                same || match (&wide.extent, &narrow.extent) {
                    (Some(wide), Some(narrow)) => self.beyond(narrow, wide) == Found::Nothing,
                    _ => false,
                }
            })
        })
    }

    fn everything(&mut self, texts: Texts) -> Arc<Extent> {
        // No rule can have this text: it is no pattern.
        let key = (Box::from("[]"), texts, false);
        let extent = self.extents.entry(key);
        let extent = extent.or_insert_with(|| Some(Arc::new(Extent::everything(texts))));
        extent.clone().unwrap_or_else(|| Arc::new(Extent::everything(texts)))
    }

    fn beyond(&mut self, this: &Arc<Extent>, other: &Arc<Extent>) -> Found {
        if let Some(text) = this.literal() {
            return if other.takes(text) {
                Found::Nothing
            } else {
                Found::Example(text.to_owned())
            };
        }
        let key = [Arc::as_ptr(this).addr(), Arc::as_ptr(other).addr()];
        if let Some(found) = self.beyond.get(&key) {
            return found.clone();
        }
        self.compared = self.compared.saturating_add(1);
        let found = this.beyond(other);
        self.beyond.insert(key, found.clone());
        found
    }

    fn both(&mut self, this: &Arc<Extent>, other: &Arc<Extent>) -> Found {
        if let (Some(text), _) | (_, Some(text)) = (this.literal(), other.literal()) {
            return if this.takes(text) && other.takes(text) {
                Found::Example(text.to_owned())
            } else {
                Found::Nothing
            };
        }
        let key = [Arc::as_ptr(this).addr(), Arc::as_ptr(other).addr()];
        if let Some(found) = self.common.get(&key) {
            return found.clone();
        }
        self.compared = self.compared.saturating_add(1);
        let found = this.common(other);
        self.common.insert(key, found.clone());
        found
    }
}

/// As one says it: account `ada`, name `team/app`.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("account", &self.account),
            ("type", &self.kind),
            ("name", &self.name),
            ("service", &self.service),
        ];
        let parts = parts.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?)));
        for (i, (key, text)) in parts.enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{key} `{text}`")?;
        }
        Ok(())
    }
}

impl Condition {
    /// Whether both are the same pattern, read in the same way.
    fn reads_as(&self, other: &Self) -> bool {
        self.text == other.text && (self.options == other.options || !self.text.contains("**"))
    }
}

impl Example {
    fn slot(&mut self, field: Field) -> &mut Option<String> {
        match field {
            Field::Account => &mut self.account,
            Field::Kind => &mut self.kind,
            Field::Name => &mut self.name,
            Field::Service => &mut self.service,
        }
    }
}

fn texts(field: Field) -> Texts {
    match field {
        Field::Account | Field::Service => Texts::Any,
        Field::Kind => Texts::Kinds,
        Field::Name => Texts::Names,
    }
}

/// The fields whose groups a pattern names.
fn captured(text: &str) -> Vec<Field> {
    let Ok(written) = Written::read(text) else {
        return Vec::new();
    };
    let references = written.references().iter();
    let fields = references.filter_map(|reference| match reference.variable {
        Variable::Capture { field, .. } => Some(field),
        Variable::Field(_) | Variable::Label(_) => None,
    });
    fields.collect()
}

#[cfg(test)]
mod tests;
