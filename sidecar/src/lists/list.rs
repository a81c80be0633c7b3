//! One list: read, judged as a whole, and kept as it was last good.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use registry_auth_core::acl::Acl;
use registry_auth_core::config::acl::{Options, Rule, rule};
use registry_auth_core::config::backend::RuleList;
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::{Place, Problem, Problems};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::News;
use crate::backend::{BackendError, Entry, RuleSource};
use crate::backends::mongo::rules::MongoRules;
use crate::backends::sql::SqlRules;
use crate::chain::Observer;
use crate::lock::held;

/// How often a list is read if `cache_ttl` does not say.
const EVERY: Duration = Duration::from_mins(1);

/// The shortest and the longest `cache_ttl`.
const RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);

/// How soon a database that could not be asked is asked again, if that is sooner.
const AFTER_A_FAULT: Duration = Duration::from_secs(2);

/// The longest that one reading may take, whatever the back-end's own limit.
const LONGEST: Duration = Duration::from_mins(5);

/// So many warnings of a list are told.
const MOST_TOLD: usize = 20;

/// A list, and what is known of it.
#[derive(Debug)]
pub(super) struct List {
    which: RuleList,
    section: Section,
    options: Options,
    every: Duration,
    source: Box<dyn RuleSource>,
    observer: Arc<dyn Observer>,
    known: watch::Sender<Known>,
    told: Notify,
    was_told: AtomicBool,
    fault: Mutex<Option<Fault>>,
}

/// What is known of a list.
#[derive(Clone, Debug, Default)]
struct Known {
    was_asked_for: bool,
    rules: Option<Arc<[Rule]>>,
}

/// What was wrong the last time, so that it is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Down,
    Refused(String),
}

/// What became of one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The database could not be asked.
    Failed,
    /// An entry is wrong, and so all of it: the last good one stays.
    Refused {
        /// The entry, as an operator finds it.
        entry: String,
        /// What is wrong, with its place.
        why: String,
    },
    /// It is the one that is known, of so many entries.
    Unchanged(usize),
    /// It is another one, of so many entries.
    Taken(usize),
}

impl Reading {
    /// The word for it in metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Refused { .. } => "refused",
            Self::Unchanged(_) => "unchanged",
            Self::Taken(_) => "taken",
        }
    }
}

/// Why a list is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The entry, as an operator finds it.
    pub entry: String,
    /// What is wrong, with its place.
    pub why: String,
}

impl List {
    pub(super) fn open(
        which: RuleList,
        mut section: Section,
        options: Options,
        sources: Sources<'_>,
        observer: &Arc<dyn Observer>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let every = section.duration("cache_ttl", RANGE, problems).unwrap_or(EVERY);
        let written = section.clone();
        let source: Option<Box<dyn RuleSource>> = match which {
            RuleList::Mongo => MongoRules::open(&mut section, sources, problems).map(|rules| Box::new(rules) as _),
            RuleList::Sql => SqlRules::open(&mut section, sources, problems).map(|rules| Box::new(rules) as _),
        };
        section.finish(problems);
        Some(Self {
            which,
            section: written,
            options,
            every,
            source: source?,
            observer: Arc::clone(observer),
            known: watch::Sender::default(),
            told: Notify::new(),
            was_told: AtomicBool::new(false),
            fault: Mutex::default(),
        })
    }

    pub(super) fn which(&self) -> RuleList {
        self.which
    }

    /// See [`RuleSource::try_out`].
    pub(super) async fn try_out(&self, deadline: Instant) -> Result<Vec<Entry>, BackendError> {
        self.source.try_out(deadline).await
    }

