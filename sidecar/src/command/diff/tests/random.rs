//! Small lists at random, and every request of a small world asked of both.

use proptest::test_runner::TestCaseError;

use super::example::Example;
use super::*;

const ACCOUNTS: [&str; 5] = ["", "ada", "bob", "ab", "eve"];
const NAMES: [&str; 9] = ["", "t", "t/a", "t/b", "t/a/b", "ada/a", "x/a", "x-1/b", "a"];
const ADDRESSES: [&str; 4] = ["127.0.0.1", "10.9.9.9", "10.1.9.9", "2001:db8::1"];
const LABELS: [&[&str]; 4] = [&[], &["x"], &["t"], &["x", "t"]];

fn texts(texts: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![1 => Just(None), 1 => select(texts).prop_map(Some)]
}

/// A rule; of so many, one looks at a label.
fn rule(per_label: u32) -> impl Strategy<Value = Value> {
    let accounts = texts(&["ada", "bob", "", "*", "a*", "?*", "/^a/", "/[a-z]b$/", "/^([a-z])/"]);
    let kinds = prop_oneof![4 => Just(None), 1 => select(&["registry", "repository", "re*"][..]).prop_map(Some)];
    let names = texts(&[
        "*",
        "t/*",
        "t/a",
        "*/a",
        "*/*",
        "**",
        "t/**",
        "/^t/",
        "/^t\\/[ab]$/",
        "${account}/*",
        "${labels:l}/*",
        "[tx]/*",
    ]);
    let services = prop_oneof![6 => Just(None), 1 => select(&["r", "?*"][..]).prop_map(Some)];
    let ips = prop_oneof![4 => Just(None), 1 => select(&["10.0.0.0/8", "10.1.0.0/16", "::/0", "0.0.0.0/0"][..]).prop_map(Some)];
    let labels = prop_oneof![
        per_label.saturating_sub(1) => Just(None),
        1 => select(&["x", "*", "/^[xt]$/", "t"][..]).prop_map(Some),
    ];
    let actions = prop_oneof![
        2 => Just(vec!["*"]),
        2 => Just(vec![]),
        4 => subsequence(&["pull", "push"][..], 1..=2),
    ];
    (accounts, kinds, names, services, ips, labels, actions).prop_map(
        |(account, kind, name, service, ip, label, actions)| {
            let mut matches = serde_json::Map::new();
            for (key, text) in [
                ("account", account),
                ("type", kind),
                ("name", name),
                ("service", service),
                ("ip", ip),
            ] {
                matches.extend(text.map(|text| (key.to_owned(), json!(text))));
            }
            matches.extend(label.map(|label| ("labels".to_owned(), json!({"l": label}))));
            json!({"match": matches, "actions": actions})
        },
    )
}

/// A list, and what an operator made of it.
fn lists() -> impl Strategy<Value = [Vec<Value>; 2]> {
    let change = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        rule(4),
        0..5_u8,
    );
    (
        prop::collection::vec(rule(4), 0..5),
        prop::collection::vec(change, 0..3),
    )
        .prop_map(|(old, changes)| {
            let mut new = old.clone();
            for (at, other, rule, how) in changes {
                match how {
                    0 => new.insert(at.index(new.len().saturating_add(1)), rule),
                    1 if !new.is_empty() => drop(new.remove(at.index(new.len()))),
                    2 if !new.is_empty() => {
                        let (a, b) = (at.index(new.len()), other.index(new.len()));
                        new.swap(a, b);
                    }
                    3 if !new.is_empty() => {
                        let len = new.len();
                        new[at.index(len)]["actions"] = rule["actions"].clone();
                    }
                    4 if !new.is_empty() => {
                        let len = new.len();
                        new[at.index(len)]["match"] = rule["match"].clone();
                    }
                    _ => {}
                }
            }
            [old, new]
        })
}

/// Of each user, whether there is one, and which labels.
fn users() -> impl Strategy<Value = Value> {
    let user = prop_oneof![1 => Just(None), 4 => select(&LABELS[..]).prop_map(Some)];
    [user.clone(), user.clone(), user].prop_map(|users| {
        let users = ["", "ada", "bob"].into_iter().zip(users);
        let users = users.filter_map(|(name, labels)| {
            Some((
                name.to_owned(),
                json!({"password": "$2y$05$x", "labels": {"l": labels?}}),
            ))
        });
        Value::Object(users.collect())
    })
}

struct World<'r> {
    old: &'r Rulebook,
    new: &'r Rulebook,
    patterns: [PatternMemo; 2],
}

