//! Calls to the program beside the proxy: how many are in flight, how long each may take, and what came of it.
//!
//! A cluster that is missing, empty or hanging may fail at once, answer without headers, or never. So each call is known
//! here until it is over: by its answer, by a time of our own, or since nobody waits for it any longer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use registry_auth_core::secret::Secret;
use registry_auth_core::wire::{CONFIG_PATH, DECIDE_PATH, Failure, MAX_MESSAGE_BYTES, SECRET_HEADER, VERIFY_PATH};

use crate::host::{self, Buffer, HostError, Map};
use crate::metrics::{self, Size};
use crate::plugin_config::Managed;
use crate::wait::Wait;

/// The most questions of one worker that are in flight.
const MAX_IN_FLIGHT: usize = 256;

/// The calls of one configuration on one worker.
pub(crate) struct Calls {
    program: Managed,
    /// By the host's number.
    in_flight: RefCell<HashMap<u32, Known>>,
    /// How many of them are questions. A call for a configuration is always there.
    questions: Cell<usize>,
    told: Size,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Config,
    Decide,
    Verify,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The root, for a configuration.
    Root,
    /// The exchange on this stream.
    Exchange(u32),
}

struct Known {
    asker: Asker,
    wait: Wait,
}

/// A call in flight, for as long as somebody waits for its answer.
#[must_use = "what is dropped is given up"]
pub(crate) struct InFlight {
    calls: Rc<Calls>,
    id: u32,
    call: Call,
    ended: bool,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Heard {
    /// 200 with this body.
    Answer(Secret<Vec<u8>>),
    /// 304.
    Unchanged,
    /// 503, since this back-end could not be asked.
    BackendDown(String),
    /// Another status below 500: the question is not taken, and will not be if it is put again.
    Refused(u16),
    /// None of that: a status of the proxy's own, or of whatever else stands there.
    Other(u16),
    /// More than is read.
    TooLong,
    /// The connection broke.
    Nothing,
    /// It took too long.
    TimedOut,
}

impl Calls {
    pub(crate) fn new(program: Managed) -> Self {
        Self {
            program,
            in_flight: RefCell::default(),
            questions: Cell::new(0),
            told: Size::of_calls(),
        }
    }

    /// How the program is asked.
    pub(crate) fn program(&self) -> &Managed {
        &self.program
    }

    /// Asks for a configuration other than `known`, for which the program may wait as long as `waits` says.
    pub(crate) fn ask_for_config(
        self: &Rc<Self>,
        known: Option<&str>,
        waits: Option<Duration>,
        lasts: Duration,
        now: Duration,
    ) -> Result<InFlight, HostError> {
        let path = waits.map_or_else(
            || CONFIG_PATH.to_owned(),
            |waits| format!("{CONFIG_PATH}?wait={}s", waits.as_secs()),
        );
        let known = known.map(|etag| format!("\"{etag}\""));
        let mut headers = self.headers("GET", &path);
        if let Some(known) = &known {
            headers.push(("if-none-match", known));
        }
        self.begin(Call::Config, Asker::Root, &headers, b"", Wait::new(now, lasts), lasts)
    }

    /// Whether one more question may be put.
    pub(crate) fn has_room(&self) -> bool {
        self.questions.get() < MAX_IN_FLIGHT
    }

    /// Puts a question, for which there is room, for the exchange on the stream `context_id`, which is the selected one.
    pub(crate) fn ask(
        self: &Rc<Self>,
        call: Call,
        context_id: u32,
        body: &Secret<Vec<u8>>,
        now: Duration,
    ) -> Result<InFlight, HostError> {
        let mut headers = self.headers("POST", call.path());
        headers.push(("content-type", "application/json"));
        let lasts = self.program.timeout;
        let asker = Asker::Exchange(context_id);
        self.begin(call, asker, &headers, body.expose(), Wait::new(now, lasts), lasts)
    }

    fn headers<'a>(&'a self, method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut headers = vec![
            (":method", method),
            (":path", path),
            (":scheme", "http"),
            (":authority", self.program.authority.as_str()),
        ];
        if let Some(secret) = &self.program.secret {
            headers.push((SECRET_HEADER, secret.expose()));
        }
        headers
    }

