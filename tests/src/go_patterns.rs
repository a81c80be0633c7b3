//! What Go itself makes of a pattern: the program in `parts/go_patterns`, kept running.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::parts;

/// The running program; it ends with this value.
pub struct GoPatterns {
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

/// What Go says of one text: nothing if there is no match, else the leftmost match's groups, number 0 first.
pub type Groups = Option<Vec<Option<String>>>;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: String,
    #[serde(default)]
    matches: Vec<bool>,
    #[serde(default)]
    captures: Vec<Groups>,
}

impl GoPatterns {
    /// Starts the program that `make setup` has built.
    #[track_caller]
    pub fn start() -> Self {
        let program = parts::go_patterns();
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}; run make setup", program.display()));
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self {
            child,
            pipes: RefCell::new((stdin, stdout)),
        }
    }

    /// What Go's `regexp` finds in each text, or why it refuses the expression.
    #[track_caller]
    pub fn regexp<T: AsRef<str>>(&self, pattern: &str, texts: &[T]) -> Result<Vec<Groups>, String> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let answer = self.ask(&json!({ "regexp": pattern, "texts": texts }))?;
        assert_eq!(answer.captures.len(), texts.len(), "one answer for each text");
        Ok(answer.captures)
    }

    /// Which of the texts Go's `path.Match` matches, or why it refuses the glob.
    #[track_caller]
    pub fn glob<T: AsRef<str>>(&self, pattern: &str, texts: &[T]) -> Result<Vec<bool>, String> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let answer = self.ask(&json!({ "glob": pattern, "texts": texts }))?;
        assert_eq!(answer.matches.len(), texts.len(), "one answer for each text");
        Ok(answer.matches)
    }

    #[track_caller]
    fn ask(&self, question: &Value) -> Result<Answer, String> {
        let (stdin, stdout) = &mut *self.pipes.borrow_mut();
        let mut line = format!("{question}\n");
        stdin.write_all(line.as_bytes()).expect("go-patterns takes a question");
        line.clear();
        stdout.read_line(&mut line).expect("go-patterns answers");
        let answer: Answer =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("answer `{line}` to {question}: {error}"));
        if answer.error.is_empty() {
            Ok(answer)
        } else {
            Err(answer.error)
        }
    }
}

impl Drop for GoPatterns {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to be done about a failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
