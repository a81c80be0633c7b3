//! `registry-auth token`: mints a token for a test, or says what one is good for.

mod decode;
mod mint;

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use registry_auth_core::account::AccountError;
use registry_auth_core::config::duration::{self, DurationError};
use registry_auth_core::scope::ScopeError;
use registry_auth_core::secret::Secret;
use registry_auth_core::service::ServiceError;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::SignError;
use thiserror::Error;

use super::jwt::{JwtError, MAX_TOKEN_BYTES};
use super::serve::Environment;
use super::{Exit, answer};
use crate::random::NoRandomness;
use crate::state::Failed;

/// `registry-auth token`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(
    after_help = "A token is decided as `serve` would decide it for that account, but for the password, which \
    nobody is asked for: whoever reads the key of FILE could sign any token. The token goes to standard output, what it \
    is good for to standard error; no record of it is in the audit log. Exit code 0: all that was asked for is granted; \
    1: not all of it, or the account would not be let in.\n\n\
    With --decode the token is standard input. Exit code 0: it is good; 1: something is wrong with it.\n\n\
    With --json: {\"token\", \"account\", \"service\", \"issued_at\", \"expires_at\", \"jti\", \
    \"scopes\": [{\"type\", \"name\", \"asked\", \"granted\", \"because\"}]}; \
    of --decode {\"good\", \"problems\": [...], \"header\", \"claims\"}.\n\n\
    Examples:\n  \
    registry-auth token auth_config.yml --account ada --service registry --scope repository:team/app:pull,push\n  \
    registry-auth token auth_config.yml --decode < token.txt"
)]
pub struct Token {
    /// Says what the token on standard input allows, until when, and what is wrong with it
    #[arg(long, conflicts_with_all = ["account", "service", "scope", "ip", "lifetime", "grant"])]
    decode: bool,
    /// Whom it is for; if nobody is named, the anonymous account
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    account: String,
    /// The registry it is for: its `auth.token.service`
    #[arg(long, value_name = "NAME", default_value = "registry")]
    service: String,
    /// What is asked for, as `repository:team/app:pull,push`; may be given several times
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Where the request would come from, for rules with `ip`
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// How long it lives, as `60s` or `5m`; at most `token.expiration`, which it is if nothing is said
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    lifetime: Option<Duration>,
    /// Asks neither users nor rules nor back-ends: grants all of --scope to --account, whoever that is
    #[arg(long)]
    grant: bool,
    /// Prints one object for programs
    #[arg(long)]
    json: bool,
    /// The configuration with the key and the rules; for --decode its certificate is enough
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Why there is no token, or nothing to say of one.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The configuration is wrong: what of it, as an operator reads it.
    #[error("{0}")]
    Configuration(String),
    /// A name that cannot be one.
    #[error("`--account`: {0}")]
    Account(#[from] AccountError),
    /// The same of the service.
    #[error("`--service`: {0}")]
    Service(#[from] ServiceError),
    /// A scope that does not parse.
    #[error("`--scope`: {0}")]
    Scope(#[from] ScopeError),
    /// Longer than tokens of this file live.
    #[error("`--lifetime` is longer than `token.expiration`, {} s; ask for less, or raise that", .0.as_secs())]
    TooLong(Duration),
    /// Only a back-end knows who that is.
    #[error(
        "`{0}` is no static user: `serve` would ask the back-ends, which want a password; \
         `--grant` mints a token without asking anybody"
    )]
    Backends(String),
    /// A back-end could not be asked.
    #[error("cannot tell what would be granted: {0}")]
    Undecided(#[from] Failed),
    /// The file has neither key nor certificate.
    #[error("the configuration has neither `token.key` nor `token.certificate`; name the one that the tokens are by")]
    NoKey,
    /// What is on standard input is no token.
    #[error("what is on standard input {0}")]
    Jwt(#[from] JwtError),
    /// It was not signed.
    #[error("the token cannot be signed: {0}")]
    Sign(#[from] SignError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Mints a token, or says what one is good for, as of `now`.
///
/// # Errors
/// See [`TokenError`].
pub async fn run(asked: &Token, environment: Environment, now: Timestamp) -> Result<Exit, TokenError> {
    let (text, exit) = if asked.decode {
        let verdict = decode::decode(&asked.files, environment, &read_token(io::stdin().lock())?, now)?;
        let text = if asked.json { verdict.json() } else { verdict.text() };
        (Secret::new(text), verdict.exit())
    } else {
        match mint::mint(asked, environment, now).await? {
            mint::Outcome::Minted(minted) => {
                eprint!("{}", minted.text());
                let text = if asked.json { minted.json() } else { minted.token() };
                (text, minted.exit())
            }
            mint::Outcome::Refused(why) => {
                eprintln!("{why}");
                return Ok(Exit::No);
            }
        }
    };
    answer(text.expose())?;
    Ok(exit)
}

/// All of `input`, up to what a token may have.
fn read_token(input: impl Read) -> Result<Secret<String>, TokenError> {
    let mut text = Secret::new(String::with_capacity(MAX_TOKEN_BYTES));
    let limit = u64::try_from(MAX_TOKEN_BYTES).unwrap_or(u64::MAX);
    input.take(limit).read_to_string(text.expose_mut())?;
    Ok(text)
}

fn lifetime(text: &str) -> Result<Duration, LifetimeError> {
    let lifetime = duration::parse(text)?;
    if lifetime.as_secs() == 0 {
        return Err(LifetimeError::Nothing);
    }
    Ok(lifetime)
}

#[derive(Clone, Copy, Debug, Error)]
enum LifetimeError {
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("must be a second at least")]
    Nothing,
}

#[cfg(test)]
mod tests;
