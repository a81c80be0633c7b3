//! Groups within groups: what an attribute of an entry names, what the same attribute of those names, and so on.
//!
//! An Active Directory is asked for all of them at once, by its matching rule; elsewhere each group is looked up.

use std::collections::{HashMap, HashSet, VecDeque};

use ldap3::ldap_escape;
use registry_auth_core::account::folded;
use tracing::debug;

use super::connection::Connection;
use super::entry::Entry;
use super::fault::Fault;

/// Somebody is in so many groups at most.
const MOST: usize = 512;

/// The attribute that names the groups of an entry in an Active Directory, which makes it of `member`.
const MEMBER_OF: &str = "memberOf";

/// Finds the groups that have an entry as a member, or a member that is such a group (MS-ADTS section 3.1.1.3.4.4.3).
const IN_CHAIN: &str = "member:1.2.840.113556.1.4.1941:";

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
            let domain = if attribute.eq_ignore_ascii_case(MEMBER_OF) {
                connection.domain().await?
            } else {
                None
            };
            let found = match domain {
                Some(domain) => in_chain(connection, entry, &domain).await?,
                None => follow(connection, entry, attribute).await?,
            };
            groups.insert(attribute.to_ascii_lowercase(), found);
        }
        Ok(Self(groups))
    }
}

/// Those that the Active Directory of `domain` finds. It looks no further than that, so what an entry itself names counts
/// besides.
async fn in_chain(connection: &mut Connection, entry: &Entry, domain: &str) -> Result<Vec<String>, Fault> {
    let filter = format!("({IN_CHAIN}={})", ldap_escape(entry.dn.as_str()));
    let groups = connection.names(domain, &filter, MOST).await?;
    let mut found = groups.ok_or_else(|| too_many(entry))?;
    let mut seen: HashSet<String> = found.iter().map(|dn| folded(dn).into_owned()).collect();
    for dn in entry.values(MEMBER_OF) {
        if seen.insert(folded(dn).into_owned()) {
            found.push(dn.clone());
        }
    }
    debug!(
        entry = entry.dn,
        groups = found.len(),
        "the domain found groups within groups"
    );
    Ok(found)
}

fn too_many(entry: &Entry) -> Fault {
    Fault::TooManyGroups {
        dn: entry.dn.clone(),
        most: MOST,
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
            return Err(too_many(entry));
        }
        // One that is elsewhere, or hidden, is a group still.
        if let Some(group) = connection.read(&dn, &[attribute]).await? {
            next.extend(group.values(attribute).iter().cloned());
        }
        found.push(dn);
    }
    Ok(found)
}
