use super::*;
use crate::account::{Labels, LabelsArePatterns};
use crate::authn::attempt::{Attempt, Recall};
use crate::authn::hash::Hash;
use crate::config::{Document, Node, Sources};
use crate::memo::Seed;
use crate::problem::Problems;
use crate::request::{Credentials, Method};
use crate::scope::Scopes;
use crate::time::Timestamp;
use crate::wire::{DecideAnswer, DecideQuestion, VerifyQuestion};

const KEY: &str = include_str!("../token/testdata/p256.pem");
const B10: &str = "$2y$10$LCzJ13o5lkRuC7g4DZ1Yb.w4ZFJcw9BLJAOeCuKFeAIqRHbEu5vFu";

/// Computes nothing, and takes note of what each attempt came to.
#[derive(Default)]
struct Elsewhere {
    known_wrong: bool,
    settled: Vec<bool>,
    /// By which other names, too.
    settled_as: Vec<(String, bool)>,
    /// Whether those are braked.
    is_braked: bool,
}

impl Verifier for Elsewhere {
    fn recall(&mut self, _: &Attempt<'_>) -> Result<Recall, Withheld> {
        Ok(if self.known_wrong {
            Recall::DoesNotFit
        } else {
            Recall::Unknown
        })
    }

    fn computes(&self, _: &Hash) -> bool {
        false
    }

    fn verify(&mut self, _: &Hash, _: &Secret<Vec<u8>>) -> Result<bool, Withheld> {
        panic!("nothing is computed here")
    }

    fn settle(&mut self, _: &Attempt<'_>, fits: bool) {
        self.settled.push(fits);
    }

    fn settle_as(&mut self, attempt: &Attempt<'_>, fits: bool) -> Result<(), Withheld> {
        self.settled_as.push((attempt.account.as_str().to_owned(), fits));
        if self.is_braked {
            return Err(Withheld::Braked { retry_after: 7 });
        }
        Ok(())
    }
}

/// A static user, rules for `own/`, and back-ends for everything else.
fn policy(back_ends: bool) -> Policy {
    let mut json = serde_json::json!({
        "token": {"issuer": "auth", "key": KEY},
        "users": {"ada": {"password": B10, "labels": {"team": ["dev"]}}},
        "acl": [{"match": {"name": "own/*"}, "actions": ["pull"]}],
    });
    if back_ends {
        json["ext_auth"] = serde_json::json!({"command": "/bin/true"});
        json["ext_authz"] = serde_json::json!({"command": "/bin/true"});
    }
    let node: Node = serde_json::from_value(json).unwrap();
    let sources = Sources {
        environment: &|_| None,
        files: Some(&|_| Err("there is no file".to_owned())),
    };
    let mut problems = Problems::default();
    let document = Document::read(node, sources, &mut problems);
    Policy::compile(document, Timestamp::from_seconds(1_800_000_000), problems)
        .unwrap()
        .0
}

fn request(account: &str, scopes: &[&str]) -> TokenRequest {
    TokenRequest {
        credentials: match account {
            "" => Credentials::Anonymous,
            name => Credentials::Password {
                account: Account::parse(name).unwrap(),
                password: Secret::new(b"pw \xff".to_vec()),
            },
        },
        service: Service::parse("registry").unwrap(),
        scopes: Scopes::parse(scopes.iter().copied()).unwrap(),
        address: "192.0.2.1".parse().unwrap(),
        method: Method::Get,
        offline: false,
    }
}

fn patterns() -> PatternMemo {
    PatternMemo::new(Seed::new([7; 16]))
}

fn asked(step: Result<Step, Undecided>) -> Question {
    match step.unwrap() {
        Step::Ask(question) => question,
        Step::Decided(decision) => panic!("decided: {decision:?}"),
    }
}

fn decided(step: Result<Step, Undecided>) -> Decision {
    match step.unwrap() {
        Step::Decided(decision) => decision,
        Step::Ask(question) => panic!("asks: {question:?}"),
    }
}

