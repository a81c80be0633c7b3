//! What is typed at a terminal, where a password must not be seen.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use registry_auth_core::authn::hash::Hash;
use rustix::termios::{LocalModes, tcgetattr};

use crate::process::wait;

/// The program at a terminal of its own, which `script` (util-linux) makes.
struct Terminal {
    child: Child,
    seen: String,
}

impl Terminal {
    fn run(arguments: &str) -> Self {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_registry-auth"));
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        let child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Self {
            child,
            seen: String::new(),
        }
    }

    /// Reads until `text` stands there.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let mut byte = [0];
        while !self.seen.ends_with(text) {
            let read = self.child.stdout.as_mut().unwrap().read(&mut byte).unwrap();
            assert_eq!(read, 1, "it ended before `{text}`: {}", self.seen);
            self.seen.push(char::from(byte[0]));
        }
    }

    /// Waits until what is typed is not shown: the prompt is there a moment earlier.
    fn wait_for_silence(&self) {
        let id = self.child.id();
        wait("a terminal without echo", || {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
            let child = children.split_whitespace().next()?;
            let terminal = fs::File::open(format!("/proc/{child}/fd/0")).ok()?;
            let modes = tcgetattr(terminal).ok()?.local_modes;
            (!modes.contains(LocalModes::ECHO)).then_some(())
        });
    }

    fn type_line(&mut self, line: &str) {
        self.wait_for_silence();
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    /// How it ended, and all that stood on the terminal.
    fn end(mut self) -> (Option<i32>, String) {
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut self.seen)
            .unwrap();
        (self.child.wait().unwrap().code(), self.seen)
    }
}

#[test]
fn a_password_is_asked_for_twice_and_never_shown() {
    let mut terminal = Terminal::run("hash-password --cost 4");
    for prompt in ["Password: ", "Again: "] {
        terminal.wait_for(prompt);
        terminal.type_line("ada-secret");
    }
    let (code, seen) = terminal.end();
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains("secret"), "{seen}");
    let hash = seen.lines().map(str::trim).find(|line| line.starts_with("$2b$04$"));
    let hash = Hash::parse(hash.unwrap_or_else(|| panic!("no hash: {seen}"))).unwrap();
    assert_eq!(hash.fits(b"ada-secret"), Ok(true));
}

#[test]
fn a_password_that_is_mistyped_is_told_and_not_hashed() {
    let mut terminal = Terminal::run("hash-password --cost 4");
    for (prompt, typed) in [("Password: ", "ada-secret"), ("Again: ", "ada-secert")] {
        terminal.wait_for(prompt);
        terminal.type_line(typed);
    }
    let (code, seen) = terminal.end();
    assert_eq!(code, Some(2), "{seen}");
    assert!(
        seen.contains("the two passwords are not the same; begin again"),
        "{seen}"
    );
    assert!(!seen.contains("ada-se") && !seen.contains("$2b$"), "{seen}");
}
