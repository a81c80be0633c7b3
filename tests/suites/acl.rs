//! Rules decide what `tests/acl` says they decide, what docker_auth decided, and what the reference decides.
//!
//! `SOAK_TIMES=20 cargo test --test acl` asks the reference for longer.

#[path = "acl/explained.rs"]
mod explained;
#[path = "acl/long.rs"]
mod long;
#[path = "acl/random.rs"]
mod random;

use std::cell::Cell;
use std::net::IpAddr;

use proptest::sample::select;
use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseError;
use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::acl::{Acl, Asked, Because, Grant, PatternMemo, Room};
use registry_auth_core::config::acl::{Options, read};
use registry_auth_core::memo::Seed;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::scope::Scope;
use registry_auth_core::service::Service;
use registry_auth_tests::cases;
use registry_auth_tests::reference::{self, Outcome, Request};
use registry_auth_tests::soak;
use serde_json::Value;

fn compile(acl: &Value, double_star: bool) -> (Acl, Problems) {
    let mut problems = Problems::default();
    let node = serde_json::from_str(&acl.to_string()).expect("what was JSON is JSON");
    let rules = read(node, &Place::root().key("acl"), &mut problems);
    let acl = Acl::compile(&rules, Options { double_star }, &mut problems);
    (acl, problems)
}

/// A list and what is remembered of its expressions.
struct List {
    acl: Acl,
    patterns: PatternMemo,
}

#[track_caller]
fn good(acl: &Value, double_star: bool) -> List {
    with_room(acl, double_star, Room::default())
}

#[track_caller]
fn with_room(acl: &Value, double_star: bool, room: Room) -> List {
    let (acl, problems) = compile(acl, double_star);
    assert!(!problems.is_refusal(), "refused:\n{problems}");
    let patterns = PatternMemo::with_room(room, Seed::new([7; 16]));
    List { acl, patterns }
}

impl List {
    fn decide(&mut self, account: &str, labels: Labels, address: IpAddr, service: &str, scope: &str) -> Grant {
        let account = Account::parse(account).expect("an account");
        let service = Service::parse(service).expect("a service");
        let asked = Asked {
            identity: &Identity { account, labels },
            address,
            service: &service,
            scope: &Scope::parse(scope).expect("a scope"),
        };
        self.acl.decide(&asked, &mut self.patterns)
    }

    fn outcome(&mut self, request: &Request) -> Outcome {
        let scope = format!("{}:{}:{}", request.kind, request.name, request.actions.join(","));
        let labels = Labels::new(request.labels.clone(), request.label_values.into());
        let grant = self.decide(&request.account, labels, request.address, &request.service, &scope);
        match grant.because() {
            Because::Rule { index, .. } => Outcome::Rule(*index, granted(&grant)),
            Because::NoRule => Outcome::NoRule,
            Because::Backend(name) => panic!("rules alone decide here, not `{name}`"),
            Because::CannotJudge { index, .. } => Outcome::CannotJudge(*index),
        }
    }
}

fn granted(grant: &Grant) -> Vec<String> {
    grant.actions().iter().map(str::to_owned).collect()
}

