//! `registry-auth serve`: takes a configuration, listens, and takes the next one when a file changes.

mod events;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use registry_auth_core::problem::{Place, Problem, Problems};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::watch::Watch;
use crate::config::{self, Loaded, Origin};
use crate::generation::{Edition, Generation};
use crate::hash_pool::{HashPool, Size};
use crate::health;
use crate::listen::{self, Address, Listen};
use crate::lists::{Ear, Heard, News};
use crate::metrics::Metrics;
use crate::prepared::{Base, Circumstances, Listeners, Prepared, prepare};
use crate::server::{Endpoint, Limits, Opened, Server, Stopped, raise_open_files};
use crate::state::State;
use crate::throttle::Throttle;
use crate::{api, clock, random, token_endpoint};
use events::{Event, Signals};

/// How long what is in flight may take to end.
const LONGEST_STOP: Duration = Duration::from_secs(8);

/// The shortest time for which a generation is marked.
const SHORTEST_MARK: Duration = Duration::from_mins(2);

/// What `serve` is told on the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration, in one file or several.
    pub files: Vec<PathBuf>,
    /// Where the token endpoint listens, in place of `server.addr`.
    pub listen: Listen,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// It never began: there is no good configuration.
    Refused,
}

/// Environment variables by name.
pub type Environment = fn(&str) -> Option<String>;

/// The running program.
struct Program {
    options: Options,
    environment: Environment,
    state: Arc<State>,
    server: Server,
    open_files: u64,
    news: Arc<News>,
    followed: Option<Followed>,
    /// Until when what is in force is marked, see [`Edition::mark`].
    marked: Option<Instant>,
}

/// What the next generation is made of when a list changes, and what tells of that.
struct Followed {
    base: Base,
    _tasks: JoinSet<()>,
}

/// A configuration that is good: all that is left is to put it in force.
struct Ready {
    generation: Generation,
    followed: Followed,
    listeners: Opened,
    warnings: Vec<Problem>,
}

/// Whom to ask for health, by a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Its `admin` tells.
    Admin(Address),
    /// There is no `admin`: all that can be seen is whether the token endpoint takes connections.
    Token(Address),
}

/// Where a program that serves this configuration can be asked for its health.
///
/// # Errors
/// When the files cannot be read, or name no address.
pub fn asked(files: &[PathBuf], environment: Environment) -> anyhow::Result<Asked> {
    let Loaded {
        document,
        mut problems,
        origin,
    } = config::load(files, &environment);
    let Some(document) = document else {
        anyhow::bail!("{}", origin.report(&problems));
    };
    let program = document.program.context("the configuration is not that of a program")?;
    let found = match program.admin {
        Some(section) => listen::Admin::read(section, &mut problems).map(|admin| Asked::Admin(admin.listener.address)),
        None => listen::Token::read(program.listener, &document.server, &Listen::AsConfigured, &mut problems)
            .and_then(|token| token.listener)
            .map(|listener| Asked::Token(listener.address)),
    };
    found.ok_or_else(|| anyhow::anyhow!("{}", origin.report(&problems)))
}

/// Serves until it is told to stop.
///
/// # Errors
/// When the system gives no signals or no randomness.
pub async fn run(options: Options, environment: Environment) -> anyhow::Result<Ended> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let metrics = Metrics::new();
    let throttle = Throttle::new().context("cannot begin")?;
    let pool = HashPool::start(Size::of_this_machine(), random::bytes()?).context("cannot start threads")?;
    let mut program = Program {
        options,
        environment,
        server: Server::new(Arc::clone(&metrics)),
        open_files: raise_open_files(),
        news: Arc::default(),
        followed: None,
        marked: None,
        state: Arc::new(State::new(throttle, pool, metrics)),
    };
    let mut ear = program.news.ear();
    let (origin, ready) = program.load(&mut ear).await;
    let mut watch = Watch::of(&origin);
    match ready {
        Ok(ready) => program.put_in_force(&origin, ready),
        Err(problems) => {
            eprint!("{}", origin.report(&problems));
            return Ok(Ended::Refused);
        }
    }
    loop {
        match signals.next(&mut watch, &mut ear, program.marked).await {
            Event::Changed(why) => program.reload(why, &mut watch, &mut ear).await,
            Event::Heard(Heard::List) => program.renew(None),
            Event::Heard(Heard::Told) => program.renew_marked(),
            Event::Heard(Heard::Asked) => program.read_lists_again(),
            Event::MarkIsOver => program.renew_unmarked(),
            Event::Stop(signal) => {
                tracing::info!(signal, "stopping");
                break;
            }
        }
    }
    program.stop().await;
    Ok(Ended::Stopped)
}

impl Program {
    /// Reads the files, and opens and compiles all that they say; nothing of what is in force changes.
    async fn load(&self, ear: &mut Ear) -> (Origin, Result<Ready, Problems>) {
        let Loaded {
            document,
            problems,
            mut origin,
        } = config::load(&self.options.files, &self.environment);
        let Some(document) = document else {
            return (origin, Err(problems));
        };
        let circumstances = Circumstances {
            environment: &self.environment,
            listen: &self.options.listen,
            observer: &self.state.observer(),
            edition: self.next_edition(None),
        };
        let Prepared {
            generation,
            base,
            listeners,
            warnings,
        } = match prepare(document, &mut origin, problems, circumstances) {
            Ok(prepared) => prepared,
            Err(problems) => return (origin, Err(problems)),
        };
        let listeners = match self.server.open(self.endpoints(listeners)).await {
            Ok(listeners) => listeners,
            Err(error) => {
                let mut problems = Problems::default();
                problems.error(&Place::root(), format_args!("cannot listen: {error}"));
                return (origin, Err(problems));
            }
        };
        let followed = self.follow(base).await;
        ear.catch_up();
        let generation = match followed.base.compile(self.next_edition(None)) {
            None => generation,
            Some(Ok(generation)) => generation,
            Some(Err(problems)) => return (origin, Err(problems)),
        };
        let ready = Ready {
            generation,
            followed,
            listeners,
            warnings,
        };
        (origin, Ok(ready))
    }

