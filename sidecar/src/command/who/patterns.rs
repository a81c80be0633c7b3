//! Accounts that are no static users: told by the patterns of the rules that they could meet.

use registry_auth_core::acl::bearing::Bearing;
use registry_auth_core::config::acl::{Match, Rule};

use super::Answered;

/// A rule that may grant something to accounts that the file does not have.
#[derive(Debug)]
pub(super) struct Other<'r> {
    pub(super) bearing: &'r Bearing,
    pub(super) rule: &'r Rule,
    /// The rules above it that may take the request and grant less, by their index.
    pub(super) after: Vec<usize>,
}

impl Answered<'_> {
    /// The rules that grant something, up to the one that takes every request.
    pub(super) fn others(&self) -> impl Iterator<Item = Other<'_>> {
        let rules = self.bearing.iter().filter_map(|bearing| {
            let rule = self.rulebook.rules.get(bearing.index)?;
            let is_possible = !self.is_of_users(&rule.matches) && self.services.may_be(rule.matches.service.as_deref());
            is_possible.then_some((bearing, rule))
        });
        let mut above: Vec<(&Bearing, &Rule)> = Vec::new();
        let mut is_over = false;
        rules.filter_map(move |(bearing, rule)| {
            if is_over {
                return None;
            }
            is_over = bearing.is_sure && takes_all(&rule.matches);
            let less = above.iter().filter(|(other, taker)| {
                let grants_less = bearing
                    .grants
                    .iter()
                    .any(|action| !other.grants.iter().any(|has| has == action));
                grants_less && can_meet(&taker.matches, &rule.matches)
            });
            let after = less.map(|(other, _)| other.index).collect();
            above.push((bearing, rule));
            (!bearing.grants.is_empty()).then_some(Other { bearing, rule, after })
        })
    }

    /// Whether the rule is for one account alone, which is a static user, or the anonymous one.
    fn is_of_users(&self, matches: &Match) -> bool {
        let account = matches.account.as_deref().filter(|account| is_plain(account));
        account.is_some_and(|account| account.is_empty() || self.rulebook.users.iter().any(|user| user.name == account))
    }
}

/// Whether nothing passes by the rule, once type and name hold.
fn takes_all(matches: &Match) -> bool {
    matches.account.is_none() && matches.service.is_none() && matches.ip.is_none() && matches.labels.is_empty()
}

/// Whether there may be an account that both rules are for: not if each names another one.
fn can_meet(a: &Match, b: &Match) -> bool {
    match (a.account.as_deref(), b.account.as_deref()) {
        (Some(a), Some(b)) if is_plain(a) && is_plain(b) => a == b,
        _ => true,
    }
}

/// Whether a pattern is no more than a text.
pub(in crate::command) fn is_plain(pattern: &str) -> bool {
    let is_expression = pattern.len() > 2 && pattern.starts_with('/') && pattern.ends_with('/');
    !is_expression && !pattern.contains(['*', '?', '[', '\\']) && !pattern.contains("${")
}
