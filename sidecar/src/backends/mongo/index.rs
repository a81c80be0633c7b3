//! The unique indexes that docker_auth makes: so that of a name, or a place in a list, there is one document.

use mongodb::bson::{Document, RawDocumentBuf};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use tracing::warn;

use super::fault::{NoAnswer, refusal};
use super::server::Server;

/// The server's word for having no right to something, and for a document that stands in the way.
const UNAUTHORIZED: i32 = 13;
const DUPLICATE_KEY: i32 = 11_000;

/// Sees to it that `field` is unique in `collection`. A server that says no to that is no fault: what it holds can be read.
pub(super) async fn make_unique(
    server: &Server,
    collection: &Collection<RawDocumentBuf>,
    field: &'static str,
) -> Result<(), NoAnswer> {
    let mut keys = Document::new();
    keys.insert(field, 1);
    let options = IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder().keys(keys).options(options).build();
    let Err(error) = collection.create_index(index).await else {
        return Ok(());
    };
    let why = match refusal(&error) {
        None => return Err(server.no_answer(error)),
        Some(UNAUTHORIZED) => "there is no right to make one; make it by hand, or give the right `createIndex`",
        Some(DUPLICATE_KEY) => "some documents have the same; delete all but one of each",
        Some(_) => "the server refuses it; make it by hand",
    };
    let error = super::fault::told(&error);
    warn!(collection = server.shown(), field, %error, "there is no unique index: {why}");
    Ok(())
}
