use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use registry_auth_core::config::Node;
use registry_auth_core::problem::Place;
use registry_auth_core::scope::Scope;
use registry_auth_core::service::Service;
use rustix::process::{getpid, set_child_subreaper};
use serde_json::json;

use super::*;

/// Opens a section as `open` does, with what was found wrong with it.
fn opened<T>(
    section: &serde_json::Value,
    open: impl FnOnce(Section, Sources<'_>, &mut Problems) -> Option<T>,
) -> (Option<T>, Problems) {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_value(section.clone()).unwrap();
    let section = Section::open(node, Place::root().key("ext"), &mut problems).unwrap();
    let environment = |name: &str| (name == "PATH").then(|| Secret::new("/usr/local/bin:/usr/bin:/bin".to_owned()));
    let sources = Sources {
        environment: &environment,
        files: Some(&|_| Err("there is none".to_owned())),
    };
    (open(section, sources, &mut problems), problems)
}

#[track_caller]
fn authenticator(section: &serde_json::Value) -> ProgramAuthenticator {
    let (opened, problems) = opened(section, ProgramAuthenticator::open);
    opened.unwrap_or_else(|| panic!("{problems}"))
}

/// `sh -c SCRIPT sh ARGS`.
fn shell(script: &str, args: &[&str]) -> serde_json::Value {
    let args = [&["-c", script, "sh"], args].concat();
    json!({"command": "sh", "args": args})
}

fn far() -> Instant {
    Instant::now().checked_add(Duration::from_mins(1)).unwrap()
}

async fn login(backend: &ProgramAuthenticator, account: &str, password: &[u8]) -> Result<Outcome, String> {
    login_until(backend, account, password, far()).await
}

async fn login_until(
    backend: &ProgramAuthenticator,
    account: &str,
    password: &[u8],
    deadline: Instant,
) -> Result<Outcome, String> {
    let login = Login {
        account: &Account::parse(account).unwrap(),
        password: &Secret::new(password.to_vec()),
        service: &Service::parse("registry").unwrap(),
        address: [192, 0, 2, 7].into(),
    };
    let answer = backend.authenticate(login, deadline).await;
    answer.map_err(|error| error.to_string())
}

async fn script_says(script: &str) -> Result<Outcome, String> {
    login(&authenticator(&shell(script, &[])), "ada", b"secret").await
}

async fn access(script: &str, labels: &[(&str, Vec<String>)]) -> Result<Ruling, String> {
    let (backend, problems) = opened(&shell(script, &[]), ProgramAuthorizer::open);
    let backend = backend.unwrap_or_else(|| panic!("{problems}"));
    let labels = labels.iter().map(|(name, values)| ((*name).to_owned(), values.clone()));
    let access = Access {
        identity: &Identity {
            account: Account::parse("ada").unwrap(),
            labels: Labels::new(labels.collect(), LabelsArePatterns::None),
        },
        service: &Service::parse("registry").unwrap(),
        address: [192, 0, 2, 7].into(),
        scope: &Scope::parse("repository:team/app:push,pull").unwrap(),
    };
    let ruling = backend.authorize(access, far()).await;
    ruling.map_err(|error| error.to_string())
}

/// Waits until it holds.
async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("it should have come to hold");
}

async fn lines(path: &Path, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(path).unwrap_or_default();
    until(|| async { read().lines().count() >= count && read().ends_with('\n') }).await;
    read().lines().map(str::to_owned).collect()
}

/// Waits until there is no such process, dead and unburied ones included.
async fn gone(pid: &str) {
    until(|| async { !Path::new("/proc").join(pid).exists() }).await;
}

/// Makes orphans ours, as they are those of the first process in a container.
fn become_first_process() {
    set_child_subreaper(Some(getpid())).unwrap();
}

fn labelled(values: &[(&str, &[&str])], are: LabelsArePatterns) -> Outcome {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let values: BTreeMap<String, Vec<String>> = values.iter().map(|(k, v)| ((*k).to_owned(), texts(v))).collect();
    Outcome::Accept(Identity {
        account: Account::parse("ada").unwrap(),
        labels: Labels::new(values, are),
    })
}

#[tokio::test]
async fn a_script_as_docker_auth_runs_it_works_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("auth.sh");
    let text = r#"#!/bin/sh
