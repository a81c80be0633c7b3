//! Why a directory could not be asked, as the log tells it, and whether it is worth asking again.

use std::error::Error;
use std::time::Duration;

use ldap3::{LdapError, LdapResult};

use super::labels::LabelsError;
use crate::backend;

/// Result codes of RFC 4511 appendix A.
pub(super) const SUCCESS: u32 = 0;
const CONSTRAINT_VIOLATION: u32 = 19;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const STRONGER_AUTH_REQUIRED: u32 = 8;
const REFERRAL: u32 = 10;
const CONFIDENTIALITY_REQUIRED: u32 = 13;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_DN_SYNTAX: u32 = 34;
const INSUFFICIENT_ACCESS: u32 = 50;
const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
const INVALID_CREDENTIALS: u32 = 49;
const BUSY: u32 = 51;
const UNAVAILABLE: u32 = 52;
const UNWILLING_TO_PERFORM: u32 = 53;

/// A code of an Active Directory has so many digits at most.
const LONGEST_CODE: usize = 8;

/// So much of what a server says of an error is told.
const LONGEST_TEXT: usize = 256;

/// Why a server could not be asked. It is told behind the server's address.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("could not be reached: {0}")]
    Unreached(String),
    #[error("broke off the connection: {0}")]
    Broken(String),
    #[error("did not {} within {} ms; see `{}`", .step.what(), .limit.as_millis(), .step.key())]
    Slow { step: Step, limit: Duration },
    #[error("is not available: {0}")]
    Unavailable(String),
    #[error("does not let `{dn}` in with the password of `bind_password_file`: {result}")]
    Service { dn: String, result: String },
    #[error("answered the {} with {result}", .step.name())]
    Answered { step: Step, result: String },
    #[error("has no entry `{0}`; check `base`")]
    NoBase(String),
    #[error("has several entries for `{filter}`; let `base` and `filter` name one")]
    Several { filter: String },
    #[error("sent an entry without a name")]
    NoName,
    #[error("has `{dn}` in more than {most} groups, with those within others; leave `nested` out")]
    TooManyGroups { dn: String, most: usize },
    #[error("`{dn}` {error}")]
    Labels { dn: String, error: LabelsError },
}

/// What a server was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Bind,
    Search,
}

/// What a server thinks of somebody's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    /// Why, as far as that is told: the result's code, and that of an Active Directory.
    DoesNotFit(Box<str>),
}

impl Step {
    fn what(self) -> &'static str {
        match self {
            Self::Connect => "open a connection",
            Self::Bind => "answer a bind",
            Self::Search => "answer a search",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Connect => "first question",
            Self::Bind => "bind",
            Self::Search => "search",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Connect => "connect_timeout",
            Self::Bind => "bind_timeout",
            Self::Search => "search_timeout",
        }
    }
}

impl Fault {
    /// That of an operation on an open connection.
    pub(super) fn of(error: LdapError) -> Self {
        match error {
            LdapError::ResultRecv { .. }
            | LdapError::OpSend { .. }
            | LdapError::IdScrubSend { .. }
            | LdapError::EndOfStream => Self::Broken("it is closed".to_owned()),
            error => Self::Broken(causes(&error)),
        }
    }

    /// That of opening a connection.
    pub(super) fn of_opening(error: LdapError) -> Self {
        match error {
            LdapError::LdapResult { result } => Self::Unreached(format!("it refuses StartTLS with {}", told(&result))),
            error => {
                let told = causes(&error);
                // The second is what an authority of the same name comes to.
                let mend = if told.contains("UnknownIssuer") || told.contains("BadSignature") {
                    "; name its authority with `ca_certificate`"
                } else if told.contains("not valid for name") {
                    "; let `addr` have a name that is in the certificate"
                } else {
                    ""
                };
                Self::Unreached(format!("{told}{mend}"))
            }
        }
    }

    /// What a search that was answered with this amounts to, if it found nothing that counts.
    pub(super) fn of_search(result: &LdapResult, base: &str, filter: &str) -> Option<Self> {
        match result.rc {
            SUCCESS => None,
            SIZE_LIMIT_EXCEEDED => Some(Self::Several {
                filter: filter.to_owned(),
            }),
            NO_SUCH_OBJECT => Some(Self::NoBase(base.to_owned())),
            REFERRAL => Some(Self::Answered {
                step: Step::Search,
                result: "a referral to another server, which is not followed; let `addr` name that one".to_owned(),
            }),
            BUSY | UNAVAILABLE => Some(Self::Unavailable(told(result))),
            _ => Some(Self::Answered {
                step: Step::Search,
                result: told(result),
            }),
        }
    }

