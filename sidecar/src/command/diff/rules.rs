//! Which rules of one list may grant something that another list does not.
//!
//! A rule is harmless if the other list surely grants as much: a rule there takes all its requests and grants what it
//! grants, and what stands above that one there has nothing in common with it, grants as much, or is also here, above
//! the rule. Of the others [`Doubt`] says which rules there may stand against it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::rc::Rc;

use registry_auth_core::account::{Account, Identity, Labels};
use registry_auth_core::acl::relation::{Answer, Comparison, Reach};
use registry_auth_core::acl::{Acl, Asked, Because, PatternMemo};
use registry_auth_core::config::acl::{Match, Options, Rule};
use registry_auth_core::memo::Seed;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::scope::Scope;
use registry_auth_core::service::Service;

use super::example::Ruled;
use super::texts::quoted;
use crate::rulebook::Rulebook;

/// So many pairs of rules are looked at: some seconds of work.
const MAX_PAIRS: usize = 20_000_000;
/// So many pairs of patterns are compared: some seconds, too.
const MAX_COMPARED: usize = 50_000;
/// So many rules that stand against one are told apart.
const MAX_ABOVE: usize = 16;
/// So many rules of each list are looked at for an example.
const MAX_NEAR: usize = 8;

/// A rule that may grant more than the other list does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Its number in its list; one behind the last is what no rule decides, where a back-end does.
    pub(super) index: usize,
    /// The rules of the other list that may take its requests and grant less, the first few.
    pub(super) above: Vec<usize>,
    /// Whether a rule of the other list would grant as much, if it came first.
    pub(super) is_covered: bool,
    /// Whether there were too many rules to compare it with all.
    pub(super) is_cut: bool,
}

/// Two lists: what `to` grants beyond `from`.
pub(super) struct Lists<'r> {
    from: &'r Rulebook,
    to: &'r Rulebook,
    comparison: Comparison,
    reaches: [Vec<Rc<Reach>>; 2],
    /// Of each rule of `from`, the first of `to` that takes the same requests.
    again: Vec<Option<usize>>,
    /// Of each rule of `to`, the first of `from` that takes the same requests.
    before: Vec<Option<usize>>,
    /// The rules of `from` that are not in `to`.
    lost: Vec<usize>,
    /// Of each rule of `from`, the largest of `again` above it.
    highest: Vec<usize>,
    /// Of rules of `from`, the first of `to` that takes all their requests.
    stoppers: HashMap<usize, Option<usize>>,
    pairs: usize,
}

/// What a rule grants, as far as it can be asked for.
pub(super) fn grants(rule: &Rule) -> Vec<&str> {
    let actions = rule.actions.iter().map(String::as_str);
    actions
        .filter(|action| *action == "*" || (!action.is_empty() && action.bytes().all(|b| b.is_ascii_lowercase())))
        .collect()
}

/// Whether it grants all that is asked.
pub(super) fn grants_all(rule: &Rule) -> bool {
    rule.actions == ["*"]
}

/// Whether `rule` grants all that `other` does.
fn grants_as_much(rule: &Rule, other: &Rule) -> bool {
    grants_all(rule)
        || (!grants_all(other)
            && grants(other)
                .iter()
                .all(|action| rule.actions.iter().any(|a| a == action)))
}

/// What rules are alike by, if they take the same requests as they stand.
fn key(matches: &Match, options: Options) -> String {
    let mut labels = matches.labels.clone();
    labels.sort();
    let texts = (
        &matches.account,
        &matches.kind,
        &matches.name,
        &matches.service,
        &matches.ip,
        labels,
    );
    let text = format!("{texts:?}");
    let spans = text.contains("**") && options.double_star;
    format!("{spans} {text}")
}

/// What is left to back-ends: all that no rule takes.
pub(super) fn left_over() -> Rule {
    Rule {
        place: Place::root(),
        matches: Match::default(),
        actions: vec!["*".to_owned()],
        comment: None,
    }
}

impl<'r> Lists<'r> {
    pub(super) fn new(from: &'r Rulebook, to: &'r Rulebook) -> Self {
        let mut comparison = Comparison::default();
        let reaches = [from, to].map(|rulebook| {
            let rules = rulebook.rules.iter();
            rules
                .map(|rule| Rc::new(comparison.reach(rule, rulebook.options)))
                .collect()
        });
        let keys = |rulebook: &Rulebook| -> Vec<String> {
            let rules = rulebook.rules.iter();
            rules.map(|rule| key(&rule.matches, rulebook.options)).collect()
        };
        let (from_keys, to_keys) = (keys(from), keys(to));
        let again = first_of(&from_keys, &to_keys);
        let mut highest = Vec::with_capacity(again.len());
        let mut high = 0;
        for index in &again {
            highest.push(high);
            high = high.max(index.map_or(0, |index| index.saturating_add(1)));
        }
        let lost = again.iter().enumerate().filter(|(_, again)| again.is_none());
        Self {
            from,
            to,
            lost: lost.map(|(index, _)| index).collect(),
            before: first_of(&to_keys, &from_keys),
            again,
            highest,
            comparison,
            reaches,
            stoppers: HashMap::new(),
            pairs: 0,
        }
    }

