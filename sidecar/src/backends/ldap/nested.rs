//! Groups within groups: what an attribute of an entry names, what the same attribute of those names, and so on.

use std::collections::{HashMap, HashSet, VecDeque};

use registry_auth_core::account::folded;

use super::connection::Connection;
use super::entry::Entry;
use super::fault::Fault;

/// So many groups are looked at, each by a question of its own, before somebody is in too many.
const MOST: usize = 512;

/// The groups that somebody is in, directly or by another one, by the attribute that names them, in lower case.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<String, Vec<String>>);

impl Groups {
    /// Those of an attribute.
    pub(super) fn of(&self, attribute: &str) -> &[String] {
        let groups = self.0.get(&attribute.to_ascii_lowercase());
        groups.map_or(&[], Vec::as_slice)
    }

    /// Follows each of these attributes from `entry` on.
    pub(super) async fn follow(
        connection: &mut Connection,
        entry: &Entry,
        attributes: &[String],
    ) -> Result<Self, Fault> {
        let mut groups = HashMap::new();
        for attribute in attributes {
            let found = follow(connection, entry, attribute).await?;
            groups.insert(attribute.to_ascii_lowercase(), found);
        }
        Ok(Self(groups))
    }
}

/// Each group once, however often and in whatever circle others name it.
async fn follow(connection: &mut Connection, entry: &Entry, attribute: &str) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut next: VecDeque<String> = entry.values(attribute).iter().cloned().collect();
    while let Some(dn) = next.pop_front() {
        if !seen.insert(folded(&dn).into_owned()) {
            continue;
        }
        if found.len() >= MOST {
            return Err(Fault::TooManyGroups {
                dn: entry.dn.clone(),
                most: MOST,
            });
        }
        // One that is elsewhere, or hidden, is a group still.
        if let Some(group) = connection.read(&dn, attribute).await? {
            next.extend(group.values(attribute).iter().cloned());
        }
        found.push(dn);
    }
    Ok(found)
}
