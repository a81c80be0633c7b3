//! The ACL once more: slow, obvious, no code shared with core.
//!
//! Every combination of values is tried for every rule, each pattern is put together as text and read anew. Regular
//! expressions are given to the `regex` crate as they are, so only those may be asked that Go and Rust read alike.

mod expression;
mod glob;

use std::collections::BTreeMap;
use std::net::IpAddr;

use expression::{ends_in_escape, ends_in_open_class, repeats_twice};
use regex::Regex;
use serde_json::Value;

use crate::cases::{LabelValues, Labels};

/// Who asks for what.
#[derive(Clone, Debug)]
pub struct Request {
    pub account: String,
    pub labels: Labels,
    pub label_values: LabelValues,
    pub address: IpAddr,
    pub service: String,
    pub kind: String,
    pub name: String,
    pub actions: Vec<String>,
}

/// The deciding rule and the granted actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Rule(usize, Vec<String>),
    NoRule,
    CannotJudge(usize),
}

/// The first rule of `acl` that matches decides.
pub fn decide(acl: &[Value], double_star: bool, request: &Request) -> Outcome {
    for (index, rule) in acl.iter().enumerate() {
        let rule_judged = Judge {
            conditions: conditions(&rule["match"]),
            double_star,
            request,
        };
        match rule_judged.verdict(&rule["match"]) {
            Verdict::Fails => {}
            Verdict::Unknown => return Outcome::CannotJudge(index),
            Verdict::Holds => return Outcome::Rule(index, granted(&rule["actions"], &request.actions)),
        }
    }
    Outcome::NoRule
}

fn granted(allowed: &Value, asked: &[String]) -> Vec<String> {
    let allowed: Vec<&str> = allowed
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a.as_str().unwrap())
        .collect();
    let all = allowed == ["*"];
    asked
        .iter()
        .filter(|action| all || allowed.contains(&action.as_str()))
        .cloned()
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Fails,
    Unknown,
    Holds,
}

/// A pattern and what it is matched against: a field, or the values of a label.
struct Condition {
    on: String,
    is_label: bool,
    pattern: String,
}

struct Judge<'r> {
    conditions: Vec<Condition>,
    double_star: bool,
    request: &'r Request,
}

/// For a condition (by its number) and a label, the value chosen.
type Choice = BTreeMap<(usize, String), String>;

fn conditions(matches: &Value) -> Vec<Condition> {
    let condition = |on: &str, is_label, pattern: &Value| Condition {
        on: on.to_owned(),
        is_label,
        pattern: pattern.as_str().unwrap().to_owned(),
    };
    let mut all = Vec::new();
    for field in ["account", "type", "name", "service"] {
        if let Some(pattern) = matches.get(field) {
            all.push(condition(field, false, pattern));
        }
    }
    for (label, pattern) in matches.get("labels").and_then(Value::as_object).into_iter().flatten() {
        all.push(condition(label, true, pattern));
    }
    all
}

