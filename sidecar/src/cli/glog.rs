//! docker_auth's command line, as its container images and unit files have it: glog's flags with one dash or two,
//! and no command.

use std::ffi::OsString;

/// The command that there is without one.
const DEFAULT: &str = "serve";

/// Flags that are true or false, and always true here: the log goes to standard error.
const TO_STDERR: [&str; 2] = ["logtostderr", "alsologtostderr"];

/// Flags that count for nothing here.
const IGNORED: [&str; 5] = [
    "stderrthreshold",
    "log_dir",
    "logbufsecs",
    "vmodule",
    "log_backtrace_at",
];

/// Flags of ours whose value may be the next argument, so that it is not taken for a command.
const WITH_VALUE: [&str; 4] = ["v", "listen", "log-format", "admin"];

/// What is said without a command and is none of `serve`'s.
const OF_NO_COMMAND: [&str; 5] = ["help", "-h", "--help", "-V", "--version"];

/// The arguments in this program's own form.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Normal {
    /// The command first.
    pub(super) arguments: Vec<OsString>,
    /// What was passed over.
    pub(super) warnings: Vec<String>,
}

/// Turns what docker_auth takes into what clap takes. `commands` are the names of those there are.
pub(super) fn normalise(arguments: impl IntoIterator<Item = OsString>, commands: &[String]) -> Normal {
    let mut normal = Normal::default();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            normal.arguments.push(argument);
            normal.arguments.extend(rest);
            break;
        }
        let Some((name, value)) = flag(&argument) else {
            normal.arguments.push(argument);
            continue;
        };
        if TO_STDERR.contains(&name) {
            if value.is_some_and(is_false) {
                let warning =
                    format!("`-{name}=false` has no effect: the log goes to standard error, and nowhere else");
                normal.warnings.push(warning);
            }
        } else if IGNORED.contains(&name) {
            let warning = format!("`-{name}` has no effect: the log goes to standard error, and nowhere else");
            normal.warnings.push(warning);
            if value.is_none() {
                rest.next();
            }
        } else {
            normal.arguments.push(argument);
        }
    }
    put_command_first(&mut normal.arguments, commands);
    normal
}

/// Name and value of a flag with one dash or two.
fn flag(argument: &OsString) -> Option<(&str, Option<&str>)> {
    let text = argument.to_str()?;
    let text = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    Some(match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    })
}

/// As Go reads truth values.
fn is_false(value: &str) -> bool {
    matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False")
}

/// The first argument that is no flag is the command if it is called so; a file of that name is written `./serve`.
fn put_command_first(arguments: &mut Vec<OsString>, commands: &[String]) {
    if arguments
        .first()
        .is_some_and(|first| OF_NO_COMMAND.iter().any(|word| first == word))
    {
        return;
    }
    let mut is_value = false;
    let first = arguments.iter().position(|argument| {
        let is_flag = flag(argument);
        let is_plain = !is_value && is_flag.is_none();
        is_value = !is_value && is_flag.is_some_and(|(name, value)| value.is_none() && WITH_VALUE.contains(&name));
        is_plain
    });
    let command = first.filter(|at| {
        let argument = arguments.get(*at);
        argument.is_some_and(|argument| commands.iter().any(|command| argument == command.as_str()))
    });
    let command = match command {
        Some(at) => arguments.remove(at),
        None => OsString::from(DEFAULT),
    };
    arguments.insert(0, command);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(line: &str) -> (String, Vec<String>) {
        let arguments = line.split_whitespace().map(OsString::from);
        let normal = normalise(arguments, &["serve".to_owned(), "health".to_owned()]);
        let words: Vec<String> = normal
            .arguments
            .iter()
            .map(|word| word.to_str().unwrap().to_owned())
            .collect();
        (words.join(" "), normal.warnings)
    }

    #[test]
    fn docker_auths_command_line_is_serve() {
        for (line, becomes) in [
            ("/config/auth_config.yml", "serve /config/auth_config.yml"),
            ("-v=2 -logtostderr auth.yml", "serve -v=2 auth.yml"),
            ("--v=2 --alsologtostderr=true auth.yml", "serve --v=2 auth.yml"),
            ("-v 2 auth.yml", "serve -v 2 auth.yml"),
            ("-v 2 serve auth.yml", "serve -v 2 auth.yml"),
            ("serve auth.yml", "serve auth.yml"),
            ("health auth.yml", "health auth.yml"),
            ("--listen none ./serve", "serve --listen none ./serve"),
            ("--listen serve auth.yml", "serve --listen serve auth.yml"),
            ("", "serve"),
            ("--help", "--help"),
            ("help health", "help health"),
            ("--version", "--version"),
            ("-- -logtostderr", "serve -- -logtostderr"),
        ] {
            assert_eq!(normal(line), (becomes.to_owned(), Vec::new()), "{line}");
        }
    }

    #[test]
    fn flags_for_log_files_are_passed_over_and_named() {
        let (words, warnings) = normal("-log_dir /tmp --stderrthreshold=INFO -vmodule a=2 -logtostderr=false auth.yml");
        assert_eq!(words, "serve auth.yml");
        insta::assert_snapshot!(warnings.join("\n"));
    }

    proptest! {
        #[test]
        fn no_arguments_make_it_panic_and_a_command_comes_first(words in proptest::collection::vec("[-a-z=_./]{0,12}", 0..6)) {
            let normal = normalise(words.iter().map(OsString::from), &["serve".to_owned()]);
            prop_assert!(!normal.arguments.is_empty());
        }
    }
}
