//! One client request, from its headers to the answer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::audit::{self, Record};
use registry_auth_core::client_address;
use registry_auth_core::config::{Audit, RequestBody};
use registry_auth_core::decide::{Step, Undecided, decide};
use registry_auth_core::policy::Policy;
use registry_auth_core::reply::{Refusal, Reply};
use registry_auth_core::request::route::Route;
use registry_auth_core::request::{Head, MAX_BODY_BYTES, Method};
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;

use crate::host::{self, Buffer, Headers, Level};
use crate::metrics;
use crate::root::{Generation, Worker};

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
    /// It is held, or was answered.
    Hold = 1,
}

enum State {
    /// Its headers are not there yet, or it is not ours.
    Idle,
    /// The headers are there, the body is awaited. Decided by the generation of then.
    Reading(Box<Reading>),
    /// It was answered, here or from the tick.
    Answered,
}

struct Reading {
    head: Head,
    request_id: String,
    generation: Rc<Generation>,
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
        let Some(generation) = self.worker.generation() else {
            // Envoy runs no stream through a plugin that refused its configuration; if one did, nothing opens.
            self.state.set(State::Answered);
            send(&Reply {
                status: 503,
                headers: Vec::new(),
                body: String::new(),
            });
            return Next::Hold;
        };
        let policy = &generation.policy;
        let Ok(headers) = host::request_headers() else {
            return self.answer(&refused(policy, &Refusal::Unavailable));
        };
        let first = |name: &'static [u8]| headers.lines(name).next().unwrap_or_default();
        let path = first(b":path");
        match policy.endpoint.route(first(b":authority"), path) {
            Route::Pass => Next::GoOn,
            Route::Home => self.answer(&policy.replies.home()),
            Route::Registry => self.answer(&refused(policy, &Refusal::NoRegistry)),
            Route::Unknown => self.answer(&refused(policy, &Refusal::UnknownPath)),
            Route::Token => match Method::parse(first(b":method")) {
                None => self.answer(&refused(policy, &Refusal::Method)),
                Some(Method::Post) if policy.request_body == RequestBody::Route => Next::GoOn,
                Some(method) => {
                    let head = head(policy, method, path, &headers);
                    let request_id = String::from_utf8_lossy(first(b"x-request-id")).into_owned();
                    self.read(
                        Reading {
                            head,
                            request_id,
                            generation: Rc::clone(&generation),
                        },
                        end_of_stream,
                    )
                }
            },
        }
    }

    /// Answers what needs no body, and holds what does.
    fn read(&self, reading: Reading, end_of_stream: bool) -> Next {
        let policy = &reading.generation.policy;
        if let Err(refusal) = reading.head.check() {
            return self.answer(&refused(policy, &refusal));
        }
        if reading.head.method == Method::Get || end_of_stream {
            return self.answer(&reading.reply(b""));
        }
        if self.worker.held.is_hopeless() {
            return self.answer(&refused(policy, &Refusal::NoPost));
        }
        let Ok(now) = host::now() else {
            return self.answer(&refused(policy, &Refusal::Unavailable));
        };
        if let Some(given_up) = self.worker.held.hold(self.context_id, Duration::from_nanos(now)) {
            let _ = host::on_stream(self.context_id, given_up, || refuse(policy, &Refusal::TooSlow));
        }
        self.state.set(State::Reading(Box::new(reading)));
        Next::Hold
    }

    /// More of the body is there, `size` bytes in all.
    pub(crate) fn body(&self, size: usize, end_of_stream: bool) -> Next {
        let reading = match self.state.replace(State::Answered) {
            State::Reading(reading) => reading,
            State::Idle => {
                self.state.set(State::Idle);
                return Next::GoOn;
            }
            State::Answered => return Next::Hold,
        };
        if !self.worker.held.body_came(self.context_id) {
            return Next::Hold;
        }
        let policy = &reading.generation.policy;
        let reply = if size > MAX_BODY_BYTES {
            refused(policy, &Refusal::BodyTooLarge)
        } else if end_of_stream {
            match host::buffer(Buffer::RequestBody, size) {
                Ok(body) => reading.reply(Secret::new(body).expose()),
                Err(_) if size == 0 => reading.reply(b""),
                Err(_) => refused(policy, &Refusal::Unavailable),
            }
        } else {
            self.state.set(State::Reading(reading));
            return Next::Hold;
        };
        self.answer(&reply)
    }

    /// Trailers end the body too.
    pub(crate) fn trailers(&self) -> Next {
        let state = self.state.replace(State::Answered);
        let is_read = matches!(state, State::Reading(_));
        self.state.set(state);
        if !is_read {
            return Next::GoOn;
        }
        let size = host::buffer(Buffer::RequestBody, MAX_BODY_BYTES.saturating_add(1)).map_or(0, |body| body.len());
        self.body(size, true)
    }

    fn answer(&self, reply: &Reply) -> Next {
        self.worker.held.release(self.context_id);
        self.state.set(State::Answered);
        send(reply);
        Next::Hold
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

impl Reading {
    /// The answer to the request with this body.
    fn reply(&self, body: &[u8]) -> Reply {
        let policy = &self.generation.policy;
        match self.serve(body) {
            Ok(reply) => {
                metrics::token_request("issued");
                reply
            }
            Err(refusal) => refused(policy, &refusal),
        }
    }

    fn serve(&self, body: &[u8]) -> Result<Reply, Refusal> {
        let policy = &self.generation.policy;
        let request = self.head.with_body(body)?; // 1
        let start = host::now().map_err(|_| Refusal::Unavailable)?;
        let now = Timestamp::from_seconds(Duration::from_nanos(start).as_secs());
        let mut attempts = self.generation.throttle.attempts(now); // 2
        let mut patterns = self.generation.patterns.borrow_mut();
        let decided = decide(policy, &request, &mut attempts, &mut patterns); // 3, 4
        drop(patterns);
        let decision = match decided {
            Ok(Step::Decided(decision)) => decision,
            // A configuration that stands in the plugin names nobody who could be asked.
            Ok(Step::Ask(_)) => return Err(Refusal::Unavailable),
            Err(undecided) => {
                // Of a service that is not served nobody was asked who they are.
                if !matches!(undecided, Undecided::ForeignService(_)) {
                    metrics::authentication(audit::method(&request), "refused");
                }
                let refusal = Refusal::from(undecided);
                self.record(Record::refused(&request, refusal.word()), start);
                return Err(refusal);
            }
        };
        metrics::authentication(audit::method(&request), "accepted");
        let token = self.generation.token(&decision, now)?; // 5
        self.record(Record::issued(&request, &decision, &token), start);
        Ok(policy.replies.token(&token, &decision, request.method, now)) // 6
    }

    /// Leaves the decision to Envoy's access log, or to its log.
    fn record(&self, record: Record<'_>, start: u64) {
        let states = [
            ("registry_auth_account", record.account()),
            ("registry_auth_decision", record.result()),
        ];
        for (name, value) in states {
            let _ = host::set_filter_state(name, value.as_bytes());
        }
        let took = host::now().unwrap_or(start).saturating_sub(start) / 1_000;
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
    }
}
