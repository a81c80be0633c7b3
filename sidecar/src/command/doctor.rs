//! `registry-auth doctor`: goes the way of a client, and says at the first thing that is off what it is.

mod ask;
mod challenge;
mod chart;
mod reach;
mod registry_file;
mod token_check;
mod visit;
mod web;

use std::fs::File;
use std::io;
use std::path::PathBuf;

use clap::Args;
use registry_auth_core::scope::{Scope, ScopeError};
use registry_auth_core::time::Timestamp;
use reqwest::Url;
use thiserror::Error;

use super::password::{self, Asking, PasswordError};
use super::{Exit, answer};
use registry_file::RegistryFile;
use visit::{Login, Visit};
use web::Web;
pub use web::WebError;

/// `registry-auth doctor`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(
    after_help = "It asks `/v2/`, follows the challenge, fetches a token, shows it to the registry, and asks for \
    one by POST as containerd and buildkit do. No password and no token is printed; what the token says is. It goes \
    straight to where the names lead, past any proxy of the environment. \
    Exit code 0: all is well; 1: something is off; 2: could not tell.\n\n\
    With --json: {\"well\": true, false or null, \"steps\": [{\"step\", \"outcome\": \"ok\", \"off\" or \"unknown\", \
    \"seen\", \"mend\"}], \"claims\"}.\n\n\
    Examples:\n  \
    registry-auth doctor https://registry.example --account ada --scope repository:team/app:pull\n  \
    registry-auth doctor https://registry.example --registry /etc/registry/config.yml"
)]
pub struct Doctor {
    /// Whom to sign in as; the password is typed, or standard input. Without it, nobody signs in
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Where the password of --account is, in place of standard input
    #[arg(long, value_name = "FILE", requires = "account")]
    password_file: Option<PathBuf>,
    /// What to ask for, as `repository:team/app:pull`
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Option<Scope>,
    /// Authorities to trust besides those of the system, PEM
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// The registry's own configuration, to compare issuer, service and bundle with; the registry tells nobody why it
    /// refuses a token
    #[arg(long, value_name = "CONFIG")]
    registry: Option<PathBuf>,
    /// Prints one object for programs
    #[arg(long)]
    json: bool,
    /// The registry as clients reach it, as `https://registry.example`; without `https://` or `http://`, `https` is meant
    #[arg(value_name = "URL", value_parser = url)]
    url: Url,
}

/// Why nobody was asked.
#[derive(Debug, Error)]
pub enum DoctorError {
    /// No password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The file with the password.
    #[error("cannot read `--password-file {path}`: {source}")]
    PasswordFile {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name that Basic cannot carry.
    #[error("`--account` is empty or holds a colon or a control character, and no client can send such a name")]
    Account,
    /// The registry's configuration.
    #[error("`--registry {path}` {what}")]
    Registry {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No client.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Write(#[from] io::Error),
}

/// Goes the way of a client, and tells what it met.
///
/// # Errors
/// See [`DoctorError`].
pub async fn run(asked: &Doctor, now: fn() -> Timestamp) -> Result<Exit, DoctorError> {
    let file = match &asked.registry {
        None => None,
        Some(path) => Some(RegistryFile::read(path).map_err(|what| DoctorError::Registry {
            path: path.clone(),
            what,
        })?),
    };
    let web = Web::new(asked.cacert.as_deref())?;
    let visit = Visit {
        web,
        url: asked.url.clone(),
        login: asked.login()?,
        scope: asked.scope.clone(),
        file,
        now,
    };
    let chart = visit.make().await;
    answer(&if asked.json { chart.json() } else { chart.text() })?;
    Ok(chart.exit())
}

impl Doctor {
    fn login(&self) -> Result<Option<Login>, DoctorError> {
        let Some(account) = &self.account else { return Ok(None) };
        if account.is_empty() || account.contains(':') || account.chars().any(char::is_control) {
            return Err(DoctorError::Account);
        }
        let password = match &self.password_file {
            None => password::read(Asking::Once)?,
            Some(path) => match File::open(path) {
                Ok(file) => password::piped(file)?,
                Err(source) => {
                    return Err(DoctorError::PasswordFile {
                        path: path.clone(),
                        source,
                    });
                }
            },
        };
        Ok(Some(Login {
            account: account.clone(),
            password,
        }))
    }
}

fn scope(text: &str) -> Result<Scope, ScopeError> {
    Scope::parse(text)
}

/// The address, without what stands behind host and port.
fn url(text: &str) -> Result<Url, &'static str> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let mut url = Url::parse(&whole).map_err(|_| "is no address; write it as `https://registry.example`")?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("must begin with `https://` or `http://`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a name or a password; use `--account`");
    }
    url.set_path("/v2/");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_clients_make_of_it() {
        for (text, whole) in [
            ("registry.example", "https://registry.example/v2/"),
            ("registry.example:5000", "https://registry.example:5000/v2/"),
            ("http://127.0.0.1:5001/v2/?a#b", "http://127.0.0.1:5001/v2/"),
        ] {
            assert_eq!(url(text).unwrap().as_str(), whole);
        }
        for text in [
            "",
            "ftp://registry.example",
            "https://ada:secret@registry.example",
            "http://",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