fn grants(decision: &Decision) -> Vec<String> {
    let grants = decision.grants().iter();
    grants
        .map(|grant| format!("{} {} {}", grant.scope(), grant.actions(), grant.because()))
        .collect()
}

fn known(account: &str, backend: &'static str) -> Known {
    let labels = Labels::new(
        [("group".to_owned(), vec!["x*".to_owned()])].into(),
        LabelsArePatterns::None,
    );
    Known {
        identity: Identity {
            account: Account::parse(account).unwrap(),
            labels,
        },
        proof: Proof::Password,
        backend: Cow::Borrowed(backend),
    }
}

#[test]
fn a_hash_that_is_not_computed_here_is_asked_for_and_its_answer_decides() {
    let policy = policy(false);
    let request = request("ada", &["repository:own/app:pull,push"]);
    for (fits, outcome) in [
        (true, Ok(1)),
        (false, Err(Undecided::Unproven(Unproven::WrongCredentials))),
    ] {
        let mut verifier = Elsewhere::default();
        let question = asked(decide(&policy, &request, &mut verifier, &mut patterns()));
        let Question::Verify(work) = &question else {
            panic!("{question:?}")
        };
        assert!(work.stored.is_some() && work.decoys.is_empty());
        let step = resume(
            &policy,
            &request,
            question,
            Answer::Verified(fits),
            &mut verifier,
            &mut patterns(),
        );
        assert_eq!(step.map(|step| decided(Ok(step)).grants().len()), outcome);
        assert_eq!(verifier.settled, [fits]);
    }
}

#[test]
fn without_back_ends_an_unknown_account_costs_a_hash_elsewhere_and_is_refused_whatever_comes_of_it() {
    let (policy, request) = (policy(false), request("eve", &[]));
    let mut verifier = Elsewhere::default();
    let question = asked(decide(&policy, &request, &mut verifier, &mut patterns()));
    let Question::Verify(work) = &question else {
        panic!("{question:?}")
    };
    assert!(work.stored.is_none() && work.decoys.len() == 1);
    let step = resume(
        &policy,
        &request,
        question,
        Answer::Verified(true),
        &mut verifier,
        &mut patterns(),
    );
    assert_eq!(step.unwrap_err(), Undecided::Unproven(Unproven::WrongCredentials));
}

#[test]
fn an_account_that_is_no_static_user_is_asked_for_and_its_grants_are_cut_to_what_was_asked() {
    let policy = policy(true);
    for account in ["eve", ""] {
        let request = request(account, &["repository:own/app:pull,push", "repository:other:pull"]);
        let mut verifier = Elsewhere::default();
        let question = asked(decide(&policy, &request, &mut verifier, &mut patterns()));
        assert!(matches!(question, Question::Authenticate));
        let found = vec![
            (["pull", "delete"].into_iter().collect(), Because::NoRule),
            (["pull"].into_iter().collect(), Because::Backend("ext_authz".into())),
        ];
        let answer = Answer::Decided(known("Eve", "ext_auth"), found);
        let decision = decided(resume(
            &policy,
            &request,
            question,
            answer,
            &mut verifier,
            &mut patterns(),
        ));
        assert_eq!(decision.identity().account.as_str(), "Eve");
        assert_eq!(decision.backend(), "ext_auth");
        assert_eq!(
            grants(&decision),
            [
                "repository:own/app:pull,push pull no rule matches",
                "repository:other:pull pull ext_authz says so"
            ]
        );
        assert_eq!(verifier.settled, [true]);
    }
}

