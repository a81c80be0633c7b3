//! A token as `serve` would issue it, or one for which nobody was asked.

use std::borrow::Cow;
use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use registry_auth_core::account::{Account, Identity, Labels};
use registry_auth_core::acl::{Because, Grant};
use registry_auth_core::authn::attempt::InPlace;
use registry_auth_core::authn::{Proof, Standing};
use registry_auth_core::config::Sources;
use registry_auth_core::decide::{Answer, Decision, Known, Question, Step, Undecided, resume};
use registry_auth_core::problem::Place;
use registry_auth_core::request::{Credentials, Method, TokenRequest};
use registry_auth_core::scope::{Actions, Scopes};
use registry_auth_core::secret::Secret;
use registry_auth_core::service::Service;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{self, Jti};
use serde_json::json;
use tokio::time::Instant;

use super::super::Exit;
use super::super::serve::Environment;
use super::super::span::span;
use super::{Token, TokenError};
use crate::chain::Chain;
use crate::config::{self, Loaded, Origin};
use crate::generation::{Edition, Generation};
use crate::hash_pool::{HashPool, Size};
use crate::metrics::Metrics;
use crate::random;
use crate::signer::NativeSigner;
use crate::state::{Failed, State};
use crate::throttle::Throttle;

/// How long back-ends may take.
const LONGEST: Duration = Duration::from_secs(10);

/// What stands in the place of a rule where none was asked.
const BY_GRANT: &str = "--grant";

/// What became of it.
pub(super) enum Outcome {
    Minted(Box<Minted>),
    /// `serve` would refuse, for this reason.
    Refused(String),
}

/// A token, and all that is to say of it.
pub(super) struct Minted {
    token: token::Token,
    decision: Decision,
    origin: Origin,
    lifetime: Duration,
    is_granted: bool,
}

pub(super) async fn mint(asked: &Token, environment: Environment, now: Timestamp) -> Result<Outcome, TokenError> {
    let account = Account::parse(&asked.account)?;
    let request = TokenRequest {
        credentials: if account.is_anonymous() {
            Credentials::Anonymous
        } else {
            let password = Secret::new(Vec::new());
            Credentials::Password {
                account: account.clone(),
                password,
            }
        },
        service: Service::parse(&asked.service)?,
        scopes: Scopes::parse(asked.scope.iter().map(String::as_str))?,
        address: asked.ip,
        method: Method::Get,
        offline: false,
    };
    let state = state()?;
    let (generation, origin) = generation(asked, environment, &state, now)?;
    let policy = &generation.policy;
    let lifetime = asked.lifetime.unwrap_or_else(|| policy.mint.lifetime());
    if lifetime > policy.mint.lifetime() {
        return Err(TokenError::TooLong(policy.mint.lifetime()));
    }
    if policy
        .services
        .as_ref()
        .is_some_and(|services| !services.contains(&request.service))
    {
        return Ok(Outcome::Refused(format!(
            "refused: the service `{}` is not among `services`, so `serve` would answer 400",
            request.service
        )));
    }
    let decision = if asked.grant {
        granted(&generation, &request, account)?
    } else {
        let known = match policy.users.standing(&account) {
            Standing::Known(identity, proof) => Known::user(identity.clone(), proof),
            Standing::Unknown if policy.asks.accounts => return Err(TokenError::Backends(asked.account.clone())),
            standing => return Ok(Outcome::Refused(not_let_in(&account, standing))),
        };
        decided(&state, &generation, &request, known, now).await?
    };
    let mint = policy.mint.clone().for_at_most(lifetime);
    let jti = Jti::from_random(random::bytes()?);
    let token = mint.issue(&decision, now, &jti, &NativeSigner::new(&policy.key))?;
    Ok(Outcome::Minted(Box::new(Minted {
        token,
        decision,
        origin,
        lifetime,
        is_granted: asked.grant,
    })))
}

fn not_let_in(account: &Account, standing: Standing<'_>) -> String {
    let why = match (account.is_anonymous(), standing) {
        (true, _) => {
            "nobody is let in without a name, since there is no user `\"\"`; name one with `--account`".to_owned()
        }
        (false, Standing::Closed) => format!("no password lets `{account}` in, since its `password` is empty"),
        (false, _) => format!("there is no user `{account}`"),
    };
    format!("refused: {why}; `serve` would answer 401")
}

/// What `serve` has besides a configuration, as small as may be: no hash is computed here.
fn state() -> Result<State, TokenError> {
    let size = Size {
        threads: NonZeroUsize::MIN,
        queue: 1,
    };
    Ok(State::new(
        Throttle::new()?,
        HashPool::start(size, random::bytes()?)?,
        Metrics::new(),
    ))
}

fn generation(
    asked: &Token,
    environment: Environment,
    state: &State,
    now: Timestamp,
) -> Result<(Generation, Origin), TokenError> {
    let Loaded {
        document,
        mut problems,
        mut origin,
    } = config::load(&asked.files, &environment);
    let Some(document) = document else {
        return Err(TokenError::Configuration(origin.report(&problems)));
    };
    let backends = document
        .program
        .as_ref()
        .map(|program| program.backends.clone())
        .unwrap_or_default();
    let observer = state.observer();
    let chain = origin.with_sources(&environment, |sources: Sources<'_>| {
        Chain::open(backends, sources, &observer, &mut problems)
    });
    let edition = Edition {
        number: 0,
        mark: None,
        now,
    };
    match Generation::compile(document, Arc::new(chain), edition, problems) {
        Ok((generation, _)) => Ok((generation, origin)),
        Err(problems) => Err(TokenError::Configuration(origin.report(&problems))),
    }
}

