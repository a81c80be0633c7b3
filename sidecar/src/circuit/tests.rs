#![expect(clippy::arithmetic_side_effects, reason = "sums of small numbers")]

use proptest::prelude::*;

use super::*;

fn account(number: u8) -> Account {
    Account::parse(&format!("account-{number}")).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One that is open since `now`.
fn open(now: Instant) -> Circuit {
    let mut circuit = Circuit::default();
    for number in 1..=FAILURES {
        let pass = circuit.admit(now).unwrap();
        assert_eq!(circuit.failed(&pass, Failure::Unreached, now), number == FAILURES);
    }
    circuit
}

#[test]
fn it_opens_after_failures_in_a_row_and_closes_with_an_answer() {
    let now = Instant::now();
    let mut circuit = open(now);
    assert_eq!(circuit.admit(now).unwrap_err(), seconds(1));
    let probe = circuit.admit(now + seconds(1)).unwrap();
    assert_eq!(circuit.admit(now + seconds(1)).unwrap_err(), seconds(2));
    assert!(!circuit.failed(&probe, Failure::Unreached, now + seconds(1)));
    assert!(circuit.is_open());
    for (at, pause) in [(3, 4), (7, 4), (11, 4)] {
        circuit.admit(now + seconds(at)).unwrap();
        assert_eq!(circuit.admit(now + seconds(at)).unwrap_err(), seconds(pause));
    }
    assert!(circuit.answered(now + seconds(15)));
    assert!(circuit.admit(now + seconds(15)).is_ok());
    assert!(!circuit.answered(now + seconds(15)));
}

#[test]
fn a_probe_that_nobody_waits_for_makes_room_for_another_one() {
    let now = Instant::now();
    let mut circuit = open(now);
    let first = circuit.admit(now + seconds(1)).unwrap();
    circuit.left(&first, now + seconds(2));
    let second = circuit.admit(now + seconds(2)).unwrap();
    // It is not the probe any more.
    circuit.left(&first, now + seconds(2));
    assert!(circuit.admit(now + seconds(2)).is_err());
    circuit.left(&second, now + seconds(2));
    assert!(circuit.admit(now + seconds(2)).is_ok());
}

#[test]
fn silence_about_one_account_shuts_nobody_out() {
    let now = Instant::now();
    let mut circuit = Circuit::default();
    let fail = |circuit: &mut Circuit, number| {
        let pass = circuit.admit(now).unwrap();
        circuit.failed(&pass, Failure::Silent(&account(number)), now)
    };
    for _ in 0..100 {
        assert!(!fail(&mut circuit, 1));
    }
    assert!(fail(&mut circuit, 2), "of two it is the back-end");
}

#[test]
fn what_hung_while_it_was_restarted_is_not_held_against_it() {
    let now = Instant::now();
    let mut circuit = Circuit::default();
    let hung: Vec<_> = (0..20).map(|_| circuit.admit(now).unwrap()).collect();
    circuit.answered(now + seconds(4));
    for pass in &hung {
        assert!(!circuit.failed(pass, Failure::Unreached, now + seconds(5)));
    }
}

/// The same, slow and obvious: all that ever happened, and what follows from it.
#[derive(Default)]
struct Reference(Vec<(Instant, Event)>);

#[derive(Clone, Copy)]
enum Event {
    /// The question of this number was let through.
    Asked(usize),
    Answered,
    /// It was begun then, and was about this account, or about none in particular.
    Failed(Instant, Option<u8>),
    Left(usize),
}

impl Reference {
    /// Since when it is open, and what happened since then.
    fn open(&self) -> Option<(Instant, &[(Instant, Event)])> {
        let answered = self.0.iter().rposition(|(_, event)| matches!(event, Event::Answered));
        let (answered, since) = match answered {
            Some(index) => (Some(self.0[index].0), index + 1),
            None => (None, 0),
        };
        (since..self.0.len()).find_map(|last| {
            let failures = self.0[since..=last].iter().filter_map(|(_, event)| match event {
                Event::Failed(begun, about) if answered.is_none_or(|answered| *begun >= answered) => Some(*about),
                _ => None,
            });
            let mut failures: Vec<_> = failures.collect();
            let count = failures.len();
            failures.sort_unstable();
            failures.dedup();
            let is_of_one = matches!(failures[..], [] | [Some(_)]);
            (count >= 5 && !is_of_one).then(|| (self.0[last].0, &self.0[last + 1..]))
        })
    }

    /// When a question may be asked that comes now.
    fn next(&self) -> Option<Instant> {
        let (opened, since) = self.open()?;
        let (mut next, mut pauses, mut probe) = (
            opened + seconds(1),
            [2, 4].into_iter().chain(std::iter::repeat(4)),
            None,
        );
        for (at, event) in since {
            match event {
                Event::Asked(number) => {
                    next = *at + seconds(pauses.next().unwrap());
                    probe = Some(*number);
                }
                Event::Left(number) if probe == Some(*number) => next = next.min(*at),
                _ => {}
            }
        }
        Some(next)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Ask,
    Answer(usize),
    Fail(usize, Option<u8>),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u64..2_500).prop_map(Step::Wait),
        8 => Just(Step::Ask),
        1 => any::<usize>().prop_map(Step::Answer),
        8 => (any::<usize>(), prop::option::weighted(0.8, 0_u8..2)).prop_map(|(which, about)| Step::Fail(which, about)),
        2 => any::<usize>().prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn it_is_what_follows_from_all_that_happened(steps in steps()) {
        let mut now = Instant::now();
        let (mut circuit, mut reference) = (Circuit::default(), Reference::default());
        let mut asked = Vec::new();
        let mut number = 0;
        for step in steps {
            let was_open = reference.open().is_some();
            let mut take = |which: usize| (!asked.is_empty()).then(|| asked.swap_remove(which % asked.len()));
            match step {
                Step::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Ask => {
                    let next = reference.next().filter(|next| now < *next);
                    match (circuit.admit(now), next) {
                        (Ok(pass), None) => {
                            reference.0.push((now, Event::Asked(number)));
                            asked.push((number, now, pass));
                            number += 1;
                        }
                        (Err(wait), Some(next)) => prop_assert_eq!(now + wait, next),
                        (admitted, next) => prop_assert!(false, "{:?} {:?}", admitted, next),
                    }
                }
                Step::Answer(which) => if take(which).is_some() {
                    reference.0.push((now, Event::Answered));
                    prop_assert_eq!(circuit.answered(now), was_open);
                },
                Step::Fail(which, about) => if let Some((_, begun, pass)) = take(which) {
                    reference.0.push((now, Event::Failed(begun, about)));
                    let account = about.map(account);
                    let failure = account.as_ref().map_or(Failure::Unreached, Failure::Silent);
                    let opened = circuit.failed(&pass, failure, now);
                    prop_assert_eq!(opened, !was_open && reference.open().is_some());
                },
                Step::Leave(which) => if let Some((number, _, pass)) = take(which) {
                    reference.0.push((now, Event::Left(number)));
                    circuit.left(&pass, now);
                },
            }
            prop_assert_eq!(circuit.is_open(), reference.open().is_some());
        }
    }
}