read -r user password
case "$user" in
  ada) [ "$password" = "two  words" ] && exit 0; exit 1 ;;
  *) exit 2 ;;
esac
"#;
    fs::write(&script, text).unwrap();
    let backend = authenticator(&json!({"command": "sh", "args": [script]}));
    let (right, wrong) = (b"two  words", b"two words");
    let accepted = labelled(&[], LabelsArePatterns::None);
    assert_eq!(login(&backend, "ada", right).await, Ok(accepted));
    assert_eq!(
        login(&backend, "ada", wrong).await,
        Ok(Outcome::Deny(Denial::default()))
    );
    assert_eq!(login(&backend, "bob", right).await, Ok(Outcome::NoMatch));
}

#[tokio::test]
async fn the_question_is_user_space_password_without_a_newline_and_a_lone_space_for_nobody() {
    let expects = |text: &str| authenticator(&shell(r#"[ "$(cat; echo .)" = "$1." ]"#, &[text]));
    let is_accepted = |answer| matches!(answer, Ok(Outcome::Accept(_)));
    assert!(is_accepted(login(&expects("ada a b "), "ada", b"a b ").await));
    assert!(is_accepted(login(&expects("ada "), "ada", b"").await));
    assert!(is_accepted(login(&expects(" "), "", b"").await));
    let bytes = authenticator(&shell(r#"[ "$(od -An -tx1 | tr -d ' ')" = 61646120ff00 ]"#, &[]));
    assert!(is_accepted(login(&bytes, "ada", b"\xff\0").await));
}

#[tokio::test]
async fn a_name_that_cannot_be_told_from_its_password_is_denied_unless_the_question_is_json() {
    let mut section = shell("exit 0", &[]);
    let plain = authenticator(&section);
    for (account, password) in [("a b", ""), ("a\u{a0}b", "x"), (" ", ""), ("", "ada secret")] {
        assert_eq!(
            login(&plain, account, password.as_bytes()).await,
            Ok(Outcome::Deny(Denial::default())),
            "{account:?}"
        );
    }
    let json = r#"{"Account":"a b","Password":"c d","Service":"registry","IP":"192.0.2.7"}"#;
    section = shell(r#"[ "$(cat; echo .)" = "$1." ]"#, &[json]);
    section["format"] = "json".into();
    let json = authenticator(&section);
    assert!(matches!(login(&json, "a b", b"c d").await, Ok(Outcome::Accept(_))));
    assert_eq!(login(&json, "ada", b"\xff").await, Ok(Outcome::Deny(Denial::default())));
}

#[tokio::test]
async fn a_program_runs_under_its_own_name_where_we_are_with_what_we_have() {
    let here = std::env::current_dir().unwrap();
    let script = r#"[ "$(pwd -P)" = "$1" ] && [ -n "$CARGO_MANIFEST_DIR" ] && [ "$(tr '\0' '\n' </proc/$$/cmdline | head -n1)" = sh ]"#;
    let backend = authenticator(&shell(script, &[here.canonicalize().unwrap().to_str().unwrap()]));
    assert!(matches!(login(&backend, "ada", b"").await, Ok(Outcome::Accept(_))));
}

#[tokio::test]
async fn the_exit_status_is_the_answer_and_beyond_two_an_error() {
    assert!(matches!(script_says("exit 0").await, Ok(Outcome::Accept(_))));
    assert_eq!(
        script_says("echo nonsense; exit 1").await,
        Ok(Outcome::Deny(Denial::default()))
    );
    assert_eq!(script_says("echo nonsense; exit 2").await, Ok(Outcome::NoMatch));
    assert_eq!(
        script_says("exit 3").await.unwrap_err(),
        "ext_auth: `sh` ended with exit status: 3"
    );
    assert_eq!(
        script_says("kill -9 $$").await.unwrap_err(),
        "ext_auth: `sh` ended with signal: 9 (SIGKILL)"
    );
    assert!(script_says("kill -TERM $$").await.unwrap_err().contains("signal: 15"));
}

#[tokio::test]
async fn labels_are_read_from_stdout_and_are_data_unless_the_operator_says_otherwise() {
    let script = r#"echo '{"labels": {"teams": ["a", "*"]}, "note": 1}'"#;
    let values: &[(&str, &[&str])] = &[("teams", &["a", "*"])];
    assert_eq!(script_says(script).await, Ok(labelled(values, LabelsArePatterns::None)));
    let mut section = shell(script, &[]);
    section["labels_are_patterns"] = "glob".into();
    let globs = login(&authenticator(&section), "ada", b"").await;
    assert_eq!(globs, Ok(labelled(values, LabelsArePatterns::Glob)));
    for nonsense in ["welcome", "[]", "", r#"{"labels": 1}"#] {
        let error = script_says(&format!("echo '{nonsense}'")).await.unwrap_err();
        assert!(error.starts_with("ext_auth: `sh` wrote an answer "), "{error}");
    }
}

#[tokio::test]
async fn too_long_an_answer_is_an_error_and_never_blocks_the_program() {
    let flood = "yes | head -c 1000000";
    let error = script_says(flood).await.unwrap_err();
    assert!(error.ends_with("an answer of more than 65536 bytes"), "{error}");
    let denied = script_says(&format!("{flood}; {flood} >&2; cat >/dev/null; exit 1")).await;
    assert_eq!(denied, Ok(Outcome::Deny(Denial::default())));
}

#[tokio::test]
async fn a_program_need_not_read_what_it_is_asked() {
    let labels = [("teams", vec!["x".repeat(1000); 1000])];
    let granted = Ok(Ruling::Grant(["pull", "push"].into_iter().collect()));
    assert_eq!(access("exit 0", &labels).await, granted);
    assert_eq!(access("exec <&-; exit 0", &labels).await, granted);
    assert_eq!(access("[ $(wc -c) -gt 1000000 ]", &labels).await, granted);
}

#[tokio::test]
async fn an_authorizer_grants_all_or_nothing_whatever_it_writes() {
    let question = r#"{"Account":"ada","Type":"repository","Name":"team/app","Service":"registry","IP":"192.0.2.7","Actions":["pull","push"],"Labels":null}"#;
    let script = format!(r#"[ "$(cat; echo .)" = '{question}.' ] || exit 1; echo nonsense"#);
    assert_eq!(
        access(&script, &[]).await,
        Ok(Ruling::Grant(["pull", "push"].into_iter().collect()))
    );
    assert_eq!(access("exit 1", &[]).await, Ok(Ruling::Grant(Actions::none())));
    assert_eq!(
        access("exit 2", &[]).await.unwrap_err(),
        "ext_authz: `sh` ended with exit status: 2"
    );
}

/// Starts somebody who holds stdout open, and writes down both.
const HANGS: &str = "sleep 600 & echo $$ $! >\"$1\"; ";

fn hanging(script: &str, at: &Path) -> ProgramAuthenticator {
    authenticator(&shell(&format!("{HANGS}{script}"), &[at.to_str().unwrap()]))
}

#[tokio::test]
async fn at_the_limit_the_whole_group_is_killed_and_buried() {
    become_first_process();
    let folder = tempfile::tempdir().unwrap();
    for (script, name) in [("wait", "waits"), ("exit 0", "has ended")] {
        let at = folder.path().join(name);
        let mut backend = hanging(script, &at);
        backend.program.limits.timeout = Duration::from_millis(500);
        assert_eq!(
            login(&backend, "ada", b"").await.unwrap_err(),
            "ext_auth: `sh` did not end within 500 ms and was killed; see `timeout`"
        );
        for pid in lines(&at, 1).await[0].split(' ') {
            gone(pid).await;
        }
    }
}

#[tokio::test]
async fn past_the_deadline_of_the_question_nobody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let backend = hanging("wait", &folder.path().join("pids"));
    let soon = Instant::now() + Duration::from_millis(200);
    assert_eq!(
        login_until(&backend, "ada", b"", soon).await.unwrap_err(),
        "ext_auth: `sh` did not end while somebody waited for it, and was killed"
    );
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_is_killed_and_makes_room() {
    become_first_process();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("pids");
    let mut backend = hanging("wait", &at);
    backend.program.limits.gate = super::super::gate::Gate::new(1);
    let backend = Arc::new(backend);
    let asking = tokio::spawn({
        let backend = Arc::clone(&backend);
        async move { login(&backend, "ada", b"").await }
    });
    let pids = lines(&at, 1).await;
    asking.abort();
    for pid in pids[0].split(' ') {
        gone(pid).await;
    }
    assert!(backend.program.limits.gate.turn(far()).await.is_ok());
}

#[tokio::test]
async fn what_runs_on_apart_from_the_streams_is_left_alone_and_buried_when_it_ends() {
    become_first_process();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("pid");
    let go = folder.path().join("go");
    let script = r#"(until [ -e "$2" ]; do sleep 0.01; done) >/dev/null 2>&1 </dev/null & echo $! >"$1"; exit 0"#;
    let backend = authenticator(&shell(script, &[at.to_str().unwrap(), go.to_str().unwrap()]));
    assert!(matches!(login(&backend, "ada", b"").await, Ok(Outcome::Accept(_))));
    let pid = lines(&at, 1).await.remove(0);
    assert!(Path::new("/proc").join(&pid).exists());
    fs::write(&go, "").unwrap();
    gone(&pid).await;
}

#[tokio::test]
async fn so_many_run_at_once_so_many_wait_and_the_next_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let (log, go) = (folder.path().join("log"), folder.path().join("go"));
    let script = r#"echo $$ >>"$1"; until [ -e "$2" ]; do sleep 0.01; done; exit 1"#;
    let mut section = shell(script, &[log.to_str().unwrap(), go.to_str().unwrap()]);
    section["parallel"] = 2.into();
    let backend = Arc::new(authenticator(&section));
    let asking: Vec<_> = (0..10)
        .map(|_| {
            let backend = Arc::clone(&backend);
            tokio::spawn(async move { login(&backend, "ada", b"").await })
        })
        .collect();
    assert_eq!(lines(&log, 2).await.len(), 2);
    assert_eq!(
        login(&backend, "ada", b"").await.unwrap_err(),
        "ext_auth: `sh` was not run: 2 run and 8 wait already; see `parallel`"
    );
    assert_eq!(lines(&log, 2).await.len(), 2);
    fs::write(&go, "").unwrap();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), Ok(Outcome::Deny(Denial::default())));
    }
    assert_eq!(lines(&log, 10).await.len(), 10);
}

#[tokio::test]
async fn many_runs_at_once_each_get_their_own_answer() {
    let backend = Arc::new(authenticator(&shell(r#"read -r u p; [ "$u" = "$p" ]"#, &[])));
    let asking: Vec<_> = (0..64)
        .map(|i| {
            let backend = Arc::clone(&backend);
            let password = if i % 2 == 0 {
                format!("user-{i}")
            } else {
                "other".to_owned()
            };
            tokio::spawn(async move { login(&backend, &format!("user-{i}"), password.as_bytes()).await })
        })
        .collect();
    for (i, asked) in asking.into_iter().enumerate() {
        let outcome = asked.await.unwrap().unwrap();
        assert_eq!(matches!(outcome, Outcome::Accept(_)), i % 2 == 0, "{i}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_program_that_is_gone_since_the_load_is_an_error() {
    let mut backend = authenticator(&shell("exit 0", &[]));
    backend.program.path = "/nowhere/sh".into();
    let error = login(&backend, "ada", b"").await.unwrap_err();
    assert_eq!(
        error,
        "ext_auth: `sh` could not be run: No such file or directory (os error 2)"
    );
}

#[test]
fn a_program_that_cannot_be_found_and_keys_that_are_unknown_are_refused_in_their_place() {
    let wrong = json!({"command": "no-such-program", "arg": [], "timeout": "1h", "parallel": 0, "format": "xml",
        "labels_are_patterns": "yes"});
    let (backend, problems) = opened(&wrong, ProgramAuthenticator::open);
    assert!(backend.is_none());
    insta::assert_snapshot!(problems, @r"
    ext.timeout: must be from 1s to 300s
    ext.parallel: must be from 1 to 1024
    ext.command: no folder of `PATH` has a program `no-such-program`; write where it is
    ext.format: must be one of `docker_auth`, `json`, not `xml`
    ext.labels_are_patterns: must be one of `none`, `glob`, `regex`, not `yes`
    ext.arg: unknown key; did you mean `args`?
    ");
    let (_, problems) = opened(&json!({"format": "json", "timeout": "2s"}), ProgramAuthorizer::open);
    insta::assert_snapshot!(problems, @r"
    ext.command: is missing; name the program
    ext.format: unknown key; known here are `command`, `args`, `timeout`, `parallel`
    ");
}
