//! One client request, from its headers to the answer.

mod asking;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::audit::{self, Record};
use registry_auth_core::client_address;
use registry_auth_core::config::{Audit, RequestBody};
use registry_auth_core::decide::{Decision, Undecided, decide};
use registry_auth_core::policy::Policy;
use registry_auth_core::reply::{Refusal, Replies, Reply};
use registry_auth_core::request::route::Route;
use registry_auth_core::request::{Head, MAX_BODY_BYTES, Method, TokenRequest};
use registry_auth_core::secret::Secret;

use crate::generation::Generation;
use crate::held;
use crate::host::{self, Buffer, Headers, Level, Map};
use crate::metrics;
use crate::root::{Serving, Worker, now, seconds};
use asking::Asking;

/// One request and where it is.
pub(crate) struct Exchange {
    context_id: u32,
    worker: Rc<Worker>,
    state: Cell<State>,
}

/// What becomes of a request when a callback has seen it, as the ABI numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Next {
    /// It goes where the proxy's route leads.
    GoOn = 0,
    /// It is held, or was answered. What comes of its body is buffered.
    Hold = 1,
    /// In the body callback: it is held, and its sender waits once the buffer is full.
    HoldAndSlowDown = 2,
    /// In the header callback: it is held, and its body is kept back.
    HoldWithoutBody = 4,
}

enum State {
    /// Its headers are not there yet, or it is not ours.
    Idle,
    /// The headers are there, and no configuration to read them by.
    Waiting(Waiting),
    /// The headers are there, the body is awaited.
    Reading(Box<Reading>),
    /// Somebody else is asked.
    Asking(Box<Asking>),
    /// It was answered, here or from the tick.
    Answered,
}

/// What is known of a request that nothing is known about.
#[derive(Clone, Copy)]
struct Waiting {
    ends_with_headers: bool,
    since: Duration,
    /// How much had come with the headers, and how much the body callback has seen since, to its end or not.
    size_then: Option<u64>,
    body: Option<(usize, bool)>,
}

struct Reading {
    head: Head,
    request_id: String,
}

/// A request that is being decided.
struct Served {
    request: TokenRequest,
    request_id: String,
    generation: Rc<Generation>,
    /// When it began.
    since: Duration,
}

/// The peer's address and port, as the connection manager determined them.
const SOURCE_ADDRESS: &[u8] = b"source\0address";

impl Exchange {
    pub(crate) fn new(context_id: u32, worker: Rc<Worker>) -> Self {
        Self {
            context_id,
            worker,
            state: Cell::new(State::Idle),
        }
    }

    /// The headers are there.
    pub(crate) fn headers(&self, end_of_stream: bool) -> Next {
        match self.worker.serving() {
            Serving::By(generation) => self.begin(&generation, end_of_stream, None),
            Serving::NotYet => self.wait(end_of_stream),
            // Envoy runs no stream through a plugin that refused its configuration; if one did, nothing opens.
            Serving::Never => self.answer(&without_configuration()),
        }
    }

    /// Until there is a configuration nobody knows which requests are ours, so all wait for it.
    fn wait(&self, ends_with_headers: bool) -> Next {
        let is_post =
            host::headers(Map::Request).is_ok_and(|headers| headers.lines(b":method").next() == Some(b"POST"));
        let Some(now) = now().filter(|now| self.worker.waiting.hold(self.context_id, *now, *now)) else {
            return self.answer(&without_configuration());
        };
        self.state.set(State::Waiting(Waiting {
            ends_with_headers,
            since: now,
            size_then: held::total_size(),
            body: None,
        }));
        // Of no other request the body is ever read here.
        if is_post { Next::Hold } else { Next::HoldWithoutBody }
    }

    /// Reads the headers; `waited` is what is known of a request that had to wait before.
    fn begin(&self, generation: &Rc<Generation>, end_of_stream: bool, waited: Option<Waiting>) -> Next {
        let policy = &generation.policy;
        let Ok(headers) = host::headers(Map::Request) else {
            return self.answer(&refused(policy, &Refusal::Unavailable));
        };
        let first = |name: &'static [u8]| headers.lines(name).next().unwrap_or_default();
        let path = first(b":path");
        match policy.endpoint.route(first(b":authority"), path) {
            Route::Pass => self.pass(),
            Route::Home => self.answer(&policy.replies.home()),
            Route::Registry => self.answer(&refused(policy, &Refusal::NoRegistry)),
            Route::Unknown => self.answer(&refused(policy, &Refusal::UnknownPath)),
            Route::Token => match Method::parse(first(b":method")) {
                None => self.answer(&refused(policy, &Refusal::Method)),
                Some(Method::Post) if policy.request_body == RequestBody::Route => self.pass(),
                Some(method) => {
                    let reading = Reading {
                        head: head(policy, method, path, &headers),
                        request_id: String::from_utf8_lossy(first(b"x-request-id")).into_owned(),
                    };
                    self.read(generation, reading, end_of_stream, waited)
                }
            },
        }
    }

