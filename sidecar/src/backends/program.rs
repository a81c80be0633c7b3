//! `ext_auth` and `ext_authz`: an external program, run for each question as docker_auth runs it.
//!
//! The program inherits environment and current folder, reads the question on its stdin, and says by its exit status what
//! it thinks of it. Besides, a run has a time limit, at which its whole process group is killed, and so many run at once.

mod find;
mod kept;
mod run;

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::config::backend::{AuthnBackend, AuthzBackend};
use registry_auth_core::config::{Section, Sources, choice};
use registry_auth_core::decide::Denial;
use registry_auth_core::problem::Problems;
use registry_auth_core::scope::Actions;
use registry_auth_core::secret::Secret;
use tokio::process::Command;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Limits, json, labels_are_patterns, required_text};
use crate::backend::{Access, Asking, Authenticator, Authorizer, BackendError, Fault, Login, Outcome, Ruling};
use kept::Kept;
use run::{Ended, Unended};

/// `ext_auth`.
#[derive(Debug)]
pub struct ProgramAuthenticator {
    program: Program,
    format: Format,
    labels_are: LabelsArePatterns,
}

/// `ext_authz`.
#[derive(Debug)]
pub struct ProgramAuthorizer {
    program: Program,
}

/// A program, and how it is run.
#[derive(Debug)]
struct Program {
    /// The section's key.
    backend: &'static str,
    /// As it is written, which is also what the program sees as its own name.
    command: String,
    /// Where it was found.
    path: PathBuf,
    args: Vec<String>,
    limits: Limits,
}

/// `format`: how a login is written to the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// `user password`, no newline: what docker_auth writes. It cannot carry every name.
    #[default]
    DockerAuth,
    /// One JSON object.
    Json,
}

/// Why a login is not asked about: for lack of a way to say it, nobody can be this.
#[derive(Debug, thiserror::Error)]
enum Unsayable {
    #[error("the account has white space in its name, which this `format` cannot carry; set `format: json`")]
    WhiteSpace,
    #[error("there is a password, but no account, which this `format` cannot carry; set `format: json`")]
    NoName,
    #[error(transparent)]
    Json(#[from] json::Unaskable),
}

impl ProgramAuthenticator {
    /// Reads `ext_auth`; the program must be there.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        const FORMATS: [(&str, Format); 2] = [("docker_auth", Format::DockerAuth), ("json", Format::Json)];
        let program = Program::read(AuthnBackend::Program.key(), &mut section, sources, problems);
        let format = choice(&mut section, "format", problems, &FORMATS).unwrap_or_default();
        let labels_are = labels_are_patterns(&mut section, LabelsArePatterns::None, problems);
        section.finish(problems);
        Some(Self {
            program: program?,
            format,
            labels_are,
        })
    }

    async fn ask(&self, login: Login<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let question = match self.format.write(&login) {
            Ok(question) => question,
            Err(why) => {
                warn!(backend = self.program.backend, account = %login.account, %why, "denied without asking");
                return Ok(Outcome::Deny(Denial::default()));
            }
        };
        let ended = self.program.run(question, Stdio::piped(), deadline).await?;
        match ended.status.code() {
            Some(0) => Ok(Outcome::Accept(Identity {
                account: login.account.clone(),
                labels: self.labels(&ended.output)?,
            })),
            Some(1) => Ok(Outcome::Deny(Denial::default())),
            Some(2) => Ok(Outcome::NoMatch),
            _ => Err(self.program.ended_badly(ended.status)),
        }
    }

    fn labels(&self, output: &Kept) -> Result<Labels, BackendError> {
        let labels = json::sent_labels(output.whole(), self.labels_are);
        labels.map_err(|error| self.program.error(Fault::Useless, format_args!("wrote {error}")))
    }
}

impl Authenticator for ProgramAuthenticator {
    fn authenticate<'a>(&'a self, login: Login<'a>, deadline: Instant) -> Asking<'a, Outcome> {
        Box::pin(self.ask(login, deadline))
    }
}

impl ProgramAuthorizer {
    /// Reads `ext_authz`; the program must be there.
    pub fn open(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let program = Program::read(AuthzBackend::Program.key(), &mut section, sources, problems);
        section.finish(problems);
        Some(Self { program: program? })
    }

