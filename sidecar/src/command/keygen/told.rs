//! What is said of a key: how registries know it, and what to put into which configuration.

use std::fmt::Write;
use std::path::PathBuf;

use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Algorithm, KidForm, SigningKey};
use serde_json::{Map, Value, json};

use super::super::yaml;
use super::Keygen;

/// All that is said.
pub(super) struct Told<'a> {
    pub(super) asked: &'a Keygen,
    pub(super) key_file: PathBuf,
    pub(super) certificate_file: PathBuf,
    pub(super) key_set_file: PathBuf,
    pub(super) key: SigningKey,
    pub(super) valid_until: Timestamp,
}

/// The public half as a key set (RFC 7517), under both ids: registries 3 find it by whichever a token has.
pub(super) fn key_set(key: &SigningKey) -> String {
    let keys: Vec<Value> = [KidForm::Libtrust, KidForm::Thumbprint]
        .into_iter()
        .map(|form| {
            let mut jwk: Map<String, Value> = serde_json::from_str(&key.jwk()).unwrap_or_default();
            jwk.insert("kid".to_owned(), key.kid(form).into());
            jwk.insert("alg".to_owned(), key.algorithm().as_str().into());
            jwk.insert("use".to_owned(), "sig".into());
            Value::Object(jwk)
        })
        .collect();
    format!("{:#}\n", json!({ "keys": keys }))
}

impl Told<'_> {
    /// For programs.
    pub(super) fn json(&self) -> String {
        let is_new = self.asked.from.is_none();
        let told = json!({
            "algorithm": self.key.algorithm().as_str(),
            "files": {
                "key": is_new.then(|| self.key_file.clone()),
                "certificate": self.certificate_file,
                "jwks": self.key_set_file,
            },
            "valid_until": self.valid_until.to_string(),
            "kid": {
                "libtrust": self.key.kid(KidForm::Libtrust),
                "thumbprint": self.key.kid(KidForm::Thumbprint),
            },
            "registry_auth": self.ours(),
            "registry_2_8": self.takes_2_8().then(|| self.registry(&[("rootcertbundle", &self.certificate_file)])),
            "registry_3": self.registry(&self.of_registry_3()),
        });
        format!("{told}\n")
    }

    /// For people: the files, then each configuration to paste.
    pub(super) fn text(&self) -> String {
        let algorithm = self.key.algorithm();
        let mut files = Vec::new();
        let what_of_key = format!("signs tokens ({algorithm}); whoever reads it can sign them too");
        if self.asked.from.is_none() {
            files.push((&self.key_file, what_of_key));
        }
        files.push((
            &self.certificate_file,
            format!("its certificate, which registries trust until {}", self.valid_until),
        ));
        files.push((
            &self.key_set_file,
            "its public half, for a registry 3 that is to go by `kid`".to_owned(),
        ));
        let width = files.iter().map(|(path, _)| path.display().to_string().chars().count());
        let width = width.max().unwrap_or_default();
        let files = files.iter().map(|(path, what)| {
            let path = path.display().to_string();
            format!("{path:width$}  {what}\n")
        });
        let mut text: String = files.collect();
        text.push_str("\n# registry-auth, `auth_config.yml`:\n");
        text.push_str(&block(&self.ours()));
        let same = "the files as the registry sees them";
        if self.takes_2_8() {
            write(&mut text, format_args!("\n# Registry 2.8, `config.yml` ({same}):\n"));
            text.push_str(&block(&self.registry(&[("rootcertbundle", &self.certificate_file)])));
        } else {
            text.push_str("\n# Registry 2.8 has no Ed25519, and does not start with this certificate in its bundle.\n");
        }
        write(&mut text, format_args!("\n# Registry 3, `config.yml` ({same}):\n"));
        text.push_str(&block(&self.registry(&self.of_registry_3())));
        let by_2_8 = if self.takes_2_8() {
            "\n# 2.8 makes the first of its bundle."
        } else {
            ""
        };
        write(
            &mut text,
            format_args!(
                "\n# A token carries the certificate (`x5c`), and is known by that. With `token.key_header: kid` it carries an\n\
             # id alone, the second with `token.disable_legacy_key_id: true`; registry 3 has both in `jwks`.{by_2_8}\n\
             #   {}\n#   {}\n",
                self.key.kid(KidForm::Libtrust),
                self.key.kid(KidForm::Thumbprint)
            ),
        );
        text
    }

    fn takes_2_8(&self) -> bool {
        self.key.algorithm() != Algorithm::EdDsa
    }

    fn ours(&self) -> Value {
        json!({"token": {
            "issuer": self.asked.issuer,
            "expiration": 900,
            "key": self.key_file,
            "certificate": self.certificate_file,
        }})
    }

    fn of_registry_3(&self) -> [(&'static str, &PathBuf); 2] {
        [("rootcertbundle", &self.certificate_file), ("jwks", &self.key_set_file)]
    }

    fn registry(&self, files: &[(&str, &PathBuf)]) -> Value {
        let mut token = json!({
            "realm": self.asked.realm,
            "service": self.asked.service,
            "issuer": self.asked.issuer,
        });
        if let Some(token) = token.as_object_mut() {
            token.extend(files.iter().map(|(key, path)| ((*key).to_owned(), json!(path))));
        }
        json!({"auth": {"token": token}})
    }
}

/// Maps, texts and numbers as YAML, in block style.
fn block(value: &Value) -> String {
    let mut text = String::new();
    write_map(value, "", &mut text);
    text
}

fn write_map(value: &Value, indent: &str, text: &mut String) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => {
                write(text, format_args!("{indent}{key}:\n"));
                write_map(value, &format!("{indent}  "), text);
            }
            Value::String(value) => write(text, format_args!("{indent}{key}: {}\n", yaml::block_scalar(value))),
            value => write(text, format_args!("{indent}{key}: {}\n", yaml::flow(value))),
        }
    }
}

/// A `String` takes everything.
fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}
