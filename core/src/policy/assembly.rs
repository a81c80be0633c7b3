//! A policy that is put together in small steps from a configuration of the wire, beside the one that is in force.
//!
//! Each user and each rule of the one before whose line is the same is taken over as it is. What comes out is what
//! [`Policy::compile`] makes of the same document.
//!
//! ```
//! use registry_auth_core::config::{Document, Sources};
//! use registry_auth_core::policy::{Asks, Assembly, Progress};
//! use registry_auth_core::problem::Problems;
//! use registry_auth_core::time::Timestamp;
//! use registry_auth_core::wire;
//!
//! # let key = include_str!("../token/testdata/p256.pem");
//! # let json = serde_json::json!({"token": {"issuer": "i", "key": key}, "users": {"ada": {}}, "acl": []}).to_string();
//! let document = Document::read(serde_json::from_str(&json)?, Sources::of_a_proxy(&|_| None), &mut Problems::default());
//! let written = wire::config::write(&document, Asks::default(), 1_700_000_000_000);
//!
//! let now = Timestamp::from_seconds(1_800_000_000);
//! let mut assembly = Assembly::begin(written.body, None, now)?;
//! assert_eq!(assembly.head().etag, written.etag);
//! while assembly.step() == Progress::More {
//!     // As long as there is time; the rest in the next tick.
//! }
//! let (policy, warnings) = assembly.finish()?;
//!
//! let mut remains = policy.dismantle();
//! while remains.step() == Progress::More {}
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::ops::Range;

use super::settings::{KnownKey, Minting, Served, Settings};
use super::{NO_RULES, NO_USERS, Policy, Remains, required, required_token};
use crate::config::Document;
use crate::config::acl::Options;
use crate::piecemeal::{Progress, TextMark};
use crate::problem::{Place, Problem, Problems};
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::wire::config::{self as wire, Beginning, Body, Head, MAX_CONFIG_BYTES, WireConfigError};
use crate::{acl, authn};

/// How much one step does: so many lines that are taken over, or fewer that are read.
const WORK: usize = 32;
/// What a user costs that is read, in lines that are taken over.
const READING_A_USER: usize = 4;
/// The same of a rule.
const READING_A_RULE: usize = 16;

/// The shortest line of a user and of a rule, in bytes: what a head promises beyond that is not believed.
const SHORTEST_USER: usize = r#"["",{}]"#.len();
const SHORTEST_RULE: usize = r#"{"match":{},"actions":[]}"#.len();

/// A policy on its way.
#[must_use = "what is dropped is freed at once; `dismantle` it"]
pub struct Assembly {
    head: Head,
    now: Timestamp,
    problems: Problems,
    body: Body,
    stage: Stage,
    settings: Option<Settings>,
    known_key: Option<KnownKey>,
    users: authn::Builder,
    users_announced: Option<usize>,
    acl: acl::Builder,
    rules_announced: Option<usize>,
}

/// What comes next. Each is at least one step.
enum Stage {
    /// The settings are read.
    Settings(Secret<String>),
    /// The key is read: of RSA this takes some milliseconds.
    Key(Box<Pending>),
    /// The certificates are looked at.
    Token(Box<Pending>),
    /// Users are read, from this number on.
    Users(usize),
    /// Rules are read, from this number on.
    Rules(usize),
    /// What is left of the body is wiped.
    Wiping,
    /// The index of the rules is made.
    Index,
    /// There was a fault: what was made is taken apart.
    Discarding(Box<Remains>),
    /// Nothing comes.
    Done,
}

/// Settings that are read, but not compiled.
struct Pending {
    document: Document,
    served: Served,
    text: TextMark,
}