impl World<'_> {
    /// Whether the new file grants what the old one does not.
    fn widens(
        &mut self,
        labels: [Option<&Labels>; 2],
        account: &str,
        address: IpAddr,
        service: &str,
        scope: &str,
    ) -> bool {
        let [old, new] = &mut self.patterns;
        let scope = Scope::parse(scope).unwrap();
        let granted = |rulebook: &Rulebook, labels: Option<&Labels>, patterns: &mut PatternMemo| -> Vec<String> {
            let Some(labels) = labels else { return Vec::new() };
            let identity = Identity {
                account: Account::parse(account).unwrap(),
                labels: labels.clone(),
            };
            let grant = rulebook.acl.decide(
                &Asked {
                    identity: &identity,
                    address,
                    service: &Service::parse(service).unwrap(),
                    scope: &scope,
                },
                patterns,
            );
            grant.actions().iter().map(str::to_owned).collect()
        };
        let before = granted(self.old, labels[0], old);
        granted(self.new, labels[1], new)
            .iter()
            .any(|action| !before.contains(action))
    }

    /// Whether an example is one.
    fn widens_at(&mut self, example: &Example) -> bool {
        let account = example.who.account.as_str();
        let known = [labels_of(self.old, account), labels_of(self.new, account)];
        let labels = if known == [None, None] {
            [example.who.to.clone(), example.who.to.clone()]
        } else {
            known
        };
        let labels = labels.each_ref().map(Option::as_ref);
        let scope = example.scope.to_string();
        self.widens(labels, account, example.address, example.service.as_str(), &scope)
    }

    /// A request that widens: of any account with any labels, and of the static users with theirs.
    fn first_that_widens(&mut self) -> Option<String> {
        let made = LABELS.map(made);
        for account in ACCOUNTS {
            let known = [labels_of(self.old, account), labels_of(self.new, account)];
            let mut identities: Vec<[Option<&Labels>; 2]> = made.iter().map(|labels| [Some(labels); 2]).collect();
            identities.push(known.each_ref().map(Option::as_ref));
            for labels in identities {
                for (name, address) in NAMES.iter().flat_map(|name| ADDRESSES.map(|address| (name, address))) {
                    for (service, kind) in [("", "repository"), ("r", "repository"), ("", "registry")] {
                        let scope = format!("{kind}:{name}:other,pull,push");
                        if self.widens(labels, account, address.parse().unwrap(), service, &scope) {
                            return Some(format!("{account:?} {labels:?} {address} {service:?} {scope}"));
                        }
                    }
                }
            }
        }
        None
    }
}

fn labels_of(rulebook: &Rulebook, account: &str) -> Option<Labels> {
    let user = rulebook.users.iter().find(|user| user.name == account)?;
    Some(Labels::new(user.labels.clone(), LabelsArePatterns::Glob))
}

fn made(values: &[&str]) -> Labels {
    let values = values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    Labels::new([("l".to_owned(), values)].into(), LabelsArePatterns::Glob)
}

fn rulebook(users: &Value, acl: &[Value], double_star: bool) -> Rulebook {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.yml");
    std::fs::write(
        &file,
        json!({"users": users, "acl": acl, "acl_options": {"double_star": double_star}}).to_string(),
    )
    .unwrap();
    rulebook::read(&[file], &|_| None).unwrap_or_else(|error| panic!("{error}"))
}

/// What is said to widen nothing does so for no request, and what is shown as an example does widen.
fn hold(old: &Rulebook, new: &Rulebook) -> Result<(), TestCaseError> {
    let answered = Answered::to(old, new, [Vec::new(), Vec::new()]);
    let patterns = || PatternMemo::new(Seed::new([7; 16]));
    for (way, old, new) in [(Way::Grants, old, new), (Way::TakesAway, new, old)] {
        let mut world = World {
            old,
            new,
            patterns: [patterns(), patterns()],
        };
        for example in answered
            .found
            .of(way, true)
            .filter_map(|change| change.example.as_ref())
        {
            prop_assert!(world.widens_at(example), "{example:?}");
        }
        let says_nothing = answered.found.changes.iter().all(|change| change.way != way);
        if says_nothing && let Some(request) = world.first_that_widens() {
            return Err(TestCaseError::fail(request));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_said_of_changed_rules_is_so(
        lists in lists(),
        users in users(),
        spans in select(&[[false, false], [false, false], [true, true], [true, false], [false, true]][..]),
    ) {
        hold(&rulebook(&users, &lists[0], spans[0]), &rulebook(&users, &lists[1], spans[1]))?;
    }

    #[test]
    fn what_is_said_of_changed_users_is_so(
        rules in prop::collection::vec(rule(2), 0..5),
        old in users(),
        new in users(),
    ) {
        hold(&rulebook(&old, &rules, false), &rulebook(&new, &rules, false))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_said_of_both_is_so(lists in lists(), old in users(), new in users()) {
        hold(&rulebook(&old, &lists[0], false), &rulebook(&new, &lists[1], false))?;
    }
}