    /// The rules of `to` that may grant more than `from` does; where a back-end decides about what is left over, that
    /// too. `is_same_backend` says whether it does so on both sides.
    pub(super) fn doubts(&mut self, is_same_backend: bool) -> Vec<Doubt> {
        let (from, to) = (self.from, self.to);
        let mut doubts: Vec<Doubt> = Vec::new();
        for (index, rule) in to.rules.iter().enumerate() {
            if grants(rule).is_empty() {
                continue;
            }
            let Some(reach) = self.reach_of(1, index) else { continue };
            let same = self.same(index);
            doubts.extend(self.doubt(index, rule, &reach, same));
            if doubts.last().is_some_and(|doubt| doubt.is_cut) {
                return doubts;
            }
        }
        if to.asks.scopes {
            let rule = left_over();
            let reach = self.comparison.reach(&rule, to.options);
            let same = is_same_backend.then_some(from.rules.len());
            doubts.extend(self.doubt(to.rules.len(), &rule, &reach, same));
        }
        doubts
    }

    /// What may stand against the rule of `to`; `same` is the number of the rule of `from` that takes the same requests.
    fn doubt(&mut self, index: usize, rule: &Rule, reach: &Reach, same: Option<usize>) -> Option<Doubt> {
        let from = self.from;
        let mut doubt = Doubt {
            index,
            above: Vec::new(),
            is_covered: false,
            is_cut: false,
        };
        let end = same.unwrap_or(from.rules.len());
        let all_before = self.highest.get(end).is_none_or(|highest| *highest <= index)
            && same.is_some_and(|same| same < from.rules.len());
        let candidates: Vec<usize> = if all_before {
            self.lost.iter().copied().take_while(|lost| *lost < end).collect()
        } else {
            (0..end).collect()
        };
        let mut is_taken = false;
        for candidate in candidates {
            self.pairs = self.pairs.saturating_add(1);
            if self.pairs > MAX_PAIRS || self.comparison.compared() > MAX_COMPARED {
                doubt.is_cut = true;
                return Some(doubt);
            }
            if self
                .again
                .get(candidate)
                .copied()
                .flatten()
                .is_some_and(|again| again < index)
            {
                continue;
            }
            let (Some(other), Some(other_reach)) = (from.rules.get(candidate), self.reach_of(0, candidate)) else {
                continue;
            };
            if other_reach.is_apart_from(reach) {
                continue;
            }
            let as_much = grants_as_much(other, rule);
            let takes_all = self.comparison.covers(&other_reach, reach) == Answer::Yes;
            if as_much && takes_all {
                doubt.is_covered = true;
                is_taken = true;
                break;
            }
            if !as_much
                && self.comparison.common(&other_reach, reach) != Err(Answer::No)
                && !self.is_also_above(index, candidate)
            {
                doubt.above.push(candidate);
                if takes_all || doubt.above.len() >= MAX_ABOVE {
                    is_taken = true;
                    break;
                }
            }
        }
        if let (Some(same), false) = (same, is_taken) {
            doubt.is_covered = from.rules.get(same).is_none_or(|same| grants_as_much(same, rule));
            if !doubt.is_covered {
                doubt.above.push(same);
            }
        }
        let is_harmless = doubt.is_covered && doubt.above.is_empty();
        (!is_harmless && self.first_that_covers(reach, index).is_none()).then_some(doubt)
    }

    /// Whether a rule of `to` above `index` takes all that the rule of `from` with the number `other` does.
    fn is_also_above(&mut self, index: usize, other: usize) -> bool {
        if !self.stoppers.contains_key(&other) {
            let reach = self.reach_of(0, other);
            let stopper = reach.and_then(|reach| self.first_that_covers(&reach, self.to.rules.len()));
            self.stoppers.insert(other, stopper);
        }
        let stopper = self.stoppers.get(&other).copied().flatten();
        stopper.is_some_and(|stopper| stopper < index)
    }

    /// The first of the rules of `to` before `end` that takes all that `reach` does.
    fn first_that_covers(&mut self, reach: &Reach, end: usize) -> Option<usize> {
        for index in 0..end {
            self.pairs = self.pairs.saturating_add(1);
            if self.pairs > MAX_PAIRS {
                return None;
            }
            let Some(other) = self.reach_of(1, index) else { continue };
            if !other.is_apart_from(reach) && self.comparison.covers(&other, reach) == Answer::Yes {
                return Some(index);
            }
        }
        None
    }

    fn reach_of(&self, side: usize, index: usize) -> Option<Rc<Reach>> {
        self.reaches.get(side)?.get(index).cloned()
    }