#[test]
fn every_case_is_granted_what_it_promises_and_for_its_reason() {
    let mut decisions = 0;
    let mut broken = Vec::new();
    for case in cases::decisions() {
        let mut list = good(&case.acl, case.double_star);
        for ask in &case.asks {
            let labels = Labels::new(case.labels(&ask.account), case.label_values.into());
            let grant = list.decide(&ask.account, labels, ask.address, &ask.service, &ask.scope);
            let found = (granted(&grant), grant.because().to_string());
            let promised = (ask.grant.clone(), ask.because.clone());
            if found != promised {
                broken.push(format!("{}: {}\n  {ask:?}\n  gets {found:?}", case.file, case.name));
            }
            decisions += 1;
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(decisions >= 170, "only {decisions} decisions were read");
}

#[test]
fn each_case_has_a_name_of_its_own() {
    let mut names: Vec<String> = cases::decisions().into_iter().map(|case| case.name).collect();
    names.extend(cases::refusals().into_iter().map(|case| case.name));
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

#[test]
fn a_list_that_is_wrong_is_refused_with_every_fault_at_its_place() {
    for case in cases::refusals() {
        let (_, problems) = compile(&case.acl, case.double_star);
        let lines: Vec<String> = problems.errors().iter().map(ToString::to_string).collect();
        let promised: Vec<&str> = case.faults.iter().map(|fault| fault.line.as_str()).collect();
        assert_eq!(lines, promised, "{}", case.name);
        for (problem, fault) in problems.errors().iter().zip(&case.faults) {
            let marked = problem.place().span().map(|span| {
                let path = problem.place().path().strip_prefix("acl").expect("a place in the list");
                let pointer = path.replace(['.', '['], "/").replace(']', "");
                let value = case
                    .acl
                    .pointer(&pointer)
                    .and_then(Value::as_str)
                    .expect("a text stands at the place");
                value[span].to_owned()
            });
            assert_eq!(marked, fault.marks, "{}: {problem}", case.name);
        }
        let warnings: Vec<String> = problems.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(warnings, case.warnings, "{}", case.name);
    }
}

#[test]
fn what_docker_auth_decided_is_decided_here() {
    let mut decisions = 0;
    for (line, recorded) in cases::docker_auth().into_iter().enumerate() {
        let mut list = good(&recorded.acl, false);
        assert_eq!(recorded.requests.len(), recorded.answers.len(), "line {}", line + 1);
        for (request, (index, actions)) in recorded.requests.iter().zip(&recorded.answers) {
            let scope = format!("{}:{}:{}", request.kind, request.name, request.actions.join(","));
            let labels = Labels::new(request.labels.clone(), LabelsArePatterns::Glob);
            let grant = list.decide(&request.account, labels, request.ip, &request.service, &scope);
            let decided_by = match grant.because() {
                Because::Rule { index, .. } => Some(*index),
                Because::NoRule => None,
                Because::Backend(name) => panic!("rules alone decide here, not `{name}`"),
                Because::CannotJudge { .. } => panic!("line {}: cannot judge {request:?}", line + 1),
            };
            assert_eq!(
                (&decided_by, &granted(&grant)),
                (index, actions),
                "line {}: {request:?}",
                line + 1
            );
            decisions += 1;
        }
    }
    assert_eq!(decisions, 12_000);
}

#[test]
fn core_decides_as_the_reference_does() {
    let [matched, passed, unjudged] = ask_the_reference(2_000, random::lists(1..9));
    let all = matched + passed + unjudged;
    assert!(
        matched * 3 > all && passed * 20 > all && unjudged * 200 > all,
        "{matched} {passed} {unjudged}"
    );
}

#[test]
fn core_decides_as_the_reference_does_by_lists_of_two_hundred_rules() {
    // So many rules leave hardly a request over.
    let [matched, passed, unjudged] = ask_the_reference(60, random::lists(200));
    let all = matched + passed + unjudged;
    assert!(
        matched * 3 > all && unjudged * 200 > all,
        "{matched} {passed} {unjudged}"
    );
}

/// Asks each request twice, of a list that remembers no expression, two or three, or as many as there can be. Answers how
/// often a rule decided, none did, and one could not be judged.
fn ask_the_reference(cases: u32, lists: impl Strategy<Value = (Vec<Value>, bool, Vec<Request>)>) -> [usize; 3] {
    let seen = [const { Cell::new(0_usize) }; 3];
    let rooms = select(vec![NOTHING, LITTLE, Room::default()]);
    soak::run(cases, &(lists, rooms), |((rules, double_star, requests), room)| {
        // A rule alone tells whether it is refused; what is left makes a list.
        let taken = |rule: &Value| !compile(&Value::Array(vec![rule.clone()]), double_star).1.is_refusal();
        let rules: Vec<Value> = rules.into_iter().filter(taken).collect();
        let mut list = with_room(&Value::Array(rules.clone()), double_star, room);
        let expected: Vec<_> = requests
            .iter()
            .map(|request| reference::decide(&rules, double_star, request))
            .collect();
        for (request, expected) in requests.iter().zip(&expected).chain(requests.iter().zip(&expected)) {
            let outcome = list.outcome(request);
            let kind = match &outcome {
                Outcome::Rule(..) => 0,
                Outcome::NoRule => 1,
                Outcome::CannotJudge(_) => 2,
            };
            seen[kind].set(seen[kind].get() + 1);
            if outcome != *expected {
                let rules = serde_json::to_string_pretty(&rules).expect("rules are JSON");
                let text = format!("core {outcome:?}, reference {expected:?} of\n{request:#?}\n{rules}");
                return Err(TestCaseError::fail(text));
            }
        }
        Ok(())
    });
    seen.map(Cell::into_inner)
}

const NOTHING: Room = Room {
    small: 0,
    middling: 0,
    large: 0,
};

const LITTLE: Room = Room {
    small: 2,
    middling: 2,
    large: 2,
};