    /// What reading one entry, which need not be there, amounts to when it was answered with this.
    pub(super) fn of_reading(result: &LdapResult) -> Option<Self> {
        match result.rc {
            REFERRAL | NO_SUCH_OBJECT | INVALID_DN_SYNTAX | INSUFFICIENT_ACCESS => None,
            _ => Self::of_search(result, "", ""),
        }
    }

    /// Whose fault it is, for whoever asks next: reaching a server and being its service account is the same for every
    /// account.
    pub(super) fn whose(&self) -> backend::Fault {
        match self {
            Self::Unreached(_)
            | Self::Service { .. }
            | Self::Slow {
                step: Step::Connect, ..
            } => backend::Fault::Unreached,
            Self::Broken(_)
            | Self::Slow {
                step: Step::Bind | Step::Search,
                ..
            } => backend::Fault::Silent,
            Self::Unavailable(_)
            | Self::Answered { .. }
            | Self::NoBase(_)
            | Self::Several { .. }
            | Self::NoName
            | Self::TooManyGroups { .. }
            | Self::Labels { .. } => backend::Fault::Useless,
        }
    }

    /// Whether another connection, or another server, may fare better.
    pub(super) fn is_of_the_connection(&self) -> bool {
        matches!(self, Self::Unreached(_) | Self::Broken(_) | Self::Unavailable(_))
    }

    /// Whether the server is better left alone for a while.
    pub(super) fn is_of_the_server(&self) -> bool {
        self.is_of_the_connection() || matches!(self, Self::Slow { .. })
    }
}

impl Verdict {
    /// What the answer to the bind of somebody who signs in says. A server that has locked an account, or that has no
    /// password of it, says so in as many words; that is a "no", and not a fault of the server.
    pub(super) fn of(result: &LdapResult) -> Result<Self, Fault> {
        match result.rc {
            SUCCESS => Ok(Self::Fits),
            INVALID_CREDENTIALS | INAPPROPRIATE_AUTHENTICATION | CONSTRAINT_VIOLATION | UNWILLING_TO_PERFORM => {
                Ok(Self::DoesNotFit(reason(result)))
            }
            BUSY | UNAVAILABLE => Err(Fault::Unavailable(told(result))),
            rc => {
                let mend = if matches!(rc, STRONGER_AUTH_REQUIRED | CONFIDENTIALITY_REQUIRED) {
                    "; use `ldaps://`, or `tls: starttls`"
                } else {
                    ""
                };
                Err(Fault::Answered {
                    step: Step::Bind,
                    result: format!("{}{mend}", told(result)),
                })
            }
        }
    }
}

/// `ldap 49`, and behind it what an Active Directory says besides: `ldap 49, data 775`. It says that in hexadecimal digits
/// (MS-ADTS section 3.1.1.5.1.3), as in `80090308: LdapErr: DSID-0C0903A9, comment: …, data 775, v1db1`.
fn reason(result: &LdapResult) -> Box<str> {
    let data = result.text.split(", data ").nth(1).map(|data| {
        let end = data.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(data.len());
        data.get(..end.min(LONGEST_CODE)).unwrap_or_default()
    });
    match data {
        None | Some("") => format!("ldap {}", result.rc).into(),
        Some(data) => format!("ldap {}, data {data}", result.rc).into(),
    }
}

/// The code by number and name, and what the server says of it, on one line.
pub(super) fn told(result: &LdapResult) -> String {
    // The crate knows the names, and tells them as `rc=49 (invalidCredentials), dn: …`.
    let shown = result.to_string();
    let name = shown.split(['(', ')']).nth(1).unwrap_or_default();
    let text = result.text.get(..result.text.floor_char_boundary(LONGEST_TEXT));
    match text.unwrap_or_default().trim_matches(['\0', ' ', '\n']) {
        "" => format!("{} ({name})", result.rc),
        text => format!("{} ({name}): {}", result.rc, text.escape_debug()),
    }
}

/// An error with all that caused it.
fn causes(error: &LdapError) -> String {
    let mut told = match error {
        // What stands around it says less than the error itself.
        LdapError::Io { source } => source.to_string(),
        LdapError::Rustls { source } => source.to_string(),
        other => other.to_string(),
    };
    let mut cause = match error {
        LdapError::Io { source } => source.source(),
        _ => None,
    };
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}