    /// The rule of `to` with this number.
    pub(super) fn target(&self, index: usize) -> Option<Ruled<'r>> {
        let reach = self.reaches.get(1)?.get(index)?;
        Some(ruled(self.to.rules.get(index)?, self.to, reach))
    }

    /// Rules that may have a part in what becomes of the requests of the rule of `to` with this number: those of `from`
    /// that stand `above` it, those of `to` above it, and others of `from`.
    pub(super) fn near(&self, index: usize, above: &[usize]) -> Vec<Ruled<'r>> {
        let [from_reaches, to_reaches] = &self.reaches;
        let Some(reach) = to_reaches.get(index) else {
            return Vec::new();
        };
        let near = |rulebook: &'r Rulebook, reaches: &[Rc<Reach>], end: usize| -> Vec<Ruled<'r>> {
            let rules = rulebook.rules.iter().zip(reaches).take(end);
            let rules = rules.filter(|(_, other)| !other.is_apart_from(reach));
            rules
                .take(MAX_NEAR)
                .map(|(rule, reach)| ruled(rule, rulebook, reach))
                .collect()
        };
        let above = above.iter().take(MAX_NEAR);
        let above = above.filter_map(|at| Some(ruled(self.from.rules.get(*at)?, self.from, from_reaches.get(*at)?)));
        let mut all: Vec<Ruled<'r>> = above.collect();
        all.extend(near(self.to, to_reaches, index));
        all.extend(near(self.from, from_reaches, usize::MAX));
        all
    }

    /// Whether the rule of `to` with this number may be for the account of that name.
    pub(super) fn may_be_for(&mut self, index: usize, account: &str) -> bool {
        let mut only = left_over();
        only.matches.account = Some(quoted(account));
        let only = self.comparison.reach(&only, Options::default());
        let (Some(rule), Some(reach)) = (self.to.rules.get(index), self.reach_of(1, index)) else {
            return false;
        };
        !reach.is_apart_from(&only)
            && self.comparison.common(&reach, &only) != Err(Answer::No)
            && takes_account(rule, self.to.options, account)
    }

    /// Whether the rule of `to` with the number `below` may grant what the one with the number `above` does not, for a
    /// request that both would take.
    pub(super) fn may_grant_more(&mut self, above: usize, below: usize) -> bool {
        let (Some(one), Some(other)) = (self.to.rules.get(above), self.to.rules.get(below)) else {
            return false;
        };
        let (Some(reach), Some(other_reach)) = (self.reach_of(1, above), self.reach_of(1, below)) else {
            return false;
        };
        !grants(other).is_empty()
            && !grants_as_much(one, other)
            && !reach.is_apart_from(&other_reach)
            && self.comparison.common(&reach, &other_reach) != Err(Answer::No)
    }

    /// The rule of `from` that takes the same requests as the one of `to` with this number.
    pub(super) fn same(&self, index: usize) -> Option<usize> {
        self.before.get(index).copied().flatten()
    }

    /// Whether the rule of `to` with this number stands in `from` as well.
    pub(super) fn is_as_before(&self, index: usize) -> bool {
        let same = self.same(index).and_then(|same| self.from.rules.get(same));
        same.is_some_and(|same| {
            self.to
                .rules
                .get(index)
                .is_some_and(|rule| rule.actions == same.actions)
        })
    }
}

/// Whether the condition on the account holds, or hangs on other things than the account.
fn takes_account(rule: &Rule, options: Options, account: &str) -> bool {
    let Some(pattern) = rule
        .matches
        .account
        .as_deref()
        .filter(|pattern| !pattern.contains("${"))
    else {
        return true;
    };
    let mut alone = left_over();
    alone.matches.account = Some(pattern.to_owned());
    let acl = Acl::compile(&[alone], options, &mut Problems::default());
    let (Ok(account), Ok(scope)) = (Account::parse(account), Scope::parse("repository:example:pull")) else {
        return true;
    };
    let identity = Identity {
        account,
        labels: Labels::default(),
    };
    let asked = Asked {
        identity: &identity,
        address: Ipv4Addr::LOCALHOST.into(),
        service: &Service::default(),
        scope: &scope,
    };
    // Nobody outside chooses what is asked here, so the seed need not be a secret.
    let grant = acl.decide(&asked, &mut PatternMemo::new(Seed::new([0; 16])));
    *grant.because() != Because::NoRule
}

fn ruled<'r>(rule: &'r Rule, rulebook: &Rulebook, reach: &Reach) -> Ruled<'r> {
    Ruled {
        rule,
        options: rulebook.options,
        network: reach.network(),
    }
}

/// Of each of `keys`, the first place in `others`.
fn first_of(keys: &[String], others: &[String]) -> Vec<Option<usize>> {
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (index, key) in others.iter().enumerate() {
        first.entry(key).or_insert(index);
    }
    keys.iter().map(|key| first.get(key.as_str()).copied()).collect()
}
