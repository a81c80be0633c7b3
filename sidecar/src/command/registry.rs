//! A registry's own configuration: what it says of tokens, `auth.token`.

use registry_auth_core::config::{Node, Section};
use registry_auth_core::problem::{Place, Problems};

/// The keys that say where clients get tokens, and which ones the registry believes.
#[derive(Debug)]
pub(super) struct TokenAuth {
    pub(super) realm: Option<String>,
    pub(super) service: Option<String>,
    pub(super) issuer: Option<String>,
    /// The file of `rootcertbundle`.
    pub(super) bundle: Option<String>,
    /// The file of `jwks`.
    pub(super) key_set: Option<String>,
    /// `autoredirect`: whether it sends clients to its own host.
    pub(super) redirects: bool,
}

impl TokenAuth {
    /// Where it stands in the file.
    pub(super) fn place() -> Place {
        Place::root().key("auth").key("token")
    }

    /// Reads it, and of all other keys nothing; `None` if there is no such section.
    pub(super) fn read(node: Node, problems: &mut Problems) -> Option<Self> {
        let mut root = Section::open(node, Place::root(), problems)?;
        let mut auth = root.section("auth", problems)?;
        let mut token = auth.section("token", problems)?;
        let redirects = token.flag("autoredirect", problems).unwrap_or_default();
        // To a registry an empty text is none.
        let mut text = |key| token.text(key, problems).filter(|text| !text.is_empty());
        Some(Self {
            realm: text("realm"),
            service: text("service"),
            issuer: text("issuer"),
            bundle: text("rootcertbundle"),
            key_set: text("jwks"),
            redirects,
        })
    }
}