    fn pass(&self) -> Next {
        self.worker.waiting.release(self.context_id);
        self.state.set(State::Idle);
        Next::GoOn
    }

    /// Answers what needs no body, and holds what does.
    fn read(
        &self,
        generation: &Rc<Generation>,
        reading: Reading,
        end_of_stream: bool,
        waited: Option<Waiting>,
    ) -> Next {
        let policy = &generation.policy;
        if self.worker.is_stale.get() {
            return self.answer(&refused(policy, &Refusal::Unavailable));
        }
        if let Err(refusal) = reading.head.check() {
            return self.answer(&refused(policy, &refusal));
        }
        if reading.head.method == Method::Get || end_of_stream {
            return self.serve(generation, reading, b"");
        }
        if self.worker.held.is_hopeless() {
            return self.answer(&refused(policy, &Refusal::NoPost));
        }
        let Some(now) = now() else {
            return self.answer(&refused(policy, &Refusal::Unavailable));
        };
        let size_then = waited.map_or_else(held::total_size, |waited| waited.size_then);
        if let Some(given_up) = self.worker.held.hold(self.context_id, now, size_then) {
            let _ = host::on_stream(self.context_id, given_up, || refuse(policy, &Refusal::TooSlow));
        }
        self.worker.waiting.release(self.context_id);
        self.state.set(State::Reading(Box::new(reading)));
        match waited.and_then(|waited| waited.body) {
            Some((size, ended)) => self.body(size, ended),
            None => Next::Hold,
        }
    }

    /// More of the body is there, `size` bytes in all.
    pub(crate) fn body(&self, size: usize, end_of_stream: bool) -> Next {
        let reading = match self.state.replace(State::Answered) {
            State::Reading(reading) => reading,
            State::Idle => {
                self.state.set(State::Idle);
                return Next::GoOn;
            }
            State::Waiting(waiting) => {
                self.worker.held.bodies_arrive();
                let body = Some((size, end_of_stream));
                self.state.set(State::Waiting(Waiting { body, ..waiting }));
                // So much is not for us: whoever uploads it must not be told that it is too large.
                return if size > MAX_BODY_BYTES {
                    Next::HoldAndSlowDown
                } else {
                    Next::Hold
                };
            }
            other @ (State::Asking(_) | State::Answered) => {
                self.state.set(other);
                return Next::Hold;
            }
        };
        if !self.worker.held.body_came(self.context_id) {
            return Next::Hold;
        }
        let Some(generation) = self.worker.generation() else {
            return self.answer(&without_configuration());
        };
        let policy = &generation.policy;
        if size > MAX_BODY_BYTES {
            return self.answer(&refused(policy, &Refusal::BodyTooLarge));
        }
        if !end_of_stream {
            self.state.set(State::Reading(reading));
            return Next::Hold;
        }
        match host::buffer(Buffer::RequestBody, size) {
            Ok(body) => self.serve(&generation, *reading, Secret::new(body).expose()),
            Err(_) if size == 0 => self.serve(&generation, *reading, b""),
            Err(_) => self.answer(&refused(policy, &Refusal::Unavailable)),
        }
    }

    /// Trailers end the body too.
    pub(crate) fn trailers(&self) -> Next {
        let state = self.state.replace(State::Answered);
        let is_read = matches!(state, State::Reading(_) | State::Waiting(_));
        self.state.set(state);
        if !is_read {
            return Next::GoOn;
        }
        let size = host::buffer(Buffer::RequestBody, MAX_BODY_BYTES.saturating_add(1)).map_or(0, |body| body.len());
        self.body(size, true)
    }

    /// Decides about the request with this body.
    fn serve(&self, generation: &Rc<Generation>, reading: Reading, body: &[u8]) -> Next {
        self.worker.held.release(self.context_id);
        let policy = &generation.policy;
        let request = match reading.head.with_body(body) {
            Ok(request) => request, // 1
            Err(refusal) => return self.answer(&refused(policy, &refusal)),
        };
        let Some(since) = now().filter(|_| !self.worker.is_stale.get()) else {
            return self.answer(&refused(policy, &Refusal::Unavailable));
        };
        let served = Served {
            request,
            request_id: reading.request_id,
            generation: Rc::clone(generation),
            since,
        };
        let mut attempts = generation.throttle.attempts(seconds(since)); // 2
        let mut patterns = generation.patterns.borrow_mut();
        let step = decide(policy, &served.request, &mut attempts, &mut patterns); // 3, 4
        drop(patterns);
        self.go_on(served, attempts.asked(), step)
    }

