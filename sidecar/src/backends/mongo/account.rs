//! An account as docker_auth keeps it: `{username, password, labels}`.

use std::collections::BTreeMap;

use mongodb::bson::{RawBsonRef, RawDocument, RawDocumentBuf, error::Error};
use registry_auth_core::account::{Labels, LabelsArePatterns};
use registry_auth_core::secret::Secret;
use thiserror::Error;

/// What is read of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// What a password is to fit; without one, every password does.
    pub(super) password: Option<Secret<String>>,
    pub(super) labels: Labels,
}

/// What is wrong with the documents of an account.
#[derive(Debug, Error)]
pub(super) enum BadAccount {
    #[error("{0} documents, so that nobody can say which one counts; delete the others")]
    Several(usize),
    #[error("more documents than can be looked through; see its collation")]
    TooMany,
    #[error("the field `{0}` twice in one document")]
    Twice(&'static str),
    #[error("a `password` that is no text")]
    Password,
    #[error("`labels` that are not of the form `{{name: [\"value\"]}}`")]
    Labels,
    #[error("`labels` of more than {} bytes", super::super::MAX_ANSWER_BYTES)]
    TooLong,
    #[error("a document that is none: {0}")]
    Broken(#[from] Error),
}

/// The fields that count, each as it stands in a document.
#[derive(Default)]
struct Fields<'d> {
    username: Option<RawBsonRef<'d>>,
    password: Option<RawBsonRef<'d>>,
    labels: Option<RawBsonRef<'d>>,
}

/// Of the documents that the database takes for those of `account`, the one whose name is that text, byte for byte. A
/// database also finds it in a list, and by its collation under another spelling. There were at most `most` of them.
pub(super) fn choose(
    documents: &[RawDocumentBuf],
    account: &str,
    most: usize,
    are_patterns: LabelsArePatterns,
) -> Result<Option<Kept>, BadAccount> {
    let mut found = Vec::new();
    for document in documents {
        let fields = Fields::of(document)?;
        if matches!(fields.username, Some(RawBsonRef::String(name)) if name == account) {
            found.push(fields);
        }
    }
    match (found.pop(), found.len()) {
        (None, _) if documents.len() >= most => Err(BadAccount::TooMany),
        (None, _) => Ok(None),
        (Some(fields), 0) => fields.read(are_patterns).map(Some),
        (Some(_), others) => Err(BadAccount::Several(others.saturating_add(1))),
    }
}

impl<'d> Fields<'d> {
    fn of(document: &'d RawDocument) -> Result<Self, BadAccount> {
        let mut fields = Self::default();
        for element in document {
            let (name, value) = element?;
            let (field, name) = match name.as_str() {
                "username" => (&mut fields.username, "username"),
                "password" => (&mut fields.password, "password"),
                "labels" => (&mut fields.labels, "labels"),
                _ => continue,
            };
            if field.replace(value).is_some() {
                return Err(BadAccount::Twice(name));
            }
        }
        Ok(fields)
    }

    fn read(self, are_patterns: LabelsArePatterns) -> Result<Kept, BadAccount> {
        let password = match self.password {
            None | Some(RawBsonRef::Null) => None,
            Some(RawBsonRef::String(hash)) => Some(Secret::new(hash.to_owned())),
            Some(_) => return Err(BadAccount::Password),
        };
        let labels = match self.labels {
            None | Some(RawBsonRef::Null) => BTreeMap::new(),
            Some(RawBsonRef::Document(labels)) => labels_of(labels)?,
            Some(_) => return Err(BadAccount::Labels),
        };
        Ok(Kept {
            password,
            labels: Labels::new(labels, are_patterns),
        })
    }
}

/// An empty list may be null, as Go writes it.
fn labels_of(document: &RawDocument) -> Result<BTreeMap<String, Vec<String>>, BadAccount> {
    if document.as_bytes().len() > super::super::MAX_ANSWER_BYTES {
        return Err(BadAccount::TooLong);
    }
    let mut labels = BTreeMap::new();
    for element in document {
        let (name, value) = element?;
        let values = match value {
            RawBsonRef::Null => Vec::new(),
            RawBsonRef::Array(list) => {
                let mut values = Vec::new();
                for value in list {
                    let RawBsonRef::String(value) = value? else {
                        return Err(BadAccount::Labels);
                    };
                    values.push(value.to_owned());
                }
                values
            }
            _ => return Err(BadAccount::Labels),
        };
        labels.insert(name.as_str().to_owned(), values);
    }
    Ok(labels)
}
