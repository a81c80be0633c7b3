//! Static users that come, go, or are no longer what they were.

use std::collections::{BTreeMap, HashSet};

use registry_auth_core::account::Account;
use registry_auth_core::acl::relation::{Extent, Texts};
use registry_auth_core::config::users::User;

use super::Sides;
use super::candidates::named_labels;
use super::change::{Found, Way};
use super::example::{Aim, Example, Seeker, Side, Who, is_locked, labels};
use super::rules::{Lists, grants};
use super::words::place_and_rule;
use crate::rulebook::Rulebook;

/// So many rules of a list are looked at for an example for an account.
const MAX_TARGETS: usize = 256;

type Values = BTreeMap<String, Vec<String>>;

/// What becomes of one account, one way.
struct Accounts<'a, 'r> {
    way: Way,
    from: &'r Rulebook,
    to: &'r Rulebook,
    lists: &'a mut Lists<'r>,
    /// The new rules among themselves.
    own: Option<Lists<'r>>,
    seeker: &'a mut Seeker<'r>,
}

/// What can be said of what an account may do on one side alone.
enum Could {
    Surely(Box<Example>),
    Perhaps,
    Nothing,
}

/// Compares the static users, one way.
pub(super) fn compare<'r>(sides: Sides<'r>, lists: &mut Lists<'r>, seeker: &mut Seeker<'r>, found: &mut Found) {
    let mut accounts = Accounts {
        way: sides.way,
        from: sides.from,
        to: sides.to,
        lists,
        own: None,
        seeker,
    };
    for there in last_of_each(&sides.to.users) {
        match accounts.seeker.user(Side::From, &there.name) {
            None => accounts.alone(there, found),
            Some(here) => accounts.both(here, there, found),
        }
    }
    for here in last_of_each(&sides.from.users) {
        // Whom a back-end knows by the same name is let in where the file no longer stands before it.
        let is_gone = accounts.seeker.user(Side::To, &here.name).is_none();
        if is_gone && sides.to.asks.accounts && sides.way == Way::Grants {
            let what = format!(
                "{} is gone from `users`, so whoever {} knows by that name is let in",
                named(&here.name),
                sides.authenticators()
            );
            found.perhaps(sides.way, (sides.from, &here.place), what);
        }
    }
}

/// Of two with the same name the last counts.
fn last_of_each(users: &[User]) -> Vec<&User> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut last: Vec<&User> = users.iter().rev().filter(|user| seen.insert(&user.name)).collect();
    last.reverse();
    last
}