#[test]
fn a_denial_counts_as_a_failure_and_a_password_that_is_known_to_be_wrong_is_not_asked_about() {
    let (policy, request) = (policy(true), request("eve", &[]));
    let mut verifier = Elsewhere::default();
    let question = asked(decide(&policy, &request, &mut verifier, &mut patterns()));
    let step = resume(
        &policy,
        &request,
        question,
        Answer::Denied(Denial::default()),
        &mut verifier,
        &mut patterns(),
    );
    let denied = step.unwrap_err();
    assert_eq!(denied, Undecided::Denied(Denial::default()));
    assert_eq!(Refusal::from(denied).word(), "unauthorized");
    assert_eq!(verifier.settled, [false]);
    verifier.known_wrong = true;
    let step = decide(&policy, &request, &mut verifier, &mut patterns());
    assert_eq!(step.unwrap_err(), Undecided::Unproven(Unproven::WrongCredentials));
}

#[test]
fn what_a_back_end_calls_an_account_counts_beside_what_was_typed() {
    let policy = policy(true);
    let denied = |name: &str| {
        let account = Some(Account::parse(name).unwrap());
        Answer::Denied(Denial { account, reason: None })
    };
    let accepted = |name: &str| Answer::Accepted(known(name, "ldap_auth"));
    let decided = |name: &str| Answer::Decided(known(name, "ldap_auth"), vec![]);
    for (typed, answer, expected) in [
        ("eve@corp.example", denied("eve"), Some(("eve", false))),
        ("eve", denied("Eve "), None),
        (" EVE", denied("eve"), None),
        ("eve@corp.example", accepted("eve"), Some(("eve", true))),
        ("Eve", accepted("eve"), None),
        ("eve@corp.example", decided("eve"), Some(("eve", true))),
    ] {
        for is_braked in [false, true] {
            let request = request(typed, &[]);
            let mut verifier = Elsewhere {
                is_braked,
                ..Elsewhere::default()
            };
            let question = asked(decide(&policy, &request, &mut verifier, &mut patterns()));
            let step = resume(
                &policy,
                &request,
                question,
                answer.clone(),
                &mut verifier,
                &mut patterns(),
            );
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, fits)| ((*name).to_owned(), *fits))
                .collect();
            assert_eq!(verifier.settled_as, expected, "{typed}");
            let is_withheld = matches!(step, Err(Undecided::Withheld(Withheld::Braked { retry_after: 7 })));
            assert_eq!(is_withheld, is_braked && !expected.is_empty(), "{typed}");
            // Who is let in by a name that is braked has proven nothing.
            let proves = verifier.settled.contains(&true);
            assert!(!(is_withheld && proves), "{typed}");
        }
    }
}

#[test]
fn scopes_that_no_rule_decides_are_asked_about_and_the_others_are_not() {
    let policy = policy(true);
    let request = request(
        "ada",
        &["repository:own/app:pull", "repository:b:push", "repository:c:pull"],
    );
    let step = authorize(&policy, &request, known("ada", "users"), &mut patterns());
    let question = asked(Ok(step));
    let Question::Authorize(undetermined) = &question else {
        panic!("{question:?}")
    };
    let scopes: Vec<String> = undetermined.scopes().iter().map(ToString::to_string).collect();
    assert_eq!(scopes, ["repository:b:push", "repository:c:pull"]);
    let found = vec![
        (["push"].into_iter().collect(), Because::Backend("ext_authz".into())),
        (Actions::none(), Because::Backend("ext_authz".into())),
    ];
    let mut verifier = Elsewhere::default();
    let decision = decided(resume(
        &policy,
        &request,
        question,
        Answer::Granted(found),
        &mut verifier,
        &mut patterns(),
    ));
    assert_eq!(
        grants(&decision),
        [
            "repository:own/app:pull pull rule 0",
            "repository:b:push push ext_authz says so",
            "repository:c:pull  ext_authz says so"
        ]
    );
}