    /// It is not taken where there is no such cluster, or nobody in it.
    fn begin(
        self: &Rc<Self>,
        call: Call,
        asker: Asker,
        headers: &[(&str, &str)],
        body: &[u8],
        wait: Wait,
        lasts: Duration,
    ) -> Result<InFlight, HostError> {
        let timeout_ms = u32::try_from(lasts.as_millis()).unwrap_or(u32::MAX);
        let id = host::http_call(&self.program.cluster, headers, body, timeout_ms)
            .inspect_err(|_| metrics::called(call.word(), "failed"))?;
        self.in_flight.borrow_mut().insert(id, Known { asker, wait });
        if call != Call::Config {
            self.count(self.questions.get().saturating_add(1));
        }
        Ok(InFlight {
            calls: Rc::clone(self),
            id,
            call,
            ended: false,
        })
    }

    /// Who waits for the answer to the call `id`. One that was given up is not known.
    pub(crate) fn asker(&self, id: u32) -> Option<Asker> {
        self.in_flight.borrow().get(&id).map(|known| known.asker)
    }

    /// The calls that took too long, with who waits for each.
    pub(crate) fn overdue(&self, now: Duration) -> Vec<(u32, Asker)> {
        let in_flight = self.in_flight.borrow();
        let overdue = in_flight.iter().filter(|(_, known)| known.wait.is_over(now));
        overdue.map(|(id, known)| (*id, known.asker)).collect()
    }

    fn count(&self, questions: usize) {
        self.questions.set(questions);
        self.told.tell(questions);
    }
}

impl InFlight {
    /// The host's number of it.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// It is over, with this in a word.
    pub(crate) fn end(mut self, result: &'static str) {
        self.ended = true;
        metrics::called(self.call.word(), result);
    }
}

/// A client that leaves cancels nothing: the host answers all the same, and nobody is there.
impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.ended {
            metrics::called(self.call.word(), "given_up");
        }
        self.calls.in_flight.borrow_mut().remove(&self.id);
        if self.call != Call::Config {
            self.calls.count(self.calls.questions.get().saturating_sub(1));
        }
    }
}

impl Call {
    fn path(self) -> &'static str {
        match self {
            Self::Config => CONFIG_PATH,
            Self::Decide => DECIDE_PATH,
            Self::Verify => VERIFY_PATH,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Decide => "decide",
            Self::Verify => "verify",
        }
    }
}

impl Heard {
    /// What the answer says that the host tells of now: so many headers, and a body of so many bytes.
    pub(crate) fn now(header_count: usize, size: usize, longest: usize) -> Self {
        if header_count == 0 {
            return Self::Nothing;
        }
        let headers = host::headers(Map::CallResponse).ok();
        let status = headers.and_then(|headers| {
            let status = headers.lines(b":status").next()?;
            str::from_utf8(status).ok()?.parse().ok()
        });
        match status {
            None => Self::Nothing,
            Some(200) if size > longest => Self::TooLong,
            Some(200) => match host::buffer(Buffer::CallResponseBody, size) {
                Ok(body) => Self::Answer(Secret::new(body)),
                // Some hosts have no buffer where there is no body.
                Err(_) if size == 0 => Self::Answer(Secret::new(Vec::new())),
                Err(_) => Self::Nothing,
            },
            Some(304) => Self::Unchanged,
            Some(503) if size <= MAX_MESSAGE_BYTES => backend_down(size).map_or(Self::Other(503), Self::BackendDown),
            Some(status @ 400..500) => Self::Refused(status),
            Some(status) => Self::Other(status),
        }
    }

    /// It in a word, for metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answered",
            Self::Unchanged => "unchanged",
            Self::BackendDown(_) => "backend_down",
            Self::Refused(_) => "refused",
            Self::Other(_) | Self::TooLong => "unreadable",
            Self::Nothing => "failed",
            Self::TimedOut => "timed_out",
        }
    }

    /// It in words, for the log.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Answer(_) => "an answer that cannot be read".to_owned(),
            Self::Unchanged => "status 304".to_owned(),
            Self::BackendDown(backend) => format!("its back-end `{}` could not be asked", backend.escape_debug()),
            Self::Refused(401) => "status 401: set `secret_env` to the variable that holds its secret".to_owned(),
            Self::Refused(status) | Self::Other(status) => format!("status {status}"),
            Self::TooLong => "an answer that is too long".to_owned(),
            Self::Nothing => "no answer".to_owned(),
            Self::TimedOut => "no answer in time".to_owned(),
        }
    }
}

/// The back-end that could not be asked, if that is what the program says and not something between.
fn backend_down(size: usize) -> Option<String> {
    let body = host::buffer(Buffer::CallResponseBody, size).ok()?;
    let failure: Failure = serde_json::from_slice(&body).ok()?;
    Some(failure.backend)
}