impl<'r> Accounts<'_, 'r> {
    /// An account that `to` alone has.
    fn alone(&mut self, there: &'r User, found: &mut Found) {
        if is_locked(there) {
            return;
        }
        let comes = match self.way {
            Way::Grants => "appears",
            Way::TakesAway => "is gone",
        };
        self.lets_in(there, &format!("{} {comes}", named(&there.name)), found);
    }

    /// An account that signs in on this side alone.
    fn lets_in(&mut self, there: &'r User, what: &str, found: &mut Found) {
        let who = Who {
            account: account(there),
            from: None,
            to: Some(labels(there)),
        };
        let could = self.could(&who, None);
        let at = (self.to, &there.place);
        let opens = match (self.way, there.password.is_none(), there.name.is_empty()) {
            (Way::Grants, true, false) => " without a password, so that anybody signs in as it",
            (Way::Grants, true, true) => ", so that whoever sends no credentials is let in",
            _ => "",
        };
        let what = format!("{what}{opens}");
        match could {
            Could::Surely(example) => found.surely(self.way, at, what, Some(*example)),
            _ if !opens.is_empty() || self.way == Way::TakesAway => found.surely(self.way, at, what, None),
            Could::Perhaps => found.perhaps(
                self.way,
                at,
                format!("{what}, and it cannot be told whether it is granted anything"),
            ),
            Could::Nothing => found.notes.push(format!("{what}, and no rule grants it anything")),
        }
    }

    /// An account that both have.
    fn both(&mut self, here: &'r User, there: &'r User, found: &mut Found) {
        let name = named(&there.name);
        let at = (self.to, &there.place);
        match (is_locked(here), is_locked(there)) {
            (_, true) => return,
            (true, false) => {
                let what = match self.way {
                    Way::Grants => format!("{name} had `password: \"\"`, and signs in now"),
                    Way::TakesAway => format!("{name} has `password: \"\"` now, so nobody signs in as it"),
                };
                return self.lets_in(there, &what, found);
            }
            (false, false) => {}
        }
        match (&here.password, &there.password) {
            (Some(_), None) => {
                let what = match self.way {
                    Way::Grants => format!("{name} has no password any more, so that anybody signs in as it"),
                    Way::TakesAway => format!("{name} has a password now, without which nobody signs in as it"),
                };
                found.surely(self.way, at, what, None);
            }
            (Some(one), Some(other)) if one != other && self.way == Way::Grants => {
                found.notes.push(format!("the password of {name} changes"));
            }
            _ => {}
        }
        if here.labels != there.labels {
            self.labels(here, there, found);
        }
    }

    /// An account whose labels are others.
    fn labels(&mut self, here: &'r User, there: &'r User, found: &mut Found) {
        let who = Who {
            account: account(there),
            from: Some(labels(here)),
            to: Some(labels(there)),
        };
        // What a rule grants for labels is a matter of the new rules; those themselves are compared elsewhere.
        let Some(index) = self.doubt_of_labels(&there.name, &here.labels, &there.labels) else {
            return;
        };
        let (old, new) = match self.way {
            Way::Grants => (&here.labels, &there.labels),
            Way::TakesAway => (&there.labels, &here.labels),
        };
        let what = format!("labels of {} change: {}", named(&there.name), difference(old, new));
        let at = (self.to, &there.place);
        let (rulebook, first) = match self.way {
            Way::Grants => (self.to, Some(index)),
            Way::TakesAway => (self.from, None),
        };
        match self.could(&who, first) {
            Could::Surely(example) => found.surely(self.way, at, what, Some(*example)),
            Could::Perhaps | Could::Nothing => {
                let verb = match self.way {
                    Way::Grants => "gives it more",
                    Way::TakesAway => "takes something from it",
                };
                found.perhaps(
                    self.way,
                    at,
                    format!(
                        "{what}; whether that {verb} is not known, {} looks at it",
                        place_and_rule(rulebook, index)
                    ),
                );
            }
        }
    }

    /// What the account could do on this side alone; `first` is the rule to begin with.
    fn could(&mut self, who: &Who, first: Option<usize>) -> Could {
        let mut is_possible = self.to.asks.scopes;
        let all = 0..self.to.rules.len();
        let mut targets = 0_usize;
        for index in first.into_iter().chain(all) {
            let grants = self.to.rules.get(index).is_some_and(|rule| !grants(rule).is_empty());
            if !grants || !self.lists.may_be_for(index, who.account.as_str()) {
                continue;
            }
            is_possible = true;
            targets = targets.saturating_add(1);
            let Some(target) = self.lists.target(index).filter(|_| targets <= MAX_TARGETS) else {
                break;
            };
            let near = self.lists.near(index, &[]);
            let found = self.seeker.seek(Aim {
                target,
                decider: None,
                near: &near,
                whos: Some(std::slice::from_ref(who)),
                services: None,
            });
            if let Some(example) = found {
                return Could::Surely(Box::new(example));
            }
        }
        if is_possible { Could::Perhaps } else { Could::Nothing }
    }

    /// A rule by which other labels may be worth more: it takes more requests and grants something, or fewer and leaves
    /// them to one that grants more.
    fn doubt_of_labels(&mut self, name: &str, before: &Values, after: &Values) -> Option<usize> {
        // The new rules, whichever side they are on.
        let rulebook = match self.way {
            Way::Grants => self.to,
            Way::TakesAway => self.from,
        };
        let lists = self.own.get_or_insert_with(|| Lists::new(rulebook, rulebook));
        for (index, rule) in rulebook.rules.iter().enumerate() {
            let [mut gains, mut loses] = [false, false];
            for (label, pattern) in &rule.matches.labels {
                let [had, has] = [before, after].map(|labels| labels.get(label).map(Vec::as_slice).unwrap_or_default());
                if has.iter().eq(had) {
                    continue;
                }
                let extent = Extent::of(pattern, Texts::Any, rulebook.options);
                let met = |values: &[String]| match &extent {
                    Some(extent) => values.iter().any(|value| extent.takes(value)),
                    None => true,
                };
                gains |= met(has) && (extent.is_none() || !met(had));
                loses |= met(had) && (extent.is_none() || !met(has));
            }
            for label in named_labels(&rule.matches) {
                let [had, has] = [before, after].map(|labels| labels.get(label).map(Vec::as_slice).unwrap_or_default());
                gains |= has.iter().any(|value| !had.contains(value));
                loses |= had.iter().any(|value| !has.contains(value));
            }
            if !(gains || loses) || !lists.may_be_for(index, name) {
                continue;
            }
            if gains && !grants(rule).is_empty() {
                return Some(index);
            }
            if loses {
                let mut below = index.saturating_add(1)..rulebook.rules.len();
                let more = below.find(|below| lists.may_be_for(*below, name) && lists.may_grant_more(index, *below));
                if more.is_some() {
                    return more;
                }
                if rulebook.asks.scopes {
                    return Some(index);
                }
            }
        }
        None
    }
}

fn account(user: &User) -> Account {
    // What is no account was told when the file was read.
    Account::parse(&user.name).unwrap_or_default()
}

/// An account as one says it.
pub(super) fn named(name: &str) -> String {
    if name.is_empty() {
        "the anonymous account, `\"\"`,".to_owned()
    } else {
        format!("account `{name}`")
    }
}

/// What labels gain and lose.
fn difference(old: &Values, new: &Values) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let [had, has] = [old, new].map(|labels| labels.get(name).map(Vec::as_slice).unwrap_or_default());
        let only = |these: &[String], those: &[String]| -> String {
            let only = these.iter().filter(|value| !those.contains(value));
            only.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
        };
        for (verb, values) in [("gains", only(has, had)), ("loses", only(had, has))] {
            if !values.is_empty() {
                parts.push(format!("`{name}` {verb} {values}"));
            }
        }
    }
    if parts.is_empty() {
        "their values stand in another order".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_labels_gain_and_lose_is_told_by_name() {
        let labels = |values: &[&str]| -> Values {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            Values::from([("team".to_owned(), values)])
        };
        assert_eq!(
            difference(&labels(&["blue"]), &labels(&["red"])),
            "`team` gains `red`, `team` loses `blue`"
        );
        assert_eq!(difference(&Values::new(), &labels(&["red"])), "`team` gains `red`");
    }
}
