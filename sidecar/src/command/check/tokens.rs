//! How long a token lives: so long does a right last that was taken away.

use std::time::Duration;

use registry_auth_core::config::Document;
use registry_auth_core::policy::token_lifetime;
use registry_auth_core::problem::{Place, Problems};

use super::super::span::in_words;

/// Longer than that is hardly meant: registries ask for a new token at each pull anyway.
const LONG: Duration = Duration::from_hours(1);

/// So long a token of this configuration lives; `None` if it says nothing that could be told.
pub(super) fn lifetime(document: &Document) -> Option<Duration> {
    token_lifetime(document.token.as_ref()?.expiration)
}

pub(super) fn warn(document: &Document, problems: &mut Problems) {
    if let Some(lifetime) = lifetime(document).filter(|lifetime| *lifetime > LONG) {
        problems.warn(
            &Place::root().key("token").key("expiration"),
            format_args!(
                "lets a token live for {}, and so long does a right last that you took away; 15 minutes (`900`) are enough, \
                 since clients fetch a new one by themselves",
                in_words(lifetime)
            ),
        );
    }
}
