//! An operator with a configuration in a folder, who types commands there.

use std::fs;
use std::process::Command;

use registry_auth_tests::parts;
use registry_auth_tests::process::{Ran, run_with_input};

use crate::*;

/// The configuration, as each command names it.
pub const FILE: &str = "auth_config.yml";

/// The folder.
pub struct Operator(TempDir);

impl Operator {
    #[track_caller]
    pub fn with(config: &Value) -> Self {
        let operator = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        operator.write(FILE, &config.to_string());
        operator
    }

    #[track_caller]
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("a file can be written");
    }

    /// Runs `registry-auth` with these words, and this as standard input.
    #[track_caller]
    pub fn run(&self, words: &[&str], input: &str) -> Ran {
        let mut command = Command::new(parts::program());
        command.args(words).current_dir(self.0.path());
        run_with_input(&command, input, SOON)
    }

    /// The answer of one that succeeds.
    #[track_caller]
    pub fn answer(&self, words: &[&str], input: &str) -> String {
        self.run(words, input).ok().stdout
    }

    /// The answer of `registry-auth users`, its first word here, about [`FILE`].
    #[track_caller]
    pub fn users(&self, what: &[&str], input: &str) -> String {
        let (first, rest) = what.split_first().expect("a command");
        let words = [&["users", *first, FILE][..], rest].concat();
        self.answer(&words, input)
    }

    #[track_caller]
    pub fn fails(&self, words: &[&str], input: &str, code: i32, told: &str) {
        let ran = self.run(words, input);
        let ended = ran.status.and_then(|status| status.code());
        assert_eq!(ended, Some(code), "{words:?}: {}", ran.report());
        assert!(ran.output().contains(told), "no `{told}` in {}", ran.report());
    }
}
