//! A request about which the program beside the proxy is asked.

use std::time::Duration;

use registry_auth_core::decide::{Answer, Question, Step, Undecided, resume};
use registry_auth_core::secret::Secret;
use registry_auth_core::throttle::QuestionMac;
use registry_auth_core::wire::{DecideAnswer, DecideQuestion, VerifyAnswer, VerifyQuestion};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Exchange, Next, Served, State};
use crate::callout::{Call, Heard, InFlight};
use crate::host::{self, Level};
use crate::root::{now, seconds};
use crate::throttle::Asked;

/// What waits for an answer.
pub(super) struct Asking {
    served: Served,
    question: Question,
    /// What braking goes on with.
    asked: Option<Asked>,
    /// What its answer is remembered by.
    name: Option<QuestionMac>,
    /// `None` while it waits to be put again.
    call: Option<InFlight>,
}

/// An answer, and how long it was, in bytes.
struct Read {
    answer: Answer,
    length: usize,
}

impl Exchange {
    /// Goes on with what a step came to.
    pub(super) fn go_on(&self, served: Served, asked: Option<Asked>, step: Result<Step, Undecided>) -> Next {
        match step {
            Ok(Step::Decided(decision)) => self.issue(&served, &decision),
            Ok(Step::Ask(question)) => {
                let Some(now) = now() else {
                    return self.refuse(&served, Undecided::StrayAnswer);
                };
                let (name, remembered) = served.generation.recall(&question, &served.request, seconds(now));
                match remembered {
                    Some(answer) => self.resume(served, question, asked, answer),
                    None => self.ask(
                        Box::new(Asking {
                            served,
                            question,
                            asked,
                            name,
                            call: None,
                        }),
                        now,
                    ),
                }
            }
            Err(undecided) => self.refuse(&served, undecided),
        }
    }

    fn resume(&self, served: Served, question: Question, asked: Option<Asked>, answer: Answer) -> Next {
        let Some(now) = now() else {
            return self.refuse(&served, Undecided::StrayAnswer);
        };
        let generation = &served.generation;
        let mut attempts = generation.throttle.resumed(asked, seconds(now));
        let mut patterns = generation.patterns.borrow_mut();
        let step = resume(
            &generation.policy,
            &served.request,
            question,
            answer,
            &mut attempts,
            &mut patterns,
        );
        drop(patterns);
        self.go_on(served, asked, step)
    }

    /// Puts the question. What cannot be put now waits, if it may.
    fn ask(&self, mut asking: Box<Asking>, now: Duration) -> Next {
        let Some(calls) = self.worker.calls() else {
            // A configuration that stands in the plugin names nobody who could be asked.
            return self.refuse(&asking.served, Undecided::StrayAnswer);
        };
        if !calls.has_room() {
            // What waits already waits on; the others are told at once that there are too many.
            return if self.worker.waiting.has(self.context_id) {
                self.hold(asking, now)
            } else {
                self.refuse(&asking.served, Undecided::StrayAnswer)
            };
        }
        let timeout = calls.program().timeout.as_millis();
        let (call, body) = asking.body(u64::try_from(timeout).unwrap_or(u64::MAX));
        match calls.ask(call, self.context_id, &body, now) {
            Ok(call) => {
                self.worker.waiting.release(self.context_id);
                asking.call = Some(call);
                self.state.set(State::Asking(asking));
                Next::Hold
            }
            Err(_) => self.hold(asking, now),
        }
    }

    /// Has the question be put again after a pause, or gives it up.
    fn hold(&self, asking: Box<Asking>, now: Duration) -> Next {
        if self.worker.waiting.hold(self.context_id, asking.served.since, now) {
            self.state.set(State::Asking(asking));
            return Next::Hold;
        }
        self.refuse(&asking.served, Undecided::StrayAnswer)
    }

    /// Puts the question again, while the stream is selected.
    pub(super) fn wake_asking(&self, asking: Box<Asking>, now: Duration) {
        if asking.call.is_some() {
            self.state.set(State::Asking(asking));
        } else if self.worker.waiting.is_over(self.context_id, now) {
            self.refuse(&asking.served, Undecided::StrayAnswer);
        } else {
            self.ask(asking, now);
        }
    }