impl Judge<'_> {
    fn verdict(&self, matches: &Value) -> Verdict {
        let network = matches.get("ip").and_then(Value::as_str);
        if network.is_some_and(|network| !ip_holds(network, self.request.address)) {
            return Verdict::Fails;
        }
        let all = || 0..self.conditions.len();
        let no_values = |label: &str| self.values(label).is_empty();
        let without_value = |i: usize| {
            let condition = &self.conditions[i];
            condition.is_label && no_values(&condition.on) || self.labels_named(i).iter().any(|label| no_values(label))
        };
        if all().any(without_value) {
            return Verdict::Fails;
        }
        let (chosen, certain): (Vec<usize>, Vec<usize>) = all().partition(|i| self.has_choice(*i));
        let settled = certain.iter().map(|i| self.judge(*i, &Choice::new())).min();
        let settled = settled.unwrap_or(Verdict::Holds);
        if settled == Verdict::Fails || chosen.is_empty() {
            return settled;
        }
        if self.work(&chosen) > 64 {
            return Verdict::Unknown;
        }
        let mut best = Verdict::Fails;
        self.each_choice(&chosen, &mut Choice::new(), &mut |choice| {
            let all_hold = chosen.iter().map(|i| self.judge(*i, choice)).min();
            best = best.max(all_hold.unwrap());
            best != Verdict::Holds
        });
        settled.min(best)
    }

    /// Calls `judge` with every choice of values for the labels that `conditions` name, until it says `false`.
    fn each_choice(&self, conditions: &[usize], choice: &mut Choice, judge: &mut dyn FnMut(&Choice) -> bool) -> bool {
        let open = conditions.iter().find_map(|i| {
            let labels = self.labels_named(*i);
            let open = labels.into_iter().map(|label| (*i, label));
            open.into_iter().find(|slot| !choice.contains_key(slot))
        });
        let Some(slot) = open else { return judge(choice) };
        for value in self.values(&slot.1) {
            choice.insert(slot.clone(), value.clone());
            if !self.each_choice(conditions, choice, judge) {
                return false;
            }
        }
        choice.remove(&slot);
        true
    }

    fn work(&self, chosen: &[usize]) -> usize {
        let own = |i: usize| {
            self.labels_named(i)
                .iter()
                .map(|label| self.values(label).len())
                .product::<usize>()
        };
        let feeding = chosen
            .iter()
            .filter(|i| self.is_captured(**i))
            .map(|i| own(*i))
            .product::<usize>();
        let others = chosen
            .iter()
            .filter(|i| !self.is_captured(**i))
            .map(|i| own(*i))
            .sum::<usize>();
        feeding * others.max(1)
    }

    fn judge(&self, i: usize, choice: &Choice) -> Verdict {
        let condition = &self.conditions[i];
        let subjects = if condition.is_label {
            self.values(&condition.on).to_vec()
        } else {
            vec![self.field(&condition.on).to_owned()]
        };
        let holds = if let Some(regex) = expression(&condition.pattern) {
            self.regex(i, regex, choice)
                .map(|regex| subjects.iter().any(|subject| regex.is_match(subject)))
        } else {
            self.filled_glob(i, choice)
                .and_then(|glob| glob::tokens(&glob, self.double_star))
                .map(|glob| {
                    subjects
                        .iter()
                        .any(|subject| glob::fits(&glob, &subject.chars().collect::<Vec<_>>()))
                })
        };
        match holds {
            None => Verdict::Unknown,
            Some(true) => Verdict::Holds,
            Some(false) => Verdict::Fails,
        }
    }

    fn regex(&self, i: usize, expression: &str, choice: &Choice) -> Option<Regex> {
        let (mut filled, mut plain) = (String::new(), String::new());
        let parts = parts(expression);
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Text(text) => {
                    filled.push_str(text);
                    plain.push_str(text);
                }
                Part::Variable(variable) => {
                    let (value, is_label) = self.value(i, variable, choice)?;
                    plain.push('x');
                    if is_label && self.request.label_values == LabelValues::Regex {
                        filled.push_str(&value);
                    } else if ends_in_escape(&filled) {
                        return None;
                    } else if value.is_empty() && ends_in_open_class(&filled) {
                        // No character at all, where `[]` would not be read as a class: a value is data, also none.
                        filled.push_str(r"[^\s\S]");
                    } else if value.is_empty()
                        && matches!(parts.get(at + 1), Some(Part::Text(text)) if text.starts_with(['*', '+', '?', '{']))
                    {
                        // What repeats a value repeats nothing else.
                        filled.push_str("(?:)");
                    } else {
                        filled.push_str(&regex::escape(&value));
                    }
                }
            }
        }
        if repeats_twice(&filled) {
            return None;
        }
        let regex = Regex::new(&filled).ok()?;
        let same_groups = || Regex::new(&plain).unwrap().captures_len() == regex.captures_len();
        (!self.is_captured(i) || same_groups()).then_some(regex)
    }

    /// The glob with its values, and a NUL wherever two parts of it meet.
    fn filled_glob(&self, i: usize, choice: &Choice) -> Option<String> {
        let mut filled = String::new();
        for part in parts(&self.conditions[i].pattern) {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Variable(variable) => {
                    let (value, is_label) = self.value(i, variable, choice)?;
                    if is_label && self.request.label_values != LabelValues::None {
                        filled.push_str(&value);
                    } else {
                        if ends_in_escape(&filled) {
                            return None;
                        }
                        filled.extend(value.chars().flat_map(|c| ['\\', c]));
                    }
                }
            }
            filled.push('\0');
        }
        Some(filled)
    }

    fn value(&self, i: usize, variable: &str, choice: &Choice) -> Option<(String, bool)> {
        if let Some(label) = variable.strip_prefix("labels:") {
            return Some((choice[&(i, label.to_owned())].clone(), true));
        }
        let Some((field, group)) = variable.split_once(':') else {
            return Some((self.field(variable).to_owned(), false));
        };
        let source = self.condition_on(field);
        let regex = self.regex(source, expression(&self.conditions[source].pattern).unwrap(), choice)?;
        let found = regex.captures(self.field(field))?;
        let group = found.get(group.parse().unwrap());
        Some((group.map_or(String::new(), |group| group.as_str().to_owned()), false))
    }

    fn condition_on(&self, field: &str) -> usize {
        let on = |c: &Condition| !c.is_label && c.on == field.to_lowercase();
        self.conditions
            .iter()
            .position(on)
            .expect("the field of a capture has a pattern")
    }

    fn labels_named(&self, i: usize) -> Vec<String> {
        let mut labels: Vec<String> = variables(&self.conditions[i].pattern)
            .filter_map(|variable| variable.strip_prefix("labels:").map(str::to_owned))
            .collect();
        labels.sort();
        labels.dedup();
        labels
    }

    /// The conditions whose groups this one names.
    fn captured_by(&self, i: usize) -> Vec<usize> {
        variables(&self.conditions[i].pattern)
            .filter(|variable| !variable.starts_with("labels:"))
            .filter_map(|variable| variable.split_once(':'))
            .map(|(field, _)| self.condition_on(field))
            .collect()
    }

    fn is_captured(&self, i: usize) -> bool {
        (0..self.conditions.len()).any(|other| self.captured_by(other).contains(&i))
    }

    fn has_choice(&self, i: usize) -> bool {
        !self.labels_named(i).is_empty() || self.captured_by(i).into_iter().any(|source| self.has_choice(source))
    }

    fn values(&self, label: &str) -> &[String] {
        self.request.labels.get(label).map_or(&[], Vec::as_slice)
    }

    fn field(&self, name: &str) -> &str {
        match name.to_lowercase().as_str() {
            "account" => &self.request.account,
            "type" => &self.request.kind,
            "name" => &self.request.name,
            "service" => &self.request.service,
            other => panic!("no field {other}"),
        }
    }
}

