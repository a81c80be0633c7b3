//! Which rules have a say about a scope, whoever asks.

use ipnet::IpNet;

use super::Acl;
use super::network::Network;
use super::pattern::Verdict;
use super::patterns::PatternMemo;
use super::rule::Rule;
use super::search::Subject;
use super::variables::Field;
use crate::scope::{Actions, Scope};

/// A rule whose conditions on type and name do not rule a scope out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearing {
    /// Its number in the list, from 0.
    pub index: usize,
    /// What it grants of the actions that are asked for.
    pub grants: Actions,
    /// Whether its conditions on type and name hold for everybody: not where they hang on who asks.
    pub is_sure: bool,
    /// The addresses that it is for; all, if `None`.
    pub network: Option<IpNet>,
}

impl Acl {
    /// The rules that have a say about `scope`, in their order.
    #[must_use]
    pub fn bearing(&self, scope: &Scope, patterns: &mut PatternMemo) -> Vec<Bearing> {
        let rules = self.listed.rules.iter().enumerate();
        let bearing = rules.filter_map(|(index, rule)| {
            let verdict = rule.judge_scope(scope, patterns);
            (verdict != Verdict::Fails).then(|| Bearing {
                index,
                grants: rule.grant(scope.actions()),
                is_sure: verdict == Verdict::Holds,
                network: rule.network.map(Network::addresses),
            })
        });
        bearing.collect()
    }
}

impl Rule {
    /// What is known of its conditions on type and name, of whoever asks.
    fn judge_scope(&self, scope: &Scope, patterns: &mut PatternMemo) -> Verdict {
        let of = |field: Field| match field {
            Field::Kind => Some(scope.resource().kind()),
            Field::Name => Some(scope.resource().name()),
            Field::Account | Field::Service => None,
        };
        let mut verdict = Verdict::Holds;
        for (field, matcher) in &self.fields {
            if let Some(text) = of(*field) {
                verdict = verdict.min(matcher.judge(std::iter::once(text), patterns));
            }
        }
        let search = self.search.as_deref().into_iter();
        let mut steps = search.flat_map(|search| search.certain.iter().chain(&search.chosen));
        let hangs = steps.any(|step| matches!(step.subject, Subject::Field(field) if of(field).is_some()));
        if hangs { verdict.min(Verdict::Unknown) } else { verdict }
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::read;
    use super::*;
    use crate::config::acl::Options;
    use crate::memo::Seed;
    use crate::problem::{Place, Problems};

    #[test]
    fn a_rule_has_a_say_unless_type_or_name_rule_it_out() {
        let written = r#"[
            {"match": {"account": "ada"}, "actions": ["pull"]},
            {"match": {"name": "other"}, "actions": ["*"]},
            {"match": {"type": "registry"}, "actions": ["*"]},
            {"match": {"name": "team/*", "ip": "10.1.2.3/8"}, "actions": []},
            {"match": {"name": "${account}/*"}, "actions": ["*"]},
            {"match": {"type": "registry", "name": "${account}/*"}, "actions": ["*"]}
        ]"#;
        let mut problems = Problems::default();
        let rules = read(serde_json::from_str(written).unwrap(), &Place::root(), &mut problems);
        let acl = Acl::compile(&rules, Options::default(), &mut problems);
        let scope = Scope::parse("repository:team/app:pull,push").unwrap();
        let found = acl.bearing(&scope, &mut PatternMemo::new(Seed::new([7; 16])));
        let told: Vec<_> = found
            .iter()
            .map(|bearing| (bearing.index, bearing.grants.to_string(), bearing.is_sure))
            .collect();
        let expected = [(0, "pull", true), (3, "", true), (4, "pull,push", false)];
        assert_eq!(
            told,
            expected.map(|(index, grants, sure)| (index, grants.to_owned(), sure))
        );
        assert_eq!(found[1].network, Some("10.0.0.0/8".parse().unwrap()));
    }
}