async fn decided(
    state: &State,
    generation: &Generation,
    request: &TokenRequest,
    known: Known,
    now: Timestamp,
) -> Result<Decision, TokenError> {
    let mut attempts = state.throttle.attempts(None, generation.policy.cache, now);
    let begun = Instant::now();
    let deadline = begun.checked_add(LONGEST).unwrap_or(begun);
    Ok(state
        .decide(generation, request, Some(known), &mut attempts, deadline)
        .await?)
}

/// What a back-end would have to say for all of it to be granted.
fn granted(generation: &Generation, request: &TokenRequest, account: Account) -> Result<Decision, TokenError> {
    let known = Known {
        identity: Identity {
            account,
            labels: Labels::default(),
        },
        proof: Proof::Open,
        backend: Cow::Borrowed(BY_GRANT),
    };
    let found = request
        .scopes
        .iter()
        .map(|scope| (scope.actions().clone(), Because::Backend(Arc::from(BY_GRANT))));
    let answer = Answer::Decided(known, found.collect());
    let step = generation.with_patterns(|patterns| {
        resume(
            &generation.policy,
            request,
            Question::Authenticate,
            answer,
            &mut InPlace,
            patterns,
        )
    });
    match step.map_err(Failed::from)? {
        Step::Decided(decision) => Ok(decision),
        Step::Ask(_) => Err(Failed::from(Undecided::StrayAnswer).into()),
    }
}

impl Minted {
    /// Yes, if all of it is granted.
    pub(super) fn exit(&self) -> Exit {
        let all = self.decision.grants().iter().all(|grant| missing(grant).is_empty());
        if all { Exit::Yes } else { Exit::No }
    }

    /// The token on a line of its own.
    pub(super) fn token(&self) -> Secret<String> {
        Secret::new(format!("{}\n", self.token.text().expose()))
    }

    /// What it is good for, without the token.
    pub(super) fn text(&self) -> String {
        let account = self.decision.identity().account.as_str();
        let account = if account.is_empty() {
            "the anonymous account"
        } else {
            account
        };
        let mut text = String::new();
        if self.is_granted {
            let _ = writeln!(
                text,
                "warning: no rule was asked; the token allows what you wrote, not what {account} may do"
            );
        }
        let _ = writeln!(
            text,
            "for {account}, at the service `{}`, until {} ({})",
            self.decision.service(),
            self.token.expires_at(),
            span(self.lifetime)
        );
        if self.decision.grants().is_empty() {
            text.push_str("  nothing was asked for: it is good to log in with; `--scope` asks for more\n");
        }
        for grant in self.decision.grants() {
            let _ = writeln!(
                text,
                "  {}:{}  {}  {}",
                grant.scope().resource().kind(),
                grant.scope().resource().name(),
                outcome(grant),
                self.because(grant.because())
            );
        }
        text
    }

    /// Everything, for programs.
    pub(super) fn json(&self) -> Secret<String> {
        let scopes = self.decision.grants().iter().map(|grant| {
            json!({
                "type": grant.scope().resource().kind(),
                "name": grant.scope().resource().name(),
                "asked": grant.scope().actions(),
                "granted": grant.actions(),
                "because": self.because(grant.because()),
            })
        });
        let scopes: Vec<_> = scopes.collect();
        let told = json!({
            "token": self.token.text().expose().as_str(),
            "account": self.decision.identity().account.as_str(),
            "service": self.decision.service().as_str(),
            "issued_at": self.token.issued_at().to_string(),
            "expires_at": self.token.expires_at().to_string(),
            "jti": self.token.jti(),
            "scopes": scopes,
        });
        Secret::new(format!("{told}\n"))
    }

    /// The rule that decided, with file and line.
    fn because(&self, because: &Because) -> String {
        let index = match because {
            Because::Rule { index, .. } | Because::CannotJudge { index, .. } => *index,
            Because::NoRule => return "no rule matches".to_owned(),
            Because::Backend(name) => return format!("by {name}"),
        };
        let place = Place::root().key("acl").index(index);
        match self.origin.line(&place) {
            Some((file, line)) => format!("{}:{line} {}", file.display(), told(because, &place)),
            None => told(because, &place),
        }
    }
}

/// `acl[3] "readers may pull"`.
fn told(because: &Because, place: &Place) -> String {
    match because {
        Because::Rule {
            comment: Some(comment), ..
        } => format!("{place} {comment:?}"),
        Because::CannotJudge { .. } => format!("{place} cannot be judged"),
        Because::Rule { .. } | Because::NoRule | Because::Backend(_) => place.to_string(),
    }
}

/// What was asked for and is not granted.
fn missing(grant: &Grant) -> Actions {
    let granted: Vec<&str> = grant.actions().iter().collect();
    grant
        .scope()
        .actions()
        .iter()
        .filter(|action| !granted.contains(action))
        .collect()
}

fn outcome(grant: &Grant) -> String {
    let missing = missing(grant);
    match (grant.actions().is_empty(), missing.is_empty()) {
        (true, true) => "nothing was asked for".to_owned(),
        (true, false) => format!("not {missing}"),
        (false, true) => format!("granted {}", grant.actions()),
        (false, false) => format!("granted {}, not {missing}", grant.actions()),
    }
}
