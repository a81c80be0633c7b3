//! Lists of rules that databases hold: how often they are read, and whether they are taken.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{gauge, seconds};
use crate::lists::Reading;
use crate::lock::held;

/// What is counted of lists.
#[derive(Debug)]
pub(super) struct Lists {
    read: Family<ListResult, Counter>,
    seconds: Family<List, Histogram, fn() -> Histogram>,
    rules: Family<List, Gauge>,
    refused: Family<ListEntry, Gauge>,
    /// The entry that [`Self::refused`] has of each list.
    named: Mutex<BTreeMap<&'static str, String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct List {
    list: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListResult {
    list: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListEntry {
    list: &'static str,
    entry: String,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            read: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            rules: Family::default(),
            refused: Family::default(),
            named: Mutex::default(),
        }
    }
}

impl Lists {
    /// A list was read.
    pub(super) fn read(&self, list: &'static str, reading: &Reading, took: Duration) {
        let result = reading.as_str();
        self.read.get_or_create(&ListResult { list, result }).inc();
        self.seconds.get_or_create(&List { list }).observe(took.as_secs_f64());
        match reading {
            Reading::Failed => {}
            Reading::Refused { entry, .. } => self.is_refused(list, Some(entry.clone())),
            Reading::Unchanged(rules) | Reading::Taken(rules) => {
                self.is_refused(list, None);
                self.rules.get_or_create(&List { list }).set(gauge(*rules));
            }
        }
    }

    /// One entry at a time for each list: one that was mended is told of no longer.
    fn is_refused(&self, list: &'static str, entry: Option<String>) {
        let mut refused = held(&self.named);
        let before = match &entry {
            Some(entry) => refused.insert(list, entry.clone()),
            None => refused.remove(list),
        };
        if let Some(entry) = before {
            self.refused.remove(&ListEntry { list, entry });
        }
        if let Some(entry) = entry {
            self.refused.get_or_create(&ListEntry { list, entry }).set(1);
        }
    }

    pub(super) fn register(&self, r: &mut Registry) {
        r.register("lists_read", "Readings of lists of rules", self.read.clone());
        r.register(
            "list_read_seconds",
            "Time it took to read a list of rules",
            self.seconds.clone(),
        );
        r.register("list_rules", "Rules of a list as it was last good", self.rules.clone());
        r.register(
            "list_refused",
            "The entry for which a list of rules is refused",
            self.refused.clone(),
        );
    }
}
