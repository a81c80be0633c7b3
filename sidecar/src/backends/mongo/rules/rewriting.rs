//! The collection of rules as `registry-auth acl` rewrites it.
//!
//! The new list is written beside the old one and takes its name: whoever reads meanwhile has the one or the other. There
//! is no lock: what somebody else changes in the same moment is lost.

use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use registry_auth_core::config::Node;
use tokio::time::Instant;

use super::super::index;
use super::MongoRules;
use crate::backend::{Asking, BackendError, Entry, RuleSource as _};
use crate::tables::{Rewriting, RuleTable};

/// So many documents are sent at once.
const AT_ONCE: usize = 1_000;

/// The code of a server that does not have what it is asked for.
const NOT_IMPLEMENTED: i32 = 238;

impl MongoRules {
    fn no(&self, error: Error) -> BackendError {
        let error = self.server.no_answer(error);
        self.error(error.fault(), error)
    }

    async fn rewritten(&self, rewriting: Rewriting<'_>) -> Result<(), BackendError> {
        let no = |error| self.no(error);
        let old = self
            .server
            .collection()
            .map_err(|error| self.error(error.fault(), error))?;
        let database = old.client().database(&old.namespace().db);
        let before = self.entries_now().await?;
        let was_empty = before.is_empty();
        let Some(entries) = rewriting(before) else {
            return Ok(());
        };
        let random = crate::random::bytes::<8>().map(u64::from_be_bytes).unwrap_or_default();
        let name = format!("{}_new_{random:016x}", old.name());
        let new: Collection<Document> = database.collection(&name);
        let written = async {
            // Its index comes with it; an empty collection is there as well then.
            index::make_unique(&self.server, &new.clone_with_type(), "seq")
                .await
                .map_err(|error| self.error(error.fault(), error))?;
            let documents: Vec<Document> = entries.iter().map(document).collect();
            for part in documents.chunks(AT_ONCE) {
                new.insert_many(part).await.map_err(no)?;
            }
            match renamed(&new, &old, true).await {
                // FerretDB 1 cannot replace one collection by another, and an empty one is the same as none.
                Err(error) if was_empty && is_not_implemented(&error) => {
                    old.drop().await.map_err(no)?;
                    renamed(&new, &old, false).await.map_err(no)
                }
                renamed => renamed.map_err(no),
            }
        };
        let written = written.await;
        if written.is_err() {
            // What is left of it is in nobody's way, and its name tells what it was.
            let _ = new.drop().await;
        }
        written
    }

    async fn entries_now(&self) -> Result<Vec<Entry>, BackendError> {
        let now = Instant::now();
        self.read(now.checked_add(self.timeout).unwrap_or(now)).await
    }
}

impl RuleTable for MongoRules {
    fn entries(&self) -> Asking<'_, Vec<Entry>> {
        Box::pin(self.entries_now())
    }

    fn rewrite<'a>(&'a self, rewriting: Rewriting<'a>) -> Asking<'a, ()> {
        Box::pin(self.rewritten(rewriting))
    }
}

/// `new` gets the name of `old`, and takes its place if it `replaces` it.
async fn renamed<T: Send + Sync>(new: &Collection<Document>, old: &Collection<T>, replaces: bool) -> Result<(), Error> {
    let rename = doc! {
        "renameCollection": new.namespace().to_string(),
        "to": old.namespace().to_string(),
        "dropTarget": replaces,
    };
    old.client().database("admin").run_command(rename).await.map(drop)
}

fn is_not_implemented(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(error) if error.code == NOT_IMPLEMENTED)
}

/// An entry as docker_auth keeps it.
fn document(entry: &Entry) -> Document {
    let mut document = doc! { "seq": entry.seq.unwrap_or_default() };
    if let Node::Map(fields) = &entry.node {
        document.extend(fields.iter().map(|(key, node)| (key.clone(), bson(node))));
    }
    document
}

fn bson(node: &Node) -> Bson {
    match node {
        Node::Null => Bson::Null,
        Node::Bool(flag) => Bson::Boolean(*flag),
        Node::Number(number) => Bson::Double(*number),
        Node::Text(text) | Node::Plain(text) => Bson::String(text.clone()),
        Node::List(nodes) => Bson::Array(nodes.iter().map(bson).collect()),
        Node::Map(entries) => Bson::Document(entries.iter().map(|(key, node)| (key.clone(), bson(node))).collect()),
    }
}