    /// What came of the call `id`, while the stream is selected.
    pub(crate) fn heard(&self, id: u32, heard: Heard, now: Duration) {
        let mut asking = match self.state.replace(State::Answered) {
            State::Asking(asking) if asking.call.as_ref().is_some_and(|call| call.id() == id) => asking,
            other => return self.state.set(other),
        };
        let read = match &heard {
            Heard::Answer(body) => asking.read(body),
            _ => None,
        };
        let Some(call) = asking.call.take() else { return };
        if matches!(heard, Heard::Answer(_)) && read.is_none() {
            call.end("unreadable");
        } else {
            call.end(heard.word());
        }
        match (read, heard) {
            (Some(Read { answer, length }), _) => {
                // Whoever is there answers the others too.
                self.worker.waiting.wake_all();
                let Asking {
                    served,
                    question,
                    asked,
                    name,
                    ..
                } = *asking;
                if let Some(name) = name {
                    served.generation.remember(name, &answer, length, seconds(now));
                }
                self.resume(served, question, asked, answer);
            }
            (None, heard @ (Heard::BackendDown(_) | Heard::Refused(_))) => {
                log_failure(&heard);
                self.refuse(&asking.served, Undecided::StrayAnswer);
            }
            (None, heard) => {
                log_failure(&heard);
                self.hold(asking, now);
            }
        }
    }
}

impl Asking {
    /// The question as it goes over the wire.
    fn body(&self, deadline_ms: u64) -> (Call, Secret<Vec<u8>>) {
        static NOTHING: Secret<Vec<u8>> = Secret::new(Vec::new());
        let Served {
            request, request_id, ..
        } = &self.served;
        match &self.question {
            Question::Verify(work) => {
                let password = request.claim().map_or(&NOTHING, |(_, password)| password);
                let question = VerifyQuestion::about(work, password, request.address, deadline_ms);
                (Call::Verify, written(&question))
            }
            Question::Authenticate => {
                let question = DecideQuestion::about(request, deadline_ms, request_id);
                (Call::Decide, written(&question))
            }
            Question::Authorize(undetermined) => {
                let (known, scopes) = (undetermined.known(), undetermined.scopes());
                let question = DecideQuestion::about_known(known, scopes, request, deadline_ms, request_id);
                (Call::Decide, written(&question))
            }
        }
    }

    /// The answer in `body`, if it is one to this question.
    fn read(&self, body: &Secret<Vec<u8>>) -> Option<Read> {
        let answer = match &self.question {
            Question::Verify(_) => Answer::Verified(parsed::<VerifyAnswer>(body)?.fits),
            Question::Authenticate => parsed::<DecideAnswer>(body)?.into_decided().ok()?,
            Question::Authorize(_) => parsed::<DecideAnswer>(body)?.into_granted(),
        };
        let length = body.expose().len();
        self.fits(&answer).then_some(Read { answer, length })
    }

    /// Whether it has a grant for each scope: another one decides nothing, and is not remembered.
    fn fits(&self, answer: &Answer) -> bool {
        match (&self.question, answer) {
            (Question::Verify(_), Answer::Verified(_)) | (Question::Authenticate, Answer::Denied(_)) => true,
            (Question::Authenticate, Answer::Decided(_, grants)) => {
                grants.len() == self.served.request.scopes.iter().len()
            }
            (Question::Authorize(undetermined), Answer::Granted(grants)) => grants.len() == undetermined.scopes().len(),
            (Question::Verify(_) | Question::Authenticate | Question::Authorize(_), _) => false,
        }
    }
}

fn written(question: &impl Serialize) -> Secret<Vec<u8>> {
    // With room for nearly every question, so that what holds a password is not copied while it grows.
    let mut body = Secret::new(Vec::with_capacity(4_096));
    // Texts and numbers alone: there is nothing in it that could not be written.
    let _ = serde_json::to_writer(body.expose_mut(), question);
    body
}

fn parsed<T: DeserializeOwned>(body: &Secret<Vec<u8>>) -> Option<T> {
    serde_json::from_slice(body.expose()).ok()
}

fn log_failure(heard: &Heard) {
    host::log(
        Level::Warn,
        &format!("registry_auth: the program did not answer a question: {}", heard.text()),
    );
}