#[test]
fn an_answer_to_another_question_decides_nothing() {
    let (policy, request) = (policy(true), request("eve", &["repository:a:pull"]));
    let stray = [
        Answer::Verified(true),
        Answer::Granted(vec![(["pull"].into_iter().collect(), Because::NoRule)]),
        Answer::Decided(known("eve", "ext_auth"), vec![]),
    ];
    for answer in stray {
        let mut verifier = Elsewhere::default();
        let question = asked(decide(&policy, &request, &mut verifier, &mut patterns()));
        let step = resume(&policy, &request, question, answer, &mut verifier, &mut patterns());
        assert_eq!(step.unwrap_err(), Undecided::StrayAnswer);
    }
}

#[test]
fn questions_and_answers_come_back_from_the_wire_as_they_were() {
    let request = request("eve", &["repository:a/b:pull,push", "registry:catalog:*"]);
    let text = serde_json::to_string(&DecideQuestion::about(&request, 2_000, "id-1")).unwrap();
    let (read, who) = serde_json::from_str::<DecideQuestion>(&text)
        .unwrap()
        .into_request()
        .unwrap();
    assert!(who.is_none());
    assert_eq!(format!("{read:?}"), format!("{request:?}"));
    let Credentials::Password { password, .. } = &read.credentials else {
        panic!()
    };
    assert_eq!(password.expose(), b"pw \xff");

    let someone = known("eve", "ext_auth");
    let scopes: Vec<Scope> = request.scopes.iter().cloned().collect();
    let question = DecideQuestion::about_known(&someone, &scopes, &request, 2_000, "");
    let text = serde_json::to_string(&question).unwrap();
    let (read, who) = serde_json::from_str::<DecideQuestion>(&text)
        .unwrap()
        .into_request()
        .unwrap();
    assert_eq!(who.as_ref(), Some(&someone));
    assert!(
        matches!(read.credentials, Credentials::Anonymous),
        "the password stays where it is"
    );

    let policy = policy(true);
    let found: Vec<(Actions, Because)> = vec![
        (["pull"].into_iter().collect(), Because::Backend("ext_authz".into())),
        (
            Actions::none(),
            Because::Rule {
                index: 3,
                comment: Some("note".into()),
            },
        ),
    ];
    let step = resume(
        &policy,
        &request,
        Question::Authenticate,
        Answer::Decided(someone.clone(), found.clone()),
        &mut Elsewhere::default(),
        &mut patterns(),
    );
    let text = serde_json::to_string(&DecideAnswer::of(&decided(step))).unwrap();
    let answer: DecideAnswer = serde_json::from_str(&text).unwrap();
    assert_eq!(answer.into_decided().unwrap(), Answer::Decided(someone, found));
    let denied: DecideAnswer = serde_json::from_str(r#""denied""#).unwrap();
    assert_eq!(denied.into_decided().unwrap(), Answer::Denied(Denial::default()));
    for denial in [
        Denial::default(),
        Denial {
            account: Some(Account::parse("eve").unwrap()),
            reason: Some("ldap 49, data 775".into()),
        },
        Denial {
            account: None,
            reason: Some("ldap 53".into()),
        },
    ] {
        let text = serde_json::to_string(&DecideAnswer::denied(denial.clone(), true)).unwrap();
        let answer: DecideAnswer = serde_json::from_str(&text).unwrap();
        assert_eq!(answer.into_decided().unwrap(), Answer::Denied(denial.clone()), "{text}");
        let text = serde_json::to_string(&DecideAnswer::denied(denial, false)).unwrap();
        assert_eq!(text, r#""denied""#, "what a release before this one reads");
    }

    let work = Work {
        stored: Some(Hash::parse(B10).unwrap()),
        decoys: [
            "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ]
        .map(|text| Hash::parse(text).unwrap())
        .into_iter()
        .chain([Hash::Sha256([7; 32])])
        .collect(),
    };
    let text = serde_json::to_string(&VerifyQuestion::about(&work, password, request.address, 100)).unwrap();
    let (read, secret) = serde_json::from_str::<VerifyQuestion>(&text)
        .unwrap()
        .into_work()
        .unwrap();
    assert_eq!((read, secret.expose()), (work, password.expose()));
}