    /// Answers what is decided.
    fn issue(&self, served: &Served, decision: &Decision) -> Next {
        let policy = &served.generation.policy;
        let method = served.request.method;
        let reply = now().ok_or(Refusal::Unavailable).and_then(|now| {
            metrics::authentication(audit::method(&served.request), "accepted");
            let token = served.generation.token(decision, seconds(now))?; // 5
            served.record(Record::issued(&served.request, decision, &token));
            Ok(policy.replies.token(&token, decision, method, seconds(now))) // 6
        });
        match reply {
            Ok(reply) => {
                metrics::token_request("issued");
                self.answer(&reply)
            }
            Err(refusal) => self.answer(&refused(policy, &refusal)),
        }
    }

    /// Answers what cannot be decided.
    fn refuse(&self, served: &Served, undecided: Undecided) -> Next {
        // Of a service that is not served nobody was asked who they are, and a stray answer says nothing about it.
        if !matches!(undecided, Undecided::ForeignService(_) | Undecided::StrayAnswer) {
            metrics::authentication(audit::method(&served.request), "refused");
        }
        let reason = undecided.reason().map(str::to_owned);
        let refusal = Refusal::from(undecided);
        served.record(Record::refused(&served.request, refusal.word()).because(reason.as_deref()));
        self.answer(&refused(&served.generation.policy, &refusal))
    }

    fn answer(&self, reply: &Reply) -> Next {
        self.worker.held.release(self.context_id);
        self.worker.waiting.release(self.context_id);
        self.state.set(State::Answered);
        send(reply);
        Next::Hold
    }

    /// Looks after a request that waits, while its stream is selected.
    pub(crate) fn wake(&self, now: Duration) {
        match self.state.replace(State::Answered) {
            State::Waiting(waiting) => self.wake_waiting(waiting, now),
            State::Asking(asking) => self.wake_asking(asking, now),
            other => {
                self.state.set(other);
                self.worker.waiting.release(self.context_id);
            }
        }
    }

    fn wake_waiting(&self, waiting: Waiting, now: Duration) {
        if let Some(generation) = self.worker.generation() {
            if self.begin(&generation, waiting.ends_with_headers, Some(waiting)) == Next::GoOn {
                let _ = host::let_go_on();
            }
        } else if self.worker.waiting.hold(self.context_id, waiting.since, now) {
            self.state.set(State::Waiting(waiting));
        } else {
            self.answer(&without_configuration());
        }
    }

    /// Its stream is gone.
    pub(crate) fn give_up(&self) {
        self.worker.waiting.release(self.context_id);
        drop(self.state.replace(State::Answered));
    }
}

/// What the headers tell.
fn head(policy: &Policy, method: Method, path: &[u8], headers: &Headers) -> Head {
    let address = match &policy.real_ip {
        Some(real_ip) => real_ip.pick(headers.lines(real_ip.header().as_bytes())),
        None => client_address::parse(&host::property(SOURCE_ADDRESS).unwrap_or_default()),
    };
    Head {
        method,
        query: path.splitn(2, |b| *b == b'?').nth(1).unwrap_or_default().to_vec(),
        authorization: headers.joined(b"authorization").map(Secret::new),
        content_type: headers.joined(b"content-type"),
        address,
    }
}

impl Served {
    /// Leaves the decision to Envoy's access log, or to its log.
    fn record(&self, record: Record<'_>) {
        let record = record.by(self.generation.number.get(), &self.generation.etag);
        let states = [
            ("registry_auth_account", record.account()),
            ("registry_auth_decision", record.result()),
        ];
        for (name, value) in states {
            let _ = host::set_filter_state(name, value.as_bytes());
        }
        let took = now().unwrap_or(self.since).saturating_sub(self.since).as_micros();
        let took = u64::try_from(took).unwrap_or(u64::MAX);
        metrics::took(took);
        let audit = self.generation.policy.audit;
        if audit == Audit::Off {
            return;
        }
        let line = record.line(&self.request_id, took);
        if audit == Audit::Log {
            host::log(Level::Info, &format!("registry_auth: audit: {line}"));
        }
        let _ = host::set_filter_state("registry_auth_audit", line.as_bytes());
    }
}

/// Answers the selected stream with a refusal.
pub(crate) fn refuse(policy: &Policy, refusal: &Refusal) {
    send(&refused(policy, refusal));
}

fn refused(policy: &Policy, refusal: &Refusal) -> Reply {
    metrics::token_request(refusal.word());
    policy.replies.refusal(refusal)
}

/// What is answered where nobody knows what is served here.
fn without_configuration() -> Reply {
    metrics::token_request(Refusal::Unavailable.word());
    Replies::new("", false).refusal(&Refusal::Unavailable)
}

fn send(reply: &Reply) {
    if let Err(error) = host::reply(reply.status, &reply.headers, reply.body.as_bytes()) {
        host::log(
            Level::Error,
            &format!("registry_auth: cannot answer: host status {}", error.0),
        );
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.worker.held.release(self.context_id);
        self.worker.waiting.release(self.context_id);
    }
}