impl Assembly {
    /// Begins with a configuration as it came over the wire, as of `now`. What did not change is taken over of the policy
    /// `before`, if there is one; the caller may let go of that. Only the first line is read here.
    ///
    /// # Errors
    /// See [`WireConfigError`].
    pub fn begin(body: Secret<Vec<u8>>, before: Option<&Policy>, now: Timestamp) -> Result<Self, WireConfigError> {
        let length = body.expose().len();
        if length > MAX_CONFIG_BYTES {
            return Err(WireConfigError::TooLarge(length));
        }
        let mut body = Body::new(body);
        let first = body.next_line().unwrap_or_default();
        let Beginning {
            head,
            settings: text,
            users,
            rules,
        } = wire::head(body.line(first))?;
        body.wipe_read();
        let room = |announced: Option<usize>, shortest: usize| {
            let most = body.left().checked_div(shortest).unwrap_or_default();
            announced.unwrap_or_default().min(most)
        };
        let (room_for_users, room_for_rules) = (room(users, SHORTEST_USER), room(rules, SHORTEST_RULE));
        let mark = TextMark::of(text.expose().as_bytes());
        let settings = before.and_then(|before| Settings::taken_over(before, mark, now));
        let mut problems = Problems::by_release(&head.release);
        let stage = match &settings {
            Some(settings) => {
                problems.warn_again(&settings.origin.warnings);
                Stage::Users(0)
            }
            None => Stage::Settings(text),
        };
        let options = before.map(|before| before.acl.options()).unwrap_or_default();
        Ok(Self {
            now,
            problems,
            stage,
            settings,
            known_key: before.map(KnownKey::of),
            users: authn::Builder::new(room_for_users, before.map(|before| &before.users)),
            users_announced: users,
            acl: acl::Builder::new(options, room_for_rules, before.map(|before| &before.acl))
                .with_marks(room_for_rules),
            rules_announced: rules,
            head,
            body,
        })
    }

