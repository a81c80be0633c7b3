//! Lists of rules that databases hold. They are read again and again, and what is read is a part of the configuration as
//! if it stood in `acl`: a decision then costs no question, in the proxy neither.
//!
//! A list that was never read decides nothing, and neither does what comes after it: a scope that the rules before it leave
//! open is then an error, see [`crate::generation::Generation::unread`].

mod list;
mod news;

use std::sync::Arc;
use std::time::Duration;

use registry_auth_core::config::acl::{MAX_RULES, Options};
use registry_auth_core::config::backend::RuleList;
use registry_auth_core::config::{Document, Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::backend::{BackendError, Entry};
use crate::chain::Observer;
use list::List;
pub use list::{Judged, Reading, Refusal, judge};
pub use news::{Ear, Heard, News};

/// How long a configuration waits for lists that were never read, before it is in force without them.
const LONGEST_FIRST: Duration = Duration::from_secs(6);

/// The lists of one configuration, in their order.
#[derive(Debug, Default)]
pub struct Lists(Vec<Arc<List>>);

impl Lists {
    /// Opens each list; what is wrong with one is noted in `problems`. Nothing is read yet. Each reading is told to
    /// `observer`.
    pub fn open(
        sections: &[(RuleList, Section)],
        options: Options,
        sources: Sources<'_>,
        observer: &Arc<dyn Observer>,
        problems: &mut Problems,
    ) -> Self {
        let lists = sections.iter().filter_map(|(which, section)| {
            let list = List::open(*which, section.clone(), options, sources, observer, problems)?;
            Some(Arc::new(list))
        });
        Self(lists.collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their keys.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static str> {
        self.0.iter().map(|list| list.key()).collect()
    }

    /// What was read of the same lists for the configuration before is where these begin.
    pub fn take_over(&self, before: &Self) {
        for list in &self.0 {
            if let Some(same) = before.0.iter().find(|other| list.is_the_same_as(other)) {
                list.take_over(same);
            }
        }
    }

    /// Reads them for as long as `tasks` live, and tells `news` of changes.
    pub fn follow(&self, news: &Arc<News>, tasks: &mut JoinSet<()>) {
        for list in &self.0 {
            tasks.spawn(Arc::clone(list).hear());
            tasks.spawn(Arc::clone(list).follow(Arc::clone(news)));
        }
    }

    /// Has them read at once. What comes of it is told as by a database, be it the same or not.
    pub fn read_again(&self) {
        for list in &self.0 {
            list.read_again();
        }
    }

    /// Waits until each list is known, or was asked for in vain, but not for long.
    pub async fn first(&self) {
        let all = async {
            for list in &self.0 {
                list.first().await;
            }
        };
        // What takes longer is a part of the next generation.
        let _ = timeout(LONGEST_FIRST, all).await;
    }

    /// What each list holds now, in their order; nothing is changed, and none is judged.
    pub async fn try_out(&self, deadline: Instant) -> Vec<(RuleList, Result<Vec<Entry>, BackendError>)> {
        let mut read = Vec::with_capacity(self.0.len());
        for list in &self.0 {
            read.push((list.which(), list.try_out(deadline).await));
        }
        read
    }

    /// Makes what was read a part of `document`: the rules are behind those of `acl`, and lists that are known are none any
    /// more. Those that are not stay, with all behind them.
    pub fn complete(&self, document: &mut Document, problems: &mut Problems) {
        let Some(program) = &mut document.program else { return };
        let rules = document.acl.get_or_insert_default();
        let mut known = 0_usize;
        for list in &self.0 {
            let Some(read) = list.rules() else { break };
            rules.extend(read.iter().cloned());
            known = known.saturating_add(1);
            if rules.len() > MAX_RULES {
                problems.error(
                    &Place::root().key(list.key()),
                    format_args!(
                        "makes {} rules together with those before it; at most {MAX_RULES} are taken",
                        rules.len()
                    ),
                );
                return;
            }
        }
        program.backends.lists.drain(..known.min(program.backends.lists.len()));
    }
}

#[cfg(test)]
mod tests;
