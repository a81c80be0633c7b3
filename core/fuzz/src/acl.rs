//! A request on the first line, then a rule on each; their parts stand between `|`:
//!
//! ```text
//! ada|repository|ada/app|registry|192.0.2.1|spans,regex|team=blue|team=red
//! account=ada|name=${account}/*|ip=192.0.2.0/24|labels.team=b*|actions=pull,push
//! ```
//!
//! The sixth part of a request has the options: `spans` for `**`, `glob` or `regex` for labels that are patterns.

use std::collections::BTreeMap;

use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::acl::{Acl, Asked, Because, PatternMemo};
use registry_auth_core::client_address;
use registry_auth_core::config::acl::{Match, Options, Rule};
use registry_auth_core::memo::Seed;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::scope::Scope;
use registry_auth_core::service::Service;

use crate::assert_within;

/// More would only be more of the same.
const MOST_RULES: usize = 8;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let Some(request) = lines.next().and_then(Request::read) else {
        return;
    };
    let rules: Vec<Rule> = lines
        .take(MOST_RULES)
        .enumerate()
        .map(|(i, line)| rule(i, line))
        .collect();
    let Some(acl) = request.compile(&rules) else { return };
    let asked = Asked {
        identity: &request.identity,
        address: request.address,
        service: &request.service,
        scope: &request.scope,
    };
    let mut memo = patterns();
    let grant = acl.decide(&asked, &mut memo);
    assert_eq!(grant.scope(), &request.scope);
    let actions: Vec<&str> = request.scope.actions().iter().collect();
    assert!(
        grant.actions().iter().all(|action| actions.contains(&action)),
        "{grant:?}"
    );
    assert_eq!(acl.decide(&asked, &mut memo), grant, "a decision is the same each time");
    match grant.because() {
        Because::NoRule => assert!(grant.actions().is_empty()),
        Because::Backend(name) => panic!("{name} was not asked"),
        Because::CannotJudge { index, .. } => {
            assert!(*index < rules.len());
            assert!(grant.actions().is_empty());
        }
        Because::Rule { index, .. } => {
            // The rule alone says the same, and those before it say nothing.
            let alone = request
                .compile(&rules[*index..=*index])
                .expect("a good rule is good alone");
            assert_eq!(alone.decide(&asked, &mut patterns()).actions(), grant.actions());
            let before = request
                .compile(&rules[..*index])
                .expect("good rules are good without another");
            assert_eq!(before.decide(&asked, &mut patterns()).because(), &Because::NoRule);
        }
    }
}

fn patterns() -> PatternMemo {
    PatternMemo::new(Seed::new([7; 16]))
}

struct Request {
    identity: Identity,
    scope: Scope,
    service: Service,
    address: std::net::IpAddr,
    options: Options,
}

impl Request {
    fn read(line: &str) -> Option<Self> {
        let mut parts = line.split('|');
        let account = Account::parse(parts.next()?).ok()?;
        let (kind, name) = (parts.next()?, parts.next()?);
        let scope = Scope::parse(&format!("{kind}:{name}:delete,pull,push")).ok()?;
        let service = Service::parse(parts.next()?).ok()?;
        let address = client_address::parse(parts.next()?.as_bytes()).ok()?;
        let options: Vec<&str> = parts.next()?.split(',').collect();
        let mut values = BTreeMap::<String, Vec<String>>::new();
        for (label, value) in parts.filter_map(|part| part.split_once('=')) {
            values.entry(label.to_owned()).or_default().push(value.to_owned());
        }
        let are_patterns = match options.as_slice() {
            options if options.contains(&"regex") => LabelsArePatterns::Regex,
            options if options.contains(&"glob") => LabelsArePatterns::Glob,
            _ => LabelsArePatterns::None,
        };
        Some(Self {
            identity: Identity {
                account,
                labels: Labels::new(values, are_patterns),
            },
            scope,
            service,
            address,
            options: Options {
                double_star: options.contains(&"spans"),
            },
        })
    }

    /// The rules, if none has a fault; a fault in a pattern is told with its place in it.
    fn compile(&self, rules: &[Rule]) -> Option<Acl> {
        let mut problems = Problems::default();
        let acl = Acl::compile(rules, self.options, &mut problems);
        for problem in problems.errors() {
            assert!(!problem.what().is_empty());
            let path = problem.place().path();
            let rule = rules.iter().find(|rule| path.starts_with(rule.place.path()));
            let rule = rule.unwrap_or_else(|| panic!("`{path}` is in no rule"));
            if let Some(at) = problem.place().span() {
                assert_within(&at, pattern_at(rule, path));
            }
        }
        (!problems.is_refusal()).then_some(acl)
    }
}

fn rule(index: usize, line: &str) -> Rule {
    let mut matches = Match::default();
    let mut actions = Vec::new();
    for (key, value) in line.split('|').filter_map(|part| part.split_once('=')) {
        match key {
            "account" => matches.account = Some(value.to_owned()),
            "type" => matches.kind = Some(value.to_owned()),
            "name" => matches.name = Some(value.to_owned()),
            "service" => matches.service = Some(value.to_owned()),
            "ip" => matches.ip = Some(value.to_owned()),
            "actions" => actions = value.split(',').map(str::to_owned).collect(),
            other => {
                let label = other.strip_prefix("labels.");
                let known = |label: &str| matches.labels.iter().any(|(name, _)| name == label);
                if let Some(label) = label.filter(|label| !known(label)) {
                    matches.labels.push((label.to_owned(), value.to_owned()));
                }
            }
        }
    }
    Rule {
        place: Place::root().key("acl").index(index),
        matches,
        actions,
        comment: None,
    }
}

/// The pattern that the path of a problem leads to.
fn pattern_at<'r>(rule: &'r Rule, path: &str) -> &'r str {
    let place = rule.place.key("match");
    let fields = [
        ("account", &rule.matches.account),
        ("type", &rule.matches.kind),
        ("name", &rule.matches.name),
        ("service", &rule.matches.service),
        ("ip", &rule.matches.ip),
    ];
    let fields = fields.into_iter().map(|(key, text)| (place.key(key), text.as_deref()));
    let labels = rule.matches.labels.iter();
    let labels = labels.map(|(name, text)| (place.key("labels").key(name), Some(text.as_str())));
    let found = fields.chain(labels).find(|(place, _)| place.path() == path);
    found
        .and_then(|(_, text)| text)
        .unwrap_or_else(|| panic!("no pattern stands at `{path}`"))
}