    /// What its first line says.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Goes on a little: a few lines or a part of the index, which is some tens of microseconds of work. Only a key or
    /// certificates that are new, and a line that is very long, take more, each at once.
    pub fn step(&mut self) -> Progress {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Settings(text) => self.read_settings(&text),
            Stage::Key(pending) => self.read_key(pending),
            Stage::Token(pending) => self.read_token(*pending),
            Stage::Users(from) => self.read_users(from),
            Stage::Rules(from) => self.read_rules(from),
            Stage::Wiping if self.body.wipe_some() == Progress::More => Stage::Wiping,
            Stage::Wiping if self.problems.is_refusal() => self.discard(),
            Stage::Wiping => Stage::Index,
            Stage::Index if self.acl.step() == Progress::More => Stage::Index,
            Stage::Discarding(mut remains) => match remains.step() {
                Progress::More => Stage::Discarding(remains),
                Progress::Done => return Progress::Done,
            },
            Stage::Index | Stage::Done => return Progress::Done,
        };
        Progress::More
    }

    /// What all came to; steps that were not done yet are done now. With the policy come the warnings.
    ///
    /// # Errors
    /// All problems, if one of them is a fault.
    pub fn finish(mut self) -> Result<(Policy, Vec<Problem>), Problems> {
        while self.step() == Progress::More {}
        let Self { users, acl, .. } = self;
        let asks = self.head.asks;
        let policy = self.settings.filter(|_| !self.problems.is_refusal());
        let policy = policy.map(|settings| Policy::of(settings, users.finish(), acl.finish(), asks));
        self.problems.or(policy)
    }

    /// Ends it before its time, since another one takes its place: begins to take apart what was made.
    pub fn dismantle(self) -> Remains {
        match self.stage {
            Stage::Discarding(remains) => *remains,
            _ => Remains::of(self.users.dismantle(), self.acl.dismantle()).and(self.body),
        }
    }

    fn discard(&mut self) -> Stage {
        let users = std::mem::replace(&mut self.users, authn::Builder::new(0, None));
        let acl = std::mem::replace(&mut self.acl, acl::Builder::new(Options::default(), 0, None));
        Stage::Discarding(Box::new(Remains::of(users.dismantle(), acl.dismantle())))
    }

    fn read_settings(&mut self, text: &Secret<String>) -> Stage {
        let document = wire::settings(text, &mut self.problems);
        let served = Served::compile(&document, &mut self.problems);
        self.acl.set_options(document.acl_options);
        Stage::Key(Box::new(Pending {
            document,
            served,
            text: TextMark::of(text.expose().as_bytes()),
        }))
    }

    /// If it is wrong, the next step finds that again, and says so.
    fn read_key(&mut self, pending: Box<Pending>) -> Stage {
        let pem = pending.document.token.as_ref().and_then(|token| token.key.as_ref());
        let key = pem.and_then(|pem| KnownKey::read(pem, self.known_key.as_ref()).ok());
        self.known_key = key;
        Stage::Token(pending)
    }

    fn read_token(&mut self, pending: Pending) -> Stage {
        let Pending {
            mut document,
            served,
            text,
        } = pending;
        let token = required_token(document.token.take(), &mut self.problems);
        let minting =
            token.and_then(|token| Minting::compile(token, self.known_key.as_ref(), self.now, &mut self.problems));
        self.settings = minting.map(|minting| {
            let settings = Settings::new(&document, served, minting);
            settings.read_from(text, self.problems.warnings())
        });
        Stage::Users(0)
    }

    fn read_users(&mut self, from: usize) -> Stage {
        if from == 0 && self.users_announced.is_none() && !self.head.asks.accounts {
            required::<()>(None, "users", NO_USERS, &mut self.problems);
        }
        let (mut number, mut work) = (from, 0_usize);
        while work < WORK {
            if number >= self.users_announced.unwrap_or_default() || self.problems.is_full() {
                return Stage::Rules(0);
            }
            let Some(line) = self.body.next_line() else {
                self.cut_short("users", number, self.users_announced);
                return Stage::Rules(0);
            };
            work = work.saturating_add(self.read_user(number, line));
            self.body.wipe_read();
            number = number.saturating_add(1);
        }
        Stage::Users(number)
    }

    /// Takes one user over, or reads it, and says how much work that was.
    fn read_user(&mut self, number: usize, line: Range<usize>) -> usize {
        let line = self.body.line(line);
        let mark = TextMark::of(line);
        if let Some(name) = wire::name_of_user(line)
            && !self.users.has(&name)
            && self.users.take_over(&name, mark)
        {
            return 1;
        }
        let warnings = self.problems.warnings().len();
        let Some(user) = wire::user(line, number, &mut self.problems) else {
            return READING_A_USER;
        };
        if self.users.has(&user.name) {
            self.problems.error(&user.place, "stands twice");
        }
        // What there is to be warned of is told each time, so it is not taken over.
        let mark = (self.problems.warnings().len() == warnings).then_some(mark);
        self.users.add(user, mark, &mut self.problems);
        READING_A_USER
    }

    fn read_rules(&mut self, from: usize) -> Stage {
        if from == 0 && self.rules_announced.is_none() && !self.head.asks.scopes {
            required::<()>(None, "acl", NO_RULES, &mut self.problems);
        }
        let (mut number, mut work) = (from, 0_usize);
        while work < WORK {
            if self.problems.is_full() {
                return Stage::Wiping;
            }
            if number >= self.rules_announced.unwrap_or_default() {
                if self.body.left() > 0 && !self.problems.is_refusal() {
                    self.problems.error(
                        &Place::root(),
                        "goes on behind its last rule; it was damaged on its way",
                    );
                }
                return Stage::Wiping;
            }
            let Some(line) = self.body.next_line() else {
                self.cut_short("acl", number, self.rules_announced);
                return Stage::Wiping;
            };
            work = work.saturating_add(self.read_rule(number, line));
            self.body.wipe_read();
            number = number.saturating_add(1);
        }
        Stage::Rules(number)
    }

    /// Takes one rule over, or reads it, and says how much work that was.
    fn read_rule(&mut self, number: usize, line: Range<usize>) -> usize {
        let line = self.body.line(line);
        let mark = TextMark::of(line);
        if self.acl.take_over(mark) {
            return 1;
        }
        let warnings = self.problems.warnings().len();
        if let Some(rule) = wire::rule(line, number, &mut self.problems) {
            let mark = (self.problems.warnings().len() == warnings).then_some(mark);
            self.acl.add(&rule, mark, &mut self.problems);
        }
        READING_A_RULE
    }

    fn cut_short(&mut self, key: &str, found: usize, announced: Option<usize>) {
        let announced = announced.unwrap_or_default();
        self.problems.error(
            &Place::root().key(key),
            format_args!("ends after {found} of {announced}; the configuration was cut short on its way"),
        );
    }
}

#[cfg(test)]
mod tests;
