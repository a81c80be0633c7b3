//! `--connect`: whether back-ends can be asked, and lists of rules be taken.

use std::time::Duration;

use registry_auth_core::config::Document;
use registry_auth_core::problem::{Place, Problems};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::lists::{Refusal, judge};
use crate::prepared::Prepared;

/// How long all of it may take: each back-end has a limit of its own.
const PATIENCE: Duration = Duration::from_mins(2);

/// Asks each back-end and reads each list; those that answer, by their keys. What fails is noted in `problems`.
pub(super) fn ask(document: &Document, prepared: &Prepared, problems: &mut Problems) -> Vec<&'static str> {
    Handle::current().block_on(answering(document, prepared, problems))
}

async fn answering(document: &Document, prepared: &Prepared, problems: &mut Problems) -> Vec<&'static str> {
    let now = Instant::now();
    let deadline = now.checked_add(PATIENCE).unwrap_or(now);
    let mut answering = Vec::new();
    let mut note = |key: &'static str, fault: Option<String>| match fault {
        Some(fault) => problems.error(&place(document, key), fault),
        None => answering.push(key),
    };
    for (list, read) in prepared.base.lists.try_out(deadline).await {
        let key = list.key();
        let judged = match read {
            Ok(entries) => judge(key, document.acl_options, entries).map(drop),
            Err(error) => {
                note(key, Some(error.what));
                continue;
            }
        };
        let refused = |Refusal { why, .. }| format!("holds a list that is refused as a whole: {why}");
        note(key, judged.map_err(refused).err());
    }
    for (key, tried) in prepared.generation.chain.try_out(deadline).await {
        note(key, tried.map_err(|error| error.what).err());
    }
    answering
}

/// Where the section of a back-end stands.
fn place(document: &Document, key: &str) -> Place {
    let Some(program) = &document.program else {
        return Place::root().key(key);
    };
    let sections = program.backends.authn.iter();
    let found = sections.filter(|(backend, _)| backend.key() == key);
    let found = found.map(|(_, section)| section.place().clone()).next();
    found.unwrap_or_else(|| Place::root().key(key))
}