    async fn ask(&self, access: Access<'_>, deadline: Instant) -> Result<Ruling, BackendError> {
        let question = json::access(&access).map_err(|error| self.program.error(Fault::NotAsked, error))?;
        let ended = self.program.run(question, Stdio::null(), deadline).await?;
        match ended.status.code() {
            Some(0) => Ok(Ruling::Grant(access.scope.actions().clone())),
            Some(1) => Ok(Ruling::Grant(Actions::none())),
            _ => Err(self.program.ended_badly(ended.status)),
        }
    }
}

impl Authorizer for ProgramAuthorizer {
    fn authorize<'a>(&'a self, access: Access<'a>, deadline: Instant) -> Asking<'a, Ruling> {
        Box::pin(self.ask(access, deadline))
    }
}

impl Format {
    fn write(self, login: &Login<'_>) -> Result<Secret<Vec<u8>>, Unsayable> {
        match self {
            Self::DockerAuth => user_and_password(login.account, login.password),
            Self::Json => Ok(json::login(login)?),
        }
    }
}

/// `user password`. For somebody without a name it is a lone space: with a password behind it a shell's `read` would
/// take the password's first word for the name.
fn user_and_password(account: &Account, password: &Secret<Vec<u8>>) -> Result<Secret<Vec<u8>>, Unsayable> {
    let (name, password) = (account.as_str(), password.expose());
    if name.chars().any(char::is_whitespace) {
        return Err(Unsayable::WhiteSpace);
    }
    if name.is_empty() && !password.is_empty() {
        return Err(Unsayable::NoName);
    }
    Ok(Secret::new([name.as_bytes(), b" ", password].concat()))
}

impl Program {
    fn read(
        backend: &'static str,
        section: &mut Section,
        sources: Sources<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let command = required_text(section, "command", "name the program", problems);
        let args = section.texts("args", problems).unwrap_or_default();
        let limits = Limits::read(section, problems);
        let command = command?;
        let search_path = (sources.environment)("PATH");
        let search_path = search_path.as_ref().map_or("", |path| path.expose());
        let path = problems.keep(&section.place_of("command"), find::find(&command, search_path))?;
        Some(Self {
            backend,
            command,
            path,
            args,
            limits,
        })
    }

    /// Runs the program on `question`, and has its stderr in the log.
    async fn run(&self, question: Secret<Vec<u8>>, stdout: Stdio, deadline: Instant) -> Result<Ended, BackendError> {
        let turn = self.limits.gate.turn(deadline).await;
        let turn = turn.map_err(|error| self.error(Fault::NotAsked, format_args!("was not run: {error}")))?;
        let mut command = Command::new(&self.path);
        command.arg0(&self.command).args(&self.args).stdout(stdout);
        let until = self.limits.until(deadline);
        match run::run(command, question, until, turn).await {
            Ok(ended) => {
                let is_answer = matches!(ended.status.code(), Some(0..=2));
                self.tell(&ended.said, is_answer);
                Ok(ended)
            }
            Err(Unended::TooSlow(said)) => {
                self.tell(&said, false);
                Err(if until < deadline {
                    self.error(Fault::Silent, TooSlow::For(self.limits.timeout))
                } else {
                    self.error(Fault::Unwaited, TooSlow::ToWaitFor)
                })
            }
            Err(Unended::Broken(error)) => Err(self.error(Fault::Unreached, format_args!("could not be run: {error}"))),
        }
    }

    /// Puts what the program said on stderr into the log.
    fn tell(&self, said: &Kept, is_answer: bool) {
        let (backend, program) = (self.backend, self.command.as_str());
        for line in said.lines() {
            if is_answer {
                info!(backend, program, line, "said on stderr");
            } else {
                warn!(backend, program, line, "said on stderr");
            }
        }
    }

    fn ended_badly(&self, status: ExitStatus) -> BackendError {
        // `exit status: 3`, `signal: 9 (SIGKILL)`.
        self.error(Fault::Useless, format_args!("ended with {status}"))
    }

    fn error(&self, fault: Fault, what: impl std::fmt::Display) -> BackendError {
        BackendError {
            backend: self.backend,
            fault,
            what: format!("`{}` {what}", self.command),
        }
    }
}

/// Which limit a run did not keep.
#[derive(Debug, thiserror::Error)]
enum TooSlow {
    #[error("did not end within {} ms and was killed; see `timeout`", .0.as_millis())]
    For(Duration),
    #[error("did not end while somebody waited for it, and was killed")]
    ToWaitFor,
}

#[cfg(test)]
mod tests;
