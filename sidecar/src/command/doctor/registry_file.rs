//! The registry's own configuration: what it would say if it told why it refuses a token.

use std::path::{Path, PathBuf};

use registry_auth_core::problem::Problems;
use registry_auth_core::token::{Chain, KidForm, VerifyingKey};
use serde_json::Value;

use super::super::jwt::Jwt;
use crate::config::foreign;

/// The longest file that is read beside it, in bytes.
const MOST: u64 = 1 << 20;

/// What `auth.token` says.
#[derive(Debug)]
pub(super) struct RegistryFile {
    /// The file, as it was named.
    pub(super) name: String,
    pub(super) realm: String,
    pub(super) service: String,
    pub(super) issuer: String,
    /// The certificates of `rootcertbundle`, each PEM.
    bundle: Vec<String>,
    bundle_file: Option<PathBuf>,
    /// The ids in `jwks`.
    ids: Vec<String>,
    key_set_file: Option<PathBuf>,
}

impl RegistryFile {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let problems = &mut Problems::default();
        let mut whole = foreign::read(path).map_err(|what| format!("cannot be read: {what}"))?;
        let mut auth = whole.section("auth", problems).ok_or("has no `auth`")?;
        let mut token = auth
            .section("token", problems)
            .ok_or("has no `auth.token`, so the registry asks for no token")?;
        let mut text = |key| token.text(key, problems).unwrap_or_default();
        let (realm, service, issuer) = (text("realm"), text("service"), text("issuer"));
        let file = |name: String| (!name.is_empty()).then(|| PathBuf::from(name));
        let (bundle_file, key_set_file) = (file(text("rootcertbundle")), file(text("jwks")));
        let bundle = bundle_file
            .as_deref()
            .map(|path| read("rootcertbundle", path))
            .transpose()?;
        let key_set = key_set_file.as_deref().map(|path| read("jwks", path)).transpose()?;
        Ok(Self {
            name: path.display().to_string(),
            realm,
            service,
            issuer,
            bundle: certificates(&bundle.unwrap_or_default()),
            bundle_file,
            ids: ids(&key_set.unwrap_or_default()),
            key_set_file,
        })
    }

    /// What of a token the registry does not know, and how to mend it.
    pub(super) fn fault(&self, jwt: &Jwt) -> Option<(String, String)> {
        let name = &self.name;
        let issuer = jwt.claim("iss");
        if issuer != self.issuer {
            return Some((
                format!(
                    "the token is by the issuer `{issuer}`, and `auth.token.issuer` of `{name}` is `{}`",
                    self.issuer
                ),
                "make `token.issuer` and `auth.token.issuer` the same".to_owned(),
            ));
        }
        let carried = jwt.certificates();
        let kid = jwt.of_header("kid");
        let bundle = self.bundle_file.as_ref().map_or("none", |_| "the one");
        if !carried.is_empty() {
            return (!self.trusts(&carried)).then(|| match &self.bundle_file {
                Some(file) => (
                    format!(
                        "the certificate of the token is not in `{}`, the registry's `rootcertbundle`",
                        file.display()
                    ),
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
        let known = self.ids.iter().any(|id| id == kid) || self.bundle.iter().any(|pem| has_id(pem, kid));
        (!known).then(|| {
            let files = [&self.bundle_file, &self.key_set_file].into_iter().flatten();
            let files: Vec<_> = files.map(|file| format!("`{}`", file.display())).collect();
            (
                format!("the key of the token, `{kid}`, is neither in the registry's bundle ({bundle}) nor in its `jwks`: {}", files.join(", ")),
                "put `token.certificate` into `rootcertbundle`, or the key into `jwks` (`registry-auth keygen --from` \
                 makes one), and start the registry again"
                    .to_owned(),
            )
        })
    }

    fn trusts(&self, carried: &str) -> bool {
        let Ok(key) = VerifyingKey::from_certificate(carried) else {
            return false;
        };
        let of_token = certificates(carried);
        self.bundle.iter().any(|pem| {
            let issued = || Chain::of(&key, &format!("{carried}{pem}")).is_ok();
            of_token.iter().any(|carried| same(carried, pem)) || issued()
        })
    }
}

fn read(key: &str, path: &Path) -> Result<String, String> {
    use std::io::Read;
    let mut text = String::new();
    let opened = std::fs::File::open(path);
    let read = opened.and_then(|file| file.take(MOST).read_to_string(&mut text));
    read.map(|_| text).map_err(|error| {
        format!(
            "names `{}` as `{key}`, which cannot be read here: {error}",
            path.display()
        )
    })
}

/// Each certificate of a PEM text, by itself.
fn certificates(text: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let bodies = blocks.filter_map(|block| block.split_once(END).map(|(body, _)| body));
    bodies
        .map(|body| format!("-----BEGIN CERTIFICATE-----{body}{END}\n"))
        .collect()
}

/// PEM has the same base64, in lines of any length.
fn same(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.split_whitespace().collect::<String>();
    letters(one) == letters(other)
}

fn has_id(pem: &str, kid: &str) -> bool {
    let key = VerifyingKey::from_certificate(pem);
    key.is_ok_and(|key| {
        [KidForm::Libtrust, KidForm::Thumbprint]
            .iter()
            .any(|form| key.kid(*form) == kid)
    })
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