    /// Has the lists read, beginning with what is known of them.
    async fn follow(&self, base: Base) -> Followed {
        if let Some(before) = &self.followed {
            base.lists.take_over(&before.base.lists);
        }
        let tasks = base.follow(&self.news);
        base.lists.first().await;
        Followed { base, _tasks: tasks }
    }

    /// Its number is milliseconds since the epoch, and more than the one in force, also after the clock was set back.
    fn next_edition(&self, mark: Option<u64>) -> Edition {
        let now = u64::try_from(clock::since_epoch().as_millis()).unwrap_or(u64::MAX);
        let before = self.state.generation().map_or(0, |generation| generation.number);
        Edition {
            number: now.max(before.saturating_add(1)),
            mark,
            now: clock::now(),
        }
    }

    fn endpoints(&self, listeners: Listeners) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        if let Some(token) = listeners.token {
            let router = token_endpoint::router(Arc::clone(&self.state), token.trusted_proxies);
            endpoints.extend(token.listener.map(|listener| Endpoint {
                name: "token",
                listener,
                router,
                limits: Limits::CLIENTS.within(self.open_files),
            }));
        }
        if let Some(filter) = listeners.filter {
            endpoints.push(Endpoint {
                name: "filter",
                listener: filter.listener,
                router: api::router(Arc::clone(&self.state), filter.secret),
                limits: Limits::FILTER.within(self.open_files),
            });
        }
        if let Some(admin) = listeners.admin {
            endpoints.push(Endpoint {
                name: "admin",
                listener: admin.listener,
                router: self.health(),
                limits: Limits::ADMIN,
            });
        }
        endpoints
    }

    /// The routes of `admin.listen`, with gauges that are told when somebody asks.
    fn health(&self) -> Router {
        let state = Arc::clone(&self.state);
        let router = health::router(
            Arc::clone(&state.readiness),
            Arc::clone(&state.metrics),
            Arc::clone(&self.news),
        );
        router.layer(map_request(move |request: Request| {
            state.tell_sizes();
            std::future::ready(request)
        }))
    }

    fn put_in_force(&mut self, origin: &Origin, ready: Ready) {
        for warning in &ready.warnings {
            tracing::warn!("{}", origin.warning(warning));
        }
        self.state.forget_backends(&ready.followed.base.lists.keys());
        self.followed = Some(ready.followed);
        self.marked = None;
        self.install(ready.generation);
        self.state.prepare();
        self.server.install(ready.listeners);
    }

    fn install(&self, generation: Generation) {
        let (number, etag) = (generation.number, generation.etag.clone());
        self.state.put_in_force(generation);
        tracing::info!(generation = number, etag, "configuration in force");
    }

    /// Puts in force what the files said, with what the lists hold now.
    fn renew(&self, mark: Option<u64>) {
        let base = self.followed.as_ref().map(|followed| &followed.base);
        match base.and_then(|base| base.compile(self.next_edition(mark))) {
            None => {}
            Some(Ok(generation)) => self.install(generation),
            Some(Err(problems)) => tracing::error!(
                errors = problems.errors().len(),
                "with what the lists of rules hold the configuration is refused, and the last good one stays in force\n{problems}"
            ),
        }
    }

    /// As [`Self::renew`], and nothing that was remembered outlives it, not even where all is the same: who accounts are
    /// may have changed.
    fn renew_marked(&mut self) {
        let ttl = self
            .state
            .generation()
            .map(|generation| generation.policy.cache.decisions_ttl);
        // As long as anything could be remembered from before. Then the mark goes: other programs that serve the same
        // configuration have none, or another.
        let span = ttl.unwrap_or_default().saturating_mul(2).max(SHORTEST_MARK);
        self.marked = Instant::now().checked_add(span);
        let mark = random::bytes().map(u64::from_be_bytes);
        self.renew(mark.ok());
    }

    /// Somebody changed a database, and it may be one that tells nobody.
    fn read_lists_again(&mut self) {
        match &self.followed {
            Some(followed) if !followed.base.lists.is_empty() => followed.base.lists.read_again(),
            _ => self.renew_marked(),
        }
    }

    fn renew_unmarked(&mut self) {
        self.marked = None;
        self.renew(None);
    }

    /// Takes what the files say now, if it is good.
    async fn reload(&mut self, why: &'static str, watch: &mut Watch, ear: &mut Ear) {
        tracing::info!(why, "reading the configuration again");
        let (origin, ready) = self.load(ear).await;
        watch.follow(&origin);
        let before = self.state.generation().map(|generation| generation.etag.clone());
        let result = match &ready {
            Ok(ready) if Some(&ready.generation.etag) == before.as_ref() => "unchanged",
            Ok(_) => "taken",
            Err(_) => "refused",
        };
        self.state.metrics.reload(result);
        match ready {
            Ok(ready) => self.put_in_force(&origin, ready),
            Err(problems) => tracing::error!(
                errors = problems.errors().len(),
                "the configuration is refused, and the last good one stays in force\n{}",
                origin.report(&problems)
            ),
        }
    }

    /// Sends away who only waits, and finishes what is in flight.
    async fn stop(self) {
        self.state.readiness.stopping();
        match self.server.stop(LONGEST_STOP).await {
            Stopped::Finished => tracing::info!("stopped"),
            Stopped::CutOff(connections) => tracing::warn!(connections, "stopped; some had no answer yet"),
        }
    }
}
