//! The registry's own configuration: what it would say if it told why it refuses a token.

use std::path::Path;

use registry_auth_core::problem::Problems;
use registry_auth_core::token::bundle::Bundle;
use registry_auth_core::token::{Chain, VerifyingKey};
use serde_json::Value;

use super::super::jwt::Jwt;
use super::super::registry::TokenAuth;
use crate::config::{self, Origin, Other};

/// What `auth.token` says, with the files that it names.
#[derive(Debug)]
pub(super) struct RegistryFile {
    /// The file, as it was named.
    pub(super) name: String,
    pub(super) auth: TokenAuth,
    bundle: Option<Bundle>,
    /// The ids in `jwks`.
    ids: Vec<String>,
}

impl RegistryFile {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let Other {
            node,
            mut problems,
            mut origin,
        } = config::load_other(path);
        let auth = node.and_then(|node| TokenAuth::read(node, &mut problems));
        let read = auth.map(|auth| Self::with_files(path, auth, &mut origin, &mut problems));
        if problems.is_refusal() {
            return Err(format!("cannot be read\n{}", origin.report(&problems)));
        }
        read.ok_or_else(|| "has no `auth.token`, so the registry asks for no token".to_owned())
    }

    fn with_files(path: &Path, auth: TokenAuth, origin: &mut Origin, problems: &mut Problems) -> Self {
        let mut file = |key, path: &Option<String>, problems: &mut Problems| {
            let place = TokenAuth::place().key(key);
            origin.with_sources(&|_| None, |sources| sources.file(path.as_deref()?, &place, problems))
        };
        let bundle = file("rootcertbundle", &auth.bundle, problems);
        let key_set = file("jwks", &auth.key_set, problems);
        let place = TokenAuth::place().key("rootcertbundle");
        Self {
            name: path.display().to_string(),
            bundle: bundle.and_then(|text| problems.keep(&place, Bundle::from_pem(text.expose()))),
            ids: key_set.map(|text| ids(text.expose())).unwrap_or_default(),
            auth,
        }
    }

    /// What of a token the registry does not know, and how to mend it.
    pub(super) fn fault(&self, jwt: &Jwt) -> Option<(String, String)> {
        let name = &self.name;
        let issuer = jwt.claim("iss");
        let expected = self.auth.issuer.as_deref().unwrap_or_default();
        if issuer != expected {
            return Some((
                format!("the token is by the issuer `{issuer}`, and `auth.token.issuer` of `{name}` is `{expected}`"),
                "make `token.issuer` and `auth.token.issuer` the same".to_owned(),
            ));
        }
        let carried = jwt.certificates();
        let kid = jwt.of_header("kid");
        if !carried.is_empty() {
            return (!self.trusts(&carried)).then(|| match &self.auth.bundle {
                Some(file) => (
                    format!("the certificate of the token is not in `{file}`, the registry's `rootcertbundle`"),
                    "put `token.certificate`, or the authority that issued it, into that file, and start the registry \
                     again: it reads the file once"
                        .to_owned(),
                ),
                None => (
                    format!("the token carries its certificate, and `{name}` has no `rootcertbundle` to find it in"),
                    "set `token.key_header: kid`, or give the registry `rootcertbundle`".to_owned(),
                ),
            });
        }
        let known =
            self.ids.iter().any(|id| id == kid) || self.bundle.as_ref().is_some_and(|bundle| bundle.has_id(kid));
        (!known).then(|| {
            let files = [&self.auth.bundle, &self.auth.key_set].into_iter().flatten();
            let files: Vec<_> = files.map(|file| format!("`{file}`")).collect();
            let searched = match files.as_slice() {
                [] => format!("`{name}` names neither"),
                files => files.join(", "),
            };
            (
                format!(
                    "the key of the token, `{kid}`, is neither in the registry's bundle nor in its `jwks`: {searched}"
                ),
                "put `token.certificate` into `rootcertbundle`, or the key into `jwks` (`registry-auth keygen --from` \
                 makes one), and start the registry again"
                    .to_owned(),
            )
        })
    }

    /// Whether the certificates that a token carries lead to one of the bundle.
    fn trusts(&self, carried: &str) -> bool {
        let Ok(key) = VerifyingKey::from_certificate(carried) else {
            return false;
        };
        let bundle = self.bundle.as_ref();
        Chain::of(&key, carried).is_ok() && bundle.is_some_and(|bundle| bundle.believes(carried))
    }
}

fn ids(key_set: &str) -> Vec<String> {
    let set: Value = serde_json::from_str(key_set).unwrap_or_default();
    let keys = set
        .get("keys")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let ids = keys.iter().filter_map(|key| key.get("kid")?.as_str());
    ids.map(str::to_owned).collect()
}
