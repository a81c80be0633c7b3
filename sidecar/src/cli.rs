//! The command line: which commands and flags there are, docker_auth's among them.

mod glog;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::command::about;
use crate::command::acl::AclCommand;
use crate::command::check::Check;
use crate::command::diff::Diff;
use crate::command::doctor::Doctor;
use crate::command::explain::Explain;
use crate::command::hash_password::HashPassword;
use crate::command::keygen::Keygen;
use crate::command::render::Render;
use crate::command::token::Token;
use crate::command::users::Users;
use crate::command::who::Who;
use crate::listen::{Address, Listen};
use crate::logging::{Format, Logging};

/// What the command line asks for.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// What of the command line counts for nothing, to be told once there is a log.
    pub warnings: Vec<String>,
}

#[derive(Debug, Parser)]
#[command(
    name = "registry-auth",
    version,
    about = "Says who may pull and push what: a token server for container registries, by itself or beside Envoy",
    after_help = "Without a command it is `serve`, and takes docker_auth's flags.\n\n\
        Examples:\n  \
        registry-auth serve auth_config.yml\n  \
        registry-auth -v=2 -logtostderr /config/auth_config.yml"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What the program does.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Answers token requests, and the filter's questions, by a docker_auth configuration
    #[command(after_help = "Examples:\n  \
        registry-auth serve auth_config.yml\n  \
        registry-auth serve --listen none --log-format json auth_config.yml users.yml")]
    Serve(Serve),
    /// Says whether a running `registry-auth serve` can answer: exit code 0 ready, 1 not ready, 2 nobody to ask
    #[command(after_help = "Examples:\n  \
        registry-auth health auth_config.yml\n  \
        registry-auth health --admin 127.0.0.1:9001")]
    Health(Health),
    /// Says whether a configuration is right, and what of it is hardly meant: exit code 0 right, 1 wrong, 2 not to be read
    #[command(after_help = "Examples:\n  \
        registry-auth check auth_config.yml\n  \
        registry-auth check --registry /etc/docker/registry/config.yml --deny-warnings auth_config.yml")]
    Check(Check),
    /// Says why an account may or may not do something, rule by rule: exit code 0 all granted, 1 not all, 2 could not tell
    #[command(after_help = crate::command::explain::AFTER_HELP)]
    Explain(Explain),
    /// Says which accounts could get something, from where and by which rules: exit code 0 some, 1 nobody, 2 could not tell
    #[command(after_help = crate::command::who::AFTER_HELP)]
    Who(Who),
    /// Says what a change of a configuration grants and takes away: exit code 0 nothing more is granted, 1 something is, 2
    /// could not tell
    #[command(after_help = crate::command::diff::AFTER_HELP)]
    Diff(Diff),
    /// Writes what a proxy needs to serve a configuration: all its files, each with how to start it
    #[command(after_help = "Examples:\n  \
        registry-auth render auth_config.yml --for envoy-managed --registry 127.0.0.1:5000 > managed.yaml\n  \
        registry-auth render auth_config.yml --for envoy --registry registry:5000 -o envoy")]
    Render(Box<Render>),
    /// Lists and changes the accounts of a database: `xorm_auth`, `mongo_auth`
    Users(Users),
    /// Lists and changes the rules of a database: `acl_xorm`, `acl_mongo`
    Acl(AclCommand),
    /// Makes the hash of a password, as `users` of a configuration takes it
    HashPassword(HashPassword),
    /// Makes a key that signs tokens, its certificate and key set, and says what to tell the registry
    Keygen(Keygen),
    /// Mints a token for a test, decided by the rules of a configuration; or says what a token is good for
    Token(Token),
    /// Goes the way of a client to a registry, and says at the first thing that is off what it is
    Doctor(Doctor),
    /// Prints name and version of the program
    Version(about::Version),
    /// Prints what has a shell complete the command line
    Completions(about::Completions),
    /// Prints the man page of the program, or of one of its commands
    Man(about::Man),
}

/// `registry-auth serve`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    /// Where token requests are answered, in place of `server.addr`: `host:port`, `:port`, `unix:/path`, or `none`
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    listen: Option<Listen>,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: Format,
    /// How much is logged: 0 changes and failures, 1 each request, 2 and up each step of it; secrets never
    #[arg(short = 'v', long = "v", value_name = "N", default_value_t)]
    verbosity: u8,
    /// The configuration: docker_auth's YAML. Of several files the sections are merged, and the rules appended
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// `registry-auth health`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whom to ask, in place of `admin.listen` of the configuration: `host:port` or `unix:/path`
    #[arg(long, value_name = "ADDR", value_parser = Address::parse)]
    pub admin: Option<Address>,
    /// The configuration of the one to ask
    #[arg(value_name = "FILE", required_unless_present = "admin")]
    pub files: Vec<PathBuf>,
}

impl Serve {
    /// What it says of the token endpoint's listener.
    #[must_use]
    pub fn listen(&self) -> Listen {
        self.listen.clone().unwrap_or_default()
    }

    /// What is logged, and how.
    #[must_use]
    pub fn logging(&self) -> Logging {
        Logging {
            format: self.log_format,
            verbosity: self.verbosity,
        }
    }
}

/// The whole command line, for those who describe it.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Reads the arguments that follow the program's name.
///
/// # Errors
/// clap's, which prints itself and ends the process by `exit`: with 0 for `--help` and `--version`, else with 2.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let mut command = Cli::command();
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let normal = glog::normalise(arguments, &names);
    let with_name = std::iter::once(OsString::from("registry-auth")).chain(normal.arguments);
    let matches = command.try_get_matches_from_mut(with_name)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok(Invocation {
        command: cli.command,
        warnings: normal.warnings,
    })
}

/// Reads the address of `--listen`, or `none`.
pub(crate) fn listen(text: &str) -> Result<Listen, crate::listen::address::ParseError> {
    match text {
        "none" => Ok(Listen::Nowhere),
        address => Address::parse(address).map(Listen::At),
    }
}

#[cfg(test)]
mod tests;
