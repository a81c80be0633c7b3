//! `registry-auth version`, `completions` and `man`: what the program says of itself.

use std::io;

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man as Page;
use serde_json::json;
use thiserror::Error;

use super::{Exit, answer};

/// `registry-auth version`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "With `--json`: {\"name\", \"version\"}.\n\n\
    Examples:\n  \
    registry-auth version\n  \
    registry-auth version --json")]
pub struct Version {
    /// Prints one object for programs
    #[arg(long)]
    json: bool,
}

/// `registry-auth completions`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "Examples:\n  \
    registry-auth completions bash > /etc/bash_completion.d/registry-auth\n  \
    registry-auth completions fish > ~/.config/fish/completions/registry-auth.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: For,
}

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
}

/// `registry-auth man`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "Examples:\n  \
    registry-auth man > /usr/local/share/man/man1/registry-auth.1\n  \
    registry-auth man serve | man -l -")]
pub struct Man {
    /// The page of a command; without it that of the program, which lists them
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Why nothing was said.
#[derive(Debug, Error)]
pub enum AboutError {
    /// No such command.
    #[error("there is no command `{asked}`; there are {there}")]
    NoCommand {
        /// What was asked for.
        asked: String,
        /// All that there are.
        there: String,
    },
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Write(#[from] io::Error),
}

/// Prints name and version.
///
/// # Errors
/// When the answer cannot be written.
pub fn version(asked: &Version) -> Result<Exit, AboutError> {
    let (name, version) = ("registry-auth", env!("CARGO_PKG_VERSION"));
    if asked.json {
        answer(&format!("{}\n", json!({"name": name, "version": version})))?;
    } else {
        answer(&format!("{name} {version}\n"))?;
    }
    Ok(Exit::Yes)
}

/// Prints what has a shell complete the command line that `program` describes.
///
/// # Errors
/// When the answer cannot be written.
pub fn completions(asked: &Completions, program: clap::Command) -> Result<Exit, AboutError> {
    answer(&script(asked.shell, program))?;
    Ok(Exit::Yes)
}

/// Prints a man page of `program`.
///
/// # Errors
/// See [`AboutError`].
pub fn man(asked: &Man, program: clap::Command) -> Result<Exit, AboutError> {
    answer(&page(asked.command.as_deref(), program)?)?;
    Ok(Exit::Yes)
}

fn script(shell: For, mut program: clap::Command) -> String {
    let shell = match shell {
        For::Bash => Shell::Bash,
        For::Zsh => Shell::Zsh,
        For::Fish => Shell::Fish,
    };
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn page(command: Option<&str>, mut program: clap::Command) -> Result<String, AboutError> {
    // Gives each command its whole name.
    program.build();
    let described = match command {
        None => &program,
        Some(asked) => program.find_subcommand(asked).ok_or_else(|| AboutError::NoCommand {
            asked: asked.to_owned(),
            there: names(&program),
        })?,
    };
    let mut page = Vec::new();
    let source = concat!("registry-auth ", env!("CARGO_PKG_VERSION"));
    Page::new(described.clone()).source(source).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn names(program: &clap::Command) -> String {
    let names = program
        .get_subcommands()
        .map(|command| format!("`{}`", command.get_name()));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::cli;

    #[test]
    fn each_shells_script_names_every_command_and_flag() {
        for shell in [For::Bash, For::Zsh, For::Fish] {
            let script = script(shell, cli::command());
            for word in ["serve", "health", "hash-password", "keygen", "log-format"] {
                assert!(script.contains(word), "{shell:?}: {word}");
            }
        }
        assert!(script(For::Zsh, cli::command()).starts_with("#compdef registry-auth\n"));
        assert!(script(For::Fish, cli::command()).contains("complete -c registry-auth"));
    }

    #[test]
    fn bash_takes_its_script_and_completes_by_it() {
        let script = script(For::Bash, cli::command());
        let bash = |script: &str, arguments: &[&str]| {
            let mut bash = Command::new("bash");
            let mut bash = bash
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            let ended = bash.wait_with_output().unwrap();
            assert!(ended.status.success());
            String::from_utf8(ended.stdout).unwrap()
        };
        bash(&script, &["-n"]);
        let asking = r#"
            COMP_WORDS=(registry-auth keyg); COMP_CWORD=1
            _registry__auth registry-auth keyg registry-auth
            echo "${COMPREPLY[@]}""#;
        assert_eq!(bash(&(script + asking), &["--norc"]), "keygen\n");
    }

    #[test]
    fn a_man_page_says_what_a_command_is_for_and_how_it_is_typed() {
        let whole = page(None, cli::command()).unwrap();
        assert!(whole.contains(".TH registry-auth 1"), "{whole}");
        for part in [".SH NAME", ".SH SYNOPSIS", ".SH SUBCOMMANDS", "docker_auth"] {
            assert!(whole.contains(part), "{part}");
        }
        let of_health = page(Some("health"), cli::command()).unwrap();
        insta::assert_snapshot!(of_health.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
        let unknown = page(Some("sing"), cli::command()).unwrap_err().to_string();
        assert!(
            unknown.starts_with("there is no command `sing`; there are `serve`, `health`, "),
            "{unknown}"
        );
    }
}