enum Part<'t> {
    Text(&'t str),
    Variable(&'t str),
}

fn parts(pattern: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut pieces = pattern.split("${");
    parts.push(Part::Text(pieces.next().unwrap()));
    for piece in pieces {
        let (variable, text) = piece.split_once('}').unwrap();
        parts.push(Part::Variable(variable));
        parts.push(Part::Text(text));
    }
    parts
}

fn variables(pattern: &str) -> impl Iterator<Item = &str> {
    parts(pattern).into_iter().filter_map(|part| match part {
        Part::Variable(variable) => Some(variable),
        Part::Text(_) => None,
    })
}

fn expression(pattern: &str) -> Option<&str> {
    let is_one = pattern.len() > 2 && pattern.starts_with('/') && pattern.ends_with('/');
    is_one.then(|| &pattern[1..pattern.len() - 1])
}

fn ip_holds(network: &str, address: IpAddr) -> bool {
    let (base, length) = network
        .split_once('/')
        .map_or((network, None), |(base, length)| (base, Some(length)));
    let base: IpAddr = base.parse().unwrap();
    let mut bits = length.map(|length| length.parse::<usize>().unwrap());
    // Every address as 128 binary digits; IPv4 in its mapped form.
    let digits = |address: IpAddr| match address {
        IpAddr::V4(v4) => format!("{:0128b}", v4.to_ipv6_mapped().to_bits()),
        IpAddr::V6(v6) => format!("{:0128b}", v6.to_bits()),
    };
    let mapped = digits(IpAddr::from([0, 0, 0, 0]))[..96].to_owned();
    if base.is_ipv4() {
        bits = bits.map(|bits| bits + 96);
    }
    let bits = bits.unwrap_or(128);
    let is_ipv4 = digits(base).starts_with(&mapped) && bits >= 96;
    is_ipv4 == digits(address).starts_with(&mapped) && digits(address)[..bits] == digits(base)[..bits]
}
