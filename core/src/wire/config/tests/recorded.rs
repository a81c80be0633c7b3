//! Every version of the wire that is in use has an exchange as it was recorded, which later releases must still read.

use super::*;
use crate::acl::PatternMemo;
use crate::authn::attempt::InPlace;
use crate::decide::{Answer, Step, authorize, decide};
use crate::memo::Seed;
use crate::policy::Policy;
use crate::wire::{DecideAnswer, DecideQuestion, VerifyAnswer, VerifyQuestion};

const VERSION_1: &str = include_str!("../../testdata/version_1.txt");

/// Each message with what it is: `GET /v1/config`, `POST /v1/decide`, or the `200` that answers it.
fn messages() -> Vec<(&'static str, &'static str)> {
    let messages = VERSION_1.split("\n--- ").skip(1);
    messages.map(|message| message.split_once('\n').unwrap()).collect()
}

fn policy(body: &str) -> Policy {
    let assembly = Assembly::begin(Secret::new(body.as_bytes().to_vec()), None, now()).unwrap();
    assert_eq!(assembly.head().generation, 1_700_000_000_000);
    assert_eq!(assembly.head().release, "0.1.0");
    assert_eq!(assembly.head().etag, "61a8d3465c56ec769c119ec28ecfe57a");
    assert_eq!(
        assembly.head().asks,
        Asks {
            accounts: true,
            scopes: true
        }
    );
    let (policy, warnings) = assembly.finish().unwrap();
    assert_eq!(warnings, []);
    policy
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_exchange_of_version_1_is_read_and_answered() {
    let messages = messages();
    let (asked, body) = messages[1];
    assert_eq!((messages[0].0, asked), ("GET /v1/config", "200"));
    let policy = policy(&format!("{body}\n"));
    let mut patterns = PatternMemo::new(Seed::new([7; 16]));
    let mut answered = 0;
    for pair in messages[2..].chunks(2) {
        let [(call, question), ("200", answer)] = pair else {
            panic!("a question without an answer: {pair:?}")
        };
        match *call {
            "POST /v1/decide" => {
                let question: DecideQuestion = serde_json::from_str(question).unwrap();
                let (request, known) = question.into_request().unwrap();
                let step = match known {
                    Some(known) => authorize(&policy, &request, known, &mut patterns),
                    None => decide(&policy, &request, &mut InPlace, &mut patterns).unwrap(),
                };
                if let Step::Decided(decision) = step {
                    let given = serde_json::to_value(DecideAnswer::of(&decision)).unwrap();
                    assert_eq!(given, json(answer));
                } else {
                    // Somebody else knows, and what they said can be read.
                    let answer: DecideAnswer = serde_json::from_str(answer).unwrap();
                    let answer = answer.into_decided().unwrap();
                    assert!(matches!(answer, Answer::Decided(..) | Answer::Denied(_)));
                }
            }
            "POST /v1/verify" => {
                let question: VerifyQuestion = serde_json::from_str(question).unwrap();
                let (work, password) = question.into_work().unwrap();
                let fits = work.stored.is_some_and(|hash| hash.fits(password.expose()).unwrap());
                assert_eq!(serde_json::to_value(VerifyAnswer { fits }).unwrap(), json(answer));
            }
            other => panic!("{other}"),
        }
        answered += 1;
    }
    assert_eq!(answered, 6);
}