    pub(super) fn key(&self) -> &'static str {
        self.which.key()
    }

    /// Whether both are the same list, read in the same way.
    pub(super) fn is_the_same_as(&self, other: &Self) -> bool {
        self.which == other.which && self.options == other.options && self.section.holds_the_same_as(&other.section)
    }

    pub(super) fn take_over(&self, other: &Self) {
        let rules = other.known.borrow().rules.clone();
        self.known.send_modify(|known| known.rules = rules);
    }

    /// The rules as they were last good; none if the list was never read.
    pub(super) fn rules(&self) -> Option<Arc<[Rule]>> {
        self.known.borrow().rules.clone()
    }

    /// Waits until it is known, or was asked for in vain.
    pub(super) async fn first(&self) {
        let mut known = self.known.subscribe();
        let first = known.wait_for(|known| known.was_asked_for || known.rules.is_some());
        // The sender is our own.
        let _ = first.await;
    }

    /// Takes note of what the database tells, however long it takes to read the list.
    pub(super) async fn hear(self: Arc<Self>) {
        loop {
            self.source.changed().await;
            self.read_again();
        }
    }

    /// Has it read at once; the generation that comes of it forgets all that is remembered.
    pub(super) fn read_again(&self) {
        self.was_told.store(true, Ordering::Relaxed);
        self.told.notify_one();
    }

    /// Reads the list each `cache_ttl`, and as soon as the database tells of a change.
    pub(super) async fn follow(self: Arc<Self>, news: Arc<News>) {
        loop {
            let was_told = self.was_told.swap(false, Ordering::Relaxed);
            let reading = self.read().await;
            if was_told {
                news.told();
            } else if matches!(reading, Reading::Taken(_)) {
                news.changed();
            }
            let pause = match reading {
                Reading::Failed => self.every.min(AFTER_A_FAULT),
                Reading::Refused { .. } | Reading::Unchanged(_) | Reading::Taken(_) => self.every,
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.told.notified() => {}
            }
        }
    }

    /// Reads the list, and takes it if all of it is good.
    pub(super) async fn read(&self) -> Reading {
        let begun = Instant::now();
        let deadline = begun.checked_add(LONGEST).unwrap_or(begun);
        let reading = match self.source.read(deadline).await {
            Ok(entries) => self.judge(entries).await,
            Err(error) => self.failed(&error),
        };
        self.known.send_modify(|known| known.was_asked_for = true);
        self.observer.read(self.key(), &reading, begun.elapsed());
        reading
    }

    async fn judge(&self, entries: Vec<Entry>) -> Reading {
        let (key, options, before) = (self.key(), self.options, self.rules());
        let judged = tokio::task::spawn_blocking(move || judged(key, options, before.as_deref(), entries)).await;
        let judged = judged.unwrap_or_else(|_| {
            Err(Refusal {
                entry: "all of it".to_owned(),
                why: "judging it broke off".to_owned(),
            })
        });
        match judged {
            Ok(None) => {
                self.recovered();
                Reading::Unchanged(self.rules().map_or(0, |rules| rules.len()))
            }
            Ok(Some((rules, warnings))) => {
                self.recovered();
                self.taken(rules, &warnings)
            }
            Err(Refusal { entry, why }) => {
                if self.is_new(Fault::Refused(why.clone())) {
                    error!(
                        backend = key,
                        entry,
                        error = why,
                        "the list of rules is refused as a whole, and the last good one stays"
                    );
                }
                Reading::Refused { entry, why }
            }
        }
    }

    fn taken(&self, rules: Vec<Rule>, warnings: &[Problem]) -> Reading {
        for warning in warnings.iter().take(MOST_TOLD) {
            warn!(backend = self.key(), "{warning}");
        }
        let count = rules.len();
        info!(backend = self.key(), rules = count, "another list of rules");
        self.known.send_modify(|known| known.rules = Some(rules.into()));
        Reading::Taken(count)
    }

    fn failed(&self, error: &BackendError) -> Reading {
        if self.is_new(Fault::Down) {
            let stays = if self.rules().is_some() {
                "the last good one stays"
            } else {
                "what only it could decide is answered 503"
            };
            warn!(
                backend = self.key(),
                error = error.what,
                "the list of rules cannot be read, and {stays}"
            );
        }
        Reading::Failed
    }

    fn is_new(&self, fault: Fault) -> bool {
        held(&self.fault).replace(fault.clone()) != Some(fault)
    }

    fn recovered(&self) {
        if held(&self.fault).take().is_some() {
            info!(backend = self.key(), "the list of rules can be read again");
        }
    }
}

/// The rules of a list, with what an operator should know of them.
pub type Judged = (Vec<Rule>, Vec<Problem>);

/// The rules of the list `key`, with what an operator should know of them.
///
/// # Errors
/// When one of them is wrong: the list is refused as a whole.
pub fn judge(key: &'static str, options: Options, entries: Vec<Entry>) -> Result<Judged, Refusal> {
    judged(key, options, None, entries).map(Option::unwrap_or_default)
}

/// The same; none if they are those of `before`.
fn judged(
    key: &'static str,
    options: Options,
    before: Option<&[Rule]>,
    entries: Vec<Entry>,
) -> Result<Option<Judged>, Refusal> {
    let mut problems = Problems::default();
    let place = Place::root().key(key);
    let mut rules = Vec::with_capacity(entries.len());
    for Entry { name, node, .. } in entries {
        let read = rule(node, place.key(&name), &mut problems);
        if let Some(why) = problems.errors().first() {
            return Err(Refusal {
                entry: name,
                why: why.to_string(),
            });
        }
        rules.extend(read.map(|read| named(read, key, &name)));
    }
    if before.is_some_and(|before| before == rules) {
        return Ok(None);
    }
    // What it compiles to is made again with the rules before it; here it shows what is wrong.
    drop(Acl::compile(&rules, options, &mut problems));
    let Some(why) = problems.errors().first() else {
        return Ok(Some((rules, problems.warnings().to_vec())));
    };
    let wrong = rules.iter().find(|rule| is_within(why.place(), &rule.place));
    let entry = wrong.map_or("an entry", |rule| rule.place.path());
    Err(Refusal {
        entry: entry
            .strip_prefix(key)
            .unwrap_or(entry)
            .trim_matches(['[', ']', '"'])
            .to_owned(),
        why: why.to_string(),
    })
}

/// A decision names its rule by the number in the list of all, and by its comment: that tells where it stands.
fn named(mut rule: Rule, key: &str, name: &str) -> Rule {
    rule.comment = Some(match rule.comment {
        Some(comment) if !comment.is_empty() => format!("{key} {name}: {comment}"),
        _ => format!("{key} {name}"),
    });
    rule
}

fn is_within(place: &Place, whole: &Place) -> bool {
    let rest = place.path().strip_prefix(whole.path());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
