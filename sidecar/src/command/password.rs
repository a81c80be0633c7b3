//! How a command is told a password: typed without echo, or piped in.

use std::io::{self, IsTerminal, Read};

use registry_auth_core::authn::hash::MAX_PASSWORD_BYTES;
use registry_auth_core::secret::Secret;
use thiserror::Error;

/// Why there is no password. Never holds a word of one.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Standard input or the terminal cannot be read.
    #[error("cannot read the password: {0}")]
    Read(#[from] io::Error),
    /// Nothing was given.
    #[error("the password is empty; type one, or pipe it in")]
    Empty,
    /// More than [`MAX_PASSWORD_BYTES`].
    #[error(
        "the password is longer than {MAX_PASSWORD_BYTES} bytes, and nobody could sign in with it; choose a shorter one"
    )]
    TooLong,
    /// More than a line.
    #[error("standard input holds several lines, and a password is one; nobody could type a line break")]
    SeveralLines,
    /// Typed twice, and not alike.
    #[error("the two passwords are not the same; begin again")]
    NotTheSame,
}

/// How often somebody at a terminal is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// Once: whoever mistypes it is told so soon enough.
    Once,
    /// Twice, since nobody else would find the mistake.
    Twice,
}

/// The password: asked for at the terminal if standard input is one, otherwise all of standard input, without the line
/// break at its end.
pub(super) fn read(asking: Asking) -> Result<Secret<Vec<u8>>, PasswordError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return typed(asking, |prompt| rpassword::prompt_password(prompt));
    }
    piped(stdin.lock())
}

fn typed(asking: Asking, ask: impl Fn(&str) -> io::Result<String>) -> Result<Secret<Vec<u8>>, PasswordError> {
    let first = Secret::new(ask("Password: ")?.into_bytes());
    check(&first)?;
    if asking == Asking::Twice && Secret::new(ask("Again: ")?.into_bytes()) != first {
        return Err(PasswordError::NotTheSame);
    }
    Ok(first)
}

pub(super) fn piped(input: impl Read) -> Result<Secret<Vec<u8>>, PasswordError> {
    // Room for all of it from the start: a buffer that grows leaves copies behind. One byte and a line break more than
    // may be tell what is too long.
    let most = MAX_PASSWORD_BYTES.saturating_add(3);
    let mut password = Secret::new(Vec::with_capacity(most));
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    input.take(limit).read_to_end(password.expose_mut())?;
    let line = without_line_break(password.expose()).len();
    password.expose_mut().truncate(line);
    check(&password)?;
    if password.expose().contains(&b'\n') {
        return Err(PasswordError::SeveralLines);
    }
    Ok(password)
}

fn without_line_break(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn check(password: &Secret<Vec<u8>>) -> Result<(), PasswordError> {
    match password.expose().len() {
        0 => Err(PasswordError::Empty),
        1..=MAX_PASSWORD_BYTES => Ok(()),
        _ => Err(PasswordError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn what_is_piped_in_is_the_password_without_its_line_break() {
        for (input, password) in [
            ("ada-secret", "ada-secret"),
            ("ada-secret\n", "ada-secret"),
            ("ada-secret\r\n", "ada-secret"),
            (" ada secret \n", " ada secret "),
            ("pä\0ss", "pä\0ss"),
        ] {
            assert_eq!(piped(input.as_bytes()).unwrap().expose(), password.as_bytes());
        }
        let longest = "x".repeat(MAX_PASSWORD_BYTES);
        assert_eq!(piped(format!("{longest}\r\n").as_bytes()).unwrap().expose().len(), 1024);
        assert_eq!(piped(&[0xff, 0xfe][..]).unwrap().expose(), &[0xff, 0xfe]);
    }

    #[test]
    fn what_is_no_password_is_told_without_a_word_of_it() {
        let told = |input: &str| piped(input.as_bytes()).unwrap_err().to_string();
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        insta::assert_snapshot!(
            [
                told(""),
                told("\n"),
                told("a\nb\n"),
                told(&long),
                told(&"y\n".repeat(10_000))
            ]
            .join("\n")
        );
    }

    #[test]
    fn at_a_terminal_it_is_asked_for_as_often_as_is_needed() {
        let asked = RefCell::new(Vec::new());
        let answering = |answers: [&'static str; 2]| {
            asked.borrow_mut().clear();
            let asked = &asked;
            move |prompt: &str| {
                asked.borrow_mut().push(prompt.to_owned());
                Ok(answers[asked.borrow().len() - 1].to_owned())
            }
        };
        let twice = typed(Asking::Twice, answering(["ada-secret", "ada-secret"]));
        assert_eq!(twice.unwrap().expose(), b"ada-secret");
        assert_eq!(*asked.borrow(), ["Password: ", "Again: "]);
        let mistyped = typed(Asking::Twice, answering(["ada-secret", "ada-secre"]));
        assert!(matches!(mistyped, Err(PasswordError::NotTheSame)));
        assert!(typed(Asking::Once, answering(["ada-secret", "other"])).is_ok());
        assert_eq!(asked.borrow().len(), 1);
        let empty = typed(Asking::Twice, answering(["", ""]));
        assert!(matches!(empty, Err(PasswordError::Empty)));
        assert_eq!(asked.borrow().len(), 1, "an empty one is not asked for again");
    }
}
